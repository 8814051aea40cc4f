"""Brevo's SDK for Python and django-anymail, with only their base URL changed."""

import datetime

import django
from brevo import Brevo
from brevo.core.api_error import ApiError
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from common import BASE, BLOCKED, FREE, raises

SENDER = {"email": "team@mg.example.com", "name": "Team"}
PHONE = "14155550102"
client = Brevo(api_key="KEY", base_url=f"{BASE}/v3")


def send(**more):
    return client.transactional_emails.send_transac_email(sender=SENDER, subject="Hello", text_content="Hello", **more)


def to(address):
    return {"email": address}


def is_final(refused):
    assert refused.status_code == 400, refused
    assert refused.body["code"] == "invalid_parameter", refused.body
    assert "Do-Not-Disturb" in refused.body["message"], refused.body
    assert "dndgate-verdict" in refused.headers, refused.headers


def sdk():
    assert send(to=[to(FREE)]).message_id
    is_final(raises(ApiError, lambda: send(to=[to(BLOCKED.upper())])))
    assert send(to=[to(BLOCKED), to(FREE)], cc=[to(BLOCKED)]).message_id
    assert send(to=[to(BLOCKED)], cc=[to(FREE)]).message_id
    ids = send(message_versions=[{"to": [to(BLOCKED)]}, {"to": [to(FREE)]}, {"to": [to(BLOCKED)]}]).message_ids
    assert len(ids) == 3 and ids[0] == ids[2] == "" and ids[1], ids
    is_final(raises(ApiError, lambda: send(message_versions=[{"to": [to(BLOCKED)]}])))
    later = datetime.datetime(2026, 12, 24, 10, tzinfo=datetime.timezone.utc)
    assert send(to=[to(FREE)], scheduled_at=later).message_id

    texts = client.transactional_sms
    assert texts.send_async_transactional_sms(recipient=PHONE, sender="Shop", content="Hello").message_id
    blocked = PHONE.replace("02", "01")
    is_final(
        raises(ApiError, lambda: texts.send_async_transactional_sms(recipient=blocked, sender="Shop", content="Hello"))
    )
    # To lists that nobody can read, not without the operator's word.
    refused = raises(ApiError, lambda: client.email_campaigns.send_email_campaign_now(7))
    assert refused.status_code == 400, refused
    assert client.transactional_emails.get_transac_blocked_contacts().count == 0


def anymail():
    settings.configure(
        EMAIL_BACKEND="anymail.backends.brevo.EmailBackend",
        DEFAULT_CHARSET="utf-8",
        ANYMAIL={"BREVO_API_KEY": "KEY", "BREVO_API_URL": f"{BASE}/v3/"},
    )
    django.setup()
    from anymail.exceptions import AnymailRequestsAPIError

    def mail(to, **more):
        return EmailMultiAlternatives("Hello", "Hello", "team@mg.example.com", to, **more)

    message = mail([f"Bob Ö <{FREE}>"])
    assert message.send() == 1
    assert message.anymail_status.status == {"queued"}, message.anymail_status
    refused = raises(AnymailRequestsAPIError, lambda: mail([BLOCKED]).send())
    assert refused.status_code == 400 and "Do-Not-Disturb" in str(refused), refused
    assert mail([BLOCKED, FREE], cc=[BLOCKED]).send() == 1
    merged = mail([f"Ada <{BLOCKED}>", FREE])
    merged.merge_data = {BLOCKED: {"name": "Ada"}, FREE: {"name": "Bob"}}
    assert merged.send() == 1
    # Each has its own id.
    recipients = merged.anymail_status.recipients
    assert recipients[BLOCKED].message_id == "" and recipients[FREE].message_id, recipients


sdk()
anymail()
