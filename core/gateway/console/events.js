// Who is told of changes, what was told, what could not be delivered, and once more.
import { get, isOperator, post, remove, session } from "./api.js";
import { act, channelTitle, contactLink, copy, dialog, facts, fill, h, said, say, time } from "./dom.js";

const shown = 50;

export async function show(place) {
  const again = () => show(place);
  const [{ subscribers }, feed] = await Promise.all([get("v1/subscribers"), get(`v1/events?newest=${shown}`)]);
  const failed = await Promise.all(subscribers.map(async (one) => [one, (await get(`v1/subscribers/${encodeURIComponent(one.id)}/deliveries?limit=20`)).deliveries]));
  const wrong = h("div");
  const rows = h("tbody", {}, feed.events.reverse().map(eventRow));
  fill(place, h("div", { class: "row middle spread" }, h("h1", {}, "Events"), isOperator() ? h("button", { class: "main", onclick: () => create(again) }, "New subscriber") : null), wrong,
    h("h2", {}, "Subscribers"),
    subscribers.length ? h("div", { class: "tiles" }, failed.map(([one, deliveries]) => subscriber(one, deliveries, wrong, again))) : h("div", { class: "card empty" }, "Nobody is told yet. A subscriber is a URL that gets each change, signed, at least once, in order for each contact."),
    h("h2", {}, "The latest"),
    h("section", { class: "card", "aria-label": "Events" }, h("table", { class: "stack" }, h("thead", {}, h("tr", {}, ["When", "Event", "Whom", "Channels", "Now"].map((text) => h("th", { scope: "col" }, text)))), rows)));
  const stream = new EventSource(`v1/events?after=${feed.next}`);
  stream.onmessage = (event) => {
    rows.prepend(eventRow(JSON.parse(event.data)));
    while (rows.children.length > shown) rows.lastChild.remove();
  };
  return () => stream.close();
}

function eventRow(one) {
  return h("tr", {}, h("td", { class: "narrow" }, time(one.timestamp)), h("td", {}, one.type === "DndReview" ? "in doubt" : one.change),
    h("td", {}, one.id ? contactLink(one) : said(one.address?.value)), h("td", {}, (one.channels ?? [one.channel]).filter(Boolean).map(channelTitle).join(", ")),
    h("td", {}, one.dndStatus ?? ""));
}

function subscriber(one, deliveries, wrong, again) {
  const path = `v1/subscribers/${encodeURIComponent(one.id)}`;
  const button = (text, work, look = "") => isOperator() ? h("button", { class: look, onclick: act(wrong, async () => {
    await work();
    await again();
  }) }, text) : null;
  const state = one.disabledAt ? ["bad", "disabled"] : one.dead ? ["bad", `${one.dead} given up`] : one.pending ? ["warn", `${one.pending} being retried`] : one.ahead ? ["warn", `${one.ahead} ahead`] : ["good", "up to date"];
  return h("section", { class: "card", "aria-label": one.url }, h("div", { class: "row middle spread" }, h("h3", {}, said(one.url)), h("span", { class: `pill ${state[0]}` }, state[1])),
    facts([["For", one.description && said(one.description)], ["Tenant", one.tenant ?? "all"], ["Taken", `up to event ${one.cursor}`], ["Ahead", `${one.ahead ?? 0} events`], ["Being retried", String(one.pending ?? 0)], ["Given up", String(one.dead ?? 0)],
      ["Disabled", one.disabledAt && h("span", { class: "bad" }, said(one.disabledBecause), " · ", time(one.disabledAt))], ["Since", time(one.createdAt)], ["From", one.origin === "configuration" ? "the configuration" : ""]]),
    deliveries.length ? h("details", { open: true }, h("summary", {}, "What it did not take"), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Failed deliveries to ${one.url}` }, h("table", {}, h("thead", {}, h("tr", {}, ["Event", "State", "Attempts", "Last answer", "Next"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, deliveries.map((delivery) => h("tr", {}, h("td", {}, `${delivery.seq} ${delivery.event?.change ?? ""}`), h("td", {}, delivery.status === "dead" ? "given up" : "waiting"), h("td", {}, String(delivery.attempts)),
        h("td", {}, delivery.lastStatus ? `${delivery.lastStatus} ` : "", said(delivery.lastError ?? "")), h("td", { class: "narrow" }, time(delivery.nextAttemptAt)))))))) : null,
    isOperator() ? h("div", { class: "row" }, h("button", { onclick: () => replay(one, again) }, "Replay …"),
      one.disabledAt ? button("Enable", () => post(`${path}/enable`, {})) : null,
      one.origin === "configuration" ? null : [h("button", { onclick: () => rotate(one, path) }, "New secret …"), button("Remove", () => remove(path), "danger")]) : null);
}

function replay(one, again) {
  dialog("Replay", (close) => {
    const wrong = h("div");
    const from = h("input", { type: "datetime-local", name: "since", "aria-label": "Since" });
    const run = (body) => act(wrong, async () => {
      const { events } = await post(`v1/subscribers/${encodeURIComponent(one.id)}/replay`, body());
      close();
      say(`${events} ${events === 1 ? "event is" : "events are"} delivered again.`);
      await again();
    });
    return [h("p", { class: "soft" }, "Events are delivered once more to ", said(one.url), ". Each keeps its id, so that a receiver knows what it has."),
      h("div", { class: "row" }, h("button", { onclick: run(() => ({ dead: true })) }, "What was given up"), h("button", { onclick: run(() => ({ after: 0 })) }, "Everything, from the beginning")),
      h("div", { class: "row" }, h("label", {}, "Since", from), h("button", { onclick: (event) => from.value ? run(() => ({ since: new Date(from.value).toISOString() }))(event) : from.focus() }, "From then on")), wrong];
  });
}

function secret(text, once) {
  return [h("p", {}, once), h("p", {}, copy(text, "the secret"))];
}

function rotate(one, path) {
  dialog("New secret", () => {
    const out = h("div", { role: "status" });
    return [h("p", { class: "soft" }, "For a day the secret before signs, too, so that the receiver can change over."),
      out, h("button", { class: "main", onclick: act(out, async () => {
        const { subscriber: made } = await post(`${path}/rotate`, {});
        fill(out, secret(made.secret, "Shown this once:"));
      }) }, "Make one")];
  });
}

function create(again) {
  dialog("New subscriber", (close) => {
    const wrong = h("div");
    const tenants = session.tenants.length > 1 ? h("label", {}, "Tenant", h("select", { name: "tenant" }, h("option", { value: "" }, "All"), session.tenants.map((name) => h("option", { value: name }, name)))) : null;
    return h("form", {
      onsubmit: act(wrong, async (event) => {
        const { url, description, tenant } = Object.fromEntries(new FormData(event.target));
        const { subscriber: made } = await post("v1/subscribers", { url, description, ...(tenant ? { tenant } : {}) });
        close();
        await again();
        dialog("The subscriber is there", () => secret(made.secret, "Its secret, shown this once:"));
      }),
    }, h("label", {}, "URL", h("input", { name: "url", type: "url", required: true, placeholder: "https://crm.example.com/dnd-events" })), h("label", {}, "For", h("input", { name: "description", maxlength: "200" })), tenants,
    h("div", { class: "row" }, h("button", { class: "main" }, "Add"), h("button", { type: "button", onclick: close }, "Cancel")), wrong);
  });
}
