// One contact: who it is, what it does not want, why, what may be done about it, and how it came to that.
import { get, isOperator, mayWrite, post, postForm, put, remove } from "./api.js";
import { act, channelTitle, fill, h, nameOf, problem, reasonTitle, say, time } from "./dom.js";

const order = ["Email", "SMS", "Call", "WhatsApp", "FB", "GMB"];

export async function show(place, [id]) {
  const path = `contacts/${encodeURIComponent(id)}`;
  const [{ contact }, { channels }, { entries }] = await Promise.all([
    get(path), get("v1/channels"), get(`v1/contacts/${encodeURIComponent(id)}/history`),
  ]);
  const again = () => show(place, [id]);
  const listed = channels.map((one) => one.channel);
  const evidence = isOperator() ? (await get(`v1/contacts/${encodeURIComponent(id)}/evidence`)).evidence : [];
  fill(place, h("p", {}, h("a", { href: "#/contacts" }, "← Contacts")), h("h1", {}, nameOf(contact)),
    h("div", { class: "grid" },
      h("div", {}, details(contact), erase(contact)),
      h("div", {}, panel(contact, listed, evidence, path, again), locked(contact, again), proofs(evidence, again),
        h("section", { class: "card", "aria-labelledby": "history" }, h("h2", { id: "history" }, "History"), history(entries)))));
}

function details(contact) {
  const known = [["Name", nameOf(contact)], ["Phone", [contact.phone, ...contact.additionalPhones].filter(Boolean).join(", ")],
    ["Email", [contact.email, ...contact.additionalEmails].filter(Boolean).join(", ")], ["Company", contact.companyName],
    ["Tags", (contact.tags ?? []).join(", ")], ["Tenant", contact.locationId], ["Since", time(contact.dateAdded)], ["Id", contact.id]];
  const other = contact.addresses.filter((one) => !["phone", "email"].includes(one.kind)).map((one) => [one.kind, one.value]);
  const blocked = contact.addresses.filter((one) => one.blocked.length);
  return h("section", { class: "card", "aria-labelledby": "details" }, h("h2", { id: "details" }, "Details"),
    h("dl", {}, [...known, ...other].filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    blocked.length ? [h("h3", {}, "Blocked addresses"), h("ul", {}, blocked.map((one) => h("li", {}, `${one.value}: ${one.blocked.map(channelTitle).join(", ")}`)))] : null);
}

/** The panel that CRM users know: one tick for all channels, one for each channel, one for what comes in. */
function panel(contact, listed, evidence, path, again) {
  const wrong = h("div");
  const all = h("input", { type: "checkbox", id: "dnd-all", checked: contact.dnd === true, disabled: !mayWrite() });
  const inbound = contact.inboundDndSettings.all;
  const inboundTick = h("input", { type: "checkbox", id: "dnd-inbound", checked: inbound.status !== "inactive", disabled: !mayWrite() });
  const rows = order.filter((name) => listed.includes(name) || contact.dndSettings[name].status !== "inactive").map((name) => {
    const state = contact.dndSettings[name];
    // Approved evidence opens a locked row; whether it is enough the gateway says when it is saved.
    const isProven = evidence.some((one) => one.channel === name && one.status === "approved");
    const isLocked = state.removable === false && !isProven;
    const tick = h("input", { type: "checkbox", id: `dnd-${name}`, checked: state.status !== "inactive", disabled: !mayWrite() || isLocked, "aria-describedby": `why-${name}` });
    return { name, tick, state, row: h("tr", {},
      h("td", {}, h("label", { class: "tick", for: tick.id }, tick, channelTitle(name))),
      h("td", {}, pill(state)),
      h("td", { id: `why-${name}` }, why(state), listed.includes(name) ? null : h("p", { class: "why" }, "Not integrated at the moment; it is enforced all the same."))) };
  });
  const save = act(wrong, async () => {
    const body = {};
    if (all.checked !== (contact.dnd === true)) body.dnd = all.checked;
    const settings = {};
    for (const { name, tick, state } of rows) {
      if (!tick.disabled && tick.checked !== (state.status !== "inactive")) settings[name] = { status: tick.checked ? "active" : "inactive" };
    }
    if (Object.keys(settings).length) body.dndSettings = settings;
    if (inboundTick.checked !== (inbound.status !== "inactive")) body.inboundDndSettings = { all: { status: inboundTick.checked ? "active" : "inactive" } };
    if (!Object.keys(body).length) return say("Nothing was changed.");
    const { contact: now } = await put(path, body);
    say(now.stillBlocked ? `Saved. Some channels stay blocked: ${now.stillBlocked.map((one) => channelTitle(one.blocks)).join(", ")}.` : "Saved.");
    await again();
  });
  return h("section", { class: "card", "aria-labelledby": "dnd" }, h("h2", { id: "dnd" }, "Do not disturb ", statusPill(contact.dndStatus)),
    h("form", { onsubmit: save },
      h("label", { class: "tick", for: "dnd-all" }, all, h("strong", {}, "All channels")),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Channels" }, h("table", { class: "dnd" },
        h("thead", {}, h("tr", {}, ["Channel", "State", "Why, since when, and what lifts it"].map((text) => h("th", { scope: "col" }, text)))),
        h("tbody", {}, rows.map((one) => one.row)))),
      h("label", { class: "tick", for: "dnd-inbound" }, inboundTick, "Inbound calls and SMS"),
      inbound.status !== "inactive" ? why(inbound) : null,
      mayWrite() ? h("p", {}, h("button", { class: "main" }, "Save")) : null, wrong));
}

