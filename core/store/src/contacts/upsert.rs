//! A contact is changed or made, whichever it takes; two that turn out to be one become one.

use super::{ContactDraft, Edited, Origin, Part, all_reasons, complete, create, normalised, update};
use crate::{
    error::{Result, StoreError},
    events, ledger,
    opt::{self, Change},
    rows::{AddressRow, ContactRow, Subject},
    search::lower,
    tx::Tx,
};
use dndgate_adapter::AddressKind;
use dndgate_dnd::{AddressKey, Reason, Region, Suppressed};
use serde_json::{Map, Value, json};

/// Changes the contact with that email or phone, or makes one. Where the email is one contact's and the phone
/// another's, they become one if nothing contradicts that; otherwise the one with the email has the phone too,
/// and shares it with the other.
///
/// # Errors
/// As [`update`] and [`create`].
pub fn upsert(
    tx: &mut Tx<'_>,
    tenant: &str,
    mut draft: ContactDraft,
    region: Region,
    origin: &Origin,
) -> Result<Edited> {
    let by_email = holders(tx, tenant, &draft, AddressKind::Email, region)?;
    let by_phone = holders(tx, tenant, &draft, AddressKind::Phone, region)?;
    let both = by_email.iter().find(|id| by_phone.contains(id));
    let Some(id) = both.or(by_email.first()).or(by_phone.first()).cloned() else {
        return create(tx, tenant, draft, region, origin);
    };
    complete(&mut draft, &tx.rows.addresses(&id)?);
    let mut changes = Vec::new();
    if let (None, Some(other)) = (both, by_phone.first().filter(|_| !by_email.is_empty()))
        && are_one(tx, &id, other, &draft, region)?
    {
        changes.extend(merge(tx, tenant, &id, other, origin)?);
    }
    // An upsert that names one address of several does not take the others away.
    let have = tx.rows.addresses(&id)?;
    for (kind, values) in &mut draft.addresses {
        values.extend(have.iter().filter(|one| one.key.kind == *kind).map(|one| one.shown.clone()));
    }
    let mut edited = update(tx, &id, draft, region, origin)?;
    edited.changes.splice(0..0, changes);
    Ok(edited)
}

/// The contacts with the draft's main address of a kind, the oldest first.
fn holders(
    tx: &mut Tx<'_>,
    tenant: &str,
    draft: &ContactDraft,
    kind: AddressKind,
    region: Region,
) -> Result<Vec<String>> {
    let whole = draft.addresses.iter().find(|(one, _)| *one == kind).and_then(|(_, values)| values.first());
    let part = draft.parts.iter().find_map(|(one, part)| match part {
        Part::Main(main) if *one == kind => main.as_ref(),
        _ => None,
    });
    let main = whole.or(part);
    let Some(raw) = main else { return Ok(Vec::new()) };
    let key = normalised(kind, raw, region)?.key;
    let mut all = tx.rows.holders(tenant, &key)?;
    all.sort_unstable();
    Ok(all)
}

/// Can `other`, which only the phone points to, be the same person? It must have no email that the one does
/// not have, and no other name: people share telephones.
fn are_one(tx: &mut Tx<'_>, id: &str, other: &str, draft: &ContactDraft, region: Region) -> Result<bool> {
    let emails = |rows: Vec<AddressRow>| -> Vec<AddressKey> {
        rows.into_iter().map(|row| row.key).filter(|key| key.kind == AddressKind::Email).collect()
    };
    let mut known = emails(tx.rows.addresses(id)?);
    for raw in draft.addresses.iter().filter(|(kind, _)| *kind == AddressKind::Email).flat_map(|(_, raw)| raw)
    {
        known.push(normalised(AddressKind::Email, raw, region)?.key);
    }
    if emails(tx.rows.addresses(other)?).iter().any(|key| !known.contains(key)) {
        return Ok(false);
    }
    let fields = |row: Option<ContactRow>| -> Map<String, Value> {
        row.and_then(|row| serde_json::from_str(&row.fields).ok()).unwrap_or_default()
    };
    let (ours, theirs) = (fields(tx.rows.contact(id)?), fields(tx.rows.contact(other)?));
    let differs = |name: &str| {
        let of = |fields: &Map<String, Value>| fields.get(name).and_then(Value::as_str).map(lower);
        let theirs = of(&theirs).filter(|name| !name.is_empty());
        [of(&draft.fields), of(&ours)]
            .into_iter()
            .flatten()
            .any(|one| !one.is_empty() && theirs.as_ref().is_some_and(|theirs| *theirs != one))
    };
    Ok(!differs("firstName") && !differs("lastName") && !differs("name"))
}

