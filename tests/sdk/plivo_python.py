"""Plivo's SDK for Python, with only its base addresses changed: what is set on a client, each call undoes."""

import plivo
import plivo.rest.client as transport
from plivo.exceptions import ValidationError

from common import BASE, BLOCKED, FREE, raises

for name in ("PLIVO_API_BASE_URI", "API_VOICE_BASE_URI", "API_VOICE_BASE_URI_FALLBACK_1", "API_VOICE_BASE_URI_FALLBACK_2"):
    setattr(transport, name, f"{BASE}/v1/Account")

client = plivo.RestClient("MAAAAAAAAAAAAAAAAAAA", "the-token")
SENDER = "15005550006"


def refused(act):
    error = raises(ValidationError, act)
    assert str(error).startswith("the recipient has opted out"), error


def send(*to):
    return client.messages.create(src=SENDER, dst="<".join(to), text="hello")


assert len(send(FREE).message_uuid) == 1
refused(lambda: send(BLOCKED))
# Of several the others are written to, and the answer names whom it left out.
some = send(BLOCKED, FREE)
assert len(some.message_uuid) == 1 and some.invalid_number == [BLOCKED], some

assert client.messages.create(src=SENDER, dst=FREE, text="hello", type_="mms", media_urls=["https://x/y.png"]).message_uuid


def call(*to):
    return client.calls.create(from_=SENDER, to_="<".join(to), answer_url="https://crm.example.com/answer")


assert call(FREE).request_uuid
refused(lambda: call(BLOCKED))
assert call(FREE, BLOCKED).request_uuid

assert client.verify_session.create(recipient=FREE[1:], channel="sms").session_uuid
refused(lambda: client.verify_session.create(recipient=BLOCKED[1:], channel="voice"))
