// The Lua files: edited, tried, judged on what was recorded, saved if their tests pass, and brought back.
import { get, isOperator, post, put, remove, session } from "./api.js";
import { act, channelTitle, dialog, fill, h, said, say, time, whoTitle } from "./dom.js";
import { editor } from "./editor.js";
import { differences, shadow } from "./whatif.js";

export async function show(place, parts) {
  const owner = parts[0] === "of" ? parts[1] : null;
  const general = await get("v1/policies");
  const base = owner ? `v1/policies/tenants/${encodeURIComponent(owner)}` : "v1/policies";
  const all = owner ? await get(base) : general;
  const files = all.files.map((one) => typeof one === "string" ? { file: one, own: !owner } : one);
  const wanted = parts.slice(owner ? 2 : 0).join("/");
  const file = (files.find((one) => one.file === wanted) ?? files[0]).file;
  const path = `${base}/${encodeURIComponent(file)}`;
  const here = (name) => `#/policies/${owner ? `of/${encodeURIComponent(owner)}/` : ""}${encodeURIComponent(name)}`;
  const [text, { versions }] = await Promise.all([get(path), get(`${path}/history`)]);
  const isOwn = files.find((one) => one.file === file).own;
  const mayEdit = isOperator();
  const result = h("div", { role: "status" }, passed(all.tests, files));
  const unsaved = h("span", { class: "pill warn", hidden: true }, "not saved");
  const field = editor(text, !mayEdit, () => { unsaved.hidden = field.value() === text; });
  // In the answer to a save, places of this file are lines to go to; those of others lead there.
  const named = owner ? `tenants/${owner}/${file}` : file;
  const again = () => show(place, parts);

  const save = act(result, async () => {
    try {
      await put(path, field.value(), "text/plain");
    } catch (error) {
      const failed = failures(error.message);
      if (error.status !== 422 || !failed.length) throw error;
      field.mark(failed.filter((one) => one.file === named || one.file === file).map((one) => one.line));
      return fill(result, refused(failed, named, file, field, here));
    }
    await again();
    say("In force: it loads and every test passes.");
  });
  const bring = (one) => act(result, async () => {
    await put(path, await get(`${path}/history/${encodeURIComponent(one.id)}`), "text/plain");
    await again();
    say("The earlier version is in force.");
  });

  fill(place, h("div", { class: "row middle spread" }, h("h1", {}, "Policies"), owners(owner, general.tenants ?? {})),
    h("nav", { class: "tabs", "aria-label": "Policy files" }, files.map((one) => h("a", { href: here(one.file), class: owner && one.own ? "own" : "", "aria-current": one.file === file ? "page" : null }, one.file)),
      mayEdit ? h("button", { class: "link", onclick: () => fresh(base, here) }, "New test file …") : null),
    owner ? h("p", { class: "soft small" }, isOwn ? `${owner} has this file of its own.` : `${owner} goes by the general file. What you save here is ${owner}’s own from then on.`) : null,
    h("div", { class: "row middle" }, h("h2", {}, file), unsaved), field.element,
    h("p", { class: "soft small", id: "editor-keys" }, mayEdit ? "Tab indents; Escape leaves the field. What does not load, or fails a test, is refused and changes nothing." : "Only operators change policies."),
    h("div", { class: "row" }, mayEdit ? [h("button", { class: "main", onclick: save }, "Save"), h("button", { onclick: act(result, async () => fill(result, await differences({ files: { [named]: field.value() }, tenant: owner }))) }, "What would have changed?")] : null,
      owner && isOwn && mayEdit ? h("button", { class: "danger", onclick: act(result, async () => {
        await remove(path);
        location.hash = here("keywords.lua");
        await again();
        say(`${owner} goes by the general file again.`);
      }) }, "Go back to the general file") : null), result,
    h("div", { class: "tiles" }, tries(owner),
      h("section", { class: "card", "aria-labelledby": "versions" }, h("h2", { id: "versions" }, "Earlier versions"),
        versions.length ? h("ul", {}, versions.map((one) => h("li", {}, "until ", time(one.at), " · replaced by ", said(whoTitle(one.by.replace(/^(token|user)-/, "$1:"))), " ",
          h("button", { class: "link", onclick: act(result, () => look(one, path, text)) }, "Look"), " ", mayEdit ? h("button", { onclick: bring(one) }, "Return to it") : null))) : h("p", { class: "soft" }, "This file was not changed here.")),
      isOperator() ? await shadow() : null));
}

/** Whose policies: everybody's, or a tenant's. */
function owners(owner, own) {
  if (session.tenants.length < 2 && !Object.keys(own).length) return null;
  const choice = h("select", { "aria-label": "Whose policies" }, h("option", { value: "" }, "Everybody’s policies"),
    session.tenants.map((name) => h("option", { value: name, selected: name === owner }, `${name}${own[name]?.length ? ` (${own[name].length} of its own)` : ""}`)));
  choice.addEventListener("change", () => { location.hash = choice.value ? `#/policies/of/${encodeURIComponent(choice.value)}` : "#/policies"; });
  return choice;
}

