//! Failures that are counted before they begin a reason (R19): by address, channel and kind of reason, whatever the
//! code, and by the keyed hash of the address alone.

use crate::{error::Result, rows::Tally, tx::Tx};
use dndgate_dnd::{AddressKey, Cause, Threshold, threshold::FAILURES_MAX};
use jiff::Timestamp;

/// Counts a failure, once for each event. With it enough, the cause as it holds then: its time is that of the last
/// of those failures.
///
/// # Errors
/// When the store cannot be written.
pub fn count(
    tx: &mut Tx<'_>,
    tenant: &str,
    event: &str,
    cause: &Cause,
    threshold: &Threshold,
) -> Result<Option<Cause>> {
    let Some(origin) = &cause.origin else { return Ok(None) };
    // As it is kept: the store knows no finer times.
    let failed = Timestamp::from_microsecond(cause.at.as_microsecond()).unwrap_or(cause.at);
    let subject = tx.address_subject(tenant, origin);
    let tally = Tally { subject: &subject, blocks: cause.blocks, kind: cause.kind };
    tx.rows.note_failure(&tally, event, failed, FAILURES_MAX)?;
    let reached = threshold.reached(&tx.rows.failures(&tally)?, failed);
    Ok(reached.map(|at| {
        let expires = cause.expires.and_then(|end| end.checked_add(at.duration_since(failed)).ok());
        Cause { at, expires, ..cause.clone() }
    }))
}

/// Forgets what was counted of an erased address (R5).
pub(crate) fn forget(tx: &mut Tx<'_>, tenant: &str, address: &AddressKey) -> Result<()> {
    let subject = tx.address_subject(tenant, address);
    tx.rows.forget_failures_of(&subject)
}
