//! `List-Unsubscribe` and `List-Unsubscribe-Post` in mail that goes out, where the operator wants them
//! (`list_unsubscribe = true`). They go in before the provider signs the mail: RFC 8058 wants both under its
//! signature.

use super::{Link, list_headers};
use crate::{metrics, route::TenantRoute, shared::Shared};
use dndgate_adapter::{Adapter, CannotAdd, Channel, Edit, Request, Sending};
use dndgate_dnd::address;

/// The edits that put them into a mail to one person. A mail to several goes as it is: whoever pressed its
/// button would unsubscribe somebody else.
pub(crate) fn edits(
    shared: &Shared,
    adapter: &dyn Adapter,
    tenant: &TenantRoute,
    request: &Request<'_>,
    sending: &Sending<'_>,
    dropped: &[usize],
) -> Vec<Edit> {
    let mut stay = (sending.recipients.iter().enumerate())
        .filter(|(index, one)| !dropped.contains(index) && one.channels.has(Channel::Email))
        .map(|(_, one)| one);
    let (Some(one), None) = (stay.next(), stay.next()) else {
        metrics::list_unsubscribe("several");
        return Vec::new();
    };
    let Ok(address) = address::normalise(one.kind, &one.address, tenant.tenant.region) else {
        return Vec::new();
    };
    let link = Link { tenant: tenant.name.to_string(), address: address.key, channel: Channel::Email };
    let Some(token) = shared.links.load().seal(&link) else { return Vec::new() };
    let headers = list_headers(&format!("{}/u/{token}", shared.traffic.public_url));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (outcome, edits) = match adapter.add_headers(request, sending, &headers) {
        Ok(edits) => ("added", edits),
        Err(CannotAdd::Own) => ("own", Vec::new()),
        Err(CannotAdd::Unfit(why)) => {
            tracing::debug!(why, "a mail got no List-Unsubscribe");
            ("unfit", Vec::new())
        }
    };
    metrics::list_unsubscribe(outcome);
    edits
}
