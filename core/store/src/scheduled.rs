//! Sends that wait at a provider, and those of them that must not leave any more (R14).

use crate::{error::Result, opt, rows::ScheduledRow, tx::Tx};
use dndgate_adapter::{AddressKind, Channels, Scheduled};
use dndgate_dnd::AddressKey;
use jiff::Timestamp;

/// How long a scheduled send is remembered, in days: providers schedule 35 days ahead at the most.
pub(crate) const DAYS: i64 = 40;

/// A scheduled send that is to be cancelled.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Its id here.
    pub id: String,
    /// The provider's name.
    pub provider: String,
    /// The provider's handle.
    pub handle: Scheduled,
    /// How often its cancellation was tried.
    pub attempts: u32,
}

/// Keeps the handle of a scheduled send. If its recipient opted out meanwhile, it is to be cancelled at once.
///
/// # Errors
/// When the store cannot be written.
pub fn put(
    tx: &mut Tx<'_>,
    provider: &str,
    tenant: &str,
    address: &AddressKey,
    channels: Channels,
    handle: &Scheduled,
    at: Timestamp,
) -> Result<()> {
    let blocked = !opt::blocked_now(tx, tenant, address)?.common(channels).is_empty();
    tx.rows.put_scheduled(&ScheduledRow {
        id: uuid::Uuid::now_v7().simple().to_string(),
        provider: provider.to_owned(),
        tenant: tenant.to_owned(),
        address: address.clone(),
        channels,
        handle: handle.clone(),
        at,
        cancel_at: blocked.then_some(at),
    })
}

/// Tries whether a handle could be kept now: one is written and taken out again. Once this is durable the store
/// takes changes.
///
/// # Errors
/// When the store cannot be written.
pub fn try_room(tx: &mut Tx<'_>, at: Timestamp) -> Result<()> {
    let trial = ScheduledRow {
        id: uuid::Uuid::now_v7().simple().to_string(),
        provider: String::new(),
        tenant: String::new(),
        address: AddressKey { kind: AddressKind::Email, key: String::new() },
        channels: Channels::NONE,
        handle: Scheduled::default(),
        at,
        cancel_at: None,
    };
    tx.rows.put_scheduled(&trial)?;
    tx.rows.delete_scheduled(&trial.id)
}

/// Those to be cancelled that are due.
///
/// # Errors
/// When the store cannot be read.
pub fn to_cancel(tx: &mut Tx<'_>, now: Timestamp, limit: usize) -> Result<Vec<Waiting>> {
    tx.rows.scheduled_due(now, limit)
}

/// It is cancelled, or has left.
///
/// # Errors
/// When the store cannot be written.
pub fn done(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    tx.rows.delete_scheduled(id)
}

/// The provider did not take the cancellation: once more at `next_at`.
///
/// # Errors
/// When the store cannot be written.
pub fn later(tx: &mut Tx<'_>, id: &str, next_at: Timestamp) -> Result<()> {
    tx.rows.put_off_scheduled(id, next_at)
}
