// Everybody: found as one types, filtered by status and channel, page after page.
import { isOperator, mayWrite, post, session } from "./api.js";
import { act, channelTitle, contactLink, dialog, fill, h, said, say, statusPill } from "./dom.js";

const pause = 120;
const pageLimit = 50;
const channelNames = ["Email", "SMS", "Call", "WhatsApp", "FB", "GMB"];

export async function show(place) {
  const asked = new URLSearchParams(location.hash.split("?")[1] ?? "");
  const found = h("div");
  const summary = h("p", { class: "soft", role: "status" });
  const more = h("div", { class: "row" });
  const search = h("input", { type: "search", placeholder: "Name, phone or email", "aria-label": "Search contacts", autocomplete: "off", value: asked.get("query") ?? "" });
  const choice = (name, label, options) => h("select", { "aria-label": label }, options.map(([value, text]) => h("option", { value, selected: asked.get(name) === value }, text)));
  const status = choice("status", "Status", [["", "Any status"], ["on", "On: every channel blocked"], ["partial", "Partial"], ["off", "Off: nothing blocked"]]);
  const channel = choice("channel", "Channel", [["", "Any channel"], ...channelNames.map((name) => [name, `${channelTitle(name)} blocked`])]);
  const tenant = session.tenants.length > 1 ? choice("tenant", "Tenant", session.tenants.map((name) => [name, name])) : null;
  const tenantName = () => tenant?.value ?? session.tenants[0];
  let turn = 0;
  let shown = [];

  async function look(after) {
    const mine = ++turn;
    const filters = [];
    if (status.value) filters.push({ field: "dndStatus", operator: "eq", value: status.value });
    if (channel.value) filters.push({ field: `dndSettings.${channel.value}.status`, operator: "eq", value: ["active", "permanent"] });
    const page = await post("contacts/search", {
      locationId: tenantName(), query: search.value.trim(), filters, pageLimit, searchAfter: after ?? undefined,
      sort: [{ field: "dateAdded", direction: "desc" }],
    });
    // What was asked before and comes later is not shown.
    if (mine !== turn) return;
    remember();
    shown = after ? [...shown, ...page.contacts] : page.contacts;
    const isAsked = search.value.trim() || status.value || channel.value;
    summary.textContent = shown.length === 0 ? "" : `${page.totalIsExact === false ? "more than " : ""}${page.total.toLocaleString()} ${page.total === 1 ? "contact" : "contacts"}`;
    fill(found, shown.length ? table(shown) : h("div", { class: "empty", role: "status" }, isAsked ? "Nobody is found." : "There are no contacts yet: make one, or import a file."));
    fill(more, page.contacts.length === pageLimit ? h("button", { onclick: () => look(page.searchAfter).catch(failed) }, "Show more") : null);
  }

  /** So that whoever comes back finds what was asked. */
  function remember() {
    const now = new URLSearchParams();
    for (const [name, field] of [["query", search], ["status", status], ["channel", channel], ["tenant", tenant]]) if (field?.value && field !== tenant || field === tenant && tenant) now.set(name, field.value);
    if (location.hash.startsWith("#/contacts") || location.hash === "") history.replaceState(null, "", `#/contacts${now.size ? `?${now}` : ""}`);
  }

  let waiting;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(() => look().catch(failed), pause); };
  const failed = (error) => { summary.textContent = error.message; };
  search.addEventListener("input", soon);
  for (const one of [status, channel, tenant]) one?.addEventListener("change", soon);
  // Down goes from the search into what it found, up and down from one to the next.
  place.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const links = [...found.querySelectorAll("a")];
    const at = links.indexOf(event.target);
    if (!step || (event.target !== search && at < 0)) return;
    event.preventDefault();
    (links[at + step] ?? (step < 0 ? search : links.at(-1)))?.focus();
  });

  fill(place, h("div", { class: "row middle spread" }, h("h1", {}, "Contacts"), h("div", { class: "row" },
    mayWrite() ? h("button", { class: "main", onclick: () => create(tenantName()) }, "New contact") : null,
    isOperator() ? [h("a", { class: "button", href: "#/import" }, "Import"), h("button", { onclick: () => exports(tenantName()) }, "Export …")] : null)),
  h("div", { class: "row" }, search, status, channel, tenant), summary,
  h("section", { class: "card", "aria-label": "Contacts found" }, found), more);
  await look();
  return () => clearTimeout(waiting);
}

function table(contacts) {
  return h("table", { class: "stack" },
    h("thead", {}, h("tr", {}, ["Name", "Phone", "Email", "Do not disturb"].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, contacts.map((contact) => {
      const blocked = Object.entries(contact.dndSettings).filter(([, one]) => one.status !== "inactive").map(([name]) => channelTitle(name));
      return h("tr", {}, h("td", {}, contactLink(contact)), h("td", { class: "narrow" }, said(contact.phone)), h("td", {}, said(contact.email)),
        h("td", {}, statusPill(contact.dndStatus), " ", contact.dndStatus === "partial" ? h("span", { class: "soft small" }, blocked.join(", ")) : null));
    })));
}

function create(tenant) {
  dialog("New contact", (close) => {
    const wrong = h("div");
    const field = (name, text, type = "text") => h("label", {}, text, h("input", { name, type, autocomplete: "off" }));
    return h("form", {
      onsubmit: act(wrong, async (event) => {
        const body = { locationId: tenant, ...Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value)) };
        const { contact } = await post("contacts/", body);
        close();
        say("The contact is there.");
        location.hash = `#/contact/${encodeURIComponent(contact.id)}`;
      }),
    }, h("div", { class: "row" }, field("firstName", "First name"), field("lastName", "Last name")), h("div", { class: "row" }, field("phone", "Phone", "tel"), field("email", "Email", "email")),
    h("div", { class: "row" }, h("button", { class: "main" }, "Create"), h("button", { type: "button", onclick: close }, "Cancel")), wrong);
  });
}

function exports(tenant) {
  dialog("Export", () => {
    const link = (what, query, text, note) => h("li", {}, h("a", { href: `v1/exports/${what}?tenant=${encodeURIComponent(tenant)}${query}`, download: "" }, text), h("span", { class: "soft small" }, ` ${note}`));
    return [h("p", { class: "soft" }, `Of the tenant ${tenant}, as it stands now.`), h("ul", {},
      link("contacts", "&format=csv", "Contacts, CSV", "with their DND states"), link("contacts", "&format=ndjson", "Contacts, NDJSON", "with every reason"),
      link("mailgun", "", "Suppressions for Mailgun", "as Mailgun takes them"), link("sendgrid", "", "Suppressions for SendGrid", "as SendGrid takes them"), link("twilio", "", "Opt-outs for Twilio", "as Twilio takes them"))];
  });
}
