//! `/v1/policies`: read, replace, try.

use super::versions;
use super::{
    Admin,
    auth::{Caller, Operating, Reading},
    problem::Problem,
};
use crate::clock;
use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use dndgate_adapter::{AddressKind, Channel, Severity, Spoken};
use dndgate_policy::{FailureCode, Policies, Said, SendFacts, SendVerdict, length_written};
use serde::Deserialize;
use serde_json::{Value, json};

/// The most examples in one try.
const EXAMPLES_MAX: usize = 1_000;

/// The text of a policy file in force.
#[utoipa::path(get, path = "/v1/policies/{file}", responses((status = 200, description = "The Lua text")))]
pub(crate) async fn read(
    State(admin): State<Admin>,
    _caller: Caller<Reading>,
    Path(file): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let policies = admin.shared.policies.current();
    let text =
        policies.source(&file).ok_or_else(|| Problem::not_found("there is no policy file of this name"))?;
    Ok(([(header::CONTENT_TYPE, "text/x-lua; charset=utf-8")], text.to_owned()))
}

/// The policy files, and how many cases pass with them.
#[utoipa::path(get, path = "/v1/policies", responses((status = 200, description = "The files in force")))]
pub(crate) async fn list(State(admin): State<Admin>, _caller: Caller<Reading>) -> Json<Value> {
    let policies = admin.shared.policies.current();
    Json(json!({ "files": policies.files().collect::<Vec<_>>(), "tests": policies.cases() }))
}

/// The versions of a file that others took the place of, the newest first.
#[utoipa::path(get, path = "/v1/policies/{file}/history", responses((status = 200, description = "The versions")))]
pub(crate) async fn history(
    State(admin): State<Admin>,
    _caller: Caller<Reading>,
    Path(file): Path<String>,
) -> Result<Json<Value>, Problem> {
    known(&admin, &file)?;
    let dir = admin.shared.policy_dir.clone();
    let versions = tokio::task::spawn_blocking(move || versions::list(&dir, &file)).await.unwrap_or_default();
    let shown: Vec<Value> =
        versions.iter().map(|one| json!({ "id": one.id, "at": one.at.to_string(), "by": one.by })).collect();
    Ok(Json(json!({ "versions": shown })))
}

/// The text of an earlier version.
#[utoipa::path(get, path = "/v1/policies/{file}/history/{version}", responses((status = 200, description = "The Lua text")))]
pub(crate) async fn version(
    State(admin): State<Admin>,
    _caller: Caller<Reading>,
    Path((file, version)): Path<(String, String)>,
) -> Result<impl IntoResponse, Problem> {
    known(&admin, &file)?;
    let dir = admin.shared.policy_dir.clone();
    let text = tokio::task::spawn_blocking(move || versions::read(&dir, &file, &version)).await;
    let text =
        text.ok().flatten().ok_or_else(|| Problem::not_found("there is no such version of this file"))?;
    Ok(([(header::CONTENT_TYPE, "text/x-lua; charset=utf-8")], text))
}

fn known(admin: &Admin, file: &str) -> Result<(), Problem> {
    let policies = admin.shared.policies.current();
    policies.source(file).map(drop).ok_or_else(|| Problem::not_found("there is no policy file of this name"))
}

/// Replaces a policy file, if it loads and every case passes.
#[utoipa::path(put, path = "/v1/policies/{file}", request_body = String,
    responses((status = 200, description = "In force"), (status = 422, description = "Refused, with the reason")))]
