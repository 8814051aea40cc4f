// What is integrated, whether it works, and what to paste where to set the next one up.
import { get } from "./api.js";
import { channelTitle, fill, h, say, time } from "./dom.js";

export async function show(place) {
  const { channels, notIntegrated } = await get("v1/channels");
  const providers = new Map(channels.flatMap((one) => one.providers.map((provider) => [provider.name, provider])));
  fill(place, h("h1", {}, "Channels"),
    h("p", {}, channels.map((one) => h("span", { class: `pill ${one.works === true ? "good" : one.works === false ? "bad" : ""}` }, `${channelTitle(one.channel)}: ${one.works === true ? "works" : one.works === false ? "fails" : "not used yet"}`)).flatMap((one) => [one, " "])),
    notIntegrated.length ? h("p", { class: "soft" }, `Not integrated: ${notIntegrated.map(channelTitle).join(", ")}. Add a [[provider]] to dndgate.toml; what is blocked there stays blocked.`) : null,
    [...providers.values()].map((one) => h("section", { class: "card", "aria-label": one.name }, h("h2", {}, `${one.name} `, h("span", { class: "soft" }, one.adapter)),
      h("dl", {},
        h("dt", {}, "Channels"), h("dd", {}, channels.filter((channel) => channel.providers.some((other) => other.name === one.name)).map((channel) => channelTitle(channel.channel)).join(", ")),
        h("dt", {}, "Works"), h("dd", {}, one.works === true ? ["since ", time(one.since)] : one.works === false ? h("span", { class: "bad" }, "no") : "not used yet"),
        one.lastError ? [h("dt", {}, "Last error"), h("dd", {}, `${one.lastError.what} · `, time(one.lastError.at))] : null,
        h("dt", {}, "Webhooks"), h("dd", {}, one.webhooksVerified ? "verified" : h("span", { class: "warn" }, "no key is configured: they are refused"), one.webhookSignatureFailures ? h("span", { class: "bad" }, ` · ${one.webhookSignatureFailures} with a wrong signature`) : null),
        h("dt", {}, "Base URL for the CRM"), h("dd", {}, copy(one.baseUrl)), h("dt", {}, "Webhook URL at the provider"), h("dd", {}, copy(one.webhookUrl))))));
}

function copy(text) {
  return [h("code", {}, text), " ", h("button", { "aria-label": `Copy ${text}`, onclick: async () => {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } }, "Copy")];
}
