//! Evidence that a person agreed to be contacted again (R22).

use crate::{
    contacts::Origin,
    error::{Result, StoreError},
    ledger,
    rows::{Decided, EvidenceRow, FileRow, Subject},
    tx::Tx,
};
use dndgate_adapter::Channel;
use dndgate_dnd::{Evidence, EvidenceRules, NotDecided, Standing, Suppressed};
use jiff::Timestamp;
use serde_json::{Value, json};
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

/// Files evidence. It ends nothing by itself.
///
/// # Errors
/// When there is no such contact, or the store cannot be written.
pub fn file(
    tx: &mut Tx<'_>,
    contact: &str,
    draft: EvidenceDraft,
    rules: &EvidenceRules,
    origin: &Origin,
) -> Result<EvidenceRow> {
    let tenant = tx.rows.contact(contact)?.ok_or(StoreError::NotFound)?.tenant;
    let bytes = draft.file.as_ref().map(|file| file.bytes.as_slice());
    let mut digest = Sha256::new();
    // Lengths in front, so that parts cannot run together.
    for part in [draft.text.as_bytes(), draft.source.as_bytes(), bytes.unwrap_or_default()] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let (standing, counts_from) = rules.filed(origin.at);
    let row = EvidenceRow {
        id: uuid::Uuid::now_v7().simple().to_string(),
        contact: contact.to_owned(),
        tenant,
        channel: draft.channel,
        text: draft.text,
        source: draft.source,
        obtained_at: draft.obtained_at,
        recorded_at: origin.at,
        filed_by: origin.actor.clone(),
        sha256: hex::encode(digest.finalize()),
        standing,
        counts_from,
        decided: None,
        file: draft.file.as_ref().map(|file| FileRow {
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            bytes: file.bytes.len() as u64,
            sha256: Some(hex::encode(Sha256::digest(&file.bytes))),
        }),
    };
    tx.rows.put_evidence(&row, bytes)?;
    note(tx, &row, "evidence", row.obtained_at, origin, json!({ "standing": standing.name() }))?;
    Ok(row)
}

/// A second person's decision.
///
/// # Errors
/// [`StoreError::Forbidden`] when the person filed it, [`StoreError::Conflict`] when it is decided, or that there is
/// none or the store cannot be written.
pub fn decide(
    tx: &mut Tx<'_>,
    id: &str,
    approves: bool,
    why: &str,
    rules: &EvidenceRules,
    origin: &Origin,
) -> Result<EvidenceRow> {
    let mut row = tx.rows.evidence(id)?.ok_or(StoreError::NotFound)?;
    let approved = rules.approve(row.standing, &row.filed_by, &origin.actor, origin.at);
    let counts_from = match (approves, approved) {
        (true, approved) => Some(approved.map_err(not_decided)?),
        // Whoever filed it may take it back.
        (false, Ok(_) | Err(NotDecided::SamePerson)) => None,
        (false, Err(decided)) => return Err(not_decided(decided)),
    };
    let decided = Decided { by: origin.actor.clone(), at: origin.at, why: why.to_owned() };
    row.standing = if approves { Standing::Approved } else { Standing::Rejected };
    row.counts_from = counts_from;
    tx.rows.decide_evidence(id, row.standing, counts_from, &decided)?;
    row.decided = Some(decided);
    let more = json!({ "filedBy": row.filed_by, "countsFrom": counts_from.map(|at| at.to_string()) });
    let change = if approves { "evidence_approved" } else { "evidence_rejected" };
    note(tx, &row, change, origin.at, origin, more)?;
    Ok(row)
}

fn not_decided(why: NotDecided) -> StoreError {
    match why {
        NotDecided::SamePerson => StoreError::Forbidden(why.to_string()),
        NotDecided::Decided(standing) => StoreError::Conflict(format!("{why}: {}", standing.name())),
    }
}

/// One ledger entry about evidence.
fn note(
    tx: &mut Tx<'_>,
    row: &EvidenceRow,
    change: &'static str,
    event_at: Timestamp,
    origin: &Origin,
    mut more: Value,
) -> Result<()> {
    let subject = Subject::Contact(row.contact.clone());
    let now = Suppressed::by(&tx.reasons(&row.tenant, &subject)?);
    more["evidence"] = json!(row.id);
    more["sha256"] = json!(row.sha256);
    more["channel"] = json!(row.channel.name());
    let entry = ledger::Entry {
        tenant: &row.tenant,
        subjects: std::slice::from_ref(&subject),
        change,
        reasons: &[],
        before: now,
        after: now,
        source: &origin.source,
        actor: &origin.actor,
        event_at,
        more,
    };
    ledger::append(tx, &entry)
}

/// A piece of evidence.
///
/// # Errors
/// When the store cannot be read.
pub fn get(tx: &mut Tx<'_>, id: &str) -> Result<Option<EvidenceRow>> {
    tx.rows.evidence(id)
}

/// The bytes of its file.
///
/// # Errors
/// When the store cannot be read.
pub fn bytes(tx: &mut Tx<'_>, id: &str) -> Result<Option<Vec<u8>>> {
    tx.rows.evidence_file(id)
}

/// A contact's evidence, oldest first.
///
/// # Errors
/// When the store cannot be read.
pub fn of(tx: &mut Tx<'_>, contact: &str) -> Result<Vec<EvidenceRow>> {
    tx.rows.evidence_of(contact)
}

/// The evidence of that standing, in the order of filing, after an id.
///
/// # Errors
/// When the store cannot be read.
pub fn with(
    tx: &mut Tx<'_>,
    standing: Standing,
    tenant: Option<&str>,
    after: &str,
    limit: usize,
) -> Result<Vec<EvidenceRow>> {
    tx.rows.evidence_with(standing, tenant, after, limit)
}

/// What the rules need to know of a contact's evidence.
pub(crate) fn known(tx: &mut Tx<'_>, contact: &str) -> Result<Vec<Evidence>> {
    let all = tx.rows.evidence_of(contact)?.into_iter();
    Ok(all
        .map(|one| Evidence {
            channel: one.channel,
            recorded_at: one.recorded_at,
            standing: one.standing,
            counts_from: one.counts_from,
        })
        .collect())
}
