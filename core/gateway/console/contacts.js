// Everybody: found as one types, filtered by status and channel, page after page.
import { mayWrite, post, session } from "./api.js";
import { act, channelTitle, fill, h, nameOf, say } from "./dom.js";

const pause = 120;
const pageLimit = 50;

export async function show(place) {
  const found = h("div");
  const summary = h("p", { class: "soft", role: "status" });
  const more = h("div", { class: "row" });
  const search = h("input", { type: "search", placeholder: "Name, phone or email", "aria-label": "Search contacts", autocomplete: "off" });
  const status = h("select", { "aria-label": "Status" }, [["", "Any status"], ["on", "On: every channel blocked"], ["partial", "Partial"], ["off", "Off: nothing blocked"]].map(([value, text]) => h("option", { value }, text)));
  const channel = h("select", { "aria-label": "Channel" }, h("option", { value: "" }, "Any channel"),
    ["Email", "SMS", "Call", "WhatsApp", "FB", "GMB"].map((name) => h("option", { value: name }, `${channelTitle(name)} blocked`)));
  const tenant = session.tenants.length > 1
    ? h("select", { "aria-label": "Tenant" }, session.tenants.map((name) => h("option", { value: name }, name))) : null;
  let turn = 0;
  let shown = [];

  async function look(after) {
    const mine = ++turn;
    const filters = [];
    if (status.value) filters.push({ field: "dndStatus", operator: "eq", value: status.value });
    if (channel.value) filters.push({ field: `dndSettings.${channel.value}.status`, operator: "eq", value: ["active", "permanent"] });
    const page = await post("contacts/search", {
      locationId: tenant?.value ?? session.tenants[0], query: search.value.trim(), filters, pageLimit, searchAfter: after ?? undefined,
      sort: [{ field: "dateAdded", direction: "desc" }],
    });
    if (mine !== turn) return;
    shown = after ? [...shown, ...page.contacts] : page.contacts;
    summary.textContent = shown.length === 0 ? "Nobody is found." : `${page.totalIsExact === false ? "more than " : ""}${page.total} ${page.total === 1 ? "contact" : "contacts"}`;
    fill(found, shown.length ? h("table", {},
      h("thead", {}, h("tr", {}, ["Name", "Phone", "Email", "Do not disturb"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, shown.map(row))) : null);
    fill(more, page.contacts.length === pageLimit ? h("button", { onclick: () => look(page.searchAfter) }, "Show more") : null);
  }

  let waiting;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(() => look().catch(failed), pause); };
  const failed = (error) => { summary.textContent = error.message; };
  search.addEventListener("input", soon);
  for (const one of [status, channel, tenant]) one?.addEventListener("change", soon);

  fill(place, h("h1", {}, "Contacts"),
    h("div", { class: "row" }, search, status, channel, tenant,
      h("a", { class: "button", href: `v1/exports/contacts?format=csv${tenant ? `&tenant=${encodeURIComponent(tenant.value)}` : ""}`, download: "contacts.csv" }, "Export")),
    summary, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Contacts found" }, found), more,
    mayWrite() ? create(() => tenant?.value ?? session.tenants[0]) : null);
  await look();
}

function row(contact) {
  const blocked = Object.entries(contact.dndSettings).filter(([, one]) => one.status !== "inactive").map(([name]) => channelTitle(name));
  const pill = { on: ["bad", "On"], off: ["good", "Off"], partial: ["warn", "Partial"] }[contact.dndStatus] ?? ["", contact.dndStatus];
  return h("tr", {}, h("td", {}, h("a", { href: `#/contact/${encodeURIComponent(contact.id)}` }, nameOf(contact))),
    h("td", { class: "narrow" }, contact.phone ?? ""), h("td", {}, contact.email ?? ""),
    h("td", {}, h("span", { class: `pill ${pill[0]}` }, pill[1]), " ", contact.dndStatus === "partial" ? h("span", { class: "soft" }, blocked.join(", ")) : null));
}

function create(tenant) {
  const wrong = h("div");
  const field = (name, text, type = "text") => h("label", {}, text, h("input", { name, type }));
  return h("details", { class: "card" }, h("summary", {}, "New contact"), h("form", {
    class: "row",
    onsubmit: act(wrong, async (event) => {
      const body = { locationId: tenant(), ...Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value)) };
      const { contact } = await post("contacts/", body);
      say("The contact is there.");
      location.hash = `#/contact/${encodeURIComponent(contact.id)}`;
    }),
  }, field("firstName", "First name"), field("lastName", "Last name"), field("phone", "Phone", "tel"), field("email", "Email", "email"),
  h("button", { class: "main" }, "Create")), wrong);
}

