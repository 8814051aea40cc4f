// What pages and the menu have in common: how many messages wait, and whether single keys act.
import { get } from "./api.js";
import { fill, h } from "./dom.js";

/** How many messages wait for a person. */
export async function countReviews() {
  const link = document.querySelector("#nav [data-page=review]");
  const { reviews, next } = await get("v1/reviews?limit=100");
  fill(link, "Review", reviews.length ? h("span", { class: "count", "aria-label": `${reviews.length} waiting` }, next ? "99+" : String(reviews.length)) : null);
}

const off = "keys-off";
/** Whether single keys act at all; given a choice, it is kept. */
export function keysAct(choice) {
  if (choice === true) localStorage.removeItem(off);
  if (choice === false) localStorage.setItem(off, "1");
  return localStorage.getItem(off) === null;
}
/** Do they act now? Not while a dialog is open. */
export const keysOn = () => keysAct() && !document.querySelector("dialog");
