//! What the provider is answered: turned away (R4), or the CRM's own answer, judged (R14).

use super::{ANSWER_BYTES_MAX, Hook, deliver::deliver, later};
use crate::{
    answer, apply,
    body::{self, Body},
    callback, clock, metrics,
    route::{Routes, TenantRoute},
};
use dndgate_adapter::{Answer, Authentic, Channel, Event, EventKind, Recipient, ReplyGate, ReplyLink};
use dndgate_store::spool;
use http::{Response, StatusCode, header};
use std::time::Duration;

/// What is kept back of the provider's time limit for the gateway's own work.
const MARGIN: Duration = Duration::from_secs(2);
/// How soon a webhook that the CRM did not take is tried again.
const SOON: Duration = Duration::from_secs(1);

impl Hook<'_> {
    /// An inbound call or SMS of somebody whose inbound is blocked is turned away and not passed on (R4).
    pub(super) fn declined(&self, routes: &Routes, events: &[Event<'_>]) -> Option<Response<Body>> {
        let cache = self.worker.shared.store.cache();
        let is_blocked = |event: &Event<'_>| {
            let (kind, address) = match &event.kind {
                EventKind::InboundCall { from } => (dndgate_adapter::AddressKind::Phone, from),
                EventKind::Message { channel: Channel::Sms, from_kind, from, .. } => (*from_kind, from),
                _ => return false,
            };
            let Some(tenant) = apply::tenant_of(routes, self.route, event) else { return false };
            let mut inbound = false;
            let _ = dndgate_dnd::address::each_reading(kind, address, tenant.tenant.region, |key| {
                inbound |= cache.get(&tenant.name, kind, key).inbound();
            });
            inbound
        };
        // A webhook may tell of several people at once: what others say is passed on.
        let is_aside =
            |event: &Event<'_>| matches!(event.kind, EventKind::Same { .. } | EventKind::Moved { .. });
        let mut telling = events.iter().filter(|event| !is_aside(event));
        let blocked = telling.next().filter(|event| is_blocked(event))?;
        if !telling.all(is_blocked) {
            return None;
        }
        Some(answer::from_reply(
            self.adapter().decline(blocked).unwrap_or_else(|| dndgate_adapter::Reply::empty(StatusCode::OK)),
        ))
    }

    /// Passes the webhook on while the provider waits, and the CRM's answer back after R14. `None`: the CRM
    /// did not take it; it stays in the spool.
    pub(super) async fn pass_on(
        &self,
        routes: &Routes,
        authentic: &Authentic<'_>,
        events: &[Event<'_>],
        spooled: Option<&str>,
        kind: &'static str,
    ) -> Option<Response<Body>> {
        let crm = self.crm.as_deref()?;
        let timeout = self.adapter().profile().webhook_timeout.saturating_sub(MARGIN);
        let attempt = deliver(self.worker, self.route, authentic, crm, false, timeout).await;
        let (mut response, body) = match attempt {
            Ok(taken) => taken,
            Err(why) => {
                tracing::warn!(provider = self.provider(), request = %self.id, why, "the CRM did not take a webhook; kept");
                if let Some(id) = spooled.map(str::to_owned) {
                    let soon = later(clock::now(), SOON);
                    // Should this fail, the background finds it when the provider's own time is over.
                    let _ = self.worker.shared.store.write(move |tx| spool::later(tx, &id, soon)).await;
                }
                return None;
            }
        };
        self.release(spooled.map(str::to_owned)).await;
        metrics::webhook(self.provider(), kind, "passed_on");
        // What cannot be unpacked is judged as it is: the adapter finds no document in it.
        let unpacked = body::unpack(response.headers(), &body, true, ANSWER_BYTES_MAX).ok().flatten();
        let readable = unpacked.as_ref().unwrap_or(&body);
        let answered = Answer { status: response.status(), headers: response.headers(), body: readable };
        let tenant = events.first().and_then(|event| apply::tenant_of(routes, self.route, event));
        let tenant = tenant.or_else(|| routes.tenant(self.route, None));
        let mut gate = Gate { hook: self, tenant, base: crm, blocked: 0 };
        match self.adapter().gate_reply(authentic, &answered, &mut gate) {
            Ok(None) => {
                relocate(&mut response, &mut gate);
                Some(response.map(|()| Body::from(body)))
            }
            Ok(Some(reply)) => {
                if gate.blocked > 0 {
                    tracing::info!(provider = self.provider(), request = %self.id, blocked = gate.blocked,
                        "the CRM's answer would have reached somebody who does not want it");
                }
                let mut changed = answer::from_reply(reply);
                // Cookies keep a conversation together at the provider.
                for cookie in response.headers().get_all(header::SET_COOKIE) {
                    changed.headers_mut().append(header::SET_COOKIE, cookie.clone());
                }
                Some(changed)
            }
            Err(unreadable) => {
                metrics::webhook(self.provider(), kind, "unreadable_answer");
                tracing::warn!(provider = self.provider(), request = %self.id, why = %unreadable,
                    "the CRM's answer could not be read with certainty and was not given to the provider");
                Some(answer::from_reply(self.adapter().acknowledge(authentic)))
            }
        }
    }

    pub(super) async fn release(&self, spooled: Option<String>) {
        if let Some(id) = spooled
            && let Err(error) = self.worker.shared.store.write(move |tx| spool::done(tx, &id)).await
        {
            // It will be passed on once more: at least once is the promise.
            tracing::warn!(provider = self.provider(), %error, "a delivered webhook could not be taken off the spool");
        }
    }
}

/// Judges what stands in the CRM's answer.
struct Gate<'a> {
    hook: &'a Hook<'a>,
    tenant: Option<&'a TenantRoute>,
    base: &'a str,
    blocked: usize,
}

impl ReplyGate for Gate<'_> {
    fn allows(&mut self, recipient: &Recipient<'_>) -> bool {
        let cache = self.hook.worker.shared.store.cache();
        let free = self
            .tenant
            .is_some_and(|tenant| matches!(crate::gate::verdict(cache, tenant, recipient), Ok(None)));
        self.blocked += usize::from(!free);
        let verdict = if free { "allowed" } else { "blocked" };
        if let (Some(tenant), Some(channel)) = (self.tenant, recipient.channels.first()) {
            let provider = (self.hook.route.index, self.hook.provider());
            self.hook.worker.count_send((tenant.index, &tenant.name), provider, channel, verdict, None);
        }
        free
    }

    fn link(&mut self, url: &str, kind: ReplyLink) -> String {
        let absolute = callback::resolve(self.base, url);
        match kind {
            ReplyLink::Media => absolute,
            ReplyLink::Document | ReplyLink::Status => {
                self.hook.worker.shared.callbacks.wrap(self.hook.provider(), &absolute)
            }
        }
    }
}

/// A redirect leads to a further document, which must be gated too.
fn relocate(response: &mut Response<()>, gate: &mut Gate<'_>) {
    if !response.status().is_redirection() {
        return;
    }
    let location =
        response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if let Some(location) = location
        && let Ok(value) = gate.link(&location, ReplyLink::Document).parse()
    {
        response.headers_mut().insert(header::LOCATION, value);
    }
}
