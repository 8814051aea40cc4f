//! Two names of one address, and addresses that gave way to others.
//!
//! A provider may know a person by several ids (a phone number and a WhatsApp user id), or by a handle that stands
//! for one (a comment's id). What the provider says of that is kept here, and every question about an address
//! asks for its other names too: what blocks one name blocks all. A name's names are not followed further: the
//! provider tells every pair.

use crate::{
    cache::AGENCY, contacts, error::Result, events, ledger, opt, opt::Change, rows::Subject, tx::Tx,
};
use dndgate_dnd::{AddressKey, Cause, Reason, Suppressed};
use jiff::Timestamp;
use serde_json::{Value, json};

/// How long a handle is remembered, in days: Meta's notification tokens live longest, for nine months.
pub(crate) const DAYS: i64 = 400;

/// Every address by which a contact is known: its own, and their other names.
///
/// # Errors
/// When the store cannot be read.
pub fn of_contact(tx: &mut Tx<'_>, tenant: &str, contact: &str) -> Result<Vec<AddressKey>> {
    tx.names_of(tenant, contact)
}

/// Does anybody know whose this is?
///
/// # Errors
/// When the store cannot be read.
pub fn is_known(tx: &mut Tx<'_>, tenant: &str, address: &AddressKey) -> Result<bool> {
    Ok(!tx.rows.same_as(tenant, address)?.is_empty())
}

/// Keeps that two addresses are one. What it changes, `None` when nothing.
///
/// # Errors
/// When the store cannot be written.
pub fn join(
    tx: &mut Tx<'_>,
    tenant: &str,
    one: &AddressKey,
    other: &AddressKey,
    at: Timestamp,
    source: &str,
) -> Result<Option<Change>> {
    if one == other || tx.rows.same_as(tenant, one)?.contains(other) {
        return Ok(None);
    }
    let sides = [one, other];
    let before = [tx.suppressed(tenant, one)?, tx.suppressed(tenant, other)?];
    let holders = [tx.holders(tenant, one)?, tx.holders(tenant, other)?];
    // The agency's list, and everybody's where DND counts everywhere, ask by names as well.
    for scope in [tenant, AGENCY] {
        tx.rows.put_same(scope, one, other, at)?;
        tx.touch(scope, one);
        tx.touch(scope, other);
    }
    let after = tx.suppressed(tenant, one)?;
    let mut parts = Vec::new();
    for (side, beyond) in [(0, 1), (1, 0)] {
        if before[side] == after {
            continue;
        }
        let reasons = tx.reasons(tenant, &Subject::Address(sides[beyond].clone()))?;
        let live: Vec<&Reason> = reasons.iter().filter(|reason| reason.is_live()).collect();
        for contact in holders[side].iter().filter(|id| !holders[beyond].contains(id)) {
            contacts::adopt(tx, tenant, contact, sides[beyond])?;
            // What the person said holds for the contact's other addresses too (R6).
            tx.touch_contact(tenant, contact)?;
        }
        parts.extend(live.iter().map(|one| (one.blocks, one.kind, true)));
        let note = Grown { address: sides[side], reasons: &live, before: before[side], after, at, source };
        note_grown(tx, tenant, &note)?;
        if holders[side].is_empty() {
            let grown: Vec<&str> = after.channels().iter().map(|channel| channel.name()).collect();
            events::raise(tx, tenant, &[], Some(sides[side]), true, json!(grown))?;
        }
    }
    Ok((!parts.is_empty()).then(|| Change { tenant: tenant.to_owned(), parts }))
}

/// Forgets the names of an erased address (R5).
pub(crate) fn forget(tx: &mut Tx<'_>, tenant: &str, address: &AddressKey) -> Result<()> {
    for scope in [tenant, AGENCY] {
        tx.rows.forget_same(scope, address)?;
    }
    Ok(())
}

/// An address that is protected from more than before.
struct Grown<'a> {
    address: &'a AddressKey,
    reasons: &'a [&'a Reason],
    before: Suppressed,
    after: Suppressed,
    at: Timestamp,
    source: &'a str,
}

fn note_grown(tx: &mut Tx<'_>, tenant: &str, grown: &Grown<'_>) -> Result<()> {
    let entry = ledger::Entry {
        tenant,
        subjects: &[Subject::Address(grown.address.clone())],
        change: "same",
        reasons: grown.reasons,
        before: grown.before,
        after: grown.after,
        source: grown.source,
        actor: "provider",
        event_at: grown.at,
        more: Value::Null,
    };
    ledger::append(tx, &entry)
}

/// A person's address gave way to another: whatever the person said, or an operator set, holds for the new one
/// too. What concerns the old address alone stays behind.
///
/// # Errors
/// When the store cannot be written.
pub fn moved(
    tx: &mut Tx<'_>,
    tenant: &str,
    from: &AddressKey,
    to: &AddressKey,
    source: &str,
) -> Result<Option<Change>> {
    if from == to {
        return Ok(None);
    }
    let mut subjects: Vec<Subject> = tx.names(tenant, from)?.into_iter().map(Subject::Address).collect();
    subjects.extend(tx.holders(tenant, from)?.into_iter().map(Subject::Contact));
    let mut causes: Vec<Cause> = Vec::new();
    for subject in subjects {
        for reason in tx.reasons(tenant, &subject)? {
            if !reason.is_live() || reason.kind.concerns_address() {
                continue;
            }
            let cause = Cause {
                kind: reason.kind,
                blocks: reason.blocks,
                origin: Some(to.clone()),
                permanent: reason.permanent,
                code: reason.code,
                message: reason.message,
                source: source.to_owned(),
                actor: reason.actor,
                at: reason.began,
                expires: reason.expires,
            };
            let twin =
                |one: &Cause| (one.kind, one.blocks, &one.code) == (cause.kind, cause.blocks, &cause.code);
            if !causes.iter().any(twin) {
                causes.push(cause);
            }
        }
    }
    opt::record(tx, tenant, &causes)
}
