//! The ledger: every DND change, chained so that tampering shows (R28).
//!
//! `hash = SHA-256(hash of the previous entry ‖ entry)`. An entry is JSON without personal data; the personal
//! part stands beside it, bound by a salted commitment, so that it can be erased (R5) and the chain holds.

use crate::{
    contacts::ContactView,
    engine::Store,
    error::{Result, StoreError},
    rows::{LedgerRow, Subject},
    tx::Tx,
};
use dndgate_dnd::{AddressKey, Reason, Suppressed};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// One change on its way into the ledger.
pub(crate) struct Entry<'a> {
    pub(crate) tenant: &'a str,
    /// Whom it concerns, at least one: the address it came from before the contacts that hold it.
    pub(crate) subjects: &'a [Subject],
    /// `begin`, `end`, `opt_in`, `evidence`, `erase`, `confirmation`.
    pub(crate) change: &'static str,
    pub(crate) reasons: &'a [&'a Reason],
    pub(crate) before: Suppressed,
    pub(crate) after: Suppressed,
    pub(crate) source: &'a str,
    pub(crate) actor: &'a str,
    pub(crate) event_at: Timestamp,
    /// Further facts without personal data.
    pub(crate) more: Value,
}

/// Appends an entry.
pub(crate) fn append(tx: &mut Tx<'_>, entry: &Entry<'_>) -> Result<()> {
    let (last, previous) = tx.rows.head()?;
    let seq = last + 1;
    let personal = json!({
        "subjects": entry.subjects.iter().map(|subject| match subject {
            Subject::Contact(id) => json!({ "contact": id }),
            Subject::Address(address) => json!({ "kind": address.kind.name(), "address": address.key }),
        }).collect::<Vec<_>>(),
        "origins": entry.reasons.iter().map(|one| one.origin.as_ref().map(|origin| &origin.key)).collect::<Vec<_>>(),
        "messages": entry.reasons.iter().map(|one| &one.message).collect::<Vec<_>>(),
    })
    .to_string();
    let mut salt = [0u8; 16];
    getrandom::fill(&mut salt).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let text = json!({
        "seq": seq,
        "at": crate::tx::now().to_string(),
        "eventAt": entry.event_at.to_string(),
        "tenant": entry.tenant,
        "change": entry.change,
        "before": channels(entry.before),
        "after": channels(entry.after),
        "reasons": entry.reasons.iter().map(|one| json!({
            "id": one.id, "kind": one.kind.name(), "blocks": one.blocks.name(), "permanent": one.permanent,
            "code": one.code,
        })).collect::<Vec<_>>(),
        "source": entry.source,
        "actor": entry.actor,
        "more": entry.more,
        "personal": commitment(&salt, &personal),
    })
    .to_string();
    let hash = chained(&previous, &text);
    let mut subjects: Vec<String> = entry
        .subjects
        .iter()
        .map(|subject| match subject {
            Subject::Contact(id) => format!("c:{id}"),
            Subject::Address(address) => tx.address_subject(entry.tenant, address),
        })
        .collect();
    for origin in entry.reasons.iter().filter_map(|one| one.origin.as_ref()) {
        subjects.push(tx.address_subject(entry.tenant, origin));
    }
    let row = LedgerRow { seq, hash, entry: text, personal: Some((salt.to_vec(), personal)) };
    tx.rows.append(&row, &subjects)
}

fn channels(suppressed: Suppressed) -> Value {
    let mut all: Vec<_> = suppressed.channels().iter().map(|channel| channel.name()).collect();
    if suppressed.inbound() {
        all.push("inbound");
    }
    json!(all)
}

fn commitment(salt: &[u8], personal: &str) -> String {
    hex::encode(Sha256::new().chain_update(salt).chain_update(personal).finalize())
}

fn chained(previous: &[u8; 32], entry: &str) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(entry).finalize().into()
}

