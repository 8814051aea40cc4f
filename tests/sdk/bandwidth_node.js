// Bandwidth's SDK for Node, with only its hosts changed.
"use strict";

const { operationServerMap } = require("bandwidth-sdk/dist/base");
const { CallsApi, Configuration, MessagesApi, MFAApi } = require("bandwidth-sdk");
const { assert, BASE, FREE, BLOCKED, run } = require("./common");

const ACCOUNT = "9900000";
const SENDER = "+15005550006";

for (const [server] of Object.values(operationServerMap)) server.url = server.url.replace("https://", `${BASE}/`);

async function refusal(promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.name, "AxiosError");
    assert.equal(error.response.status, 400);
    assert.ok(error.response.headers["dndgate-verdict"].startsWith("blocked"));
    assert.equal(error.response.data.dnd.reason, "all");
    return true;
  });
}

async function checks() {
  const configuration = new Configuration({ username: "user", password: "word" });
  const messages = new MessagesApi(configuration);
  const send = (...to) => messages.createMessage(ACCOUNT, { applicationId: "app", to, from: SENDER, text: "hello" });
  assert.ok((await send(FREE)).data.id);
  await refusal(send(BLOCKED));
  assert.ok((await send(BLOCKED, FREE)).data.id);

  const calls = new CallsApi(configuration);
  const call = (to) => calls.createCall(ACCOUNT, {
    applicationId: "app", to, from: SENDER, answerUrl: "https://crm.example.com/answer" });
  assert.ok((await call(FREE)).data.callId);
  await refusal(call(BLOCKED));
  await refusal(calls.updateCallBxml(ACCOUNT, "c-1", `<Bxml><Transfer><PhoneNumber>${BLOCKED}</PhoneNumber></Transfer></Bxml>`));

  const codes = new MFAApi(configuration);
  await refusal(codes.generateMessagingCode(ACCOUNT, {
    to: BLOCKED, from: SENDER, applicationId: "app", message: "Code {CODE}", digits: 6 }));
}

run(checks, checks);
