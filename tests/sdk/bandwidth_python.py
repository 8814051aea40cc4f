"""Bandwidth's SDK for Python, with only its hosts changed."""

import bandwidth
from bandwidth.exceptions import BadRequestException

from common import BASE, BLOCKED, FREE, raises

ACCOUNT = "9900000"
SENDER = "+15005550006"


def client(host, version="v2"):
    """A client of one of its APIs: the SDK holds a host for each."""
    return bandwidth.ApiClient(bandwidth.Configuration(
        username="user", password="word", ignore_operation_servers=True, host=f"{BASE}/{host}/api/{version}"))


messages = bandwidth.MessagesApi(client("messaging.bandwidth.com"))


def send(*to):
    return messages.create_message(ACCOUNT, bandwidth.MessageRequest(
        application_id="app", to=list(to), var_from=SENDER, text="hello"))


assert send(FREE).id
refused = raises(BadRequestException, lambda: send(BLOCKED))
assert refused.data.field_errors[0].field_name == "to" and "Do-Not-Disturb" in refused.data.description, refused.data
assert "dndgate-verdict" in {name.lower() for name in refused.headers}
# Of a group the others are written to.
assert send(BLOCKED, FREE).id

several = bandwidth.MultiChannelApi(client("messaging.bandwidth.com"))


def multi(to):
    content = {"from": SENDER, "applicationId": "app", "channel": "SMS", "content": {"text": "hello"}}
    return several.create_multi_channel_message(ACCOUNT, bandwidth.MultiChannelMessageRequest.from_dict(
        {"to": to, "channelList": [content]}))


raises(BadRequestException, lambda: multi(BLOCKED))

calls = bandwidth.CallsApi(client("voice.bandwidth.com"))


def call(to):
    return calls.create_call(ACCOUNT, bandwidth.CreateCall(
        to=to, var_from=SENDER, application_id="app", answer_url="https://crm.example.com/answer"))


assert call(FREE).call_id
refused = raises(BadRequestException, lambda: call(BLOCKED))
assert "Do-Not-Disturb" in refused.data.description, refused.data
raises(BadRequestException, lambda: call(f"sip:{BLOCKED}@pbx.example.com"))
calls.update_call_bxml(ACCOUNT, "c-1", f"<Bxml><Transfer><PhoneNumber>{FREE}</PhoneNumber></Transfer></Bxml>")
raises(BadRequestException, lambda: calls.update_call_bxml(
    ACCOUNT, "c-1", f"<Bxml><Transfer><PhoneNumber>{BLOCKED}</PhoneNumber></Transfer></Bxml>"))

codes = bandwidth.MFAApi(client("mfa.bandwidth.com", "v1"))
request = {"var_from": SENDER, "application_id": "app", "message": "Your {NAME} {SCOPE} code is {CODE}", "digits": 6}
assert codes.generate_messaging_code(ACCOUNT, bandwidth.CodeRequest(to=FREE, **request)).message_id
raises(BadRequestException, lambda: codes.generate_messaging_code(ACCOUNT, bandwidth.CodeRequest(to=BLOCKED, **request)))
raises(BadRequestException, lambda: codes.generate_voice_code(ACCOUNT, bandwidth.CodeRequest(to=BLOCKED, **request)))
