// Lua in colours: a scanner of comments, strings, numbers and keywords. It judges nothing; the gateway does.
import { h } from "./dom.js";

const keywords = new Set("and break continue do else elseif end false for function if in local nil not or repeat return then true until while".split(" "));
const pieces = /--\[(=*)\[[^]*?\]\1\]|--[^\n]*|\[(=*)\[[^]*?\]\2\]|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|[A-Za-z_]\w*|\d[\w.]*/g;

/** The text as elements. */
export function coloured(text) {
  const out = [];
  let last = 0;
  const add = (part, look) => out.push(look ? h("span", { class: look }, part) : part);
  for (const match of text.matchAll(pieces)) {
    if (match.index > last) add(text.slice(last, match.index));
    const word = match[0];
    const first = word[0];
    add(word, word.startsWith("--") ? "lua-c" : first === '"' || first === "'" || first === "[" ? "lua-s" : keywords.has(word) ? "lua-k" : first >= "0" && first <= "9" ? "lua-n" : "");
    last = match.index + word.length;
  }
  add(`${text.slice(last)}\n`);
  return out;
}
