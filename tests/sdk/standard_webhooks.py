"""Verifies one event with the official library of Standard Webhooks. Exit code 3: it refuses."""

import os
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

headers = {
    "webhook-id": os.environ["ID"],
    "webhook-timestamp": os.environ["TIMESTAMP"],
    "webhook-signature": os.environ["SIGNATURE"],
}
try:
    event = Webhook(os.environ["SECRET"]).verify(os.environ["BODY"], headers)
except WebhookVerificationError:
    sys.exit(3)
print(event["type"])
