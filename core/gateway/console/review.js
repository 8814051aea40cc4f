// Messages in doubt, one at a time, each decided with one key.
import { get, isOperator, mayWrite, post } from "./api.js";
import { act, channelTitle, contactLink, fill, h, said, say, table, time, whoTitle } from "./dom.js";
import { countReviews, keysOn } from "./menu.js";
import { waiting as proofsWaiting } from "./lift.js";

const decidedShown = 20;

export async function show(place) {
  const wrong = h("div");
  const box = h("div");
  let waiting = [];

  async function look() {
    waiting = (await get("v1/reviews?limit=50")).reviews;
    draw();
  }

  function draw() {
    const [one, ...others] = waiting;
    if (!one) return fill(box, h("p", { class: "card empty" }, "Nothing waits for you."));
    fill(box, h("section", { class: "card", "aria-labelledby": "message" },
      h("h2", { id: "message" }, one.contact ? contactLink({ ...one.contact, phone: one.address.value }) : said(one.address.value), ` on ${channelTitle(one.channel)}`),
      h("blockquote", {}, said(one.text)), h("p", { class: "soft small" }, time(one.saidAt), " · rule ", said(one.rule), " · ", said(one.address.value)),
      mayWrite() ? h("div", { class: "row" },
        h("button", { class: "main", onclick: act(wrong, () => decide("opt_out")) }, "It is an opt-out ", h("kbd", {}, "o")),
        h("button", { onclick: act(wrong, () => decide("nothing")) }, "It is not ", h("kbd", {}, "n"))) : null),
    h("p", { class: "soft" }, others.length ? `${others.length} more.` : "It is the last one."));
  }

  async function decide(decision) {
    const one = waiting[0];
    if (!one) return;
    await post(`v1/reviews/${encodeURIComponent(one.id)}`, { decision });
    say(decision === "opt_out" ? `${channelTitle(one.channel)} is blocked for ${one.address.value}.` : "Nothing is changed.");
    waiting.shift();
    if (waiting.length) draw();
    else await look();
    await countReviews();
  }

  const keys = (event) => {
    if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey || event.repeat || !mayWrite() || !keysOn()) return;
    const decision = { o: "opt_out", n: "nothing" }[event.key];
    if (decision) act(wrong, () => decide(decision))(event);
  };
  addEventListener("keydown", keys);
  const [{ reviews: decided }, proofs] = await Promise.all([get("v1/reviews?status=decided&limit=500"), isOperator() ? proofsWaiting() : []]);
  fill(place, h("h1", {}, "Review"), h("p", { class: "soft" }, "Replies of which the policy was not sure. Until you decide, nothing changes."), wrong, box,
    proofs.length ? [h("h2", {}, "Evidence that waits for a second person"), h("section", { class: "card", "aria-label": "Evidence that waits" }, table("Evidence that waits", ["Filed by", "Channel", "What the person agreed to", "Contact"], proofs.map((one) => [said(whoTitle(one.filedBy)), channelTitle(one.channel), said(one.text), h("a", { href: `#/contact/${encodeURIComponent(one.contactId)}` }, "Open")])))] : null,
    decided.length ? h("details", {}, h("summary", {}, "Decided lately"), h("section", { class: "card", "aria-label": "Decided" }, table("Decided lately", ["When", "Message", "Decision", "By"], decided.reverse().slice(0, decidedShown).map((one) => [time(one.decision.at), said(one.text), one.decision.decision === "opt_out" ? "an opt-out" : "none", said(whoTitle(one.decision.by))])))) : null);
  await look();
  return () => removeEventListener("keydown", keys);
}
