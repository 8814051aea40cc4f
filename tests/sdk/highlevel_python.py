"""The CRM's own SDK for Python, with only its base URL changed."""

import asyncio
import os

from highlevel import HighLevel
from highlevel.error import GHLError

EVERYTHING = {
    "locationId": "default", "firstName": "Ada", "lastName": "Lovelace", "name": "Ada Lovelace",
    "email": "Ada@Example.org", "gender": "female", "phone": "+14155550101", "address1": "12 St James's Square",
    "city": "London", "state": "LND", "postalCode": "SW1Y", "website": "https://example.org",
    "timezone": "Europe/London", "tags": ["vip", "poet"],
    "customFields": [
        {"id": "c1", "key": "engine", "fieldValue": "analytical"},
        {"id": "c2", "fieldValue": ["a", "b"]},
        {"id": "c3", "fieldValue": {"nested": [1, 2.5, None]}},
    ],
    "source": "a test", "dateOfBirth": "1815-12-10", "country": "GB", "companyName": "Engines", "assignedTo": "u1",
    "dnd": False, "somethingNobodyKnows": {"kept": [True, "as it is"]},
    "dndSettings": {"whatsApp": {"status": "active", "message": "asked", "code": "7"}},
    "inboundDndSettings": {"all": {"status": "active", "message": "no calls"}},
}


def keeps(sent, back):
    for name, value in sent.items():
        if name not in ("dndSettings", "inboundDndSettings", "locationId"):
            assert back[name] == value, (name, back[name], value)


async def main():
    HighLevel.BASE_URL = os.environ["BASE"]
    contacts = HighLevel(private_integration_token=os.environ["TOKEN"]).contacts

    made = (await contacts.create_contact(EVERYTHING))["contact"]
    keeps(EVERYTHING, made)
    # This version of the API spells channels its own way; the names of old are there too.
    assert made["dndSettings"]["whatsApp"]["status"] == made["dndSettings"]["WhatsApp"]["status"] == "active"
    assert made["inboundDndSettings"]["all"]["status"] == "active"
    read = (await contacts.get_contact(made["id"]))["contact"]
    keeps(EVERYTHING, read)

    echoed = await contacts.update_contact(made["id"], read)
    assert echoed["succeeded"] is True, echoed
    keeps(EVERYTHING, echoed["contact"])
    assert echoed["contact"]["dndSettings"] == read["dndSettings"]
    read["dndSettings"]["whatsApp"]["status"] = "inactive"
    freed = (await contacts.update_contact(made["id"], read))["contact"]
    assert freed["dndSettings"]["whatsApp"]["status"] == "inactive", freed["dndSettings"]
    changed = await contacts.update_contact(made["id"], {"firstName": "Augusta", "dnd": True})
    assert changed["contact"]["firstName"] == "Augusta" and changed["contact"]["dndStatus"] == "on"

    again = await contacts.upsert_contact({"locationId": "default", "email": "ada@example.org", "city": "Paris"})
    assert (again["new"], again["contact"]["id"], again["contact"]["city"]) == (False, made["id"], "Paris")
    other = await contacts.upsert_contact({"locationId": "default", "phone": "+14155550102", "firstName": "Bob"})
    assert other["new"] is True

    duplicate = await contacts.get_duplicate_contact("default", number="+14155550101")
    assert duplicate["contact"]["id"] == made["id"]

    async def ids(**body):
        found = await contacts.search_contacts_advanced({"locationId": "default", "pageLimit": 20, **body})
        return [one["id"] for one in found["contacts"]]

    assert await ids(query="augu lov") == [made["id"]]
    assert await ids(query="(415) 555-0101") == [made["id"]]
    assert await ids(filters=[{"field": "dnd", "operator": "eq", "value": True}]) == [made["id"]]
    custom = {"field": "customFields.c1", "operator": "eq", "value": "analytical"}
    assert await ids(filters=[custom]) == [made["id"]]
    assert await ids(sort=[{"field": "firstNameLowerCase", "direction": "desc"}]) == [
        other["contact"]["id"],
        made["id"],
    ]

    assert (await contacts.delete_contact(made["id"]))["succeeded"] is True
    try:
        await contacts.get_contact(made["id"])
    except GHLError as error:
        assert error.status_code == 404, error
    else:
        raise AssertionError("an erased contact was found")
    print("good")


asyncio.run(main())
