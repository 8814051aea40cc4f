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
  manual: "Switched off by hand", all: "All channels are switched off", keyword: "Opted out by a reply", unsubscribe: "Unsubscribed",
  propagated: "Opted out on another channel", provider_opt_out: "The provider says that the person opted out", complaint: "Marked as spam",
  bounce: "Mail bounces", carrier: "The carrier cannot deliver", import: "Imported as blocked", policy: "A policy says so",
};
/** A kind of reason in plain words. */
export const reasonTitle = (kind) => reasons[kind] ?? kind;

/** Who a contact is. */
export function nameOf(contact) {
  const name = contact.name || [contact.firstName, contact.lastName].filter(Boolean).join(" ");
  return name || contact.email || contact.phone || contact.id;
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
    const button = event?.submitter ?? event?.currentTarget;
    if (button) button.disabled = true;
    try {
      place.replaceChildren();
      await work(event);
    } catch (error) {
      fill(place, problem(error));
    } finally {
      if (button) button.disabled = false;
    }
  };
}
