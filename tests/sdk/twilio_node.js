// The official Twilio SDK for Node, with only its base URL changed.
"use strict";

const twilio = require("twilio");
const RequestClient = require("twilio/lib/base/RequestClient");
const { assert, BASE, FREE, BLOCKED, lastMetre, run } = require("./common");

const ACCOUNT = "AC00000000000000000000000000000001";
const SENDER = "+15005550006";

class ViaGateway extends RequestClient {
  request(options) {
    const base = new URL(BASE);
    const at = new URL(options.uri);
    const path = `${base.pathname.replace(/\/$/, "")}/${at.host}${at.pathname}${at.search}`;
    return super.request({ ...options, uri: base.origin + path });
  }
}

// The short way: messages and calls only.
function short() {
  const client = twilio(ACCOUNT, "secret");
  client.api.baseUrl = BASE;
  return client;
}

// An HTTP client of our own: every product. It repeats what is answered with 429, which a refusal never is.
function whole() {
  return twilio(ACCOUNT, "secret", { httpClient: new ViaGateway(), autoRetry: true });
}

async function refusal(promise, code) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.constructor.name, "RestException");
    assert.deepEqual([error.status, error.code], [400, code]);
    assert.ok(error.message.length > 0);
    return true;
  });
}

async function checks() {
  for (const client of [short(), whole()]) {
    const sent = await client.messages.create({ to: FREE, from: SENDER, body: "Hello é 😀" });
    assert.ok(sent.sid.startsWith("SM"));
    await refusal(client.messages.create({ to: BLOCKED, from: SENDER, body: "Hello" }), 21610);
    await refusal(client.messages.create({ to: `whatsapp:${BLOCKED}`, from: SENDER, body: "Hello" }), 21610);
    const call = await client.calls.create({ to: FREE, from: SENDER, twiml: "<Response><Say>Hello</Say></Response>" });
    assert.ok(call.sid.startsWith("CA"));
    await refusal(client.calls.create({ to: BLOCKED, from: SENDER, url: "https://a.example/voice" }), 21216);
    assert.deepEqual(await client.messages.list({ to: BLOCKED, limit: 5 }), []);
  }
  const client = whole();
  await refusal(client.verify.v2.services("VA1").verifications.create({ to: BLOCKED, channel: "sms" }), 21610);
  const participant = [BLOCKED, FREE].map((address) =>
    JSON.stringify({ messaging_binding: { address, proxy_address: SENDER } }));
  await client.conversations.v1.conversationWithParticipants.create({ participant });
}

async function last() {
  const client = short();
  await lastMetre(async (body) => {
    try {
      await client.messages.create({ to: FREE, from: SENDER, body });
      return true;
    } catch (error) {
      assert.equal(error.code, 21610);
      return false;
    }
  });
}

run(checks, last);
