// Signing in, the menu, and which page is shown: the part of the address behind #.
import { get, post, remove, session } from "./api.js";
import { act, fill, h } from "./dom.js";

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

async function show() {
  leave?.();
  leave = null;
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
    leave = (await page.show(place, rest.map(decodeURIComponent))) ?? null;
  } catch (error) {
    fill(place, h("h1", {}, title ?? "Contact"), h("div", { class: "problem", role: "alert" }, error.message));
  }
  main.focus();
}

function menu() {
  nav.hidden = false;
  fill(nav, Object.entries(pages).filter(([, [title]]) => title).map(([name, [title]]) =>
    h("a", { href: `#/${name}`, "data-page": name }, title)));
  fill(document.getElementById("who"), `${session.actor} · ${session.role}`,
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
  fill(main, h("div", { class: "card sign" }, h("h1", {}, "Sign in"), form,
    h("p", { class: "soft" }, "A token is made with ", h("code", {}, "dndgate token create --role operator"), ".")));
  user.focus();
}

/** How many messages wait for a person. */
export async function countReviews() {
  const link = nav.querySelector("[data-page=review]");
  const { reviews, next } = await get("v1/reviews?limit=100");
  fill(link, "Review", reviews.length ? h("span", { class: "count", "aria-label": `${reviews.length} waiting` }, next ? "99+" : String(reviews.length)) : null);
}

addEventListener("hashchange", show);
addEventListener("signed-out", signIn);
// Keys for those who do this all day: / searches, g and a letter goes to a page.
let went = 0;
addEventListener("keydown", (event) => {
  if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    if (location.hash.startsWith("#/contacts")) document.querySelector("input[type=search]")?.focus();
    else location.hash = "#/contacts";
  } else if (event.key === "g") went = event.timeStamp;
  else if (event.timeStamp - went < 1500) {
    const page = Object.keys(pages).find((name) => pages[name][0] && name.startsWith(event.key));
    if (page) location.hash = `#/${page}`;
    went = 0;
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