/// Makes `from` a part of `into`: its record fills what is empty there, its addresses, its reasons (ended ones
/// too), its evidence and its history become the other's, and its id leads there from now on.
fn merge(tx: &mut Tx<'_>, tenant: &str, into: &str, from: &str, origin: &Origin) -> Result<Option<Change>> {
    let (one, other) = (tx.rows.contact(into)?, tx.rows.contact(from)?);
    let (mut one, other) = one.zip(other).ok_or(StoreError::NotFound)?;
    let before = Suppressed::by(&all_reasons(tx, tenant, into)?);
    let moved: Vec<Reason> = tx.reasons(tenant, &Subject::Contact(from.to_owned()))?;
    one.fields = filled(&one.fields, &other.fields)?;
    one.updated = origin.at;
    tx.rows.put_contact(&one)?;
    tx.rows.move_reasons(from, into)?;
    tx.rows.move_evidence(from, into)?;
    let mut all = tx.rows.addresses(into)?;
    for row in tx.rows.addresses(from)? {
        if !all.iter().any(|have| have.key == row.key) {
            all.push(row);
        }
    }
    tx.touch_contact(tenant, from)?;
    for kind in AddressKind::ALL {
        let rows: Vec<AddressRow> = all.iter().filter(|row| row.key.kind == kind).cloned().collect();
        tx.rows.put_addresses(tenant, into, kind, &rows)?;
    }
    tx.rows.put_merged(from, into)?;
    tx.rows.delete_contact(from)?;
    tx.change(into, true);
    tx.change(from, true);
    tx.touch_contact(tenant, into)?;
    let live: Vec<&Reason> = moved.iter().filter(|reason| reason.is_live()).collect();
    let after = Suppressed::by(&all_reasons(tx, tenant, into)?);
    let subjects = [Subject::Contact(into.to_owned()), Subject::Contact(from.to_owned())];
    ledger::append(
        tx,
        &ledger::Entry {
            tenant,
            subjects: &subjects,
            change: "merge",
            reasons: &live,
            before,
            after,
            source: &origin.source,
            actor: &origin.actor,
            event_at: origin.at,
            more: json!({ "contact": into, "merged": from }),
        },
    )?;
    if live.is_empty() {
        return Ok(None);
    }
    opt::cancel_scheduled(tx, tenant, into)?;
    let names: std::collections::BTreeSet<&str> = live.iter().map(|reason| reason.blocks.name()).collect();
    events::raise_merged(tx, tenant, into, from, json!(names))?;
    let parts = live.iter().map(|reason| (reason.blocks, reason.kind, true)).collect();
    Ok(Some(Change { tenant: tenant.to_owned(), parts }))
}

/// A record, with what it lacks from another; lists are joined.
fn filled(record: &str, other: &str) -> Result<String> {
    let read = |text: &str| -> Result<Map<String, Value>> {
        serde_json::from_str(text).map_err(|error| StoreError::Corrupt(error.to_string()))
    };
    let (mut record, other) = (read(record)?, read(other)?);
    for (name, theirs) in other {
        match (record.get_mut(&name), theirs) {
            (Some(Value::Array(ours)), Value::Array(theirs)) => {
                // Of two values of one custom field, ours stays.
                let known = |ours: &[Value], one: &Value| {
                    ours.contains(one)
                        || (one["id"].is_string() && ours.iter().any(|have| have["id"] == one["id"]))
                };
                for one in theirs {
                    if !known(ours, &one) {
                        ours.push(one);
                    }
                }
            }
            (None | Some(Value::Null), theirs) => drop(record.insert(name, theirs)),
            (Some(Value::String(ours)), theirs) if ours.is_empty() => drop(record.insert(name, theirs)),
            _ => {}
        }
    }
    Ok(Value::Object(record).to_string())
}
