"""Google's client for Python, from a discovery document of which only the root URL is the gateway's."""

import sys

import httplib2
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

from common import BASE, BLOCKED, FREE, raises

STRING = {"type": "string"}


def method(http_method, path, places, queries=()):
    """A method as a discovery document writes it."""
    parameters = {name: {**STRING, "required": True, "location": "path"} for name in places}
    parameters.update({name: {**STRING, "location": "query"} for name in queries})
    described = {
        "id": path,
        "path": path,
        "httpMethod": http_method,
        "parameters": parameters,
        "parameterOrder": list(places),
        "response": {"$ref": "Any"},
    }
    if http_method == "POST":
        described["request"] = {"$ref": "Any"}
    return described


def api(name, root, resources):
    return {
        "kind": "discovery#restDescription",
        "name": name,
        "version": "v1",
        "rootUrl": root,
        "baseUrl": root,
        "servicePath": "",
        "batchPath": "batch",
        "parameters": {},
        "schemas": {"Any": {"id": "Any", "type": "object", "properties": {}}},
        "resources": resources,
    }


def client(name, root, resources):
    return build_from_document(api(name, root, resources), http=httplib2.Http())


def phones(root):
    person = ["parent"]
    sends = {
        "agentMessages": {
            "methods": {
                "create": method("POST", "v1/{+parent}/agentMessages", person, ["messageId", "agentId"]),
                "delete": method("DELETE", "v1/{+name}", ["name"], ["agentId"]),
            }
        },
        "agentEvents": {
            "methods": {"create": method("POST", "v1/{+parent}/agentEvents", person, ["eventId", "agentId"])}
        },
        "testers": {"methods": {"create": method("POST", "v1/{+parent}/testers", person, ["agentId"])}},
    }
    read = {"getCapabilities": method("GET", "v1/{+name}/capabilities", ["name"], ["requestId", "agentId"])}
    resources = {"phones": {"methods": read, "resources": sends}}
    return client("rcsbusinessmessaging", root, resources).phones()


def refusal(error):
    assert error.resp.status == 403, error
    [detail] = error.error_details
    assert detail["reason"] == "RECIPIENT_OPTED_OUT" and detail["domain"] == "dndgate", detail
    assert "dndgate-verdict" in error.resp, error.resp
    return detail


def message(people, number):
    body = {"contentMessage": {"text": "hello"}, "messageTrafficType": "PROMOTION"}
    return people.agentMessages().create(parent=f"phones/{number}", messageId="m1", agentId="acme", body=body)


def rcs():
    people = phones(f"{BASE}/rbm/")
    assert message(people, FREE).execute()["name"].startswith(f"phones/{FREE}/agentMessages/")
    detail = refusal(raises(HttpError, message(people, BLOCKED).execute))
    assert detail["metadata"]["channel"] == "SMS", detail
    # Without its plus it is the same number.
    refusal(raises(HttpError, message(people, BLOCKED.lstrip("+")).execute))
    invitation = people.testers().create(parent=f"phones/{BLOCKED}", agentId="acme", body={"inviteStatus": "PENDING"})
    refusal(raises(HttpError, invitation.execute))
    # What is no message passes.
    typing = {"eventType": "IS_TYPING"}
    people.agentEvents().create(parent=f"phones/{BLOCKED}", eventId="e1", agentId="acme", body=typing).execute()
    people.agentMessages().delete(name=f"phones/{BLOCKED}/agentMessages/m0", agentId="acme").execute()
    people.getCapabilities(name=f"phones/{BLOCKED}", requestId="r1", agentId="acme").execute()


def batch(root, numbers):
    """What came of each part."""
    outcomes = {}
    people = phones(root)
    service = client("rcsbusinessmessaging", root, {})
    parts = service.new_batch_http_request(callback=lambda id, answer, error: outcomes.update({id: error or answer}))
    for number in numbers:
        parts.add(message(people, number), request_id=number)
    parts.execute(http=httplib2.Http())
    assert list(sorted(outcomes)) == sorted(numbers), outcomes
    return outcomes


def batches(own):
    mixed = batch(own, [BLOCKED, FREE])
    assert mixed[FREE]["name"].startswith(f"phones/{FREE}/"), mixed
    assert mixed[BLOCKED].resp.status == "403" or mixed[BLOCKED].resp.status == 403, mixed
    assert mixed[BLOCKED].error_details[0]["reason"] == "RECIPIENT_OPTED_OUT", mixed
    alone = batch(own, [BLOCKED])
    assert alone[BLOCKED].error_details[0]["reason"] == "RECIPIENT_OPTED_OUT", alone
    # Through the prefix the paths inside are not the API's own.
    through = batch(f"{BASE}/rbm/", [FREE])
    assert "listen" in through[FREE].reason, through


def chat():
    person = ["parent"]
    sends = {
        "messages": {"methods": {"create": method("POST", "v1/{+parent}/messages", person, ["forceFallback"])}},
        "surveys": {"methods": {"create": method("POST", "v1/{+parent}/surveys", person, ["surveyId"])}},
        "events": {"methods": {"create": method("POST", "v1/{+parent}/events", person, ["eventId"])}},
    }
    root = f"{BASE}/gmb/"
    people = client("businessmessages", root, {"conversations": {"resources": sends}}).conversations()
    free, blocked = (f"conversations/{name}" for name in sys.argv[2:4])
    body = {"messageId": "m1", "representative": {"representativeType": "BOT"}, "text": "hello"}
    assert people.messages().create(parent=free, body=body).execute()["name"].startswith(free)
    detail = refusal(raises(HttpError, people.messages().create(parent=blocked, body=body).execute))
    assert detail["metadata"]["channel"] == "GMB", detail
    refusal(raises(HttpError, people.surveys().create(parent=blocked, surveyId="s1", body={}).execute))
    people.events().create(parent=blocked, eventId="e1", body={"eventType": "TYPING_STARTED"}).execute()


rcs()
batches(sys.argv[1])
chat()
