//! The one text that confirms an opt-out, where the operator wants it (`confirm_opt_out`) and the provider sends
//! none itself.
//!
//! It is the only message that ever goes to somebody who opted out, and so it is hedged in: the operator names
//! the channels in the configuration (R9); the person was blocked by nothing else before; it follows the opt-out
//! at once; its words are the policy's and hold no link; and that it goes out is durable beforehand, so that
//! nobody gets a second one, not after a crash and not after another STOP. At most one is the promise, not at
//! least one.

use crate::{
    answer,
    apply::{self, Judged, What},
    body::Body,
    call, clock, metrics,
    route::{Route, TenantRoute},
    shared::Worker,
    upstream::UpstreamError,
};
use dndgate_adapter::{Answer, Authentic, Channel, Event, EventKind, outbound::Call};
use dndgate_dnd::{AddressKey, ReasonKind};
use dndgate_policy::Policies;
use dndgate_store::{Change, StoreError, Tx, confirmations, preferences};
use http::{Response, header};
use jiff::{SignedDuration, Timestamp};
use std::{rc::Rc, sync::Arc, time::Duration};

/// What follows an opt-out later than this is no confirmation any more (47 CFR 64.1200(a)(12)).
const MINUTES_MAX: i64 = 5;
/// How long a provider may take over one.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The pauses between attempts while nothing can have been sent, in seconds: over well before the five minutes.
const PAUSES: [u64; 5] = [1, 4, 15, 40, 90];

/// An opt-out that may be confirmed.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    /// The event's place in the webhook.
    event: usize,
    channel: Channel,
    origin: AddressKey,
    source: String,
}

/// A confirmation that goes out: this is durable.
#[derive(Debug)]
pub(crate) struct Confirmation {
    event: usize,
    channel: Channel,
    text: String,
}

/// May what was made of an event be confirmed?
pub(crate) fn due(
    worker: &Worker,
    route: &Route,
    tenant: &TenantRoute,
    authentic: &Authentic<'_>,
    (index, event): (usize, &Event<'_>),
    what: &What,
    now: Timestamp,
) -> Option<Due> {
    let (EventKind::Message { channel, .. }, What::Begin(causes)) = (&event.kind, what) else { return None };
    let provider = &route.provider;
    if !provider.confirm_opt_out.has(*channel) || !tenant.tenant.confirm_opt_out {
        return None;
    }
    let cause = causes.iter().find(|cause| cause.kind == ReasonKind::Keyword)?;
    let origin = cause.origin.clone()?;
    let late = event.at.is_some_and(|at| now.duration_since(at) > SignedDuration::from_mins(MINUTES_MAX));
    // Of all tenants, where one blocks for all.
    let before = worker.shared.store.cache().get(&tenant.name, origin.kind, origin.key.as_bytes());
    let free = !before.channels().has(*channel) && !before.inbound();
    (free && !late && !provider.adapter.confirms_itself(authentic, event)).then(|| Due {
        event: index,
        channel: *channel,
        origin,
        source: cause.source.clone(),
    })
}

/// Applies what was made of an event, and claims its confirmation.
pub(crate) fn apply(
    tx: &mut Tx<'_>,
    judged: &Judged,
    policies: &Policies,
    now: Timestamp,
) -> Result<(Vec<Change>, Option<Confirmation>), StoreError> {
    let Some(due) = &judged.confirm else { return Ok((apply::apply(tx, judged)?, None)) };
    let before = tx.suppressed(&judged.tenant, &due.origin)?;
    let changes = apply::apply(tx, judged)?;
    if changes.is_empty() || before.channels().has(due.channel) {
        return Ok((changes, None));
    }
    let language = preferences::read(tx, &judged.tenant, &due.origin)?.language;
    let Some(text) = policies.confirmation(language.as_deref()) else { return Ok((changes, None)) };
    let first = confirmations::first(tx, &judged.tenant, due.channel, &due.origin, &due.source, now)?;
    let confirmation =
        first.then(|| Confirmation { event: due.event, channel: due.channel, text: text.to_owned() });
    Ok((changes, confirmation))
}

/// Sends confirmations: in the answer to the webhook where that works, else by the provider's API.
pub(crate) fn send(
    worker: &Rc<Worker>,
    route: &Arc<Route>,
    authentic: &Authentic<'_>,
    events: &[Event<'_>],
    confirmations: &[Confirmation],
    mut response: Response<Body>,
) -> Response<Body> {
    let adapter = route.provider.adapter;
    for one in confirmations {
        let Some(event) = events.get(one.event) else { continue };
        let (parts, body) = response.into_parts();
        let whole = body.in_memory().unwrap_or_default();
        let answer = Answer { status: parts.status, headers: &parts.headers, body: &whole };
        if let Some(reply) = adapter.confirm(authentic, event, &answer, &one.text) {
            metrics::confirmation(&route.provider.name, one.channel.label(), "replied");
            let mut changed = answer::from_reply(reply);
            for cookie in parts.headers.get_all(header::SET_COOKIE) {
                changed.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            response = changed;
            continue;
        }
        response = Response::from_parts(parts, body);
        match adapter.confirm_call(authentic, event, &one.text, &route.provider.secrets) {
            Some(call) => {
                let (worker, route, channel) = (Rc::clone(worker), Arc::clone(route), one.channel);
                tokio::task::spawn_local(async move { insist(&worker, &route, channel, call).await });
            }
            None => {
                metrics::confirmation(&route.provider.name, one.channel.label(), "impossible");
                tracing::warn!(
                    provider = route.provider.name,
                    "an opt-out cannot be confirmed: credentials are missing"
                );
            }
        }
    }
    response
}

/// Tries again only while no byte of it can have left.
async fn insist(worker: &Rc<Worker>, route: &Arc<Route>, channel: Channel, call: Call) {
    let provider = route.provider.name.as_str();
    let begun = clock::tick();
    for pause in PAUSES.iter().map(Some).chain([None]) {
        let outcome = call::make(worker, route, call.clone(), TIMEOUT).await;
        match (&outcome, pause) {
            (Ok(status), _) if status.is_success() => {
                return metrics::confirmation(provider, channel.label(), "sent");
            }
            (Err(UpstreamError::Connect(_) | UpstreamError::ConnectTimeout), Some(seconds)) => {
                tokio::time::sleep(Duration::from_secs(*seconds)).await;
            }
            _ => {
                metrics::confirmation(provider, channel.label(), "failed");
                let seconds = begun.elapsed().as_secs();
                return tracing::warn!(
                    provider,
                    seconds,
                    ?outcome,
                    "an opt-out was not confirmed; it counts all the same"
                );
            }
        }
    }
}
