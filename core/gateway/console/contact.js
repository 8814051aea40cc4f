// One contact: who it is, what it does not want, and how it came to that.
import { get, isOperator, mayWrite, put, remove } from "./api.js";
import { act, dialog, facts, fill, h, nameOf, said, say, statusPill, time } from "./dom.js";
import { panel } from "./dnd.js";
import { timeLine } from "./history.js";
import { proofs } from "./lift.js";

export async function show(place, [id]) {
  const own = `v1/contacts/${encodeURIComponent(id)}`;
  const [{ contact }, { channels }, { entries }, filed] = await Promise.all([
    get(`contacts/${encodeURIComponent(id)}`), get("v1/channels"), get(`${own}/history`), isOperator() ? get(`${own}/evidence`) : { evidence: [] },
  ]);
  const page = { contact, entries, evidence: filed.evidence, listed: channels.map((one) => one.channel), again: () => show(place, [id]) };
  document.title = `${nameOf(contact)} – dndgate`;
  fill(place, h("p", {}, h("a", { href: "#/contacts" }, "← Contacts")),
    h("h1", {}, said(nameOf(contact)), " ", statusPill(contact.dndStatus)),
    h("div", { class: "grid" },
      h("div", {}, details(page), proofs(page)),
      h("div", {}, panel(page),
        h("section", { class: "card", "aria-labelledby": "history" }, h("h2", { id: "history" }, "History"), timeLine(entries, page.evidence)))));
}

function details(page) {
  const { contact } = page;
  const lines = (values) => values.filter(Boolean).map((one) => h("div", {}, said(one)));
  const other = contact.addresses.filter((one) => !["phone", "email"].includes(one.kind));
  // Of a contact's own opt-outs the panel tells; here stands what concerns an address alone.
  const aboutAddresses = Object.values(contact.dndSettings).filter((one) => one.address).map((one) => one.address.value);
  const marked = contact.addresses.filter((one) => aboutAddresses.includes(one.value));
  return h("section", { class: "card", "aria-labelledby": "details" },
    h("div", { class: "row middle spread" }, h("h2", { id: "details" }, "Details"), mayWrite() ? h("button", { onclick: () => edit(page) }, "Edit") : null),
    facts([["Name", said(nameOf(contact))], ["Phone", lines([contact.phone, ...contact.additionalPhones])], ["Email", lines([contact.email, ...contact.additionalEmails])],
      ...other.map((one) => [{ psid: "Messenger", gmb: "Google Business", wa: "WhatsApp" }[one.kind] ?? one.kind, said(one.value)]),
      ["Company", contact.companyName && said(contact.companyName)], ["Tags", (contact.tags ?? []).length ? contact.tags.map((tag) => [h("span", { class: "pill" }, said(tag)), " "]) : ""],
      ["Tenant", contact.locationId], ["Added", time(contact.dateAdded)], ["Changed", time(contact.dateUpdated)], ["Id", h("code", {}, contact.id)]]
      .filter(([, value]) => !Array.isArray(value) || value.length)),
    marked.length ? [h("h3", {}, "Blocked addresses"), h("p", { class: "small" }, marked.map((one) => h("div", {}, said(one.value))))] : null,
    mayWrite() ? h("p", {}, h("button", { class: "quiet danger", onclick: () => erase(contact) }, "Erase for privacy …")) : null);
}

const list = (text) => text.split(/[\n,;]/).map((one) => one.trim()).filter(Boolean);

function edit({ contact, again }) {
  dialog("Edit the contact", (close) => {
    const wrong = h("div");
    const field = (name, text, value, type = "text") => h("label", {}, text, h("input", { name, type, value: value ?? "" }));
    const several = (name, text, values) => h("label", {}, text, h("textarea", { name, rows: "2" }, values.join("\n")));
    return h("form", {
      onsubmit: act(wrong, async (event) => {
        const form = Object.fromEntries(new FormData(event.target));
        const [phone = null, ...additionalPhones] = list(form.phones);
        const [email = null, ...additionalEmails] = list(form.emails);
        await put(`contacts/${encodeURIComponent(contact.id)}`, {
          firstName: form.firstName, lastName: form.lastName, companyName: form.companyName, tags: list(form.tags), phone, additionalPhones, email, additionalEmails,
          ...(contact.name ? { name: [form.firstName, form.lastName].filter(Boolean).join(" ") } : {}),
        });
        close();
        say("Saved.");
        await again();
      }),
    },
    h("div", { class: "row" }, field("firstName", "First name", contact.firstName ?? contact.name), field("lastName", "Last name", contact.lastName)),
    several("phones", "Phone numbers, the main one first, one a line", [contact.phone, ...contact.additionalPhones].filter(Boolean)),
    several("emails", "Email addresses, the main one first, one a line", [contact.email, ...contact.additionalEmails].filter(Boolean)),
    field("companyName", "Company", contact.companyName), field("tags", "Tags, separated by commas", (contact.tags ?? []).join(", ")),
    h("p", { class: "soft small" }, "What blocks an address stays with it; what the person said holds for every address, new ones too."),
    h("div", { class: "row" }, h("button", { class: "main" }, "Save"), h("button", { type: "button", onclick: close }, "Cancel")), wrong);
  });
}

function erase(contact) {
  dialog("Erase for privacy", (close) => {
    const wrong = h("div");
    return [h("p", {}, "The record of ", said(nameOf(contact)), " goes for good. Its opt-outs stay in force under a keyed hash of its addresses, and nothing else stays."),
      h("div", { class: "row" }, h("button", { class: "danger", onclick: act(wrong, async () => {
        await remove(`contacts/${encodeURIComponent(contact.id)}`);
        close();
        say("Erased.");
        location.hash = "#/contacts";
      }) }, "Erase this contact"), h("button", { onclick: close }, "Cancel")), wrong];
  });
}
