"""The official Mailgun SDK for Python, with only its base URL changed. It does not raise: it hands over the answer."""

import sys

from mailgun.client import Client

from common import BASE, BLOCKED, FREE, last_metre

DOMAIN = "mg.example.com"


def send(client, **fields):
    data = {"from": f"team@{DOMAIN}", "subject": "Hello", "text": "Hello", **fields}
    return client.messages.create(domain=DOMAIN, data=data)


def check(client):
    sent = send(client, to=[FREE])
    assert sent.status_code == 200 and sent.json()["message"].startswith("Queued"), sent.text
    refused = send(client, to=[f"Ada Ö <{BLOCKED}>"])
    assert refused.status_code == 400, refused.text
    assert "Do-Not-Disturb" in refused.json()["message"], refused.text
    trimmed = send(client, to=[BLOCKED, FREE], cc=[BLOCKED])
    assert trimmed.status_code == 200, trimmed.text
    assert trimmed.headers["Dndgate-Verdict"].startswith("trimmed; blocked=1"), trimmed.headers
    attachment = [("attachment", ("a.txt", b"attached"))]
    data = {"from": f"team@{DOMAIN}", "to": [BLOCKED, FREE], "subject": "Hello", "text": "Hello"}
    trimmed = client.messages.create(domain=DOMAIN, data=data, files=attachment)
    assert trimmed.status_code == 200, trimmed.text
    assert trimmed.headers["Dndgate-Verdict"].startswith("trimmed; blocked=1"), trimmed.headers


def send_last_metre(client):
    def one(text):
        answer = send(client, to=[FREE], text=text)
        assert answer.status_code in (200, 400), answer.text
        return answer.status_code == 200

    last_metre(one)


with_key = Client(auth=("api", "key"), api_url=BASE)
if sys.argv[1] == "checks":
    check(with_key)
else:
    send_last_metre(with_key)
