// What is integrated, whether it works, and what to paste where to set the next one up.
import { get } from "./api.js";
import { channelTitle, copy, dialog, facts, fill, h, said, time } from "./dom.js";

const refresh = 15000;

export async function show(place) {
  async function draw() {
    const { channels, notIntegrated, available } = await get("v1/channels");
    const providers = new Map(channels.flatMap((one) => one.providers.map((provider) => [provider.name, provider])));
    const of = (name) => channels.filter((channel) => channel.providers.some((other) => other.name === name)).map((channel) => channelTitle(channel.channel)).join(", ");
    const focused = document.activeElement;
    if (place.contains(focused) && focused !== place && place.children.length) return;
    fill(place, h("div", { class: "row middle spread" }, h("h1", {}, "Channels"), h("button", { class: "main", onclick: () => setUp(available, [...providers.keys()]) }, "Set up another …")),
      h("p", {}, channels.flatMap((one) => [h("span", { class: `pill ${one.works === true ? "good" : one.works === false ? "bad" : ""}` }, `${channelTitle(one.channel)}: ${one.works === true ? "works" : one.works === false ? "fails" : "not used yet"}`), " "]),
        notIntegrated.map((name) => [h("span", { class: "pill warn" }, `${channelTitle(name)}: not integrated`), " "])),
      notIntegrated.length ? h("p", { class: "soft small" }, "What is blocked on a channel that is not integrated stays blocked.") : null,
      h("div", { class: "tiles" }, [...providers.values()].map((one) => card(one, of(one.name)))));
  }
  await draw();
  const timer = setInterval(() => draw().catch(() => {}), refresh);
  return () => clearInterval(timer);
}

function card(one, channels) {
  const state = one.works === true ? ["good", "works"] : one.works === false ? ["bad", "fails"] : ["", "not used yet"];
  return h("section", { class: "card", "aria-label": one.name }, h("div", { class: "row middle spread" }, h("h2", {}, one.title ?? one.name, one.title === one.name ? null : h("span", { class: "soft small" }, ` ${one.name}`)), h("span", { class: `pill ${state[0]}` }, state[1])),
    facts([["Channels", channels], ["Works since", one.since && time(one.since)], ["Last success", one.lastSuccess ? time(one.lastSuccess) : h("span", { class: "soft" }, "none since the start")],
      ["Last error", one.lastError ? h("span", { class: one.works === false ? "bad" : "" }, said(one.lastError.what), " · ", time(one.lastError.at)) : h("span", { class: "soft" }, "none")],
      ["Last webhook", one.lastWebhook ? time(one.lastWebhook) : h("span", { class: "soft" }, "none since the start")],
      ["Signatures", !one.webhooksVerified ? h("span", { class: "warn" }, "no key is configured: its webhooks are refused")
        : one.webhookSignatureFailures ? h("span", { class: "bad" }, `${one.webhookSignatureFailures} wrong, the last one `, time(one.lastSignatureFailure)) : "checked, none was wrong"],
      ["Base URL", copy(one.baseUrl, `the base URL of ${one.name}`)], ["Webhook URL", copy(one.webhookUrl, `the webhook URL of ${one.name}`)]]));
}

/** The next provider: what to write into the configuration, and what to paste where. */
function setUp(available, names) {
  dialog("Set up another provider", () => {
    const out = h("div", { role: "status" });
    const choice = h("select", { "aria-label": "Provider", onchange: draw }, available.map((one) => h("option", { value: one.adapter, selected: !names.includes(one.adapter) && one === available.find((other) => !names.includes(other.adapter)) }, `${one.title} (${one.channels.map(channelTitle).join(", ")})`)));
    function draw() {
      const one = available.find((other) => other.adapter === choice.value);
      const isTaken = names.includes(one.adapter);
      const name = isTaken ? `${one.adapter}2` : one.adapter;
      const at = (url) => url.replace(new RegExp(`${one.adapter}$`), name);
      const text = [`[[provider]]`, `name = "${name}"`, `adapter = "${one.adapter}"`, `crm_webhook = "https://your-crm.example/hooks/${name}"`,
        ...one.keys.map((key) => `${key.for_webhooks ?? key.forWebhooks ? "" : "# "}${key.name} = { env = "${name.toUpperCase()}_${key.name.toUpperCase()}" }   # ${key.what}`)].join("\n");
      fill(out, h("ol", {}, h("li", {}, "Write this into dndgate.toml; the gateway takes it up by itself.", h("pre", { tabindex: "0" }, text), copy(text, "the configuration").querySelector("button")),
        h("li", {}, "In the CRM, put this in place of ", h("code", {}, one.upstream), ":", h("p", {}, copy(at(one.baseUrl), "the base URL"))),
        h("li", {}, `At ${one.title}, have webhooks sent here:`, h("p", {}, copy(at(one.webhookUrl), "the webhook URL")))));
    }
    draw();
    return [choice, out];
  });
}
