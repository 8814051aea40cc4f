// The ways out of a locked row: opt-in evidence, and the release after a spam complaint.
import { get, isOperator, post, postForm } from "./api.js";
import { act, channelTitle, dialog, fill, h, problem, said, say, time, whoTitle } from "./dom.js";
import { file } from "./history.js";

/** Records how a person agreed to be contacted again. */
export function optIn({ contact, again }, channel) {
  const today = new Date().toISOString().slice(0, 10);
  dialog("Record opt-in evidence", (close) => {
    const wrong = h("div");
    return [h("p", { class: "soft" }, `${channelTitle(channel)} is locked, because the person opted out there. A START reply lifts it by itself. Or record here how the person agreed to be contacted again; then the row can be switched off.`),
      h("form", {
        onsubmit: act(wrong, async (event) => {
          const form = new FormData(event.target);
          form.set("channel", channel);
          if (!form.get("file")?.size) form.delete("file");
          const { evidence } = await postForm(`v1/contacts/${encodeURIComponent(contact.id)}/evidence`, form);
          close();
          say(evidence.status === "pending" ? "Recorded. A second person has to approve it." : "Recorded. The row can be switched off now.");
          await again();
        }),
      },
      h("label", {}, "What the person agreed to, word for word", h("textarea", { name: "text", rows: "3", required: true })),
      h("div", { class: "row" },
        h("label", {}, "Where that stands", h("input", { name: "source", required: true, placeholder: "Web form, call, letter" })),
        h("label", {}, "Given on", h("input", { name: "obtainedAt", type: "date", required: true, value: today, max: today }))),
      h("label", {}, "File (optional: PDF, picture, text)", h("input", { name: "file", type: "file" })),
      h("div", { class: "row" }, h("button", { class: "main" }, "Record"), h("button", { type: "button", onclick: close }, "Cancel")), wrong)];
  });
}

/** What was filed for a contact, and what a second person makes of it. */
export function proofs({ evidence, again }) {
  if (!evidence.length) return null;
  const wrong = h("div");
  const decide = (id, what) => act(wrong, async () => {
    await post(`v1/evidence/${encodeURIComponent(id)}/${what}`, {});
    say(what === "approve" ? "Approved." : "Rejected.");
    await again();
  });
  const looks = { pending: ["warn", "waits for a second person"], approved: ["good", "approved"], rejected: ["bad", "rejected"] };
  return h("section", { class: "card", "aria-labelledby": "proofs" }, h("h2", { id: "proofs" }, "Evidence"), h("ol", { class: "line" }, evidence.map((one) => h("li", { class: "evidence" },
    h("strong", {}, channelTitle(one.channel)), " ", h("span", { class: `pill ${looks[one.status]?.[0] ?? ""}` }, looks[one.status]?.[1] ?? one.status),
    h("div", {}, "“", said(one.text), "”"),
    h("div", { class: "soft small" }, said(one.source), " · given ", time(one.obtainedAt), " · filed by ", said(whoTitle(one.filedBy ?? "")), one.decidedBy ? [" · decided by ", said(whoTitle(one.decidedBy))] : "", file(one)),
    one.status === "pending" && isOperator() ? h("div", { class: "row" }, h("button", { onclick: decide(one.id, "approve") }, "Approve"), h("button", { onclick: decide(one.id, "reject") }, "Reject")) : null))), wrong);
}

/** Those that wait for a second person, wherever they were filed. */
export const waiting = async () => (await get("v1/evidence?status=pending&limit=100")).evidence;

