//! Reasons that end by themselves, as the policy wanted when they began (R19).

use crate::{
    error::Result,
    events,
    opt::{self, Change, Ending},
    rows::Subject,
    tx::Tx,
};
use dndgate_dnd::{Reason, rules};
use jiff::Timestamp;
use serde_json::json;

/// Who ends them, on record.
const BY: &str = "policy expiry";

/// Is any over by now?
///
/// # Errors
/// When the store cannot be read.
pub fn is_due(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool> {
    Ok(!tx.rows.expired(now, 1)?.is_empty())
}

/// Ends those that are over by now, the longest over first. What changed.
///
/// # Errors
/// When the store cannot be written.
pub fn end_due(tx: &mut Tx<'_>, now: Timestamp, limit: usize) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (tenant, subject, reason) in tx.rows.expired(now, limit)? {
        if rules::expired(std::slice::from_ref(&reason), now).next().is_some() {
            changes.extend(end(tx, &tenant, subject, &reason)?);
        }
    }
    Ok(changes)
}

/// Ends one, with an entry of its own and an event for each contact that it concerns.
fn end(tx: &mut Tx<'_>, tenant: &str, subject: Subject, reason: &Reason) -> Result<Option<Change>> {
    let source = format!("error_codes.lua, after {}", reason.source);
    let event_at = reason.expires.unwrap_or(reason.began);
    let ending = Ending { by: BY, source: &source, why: "expired", event_at };
    let (holders, address) = match &subject {
        Subject::Address(address) => (tx.holders(tenant, address)?, Some(address.clone())),
        Subject::Contact(contact) => (vec![contact.clone()], None),
    };
    let before = standing(tx, tenant, &subject)?;
    let gone = opt::end(tx, tenant, &subject, std::slice::from_ref(&reason.id), &ending)?;
    if gone.is_empty() {
        return Ok(None);
    }
    let after = standing(tx, tenant, &subject)?;
    for contact in &holders {
        tx.touch_contact(tenant, contact)?;
    }
    opt::note_ended(tx, tenant, &[subject], &gone, (before, after), &ending)?;
    events::raise(tx, tenant, &holders, address.as_ref(), false, json!([reason.blocks.name()]))?;
    let parts = vec![(reason.blocks, reason.kind, false)];
    Ok(Some(Change { tenant: tenant.to_owned(), parts }))
}

fn standing(tx: &mut Tx<'_>, tenant: &str, subject: &Subject) -> Result<dndgate_dnd::Suppressed> {
    match subject {
        Subject::Address(address) => tx.suppressed(tenant, address),
        Subject::Contact(_) => Ok(dndgate_dnd::Suppressed::by(&tx.reasons(tenant, subject)?)),
    }
}