pub(crate) async fn replace(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(file): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    if caller.bound_to().is_some() {
        return Err(Problem::forbidden("this token belongs to a tenant; policies are everybody's"));
    }
    let text = String::from_utf8(body.to_vec()).map_err(|_| Problem::bad_request("the file is not UTF-8"))?;
    let shared = std::sync::Arc::clone(&admin.shared);
    known(&admin, &file)?;
    let (written, actor) = (file.clone(), caller.actor.clone());
    let loaded = tokio::task::spawn_blocking(move || {
        let dir = shared.policy_dir.is_dir().then_some(shared.policy_dir.as_path());
        let replaced = [(written.clone(), text.clone())];
        let policies = Policies::load_with(dir, &replaced, shared.policy_limits).map_err(|error| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "policy-refused", error.to_string())
        })?;
        let unwritable = |error: std::io::Error| {
            tracing::error!(%error, "a policy file could not be written");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "policy-not-written",
                "the policies folder cannot be written",
            )
        };
        std::fs::create_dir_all(&shared.policy_dir).map_err(unwritable)?;
        let current = shared.policies.current();
        versions::keep(
            &shared.policy_dir,
            &written,
            current.source(&written).unwrap_or_default(),
            &actor,
            clock::now(),
        )
        .map_err(unwritable)?;
        // Written beside and moved, so that a crash leaves the old file or the new one.
        let beside = shared.policy_dir.join(format!(".{written}.new"));
        std::fs::write(&beside, text.as_bytes()).map_err(unwritable)?;
        std::fs::rename(&beside, shared.policy_dir.join(&written)).map_err(unwritable)?;
        shared.policies.swap(policies);
        Ok::<_, Problem>(())
    });
    loaded.await.map_err(|_| Problem::bad_request("the policy could not be loaded"))??;
    crate::metrics::policy_reload(true);
    tracing::info!(file, actor = caller.actor, "a policy file was replaced");
    Ok(Json(json!({ "file": file, "inForce": true })))
}

/// Examples to judge.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Examples {
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
    tenant: Option<String>,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    sender: String,
    #[serde(default)]
    tags: Vec<String>,
    now: Option<String>,
}

/// Judges examples with the policies in force; changes nothing.
#[utoipa::path(post, path = "/v1/policies/try", request_body = Examples,
    responses((status = 200, description = "What each would mean")))]
pub(crate) async fn try_out(
    State(admin): State<Admin>,
    _caller: Caller<Reading>,
    Json(examples): Json<Examples>,
) -> Result<Json<Value>, Problem> {
    let total = examples.messages.len() + examples.codes.len() + examples.sends.len();
    if total > EXAMPLES_MAX {
        return Err(Problem::bad_request(format!("at most {EXAMPLES_MAX} examples at a time")));
    }
    let policies = admin.shared.policies.current();
    let judged = tokio::task::spawn_blocking(move || judge(&policies, &examples)).await;
    judged.map_err(|_| Problem::bad_request("the examples could not be judged"))?.map(Json)
}

fn judge(policies: &Policies, examples: &Examples) -> Result<Value, Problem> {
    let channel = |name: &str| {
        Channel::parse(name).ok_or_else(|| Problem::bad_request(format!("{name:?} is not a channel")))
    };
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
        let channel = channel(&one.channel)?;
        let kind = channel.kinds().first().copied().unwrap_or(AddressKind::Phone);
        let now = match &one.now {
            None => clock::now(),
            Some(now) => now
                .parse()
                .map_err(|_| Problem::bad_request("now is not a time; write it as 2026-11-23T21:00:00Z"))?,
        };
        let tags: Vec<_> = one.tags.iter().map(|tag| tag.as_str().into()).collect();
        let facts = SendFacts {
            tenant: one.tenant.as_deref().unwrap_or("default"),
            provider: &one.provider,
            channel,
            kind: "message",
            address_kind: kind,
            address: &one.address,
            sender: &one.sender,
            tags: &tags,
            scheduled: false,
            now,
            request_id: "try",
        };
        let verdict = if policies.has_send_rule() { policies.on_send(&facts) } else { SendVerdict::Allow };
        results.push(match verdict {
            SendVerdict::Allow => json!({ "verdict": "allow" }),
            SendVerdict::Block { reason, rule, fault } => {
                json!({ "verdict": "block", "reason": reason, "rule": rule, "fault": fault })
            }
        });
    }
    Ok(json!({ "results": results }))
}
