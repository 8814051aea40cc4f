// Bars over time, drawn as SVG, with a sentence for those who do not see them.
import { h } from "./dom.js";

const width = 720;
const height = 210;
const floor = 30;
const roof = 26;

/** `minutes` are `{at, …counts}`; `series` are names with their titles, stacked. */
export function bars(title, minutes, series) {
  const groups = Math.min(72, minutes.length) || 1;
  const size = Math.ceil(minutes.length / groups) || 1;
  const buckets = [];
  for (let at = 0; at < minutes.length; at += size) {
    const part = minutes.slice(at, at + size);
    buckets.push({ at: part[0].at, ...Object.fromEntries(series.map(([name]) => [name, part.reduce((all, one) => all + one[name], 0)])) });
  }
  const top = nice(Math.max(1, ...buckets.map((one) => series.reduce((all, [name]) => all + one[name], 0))));
  const step = width / Math.max(1, buckets.length);
  const room = height - floor - roof;
  const hour = (text) => new Date(text).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const drawn = buckets.flatMap((one, index) => {
    let base = height - floor;
    return series.filter(([name]) => one[name] > 0).map(([name, text]) => {
      const tall = Math.max(1.5, (one[name] / top) * room);
      base -= tall;
      return h("svg:rect", { class: name.toLowerCase(), x: String(index * step), y: String(base), width: String(Math.max(1.5, step - 1.5)), height: String(tall), rx: "1" },
        h("svg:title", {}, `${hour(one.at)}: ${one[name]} ${text.toLowerCase()}`));
    });
  });
  const lines = [0, .5, 1].map((part) => {
    const y = String(height - floor - part * room);
    return [h("svg:line", { x1: "0", x2: String(width), y1: y, y2: y }), part ? h("svg:text", { x: "0", y: String(Number(y) - 3) }, String(top * part)) : null];
  });
  const ticks = [0, 1, 2, 3].map((part) => h("svg:text", { x: String(part * width / 4), y: String(height - 7) }, buckets.length ? hour(buckets[Math.floor(part * buckets.length / 4)].at) : ""));
  const total = series.map(([name, text]) => `${buckets.reduce((all, one) => all + one[name], 0)} ${text.toLowerCase()}`).join(", ");
  return h("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${total}` }, lines, drawn, ticks,
    h("svg:text", { x: String(width), y: String(height - 7), "text-anchor": "end" }, "now"));
}

/** The next even number above that reads well on an axis. */
function nice(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 10].map((one) => one * unit).find((one) => one >= Math.max(2, value)) ?? 2;
}
