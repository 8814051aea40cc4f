// The CRM's own SDK for Node, with only its base URL changed.
"use strict";
const assert = require("node:assert/strict");
const { HighLevel, GHLError } = require("@gohighlevel/api-client");

const everything = {
  locationId: "default", firstName: "Ada", lastName: "Lovelace", name: "Ada Lovelace", email: "Ada@Example.org",
  gender: "female", phone: "+14155550101", address1: "12 St James's Square", city: "London", state: "LND",
  postalCode: "SW1Y", website: "https://example.org", timezone: "Europe/London", tags: ["vip", "poet"],
  customFields: [
    { id: "c1", key: "engine", field_value: "analytical" },
    { id: "c2", field_value: ["a", "b"] },
    { id: "c3", field_value: { nested: [1, 2.5, null] } },
  ],
  source: "a test", dateOfBirth: "1815-12-10", country: "GB", companyName: "Engines", assignedTo: "u1",
  dnd: false, somethingNobodyKnows: { kept: [true, "as it is"] },
  dndSettings: { WhatsApp: { status: "active", message: "asked", code: "7" } },
  inboundDndSettings: { all: { status: "active", message: "no calls" } },
};

function keeps(sent, back) {
  for (const [name, value] of Object.entries(sent)) {
    if (["dndSettings", "inboundDndSettings", "locationId"].includes(name)) continue;
    assert.deepEqual(back[name], value, name);
  }
}

async function main() {
  HighLevel.BASE_URL = process.env.BASE;
  const { contacts } = new HighLevel({ privateIntegrationToken: process.env.TOKEN });

  const made = (await contacts.createContact(everything)).contact;
  keeps(everything, made);
  assert.equal(made.dndSettings.WhatsApp.status, "active");
  assert.equal(made.dndSettings.WhatsApp.message, "asked");
  assert.equal(made.inboundDndSettings.all.status, "active");
  assert.equal(made.dndStatus, "partial");
  const read = (await contacts.getContact({ contactId: made.id })).contact;
  keeps(everything, read);

  // What was read may be sent back as it is.
  const echoed = await contacts.updateContact({ contactId: made.id }, read);
  assert.equal(echoed.succeded, true);
  keeps(everything, echoed.contact);
  const changed = (await contacts.updateContact({ contactId: made.id }, { firstName: "Augusta", dnd: true })).contact;
  assert.deepEqual([changed.firstName, changed.lastName, changed.dnd, changed.dndStatus], ["Augusta", "Lovelace", true, "on"]);

  const again = await contacts.upsertContact({ locationId: "default", email: "ada@example.org", city: "Paris" });
  assert.deepEqual([again.new, again.contact.id, again.contact.city, again.contact.dnd], [false, made.id, "Paris", true]);
  const other = await contacts.upsertContact({ locationId: "default", phone: "+14155550102", firstName: "Bob" });
  assert.equal(other.new, true);

  const duplicate = await contacts.getDuplicateContact({ locationId: "default", number: "+14155550101" });
  assert.equal(duplicate.contact.id, made.id);
  assert.equal((await contacts.getDuplicateContact({ locationId: "default", email: "ADA@EXAMPLE.ORG" })).contact.id, made.id);

  const found = async (body) => (await contacts.searchContactsAdvanced({ locationId: "default", pageLimit: 20, ...body }));
  const ids = async (body) => (await found(body)).contacts.map((one) => one.id);
  assert.deepEqual(await ids({ query: "augu lov" }), [made.id]);
  assert.deepEqual(await ids({ query: "(415) 555-0101" }), [made.id]);
  assert.deepEqual(await ids({ filters: [{ field: "dnd", operator: "eq", value: true }] }), [made.id]);
  assert.deepEqual(await ids({ filters: [{ field: "tags", operator: "contains", value: "poe" }] }), [made.id]);
  assert.deepEqual(await ids({ filters: [{ field: "customFields.c1", operator: "eq", value: "analytical" }] }), [made.id]);
  const all = await found({ sort: [{ field: "firstNameLowerCase", direction: "desc" }] });
  assert.deepEqual([all.total, all.contacts.map((one) => one.firstName)], [2, ["Bob", "Augusta"]]);
  const first = await found({ pageLimit: 1 });
  const second = await found({ pageLimit: 1, searchAfter: first.contacts[0].searchAfter });
  assert.deepEqual([first.contacts[0].id, second.contacts[0].id], [other.contact.id, made.id]);

  assert.equal((await contacts.deleteContact({ contactId: made.id })).succeded, true);
  await assert.rejects(contacts.getContact({ contactId: made.id }), (error) => {
    assert.ok(error instanceof GHLError, error);
    assert.equal(error.statusCode, 404);
    return true;
  });
  assert.deepEqual(await ids({ query: "lovelace" }), []);
  console.log("good");
}

main().catch((error) => { console.error(error); process.exit(1); });
