//! The verdict on a send whose recipients are known, and its way on.

use super::{
    Exchange,
    stop::{Stop, unnamed, unnamed_message},
};
use crate::{
    body::{self, Body},
    clock,
    gate::{self, Blocked},
    out::{Out, Uncertain, Why},
    route::TenantRoute,
    rules::{self, Asked},
    unsubscribe::headers,
};
use bytes::Bytes;
use dndgate_adapter::{
    Edit, Known, RefusalCause, Request as ProviderRequest, Scheduled, Sending, Unreadable,
};
use dndgate_dnd::ReasonKind;
use dndgate_store::scheduled;
use http::{HeaderValue, Response};
use smallvec::SmallVec;
use std::sync::Arc;

impl Exchange<'_> {
    /// The verdict on a send whose recipients are known, and its way on.
    pub(super) async fn send(
        &mut self,
        tenant: &TenantRoute,
        request: &ProviderRequest<'_>,
        sending: Sending<'_>,
        raw: &Bytes,
        readable: &Bytes,
    ) -> Result<Response<Body>, Stop> {
        self.same_tenant(tenant, &sending)?;
        let provider = &self.target.route.provider;
        if let Some(name) = sending.unnamed
            && !provider.allow_unnamed.iter().any(|one| one == name)
        {
            return Err(unnamed(name));
        }
        let exempt = provider.exempt.iter().any(|kind| kind == sending.kind);
        let store = &self.worker.shared.store;
        let verdicts = |sending: &Sending<'_>| gate::blocked(store.cache(), tenant, &sending.recipients);
        let mut blocked: SmallVec<[Blocked; 2]> = SmallVec::new();
        if !exempt {
            blocked = verdicts(&sending).map_err(|bad| {
                let code = None;
                let channel = sending.recipients.first().and_then(|one| one.channels.first());
                Stop {
                    code,
                    channel,
                    ..Stop::new(RefusalCause::Unreadable, format!("the recipient is {bad}"))
                }
            })?;
        }
        let uncertain = match sending.recipients.iter().all(|one| one.known == Known::Address) {
            true => Uncertain::new(),
            false => self.uncertain(tenant, &sending, &blocked).await?,
        };
        let Asked { ruled, mut places } =
            rules::ask(self.worker, self.provider().1, tenant, &sending, &blocked, self.id).await;
        let out = Out { sending: &sending, blocked: &blocked, ruled: &ruled, uncertain: &uncertain };
        let dropped = out.dropped();
        self.worker.shared.recorder.send(&self.target.route, tenant, &out, self.id);
        places.leave_out(&dropped);
        if dropped.len() == sending.recipients.len() && !dropped.is_empty() && !sending.rest {
            return Err(self.stop_each(tenant, request, &out, &dropped));
        }
        if sending.scheduled
            && !provider.allow_unnamed.iter().any(|one| one == "scheduled")
            && !self.can_cancel()
        {
            return Err(Stop::new(
                RefusalCause::Unreadable,
                "a send that leaves later could not be cancelled if the person opts out in between: configure the \
                 provider's credentials at the gateway, or allow it by name: allow_unnamed = [\"scheduled\"]",
            ));
        }
        if sending.scheduled {
            self.has_room().await?;
        }
        let mut edits = Vec::new();
        let mut query = None;
        if !dropped.is_empty() {
            edits = self.adapter().trim(request, &sending, &dropped).map_err(|cannot| {
                let mut stop = self.stop_for(tenant, &out);
                stop.message = format!("{}; {cannot}", stop.message).into();
                stop
            })?;
            query = self.adapter().trim_query(request, &sending, &dropped);
        }
        edits.extend(self.callback_edits(&sending));
        if provider.list_unsubscribe {
            let shared = &self.worker.shared;
            edits.extend(headers::edits(shared, self.adapter(), tenant, request, &sending, &dropped));
        }
        edits.sort_by_key(|edit| edit.range.start);
        let edited = !edits.is_empty();
        let body = if edited { body::edit(readable, edits) } else { Body::from(raw.clone()) };
        // Whoever opted out while this send waited for a connection is not reached either. Who goes is compared,
        // not how many: somebody taken out may have come back while another left.
        let still_free = || {
            let free = exempt
                || verdicts(&sending).is_ok_and(|now| now.iter().all(|one| dropped.contains(&one.index)));
            if free {
                places.leave();
            }
            free
        };
        let answer = self.forward(body, edited, query.as_deref(), still_free).await;
        let (mut response, seconds) = match answer {
            Err(stop) if stop.cause == RefusalCause::Blocked => {
                let mut now = verdicts(&sending).unwrap_or_default();
                now.retain(|one| !dropped.contains(&one.index));
                let late = Out { sending: &sending, blocked: &now, ruled: &ruled, uncertain: &uncertain };
                return Err(self.stop_for(tenant, &late));
            }
            other => other?,
        };
        places.answered(response.status());
        let learns = self.adapter().wants_answer(&sending, response.status());
        let stitches = !dropped.is_empty() && self.adapter().stitches(&sending);
        if learns || stitches {
            response = self.read_back(tenant, request, &out, &dropped, response, (learns, stitches)).await?;
        }
        self.count(tenant, &out, &dropped);
        let verdict = if dropped.is_empty() {
            HeaderValue::from_static("allowed")
        } else {
            self.record_trimmed(tenant, &out, &dropped)
        };
        self.finish(&mut response, "send", verdict, seconds);
        Ok(response)
    }

    /// Could a scheduled send of this account be cancelled?
    fn can_cancel(&self) -> bool {
        let account = self.adapter().account(&self.head).unwrap_or_default().into_owned();
        let handle = Scheduled { account, ..Scheduled::default() };
        self.adapter().cancel(&handle, &self.target.route.provider.secrets).is_some()
    }

    /// Could the handle of a scheduled send be kept? Asked before it leaves: without it an opt-out in between
    /// would cancel nothing.
    async fn has_room(&self) -> Result<(), Stop> {
        let now = clock::now();
        self.worker.shared.store.write(move |tx| scheduled::try_room(tx, now)).await.map_err(|error| {
            tracing::error!(request = %self.id, %error, "a send that leaves later was refused");
            Stop::new(
                RefusalCause::Unavailable,
                "the gateway cannot write its store, so that this send could not be cancelled if the person opts \
                 out in between; nothing was sent",
            )
        })
    }

    /// Every account that a request names inside must be of the tenant that judges it.
    fn same_tenant(&self, tenant: &TenantRoute, sending: &Sending<'_>) -> Result<(), Stop> {
        let theirs = |account: &str| self.routes.tenant(&self.target.route, Some(account));
        let foreign =
            sending.accounts.iter().any(|one| theirs(one).is_none_or(|one| one.index != tenant.index));
        if !foreign {
            return Ok(());
        }
        Err(Stop::new(
            RefusalCause::Account,
            "the request acts for accounts of several tenants, or for one that is not configured at the gateway: \
             send for each tenant by itself",
        ))
    }

    /// The recipients of whom it is not certain who they are, and why that is not allowed.
    async fn uncertain(
        &self,
        tenant: &TenantRoute,
        sending: &Sending<'_>,
        blocked: &[Blocked],
    ) -> Result<Uncertain, Stop> {
        let allowed = |name: &str| self.target.route.provider.allow_unnamed.iter().any(|one| one == name);
        let mut uncertain = Uncertain::new();
        for (index, recipient) in sending.recipients.iter().enumerate() {
            match &recipient.known {
                Known::Address => {}
                Known::Unreadable(why) => uncertain.push((index, why.clone())),
                Known::Handle(name) | Known::Unnamed(name) if allowed(name) => {}
                Known::Unnamed(name) => uncertain.push((index, Unreadable::new(unnamed_message(name)))),
                Known::Handle(_) if blocked.iter().any(|one| one.index == index) => {}
                Known::Handle(name) => {
                    let region = tenant.tenant.region;
                    let key = dndgate_dnd::address::normalise(recipient.kind, &recipient.address, region);
                    let known = match key {
                        Err(_) => false,
                        Ok(one) => {
                            let tenant = Arc::clone(&tenant.name);
                            let asked = self
                                .worker
                                .shared
                                .store
                                .read(move |tx| dndgate_store::names::is_known(tx, &tenant, &one.key));
                            asked.await.map_err(|error| {
                                tracing::error!(%error, "the store cannot tell whose a handle is");
                                Stop::new(
                                    RefusalCause::Unavailable,
                                    "the gateway cannot look up the recipient now",
                                )
                            })?
                        }
                    };
                    if !known {
                        uncertain.push((index, Unreadable::new(unnamed_message(name))));
                    }
                }
            }
        }
        Ok(uncertain)
    }

    fn stop_for(&self, tenant: &TenantRoute, out: &Out<'_, '_>) -> Stop {
        let tenant = Some((tenant.index, tenant.name.to_string()));
        let first = out.blocked.first().map(|one| one.index).or(out.ruled.first().map(|one| one.index));
        let Some(index) = first.or(out.uncertain.first().map(|one| one.0)) else {
            return Stop { tenant, ..Stop::new(RefusalCause::Blocked, "not allowed") };
        };
        let recipient = out.sending.recipients.get(index);
        let why = out.why(index);
        Stop {
            code: why.code,
            blocked: why.reason.map(|(channel, reason)| (channel, reason.map_or("policy", ReasonKind::name))),
            channel: why
                .reason
                .map(|(channel, _)| channel)
                .or(recipient.and_then(|one| one.channels.first())),
            address: recipient.map(|one| one.address.as_ref().into()),
            tenant,
            ..Stop::new(why.cause, why.message.into_owned())
        }
    }

    /// As [`Exchange::stop_for`], told part by part where the provider answers so.
    fn stop_each(
        &self,
        tenant: &TenantRoute,
        request: &ProviderRequest<'_>,
        out: &Out<'_, '_>,
        dropped: &[usize],
    ) -> Stop {
        let id = self.id.to_string();
        let why: Vec<Why<'_>> = dropped.iter().map(|index| out.why(*index)).collect();
        let reply = self.adapter().refuse_each(request, out.sending, &out.refused(dropped, &why, &id));
        Stop { reply: reply.map(Box::new), ..self.stop_for(tenant, out) }
    }

    /// Puts addresses of the gateway where the CRM named its own, so that error codes are seen (R19).
    fn callback_edits(&self, sending: &Sending<'_>) -> Vec<Edit> {
        if !self.target.route.verifies {
            return Vec::new();
        }
        let callbacks = &self.worker.shared.callbacks;
        let wrap = |url: &str| callbacks.wrap(self.provider().1, url);
        let wrapped = sending.callbacks.iter().filter(|one| one.url.starts_with("http"));
        wrapped.map(|one| one.place.replace(&wrap(&one.url))).collect()
    }
}
