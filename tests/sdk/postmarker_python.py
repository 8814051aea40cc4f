"""PyPI postmarker, with only its root URL changed."""

from postmarker.core import PostmarkClient
from postmarker.exceptions import ClientError

from common import BASE, BLOCKED, FREE, raises

client = PostmarkClient(server_token="TOKEN", root_api_url=BASE)


def send(**fields):
    return client.emails.send(From="team@example.com", Subject="Hello", TextBody="Hello", **fields)


assert send(To=FREE)["ErrorCode"] == 0
refused = raises(ClientError, lambda: send(To=f"Ada Ö <{BLOCKED}>"))
assert refused.error_code == 406, refused
assert "Do-Not-Disturb" in str(refused) and BLOCKED in str(refused), refused
trimmed = send(To=[BLOCKED, FREE], Cc=BLOCKED, Headers={"X-About": "somebody"})
assert f"inactive addresses: {BLOCKED}." in trimmed["Message"], trimmed

message = {"From": "team@example.com", "Subject": "Hello", "TextBody": "Hello"}
batch = client.emails.send_batch({**message, "To": BLOCKED}, {**message, "To": FREE})
assert [one["ErrorCode"] for one in batch] == [406, 0], batch
template = client.emails.send_with_template(
    TemplateAlias="welcome", TemplateModel={}, From="team@example.com", To=f"{FREE}, {BLOCKED}"
)
assert template["ErrorCode"] == 0, template
