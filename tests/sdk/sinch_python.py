"""Sinch's SDK for Python, with only its hosts changed."""

from sinch import SinchClient
from sinch.domains.conversation.api.v1.exceptions import ConversationException
from sinch.domains.sms.api.v1.exceptions import SmsException
from sinch.domains.voice.api.v2.exceptions import VoiceException

from common import BASE, BLOCKED, FREE, raises


def through(client):
    """Puts the gateway in place of each of the API's hosts."""
    configuration = client.configuration
    configuration.sms_domain = f"{BASE}/zt.{{}}.sms.api.sinch.com"
    configuration.sms_domain_with_service_plan_id = f"{BASE}/{{}}.sms.api.sinch.com"
    configuration.conversation_domain = f"{BASE}/{{}}.conversation.api.sinch.com"
    configuration.voice_v2_origin = f"{BASE}/voice.api.sinch.com"
    configuration.auth_origin = f"{BASE}/auth.sinch.com"
    return client


project = through(SinchClient(
    key_id="KEY", key_secret="SECRET", project_id="project1", sms_region="us", conversation_region="us"))
plan = through(SinchClient(service_plan_id="plan1", sms_api_token="TOKEN", sms_region="us"))

for client in (project, plan):
    def send(to, **more):
        return client.sms.batches.send_sms(to=to, from_="+15005550006", body="hello", **more)

    assert send([FREE]).id
    refused = raises(SmsException, lambda: send([BLOCKED]))
    assert refused.response_status_code == 403, refused.response_status_code
    assert refused.http_response.body["code"] == "forbidden_number", refused.http_response.body
    # Of several the others are written to, and the blocked one's parameters go along.
    assert send([BLOCKED, FREE], parameters={"name": {BLOCKED: "Ada", FREE: "Bob"}}).id
    assert client.sms.batches.dry_run_sms(to=[FREE], from_="+15005550006", body="hello")


def converse(*identities):
    return project.conversation.messages.send_text_message(
        app_id="A1", text="hello",
        recipient_identities=[{"channel": channel, "identity": identity} for channel, identity in identities])


assert converse(("SMS", FREE)).message_id
refused = raises(ConversationException, lambda: converse(("SMS", BLOCKED)))
assert refused.response_status_code == 403 and "PERMISSION_DENIED" in str(refused), refused
assert converse(("WHATSAPP", BLOCKED), ("SMS", FREE)).message_id

# A contact is looked up.
assert project.conversation.messages.send_text_message(app_id="A1", text="hello", contact_id="01FREE").message_id
raises(ConversationException, lambda: project.conversation.messages.send_text_message(
    app_id="A1", text="hello", contact_id="01BLOCKED"))


def dial(to, then=None):
    events = {"events": {"on_busy": [{"command": "dial", "to": phone(then)}]}} if then else {}
    return project.voice.v2.calls.start(commands=[{"command": "dial", "from_": phone("+15005550006"), "to": phone(to), **events}])


def phone(number):
    return {"type": "PHONE", "phone": {"number": number}}


assert dial(FREE).session_id
refused = raises(VoiceException, lambda: dial(BLOCKED))
assert refused.response_status_code == 403 and "does not want" in str(refused), refused
raises(VoiceException, lambda: dial(FREE, then=BLOCKED))
