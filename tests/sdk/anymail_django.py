"""django-anymail, with only its API URL changed."""

import sys

import django
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from common import BASE, BLOCKED, FREE, last_metre, raises

settings.configure(
    EMAIL_BACKEND="anymail.backends.mailgun.EmailBackend",
    DEFAULT_CHARSET="utf-8",
    ANYMAIL={
        "MAILGUN_API_KEY": "key",
        "MAILGUN_API_URL": f"{BASE}/v3",
        "MAILGUN_SENDER_DOMAIN": "mg.example.com",
    },
)
django.setup()

from anymail.exceptions import AnymailRequestsAPIError  # noqa: E402  (needs the settings)


def mail(to, text="Hello", **more):
    return EmailMultiAlternatives("Hello", text, "team@mg.example.com", to, **more)


def check():
    message = mail([f"Bob Ö <{FREE}>"])
    assert message.send() == 1
    assert message.anymail_status.status == {"queued"}, message.anymail_status
    refused = raises(AnymailRequestsAPIError, lambda: mail([BLOCKED]).send())
    assert refused.status_code == 400, refused
    assert "Do-Not-Disturb" in str(refused), refused
    assert mail([BLOCKED, FREE], cc=[BLOCKED]).send() == 1
    merged = mail([f"Ada <{BLOCKED}>", FREE])
    merged.merge_data = {BLOCKED: {"name": "Ada"}, FREE: {"name": "Bob"}}
    assert merged.send() == 1
    attached = mail([BLOCKED, FREE])
    attached.attach("a.txt", "attached", "text/plain")
    attached.attach_alternative("<p>Hello</p>", "text/html")
    assert attached.send() == 1


def send_last_metre():
    def one(text):
        try:
            return mail([FREE], text, connection=get_connection()).send() == 1
        except AnymailRequestsAPIError as refused:
            assert refused.status_code == 400, refused
            return False

    last_metre(one)


if sys.argv[1] == "checks":
    check()
else:
    send_last_metre()