function passed(tests, files) {
  const cases = files.filter((one) => one.file.startsWith("tests/")).length;
  return h("p", {}, h("span", { class: "pill good" }, `${tests} cases pass`), h("span", { class: "soft" }, ` with the policies in force${cases ? `, from ${cases} ${cases === 1 ? "file" : "files"} of tests and the policies’ own cases` : ""}.`));
}

/** `keywords.lua:12: what is wrong`, a line each. */
function failures(message) {
  return message.split("\n").map((line) => /^(\S+\.lua)(?::(\d+))?: (.*)$/.exec(line)).filter(Boolean).map(([, file, line, what]) => ({ file, line: Number(line ?? 0), what }));
}

function refused(failed, named, file, field, here) {
  return h("div", { class: "problem", role: "alert" }, h("p", {}, h("strong", {}, failed.length === 1 ? "Refused: nothing is changed." : `Refused: ${failed.length} places are wrong. Nothing is changed.`)),
    h("ul", {}, failed.map((one) => h("li", {}, one.file === named || one.file === file
      ? h("button", { class: "link", onclick: () => field.goTo(one.line) }, `${one.file}:${one.line || 1}`)
      : h("a", { href: here(one.file.replace(/^tenants\/[^/]+\//, "")) }, `${one.file}${one.line ? `:${one.line}` : ""}`), " ", said(one.what)))));
}

/** A new file of cases. */
function fresh(base, here) {
  dialog("New test file", (close) => {
    const wrong = h("div");
    return h("form", {
      onsubmit: act(wrong, async (event) => {
        const name = `tests/${new FormData(event.target).get("name").replace(/\.lua$/, "")}.lua`;
        await put(`${base}/${encodeURIComponent(name)}`, "-- Cases that every change has to pass.\nreturn {\n  { text = \"STOP\", channel = \"SMS\", meaning = \"opt_out\" },\n}\n", "text/plain");
        close();
        location.hash = here(name);
      }),
    }, h("label", {}, "Name", h("input", { name: "name", required: true, pattern: "[A-Za-z0-9_\\-]+(\\.lua)?", placeholder: "our_words" })), h("div", { class: "row" }, h("button", { class: "main" }, "Make it")), wrong);
  });
}

/** An earlier version beside the one in force, line by line. */
async function look(one, path, now) {
  const then = await get(`${path}/history/${encodeURIComponent(one.id)}`);
  const before = new Set(then.split("\n"));
  const after = new Set(now.split("\n"));
  const gone = then.split("\n").filter((line) => !after.has(line));
  const come = now.split("\n").filter((line) => !before.has(line));
  dialog("An earlier version", () => [h("p", { class: "soft" }, "In force until ", time(one.at), "."),
    h("h3", {}, "Lines that are gone since"), gone.length ? h("pre", { tabindex: "0", class: "bad" }, gone.join("\n")) : h("p", { class: "soft" }, "None."),
    h("h3", {}, "Lines that are new since"), come.length ? h("pre", { tabindex: "0", class: "good" }, come.join("\n")) : h("p", { class: "soft" }, "None."),
    h("details", {}, h("summary", {}, "The whole text"), h("pre", { tabindex: "0" }, then))]);
}

/** A box to try a message, a code or a send. */
function tries(owner) {
  const out = h("div", { role: "status" });
  const channel = () => h("select", { name: "channel", "aria-label": "Channel" }, ["SMS", "Email", "WhatsApp", "FB", "GMB", "Call"].map((name) => h("option", { value: name }, channelTitle(name))));
  const ask = (kind, read) => act(out, async (event) => {
    const form = Object.fromEntries(new FormData(event.target));
    const { results } = await post("v1/policies/try", { ...(owner ? { tenant: owner } : {}), [kind]: [form] });
    fill(out, h("p", { class: "note" }, h("strong", {}, read(results[0])), results[0].rule ? h("span", {}, " · rule ", said(results[0].rule)) : null));
  });
  const field = (name, text, value) => h("label", {}, text, h("input", { name, required: true, value: value ?? "" }));
  return h("section", { class: "card", "aria-labelledby": "try" }, h("h2", { id: "try" }, "Try"), h("p", { class: "soft small" }, `By ${owner ? `${owner}’s` : "the"} policies in force; nothing changes.`),
    h("form", { class: "row", onsubmit: ask("messages", (one) => one.meaning) }, channel(), field("text", "A reply"), h("button", {}, "What does it mean?")),
    h("form", { class: "row", onsubmit: ask("codes", (one) => `${one.effect}${one.known ? "" : " (no policy knows this code)"} ${one.message ?? ""}`) }, channel(), field("provider", "Provider", "twilio"), field("code", "Error code"), h("button", {}, "What does it do?")),
    h("form", { class: "row", onsubmit: ask("sends", (one) => one.verdict === "allow" ? "allowed" : `blocked: ${one.reason}`) }, channel(), field("address", "Recipient"), h("button", {}, "Would it go out?")), out);
}
