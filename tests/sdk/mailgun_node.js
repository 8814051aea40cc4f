// The official Mailgun SDK for Node, with only its base URL changed.
"use strict";

const FormData = require("form-data");
const Mailgun = require("mailgun.js");
const { assert, BASE, FREE, BLOCKED, lastMetre, run } = require("./common");

const DOMAIN = "mg.example.com";
const MESSAGE = { from: `team@${DOMAIN}`, subject: "Hello", text: "Hello" };

function clients() {
  const options = { username: "api", key: "key", url: BASE };
  const Form = Mailgun.default ?? Mailgun;
  return [
    new Form(FormData).client(options),
    new Form(globalThis.FormData).client({ ...options, useFetch: true }),
  ];
}

async function refusal(promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.type, "MailgunAPIError");
    assert.equal(error.status, 400);
    assert.match(error.details, /Do-Not-Disturb/);
    return true;
  });
}

async function checks() {
  for (const client of clients()) {
    const sent = await client.messages.create(DOMAIN, { ...MESSAGE, to: [FREE] });
    assert.match(sent.message, /^Queued/);
    await refusal(client.messages.create(DOMAIN, { ...MESSAGE, to: [`"Ada, Ö" <${BLOCKED}>`] }));
    const trimmed = await client.messages.create(DOMAIN, { ...MESSAGE, to: [BLOCKED, FREE], cc: BLOCKED });
    assert.match(trimmed.message, /^Queued/);
    // The recipient comes after the attachment: fields are written in the caller's order.
    const attachment = { filename: "a.txt", data: Buffer.from("attached") };
    await client.messages.create(DOMAIN, { ...MESSAGE, attachment, to: [FREE, BLOCKED] });
    await refusal(client.messages.create(DOMAIN, { ...MESSAGE, attachment, to: BLOCKED }));
    const mime = `From: team@${DOMAIN}\r\nTo: ${FREE}\r\nSubject: Hello\r\n\r\nHello\r\n`;
    await client.messages.create(DOMAIN, { to: [FREE, BLOCKED], message: mime });
    await refusal(client.messages.create(DOMAIN, { to: [BLOCKED], message: mime }));
  }
}

async function last() {
  const [client] = clients();
  await lastMetre(async (text) => {
    try {
      await client.messages.create(DOMAIN, { ...MESSAGE, to: [FREE], text });
      return true;
    } catch (error) {
      assert.equal(error.status, 400);
      return false;
    }
  });
}

run(checks, last);
