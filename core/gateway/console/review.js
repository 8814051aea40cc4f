// Messages in doubt, one at a time, each decided with one key.
import { get, mayWrite, post } from "./api.js";
import { act, channelTitle, fill, h, nameOf, say, time } from "./dom.js";
import { countReviews } from "./app.js";

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
    if (!one) return fill(box, h("p", { class: "good" }, "Nothing waits for you."));
    fill(box, h("section", { class: "card", "aria-labelledby": "message" },
      h("h2", { id: "message" }, one.contact ? h("a", { href: `#/contact/${encodeURIComponent(one.contact.id)}` }, nameOf(one.contact)) : one.address.value, ` on ${channelTitle(one.channel)}`),
      h("blockquote", {}, one.text), h("p", { class: "soft" }, time(one.saidAt), ` · rule ${one.rule}`),
      mayWrite() ? h("p", { class: "row" },
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
    if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || !mayWrite()) return;
    const decision = { o: "opt_out", n: "nothing" }[event.key];
    if (decision) act(wrong, () => decide(decision))(event);
  };
  addEventListener("keydown", keys);
  fill(place, h("h1", {}, "Review"), h("p", { class: "soft" }, "Replies of which the policy was not sure. Until you decide, nothing changes."), wrong, box);
  await look();
  return () => removeEventListener("keydown", keys);
}