function statusPill(status) {
  const [look, text] = { on: ["bad", "On"], off: ["good", "Off"], partial: ["warn", "Partial"] }[status] ?? ["", status];
  return h("span", { class: `pill ${look}` }, text);
}

function pill(state) {
  if (state.status === "inactive") return h("span", { class: "pill good" }, "Off");
  if (state.status === "permanent") return h("span", { class: "pill bad" }, "Permanent");
  return h("span", { class: "pill warn" }, state.reason === "carrier" ? "Temporary" : "On");
}

function why(state) {
  if (state.status === "inactive") return null;
  return [state.reasons.map((one) => h("p", { class: "why" }, h("strong", {}, reasonTitle(one.kind)), one.code ? ` (${one.code})` : "",
    one.message ? `: ${one.message}` : "", " · ", time(one.since), one.expires ? [" until ", time(one.expires)] : "", " · ", one.source)),
  h("p", { class: "why" }, state.address ? `It concerns ${state.address.value}. ` : "", `What lifts it: ${state.how}.`)];
}

/** What may be done about a row that is locked. */
function locked(contact, again) {
  if (!isOperator()) return null;
  const reasons = order.flatMap((name) => (contact.dndSettings[name].reasons ?? []).map((one) => ({ name, ...one })));
  const complaint = reasons.some((one) => one.kind === "complaint");
  const others = [...new Set(reasons.filter((one) => !one.removable && one.kind !== "complaint").map((one) => one.name))];
  return [others.length ? optIn(contact, others, again) : null, complaint ? release(contact, again) : null];
}

function optIn(contact, channels, again) {
  const wrong = h("div");
  const today = new Date().toISOString().slice(0, 10);
  return h("section", { class: "card", "aria-labelledby": "opt-in" }, h("h2", { id: "opt-in" }, "Record opt-in evidence"),
    h("p", { class: "soft" }, "The person may reply START, or you record how they agreed to be contacted again. Then the row can be switched off."),
    h("form", {
      onsubmit: act(wrong, async (event) => {
        await postForm(`v1/contacts/${encodeURIComponent(contact.id)}/evidence`, new FormData(event.target));
        say("The evidence is recorded.");
        await again();
      }),
    },
    h("div", { class: "row" },
      h("label", {}, "Channel", h("select", { name: "channel" }, channels.map((name) => h("option", { value: name }, channelTitle(name))))),
      h("label", {}, "Where from", h("input", { name: "source", required: true, placeholder: "Web form, call, letter" })),
      h("label", {}, "Given on", h("input", { name: "obtainedAt", type: "date", required: true, value: today, max: today }))),
    h("label", {}, "What the person agreed to", h("textarea", { name: "text", rows: "2", required: true })),
    h("div", { class: "row" }, h("label", {}, "File (optional)", h("input", { name: "file", type: "file" })), h("button", { class: "main" }, "Record")), wrong));
}

