//! The operator's send rules (`on_send`), asked for recipients that the gate has let through.

use crate::{clock, gate::Blocked, metrics, route::TenantRoute, shared::Worker};
use dndgate_adapter::{AddressKind, Channel, Known, Sending};
use dndgate_dnd::address;
use dndgate_policy::{Policies, SendFacts, SendVerdict};
use smallvec::SmallVec;
use std::{rc::Rc, sync::Arc};

/// A recipient whom a rule blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ruled {
    pub(crate) index: usize,
    pub(crate) channel: Channel,
    pub(crate) reason: String,
    /// Which rule, for records.
    pub(crate) rule: String,
}

/// Asks the rules about everybody who is not blocked already. Costs nothing where no rule is defined.
pub(crate) async fn ask(
    worker: &Rc<Worker>,
    provider: &str,
    tenant: &TenantRoute,
    sending: &Sending<'_>,
    blocked: &[Blocked],
    request: uuid::Uuid,
) -> SmallVec<[Ruled; 1]> {
    let mut ruled = SmallVec::new();
    let book = worker.shared.policies.current();
    if !book.has_send_rule() {
        return ruled;
    }
    let policies = book.of(&tenant.name);
    if !policies.has_send_rule() {
        return ruled;
    }
    let request_id = request.to_string();
    for (index, recipient) in sending.recipients.iter().enumerate() {
        let unknown = matches!(recipient.known, Known::Unnamed(_) | Known::Unreadable(_));
        if unknown || blocked.iter().any(|one| one.index == index) {
            continue;
        }
        let shown = address::normalise(recipient.kind, &recipient.address, tenant.tenant.region)
            .map_or_else(|_| recipient.address.to_string(), |one| one.shown);
        for channel in recipient.channels.iter() {
            let question = Question {
                tenant: Arc::clone(&tenant.name),
                provider: provider.to_owned(),
                channel,
                kind: sending.kind,
                address_kind: recipient.kind,
                address: shown.clone(),
                sender: sending.sender.to_string(),
                tags: sending.tags.iter().map(ToString::to_string).collect(),
                scheduled: sending.scheduled,
                request_id: request_id.clone(),
            };
            if let SendVerdict::Block { reason, rule, fault } = answer(policies, question).await {
                if fault {
                    tracing::error!(%rule, reason, "a send rule failed; the send is blocked");
                }
                ruled.push(Ruled { index, channel, reason, rule });
                break;
            }
        }
    }
    ruled
}

/// What a rule is asked, owned so that it can go to another thread.
struct Question {
    tenant: Arc<str>,
    provider: String,
    channel: Channel,
    kind: &'static str,
    address_kind: AddressKind,
    address: String,
    sender: String,
    tags: Vec<String>,
    scheduled: bool,
    request_id: String,
}

impl Question {
    fn put_to(&self, policies: &Policies) -> SendVerdict {
        let tags: Vec<_> = self.tags.iter().map(|tag| tag.as_str().into()).collect();
        policies.on_send(&SendFacts {
            tenant: &self.tenant,
            provider: &self.provider,
            channel: self.channel,
            kind: self.kind,
            address_kind: self.address_kind,
            address: &self.address,
            sender: &self.sender,
            tags: &tags,
            scheduled: self.scheduled,
            now: clock::now(),
            request_id: &self.request_id,
        })
    }
}

/// A rule that behaves runs where it is asked, in microseconds. Once it has run into its limits, it runs on threads
/// of its own, so that the worker goes on serving others.
async fn answer(policies: &Arc<Policies>, question: Question) -> SendVerdict {
    let begun = clock::tick();
    let verdict = if policies.send_rule_misbehaves() {
        let policies = Arc::clone(policies);
        tokio::task::spawn_blocking(move || question.put_to(&policies)).await.unwrap_or_else(|_| {
            SendVerdict::Block {
                reason: "the send rule failed".into(),
                rule: "sends.lua".into(),
                fault: true,
            }
        })
    } else {
        question.put_to(policies)
    };
    metrics::policy_seconds().record(begun.elapsed().as_secs_f64());
    verdict
}
