"""SparkPost's official SDK for Python, with only its base URI changed."""

from sparkpost import SparkPost
from sparkpost.exceptions import SparkPostAPIException

from common import BASE, BLOCKED, FREE, raises

client = SparkPost("KEY", base_uri=BASE)


def send(recipients, **more):
    return client.transmissions.send(
        recipients=recipients, from_email="Team <team@example.com>", subject="Hello", text="Hello", **more
    )


assert send([FREE])["total_accepted_recipients"] == 1
refused = raises(SparkPostAPIException, lambda: send([f"Ada <{BLOCKED}>"]))
assert refused.status == 400, refused
assert "Code: 1902" in refused.errors[0] and "Do-Not-Disturb" in refused.errors[0], refused.errors
trimmed = send([f"Bob <{FREE}>", BLOCKED], cc=[BLOCKED], bcc=[BLOCKED])
assert (trimmed["total_accepted_recipients"], trimmed["total_rejected_recipients"]) == (1, 3), trimmed
copied = send([BLOCKED], cc=[FREE])
assert (copied["total_accepted_recipients"], copied["total_rejected_recipients"]) == (1, 1), copied
refused = raises(SparkPostAPIException, lambda: send([BLOCKED], bcc=[FREE]))
assert refused.status == 400, refused
refused = raises(SparkPostAPIException, lambda: client.transmissions.send(recipient_list="spring", template="x"))
assert "Code: 1300" in refused.errors[0], refused.errors
