// SparkPost's official SDK for Node, with only its origin changed.
"use strict";

const SparkPost = require("sparkpost");
const { assert, BASE, FREE, BLOCKED } = require("./common");

const client = new SparkPost("KEY", { origin: BASE });
const CONTENT = { from: "team@example.com", subject: "Hello", text: "Hello" };

async function refused(promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.name, "SparkPostError");
    assert.equal(error.statusCode, 400);
    assert.equal(error.message, "Bad Request");
    assert.equal(error.errors[0].code, "1902");
    assert.match(error.errors[0].description, /Do-Not-Disturb: email; reason=/);
    return true;
  });
}

async function checks() {
  const sent = await client.transmissions.send({ content: CONTENT, recipients: [{ address: FREE }] });
  assert.equal(sent.results.total_accepted_recipients, 1);
  await refused(client.transmissions.send({ content: CONTENT, recipients: [{ address: BLOCKED }] }));
  await refused(
    client.transmissions.send({
      content: CONTENT,
      recipients: [{ address: BLOCKED }],
      bcc: [{ address: FREE }],
    }),
  );
  const trimmed = await client.transmissions.send(
    {
      content: CONTENT,
      recipients: [{ address: { email: FREE, name: "Bob" } }, { address: BLOCKED }],
      cc: [{ address: { email: BLOCKED, name: "Ada" } }],
    },
    { num_rcpt_errors: 3 },
  );
  assert.equal(trimmed.results.total_accepted_recipients, 1);
  assert.equal(trimmed.results.total_rejected_recipients, 2);
  await assert.rejects(
    client.transmissions.send({ content: CONTENT, recipients: { list_id: "spring" } }),
    (error) => error.statusCode === 400 && error.errors[0].code === "1300",
  );
  await assert.rejects(client.suppressionList.get(BLOCKED), (error) => error.statusCode === 404);
}

checks().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
