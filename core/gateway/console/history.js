// Ledger entries as a time line, with what proves each.
import { channelTitle, facts, h, reasonTitle, said, time, whoTitle } from "./dom.js";

const words = {
  begin: "Blocked", end: "Lifted", opt_in: "Opted in, nothing to lift", same: "Said again", evidence: "Evidence recorded", evidence_approved: "Evidence approved",
  evidence_rejected: "Evidence rejected", approve: "Evidence approved", reject: "Evidence rejected", erase: "Erased", merge: "Merged", confirmation: "Confirmation sent",
  review: "Looked at by a person", release: "Steps of a release", release_restarted: "The release begins anew",
};

/** The newest first. `evidence` gives the files to what proves an entry. */
export function timeLine(entries, evidence = []) {
  if (!entries.length) return h("p", { class: "soft" }, "Nothing has happened yet.");
  return h("ol", { class: "line" }, [...entries].reverse().map((entry) => item(entry, evidence)));
}

function item(entry, evidence) {
  const what = [...new Set((entry.reasons ?? []).map((one) => `${channelTitle(one.blocks)} (${reasonTitle(one.kind).toLowerCase()})`))].join(", ");
  const proof = evidence.find((one) => one.id === entry.more?.evidence);
  return h("li", { class: entry.change.replace(/_.*/, ""), id: `entry-${entry.seq}` },
    h("strong", {}, words[entry.change] ?? entry.change.replaceAll("_", " ")), " ", what || (entry.more?.channel ? channelTitle(entry.more.channel) : ""),
    h("div", { class: "soft small" }, time(entry.at), " · by ", said(whoTitle(entry.actor)), entry.more?.why ? [" · ", said(entry.more.why)] : ""),
    proof ? h("div", { class: "small" }, "“", said(proof.text), "” · ", said(proof.source), file(proof)) : null,
    h("details", {}, h("summary", { class: "small" }, `Entry ${entry.seq}`), facts([...source(entry.source), ["Provider’s time", entry.eventAt && time(entry.eventAt)],
      ["Before", channels(entry.before)], ["After", channels(entry.after)], ["Message", (entry.reasons ?? []).map((one) => one.message).filter(Boolean).map(said)],
      ["Address", (entry.subjects ?? []).map((one) => one.address).filter(Boolean).map(said)], ...more(entry.more), ["Erased", entry.erased ? "the personal part is gone; the chain holds" : ""],
      ["Hash", h("code", {}, entry.hash)]].filter(([, value]) => !Array.isArray(value) || value.length))));
}

/** The file of a piece of evidence, to download. */
export const file = (proof) => proof.file ? [" · ", h("a", { href: `v1/evidence/${encodeURIComponent(proof.id)}/file`, download: proof.file.name }, said(proof.file.name))] : null;

const channels = (names) => names?.length ? names.map(channelTitle).join(", ") : "nothing blocked";

/** `webhook:twilio event SM… request 01… rule keyword "stop" (any)` in its parts. */
export function source(text) {
  const parts = /^(\S+)(?: event (\S+))?(?: request (\S+))?(?: rule (.*))?$/.exec(text ?? "");
  if (!parts) return [["Source", said(text)]];
  return [["Source", said(parts[1].replace(/^webhook:/, "webhook of "))], ["Event", parts[2] && h("code", {}, said(parts[2]))], ["Request", parts[3] && h("code", {}, said(parts[3]))], ["Rule", parts[4] && said(parts[4])]];
}

/** What else an entry keeps. */
function more(value) {
  if (!value || typeof value !== "object") return [];
  return Object.entries(value).filter(([name, one]) => name !== "why" && one !== null && one !== "").map(([name, one]) =>
    [name.replace(/([A-Z])/g, " $1").toLowerCase(), typeof one === "object" ? h("pre", { tabindex: "0" }, JSON.stringify(one, null, 1)) : said(one)]);
}
