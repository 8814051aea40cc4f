"""The official Twilio SDK for Python, with only its base URL changed."""

import asyncio
import json
import sys
from urllib.parse import urlsplit, urlunsplit

from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from common import BASE, BLOCKED, FREE, last_metre, raises

ACCOUNT = "AC00000000000000000000000000000001"
SENDER = "+15005550006"


def through_gate(base, url):
    """The URL at the gateway, the product's host kept as a segment."""
    base, at = urlsplit(base), urlsplit(url)
    path = f"{base.path.rstrip('/')}/{at.netloc}{at.path}"
    return urlunsplit((base.scheme, base.netloc, path, at.query, ""))


class ViaGateway(TwilioHttpClient):
    def request(self, method, url, *args, **options):
        return super().request(method, through_gate(BASE, url), *args, **options)


class AsyncViaGateway(AsyncTwilioHttpClient):
    async def request(self, method, url, *args, **options):
        return await super().request(method, through_gate(BASE, url), *args, **options)


def short():
    """The short way: messages and calls only."""
    client = Client(ACCOUNT, "secret")
    client.api.base_url = BASE
    return client


def whole():
    """An HTTP client of our own: every product."""
    return Client(ACCOUNT, "secret", http_client=ViaGateway())


def check_messages_and_calls(client):
    sent = client.messages.create(to=FREE, from_=SENDER, body="Hello é 😀", media_url=["https://a.example/1", "https://a.example/2"])
    assert sent.sid.startswith("SM") and sent.to == FREE, sent
    refused = raises(TwilioRestException, lambda: client.messages.create(to=BLOCKED, from_=SENDER, body="Hello"))
    assert (refused.status, refused.code) == (400, 21610), refused
    assert "unsubscribed recipient" in refused.msg, refused.msg
    assert refused.details["dnd_reason"] == "all", refused.details
    for to in (f"whatsapp:{BLOCKED}", BLOCKED.removeprefix("+")):
        refused = raises(TwilioRestException, lambda: client.messages.create(to=to, from_=SENDER, body="Hello"))
        assert refused.code == 21610, (to, refused)
    call = client.calls.create(to=FREE, from_=SENDER, twiml="<Response><Say>Hello</Say></Response>")
    assert call.sid.startswith("CA"), call
    refused = raises(TwilioRestException, lambda: client.calls.create(to=BLOCKED, from_=SENDER, url="https://a.example/voice"))
    assert (refused.status, refused.code) == (400, 21216), refused
    assert client.messages.list(to=BLOCKED, limit=5) == []


def check_other_products(client):
    refused = raises(
        TwilioRestException,
        lambda: client.verify.v2.services("VA1").verifications.create(to=BLOCKED, channel="sms"),
    )
    assert (refused.status, refused.code) == (400, 21610), refused
    refused = raises(
        TwilioRestException,
        lambda: client.studio.v2.flows("FW1").executions.create(to=BLOCKED, from_=SENDER),
    )
    assert refused.status == 400, refused
    participants = [
        json.dumps({"messaging_binding": {"address": to, "proxy_address": SENDER}}) for to in (BLOCKED, FREE)
    ]
    client.conversations.v1.conversation_with_participants.create(participant=participants)


async def check_async():
    async with AsyncViaGateway() as http_client:
        client = Client(ACCOUNT, "secret", http_client=http_client)
        sent = await client.messages.create_async(to=FREE, from_=SENDER, body="Hello")
        assert sent.sid.startswith("SM"), sent
        try:
            await client.messages.create_async(to=BLOCKED, from_=SENDER, body="Hello")
            raise AssertionError("no exception was raised")
        except TwilioRestException as refused:
            assert refused.code == 21610, refused


def send_last_metre(client):
    def send(text):
        try:
            client.messages.create(to=FREE, from_=SENDER, body=text)
            return True
        except TwilioRestException as refused:
            assert refused.code == 21610, refused
            return False

    last_metre(send)


if sys.argv[1] == "checks":
    check_messages_and_calls(short())
    check_messages_and_calls(whole())
    check_other_products(whole())
    asyncio.run(check_async())
else:
    send_last_metre(short())
