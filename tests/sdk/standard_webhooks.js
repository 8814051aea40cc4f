// Verifies one event with the official library of Standard Webhooks. Exit code 3: it refuses.
"use strict";

const { Webhook, WebhookVerificationError } = require("standardwebhooks");

const { SECRET, BODY, ID, TIMESTAMP, SIGNATURE } = process.env;
const headers = { "webhook-id": ID, "webhook-timestamp": TIMESTAMP, "webhook-signature": SIGNATURE };
try {
  console.log(new Webhook(SECRET).verify(BODY, headers).type);
} catch (error) {
  if (!(error instanceof WebhookVerificationError)) throw error;
  process.exit(3);
}
