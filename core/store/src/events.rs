//! The feed of DND events, in the shape of HighLevel's `ContactDndUpdate` webhook (R29).

use crate::{error::Result, rows::Subject, tx::Tx};
use dndgate_adapter::{Channel, Channels};
use dndgate_dnd::{AddressKey, Blocks, Reason, Status, state};
use serde_json::{Map, Value, json};

/// What an event tells of a contact's record.
const PERSONAL: [&str; 7] = ["firstName", "lastName", "name", "country", "source", "tags", "customFields"];

/// An event of the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its number; the cursor of the feed.
    pub seq: u64,
    /// What subscribers are sent.
    pub payload: Value,
}

/// The events after a cursor, oldest first.
///
/// # Errors
/// When the store cannot be read.
pub fn page(tx: &mut Tx<'_>, after: u64, limit: usize, tenant: Option<&str>) -> Result<Vec<StoredEvent>> {
    let found = tx.rows.events(after, limit, tenant)?;
    Ok(found
        .into_iter()
        .map(|(seq, payload)| StoredEvent {
            seq,
            payload: serde_json::from_str(&payload).unwrap_or_default(),
        })
        .collect())
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
        let fields = tx.rows.contact(contact)?.map(|row| row.fields).unwrap_or_default();
        put(tx, tenant, Some(contact), &fields, address, &reasons, began, &channels, None)?;
    }
    if let (true, Some(address)) = (contacts.is_empty(), address) {
        let reasons = tx.reasons(tenant, &Subject::Address(address.clone()))?;
        put(tx, tenant, None, "", Some(address), &reasons, began, &channels, None)?;
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
    let fields = tx.rows.contact(&contact)?.map(|row| row.fields).unwrap_or_default();
    put(tx, tenant, Some(&contact), &fields, None, &reasons, true, &channels, Some(merged))
}

/// Takes what is personal out of the events of an erased contact or address (R5). That something changed
/// stays on record.
pub(crate) fn forget(tx: &mut Tx<'_>, lane: &str) -> Result<()> {
    for (seq, payload) in tx.rows.events_of(lane)? {
        let Ok(Value::Object(mut body)) = serde_json::from_str::<Value>(&payload) else { continue };
        for name in PERSONAL.iter().chain(&["address"]) {
            body.remove(*name);
        }
        for one in body.get_mut("dndSettings").and_then(Value::as_object_mut).into_iter().flatten() {
            forget_state(one.1);
        }
        if let Some(one) = body.get_mut("inboundDndSettings").and_then(|all| all.get_mut("all")) {
            forget_state(one);
        }
        tx.rows.rewrite_event(seq, &Value::Object(body).to_string())?;
    }
    Ok(())
}

fn forget_state(state: &mut Value) {
    if let Some(state) = state.as_object_mut() {
        state.remove("address");
        state.insert("message".into(), json!(""));
    }
    for reason in state["reasons"].as_array_mut().into_iter().flatten() {
        reason["message"] = json!("");
    }
}

/// [`raise`] for one lane, with the reasons at hand.
#[allow(clippy::too_many_arguments)]
pub(crate) fn put(
    tx: &mut Tx<'_>,
    tenant: &str,
    contact: Option<&String>,
    fields: &str,
    address: Option<&AddressKey>,
    reasons: &[Reason],
    began: bool,
    channels: &Value,
    merged: Option<&str>,
) -> Result<()> {
    let mut body = Map::new();
    body.insert("type".into(), json!("ContactDndUpdate"));
    body.insert("locationId".into(), json!(tenant));
    body.insert("id".into(), json!(contact));
    if let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(fields) {
        for name in PERSONAL {
            if let Some(value) = fields.get(name) {
                body.insert(name.into(), value.clone());
            }
        }
    }
    if let Some(address) = address {
        body.insert("address".into(), json!({ "kind": address.kind.name(), "value": address.key }));
    }
    body.extend(dnd_json(reasons, tx.listed));
    body.insert("change".into(), json!(if began { "enabled" } else { "disabled" }));
    body.insert("channels".into(), channels.clone());
    if let Some(merged) = merged {
        body.insert("merged".into(), json!(merged));
    }
    body.insert("eventId".into(), json!(uuid::Uuid::now_v7().to_string()));
    body.insert("timestamp".into(), json!(crate::tx::now().to_string()));
    let lane =
        contact.cloned().or_else(|| address.map(|one| tx.address_subject(tenant, one))).unwrap_or_default();
    tx.rows.put_event(tenant, &lane, &Value::Object(body).to_string()).map(drop)
}
