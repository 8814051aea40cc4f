// Brevo's official SDK for Node, with only its base URL changed.
"use strict";

const { BrevoClient, Brevo } = require("@getbrevo/brevo");
const { assert, BASE, FREE, BLOCKED } = require("./common");

const client = new BrevoClient({ apiKey: "KEY", baseUrl: `${BASE}/v3`, maxRetries: 0 });
const MESSAGE = { sender: { email: "team@mg.example.com" }, subject: "Hello", htmlContent: "<p>Hello</p>" };
const send = (more) => client.transactionalEmails.sendTransacEmail({ ...MESSAGE, ...more });
const to = (email) => ({ email });

async function refused(promise) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof Brevo.BadRequestError, error.stack);
    assert.equal(error.statusCode, 400);
    assert.equal(error.body.code, "invalid_parameter");
    assert.match(error.body.message, /Do-Not-Disturb/);
    return true;
  });
}

async function checks() {
  assert.ok((await send({ to: [to(FREE)] })).messageId);
  await refused(send({ to: [{ email: BLOCKED, name: "Ada" }] }));
  assert.ok((await send({ to: [to(BLOCKED)], cc: [to(FREE)] })).messageId);
  const { messageIds } = await send({ messageVersions: [{ to: [to(FREE)] }, { to: [to(BLOCKED)] }] });
  assert.equal(messageIds.length, 2);
  assert.ok(messageIds[0] && messageIds[1] === "");
  const text = { recipient: "14155550102", sender: "Shop", content: "Hello" };
  assert.ok((await client.transactionalSms.sendAsyncTransactionalSms(text)).messageId);
  await refused(client.transactionalSms.sendAsyncTransactionalSms({ ...text, recipient: "14155550101" }));
}

checks().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
