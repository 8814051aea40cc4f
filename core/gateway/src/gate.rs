//! The verdict on the recipients of a send: hash look-ups, nothing else.

use crate::route::TenantRoute;
use dndgate_adapter::{Channel, Known, Recipient};
use dndgate_dnd::{BadAddress, ReasonKind, address};
use dndgate_store::Cache;
use smallvec::SmallVec;

/// A blocked recipient: its place among the recipients and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blocked {
    pub(crate) index: usize,
    pub(crate) channel: Channel,
    pub(crate) reason: ReasonKind,
}

/// The blocked among the recipients, in their order.
///
/// # Errors
/// When an address is not one: then nobody knows whom the provider would reach.
pub(crate) fn blocked(
    cache: &Cache,
    tenant: &TenantRoute,
    recipients: &[Recipient<'_>],
) -> Result<SmallVec<[Blocked; 2]>, BadAddress> {
    let mut all = SmallVec::new();
    for (index, recipient) in recipients.iter().enumerate() {
        if matches!(recipient.known, Known::Unnamed(_) | Known::Unreadable(_)) {
            continue;
        }
        if let Some((channel, reason)) = verdict(cache, tenant, recipient)? {
            all.push(Blocked { index, channel, reason });
        }
    }
    Ok(all)
}

/// Why this recipient must not be reached, if so. Every reading of the address counts (R8, R10).
pub(crate) fn verdict(
    cache: &Cache,
    tenant: &TenantRoute,
    recipient: &Recipient<'_>,
) -> Result<Option<(Channel, ReasonKind)>, BadAddress> {
    let mut found = None;
    address::each_reading(recipient.kind, &recipient.address, tenant.tenant.region, |key| {
        if found.is_none() {
            found = cache.get(&tenant.name, recipient.kind, key).verdict(recipient.channels);
        }
    })?;
    Ok(found)
}
