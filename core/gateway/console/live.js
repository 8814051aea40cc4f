// What is kept back at this moment, and how much over the last hours.
import { get } from "./api.js";
import { channelTitle, fill, h, reasonTitle, time } from "./dom.js";
import { bars } from "./chart.js";

const rowsMax = 200;
const refresh = 15000;

export async function show(place) {
  const body = h("tbody");
  const charts = h("div");
  const filter = h("select", { "aria-label": "Only" }, h("option", { value: "" }, "Everything"), ["blocked", "trimmed", "refused"].map((name) => h("option", { value: name }, name)));
  const seen = [];
  const status = h("span", { class: "soft", role: "status" }, "connecting …");

  function draw() {
    fill(body, seen.filter((one) => !filter.value || one.verdict === filter.value).slice(0, rowsMax).map(row));
  }
  filter.addEventListener("change", draw);

  const stream = new EventSource("v1/decisions?stream=1");
  stream.onopen = () => { status.textContent = "live"; };
  stream.onerror = () => { status.textContent = "reconnecting …"; };
  stream.onmessage = (event) => {
    const one = JSON.parse(event.data);
    if (seen.some((known) => known.requestId === one.requestId)) return;
    seen.unshift(one);
    seen.length = Math.min(seen.length, rowsMax);
    draw();
  };

  async function count() {
    const { minutes } = await get("v1/stats?hours=6");
    const sum = (name) => minutes.reduce((all, one) => all + one[name], 0);
    fill(charts, h("h2", {}, "Last six hours"),
      h("p", { class: "key" }, h("span", { class: "sent" }, `${sum("allowed")} sent`), h("span", { class: "bad" }, `${sum("blocked")} kept back`), h("span", { class: "warn" }, `${sum("optOuts")} opt-outs`)),
      bars(minutes, [["allowed", "Sends that went out"], ["blocked", "Sends kept back"]]),
      bars(minutes, [["optOuts", "Opt-outs"]]));
  }

  fill(place, h("h1", {}, "Live"), charts, h("h2", {}, "Kept back ", status), h("div", { class: "row" }, filter),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Requests kept back" }, h("table", {},
      h("thead", {}, h("tr", {}, ["When", "Channel", "Provider", "Verdict", "Why"].map((text) => h("th", { scope: "col" }, text)))), body)));
  await count();
  const timer = setInterval(() => count().catch(() => {}), refresh);
  return () => { stream.close(); clearInterval(timer); };
}

function row(one) {
  return h("tr", {}, h("td", { class: "narrow" }, time(one.at)), h("td", {}, channelTitle(one.channel ?? "")), h("td", {}, one.provider),
    h("td", {}, h("span", { class: `pill ${one.verdict === "trimmed" ? "warn" : "bad"}` }, one.verdict)),
    h("td", {}, reasonTitle(one.reason), h("details", {}, h("summary", {}, "Why"), h("dl", {},
      [["Request", one.requestId], ["Tenant", one.tenant], ["Recipient (hashed)", one.recipient], ["Said", one.message]]
        .filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
      h("dt", {}, "More"), h("dd", {}, h("code", {}, `dndgate why --request ${one.requestId}`))))));
}
