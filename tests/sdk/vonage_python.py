"""Vonage's SDK for Python, with only its hosts changed."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from vonage import Auth, HttpClientOptions, Vonage
from vonage_http_client.errors import HttpRequestError
from vonage_messages.models import MessengerText, Sms, WhatsappText
from vonage_sms import SmsMessage
from vonage_sms.errors import SmsError
from vonage_verify import EmailChannel, SmsChannel, VerifyRequest, VoiceChannel
from vonage_verify_legacy import VerifyError, VerifyRequest as OldVerifyRequest
from vonage_voice.models import Connect, CreateCallRequest, PhoneEndpoint, Talk, ToPhone

from common import BASE, BLOCKED, FREE, raises

# Its numbers have no plus.
FREE, BLOCKED, SENDER = FREE[1:], BLOCKED[1:], "15005550006"
HOSTS = HttpClientOptions(api_host=BASE, rest_host=f"{BASE}/rest.nexmo.com", max_retries=0)


def refused(error):
    """A refusal of one of the newer APIs."""
    body = error.response.json()
    assert error.response.status_code == 422, error.response.status_code
    assert body["dnd_reason"] == "all" and body["type"].endswith("#1050"), body
    assert error.response.headers["dndgate-verdict"].startswith("blocked")


def key():
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return text.decode()


by_secret = Auth(api_key="abcd1234", api_secret="secret")
by_signature = Auth(api_key="abcd1234", signature_secret="signing", signature_method="sha256")
for auth in (by_secret, by_signature):
    client = Vonage(auth, HOSTS)
    assert client.sms.send(SmsMessage(to=FREE, from_="Acme", text="hello")).messages[0].status == "0"
    blocked = SmsMessage(to=BLOCKED, from_="Acme", text="hello")
    assert "error code 7" in str(raises(SmsError, lambda: client.sms.send(blocked)))

client = Vonage(by_secret, HOSTS)
assert client.messages.send(Sms(to=FREE, from_="Acme", text="hello")).message_uuid
refused(raises(HttpRequestError, lambda: client.messages.send(Sms(to=BLOCKED, from_="Acme", text="hello"))))
# A fallback to somebody who wants nothing is taken out; a message to them is not sent to anybody else instead.
rcs, fallback = Sms(to=FREE, from_="Acme", text="hello"), WhatsappText(to=BLOCKED, from_=SENDER, text="hello")
assert client.messages.send(rcs, failover=[fallback]).message_uuid
refused(raises(HttpRequestError, lambda: client.messages.send(fallback, failover=[rcs])))

assert client.verify.start_verification(VerifyRequest(brand="Acme", workflow=[SmsChannel(to=FREE)])).request_id
steps = [SmsChannel(to=BLOCKED), VoiceChannel(to=BLOCKED)]
refused(raises(HttpRequestError, lambda: client.verify.start_verification(
    VerifyRequest(brand="Acme", workflow=steps))))
assert client.verify_legacy.start_verification(OldVerifyRequest(number=FREE, brand="Acme")).request_id
raises(VerifyError, lambda: client.verify_legacy.start_verification(OldVerifyRequest(number=BLOCKED, brand="Acme")))

caller = Vonage(Auth(application_id="78d335fa-323d-0114-9c3d-d6f0d48968cf", private_key=key()), HOSTS)


def call(to, *connected):
    connects = [Connect(endpoint=[PhoneEndpoint(number=one)], from_=SENDER) for one in connected]
    return caller.voice.create_call(CreateCallRequest(
        to=[ToPhone(number=to)], from_={"type": "phone", "number": SENDER}, ncco=[Talk(text="hello"), *connects]))


assert call(FREE).uuid
refused(raises(HttpRequestError, lambda: call(BLOCKED)))
# Of those whom the call connects to, the others stay.
assert call(FREE, BLOCKED, FREE).uuid
