//! Who was sent the one text that confirms an opt-out. Nobody gets a second one, ever.

use crate::{error::Result, ledger, rows::Subject, tx::Tx};
use dndgate_adapter::Channel;
use dndgate_dnd::AddressKey;
use jiff::Timestamp;
use serde_json::json;

/// Notes that a person is about to be sent it, once for an address and channel; false when that was noted before.
/// It is a ledger entry: the one message to somebody who opted out.
///
/// # Errors
/// When the store cannot be written.
pub fn first(
    tx: &mut Tx<'_>,
    tenant: &str,
    channel: Channel,
    address: &AddressKey,
    source: &str,
    now: Timestamp,
) -> Result<bool> {
    let hash = tx.address_subject(tenant, address);
    if !tx.rows.note_confirmation(&hash, channel, now)? {
        return Ok(false);
    }
    let mut subjects = vec![Subject::Address(address.clone())];
    subjects.extend(tx.holders(tenant, address)?.into_iter().map(Subject::Contact));
    let suppressed = tx.suppressed(tenant, address)?;
    let entry = ledger::Entry {
        tenant,
        subjects: &subjects,
        change: "confirmation",
        reasons: &[],
        before: suppressed,
        after: suppressed,
        source,
        actor: "gateway",
        event_at: now,
        more: json!({ "channel": channel.name() }),
    };
    ledger::append(tx, &entry)?;
    Ok(true)
}