function release(contact, again) {
  const steps = h("div", { role: "status" });
  const reason = h("input", { placeholder: "Why the address is good and the person wants mail" });
  const run = (more) => act(steps, async () => {
    const body = { ...more };
    if (reason.value.trim()) body.confirmation = { reason: reason.value.trim() };
    try {
      const answer = await post(`v1/contacts/${encodeURIComponent(contact.id)}/email-release`, body);
      if (answer.contact) {
        say("The complaint is released.");
        return await again();
      }
      fill(steps, checkList(answer.releases), h("p", { class: "good" }, "Nothing is missing. "), h("button", { class: "main", onclick: run({ end: true }) }, "Release the complaint"));
    } catch (error) {
      if (!error.body?.releases) throw error;
      fill(steps, checkList(error.body.releases), problem(error));
    }
  });
  return h("section", { class: "card", "aria-labelledby": "release" }, h("h2", { id: "release" }, "Release after a spam complaint"),
    h("p", { class: "soft" }, "The address must be off the provider’s suppression lists and valid. Each step is checked live and kept on record."),
    h("label", {}, "Your word for the address (only where no provider validates it)", reason),
    h("p", { class: "row" }, h("button", { onclick: run({}) }, "Check the steps"), h("button", { onclick: run({ remove: true }) }, "Take it off the provider’s lists")), steps);
}

function checkList(releases) {
  const sign = (done) => done ? h("span", { class: "good" }, "✓ ") : h("span", { class: "bad" }, "✗ ");
  return releases.map((one) => [h("h3", {}, one.address), h("ul", {},
    h("li", {}, sign(one.gone), "gone from the provider’s lists"),
    h("li", {}, sign(one.validation || one.confirmation), "the address is valid"),
    (one.missing ?? []).map((step) => h("li", { class: "soft" }, `still missing: ${typeof step === "string" ? step : JSON.stringify(step)}`)))]);
}

function proofs(evidence, again) {
  if (!evidence.length) return null;
  const wrong = h("div");
  const decide = (id, what) => act(wrong, async () => {
    await post(`v1/evidence/${encodeURIComponent(id)}/${what}`, {});
    await again();
  });
  return h("section", { class: "card", "aria-labelledby": "proofs" }, h("h2", { id: "proofs" }, "Evidence"), h("ul", {}, evidence.map((one) => h("li", {},
    h("strong", {}, channelTitle(one.channel)), ` · ${one.text} · ${one.source} · `, time(one.obtainedAt), ` · ${one.status ?? ""} `,
    one.file ? h("a", { href: `v1/evidence/${encodeURIComponent(one.id)}/file` }, one.file.name ?? "file") : null,
    one.status === "pending" ? h("span", { class: "row" }, h("button", { onclick: decide(one.id, "approve") }, "Approve"), h("button", { onclick: decide(one.id, "reject") }, "Reject")) : null))), wrong);
}

function history(entries) {
  if (!entries.length) return h("p", { class: "soft" }, "Nothing has happened yet.");
  const words = { begin: "Blocked", end: "Lifted", opt_in: "Opted in (nothing to lift)", evidence: "Evidence", erase: "Erased", confirmation: "Confirmation sent", review: "Looked at by a person" };
  return h("ol", { class: "line" }, [...entries].reverse().map((entry) => h("li", { class: entry.change },
    h("strong", {}, words[entry.change] ?? entry.change), " ",
    [...new Set((entry.reasons ?? []).map((one) => `${channelTitle(one.blocks)} (${reasonTitle(one.kind)})`))].join(", "), " · ", time(entry.at), h("br"),
    h("span", { class: "soft" }, `by ${entry.actor} · ${entry.source}`),
    h("details", {}, h("summary", {}, `Entry ${entry.seq}`), h("pre", { tabindex: "0" }, JSON.stringify(entry, null, 2))))));
}

function erase(contact) {
  if (!mayWrite()) return null;
  const wrong = h("div");
  return h("details", { class: "card" }, h("summary", {}, "Erase for privacy"),
    h("p", {}, "The record goes for good. Its opt-outs stay in force under a keyed hash."),
    h("button", { onclick: act(wrong, async () => {
      await remove(`contacts/${encodeURIComponent(contact.id)}`);
      say("Erased.");
      location.hash = "#/contacts";
    }) }, "Erase this contact"), wrong);
}
