"""MessageBird's SDK for Python, with only its base addresses changed."""

import messagebird.client as transport
from messagebird.client import Client, ErrorException

from common import BASE, BLOCKED, FREE, raises

transport.ENDPOINT = f"{BASE}/"
transport.CONVERSATION_API_ROOT = f"{BASE}/conversations.messagebird.com/v1/"
transport.VOICE_API_ROOT = f"{BASE}/voice.messagebird.com/"

# Its numbers have no plus.
FREE, BLOCKED = FREE[1:], BLOCKED[1:]
client = Client("live_key")


def refused(act):
    error = raises(ErrorException, act).errors[0]
    assert error.code == 9 and "no (correct) recipients found" in error.description, error


def send(*to):
    return client.message_create("Acme", list(to), "hello", {"reference": "r"})


assert send(FREE).recipients["totalSentCount"] == 1
refused(lambda: send(BLOCKED))
# Of several the others are written to; the answer counts and lists all of them.
some = send(BLOCKED, FREE).recipients
assert some["totalCount"] == 2 and some["totalSentCount"] == 1, some
status = {str(one.recipient): one.status for one in some["items"]}
assert status == {FREE: "sent", BLOCKED: "delivery_failed"}, status

assert client.voice_message_create([FREE], "hello").id
refused(lambda: client.voice_message_create([BLOCKED], "hello"))

assert client.verify_create(FREE, {"type": "tts"}).id
refused(lambda: client.verify_create(BLOCKED))


def start(to):
    return client.conversation_start(
        {"channelId": "a75b4e8c", "to": to, "type": "text", "content": {"text": "hello"}})


assert start(f"+{FREE}").id
refused(lambda: start(f"+{BLOCKED}"))

# Who is in a conversation, the gateway asks.


def reply(number):
    return client.conversation_create_message(
        f"with-{number}", {"channelId": "a75b4e8c", "type": "text", "content": {"text": "hello"}})


assert reply(FREE).id
refused(lambda: reply(BLOCKED))


def call(to, *transfers):
    steps = [{"action": "say", "options": {"payload": "hello", "language": "en-GB", "voice": "male"}}]
    steps += [{"action": "transfer", "options": {"destination": one}} for one in transfers]
    return client.call_create("31644556677", to, {"title": "t", "steps": steps}, {"url": "https://crm.example.com/"})


assert call(FREE).data.id
refused(lambda: call(BLOCKED))
assert call(FREE, BLOCKED).data.id
