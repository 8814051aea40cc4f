// What other policies would have made of recorded traffic (replay) and make of live traffic (shadow).
import { get, post } from "./api.js";
import { channelTitle, facts, h, said, time } from "./dom.js";

const since = "7d";
const listed = 50;

/** A replay of the last days by changed files: counts and a list. */
export async function differences({ files, tenant }) {
  const report = await post("v1/policies/replay", { since, files, limit: listed, ...(tenant ? { tenant } : {}) });
  return h("section", { class: "card", "aria-label": "What would have changed" }, h("h2", {}, "What would have changed"),
    h("p", {}, report.judged === 0 ? "Nothing was recorded in the last seven days that this could be judged by." : [h("strong", {}, report.different === 0 ? "None" : report.different.toLocaleString()), ` of ${report.judged.toLocaleString()} recorded sends, replies and codes of the last seven days would have come out otherwise.`]),
    report.complete === false ? h("p", { class: "warn" }, "It took too long: the oldest part alone was judged.") : null,
    notes(report.counts), told(report));
}

/** The shadow policies, if there are any. */
export async function shadow() {
  const state = await get(`v1/policies/shadow?limit=${listed}`).catch(() => null);
  if (!state) return null;
  return h("section", { class: "card", "aria-labelledby": "shadow" }, h("h2", { id: "shadow" }, "Shadow policies"),
    state.configured ? [facts([["Folder", h("code", {}, state.dir)], ["State", state.loaded ? h("span", { class: "pill good" }, "judging") : h("span", { class: "pill bad" }, "not loaded")], ["Since", state.since && time(state.since)],
      ["Judged", state.judged?.toLocaleString()], ["Otherwise", state.different?.toLocaleString()]]),
    state.error ? h("p", { class: "problem" }, said(state.error)) : null, told(state)]
      : h("p", { class: "soft" }, "None. A second folder, named in ", h("code", {}, "[policies] shadow = \"DIR\""), ", judges live traffic beside the policies in force and changes nothing; here stands what it would have done otherwise."));
}

function notes(counts = {}) {
  const all = [];
  if (counts.sends?.keptBack) all.push(`${counts.sends.keptBack.toLocaleString()} sends were kept back by Do-Not-Disturb: no rule is asked about these.`);
  if (counts.messages?.withoutText) all.push(`${counts.messages.withoutText.toLocaleString()} replies were recorded without their words ([record] bodies), and cannot be judged anew.`);
  return all.map((text) => h("p", { class: "soft small" }, text));
}

const kinds = { send: "send", message: "reply", code: "code", unsubscribe: "unsubscribe" };

function told({ changes = [], differences: list = [] }) {
  if (!changes.length) return null;
  return [h("h3", {}, "How many"), h("table", {}, h("thead", {}, h("tr", {}, ["What", "Now", "Would be"].map((text) => h("th", { scope: "col" }, text)), h("th", { scope: "col", class: "number" }, "Count"))),
    h("tbody", {}, changes.map((one) => h("tr", {}, h("td", {}, kinds[one.kind] ?? one.kind), h("td", {}, one.from), h("td", {}, one.to), h("td", { class: "number" }, one.count.toLocaleString()))))),
  list.length ? h("details", {}, h("summary", {}, `The newest ${list.length}`), h("table", { class: "stack" }, h("thead", {}, h("tr", {}, ["When", "What", "Now", "Would be"].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, list.map((one) => h("tr", {}, h("td", { class: "narrow" }, time(one.at)), h("td", {}, `${channelTitle(one.channel)} ${kinds[one.kind] ?? one.kind} `, one.texts ? ["“", said(one.texts.join(" ")), "” "] : "", h("code", {}, said(one.id ?? ""))),
      h("td", {}, one.from, one.fromRule ? h("div", { class: "soft small" }, said(one.fromRule)) : ""), h("td", {}, one.to, one.toRule ? h("div", { class: "soft small" }, said(one.toRule)) : "")))))) : null];
}
