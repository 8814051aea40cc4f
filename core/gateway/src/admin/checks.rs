//! `POST /v1/check`: would these sends go out?

use super::{
    Admin,
    auth::{Caller, Reading},
    problem::Problem,
};
use crate::gate;
use axum::{Json, extract::State};
use dndgate_adapter::{AddressKind, Channel, Known, Recipient, Role};
use serde::Deserialize;
use serde_json::{Value, json};

/// The most sends in one question.
const SENDS_MAX: usize = 1_000;

/// A question about sends.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    tenant: Option<String>,
    sends: Vec<Asked>,
}

/// One send in question.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    channel: String,
    address: String,
    /// The kind of address, where it is not the channel's usual one.
    kind: Option<String>,
}

/// The verdict on up to 1,000 sends, from memory.
#[utoipa::path(post, path = "/v1/check", request_body = Question,
    responses((status = 200, description = "A verdict for each send, in their order")))]
pub(crate) async fn check(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Json(question): Json<Question>,
) -> Result<Json<Value>, Problem> {
    if question.sends.len() > SENDS_MAX {
        return Err(Problem::bad_request(format!("at most {SENDS_MAX} sends at a time")));
    }
    let name = caller.tenant(&admin, question.tenant.as_deref())?;
    let routes = admin.shared.routes.load();
    let tenant =
        routes.tenant_named(&name).ok_or_else(|| Problem::bad_request("there is no tenant of this name"))?;
    let cache = admin.shared.store.cache();
    if !cache.is_complete() {
        return Err(Problem::new(
            axum::http::StatusCode::SERVICE_UNAVAILABLE,
            "starting",
            "the gateway is starting and cannot judge sends yet",
        ));
    }
    let mut results = Vec::with_capacity(question.sends.len());
    for (index, asked) in question.sends.iter().enumerate() {
        let channel = Channel::parse(&asked.channel).ok_or_else(|| {
            let names: Vec<_> = Channel::ALL.into_iter().map(Channel::name).collect();
            Problem::bad_request(format!("sends[{index}].channel is none of {}", names.join(", ")))
        })?;
        let kind = match &asked.kind {
            None => channel.kinds()[0],
            Some(kind) => AddressKind::parse(kind).ok_or_else(|| {
                Problem::bad_request(format!("sends[{index}].kind is not a kind of address"))
            })?,
        };
        let recipient = Recipient {
            channels: channel.into(),
            kind,
            address: asked.address.as_str().into(),
            role: Role::To,
            known: Known::Address,
        };
        results.push(match gate::verdict(cache, tenant, &recipient) {
            Ok(None) => json!({ "verdict": "allow", "reasons": [] }),
            Ok(Some((channel, reason))) => {
                json!({ "verdict": "block", "reasons": [{ "channel": channel.name(), "kind": reason.name() }] })
            }
            Err(bad) => json!({ "verdict": "block", "reasons": [{ "kind": "unreadable", "message": bad.to_string() }] }),
        });
    }
    Ok(Json(json!({ "results": results })))
}
