// AWS's SDK for JavaScript, with only its endpoint changed.
"use strict";

const ses = require("@aws-sdk/client-sesv2");
const { assert, BASE, FREE, BLOCKED } = require("./common");

const FROM = "team@mg.example.com";
const SIMPLE = { Simple: { Subject: { Data: "Hello" }, Body: { Html: { Data: "<p>Hello</p>" } } } };

function client(secretAccessKey) {
  return new ses.SESv2Client({
    endpoint: BASE,
    region: "us-east-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "AKIACRM", secretAccessKey },
  });
}

const own = client("crm-secret");
const send = (Destination, Content = SIMPLE, by = own) =>
  by.send(new ses.SendEmailCommand({ FromEmailAddress: FROM, Destination, Content }));

async function rejected(promise) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof ses.MessageRejected, error.stack);
    assert.equal(error.$metadata.httpStatusCode, 400);
    assert.match(error.message, /Do-Not-Disturb/);
    return true;
  });
}

async function checks() {
  assert.ok((await send({ ToAddresses: [FREE] })).MessageId);
  await rejected(send({ ToAddresses: [`Ada <${BLOCKED}>`] }));
  assert.ok((await send({ ToAddresses: [BLOCKED], CcAddresses: [FREE] })).MessageId);
  const raw = { Raw: { Data: Buffer.from(`From: ${FROM}\r\nTo: ${FREE}, ${BLOCKED}\r\n\r\nHello`) } };
  assert.ok((await send(undefined, raw)).MessageId);

  const bulk = (people) =>
    own.send(
      new ses.SendBulkEmailCommand({
        FromEmailAddress: FROM,
        DefaultContent: { Template: { TemplateName: "welcome", TemplateData: "{}" } },
        BulkEmailEntries: people.map((one) => ({ Destination: { ToAddresses: [one] } })),
      }),
    );
  const { BulkEmailEntryResults: results } = await bulk([FREE, BLOCKED, FREE]);
  assert.deepEqual(results.map((one) => one.Status), ["SUCCESS", "MESSAGE_REJECTED", "SUCCESS"]);
  await rejected(bulk([BLOCKED, BLOCKED]));

  await assert.rejects(send({ ToAddresses: [FREE] }, SIMPLE, client("other")), (error) => {
    assert.equal(error.name, "SignatureDoesNotMatch");
    return true;
  });
  await assert.rejects(
    own.send(new ses.GetSuppressedDestinationCommand({ EmailAddress: FREE })),
    (error) => error instanceof ses.NotFoundException,
  );
}

checks().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
