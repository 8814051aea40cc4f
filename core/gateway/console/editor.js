// A field for Lua: numbered lines, colours, and marks where something is wrong.
import { fill, h } from "./dom.js";
import { coloured } from "./lua.js";

/** As the style sheet has it, in pixels. */
const lineHeight = 19.5;

export function editor(text, readOnly, changed) {
  const numbers = h("div", { class: "numbers", "aria-hidden": "true" });
  const view = h("pre", { "aria-hidden": "true" });
  const area = h("textarea", { spellcheck: "false", "aria-label": "Policy", autocapitalize: "off", readOnly, "aria-describedby": "editor-keys" });
  let bad = new Set();
  area.value = text;
  function draw() {
    fill(view, coloured(area.value));
    const count = area.value.split("\n").length;
    fill(numbers, Array.from({ length: count }, (_, index) => [bad.has(index + 1) ? h("b", {}, String(index + 1)) : String(index + 1), "\n"]).flat());
  }
  area.addEventListener("input", () => { bad = new Set(); draw(); changed?.(); });
  area.addEventListener("keydown", (event) => {
    // Escape leaves the field, so that Tab can move on from there.
    if (event.key === "Escape") return area.blur();
    if (event.key !== "Tab" || event.shiftKey || event.ctrlKey || event.metaKey || readOnly) return;
    event.preventDefault();
    area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
    draw();
  });
  draw();
  const element = h("div", { class: "editor" }, numbers, h("div", { class: "both" }, view, area));
  return {
    element,
    value: () => area.value,
    /** Marks lines, and shows the first. */
    mark(lines) {
      bad = new Set(lines);
      draw();
      if (lines.length) element.scrollTop = (lines[0] - 4) * lineHeight;
    },
    /** Goes to the beginning of a line. */
    goTo(line) {
      const start = area.value.split("\n").slice(0, line - 1).reduce((all, one) => all + one.length + 1, 0);
      area.focus();
      area.setSelectionRange(start, start);
      element.scrollTop = (line - 4) * lineHeight;
    },
  };
}
