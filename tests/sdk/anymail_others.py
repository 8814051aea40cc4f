"""django-anymail for Postmark and SparkPost, with only its API URL changed."""

import os

import django
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from common import BASE, BLOCKED, FREE, raises

BACKEND = os.environ["BACKEND"]

settings.configure(
    EMAIL_BACKEND=f"anymail.backends.{BACKEND}.EmailBackend",
    DEFAULT_CHARSET="utf-8",
    ANYMAIL={
        "POSTMARK_SERVER_TOKEN": "TOKEN",
        "POSTMARK_API_URL": f"{BASE}/",
        "SPARKPOST_API_KEY": "KEY",
        "SPARKPOST_API_URL": f"{BASE}/api/v1/",
    },
)
django.setup()

from anymail.exceptions import AnymailRecipientsRefused, AnymailRequestsAPIError  # noqa: E402  (needs the settings)


def mail(to, text="Hello", **more):
    return EmailMultiAlternatives("Hello", text, "team@example.com", to, **more)


def status(message):
    return {address: one.status for address, one in message.anymail_status.recipients.items()}


def postmark():
    message = mail([f"Bob Ö <{FREE}>"])
    assert message.send() == 1
    assert status(message) == {FREE: "sent"}
    refused = mail([BLOCKED], cc=[f"Ada <{BLOCKED}>"])
    raises(AnymailRecipientsRefused, refused.send)
    assert status(refused) == {BLOCKED: "rejected"}
    trimmed = mail([BLOCKED, FREE], bcc=[BLOCKED])
    assert trimmed.send() == 1
    assert status(trimmed) == {BLOCKED: "rejected", FREE: "sent"}
    merged = mail([f"Ada <{BLOCKED}>", FREE])
    merged.merge_metadata = {BLOCKED: {"id": 1}, FREE: {"id": 2}}
    assert merged.send() == 1
    assert status(merged) == {BLOCKED: "rejected", FREE: "sent"}
    template = mail([FREE], text="", cc=[BLOCKED])
    template.subject = ""
    template.template_id = "welcome"
    assert template.send() == 1
    assert status(template) == {BLOCKED: "rejected", FREE: "sent"}


def sparkpost():
    message = mail([f"Bob Ö <{FREE}>"])
    assert message.send() == 1
    assert status(message) == {FREE: "queued"}
    refused = raises(AnymailRequestsAPIError, lambda: mail([BLOCKED]).send())
    assert refused.status_code == 400, refused
    assert "Do-Not-Disturb" in str(refused), refused
    # SparkPost tells how many it took, not whom.
    trimmed = mail([BLOCKED, FREE], cc=[BLOCKED])
    assert trimmed.send() == 1
    assert status(trimmed) == {BLOCKED: "unknown", FREE: "unknown"}
    merged = mail([f"Ada <{BLOCKED}>", FREE])
    merged.merge_data = {BLOCKED: {"name": "Ada"}, FREE: {"name": "Bob"}}
    assert merged.send() == 1


{"postmark": postmark, "sparkpost": sparkpost}[BACKEND]()
