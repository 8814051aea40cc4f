"""SendGrid's SDK for Python, with only its base URL changed."""

import json

import sendgrid
from python_http_client.exceptions import BadRequestsError
from sendgrid.helpers.mail import Bcc, BatchId, Cc, Mail, Personalization, SendAt, To

from common import BASE, BLOCKED, FREE, raises

client = sendgrid.SendGridAPIClient("SG.key", host=BASE)


def mail(*to, **more):
    return Mail(from_email="team@crm.example.com", to_emails=list(to), subject="Hello", plain_text_content="Hi", **more)


sent = client.send(mail((FREE, "Bob Ö")))
assert sent.status_code == 202, sent.status_code
assert sent.headers["X-Message-Id"] and sent.headers["dndgate-verdict"] == "allowed", sent.headers

refused = raises(BadRequestsError, lambda: client.send(mail((BLOCKED, "Smith, Ada"))))
assert refused.status_code == 400
error = refused.to_dict["errors"][0]
assert error["field"] == "personalizations" and "Do-Not-Disturb" in error["message"], error
assert "blocked" in refused.headers["dndgate-verdict"], refused.headers

# Of two addressees one is left; a copied person becomes the addressee.
assert client.send(mail(FREE, BLOCKED)).status_code == 202
copied = mail(BLOCKED)
copied.add_cc(Cc(FREE))
assert client.send(copied).status_code == 202

# Of a template to several people each with data of their own, one goes with all that is theirs.
several = Mail(from_email="team@crm.example.com")
several.template_id = "d-1234"
for address, name in ((BLOCKED, "Ada"), (FREE, "Bob")):
    person = Personalization()
    person.add_to(To(address, name))
    person.add_bcc(Bcc("archive@crm.example.com"))
    person.dynamic_template_data = {"name": name}
    several.add_personalization(person)
taken = client.send(several)
assert taken.status_code == 202 and "trimmed" in taken.headers["dndgate-verdict"], taken.headers

# What leaves later must be cancellable.
batch = json.loads(client.client.mail.batch.post().body)["batch_id"]
later = mail(FREE)
later.send_at = SendAt(1795500000)
refused = raises(BadRequestsError, lambda: client.send(later))
assert "scheduled" in refused.to_dict["errors"][0]["message"], refused.body
later.batch_id = BatchId(batch)
assert client.send(later).status_code == 202

# Marketing: a test names its people; a list is SendGrid's.
test = {"template_id": "f8f77db8", "emails": [BLOCKED], "from_address": "team@crm.example.com"}
raises(BadRequestsError, lambda: client.client.marketing.test.send_email.post(request_body=test))
schedule = client.client.marketing.singlesends._("27c21bbf").schedule
refused = raises(BadRequestsError, lambda: schedule.put(request_body={"send_at": "now"}))
assert "lists" in refused.to_dict["errors"][0]["message"], refused.body
assert client.client.suppression.bounces.get().status_code == 200
