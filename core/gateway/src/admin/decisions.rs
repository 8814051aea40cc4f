//! `GET /v1/decisions`: the last blocked, trimmed and refused requests.

use super::{
    Admin,
    auth::{Caller, Reading},
    problem::Problem,
};
use axum::{
    Json,
    extract::{Query, State},
};
use dndgate_store::Decision;
use serde::Deserialize;
use serde_json::{Value, json};

/// The most decisions in one answer.
const LIMIT_MAX: usize = 1_000;

#[derive(Deserialize)]
pub(crate) struct Which {
    limit: Option<usize>,
    request: Option<uuid::Uuid>,
}

/// The last decisions that kept a request from going out as it was, newest first.
#[utoipa::path(get, path = "/v1/decisions",
    params(("limit" = Option<usize>, Query), ("request" = Option<String>, Query)),
    responses((status = 200, description = "The decisions")))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Problem> {
    let limit = which.limit.unwrap_or(100).min(LIMIT_MAX);
    let found = match which.request {
        Some(request) => admin.shared.decisions.find(request).into_iter().collect(),
        // A tenant's are looked for among all that are remembered.
        None if caller.bound_to().is_some() => admin.shared.decisions.last(usize::MAX),
        None => admin.shared.decisions.last(limit),
    };
    let seen = found.iter().filter(|one| caller.bound_to().is_none_or(|tenant| tenant == &*one.tenant));
    Ok(Json(json!({ "decisions": seen.take(limit).map(shown).collect::<Vec<_>>() })))
}

fn shown(one: &Decision) -> Value {
    json!({
        "at": one.at.to_string(),
        "requestId": one.request_id.to_string(),
        "tenant": one.tenant,
        "provider": one.provider,
        "channel": one.channel.map(dndgate_adapter::Channel::name),
        "verdict": one.verdict,
        "reason": one.reason,
        "recipient": one.address_hash,
        "message": one.message,
    })
}
