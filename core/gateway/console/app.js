// Signing in, the menu, and which page is shown: the part of the address behind #.
import { get, post, remove, session } from "./api.js";
import { act, dialog, fill, h } from "./dom.js";
import { countReviews, keysAct, keysOn } from "./menu.js";

const pages = {
  contacts: ["Contacts", () => import("./contacts.js")],
  contact: [null, () => import("./contact.js")],
  live: ["Live", () => import("./live.js")],
  review: ["Review", () => import("./review.js")],
  channels: ["Channels", () => import("./channels.js")],
  policies: ["Policies", () => import("./policies.js")],
  events: ["Events", () => import("./events.js")],
  import: ["Import", () => import("./import.js")],
};
const main = document.getElementById("main");
const nav = document.getElementById("nav");
let leave = null;

let turn = 0;
async function show() {
  const mine = ++turn;
  leave?.();
  leave = null;
  document.querySelector("dialog")?.close();
  const [name, ...rest] = location.hash.slice(2).split("?")[0].split("/");
  const [title, load] = pages[name] ?? pages.contacts;
  const current = pages[name] ? name : "contacts";
  for (const link of nav.querySelectorAll("a")) {
    if (link.dataset.page === current || (current === "contact" && link.dataset.page === "contacts")) {
      link.setAttribute("aria-current", "page");
    } else link.removeAttribute("aria-current");
  }
  document.title = `${title ?? "Contact"} – dndgate`;
  const page = await load();
  const place = h("div");
  fill(main, place);
  try {
    const left = (await page.show(place, rest.map(decodeURIComponent))) ?? null;
    // Whoever went on meanwhile has left this page already.
    if (mine !== turn) return left?.();
    leave = left;
  } catch (error) {
    if (mine !== turn) return;
    fill(place, h("h1", {}, title ?? "Contact"), h("div", { class: "problem", role: "alert" }, error.message));
  }
  main.focus();
}

function menu() {
  nav.hidden = false;
  fill(nav, Object.entries(pages).filter(([, [title]]) => title).map(([name, [title]]) =>
    h("a", { href: `#/${name}`, "data-page": name }, title)));
  fill(document.getElementById("who"), h("button", { class: "quiet", "aria-label": "Keys", title: "Keys (?)", onclick: help }, "?"), `${session.actor.replace(/^(token|user):/, "")} · ${session.role}`,
    session.open ? null : h("button", { onclick: signOut }, "Sign out"));
}

async function signOut() {
  await remove("v1/session").catch(() => {});
  location.reload();
}

function signIn() {
  nav.hidden = true;
  document.title = "Sign in – dndgate";
  const wrong = h("div");
  const token = h("input", { name: "token", type: "password", autocomplete: "current-password" });
  const user = h("input", { name: "user", autocomplete: "username" });
  const form = h("form", {
    onsubmit: act(wrong, async () => {
      const secret = token.value.trim();
      Object.assign(session, await post("v1/session", user.value ? { user: user.value, password: secret } : { token: secret }));
      menu();
      await show();
    }),
  },
  h("label", {}, "Name (leave it empty to sign in with a token)", user),
  h("label", {}, "Password or token", token),
  h("button", { class: "main" }, "Sign in"), wrong);
  fill(main, h("div", { class: "card sign-in" }, h("h1", {}, "Sign in"), form,
    h("p", { class: "soft" }, "A token is made with ", h("code", {}, "dndgate token create --role operator"), ".")));
  user.focus();
}

addEventListener("hashchange", show);
addEventListener("signed-out", signIn);
// Keys for those who do this all day. Whoever speaks to the machine may turn them off.

function help() {
  dialog("Keys", () => {
    const tick = h("input", { type: "checkbox", id: "keys-on", checked: keysAct(), onchange: () => keysAct(tick.checked) });
    const keys = [["/", "search contacts"], ...Object.entries(pages).filter(([, [title]]) => title).map(([name, [title]]) => [`g ${letter(name)}`, title]), ["o", "Review: it is an opt-out"], ["n", "Review: it is not"], ["↓ ↑", "through the contacts found"], ["?", "this list"]];
    return [h("dl", {}, keys.flatMap(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)])), h("label", { class: "tick", for: "keys-on" }, tick, "Single keys act")];
  });
}

/** The letter after g that goes to a page: its first, but one page has it. */
const letter = (name) => ({ channels: "h", import: "i" })[name] ?? name[0];
let went = -Infinity;
addEventListener("keydown", (event) => {
  if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey || !session.actor || !keysOn()) return;
  if (event.key === "/") {
    event.preventDefault();
    const search = document.querySelector("input[type=search]");
    if (search) search.focus();
    else location.hash = "#/contacts";
  } else if (event.key === "?") help();
  else if (event.key === "g") went = event.timeStamp;
  else if (event.timeStamp - went < 1500) {
    const page = Object.keys(pages).find((name) => pages[name][0] && letter(name) === event.key);
    if (page) location.hash = `#/${page}`;
    went = -Infinity;
  }
});

try {
  Object.assign(session, await get("v1/session"));
  menu();
  countReviews().catch(() => {});
  await show();
} catch {
  signIn();
}
