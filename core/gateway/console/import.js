// Files of contacts and suppressions: looked at first, then brought in, with progress and what was left out.
import { get, isOperator, post, remove, session } from "./api.js";
import { act, channelTitle, facts, fill, h, said, table, time } from "./dom.js";

/** As much of a file as a preview takes, in bytes. */
const previewBytes = 512 * 1024;
const look = 700;

export async function show(place) {
  if (!isOperator()) return fill(place, h("h1", {}, "Import"), h("p", {}, "Only operators import."));
  const out = h("div", { role: "status" });
  const wrong = h("div");
  const input = h("input", { type: "file", accept: ".csv,.ndjson,.json,.txt", "aria-label": "File" });
  const tenant = session.tenants.length > 1
    ? h("select", { "aria-label": "Tenant" }, h("option", { value: "" }, "The tenant that each row names"), session.tenants.map((name) => h("option", { value: name }, name))) : null;
  const query = () => `file=${encodeURIComponent(input.files[0].name)}${tenant?.value ? `&tenant=${encodeURIComponent(tenant.value)}` : ""}`;
  let timer = 0;

  const preview = act(wrong, async () => {
    if (!input.files.length) return;
    const { format, separator, rows } = await post(`v1/imports/preview?${query()}`, input.files[0].slice(0, previewBytes), "text/csv");
    fill(out, h("p", {}, `Read as ${format}${separator ? `, separated by “${separator}”` : ""}.`),
      table("First rows", ["Line", "Who", "Blocks", "Wrong"], rows.map((row) => [String(row.line ?? ""), who(row), (row.begins ?? []).map((one) => channelTitle(one.channel)).join(", "), row.error ? h("span", { class: "bad" }, said(row.error)) : said(row.why)])),
      h("div", { class: "row" }, h("button", { onclick: run(true) }, "Say what would change"), h("button", { class: "main", onclick: run(false) }, "Bring it in")));
  });

  const run = (dry) => act(wrong, async () => {
    const begun = await post(`v1/imports?${query()}${dry ? "&dryRun=true" : ""}`, input.files[0], "text/csv");
    await follow(begun.import.id);
  });

  async function follow(id) {
    const { import: one } = await get(`v1/imports/${encodeURIComponent(id)}`);
    fill(out, progress(one));
    if (one.state === "running") timer = setTimeout(() => follow(id).catch(() => {}), look);
    else await earlier();
  }

  function progress(one) {
    const done = one.bytes ? Math.min(1, (one.bytesRead ?? 0) / one.bytes) : 0;
    return h("section", { class: "card", "aria-label": one.file }, h("h2", {}, said(one.file), one.dryRun ? " (dry run)" : ""),
      one.state === "running" ? [h("progress", { value: done, "aria-label": "Progress" }), h("button", { onclick: act(wrong, () => remove(`v1/imports/${encodeURIComponent(one.id)}`)) }, "Stop")] : h("p", { class: one.state === "done" ? "good" : "bad" }, one.state, one.error ? `: ${one.error}` : ""),
      facts(Object.entries(one.summary ?? {}).filter(([, value]) => typeof value === "number" || typeof value === "string").map(([name, value]) => [name.replace(/([A-Z])/g, " $1").toLowerCase(), value.toLocaleString()])),
      one.summary?.rejected ? h("p", {}, h("a", { href: `v1/imports/${encodeURIComponent(one.id)}/rejects`, download: "rejects.csv" }, "Rows that were left out")) : null);
  }

  const list = h("div");
  async function earlier() {
    const { imports } = await get("v1/imports");
    fill(list, imports.length ? [h("h2", {}, "Earlier"), table("Imports", ["Begun", "File", "State"], [...imports].reverse().map((one) => [time(one.begun), [said(one.file), one.dryRun ? " (dry run)" : ""], h("span", { class: `pill ${{ done: "good", running: "warn" }[one.state] ?? "bad"}` }, one.state)]))] : null);
  }
  input.addEventListener("change", preview);
  fill(place, h("h1", {}, "Import"), h("p", { class: "soft" }, "CSV or NDJSON: contacts (HighLevel’s export too), and the suppression exports of Mailgun, SendGrid and Twilio. An import never lifts anything."),
    tenant ? h("div", { class: "row" }, tenant) : null, h("p", {}, input), wrong, out, list);
  await earlier();
  return () => clearTimeout(timer);
}

function who(row) {
  const { firstName, lastName, name } = row.fields ?? {};
  return said([name ?? [firstName, lastName].filter(Boolean).join(" "), ...(row.addresses ?? []).map((one) => one.value)].filter(Boolean).join(", "));
}
