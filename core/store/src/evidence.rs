//! Evidence that a person agreed to be contacted again (R22).

use crate::{
    contacts::Origin,
    error::{Result, StoreError},
    ledger,
    rows::{EvidenceRow, Subject},
    tx::Tx,
};
use dndgate_adapter::Channel;
use dndgate_dnd::Suppressed;
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

/// A file that proves it.
#[derive(Debug, Clone)]
pub struct EvidenceFile {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What an operator states.
#[derive(Debug, Clone)]
pub struct EvidenceDraft {
    /// For which channel.
    pub channel: Channel,
    /// What the person agreed to.
    pub text: String,
    /// Where that stands.
    pub source: String,
    /// When it was given.
    pub obtained_at: Timestamp,
    /// A file.
    pub file: Option<EvidenceFile>,
}

/// Evidence as it was filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// Its id.
    pub id: String,
    /// SHA-256 over text, source and file, hexadecimal.
    pub sha256: String,
}

/// Files evidence. It ends nothing by itself.
///
/// # Errors
/// When there is no such contact, or the store cannot be written.
pub fn file(tx: &mut Tx<'_>, contact: &str, draft: EvidenceDraft, origin: &Origin) -> Result<Filed> {
    let row = tx.rows.contact(contact)?.ok_or(StoreError::NotFound)?;
    let mut digest = Sha256::new();
    // Lengths in front, so that parts cannot run together.
    let file = draft.file.as_ref().map(|file| file.bytes.as_slice()).unwrap_or_default();
    for part in [draft.text.as_bytes(), draft.source.as_bytes(), file] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let sha256 = hex::encode(digest.finalize());
    let id = uuid::Uuid::now_v7().simple().to_string();
    tx.rows.put_evidence(&EvidenceRow {
        id: id.clone(),
        contact: contact.to_owned(),
        channel: draft.channel,
        text: draft.text,
        source: draft.source,
        obtained_at: draft.obtained_at,
        recorded_at: origin.at,
        filed_by: origin.actor.clone(),
        sha256: sha256.clone(),
        file: draft.file.map(|file| (file.name, file.media_type, file.bytes)),
    })?;
    let subject = Subject::Contact(contact.to_owned());
    let now = Suppressed::by(&tx.reasons(&row.tenant, &subject)?);
    ledger::append(
        tx,
        &ledger::Entry {
            tenant: &row.tenant,
            subjects: std::slice::from_ref(&subject),
            change: "evidence",
            reasons: &[],
            before: now,
            after: now,
            source: &origin.source,
            actor: &origin.actor,
            event_at: draft.obtained_at,
            more: json!({ "evidence": id, "sha256": sha256, "channel": draft.channel.name() }),
        },
    )?;
    Ok(Filed { id, sha256 })
}
