// Bars over time, drawn as SVG, with a table in words for those who do not see them.
import { h } from "./dom.js";

const width = 720;
const height = 130;
const floor = 18;

/** `minutes` are `{at, …counts}`; `series` are names with their titles, stacked. */
export function bars(minutes, series) {
  const groups = Math.min(72, minutes.length) || 1;
  const size = Math.ceil(minutes.length / groups) || 1;
  const buckets = [];
  for (let at = 0; at < minutes.length; at += size) {
    const part = minutes.slice(at, at + size);
    buckets.push({ at: part[0].at, ...Object.fromEntries(series.map(([name]) => [name, part.reduce((all, one) => all + one[name], 0)])) });
  }
  const top = Math.max(1, ...buckets.map((one) => series.reduce((all, [name]) => all + one[name], 0)));
  const step = width / Math.max(1, buckets.length);
  const drawn = buckets.flatMap((one, index) => {
    let base = height - floor;
    return series.map(([name]) => {
      const tall = (one[name] / top) * (height - floor - 14);
      base -= tall;
      return h("svg:rect", { class: name.toLowerCase(), x: String(index * step), y: String(base), width: String(Math.max(1, step - 1)), height: String(tall) });
    });
  });
  const hour = (text) => new Date(text).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const total = series.map(([name, title]) => `${title}: ${buckets.reduce((all, one) => all + one[name], 0)}`).join("; ");
  return h("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": total }, drawn,
    h("svg:text", { x: "0", y: String(height - 4) }, buckets.length ? hour(buckets[0].at) : ""),
    h("svg:text", { x: String(width), y: String(height - 4), "text-anchor": "end" }, "now"),
    h("svg:text", { x: "0", y: "11" }, String(top)));
}
