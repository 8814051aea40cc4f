// Telnyx's SDK for Node, with only its base address changed.
"use strict";

const { Telnyx, BadRequestError } = require("telnyx");
const { assert, BASE, FREE, BLOCKED, run } = require("./common");

const { PUBLIC_KEY } = process.env;
const FROM = "+15005550006";

async function refused(promise) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof BadRequestError, `${error}`);
    assert.equal(error.status, 400);
    assert.equal(error.error.errors[0].code, "40300");
    assert.match(error.headers.get("dndgate-verdict"), /^blocked; /);
    return true;
  });
}

async function checks() {
  const client = new Telnyx({ apiKey: "KEY", publicKey: PUBLIC_KEY, baseURL: `${BASE}/v2`, maxRetries: 0 });
  const send = (to) => client.messages.send({ from: FROM, to, text: "hello" });
  assert.ok((await send(FREE)).data.id);
  await refused(send(BLOCKED));
  await refused(client.messages.sendNumberPool({ messaging_profile_id: "1", to: BLOCKED, text: "hello" }));
  await refused(client.messages.whatsapp({ from: FROM, to: BLOCKED, whatsapp_message: { type: "text" } }));
  assert.ok((await client.calls.dial({ connection_id: "1", from: FROM, to: FREE })).data.call_control_id);
  await refused(client.calls.dial({ connection_id: "1", from: FROM, to: BLOCKED }));
  await refused(client.verifications.triggerSMS({ phone_number: BLOCKED, verify_profile_id: "1" }));

  // Of a group the others are written to, and the answer's header says so.
  const group = await client.messages.sendGroupMms({ from: FROM, to: [BLOCKED, FREE], text: "hello" }).withResponse();
  assert.deepEqual(group.data.data.to.map((one) => one.phone_number), [FREE]);
  assert.match(group.response.headers.get("dndgate-verdict"), /^trimmed; blocked=1/);
  await refused(client.messages.sendGroupMms({ from: FROM, to: [BLOCKED], text: "hello" }));
  // Several are rung at once: the free one is.
  assert.ok((await client.calls.dial({ connection_id: "1", from: FROM, to: [FREE, BLOCKED] })).data.call_control_id);

  // A webhook as it reached the CRM is believed, and one that was changed is not.
  const webhook = JSON.parse(process.env.WEBHOOK);
  const { headers } = webhook;
  const event = await client.webhooks.unwrap(webhook.body, { headers });
  assert.equal(event.data.event_type, "message.received");
  assert.equal(event.data.payload.text, "STOP");
  await assert.rejects(client.webhooks.unwrap(webhook.body.replace("STOP", "STAY"), { headers }));
}

run(checks);
