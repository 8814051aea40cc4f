"""boto3 for both versions of Amazon SES's API, and django-anymail, with only their endpoint changed."""

import boto3
import django
from botocore.config import Config
from botocore.exceptions import ClientError
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from common import BASE, BLOCKED, FREE, raises

PARAMETERS = {
    "endpoint_url": BASE,
    "region_name": "us-east-1",
    "aws_access_key_id": "AKIACRM",
    "aws_secret_access_key": "crm-secret",
}
NO_RETRY = Config(retries={"max_attempts": 0})
FROM = "team@mg.example.com"
SIMPLE = {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello"}}}

v2 = boto3.client("sesv2", config=NO_RETRY, **PARAMETERS)
v1 = boto3.client("ses", config=NO_RETRY, **PARAMETERS)


def send(**destination):
    return v2.send_email(FromEmailAddress=FROM, Destination=destination, Content={"Simple": SIMPLE})


def is_final(refused):
    assert refused.response["ResponseMetadata"]["HTTPStatusCode"] == 400, refused.response
    assert "Do-Not-Disturb" in refused.response["Error"]["Message"], refused.response
    assert "dndgate-verdict" in refused.response["ResponseMetadata"]["HTTPHeaders"], refused.response


def version_2():
    assert send(ToAddresses=[f"Bob <{FREE}>"])["MessageId"]
    is_final(raises(v2.exceptions.MessageRejected, lambda: send(ToAddresses=[BLOCKED.upper()])))
    assert send(ToAddresses=[BLOCKED, FREE], CcAddresses=[BLOCKED])["MessageId"]
    assert send(ToAddresses=[BLOCKED], CcAddresses=[FREE], BccAddresses=[BLOCKED])["MessageId"]
    # Only hidden copies would be left: they go with their mail.
    is_final(raises(v2.exceptions.MessageRejected, lambda: send(ToAddresses=[BLOCKED], BccAddresses=[FREE])))

    raw = f"From: {FROM}\r\nTo: {FREE}\r\nCc: Ada <{BLOCKED}>\r\nBcc: {BLOCKED}\r\nSubject: Hi\r\n\r\nHello\r\n"
    assert v2.send_email(Content={"Raw": {"Data": raw.encode()}})["MessageId"]
    raw = f"From: {FROM}\r\nSubject: Hi\r\nBcc: {BLOCKED}\r\n\r\nHello\r\n"
    is_final(raises(v2.exceptions.MessageRejected, lambda: v2.send_email(Content={"Raw": {"Data": raw.encode()}})))

    def bulk(*people):
        return v2.send_bulk_email(
            FromEmailAddress=FROM,
            DefaultContent={"Template": {"TemplateName": "welcome", "TemplateData": "{}"}},
            BulkEmailEntries=[{"Destination": {"ToAddresses": [one]}} for one in people],
        )["BulkEmailEntryResults"]

    results = bulk(BLOCKED, FREE, BLOCKED, FREE)
    assert [one["Status"] for one in results] == ["MESSAGE_REJECTED", "SUCCESS", "MESSAGE_REJECTED", "SUCCESS"], results
    assert all("MessageId" in one for one in results[1::2]), results
    is_final(raises(v2.exceptions.MessageRejected, lambda: bulk(BLOCKED)))

    verification = {"TemplateName": "verify"}
    assert v2.send_custom_verification_email(EmailAddress=FREE, **verification)["MessageId"]
    is_final(
        raises(
            v2.exceptions.MessageRejected,
            lambda: v2.send_custom_verification_email(EmailAddress=BLOCKED, **verification),
        )
    )
    # What contacts nobody passes, signed anew as everything is.
    raises(v2.exceptions.NotFoundException, lambda: v2.get_suppressed_destination(EmailAddress=f"a+b{FREE}"))
    assert v2.list_suppressed_destinations(Reasons=["BOUNCE"])["SuppressedDestinationSummaries"] == []


def version_1():
    def send(**destination):
        return v1.send_email(Source=FROM, Destination=destination, Message=SIMPLE)

    assert send(ToAddresses=[FREE])["MessageId"]
    is_final(raises(v1.exceptions.MessageRejected, lambda: send(ToAddresses=[BLOCKED])))
    assert send(ToAddresses=[BLOCKED, FREE], BccAddresses=[BLOCKED])["MessageId"]
    raw = {"Data": f"From: {FROM}\r\nTo: {FREE}, {BLOCKED}\r\nSubject: Hi\r\n\r\nHello\r\n".encode()}
    assert v1.send_raw_email(RawMessage=raw)["MessageId"]
    assert v1.send_raw_email(RawMessage=raw, Destinations=[BLOCKED, FREE])["MessageId"]
    results = v1.send_bulk_templated_email(
        Source=FROM,
        Template="welcome",
        DefaultTemplateData="{}",
        Destinations=[
            {"Destination": {"ToAddresses": [BLOCKED]}, "ReplacementTemplateData": '{"n":1}'},
            {"Destination": {"ToAddresses": [FREE]}, "ReplacementTemplateData": '{"n":2}'},
        ],
    )["Status"]
    assert [one["Status"] for one in results] == ["MessageRejected", "Success"], results


def another_key():
    stranger = boto3.client("sesv2", config=NO_RETRY, **{**PARAMETERS, "aws_secret_access_key": "other"})
    refused = raises(
        ClientError,
        lambda: stranger.send_email(
            FromEmailAddress=FROM, Destination={"ToAddresses": [FREE]}, Content={"Simple": SIMPLE}
        ),
    )
    assert refused.response["Error"]["Code"] == "SignatureDoesNotMatch", refused.response
    assert refused.response["ResponseMetadata"]["HTTPStatusCode"] == 403, refused.response


def anymail():
    settings.configure(
        EMAIL_BACKEND="anymail.backends.amazon_ses.EmailBackend",
        DEFAULT_CHARSET="utf-8",
        ANYMAIL={"AMAZON_SES_CLIENT_PARAMS": PARAMETERS},
    )
    django.setup()
    from anymail.exceptions import AnymailAPIError

    def mail(to, **more):
        return EmailMultiAlternatives("Hello", "Hello", FROM, to, **more)

    message = mail([f"Bob Ö <{FREE}>"])
    assert message.send() == 1
    assert message.anymail_status.status == {"queued"}, message.anymail_status
    refused = raises(AnymailAPIError, lambda: mail([BLOCKED]).send())
    assert "Do-Not-Disturb" in str(refused), refused
    assert mail([BLOCKED, FREE], cc=[BLOCKED]).send() == 1
    merged = mail([f"Ada <{BLOCKED}>", FREE])
    merged.subject = merged.body = None  # the template's
    merged.template_id = "welcome"
    merged.merge_data = {BLOCKED: {"name": "Ada"}, FREE: {"name": "Bob"}}
    assert merged.send() == 1


version_2()
version_1()
another_key()
anymail()
