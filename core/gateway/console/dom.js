// Elements, times and sentences: what every page is made of. Text is always text: nothing here parses HTML.

/** An element with attributes, listeners (`onclick`) and children. */
export function h(tag, attributes = {}, ...children) {
  const element = tag === "svg" || tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.replace("svg:", ""))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Puts these into an element instead of what is in it. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

/** Says something for a while, to screen readers as well. */
export function say(text) {
  const place = document.getElementById("said");
  place.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { place.textContent = ""; }, 6000);
}

/** What went wrong, as a box. */
export function problem(error) {
  return h("div", { class: "problem", role: "alert" },
    h("p", {}, h("strong", {}, error.message || String(error))),
    (error.body?.blocking || []).map((one) => h("p", {}, `${channelTitle(one.blocks ?? one.channel)}: ${one.how}`)),
    (error.body?.missing || []).map((one) => h("p", {}, one.how ?? String(one))));
}

const times = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A time as people read it; the exact one on hover. */
export function time(text) {
  if (!text) return "";
  const at = new Date(text);
  return h("time", { datetime: text, title: text }, Number.isNaN(at.valueOf()) ? text : times.format(at));
}

const channels = { SMS: "SMS", Email: "Email", Call: "Calls", WhatsApp: "WhatsApp", FB: "Facebook", GMB: "Google My Business", all: "All channels", inbound: "Inbound calls and SMS" };
/** A channel as people call it. */
export const channelTitle = (name) => channels[name] ?? name;

const reasons = {
  manual: "Set by an operator", all: "All channels are switched off", keyword: "Opted out by a reply", unsubscribe: "Unsubscribed",
  propagated: "Opted out on another channel", provider_opt_out: "The provider says that the person opted out", complaint: "Marked as spam",
  bounce: "Mail bounces", carrier: "The carrier cannot deliver", import: "Imported as blocked", policy: "A policy says so",
  unreadable: "The recipients could not be read with certainty", account: "The account is not configured here",
  signature: "The request is signed for somebody else", too_large: "The request is too large",
};
/** A kind of reason in plain words. */
export const reasonTitle = (kind) => reasons[kind] ?? kind;

/** Who acted, in words. */
export const whoTitle = (actor) => ({ person: "the person", provider: "the provider" })[actor] ?? actor.replace(/^(token|user):/, "");

/** Who a contact is. */
export function nameOf(contact) {
  const name = [contact.name || [contact.firstName, contact.lastName].filter(Boolean).join(" ")].flat().join(" ").trim();
  return name || contact.email || contact.phone || contact.id;
}

// Signs that turn the direction of writing, have no width, or are no signs at all.
const tricks = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2060-\u2069\ufeff]/g;
/** What somebody else wrote, so that its direction of writing ends with it, and what could not be seen can. */
export const said = (text) => h("bdi", {}, String(text ?? "").replace(tricks, "\u25a1"));

/** Where a contact's page is. */
export const contactLink = (contact) => h("a", { href: `#/contact/${encodeURIComponent(contact.id)}` }, said(nameOf(contact)));

/** The overall status. */
export function statusPill(status) {
  const [look, text] = { on: ["bad", "On"], off: ["good", "Off"], partial: ["warn", "Partial"] }[status] ?? ["", status];
  return h("span", { class: `pill ${look}` }, text);
}

/** Names and values; what has no value is left out. */
export function facts(pairs) {
  return h("dl", {}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false).flatMap(([name, value]) =>
    [h("dt", {}, name), h("dd", {}, value)]));
}

/** Opens a dialog over the page: the browser keeps the focus in it and gives it back; Escape closes it. `build` is given
 * the function that closes it. */
export function dialog(title, build, closed) {
  const box = h("dialog", { "aria-labelledby": "dialog-title" });
  const close = () => box.close();
  box.append(h("header", {}, h("h2", { id: "dialog-title" }, title), h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: close }, "✕")));
  box.append(...[build(close)].flat(Infinity).filter(Boolean));
  box.addEventListener("close", () => {
    box.remove();
    closed?.();
  });
  document.body.append(box);
  box.showModal();
  return close;
}

/** A text to paste somewhere, with a button that copies it. */
export function copy(text, what = text) {
  return h("span", { class: "copy" }, h("code", {}, text), h("button", { type: "button", "aria-label": `Copy ${what}`, onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied.");
    } catch {
      say("This browser does not let the page copy: select the text.");
    }
  } }, "Copy"));
}

/** A table with a head; `rows` are lists of cells. */
export function table(caption, head, rows) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((one) => h("th", { scope: "col" }, one)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)))))));
}

/** Runs something that may fail behind a button: it cannot be pressed twice, and what went wrong is shown. */
export function act(place, work) {
  return async (event) => {
    event?.preventDefault();
    const pressed = event?.submitter ?? event?.currentTarget;
    const button = pressed instanceof Element ? pressed : null;
    // Not `disabled`: that would take the focus away.
    if (button?.getAttribute("aria-disabled")) return;
    button?.setAttribute("aria-disabled", "true");
    try {
      place.replaceChildren();
      await work(event);
    } catch (error) {
      fill(place, problem(error));
    } finally {
      button?.removeAttribute("aria-disabled");
    }
  };
}
