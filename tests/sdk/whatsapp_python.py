"""PyPI pywa, with only the base URL of its HTTP client changed."""

import json
import os

import httpx
from pywa import WhatsApp
from pywa.errors import CallPermissionNotFound, InvalidParameter, UserStoppedMarketingMessages
from pywa.types.calls import SessionDescription
from pywa.types.templates import TemplateLanguage
from pywa.utils import webhook_updates_validator

from common import BASE, BLOCKED, FREE, raises

http = httpx.Client()
client = WhatsApp(phone_id="106540352242922", token="T", session=http)
http.base_url = f"{BASE}/v23.0"

assert client.send_message(to=FREE, text=f"hello, not {BLOCKED}").id == "wamid.X"

# However the number is written, and by the id that stands for it.
written = f"{BLOCKED[:2]} ({BLOCKED[2:5]}) {BLOCKED[5:8]}-{BLOCKED[8:]}"
for to in (BLOCKED, BLOCKED[1:], written, os.environ["BLOCKED_ID"]):
    refused = raises(UserStoppedMarketingMessages, lambda: client.send_message(to=to, text="hello"))
    assert refused.status_code == 400, refused
    assert "do-not-disturb" in refused.details, refused
    assert "blocked; channel=whatsapp" in refused.raw_response.headers["dndgate-verdict"]
raises(
    UserStoppedMarketingMessages,
    lambda: client.send_template(to=BLOCKED, name="promo", language=TemplateLanguage.ENGLISH_US, params=[]),
)
raises(UserStoppedMarketingMessages, lambda: client.send_reaction(to=BLOCKED, emoji="👍", message_id="wamid.X"))
raises(InvalidParameter, lambda: client.send_message(to=f"{FREE},{BLOCKED}", text="hello"))
offer = SessionDescription(sdp_type="offer", sdp="v=0")
raises(CallPermissionNotFound, lambda: client.initiate_call(to=BLOCKED, sdp=offer))
assert client.initiate_call(to=FREE, sdp=offer).id

# What contacts nobody.
client.mark_message_as_read("wamid.X")
client.indicate_typing("wamid.X")
assert client.upload_media(media=b"\x89PNG\x00\xff", mime_type="image/png", filename="a.png").id == "MEDIA"

# What the gateway passed on is what Meta signed.
webhook = json.loads(os.environ["WEBHOOK"])
assert webhook_updates_validator(webhook["secret"], webhook["body"].encode(), webhook["signature"])