/** The release after a spam complaint: a list of steps, checked with the provider while the dialog is open. */
export function release({ contact, again }) {
  let timer = 0;
  let count = 0;
  dialog("Release after a spam complaint", (close) => {
    const wrong = h("div");
    const list = h("div", { role: "status", "aria-busy": "true" }, h("p", { class: "soft" }, "Asking the provider …"));
    const word = h("textarea", { rows: "2", name: "word" });
    const wordLabel = h("label", { hidden: true }, "Your word: why the address is good and the person wants mail", word);
    const remove = h("button", { type: "button", hidden: true, onclick: act(wrong, () => run({ remove: true })) }, "Take it off the provider’s lists");
    const confirm = h("button", { type: "button", hidden: true, onclick: act(wrong, () => run({ confirmation: { reason: word.value.trim() } })) }, "Confirm the address");
    const end = h("button", { type: "button", class: "main", disabled: true, onclick: act(wrong, () => run({ end: true })) }, "Release the complaint");
    const check = h("button", { type: "button", onclick: act(wrong, () => run({})) }, "Check again");

    // One after the other: what was found out by one reading is not to be overtaken by another that began before.
    let turn = Promise.resolve();
    function run(body) {
      const mine = turn.then(() => take(body));
      turn = mine.catch(() => {});
      return mine;
    }

    async function take(body) {
      clearTimeout(timer);
      clearInterval(count);
      list.setAttribute("aria-busy", "true");
      let answer;
      try {
        answer = await post(`v1/contacts/${encodeURIComponent(contact.id)}/email-release`, body);
      } catch (error) {
        if (!error.body?.releases) {
          fill(list, problem(error));
          return;
        }
        answer = error.body;
      } finally {
        list.removeAttribute("aria-busy");
      }
      if (answer.contact) {
        close();
        say("The complaint is released.");
        return again();
      }
      const missing = (answer.missing ?? []).map((one) => one.step);
      const wait = h("span", {}, "");
      fill(list, answer.releases.map((one) => steps(one, wait)));
      remove.hidden = !missing.includes("lists-present");
      wordLabel.hidden = confirm.hidden = !missing.includes("confirmation");
      end.disabled = !answer.ready;
      if (answer.ready) end.focus();
      const at = Date.parse(answer.retryAt ?? "");
      if (missing.some((step) => step === "second-reading" || step === "fresh-reading") && at) {
        const left = () => Math.max(0, Math.ceil((at - Date.now()) / 1000));
        const tell = () => { wait.textContent = left() ? ` It is read again in ${left() > 90 ? `${Math.ceil(left() / 60)} minutes` : `${left()} seconds`}, by itself while this stays open.` : ""; };
        tell();
        count = setInterval(tell, 1000);
        timer = setTimeout(() => act(wrong, () => run({}))(), Math.max(100, at - Date.now() + 100));
      }
    }
    act(wrong, () => run({}))();
    return [h("p", { class: "soft" }, "Somebody at this address marked a mail as spam. Before Email can be switched on again the address must be off the provider’s suppression lists and valid. Each step is checked with the provider now, and kept on record."),
      list, wordLabel, h("div", { class: "row" }, end, remove, confirm, check), wrong];
  }, () => {
    clearTimeout(timer);
    clearInterval(count);
  });
}

/** One address' steps, each done, wrong or waiting. */
function steps(one, wait) {
  const missing = new Set(one.missing);
  const step = (state, title, ...more) => h("li", { class: state }, h("span", { class: "sign", "aria-hidden": "true" }, { done: "✓", wrong: "✕", waits: "…" }[state] ?? "·"),
    h("div", {}, title, h("span", { class: "unseen" }, ` (${{ done: "done", wrong: "not as it must be", waits: "still to come" }[state] ?? "nothing to do now"})`), more));
  const lists = missing.has("lists-present") ? "wrong" : missing.has("lists-unverified") ? "wrong" : "done";
  const validation = missing.has("address-bad") ? "wrong" : missing.has("validation") ? "waits" : "done";
  const readings = one.steps.filter((step) => step.step === "lists").at(-1)?.readings ?? [];
  const validated = one.steps.findLast((step) => step.step === "validation");
  return [h("h3", {}, said(one.address)), h("ol", { class: "steps" },
    step(lists, missing.has("lists-unverified") ? "The provider’s suppression lists could not be read with certainty" : lists === "done" ? "Off the provider’s suppression lists" : "On a suppression list of the provider",
      readings.length ? h("ul", { class: "soft small" }, readings.map((reading) => h("li", {}, said([reading.provider, reading.account, reading.list].filter(Boolean).join(" · ")), `: ${reading.outcome ?? reading.presence ?? ""} `, reading.says ? said(reading.says) : ""))) : null),
    step(missing.has("second-reading") || missing.has("fresh-reading") ? "waits" : lists === "done" ? "done" : "waits", "Read a second time, a little later", wait),
    step(validation, validation === "wrong" ? "No mail arrives at the address" : "The address is valid", validated?.says ? h("div", { class: "soft small" }, said(validated.says), ` (${validated.by})`) : null),
    step(missing.has("confirmation") ? "waits" : one.confirmation ? "done" : "", one.confirmation ? ["An operator’s word: “", said(one.confirmation.reason), "”"] : missing.has("confirmation") ? "An operator’s word" : one.validation === "good" ? "An operator’s word: not needed, the provider validated the address" : "An operator’s word, once the address is known to be valid"))];
}
