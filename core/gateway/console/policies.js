// The Lua files: edited, tried, saved if their tests pass, and brought back from their history.
import { get, isOperator, post, put } from "./api.js";
import { act, fill, h, say, time } from "./dom.js";
import { coloured } from "./lua.js";

export async function show(place, [wanted]) {
  const { files, tests } = await get("v1/policies");
  const file = files.includes(wanted) ? wanted : files[0];
  const path = `v1/policies/${encodeURIComponent(file)}`;
  const [text, { versions }] = await Promise.all([get(path), get(`${path}/history`)]);
  const result = h("div", { role: "status" }, h("p", { class: "soft" }, `${tests} cases pass with the policies in force.`));
  const editor = edit(text, !isOperator());
  const save = act(result, async () => {
    try {
      await put(path, editor.value(), "text/plain");
    } catch (error) {
      editor.mark(Number(error.message.match(new RegExp(`${file.replace(/[.]/g, "\\.")}:(\\d+)`))?.[1] ?? 0));
      throw error;
    }
    say("In force: it loads and every test passes.");
    await show(place, [file]);
  });
  fill(place, h("h1", {}, "Policies"),
    h("div", { class: "row" }, files.map((name) => h("a", { class: "button", href: `#/policies/${encodeURIComponent(name)}`, "aria-current": name === file ? "page" : null }, name))),
    h("h2", {}, file), editor.element,
    h("p", { class: "row" }, isOperator() ? h("button", { class: "main", onclick: save }, "Save") : null, h("span", { class: "soft" }, "What does not load, or fails a test, is refused and changes nothing.")), result,
    tries(),
    h("section", { class: "card", "aria-labelledby": "versions" }, h("h2", { id: "versions" }, "Earlier versions"),
      versions.length ? h("ul", {}, versions.map((one) => h("li", {}, time(one.at), ` · ${one.by} `, isOperator() ? h("button", { onclick: act(result, async () => {
        await put(path, await get(`${path}/history/${encodeURIComponent(one.id)}`), "text/plain");
        say("The earlier version is in force.");
        await show(place, [file]);
      }) }, "Return to it") : null))) : h("p", { class: "soft" }, "This file was not changed here.")));
}

function edit(text, readOnly) {
  const lines = h("div", { class: "numbers", "aria-hidden": "true" });
  const view = h("pre", { "aria-hidden": "true" });
  const area = h("textarea", { spellcheck: "false", "aria-label": "Policy", autocapitalize: "off", readOnly });
  let bad = 0;
  area.value = text;
  function draw() {
    fill(view, coloured(area.value));
    const count = area.value.split("\n").length;
    fill(lines, Array.from({ length: count }, (_, index) => [index + 1 === bad ? h("b", {}, `▶ ${index + 1}`) : String(index + 1), "\n"]).flat());
  }
  area.addEventListener("input", () => { bad = 0; draw(); });
  area.addEventListener("keydown", (event) => {
    // Escape leaves the field, so that Tab can move on from there.
    if (event.key === "Escape") return area.blur();
    if (event.key !== "Tab" || event.shiftKey || readOnly) return;
    event.preventDefault();
    area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
    draw();
  });
  draw();
  const element = h("div", { class: "editor" }, lines, h("div", { class: "both" }, view, area));
  return {
    element,
    value: () => area.value,
    mark(line) {
      bad = line;
      draw();
      if (line) element.scrollTop = (line - 4) * 19.5;
    },
  };
}

function tries() {
  const out = h("div", { role: "status" });
  const channel = () => h("select", { name: "channel", "aria-label": "Channel" }, ["SMS", "Email", "WhatsApp", "FB", "GMB", "Call"].map((name) => h("option", {}, name)));
  const ask = (kind, read) => act(out, async (event) => {
    const form = Object.fromEntries(new FormData(event.target));
    const { results } = await post("v1/policies/try", { [kind]: [form] });
    fill(out, h("p", {}, h("strong", {}, read(results[0])), results[0].rule ? h("span", { class: "soft" }, ` · rule ${results[0].rule}`) : null));
  });
  const field = (name, text) => h("label", {}, text, h("input", { name, required: true }));
  return h("section", { class: "card", "aria-labelledby": "try" }, h("h2", { id: "try" }, "Try"), h("p", { class: "soft" }, "With the policies in force; nothing changes."),
    h("form", { class: "row", onsubmit: ask("messages", (one) => one.meaning) }, channel(), field("text", "A reply"), h("button", {}, "What does it mean?")),
    h("form", { class: "row", onsubmit: ask("codes", (one) => `${one.effect}${one.known ? "" : " (no policy knows this code)"} ${one.message ?? ""}`) }, channel(), field("provider", "Provider"), field("code", "Error code"), h("button", {}, "What does it do?")),
    h("form", { class: "row", onsubmit: ask("sends", (one) => one.verdict === "allow" ? "allowed" : `blocked: ${one.reason}`) }, channel(), field("address", "Recipient"), h("button", {}, "Would it go out?")), out);
}

