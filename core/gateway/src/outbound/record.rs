//! What is counted, remembered and answered of a request.

use super::{Exchange, stop::Stop};
use crate::{
    answer::{self, verdict},
    body::Body,
    clock,
    out::Out,
    route::TenantRoute,
};
use dndgate_adapter::{Channel, Refusal, RefusalCause, sign};
use dndgate_dnd::ReasonKind;
use dndgate_store::Decision;
use http::{HeaderValue, Response};
use smallvec::SmallVec;

/// Recipients named (hashed) in a verdict header; more are counted only.
const NAMED_MAX: usize = 20;

impl Exchange<'_> {
    pub(super) fn count(&self, tenant: &TenantRoute, out: &Out<'_, '_>, dropped: &[usize]) {
        let names = ((tenant.index, &*tenant.name), self.provider());
        for (index, recipient) in out.sending.recipients.iter().enumerate() {
            let channel = recipient.channels.first().unwrap_or(Channel::Sms);
            if dropped.binary_search(&index).is_err() {
                self.worker.count_send(names.0, names.1, channel, "allowed", None);
                continue;
            }
            let why = out.why(index);
            let word = if why.cause == RefusalCause::Blocked { "trimmed" } else { "refused" };
            let (channel, kind) = match why.reason {
                Some((channel, kind)) => (channel, Some(kind.unwrap_or(ReasonKind::Policy))),
                None => (channel, None),
            };
            self.worker.count_send(names.0, names.1, channel, word, kind);
        }
    }

    pub(super) fn record_trimmed(
        &self,
        tenant: &TenantRoute,
        out: &Out<'_, '_>,
        dropped: &[usize],
    ) -> HeaderValue {
        let sending = out.sending;
        let hashes: Vec<String> = (dropped.iter().take(NAMED_MAX))
            .filter_map(|index| sending.recipients.get(*index))
            .map(|one| address_hash(&one.address))
            .collect();
        let whom = dropped.iter().filter_map(|index| sending.recipients.get(*index));
        self.worker.shared.kept_back.put(self.id, whom.map(|one| &*one.address));
        let first = dropped.first().map(|index| out.why(*index).reason);
        let (channel, reason) = match first.flatten() {
            Some((channel, kind)) => (channel, kind.map_or("policy", ReasonKind::name)),
            None => (self.adapter().profile().channels.first().unwrap_or(Channel::Sms), "unreadable"),
        };
        self.record(
            "trimmed",
            Some((tenant.index, &tenant.name)),
            Some(channel),
            reason,
            &hashes.join(","),
            sending.kind,
        );
        verdict("trimmed", &[("blocked", &dropped.len().to_string()), ("recipients", &hashes.join(","))])
    }

    fn record(
        &self,
        verdict: &'static str,
        tenant: Option<(usize, &str)>,
        channel: Option<Channel>,
        reason: &str,
        address_hash: &str,
        message: &str,
    ) {
        let (_, provider) = self.provider();
        let tenant_name = tenant.map_or("", |(_, name)| name);
        let now = clock::now();
        if self.worker.may_log(now) {
            tracing::info!(request = %self.id, provider, tenant = tenant_name,
                channel = channel.map_or("", Channel::label), reason, recipient = address_hash, "{verdict}: {message}");
        }
        self.worker.shared.decisions.append(&Decision {
            at: now,
            request_id: self.id,
            tenant: tenant_name.into(),
            provider: provider.into(),
            channel,
            verdict: verdict.into(),
            reason: reason.into(),
            address_hash: address_hash.into(),
            message: message.into(),
        });
    }

    /// Marks an answer that goes back, and measures.
    pub(super) fn finish(
        &self,
        response: &mut Response<Body>,
        kind: &'static str,
        verdict: HeaderValue,
        upstream_seconds: f64,
    ) {
        answer::mark(response, verdict, self.id);
        self.worker.count_request(self.provider(), kind, response.status().as_u16());
        self.worker.observe_overhead((self.started.elapsed().as_secs_f64() - upstream_seconds).max(0.0));
    }

    pub(super) fn refuse(&self, stop: &Stop) -> Response<Body> {
        let id = self.id.to_string();
        let refusal = Refusal {
            cause: stop.cause,
            message: &stop.message,
            address: stop.address.as_deref(),
            channel: stop.blocked.map(|(channel, _)| channel).or(stop.channel),
            reason: stop.blocked.map(|(_, reason)| reason),
            code: stop.code,
            request_id: &id,
        };
        let each = stop.reply.as_deref().cloned();
        let reply = each.unwrap_or_else(|| self.adapter().refuse(&self.head, &refusal));
        let mut response = answer::from_reply(reply);
        let (word, reason) = match (stop.cause, stop.blocked) {
            (RefusalCause::Blocked, Some((_, reason))) => ("blocked", reason),
            (RefusalCause::Unreadable, _) => ("refused", "unreadable"),
            (RefusalCause::Account, _) => ("refused", "account"),
            (RefusalCause::Signature, _) => ("refused", "signature"),
            (RefusalCause::TooLarge, _) => ("refused", "too_large"),
            (RefusalCause::BadGateway, _) => ("failed", "bad_gateway"),
            (RefusalCause::GatewayTimeout, _) => ("failed", "timeout"),
            _ => ("failed", "unavailable"),
        };
        let hash = stop.address.as_deref().map(address_hash).unwrap_or_default();
        let tenant = stop.tenant.as_ref().map(|(index, name)| (*index, name.as_str()));
        let channel = refusal.channel;
        let mut facts: SmallVec<[(&str, &str); 3]> = SmallVec::new();
        if let Some(channel) = channel {
            facts.push(("channel", channel.label()));
        }
        facts.push(("reason", reason));
        if !hash.is_empty() {
            facts.push(("recipients", &hash));
        }
        if word != "failed" {
            self.worker.shared.kept_back.put(self.id, stop.address.as_deref().into_iter());
            self.record(word, tenant, channel, reason, &hash, &stop.message);
            let kind = stop.blocked.and_then(|(_, reason)| ReasonKind::parse(reason));
            let channel =
                channel.or_else(|| self.adapter().profile().channels.first()).unwrap_or(Channel::Sms);
            self.worker.count_send(tenant.unwrap_or((usize::MAX, "")), self.provider(), channel, word, kind);
        }
        self.finish(&mut response, "send", verdict(word, &facts), 0.0);
        response
    }
}

/// How headers and records name a recipient: the first 16 hexadecimal digits of the SHA-256 of the address as
/// it stood in the request.
pub fn address_hash(address: &str) -> String {
    sign::to_hex(&sign::sha256(address.as_bytes())[..8])
}
