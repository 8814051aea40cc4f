// What is kept back at this moment, and how much over the last hours.
import { get } from "./api.js";
import { act, channelTitle, contactLink, dialog, facts, fill, h, reasonTitle, said, time } from "./dom.js";
import { bars } from "./chart.js";
import { timeLine } from "./history.js";

const rowsMax = 200;
const refresh = 15000;
const reasonsShown = 8;

export async function show(place) {
  const body = h("tbody");
  const charts = h("div");
  const none = h("p", { class: "empty" }, "Nothing was kept back yet.");
  const seen = [];
  const status = h("span", { class: "pill", role: "status" }, "connecting …");
  const wrong = h("div");
  // Filters offer what there is.
  const filters = { channel: ["Every channel", channelTitle], provider: ["Every provider", String], reason: ["Every reason", reasonTitle], verdict: ["Every verdict", String] };
  const chosen = Object.fromEntries(Object.entries(filters).map(([name, [text]]) => [name, h("select", { "aria-label": text.replace("Every ", "Only this ") }, h("option", { value: "" }, text))]));
  for (const one of Object.values(chosen)) one.addEventListener("change", draw);
  const hours = h("select", { "aria-label": "Time shown" }, [["1", "Last hour"], ["6", "Last six hours"], ["24", "Last day"]].map(([value, text]) => h("option", { value, selected: value === "6" }, text)));
  hours.addEventListener("change", () => count().catch(() => {}));

  function choose(wanted) {
    for (const [name, select] of Object.entries(chosen)) {
      const value = wanted[name] ?? "";
      offer(name, value);
      select.value = value;
    }
    draw();
    chosen.channel.focus();
  }
  function offer(name, value) {
    if (value && ![...chosen[name].options].some((one) => one.value === value)) chosen[name].append(h("option", { value }, filters[name][1](value)));
  }
  function draw() {
    const fits = seen.filter((one) => Object.entries(chosen).every(([name, select]) => !select.value || one[name] === select.value));
    fill(body, fits.map((one) => row(one, wrong)));
    none.hidden = fits.length > 0;
    none.textContent = seen.length ? "Nothing that was kept back lately fits." : "Nothing was kept back yet.";
  }

  const stream = new EventSource("v1/decisions?stream=1");
  const tell = (text, look) => { status.textContent = text; status.className = `pill ${look}`; };
  stream.onopen = () => tell("live", "good");
  stream.onerror = () => tell("reconnecting …", "warn");
  let drawing = 0;
  stream.onmessage = (event) => {
    const one = JSON.parse(event.data);
    if (seen.some((known) => known.requestId === one.requestId)) return;
    seen.unshift(one);
    seen.length = Math.min(seen.length, rowsMax);
    for (const name of Object.keys(filters)) offer(name, one[name]);
    // A flood is drawn once a frame.
    drawing ||= requestAnimationFrame(() => { drawing = 0; draw(); });
  };

  async function count() {
    const { minutes, keptBack } = await get(`v1/stats?hours=${hours.value}`);
    const sum = (name) => minutes.reduce((all, one) => all + one[name], 0);
    const most = keptBack.slice(0, reasonsShown);
    fill(charts,
      h("p", { class: "key" }, h("span", { class: "sent" }, `${sum("allowed").toLocaleString()} sent`), h("span", { class: "bad" }, `${sum("blocked").toLocaleString()} kept back`), h("span", { class: "warn" }, `${sum("optOuts").toLocaleString()} opt-outs`)),
      h("div", { class: "tiles" }, h("section", { class: "card", "aria-label": "Sends" }, h("h2", {}, "Sends"), bars("Sends", minutes, [["allowed", "Sent"], ["blocked", "Kept back"]])),
        h("section", { class: "card", "aria-label": "Opt-outs" }, h("h2", {}, "Opt-outs"), bars("Opt-outs", minutes, [["optOuts", "Opt-outs"]])),
        h("section", { class: "card wide", "aria-label": "Kept back by channel, provider and reason" }, h("h2", {}, "Kept back by channel, provider and reason"),
          most.length ? h("table", {}, h("thead", {}, h("tr", {}, ["Channel", "Provider", "Reason"].map((text) => h("th", { scope: "col" }, text)), h("th", { scope: "col", class: "number" }, "Sends"))),
            h("tbody", {}, most.map((one) => h("tr", {}, h("td", {}, channelTitle(one.channel)), h("td", {}, one.provider),
              h("td", {}, h("button", { class: "link", onclick: () => choose(one) }, reasonTitle(one.reason || "unreadable"))), h("td", { class: "number" }, one.count.toLocaleString()))))) : h("p", { class: "soft" }, "Nothing in this time."))));
  }

  fill(place, h("div", { class: "row middle spread" }, h("h1", {}, "Live"), hours), charts,
    h("section", { class: "card", "aria-label": "Requests kept back" }, h("div", { class: "row middle" }, h("h2", {}, "Kept back"), status), h("div", { class: "row" }, Object.values(chosen)), wrong,
      h("table", { class: "stack" }, h("thead", {}, h("tr", {}, ["When", "Channel", "Provider", "Verdict", "Why"].map((text) => h("th", { scope: "col" }, text)))), body), none));
  await count();
  const timer = setInterval(() => count().catch(() => {}), refresh);
  return () => { stream.close(); clearInterval(timer); };
}

function row(one, wrong) {
  return h("tr", {}, h("td", { class: "narrow" }, time(one.at)), h("td", {}, channelTitle(one.channel ?? "")), h("td", {}, one.provider),
    h("td", {}, h("span", { class: `pill ${one.verdict === "trimmed" ? "warn" : "bad"}` }, one.verdict)),
    h("td", {}, h("button", { class: "link", onclick: act(wrong, () => why(one)) }, h("span", { class: "unseen" }, "Why: "), reasonTitle(one.reason))));
}

/** The request, the rule, and the ledger's entries behind it. */
async function why(one) {
  const { decision, recipients } = await get(`v1/decisions/${encodeURIComponent(one.requestId)}`);
  dialog("Why it was kept back", () => [facts([["Verdict", `${decision.verdict}: ${reasonTitle(decision.reason)}`], ["When", time(decision.at)], ["Channel", channelTitle(decision.channel ?? "")], ["Provider", decision.provider], ["Tenant", decision.tenant],
    ["Request", h("code", {}, decision.requestId)], ["Recipient (hashed)", h("code", {}, decision.recipient)], ["Said", said(decision.message)], ["On the command line", h("code", {}, `dndgate why --request ${decision.requestId}`)]]),
  recipients.map((who) => [h("h3", {}, who.contacts.length ? who.contacts.map((contact) => [contactLink({ ...contact, phone: who.address }), " "]) : null, said(who.address)),
    h("p", {}, "Now: ", who.now === "block" ? h("span", { class: "pill bad" }, `blocked: ${reasonTitle(who.reason)}`) : h("span", { class: "pill good" }, "it would go out")), timeLine(who.entries)]),
  recipients.length ? null : h("p", { class: "soft" }, "Whom it concerned is known for the last requests since the gateway started, and never where the recipients could not be read.")]);
}
