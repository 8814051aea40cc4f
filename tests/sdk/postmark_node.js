// Postmark's official SDK for Node, with only its address changed.
"use strict";

const { ServerClient, Errors } = require("postmark");
const { assert, BASE, FREE, BLOCKED } = require("./common");

const MESSAGE = { From: "team@example.com", Subject: "Hello", TextBody: "Hello" };
const TEMPLATE = { From: "team@example.com", TemplateAlias: "welcome", TemplateModel: {} };
const client = new ServerClient("TOKEN", { requestHost: BASE.replace("http://", ""), useHttps: false });

async function refused(promise) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof Errors.InactiveRecipientsError, error.stack);
    assert.equal(error.statusCode, 422);
    assert.equal(error.code, 406);
    assert.deepEqual(error.recipients, [BLOCKED]);
    assert.match(error.message, /Do-Not-Disturb: email; reason=/);
    return true;
  });
}

async function checks() {
  const sent = await client.sendEmail({ ...MESSAGE, To: `"Ö, Bob" <${FREE}>` });
  assert.equal(sent.ErrorCode, 0);
  assert.equal(sent.Message, "OK");
  await refused(client.sendEmail({ ...MESSAGE, To: `Ada Ö <${BLOCKED.toUpperCase()}>` }));
  await refused(client.sendEmailWithTemplate({ ...TEMPLATE, To: BLOCKED }));
  assert.equal((await client.sendEmailWithTemplate({ ...TEMPLATE, To: FREE })).ErrorCode, 0);

  const trimmed = await client.sendEmail({ ...MESSAGE, To: BLOCKED, Cc: FREE, Bcc: BLOCKED });
  assert.equal(trimmed.ErrorCode, 0);
  assert.match(trimmed.Message, new RegExp(`inactive addresses: ${BLOCKED}\\.`));

  // Each of a batch is answered in its place.
  const batch = await client.sendEmailBatch([
    { ...MESSAGE, To: BLOCKED },
    { ...MESSAGE, To: FREE },
    { ...MESSAGE, To: `friends: ${FREE};` },
    { ...MESSAGE, To: FREE, Cc: BLOCKED },
  ]);
  assert.deepEqual(batch.map((one) => one.ErrorCode), [406, 0, 300, 0]);
  assert.equal(batch[1].To, FREE);
  assert.match(batch[3].Message, new RegExp(`inactive addresses: ${BLOCKED}\\.`));
  const none = await client.sendEmailBatch([{ ...MESSAGE, To: BLOCKED }]);
  assert.deepEqual(none.map((one) => one.ErrorCode), [406]);
  const templates = await client.sendEmailBatchWithTemplates([
    { ...TEMPLATE, To: FREE },
    { ...TEMPLATE, To: BLOCKED },
  ]);
  assert.deepEqual(templates.map((one) => one.ErrorCode), [0, 406]);

  const bulk = await client.sendBulkEmail({ ...MESSAGE, Messages: [{ To: BLOCKED }, { To: FREE }] });
  assert.equal(bulk.Status, "Accepted");
  await refused(client.sendBulkEmail({ ...MESSAGE, Messages: [{ To: BLOCKED }] }));

  // What contacts nobody passes.
  assert.deepEqual((await client.getSuppressions("outbound")).Suppressions, []);
  const added = await client.createSuppressions("outbound", { Suppressions: [{ EmailAddress: FREE }] });
  assert.equal(added.Suppressions[0].Status, "Suppressed");
  const removed = await client.deleteSuppressions("outbound", { Suppressions: [{ EmailAddress: FREE }] });
  assert.equal(removed.Suppressions[0].Status, "Deleted");
}

checks().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
