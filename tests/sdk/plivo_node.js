// Plivo's SDK for Node, with only its base address changed. Calls it makes at https://api.plivo.com whatever it is told.
"use strict";

const plivo = require("plivo");
const { assert, BASE, FREE, BLOCKED, run } = require("./common");

const ACCOUNT = "MAAAAAAAAAAAAAAAAAAA";

async function refusal(promise) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof Error);
    assert.match(error.message, /^the recipient has opted out/);
    return true;
  });
}

async function checks() {
  const client = new plivo.Client(ACCOUNT, "the-token", { url: `${BASE}/v1/Account/${ACCOUNT}` });
  const send = (...to) => client.messages.create({ src: "15005550006", dst: to.join("<"), text: "hello" });
  assert.equal((await send(FREE)).messageUuid.length, 1);
  await refusal(send(BLOCKED));
  const some = await send(BLOCKED, FREE);
  assert.equal(some.messageUuid.length, 1);
  assert.deepEqual(some.invalid_number, [BLOCKED]);
  await refusal(client.verify_session.create({ recipient: BLOCKED.slice(1), channel: "sms" }));
}

run(checks);
