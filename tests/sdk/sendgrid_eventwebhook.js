// SendGrid's own verifier in the CRM, over what was passed on.
"use strict";

const { EventWebhook } = require("@sendgrid/eventwebhook");
const assert = require("node:assert/strict");

const { KEY, BODY, SIGNATURE, TIMESTAMP } = process.env;
const verifier = new EventWebhook();
const key = verifier.convertPublicKeyToECDSA(KEY);
assert.ok(verifier.verifySignature(key, BODY, SIGNATURE, TIMESTAMP));
assert.ok(!verifier.verifySignature(key, `${BODY} `, SIGNATURE, TIMESTAMP));
