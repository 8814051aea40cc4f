// Vonage's SDK for Node, with only its hosts changed.
"use strict";

const crypto = require("node:crypto");
const { Vonage } = require("@vonage/server-sdk");
const { assert, BASE, FREE, BLOCKED, run } = require("./common");

const SENDER = "15005550006";
// Its numbers have no plus.
const [free, blocked] = [FREE.slice(1), BLOCKED.slice(1)];

async function refusal(promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.constructor.name, "VetchError");
    assert.equal(error.response.status, 422);
    assert.ok(error.response.headers.get("dndgate-verdict").startsWith("blocked"));
    return true;
  });
}

async function checks() {
  const { privateKey } = crypto.generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const credentials = { apiKey: "abcd1234", apiSecret: "secret", applicationId: "78d335fa-323d-0114", privateKey };
  const vonage = new Vonage(credentials, { apiHost: BASE, restHost: `${BASE}/rest.nexmo.com` });

  const text = (to) => vonage.sms.send({ to, from: "Acme", text: "hello" });
  assert.equal((await text(free)).messages[0].status, "0");
  await assert.rejects(text(blocked), (error) => {
    // It compares a count with a text, and so calls every failure a partial one.
    assert.equal(error.constructor.name, "MessageSendPartialFailure");
    assert.equal(error.getFailedMessages()[0].status, "7");
    return true;
  });

  const message = (to, more) =>
    vonage.messages.send({ channel: "sms", messageType: "text", to, from: "Acme", text: "hello", ...more });
  assert.ok((await message(free)).messageUUID);
  await refusal(message(blocked));
  await refusal(vonage.messages.send({
    channel: "whatsapp", messageType: "text", to: blocked, from: SENDER, text: "hello" }));
  // A fallback to somebody who wants nothing is taken out; a message to them is not sent to anybody else instead.
  const onWhatsApp = (to) => ({ channel: "whatsapp", messageType: "text", to, from: SENDER, text: "hello" });
  assert.ok((await message(free, { failover: [onWhatsApp(blocked)] })).messageUUID);
  await refusal(message(blocked, { failover: [onWhatsApp(free)] }));

  const call = (to) => vonage.voice.createOutboundCall({
    to: [{ type: "phone", number: to }], from: { type: "phone", number: SENDER },
    ncco: [{ action: "talk", text: "hello" }] });
  assert.ok((await call(free)).uuid);
  await refusal(call(blocked));

  const verify = (to) => vonage.verify2.newRequest({ brand: "Acme", workflow: [{ channel: "sms", to }] });
  assert.ok((await verify(free)).requestId);
  await refusal(verify(blocked));
}

run(checks);
