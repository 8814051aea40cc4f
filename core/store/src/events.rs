//! The feed of DND events, in the shape of HighLevel's `ContactDndUpdate` webhook (R29).

use crate::{
    error::Result,
    reviews::Review,
    rows::{EventRow, Subject},
    tx::Tx,
};
use dndgate_adapter::{AddressKind, Channel, Channels};
use dndgate_dnd::{AddressKey, Blocks, Reason, Status, state};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

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
        let payload = serde_json::from_str(&self.payload).unwrap_or_default();
        StoredEvent { seq: self.seq, lane: self.lane, payload }
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
        let Ok(Value::Object(mut body)) = serde_json::from_str::<Value>(&event.payload) else { continue };
        body.retain(|name, _| ERASED_MEMBERS.contains(&name.as_str()));
        body.insert("erased".into(), json!(true));
        tx.rows.rewrite_event(event.seq, &Value::Object(body).to_string())?;
    }
    Ok(())
}

/// `{status, message, code}` of one channel, and what we add: `reason`, `source`, `since`, `removable`, `how`.
pub fn state_json(state: &state::ChannelState<'_>) -> Value {
    let Some(first) = state.reasons.first() else {
        return json!({ "status": Status::Inactive, "message": "", "code": "" });
    };
    let lock = state.reasons.iter().find_map(|one| one.lock());
    json!({
        "status": state.status,
        "message": first.message,
        "code": first.code.as_deref().unwrap_or_default(),
        "reason": first.kind.name(),
        "source": first.source,
        "since": first.began.to_string(),
        "removable": lock.is_none(),
        "how": lock.map_or("an operator may switch it off", |lock| lock.how()),
        "address": first.origin.as_ref().map(|origin| json!({ "kind": origin.kind.name(), "value": origin.key })),
        "reasons": state.reasons.iter().map(|one| json!({
            "kind": one.kind.name(), "code": one.code, "message": one.message, "source": one.source,
            "since": one.began.to_string(), "removable": one.lock().is_none(),
        })).collect::<Vec<_>>(),
    })
}

/// `dnd`, `dndSettings`, `inboundDndSettings` and `dndStatus` of these reasons.
pub fn dnd_json(reasons: &[Reason], listed: Channels) -> Map<String, Value> {
    let mut body = Map::new();
    let all = reasons.iter().any(|one| one.is_live() && one.blocks == Blocks::AllChannels);
    let settings: Map<String, Value> = Channel::ALL
        .into_iter()
        .map(|channel| (channel.name().to_owned(), state_json(&state::channel(reasons, channel))))
        .collect();
    let blocked =
        Channel::ALL.into_iter().filter(|channel| !state::channel(reasons, *channel).reasons.is_empty());
    body.insert("dnd".into(), json!(all));
    body.insert("dndSettings".into(), Value::Object(settings));
    body.insert("inboundDndSettings".into(), json!({ "all": state_json(&state::inbound(reasons)) }));
    body.insert("dndStatus".into(), json!(state::overall(blocked.collect(), listed)));
    body
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
        let mut body = head("DndReview", &review.tenant, contact.as_ref());
        body.insert("reviewId".into(), json!(review.id));
        body.insert("channel".into(), json!(review.channel.name()));
        body.insert("address".into(), address_json(&review.address));
        body.insert("rule".into(), json!(review.rule));
        append(tx, &review.tenant, contact.as_ref(), Some(&review.address), body)?;
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
    let mut body = head("ContactDndUpdate", tenant, contact);
    body.extend(about);
    if let Some(address) = address {
        body.insert("address".into(), address_json(address));
    }
    body.extend(dnd_json(reasons, tx.listed));
    body.insert("change".into(), json!(if began { "enabled" } else { "disabled" }));
    body.insert("channels".into(), channels.clone());
    append(tx, tenant, contact, address, body)
}

/// What every event begins with.
fn head(kind: &str, tenant: &str, contact: Option<&String>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("type".into(), json!(kind));
    body.insert("locationId".into(), json!(tenant));
    body.insert("id".into(), json!(contact));
    body
}

fn address_json(address: &AddressKey) -> Value {
    json!({ "kind": address.kind.name(), "value": address.key })
}

/// Appends an event to its lane.
fn append(
    tx: &mut Tx<'_>,
    tenant: &str,
    contact: Option<&String>,
    address: Option<&AddressKey>,
    mut body: Map<String, Value>,
) -> Result<()> {
    body.insert("eventId".into(), json!(uuid::Uuid::now_v7().to_string()));
    let now = crate::tx::now();
    body.insert("timestamp".into(), json!(now.to_string()));
    let lane =
        contact.cloned().or_else(|| address.map(|one| tx.address_subject(tenant, one))).unwrap_or_default();
    tx.rows.put_event(tenant, &lane, now, &Value::Object(body).to_string()).map(drop)
}
