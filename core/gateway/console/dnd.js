// The panel that CRM users know: one tick for all channels, one for each channel, one for what comes in.
import { isOperator, mayWrite, put } from "./api.js";
import { act, channelTitle, h, reasonTitle, said, say, statusPill, time, whoTitle } from "./dom.js";
import { optIn, release } from "./lift.js";

const order = ["Email", "SMS", "Call", "WhatsApp", "FB", "GMB"];

export function panel(page) {
  const { contact, listed } = page;
  const wrong = h("div");
  const inbound = contact.inboundDndSettings.all;
  const all = tick("dnd-all", contact.dnd === true, !mayWrite());
  const comes = tick("dnd-inbound", inbound.status !== "inactive", !mayWrite());
  const rows = order.filter((name) => listed.includes(name) || contact.dndSettings[name].status !== "inactive").map((name) => row(page, name));
  const note = h("input", { name: "note", maxlength: "500", placeholder: "Asked on the telephone" });
  const save = act(wrong, async () => {
    const body = wishes(contact, all, rows, comes, note.value.trim());
    if (!Object.keys(body).length) return say("Nothing was changed.");
    const { contact: now } = await put(`contacts/${encodeURIComponent(contact.id)}`, body);
    const still = [...new Set((now.stillBlocked ?? []).map((one) => channelTitle(one.blocks)))];
    say(still.length ? `Saved. Some channels stay blocked: ${still.join(", ")}.` : "Saved.");
    await page.again();
  });
  return h("section", { class: "card", "aria-labelledby": "dnd" },
    h("form", { onsubmit: save },
      h("div", { class: "all" }, h("h2", { id: "dnd" }, "Do not disturb "), statusPill(contact.dndStatus)),
      h("label", { class: "tick", for: "dnd-all" }, all, h("strong", {}, "All channels"), h("span", { class: "soft small" }, "those integrated later, too")),
      contact.dnd ? h("div", { class: "dnd" }, why(page, contact.dndSettings.SMS.reasons?.filter((one) => one.kind === "all") ?? [])) : null,
      h("table", { class: "dnd stack" },
        h("thead", {}, h("tr", {}, ["Channel", "State", "Why, since when, and what lifts it"].map((text) => h("th", { scope: "col" }, text)))),
        h("tbody", {}, rows.map((one) => one.row))),
      h("div", { class: "inbound dnd" }, h("label", { class: "tick", for: "dnd-inbound" }, comes, h("strong", {}, "Inbound calls and SMS"), h("span", { class: "soft small" }, "what the person sends does not reach the CRM; opt-out and opt-in words still count")),
        why(page, inbound.reasons ?? [])),
      mayWrite() ? h("div", { class: "save" }, h("label", {}, "Note for the record (optional)", note), h("button", { class: "main" }, "Save")) : null, wrong));
}

const tick = (id, checked, disabled, more = {}) => h("input", { type: "checkbox", id, checked, disabled, ...more });

/** What the ticks ask for, as the API takes it. */
function wishes(contact, all, rows, comes, note) {
  const wish = (on) => ({ status: on ? "active" : "inactive", ...(on && note ? { message: note } : {}) });
  const body = {};
  if (all.checked !== (contact.dnd === true)) body.dnd = all.checked;
  const changed = rows.filter(({ tick, state }) => !tick.disabled && tick.checked !== (state.status !== "inactive"));
  // Channels that are blocked only because all are: their ticks follow.
  const asked = changed.filter(({ tick, state }) => !("dnd" in body) || tick.checked || (state.reasons ?? []).some((one) => one.kind !== "all"));
  if (asked.length) body.dndSettings = Object.fromEntries(asked.map(({ name, tick }) => [name, wish(tick.checked)]));
  if (comes.checked !== (contact.inboundDndSettings.all.status !== "inactive")) body.inboundDndSettings = { all: wish(comes.checked) };
  return body;
}

function row(page, name) {
  const state = page.contact.dndSettings[name];
  const reasons = state.reasons ?? [];
  const filed = page.evidence.filter((one) => one.channel === name);
  // Approved evidence opens a locked row; whether it is enough the gateway says when it is saved.
  const isProven = filed.some((one) => one.status === "approved");
  const isLocked = state.removable === false && !isProven;
  const box = tick(`dnd-${name}`, state.status !== "inactive", !mayWrite() || isLocked, { "aria-describedby": `why-${name}` });
  return { name, tick: box, state, row: h("tr", {},
    h("td", {}, h("label", { class: "tick", for: box.id }, box, channelTitle(name))),
    h("td", {}, pill(state)),
    h("td", { id: `why-${name}` }, why(page, reasons),
      reasons.length ? h("p", { class: "why" }, state.address ? ["It concerns ", said(state.address.value), ". "] : "", isLocked ? h("span", { class: "lock" }, "Locked. ") : "", `What lifts it: ${state.how.replace(/ \((POST|GET|PUT) [^)]*\)/, "")}.`) : null,
      ways(page, name, reasons, filed, isProven),
      page.listed.includes(name) ? null : h("p", { class: "why" }, "Not integrated at the moment; it is enforced all the same."))) };
}

function pill(state) {
  if (state.status === "inactive") return h("span", { class: "pill good" }, "Off");
  if (state.status === "permanent") return h("span", { class: "pill bad" }, "Permanent");
  return h("span", { class: "pill warn" }, state.reason === "carrier" ? "Temporary" : "On");
}

/** Each reason in a sentence, with who or what set it: the entry of the ledger that began it says so. */
function why(page, reasons) {
  return reasons.map((one) => {
    const entry = page.entries.findLast((entry) => entry.change === "begin" && (entry.reasons ?? []).some((other) => other.kind === one.kind) && entry.source === one.source && !(entry.at < one.since))
      ?? page.entries.findLast((entry) => entry.change === "begin" && (entry.reasons ?? []).some((other) => other.kind === one.kind));
    return h("p", { class: "why" }, h("strong", {}, reasonTitle(one.kind)), one.code ? ` (${one.code})` : "", one.message ? [": ", said(one.message)] : "",
      h("br"), "since ", time(one.since), entry ? [" · by ", said(whoTitle(entry.actor)), " · "] : " · ",
      entry ? h("a", { href: `#entry-${entry.seq}`, onclick: (event) => {
        event.preventDefault();
        const place = document.getElementById(`entry-${entry.seq}`);
        place?.querySelector("details").setAttribute("open", "");
        place?.scrollIntoView({ block: "center" });
        place?.querySelector("summary").focus();
      } }, `entry ${entry.seq}`) : said(one.source));
  });
}

/** What may be done about a row that is locked. */
function ways(page, name, reasons, filed, isProven) {
  const locked = reasons.filter((one) => !one.removable);
  if (!locked.length) return null;
  if (!isOperator()) return h("p", { class: "why" }, "An operator can take the steps.");
  const waits = filed.some((one) => one.status === "pending");
  return h("div", { class: "ways" },
    locked.some((one) => one.kind !== "complaint") ? h("button", { type: "button", onclick: () => optIn(page, name) }, isProven ? "Record more evidence …" : "Record opt-in evidence …") : null,
    locked.some((one) => one.kind === "complaint") ? h("button", { type: "button", onclick: () => release(page) }, "Release the complaint …") : null,
    isProven ? h("p", { class: "why" }, "Evidence is recorded: take the tick out and save.") : waits ? h("p", { class: "why" }, "Evidence waits for a second person’s approval.") : null);
}
