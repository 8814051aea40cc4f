//! The feed of DND events, in the shape of HighLevel's `ContactDndUpdate` webhook (R29).

mod standing;

pub use standing::{dnd_json, state_json};

use crate::{
    error::{Result, StoreError},
    reviews::Review,
    rows::{EventRow, Subject},
    tx::Tx,
};
use dndgate_adapter::AddressKind;
use dndgate_dnd::{AddressKey, Reason};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use standing::Standing;

/// Members of a contact that HighLevel's webhook carries, as the API client sent them.
const CONTACT_MEMBERS: [&str; 17] = [
    "firstName",
    "lastName",
    "name",
    "companyName",
    "address1",
    "city",
    "state",
    "postalCode",
    "country",
    "website",
    "source",
    "dateOfBirth",
    "assignedTo",
    "timezone",
    "tags",
    "attachments",
    "customFields",
];
/// What an event keeps of a person who was erased (R5).
const ERASED_MEMBERS: [&str; 10] =
    ["type", "locationId", "id", "merged", "dnd", "dndStatus", "change", "channels", "eventId", "timestamp"];
/// Events forgotten at a time, so that nobody waits long for the writer.
const FORGET_MAX: u64 = 10_000;

/// An event of the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its number; the cursor of the feed.
    pub seq: u64,
    /// Whose it is: what concerns one contact has one lane.
    pub lane: String,
    /// What subscribers are sent.
    pub payload: Value,
}

impl EventRow {
    pub(crate) fn into_stored(self) -> StoredEvent {
        let kept = serde_json::from_str(&self.payload).unwrap_or_default();
        StoredEvent { seq: self.seq, lane: self.lane, payload: standing::told(kept) }
    }
}

/// The events after a cursor, oldest first.
///
/// # Errors
/// When the store cannot be read.
pub fn page(tx: &mut Tx<'_>, after: u64, limit: usize, tenant: Option<&str>) -> Result<Vec<StoredEvent>> {
    Ok(tx.rows.events(after, limit, tenant)?.into_iter().map(EventRow::into_stored).collect())
}

/// The number of the newest event; 0 when there was none.
///
/// # Errors
/// When the store cannot be read.
pub fn newest(tx: &mut Tx<'_>) -> Result<u64> {
    tx.rows.newest_event()
}

/// What came of forgetting old events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// There are more.
    pub more: bool,
    /// Deliveries that still waited and are given up with their events.
    pub undelivered: u64,
}

/// Forgets events raised before a time, a part at a time.
///
/// # Errors
/// When the store cannot be written.
pub fn forget(tx: &mut Tx<'_>, before: Timestamp) -> Result<Forgotten> {
    let last = tx.rows.last_event_before(before)?;
    let Some(first) = tx.rows.events(0, 1, None)?.pop().filter(|first| first.seq <= last) else {
        return Ok(Forgotten { more: false, undelivered: 0 });
    };
    let up_to = last.min(first.seq + FORGET_MAX);
    let undelivered = tx.rows.forget_deliveries_up_to(up_to)?;
    tx.rows.forget_events_up_to(up_to)?;
    Ok(Forgotten { more: up_to < last, undelivered })
}

/// Takes what is personal out of a lane's events (R5). They stay in the feed, so that nobody misses a change.
pub(crate) fn erase(tx: &mut Tx<'_>, tenant: &str, lane: &str) -> Result<()> {
    for event in tx.rows.events_of_lane(tenant, lane)? {
        let seq = event.seq;
        let Value::Object(mut body) = event.into_stored().payload else { continue };
        body.retain(|name, _| ERASED_MEMBERS.contains(&name.as_str()));
        body.insert("erased".into(), json!(true));
        tx.rows.rewrite_event(seq, &Value::Object(body).to_string())?;
    }
    Ok(())
}

/// Appends the event of a change: for each contact that it concerns, or for the address when no contact has it.
pub(crate) fn raise(
    tx: &mut Tx<'_>,
    tenant: &str,
    contacts: &[String],
    address: Option<&AddressKey>,
    began: bool,
    channels: Value,
) -> Result<()> {
    for contact in contacts {
        let reasons = crate::contacts::all_reasons(tx, tenant, contact)?;
        let about = contact_members(tx, contact)?;
        put(tx, tenant, Some(contact), about, address, &reasons, began, &channels)?;
    }
    if let (true, Some(address)) = (contacts.is_empty(), address) {
        let reasons = tx.reasons(tenant, &Subject::Address(address.clone()))?;
        put(tx, tenant, None, Map::new(), Some(address), &reasons, began, &channels)?;
    }
    Ok(())
}

