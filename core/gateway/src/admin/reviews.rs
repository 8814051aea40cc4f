//! `/v1/reviews`: messages in doubt, which a person decides.

use super::{
    Admin,
    auth::{Caller, Reading, Writing},
    problem::Problem,
};
use crate::apply;
use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use dndgate_store::{Review, ReviewDecision, contacts, reviews};
use serde::Deserialize;
use serde_json::{Value, json};

/// The most messages on one page, and how many without being asked.
const LIMIT_MAX: usize = 500;
const LIMIT: usize = 50;

#[derive(Deserialize)]
pub(crate) struct Which {
    status: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
    #[serde(alias = "locationId")]
    tenant: Option<String>,
}

/// Messages that wait for a decision (`status=open`, the default) or have one (`status=decided`), the oldest first.
#[utoipa::path(get, path = "/v1/reviews",
    params(("status" = Option<String>, Query), ("after" = Option<String>, Query), ("limit" = Option<usize>, Query),
        ("tenant" = Option<String>, Query)),
    responses((status = 200, description = "The messages, and where to go on")))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Problem> {
    let decided = match which.status.as_deref() {
        None | Some("" | "open") => false,
        Some("decided") => true,
        Some(_) => return Err(Problem::bad_request("status is neither open nor decided")),
    };
    let tenant = match which.tenant.as_deref().filter(|name| !name.is_empty()) {
        Some(named) => Some(caller.tenant(&admin, Some(named))?),
        None => caller.bound_to().map(str::to_owned),
    };
    let limit = which.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    let after = which.after.unwrap_or_default();
    let found = admin.shared.store.read(move |tx| {
        let found = reviews::page(tx, tenant.as_deref(), decided, &after, limit)?;
        found
            .into_iter()
            .map(|one| {
                let holders = contacts::with_address(tx, &one.tenant, &one.address)?;
                let contact = holders.first().map(|contact| (contact.id.clone(), contact.fields.clone()));
                Ok((one, contact))
            })
            .collect::<dndgate_store::Result<Vec<_>>>()
    });
    let found = found.await?;
    let next = found.last().filter(|_| found.len() == limit).map(|(one, _)| one.id.clone());
    let all: Vec<Value> = found
        .iter()
        .map(|(one, contact)| {
            let mut body = shown(one);
            if let Some((id, fields)) = contact {
                body["contact"] = json!({
                    "id": id, "firstName": fields.get("firstName"), "lastName": fields.get("lastName"),
                    "name": fields.get("name"),
                });
            }
            body
        })
        .collect();
    Ok(Json(json!({ "reviews": all, "next": next })))
}

/// What a person makes of a message.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// `opt_out` or `nothing`.
    decision: String,
}

/// Decides one: `opt_out` blocks the channel as if the policy had understood it, `nothing` changes nothing.
#[utoipa::path(post, path = "/v1/reviews/{id}", request_body = Wanted,
    responses((status = 200, description = "The message, decided"), (status = 409, description = "It is decided already")))]
pub(crate) async fn decide(
    State(admin): State<Admin>,
    caller: Caller<Writing>,
    Path(id): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, Problem> {
    let decision = ReviewDecision::parse(&wanted.decision).ok_or_else(|| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "decision is neither opt_out nor nothing; an opt-in is the person's own (START), or evidence",
        )
    })?;
    let none = || Problem::not_found("there is no such message in doubt");
    let wanted = id.clone();
    let found = admin.shared.store.read(move |tx| reviews::get(tx, &wanted)).await?.ok_or_else(none)?;
    if caller.bound_to().is_some_and(|tenant| tenant != found.tenant) {
        return Err(none());
    }
    let actor = caller.actor.clone();
    let (review, change) =
        admin.shared.store.write(move |tx| reviews::decide(tx, &id, decision, &actor)).await?;
    apply::announce(&admin.shared, change.as_slice());
    Ok(Json(json!({ "review": shown(&review) })))
}

fn shown(one: &Review) -> Value {
    json!({
        "id": one.id,
        "locationId": one.tenant,
        "channel": one.channel.name(),
        "address": { "kind": one.address.kind.name(), "value": one.address.key },
        "text": one.text,
        "rule": one.rule,
        "source": one.source,
        "saidAt": one.said.to_string(),
        "decision": one.decided.as_ref().map(|decided| json!({
            "decision": decided.decision.name(), "by": decided.by, "at": decided.at.to_string(),
        })),
    })
}
