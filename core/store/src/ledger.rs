//! The ledger: every DND change, chained so that tampering shows (R28).
//!
//! `hash = SHA-256(hash of the previous entry ‖ entry)`. An entry is JSON without personal data; the personal
//! part stands beside it, bound by a salted commitment, so that it can be erased (R5) and the chain holds.
//!
//! [`seal`] signs checkpoints over it, [`verify`] checks it, [`dossier`] takes out what concerns one person, with
//! proof.

pub mod dossier;
mod merkle;
mod note;
pub mod seal;
mod verify;

pub use note::{Checkpoint, PublicKey, SealKey};
pub use verify::{Fault, Trust, Verified, verify};

use crate::{
    contacts::ContactView,
    error::{Result, StoreError},
    rows::{LedgerRow, Subject},
    tx::Tx,
};
use dndgate_dnd::{AddressKey, Reason, Suppressed};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The change that an erasure is (R5). Its entry names in `more.erased` by whom entries were found until then.
pub(crate) const ERASE: &str = "erase";
/// Under which name the ledger's own is kept.
const NAME: &str = "ledger";

/// One change on its way into the ledger.
pub(crate) struct Entry<'a> {
    pub(crate) tenant: &'a str,
    /// Concerned it concerns, at least one: the address it came from before the contacts that hold it.
    pub(crate) subjects: &'a [Subject],
    /// `begin`, `end`, `opt_in`, `evidence`, `erase`, `confirmation`, `review`.
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
    let personal = Personal {
        subjects: entry.subjects.iter().map(Concerned::of).collect(),
        origins: entry.reasons.iter().map(|one| one.origin.as_ref().map(|origin| &*origin.key)).collect(),
        messages: entry.reasons.iter().map(|one| &*one.message).collect(),
    };
    let personal = text(&personal)?;
    let mut salt = [0u8; 16];
    getrandom::fill(&mut salt).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let mut about: Vec<String> = entry
        .subjects
        .iter()
        .map(|subject| match subject {
            Subject::Contact(id) => of_contact(id),
            Subject::Address(address) => tx.address_subject(entry.tenant, address),
        })
        .collect();
    for origin in entry.reasons.iter().filter_map(|one| one.origin.as_ref()) {
        about.push(tx.address_subject(entry.tenant, origin));
    }
    about.sort_unstable();
    about.dedup();
    let text = text(&Written {
        seq,
        at: crate::tx::now(),
        event_at: entry.event_at,
        tenant: entry.tenant,
        change: entry.change,
        before: channels(entry.before),
        after: channels(entry.after),
        reasons: entry.reasons.iter().map(|one| Because::of(one)).collect(),
        source: entry.source,
        actor: entry.actor,
        more: &entry.more,
        about: &about,
        personal: commitment(&salt, &personal),
    })?;
    let hash = chained(&previous, &text);
    let row = LedgerRow { seq, hash, entry: text, personal: Some((salt.to_vec(), personal)) };
    tx.rows.append(&row)
}

/// An entry as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    seq: u64,
    at: Timestamp,
    event_at: Timestamp,
    tenant: &'a str,
    change: &'a str,
    before: Vec<&'static str>,
    after: Vec<&'static str>,
    reasons: Vec<Because<'a>>,
    source: &'a str,
    actor: &'a str,
    more: &'a Value,
    /// What the index must hold: whoever changes the index shows.
    about: &'a [String],
    personal: String,
}

/// Of a reason, what is not personal.
#[derive(Serialize)]
struct Because<'a> {
    id: &'a str,
    kind: &'static str,
    blocks: &'static str,
    permanent: bool,
    code: Option<&'a str>,
    /// When it ends by itself, as it stood then.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
}

impl<'a> Because<'a> {
    fn of(one: &'a Reason) -> Because<'a> {
        Because {
            id: &one.id,
            kind: one.kind.name(),
            blocks: one.blocks.name(),
            permanent: one.permanent,
            code: one.code.as_deref(),
            expires: one.expires,
        }
    }
}

/// The personal part of an entry.
#[derive(Serialize)]
struct Personal<'a> {
    subjects: Vec<Concerned<'a>>,
    origins: Vec<Option<&'a str>>,
    messages: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Concerned<'a> {
    Contact { contact: &'a str },
    Address { kind: &'static str, address: &'a str },
}

impl<'a> Concerned<'a> {
    fn of(subject: &'a Subject) -> Concerned<'a> {
        match subject {
            Subject::Contact(id) => Concerned::Contact { contact: id },
            Subject::Address(address) => {
                Concerned::Address { kind: address.kind.name(), address: &address.key }
            }
        }
    }
}

fn text(of: &impl Serialize) -> Result<String> {
    serde_json::to_string(of).map_err(|error| StoreError::Invalid(error.to_string()))
}

fn channels(suppressed: Suppressed) -> Vec<&'static str> {
    let mut all: Vec<_> = suppressed.channels().iter().map(|channel| channel.name()).collect();
    if suppressed.inbound() {
        all.push("inbound");
    }
    all
}

/// How entries are found by a contact.
pub(crate) fn of_contact(id: &str) -> String {
    format!("c:{id}")
}

/// Takes what is personal out of the entries that are found by this, and out of the events of the same person (R5).
/// An entry of the change [`ERASE`] must name it, so that the gap is explained.
pub(crate) fn forget(tx: &mut Tx<'_>, tenant: &str, subject: &str) -> Result<()> {
    tx.rows.forget(subject)?;
    crate::events::erase(tx, tenant, subject.strip_prefix("c:").unwrap_or(subject))
}

/// What binds a personal part: SHA-256 of salt and text.
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
        entry.remove("about");
    }
    entry
}

/// The newest entries of a contact and its addresses, oldest first.
///
/// # Errors
/// When the store cannot be read.
pub fn history(tx: &mut Tx<'_>, contact: &ContactView, limit: usize) -> Result<Vec<Value>> {
    let mut subjects = vec![of_contact(&contact.id)];
    subjects.extend(tx.rows.merged_into(&contact.id)?.iter().map(|id| of_contact(id)));
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
    subjects.extend(tx.holders(tenant, address)?.into_iter().map(|id| of_contact(&id)));
    Ok(tx.rows.entries_of(&subjects, limit)?.into_iter().map(shown).collect())
}
