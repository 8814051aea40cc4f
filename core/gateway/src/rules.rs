//! The operator's send rules, asked for recipients that the gate has let through, and the places in counts that
//! they take.

use crate::{clock, gate::Blocked, metrics, route::TenantRoute, shared::Worker};
use dndgate_adapter::{AddressKind, Channel, Known, Sending};
use dndgate_dnd::{AddressKey, address};
use dndgate_policy::{ContactFacts, Judgement, Policies, SendFacts, SendVerdict};
use dndgate_store::contacts;
use http::StatusCode;
use serde_json::Value;
use smallvec::SmallVec;
use std::{cell::Cell, rc::Rc, sync::Arc};

/// A recipient whom a rule blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ruled {
    pub(crate) index: usize,
    pub(crate) channel: Channel,
    pub(crate) reason: String,
    /// Which rule, for records.
    pub(crate) rule: String,
}

/// What the rules say of a send.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) ruled: SmallVec<[Ruled; 1]>,
    pub(crate) places: Places,
}

/// The places in counts that a send's recipients take. They are kept once the send may have left; until then, and
/// where the provider says that it refused it, they are given back.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// By the recipient's index; those who take none are left out.
    of: SmallVec<[(usize, Judgement); 1]>,
    left: Cell<bool>,
}

impl Places {
    /// These recipients are taken out of the send.
    pub(crate) fn leave_out(&mut self, dropped: &[usize]) {
        self.of.retain(|(index, _)| dropped.binary_search(index).is_err());
    }

    /// The first byte is about to leave: from now on nobody knows whether the send arrives.
    pub(crate) fn leave(&self) {
        self.left.set(true);
    }

    /// The provider answered. What it refused has reached nobody; a server error or a time-out may have.
    pub(crate) fn answered(&self, status: StatusCode) {
        if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT {
            self.left.set(false);
        }
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        if self.left.get() {
            self.of.iter_mut().for_each(|(_, judgement)| judgement.keep());
        }
    }
}

/// Asks the rules about everybody who is not blocked already. Costs nothing where no rule is defined.
pub(crate) async fn ask(
    worker: &Rc<Worker>,
    provider: &str,
    tenant: &TenantRoute,
    sending: &Sending<'_>,
    blocked: &[Blocked],
    request: uuid::Uuid,
) -> Asked {
    let mut asked = Asked::default();
    let book = worker.shared.policies.current();
    if !book.has_send_rule() {
        return asked;
    }
    let policies = book.of(&tenant.name);
    if !policies.has_send_rule() {
        return asked;
    }
    let request_id = request.to_string();
    for (index, recipient) in sending.recipients.iter().enumerate() {
        let unknown = matches!(recipient.known, Known::Unnamed(_) | Known::Unreadable(_));
        if unknown || blocked.iter().any(|one| one.index == index) {
            continue;
        }
        let read = address::normalise(recipient.kind, &recipient.address, tenant.tenant.region);
        let (shown, key) =
            read.map_or_else(|_| (recipient.address.to_string(), None), |one| (one.shown, Some(one.key)));
        let mut judgement = Judgement::new(Arc::clone(&worker.shared.send_counts) as _);
        if policies.needs_contact() {
            let Ok(contact) = contact(worker, tenant, key).await else {
                let channel = recipient.channels.first().unwrap_or(Channel::Sms);
                let reason = "a send rule asks about the contact, which cannot be looked up now".to_owned();
                asked.ruled.push(Ruled { index, channel, reason, rule: "sends.lua".into() });
                continue;
            };
            judgement = judgement.knowing(contact);
        }
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
            let verdict;
            (verdict, judgement) = answer(policies, question, judgement).await;
            if let SendVerdict::Block { reason, rule, fault } = verdict {
                judgement.give_back();
                if fault {
                    tracing::error!(%rule, reason, "a send rule failed; the send is blocked");
                }
                asked.ruled.push(Ruled { index, channel, reason, rule });
                break;
            }
        }
        if judgement.counts() {
            asked.places.of.push((index, judgement));
        }
    }
    asked
}

/// What rules may know of the contacts that hold an address: one look into the store, for policies that ask.
async fn contact(
    worker: &Rc<Worker>,
    tenant: &TenantRoute,
    address: Option<AddressKey>,
) -> Result<Option<Arc<ContactFacts>>, ()> {
    let Some(address) = address else { return Ok(None) };
    let tenant = Arc::clone(&tenant.name);
    let found = worker.shared.store.read(move |tx| contacts::holding(tx, &tenant, &address)).await;
    let found =
        found.map_err(|error| tracing::error!(%error, "the store cannot tell a send rule of a contact"))?;
    let mut facts = ContactFacts::default();
    for fields in &found {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let tags = fields.get("tags").and_then(Value::as_array).into_iter().flatten();
        facts.add(text("timezone"), text("country"), tags.filter_map(Value::as_str));
    }
    Ok((!found.is_empty()).then(|| Arc::new(facts)))
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
    fn put_to(&self, policies: &Policies, mut judgement: Judgement) -> (SendVerdict, Judgement) {
        let tags: Vec<_> = self.tags.iter().map(|tag| tag.as_str().into()).collect();
        let facts = SendFacts {
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
        };
        (policies.judge_send(&facts, &mut judgement), judgement)
    }
}

/// A rule that behaves runs where it is asked, in microseconds. Once it has run into its limits, it runs on threads
/// of its own, so that the worker goes on serving others.
async fn answer(
    policies: &Arc<Policies>,
    question: Question,
    judgement: Judgement,
) -> (SendVerdict, Judgement) {
    let begun = clock::tick();
    let answer = if policies.send_rule_misbehaves() {
        let policies = Arc::clone(policies);
        tokio::task::spawn_blocking(move || question.put_to(&policies, judgement)).await.unwrap_or_else(
            |_| {
                let verdict = SendVerdict::Block {
                    reason: "the send rule failed".into(),
                    rule: "sends.lua".into(),
                    fault: true,
                };
                (verdict, Judgement::default())
            },
        )
    } else {
        question.put_to(policies, judgement)
    };
    metrics::policy_seconds().record(begun.elapsed().as_secs_f64());
    answer
}
