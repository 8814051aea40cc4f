// Who is told of changes, what was told, what could not be delivered.
import { get, isOperator, post, remove } from "./api.js";
import { act, channelTitle, fill, h, say, table, time } from "./dom.js";

export async function show(place) {
  const again = () => show(place);
  const [{ subscribers }, feed] = await Promise.all([get("v1/subscribers"), last()]);
  const failed = await Promise.all(subscribers.map(async (one) => [one, (await get(`v1/subscribers/${encodeURIComponent(one.id)}/deliveries`)).deliveries]));
  const wrong = h("div");
  fill(place, h("h1", {}, "Events"), h("h2", {}, "Subscribers"), wrong,
    subscribers.length ? failed.map(([one, deliveries]) => subscriber(one, deliveries, wrong, again)) : h("p", { class: "soft" }, "Nobody is told yet."),
    isOperator() ? create(again) : null, h("h2", {}, "The latest"),
    table("Events", ["When", "Event", "Whom", "Channels"], feed.map((one) => [time(one.timestamp), one.type === "DndReview" ? "in doubt" : one.change,
      one.id ? h("a", { href: `#/contact/${encodeURIComponent(one.id)}` }, [one.firstName, one.lastName].filter(Boolean).join(" ") || one.id) : one.address?.value ?? "",
      (one.channels ?? [one.channel]).filter(Boolean).map(channelTitle).join(", ")])));
}

/** The last events of the feed, the newest first. */
async function last() {
  const { events } = await get("v1/events?newest=50");
  return events.reverse();
}

function subscriber(one, deliveries, wrong, again) {
  const path = `v1/subscribers/${encodeURIComponent(one.id)}`;
  const button = (text, work) => isOperator() ? h("button", { onclick: act(wrong, async () => {
    await work();
    say("Done.");
    await again();
  }) }, text) : null;
  return h("section", { class: "card", "aria-label": one.url }, h("h3", {}, one.url),
    h("dl", {}, h("dt", {}, "Waiting"), h("dd", {}, `${one.ahead ?? 0} events ahead, ${one.pending ?? 0} being retried, ${one.dead ?? 0} given up`),
      one.disabledAt ? [h("dt", {}, "Disabled"), h("dd", { class: "bad" }, one.disabledBecause)] : null,
      one.description ? [h("dt", {}, "For"), h("dd", {}, one.description)] : null),
    deliveries.length ? table("Failed deliveries", ["Event", "State", "Attempts", "Last answer", "Next attempt"], deliveries.slice(0, 20).map((delivery) => [
      String(delivery.seq), delivery.status === "dead" ? "given up" : "waiting", String(delivery.attempts), delivery.lastError, time(delivery.nextAttemptAt)])) : null,
    h("p", { class: "row" }, button("Replay what was given up", () => post(`${path}/replay`, { dead: true })),
      one.disabledAt ? button("Enable", () => post(`${path}/enable`, {})) : null,
      one.origin === "configuration" ? h("span", { class: "soft" }, "It stands in the configuration.") : button("Remove", () => remove(path))));
}

function create(again) {
  const wrong = h("div");
  return h("details", { class: "card" }, h("summary", {}, "New subscriber"), h("form", {
    class: "row",
    onsubmit: act(wrong, async (event) => {
      const { url, description } = Object.fromEntries(new FormData(event.target));
      const { subscriber: made } = await post("v1/subscribers", { url, description });
      await again();
      document.querySelector("h1").after(h("div", { class: "problem", role: "alert" }, "Its secret, shown this once: ", h("code", {}, made.secret)));
    }),
  }, h("label", {}, "URL", h("input", { name: "url", type: "url", required: true })), h("label", {}, "For", h("input", { name: "description" })), h("button", { class: "main" }, "Add")), wrong);
}
