// SendGrid's SDK for Node, with only its base URL changed.
"use strict";

const sgMail = require("@sendgrid/mail");
const { Client } = require("@sendgrid/client");
const { assert, BASE, FREE, BLOCKED, run } = require("./common");

async function checks() {
  const client = new Client();
  client.setApiKey("SG.key");
  client.setDefaultRequest("baseUrl", `${BASE}/`);
  sgMail.setClient(client);
  const from = "team@crm.example.com";
  const [sent] = await sgMail.send({ to: { email: FREE, name: "Bob Ö" }, from, subject: "Hello", text: "Hi" });
  assert.equal(sent.statusCode, 202);
  assert.equal(sent.headers["dndgate-verdict"], "allowed");

  await assert.rejects(sgMail.send({ to: BLOCKED, from, subject: "Hello", text: "Hi" }), (error) => {
    assert.equal(error.constructor.name, "ResponseError");
    assert.equal(error.code, 400);
    assert.equal(error.message, "Bad Request");
    const [first] = error.response.body.errors;
    assert.equal(first.field, "personalizations");
    assert.ok(first.message.includes("Do-Not-Disturb"), first.message);
    return true;
  });

  const [multiple] = await sgMail.sendMultiple({ to: [BLOCKED, FREE], from, subject: "Hello", text: "Hi" });
  assert.equal(multiple.statusCode, 202);
  assert.ok(multiple.headers["dndgate-verdict"].startsWith("trimmed"), multiple.headers["dndgate-verdict"]);
  const [copied] = await sgMail.send({ to: FREE, cc: [BLOCKED], bcc: BLOCKED.toUpperCase(), from, subject: "x", text: "y" })
    .catch((error) => assert.fail(JSON.stringify(error.response?.body)));
  assert.equal(copied.statusCode, 202);
  const [answer] = await client.request({ method: "GET", url: "/v3/suppression/bounces" });
  assert.equal(answer.statusCode, 200);
}

run(checks);