/// Appends the event of a message in doubt, `DndReview`: for each contact that holds the address, or for the address.
/// What was said is not in it: whoever may decide reads it from the API.
pub(crate) fn raise_review(tx: &mut Tx<'_>, review: &Review) -> Result<()> {
    let holders = tx.holders(&review.tenant, &review.address)?;
    let lanes: Vec<Option<String>> =
        if holders.is_empty() { vec![None] } else { holders.into_iter().map(Some).collect() };
    for contact in lanes {
        let doubt = InDoubt {
            review_id: &review.id,
            channel: review.channel.name(),
            address: Address::of(&review.address),
            rule: &review.rule,
        };
        append(tx, "DndReview", &review.tenant, (contact.as_ref(), Some(&review.address)), &doubt)?;
    }
    Ok(())
}

/// Appends the event of a contact that took over another's reasons when the two became one.
pub(crate) fn raise_merged(
    tx: &mut Tx<'_>,
    tenant: &str,
    contact: &str,
    merged: &str,
    channels: Value,
) -> Result<()> {
    let contact = contact.to_owned();
    let reasons = crate::contacts::all_reasons(tx, tenant, &contact)?;
    let mut about = contact_members(tx, &contact)?;
    about.insert("merged".into(), json!(merged));
    put(tx, tenant, Some(&contact), about, None, &reasons, true, &channels)
}

/// What the event says of the contact itself.
pub(crate) fn contact_members(tx: &mut Tx<'_>, contact: &str) -> Result<Map<String, Value>> {
    let mut about = Map::new();
    let Some(row) = tx.rows.contact(contact)? else { return Ok(about) };
    if let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(&row.fields) {
        for name in CONTACT_MEMBERS {
            if let Some(value) = fields.get(name) {
                about.insert(name.into(), value.clone());
            }
        }
    }
    let addresses = tx.rows.addresses(contact)?;
    for (name, kind) in [("email", AddressKind::Email), ("phone", AddressKind::Phone)] {
        let main = addresses.iter().find(|one| one.key.kind == kind);
        about.insert(name.into(), json!(main.map(|one| &one.shown)));
    }
    about.insert("dateAdded".into(), json!(row.created.to_string()));
    Ok(about)
}

/// [`raise`] for one lane, with the reasons at hand.
#[allow(clippy::too_many_arguments)]
pub(crate) fn put(
    tx: &mut Tx<'_>,
    tenant: &str,
    contact: Option<&String>,
    about: Map<String, Value>,
    address: Option<&AddressKey>,
    reasons: &[Reason],
    began: bool,
    channels: &Value,
) -> Result<()> {
    let changed = Changed {
        about,
        address: address.map(Address::of),
        standing: Standing::of(reasons, tx.listed),
        change: if began { "enabled" } else { "disabled" },
        channels,
    };
    append(tx, "ContactDndUpdate", tenant, (contact, address), &changed)
}

/// Appends an event to its lane: the contact's, or the address's where no contact has it.
fn append(
    tx: &mut Tx<'_>,
    kind: &'static str,
    tenant: &str,
    (contact, address): (Option<&String>, Option<&AddressKey>),
    members: &impl Serialize,
) -> Result<()> {
    let timestamp = crate::tx::now();
    let id = uuid::Uuid::now_v7().to_string();
    let kept = Kept { kind, tenant, contact: contact.map(String::as_str), members, id, timestamp };
    let kept = serde_json::to_string(&kept).map_err(|error| StoreError::Invalid(error.to_string()))?;
    let lane =
        contact.cloned().or_else(|| address.map(|one| tx.address_subject(tenant, one))).unwrap_or_default();
    tx.rows.put_event(tenant, &lane, timestamp, &kept).map(drop)
}

/// An event as it is kept: what subscribers are sent, with what stood in place of what is made of it.
#[derive(Serialize)]
struct Kept<'a, Members> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "locationId")]
    tenant: &'a str,
    #[serde(rename = "id")]
    contact: Option<&'a str>,
    #[serde(flatten)]
    members: &'a Members,
    #[serde(rename = "eventId")]
    id: String,
    timestamp: Timestamp,
}

/// What a change of DND says.
#[derive(Serialize)]
struct Changed<'a> {
    #[serde(flatten)]
    about: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Address<'a>>,
    standing: Standing<'a>,
    change: &'static str,
    channels: &'a Value,
}

/// What a message in doubt says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InDoubt<'a> {
    review_id: &'a str,
    channel: &'static str,
    address: Address<'a>,
    rule: &'a str,
}

#[derive(Serialize)]
struct Address<'a> {
    kind: &'static str,
    value: &'a str,
}

impl<'a> Address<'a> {
    fn of(address: &'a AddressKey) -> Address<'a> {
        Address { kind: address.kind.name(), value: &address.key }
    }
}
