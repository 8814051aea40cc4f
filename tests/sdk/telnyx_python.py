"""Telnyx's SDK for Python, with only its base URL changed."""

import telnyx

from common import BASE, BLOCKED, FREE, raises

client = telnyx.Telnyx(api_key="KEY", base_url=f"{BASE}/v2", max_retries=0)


def send(to):
    return client.messages.send(from_="+15005550006", to=to, text="hello")


assert send(FREE).data.id
refused = raises(telnyx.BadRequestError, lambda: send(BLOCKED))
assert refused.body["errors"][0]["code"] == "40300", refused.body
assert "dndgate-verdict" in refused.response.headers

refused = raises(telnyx.BadRequestError, lambda: client.calls.dial(connection_id="1", from_="+15005550006", to=BLOCKED))
assert refused.body["errors"][0]["code"] == "40300", refused.body

# Of a group the others are written to.
assert client.messages.send_group_mms(from_="+15005550006", to=[BLOCKED, FREE], text="hello").data.id
