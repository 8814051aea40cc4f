// MessageBird's SDK for Node. Its hosts are written into it, so its requests are led to the gateway.
"use strict";

const http = require("node:http");
const https = require("node:https");
const { assert, BASE, FREE, BLOCKED, run } = require("./common");

const gate = new URL(BASE);
https.request = (options) => http.request({
  ...options, protocol: "http:", hostname: gate.hostname, port: gate.port,
  path: `${gate.pathname}/${options.hostname}${options.path}`,
});

const client = require("messagebird").initClient("live_key");

// Its numbers have no plus.
const [free, blocked] = [FREE.slice(1), BLOCKED.slice(1)];

function done(act) {
  return new Promise((resolve, reject) => act((error, answer) => (error ? reject(error) : resolve(answer))));
}

async function refusal(act) {
  await assert.rejects(done(act), (error) => {
    assert.equal(error.statusCode, 422);
    assert.equal(error.errors[0].code, 9);
    assert.match(error.message, /no \(correct\) recipients found/);
    return true;
  });
}

async function checks() {
  const send = (...recipients) => (then) =>
    client.messages.create({ originator: "Acme", recipients, body: "hello" }, then);
  assert.equal((await done(send(free))).recipients.totalSentCount, 1);
  await refusal(send(blocked));
  const some = (await done(send(blocked, free))).recipients;
  assert.deepEqual([some.totalCount, some.totalSentCount], [2, 1]);

  const start = (to) => (then) => client.conversations.start(
    { channelId: "a75b4e8c", to, type: "text", content: { text: "hello" } }, then);
  assert.ok((await done(start(`+${free}`))).id);
  await refusal(start(`+${blocked}`));

  const reply = (number) => (then) => client.conversations.reply(
    `with-${number}`, { type: "text", content: { text: "hello" } }, then);
  assert.ok((await done(reply(free))).id);
  await refusal(reply(blocked));

  await refusal((then) => client.verify.create(blocked, { originator: "Acme" }, then));
}

run(checks);