/// An entry as people read it.
fn shown(row: LedgerRow) -> Value {
    let mut entry: Value =
        serde_json::from_str(&row.entry).unwrap_or_else(|_| json!({ "damaged": row.entry }));
    let personal = row.personal.and_then(|(_, data)| serde_json::from_str::<Value>(&data).ok());
    if let Some(personal) = personal {
        entry["subjects"] = personal["subjects"].clone();
        for (index, message) in personal["messages"].as_array().into_iter().flatten().enumerate() {
            if let Some(reason) = entry["reasons"].get_mut(index) {
                reason["message"] = message.clone();
            }
        }
    } else {
        entry["erased"] = json!(true);
    }
    entry["hash"] = json!(hex::encode(row.hash));
    if let Some(entry) = entry.as_object_mut() {
        entry.remove("personal");
    }
    entry
}

/// The newest entries of a contact and its addresses, oldest first.
///
/// # Errors
/// When the store cannot be read.
pub fn history(tx: &mut Tx<'_>, contact: &ContactView, limit: usize) -> Result<Vec<Value>> {
    let mut subjects = vec![format!("c:{}", contact.id)];
    subjects.extend(tx.rows.merged_into(&contact.id)?.into_iter().map(|id| format!("c:{id}")));
    for one in &contact.addresses {
        subjects.push(tx.address_subject(&contact.tenant, &one.key));
    }
    Ok(tx.rows.entries_of(&subjects, limit)?.into_iter().map(shown).collect())
}

/// The newest entries of an address and the contacts that hold it, oldest first.
///
/// # Errors
/// When the store cannot be read.
pub fn of_address(tx: &mut Tx<'_>, tenant: &str, address: &AddressKey, limit: usize) -> Result<Vec<Value>> {
    let mut subjects = vec![tx.address_subject(tenant, address)];
    subjects.extend(tx.rows.holders(tenant, address)?.into_iter().map(|id| format!("c:{id}")));
    Ok(tx.rows.entries_of(&subjects, limit)?.into_iter().map(shown).collect())
}

/// What a check of the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// Every entry is as it was written; so many.
    Whole(u64),
    /// It is not, from this entry on.
    Broken {
        /// The entry's number.
        seq: u64,
        /// What is wrong.
        why: String,
    },
}

/// Checks the chain from the first entry to the last.
///
/// # Errors
/// When the store cannot be read.
pub fn verify(store: &Store, progress: impl Fn(u64) + Send + 'static) -> Result<Verified> {
    store.read_blocking(move |tx| {
        let (last, head) = tx.rows.head()?;
        let (mut expected, mut previous, mut broken) = (1u64, [0u8; 32], None);
        tx.rows.each_entry(&mut |row| {
            broken = fault(&row, expected, &previous);
            expected += 1;
            previous = row.hash;
            if expected.is_multiple_of(100_000) {
                progress(expected);
            }
            broken.is_none()
        })?;
        if let Some((seq, why)) = broken {
            return Ok(Verified::Broken { seq, why });
        }
        let count = expected - 1;
        if count != last || previous != head {
            let why = format!("the last entry is {count}, but entry {last} was written last: entries were removed or replaced");
            return Ok(Verified::Broken { seq: count.min(last) + 1, why });
        }
        Ok(Verified::Whole(count))
    })
}

fn fault(row: &LedgerRow, expected: u64, previous: &[u8; 32]) -> Option<(u64, String)> {
    if row.seq != expected {
        return Some((expected, format!("entry {expected} is missing")));
    }
    if chained(previous, &row.entry) != row.hash {
        return Some((row.seq, "it was changed, or the one before it was".into()));
    }
    let entry: Value = serde_json::from_str(&row.entry).ok()?;
    if entry["seq"] != json!(row.seq) {
        return Some((row.seq, "it stands in another's place".into()));
    }
    let (salt, data) = row.personal.as_ref()?;
    (entry["personal"] != json!(commitment(salt, data)))
        .then(|| (row.seq, "its personal part was changed".into()))
}
