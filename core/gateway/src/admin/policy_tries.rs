//! `/v1/policies/try`: what the policies in force make of examples.

use super::{
    Admin,
    auth::{Caller, Reading},
    problem::Problem,
};
use crate::clock;
use axum::{Json, extract::State};
use dndgate_adapter::{AddressKind, Channel, Severity, Spoken};
use dndgate_dnd::Counters;
use dndgate_policy::{
    Book, ContactFacts, FailureCode, Judgement, Looking, Said, SendFacts, SendVerdict, length_written,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The most examples in one try.
const EXAMPLES_MAX: usize = 1_000;

/// Examples to judge.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Examples {
    /// Whose policies; without it the general ones.
    tenant: Option<String>,
    #[serde(default)]
    messages: Vec<Message>,
    #[serde(default)]
    codes: Vec<Code>,
    #[serde(default)]
    sends: Vec<SendExample>,
}

#[derive(Deserialize, utoipa::ToSchema)]
struct Message {
    channel: String,
    text: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
struct Code {
    provider: String,
    channel: String,
    code: Value,
    severity: Option<String>,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
struct SendExample {
    channel: String,
    address: String,
    /// Another tenant than that of all examples.
    tenant: Option<String>,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    sender: String,
    #[serde(default)]
    tags: Vec<String>,
    now: Option<String>,
    /// What kind of send it is, such as `call`; `message` without it.
    kind: Option<String>,
    /// Does it leave later?
    #[serde(default)]
    scheduled: bool,
    /// The contact, for rules that ask about it.
    contact: Option<ContactExample>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ContactExample {
    timezone: Option<String>,
    country: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

impl SendExample {
    fn contact(&self) -> Option<Arc<ContactFacts>> {
        let contact = self.contact.as_ref()?;
        let mut facts = ContactFacts::default();
        let tags = contact.tags.iter().map(String::as_str);
        facts.add(contact.timezone.as_deref(), contact.country.as_deref(), tags);
        Some(Arc::new(facts))
    }
}

/// Judges examples with the policies in force; changes nothing.
#[utoipa::path(post, path = "/v1/policies/try", request_body = Examples,
    responses((status = 200, description = "What each would mean")))]
pub(crate) async fn try_out(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Json(mut examples): Json<Examples>,
) -> Result<Json<Value>, Problem> {
    let total = examples.messages.len() + examples.codes.len() + examples.sends.len();
    if total > EXAMPLES_MAX {
        return Err(Problem::bad_request(format!("at most {EXAMPLES_MAX} examples at a time")));
    }
    if examples.tenant.is_some() || caller.bound_to().is_some() {
        examples.tenant = Some(caller.tenant(&admin, examples.tenant.as_deref())?);
    }
    for named in examples.sends.iter().filter_map(|one| one.tenant.as_deref()) {
        if caller.bound_to().is_some_and(|own| own != named) {
            return Err(Problem::forbidden("this token belongs to another tenant"));
        }
    }
    let book = admin.shared.policies.current();
    let counters: Arc<dyn Counters> = Arc::new(Looking(Arc::clone(&admin.shared.send_counts) as _));
    let judged = tokio::task::spawn_blocking(move || judge(&book, &counters, &examples)).await;
    judged.map_err(|_| Problem::bad_request("the examples could not be judged"))?.map(Json)
}

fn judge(book: &Book, counters: &Arc<dyn Counters>, examples: &Examples) -> Result<Value, Problem> {
    let policies = book.of(examples.tenant.as_deref().unwrap_or_default());
    let mut results = Vec::new();
    for one in &examples.messages {
        let spoken = Spoken { texts: vec![one.text.as_str().into()], provider_meaning: None };
        let understood = policies.understand(&Said { channel: channel(&one.channel)?, spoken: &spoken });
        results.push(json!({ "meaning": understood.meaning.name(), "rule": understood.rule }));
    }
    for one in &examples.codes {
        let code = one.code.as_str().map_or_else(|| one.code.to_string(), str::to_owned);
        let severity = match one.severity.as_deref() {
            Some("permanent") => Severity::Permanent,
            Some("temporary") => Severity::Temporary,
            _ => Severity::Unsaid,
        };
        let channel = channel(&one.channel)?;
        let effect = policies.code(&FailureCode {
            provider: &one.provider,
            channel,
            code: &code,
            severity,
            message: &one.message,
        });
        results.push(json!({
            "effect": effect.effect.name(), "known": effect.known, "reason": effect.reason.name(),
            "message": effect.message,
            "channels": effect.channels.iter().map(Channel::name).collect::<Vec<_>>(),
            "expires": effect.expires.map(length_written),
            "threshold": effect.threshold.map(|one| {
                json!({ "failures": one.failures, "within": length_written(one.within) })
            }),
        }));
    }
    for one in &examples.sends {
        results.push(send(book, counters, one, examples.tenant.as_deref())?);
    }
    Ok(json!({ "results": results }))
}

fn send(
    book: &Book,
    counters: &Arc<dyn Counters>,
    one: &SendExample,
    tenant: Option<&str>,
) -> Result<Value, Problem> {
    let tenant = one.tenant.as_deref().or(tenant).unwrap_or("default");
    let channel = channel(&one.channel)?;
    let now = match &one.now {
        None => clock::now(),
        Some(now) => now
            .parse()
            .map_err(|_| Problem::bad_request("now is not a time; write it as 2026-11-23T21:00:00Z"))?,
    };
    let tags: Vec<_> = one.tags.iter().map(|tag| tag.as_str().into()).collect();
    let facts = SendFacts {
        tenant,
        provider: &one.provider,
        channel,
        kind: one.kind.as_deref().unwrap_or("message"),
        address_kind: channel.kinds().first().copied().unwrap_or(AddressKind::Phone),
        address: &one.address,
        sender: &one.sender,
        tags: &tags,
        scheduled: one.scheduled,
        now,
        request_id: "try",
    };
    let mut judgement = Judgement::new(Arc::clone(counters)).knowing(one.contact());
    Ok(match book.of(tenant).judge_send(&facts, &mut judgement) {
        SendVerdict::Allow => json!({ "verdict": "allow" }),
        SendVerdict::Block { reason, rule, fault } => {
            json!({ "verdict": "block", "reason": reason, "rule": rule, "fault": fault })
        }
    })
}

fn channel(name: &str) -> Result<Channel, Problem> {
    Channel::parse(name).ok_or_else(|| Problem::bad_request(format!("{name:?} is not a channel")))
}
