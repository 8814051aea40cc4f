// What the checks of both SDKs share.
"use strict";

const assert = require("node:assert/strict");

const { BASE, FREE, BLOCKED } = process.env;
const SENDS = 1000;
const AT_ONCE = 8;

// Posts the webhook with which the provider reports the opt-out, signed by whoever started this.
async function optOut() {
  const webhook = JSON.parse(process.env.WEBHOOK);
  const answer = await fetch(webhook.url, { method: "POST", headers: webhook.headers, body: webhook.body });
  assert.equal(answer.status, 200);
}

// 1,000 sends to one person who opts out halfway. `send(text)` says whether the message went out. Each text says
// whether the send began before the opt-out was acknowledged or after, so that whoever sees what reached the
// provider can tell without comparing clocks.
async function lastMetre(send) {
  let next = 0;
  let acknowledged = false;
  const outcomes = [];
  async function worker() {
    while (next < SENDS) {
      const number = next++;
      if (number === SENDS / 2) {
        await optOut();
        acknowledged = true;
      }
      const after = acknowledged;
      outcomes.push({ after, went: await send(`${after ? "after" : "before"} ${number}`) });
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  assert.equal(outcomes.length, SENDS);
  const after = outcomes.filter((one) => one.after);
  assert.ok(after.length > 0 && !after.some((one) => one.went), "some went out after the opt-out");
  console.log(JSON.stringify({ went_out: outcomes.filter((one) => one.went).length, after: after.length }));
}

function run(checks, last) {
  const what = process.argv[2] === "checks" ? checks : last;
  what().catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
}

module.exports = { assert, BASE, FREE, BLOCKED, lastMetre, run };
