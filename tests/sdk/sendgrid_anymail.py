"""django-anymail's backend for SendGrid, with only its API URL changed."""

import warnings

import django
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from common import BASE, BLOCKED, FREE, raises

# Anymail works with SendGrid and supports it no more.
warnings.simplefilter("ignore")
settings.configure(
    EMAIL_BACKEND="anymail.backends.sendgrid.EmailBackend",
    DEFAULT_CHARSET="utf-8",
    ANYMAIL={"SENDGRID_API_KEY": "SG.key", "SENDGRID_API_URL": f"{BASE}/v3/", "SENDGRID_MERGE_FIELD_FORMAT": ":{}"},
)
django.setup()

from anymail.exceptions import AnymailRequestsAPIError  # noqa: E402  (needs the settings)


def mail(to, **more):
    return EmailMultiAlternatives("Hello", "Hello", "team@crm.example.com", to, **more)


message = mail([f"Bob Ö <{FREE}>"])
assert message.send() == 1
assert message.anymail_status.status == {"queued"}, message.anymail_status
refused = raises(AnymailRequestsAPIError, lambda: mail([BLOCKED]).send())
assert refused.status_code == 400 and "Do-Not-Disturb" in str(refused), refused
assert mail([BLOCKED, FREE]).send() == 1
assert mail([BLOCKED], cc=[FREE]).send() == 1
merged = mail([f"Ada <{BLOCKED}>", FREE])
merged.merge_data = {BLOCKED: {"name": "Ada"}, FREE: {"name": "Bob"}}
assert merged.send() == 1
attached = mail([BLOCKED, FREE])
attached.attach("a.txt", "attached", "text/plain")
assert attached.send() == 1
