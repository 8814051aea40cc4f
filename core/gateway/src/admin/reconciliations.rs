//! `/v1/reconciliations`: what is known here compared with providers' suppression lists.

use super::{
    Admin,
    auth::{Caller, Operating},
    problem::Problem,
};
use crate::{config::RepairSide, reconcile};
use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::StatusCode,
};
use dndgate_store::{Difference, Run, Side, reconciliation as store};
use serde::Deserialize;
use serde_json::{Value, json};

/// The most runs or differences in one answer.
const LIST_MAX: usize = 1_000;

/// What to compare, and what to put in order.
#[derive(Deserialize, Default, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Wanted {
    /// One provider; absent: all that keep lists.
    provider: Option<String>,
    /// One tenant; absent: all.
    location_id: Option<String>,
    /// `here`: what the provider refuses becomes known here; `there`: what is blocked here is put on its list.
    repair: Vec<RepairSide>,
}

fn shown(run: &Run) -> Value {
    json!({
        "id": run.id,
        "provider": run.provider,
        "locationId": run.tenant,
        "repair": run.repair,
        "requestedBy": run.requested_by,
        "state": run.state,
        "created": run.created.to_string(),
        "finished": run.finished.map(|at| at.to_string()),
        "accounts": run.accounts,
        "found": run.found,
        "error": run.error,
    })
}

/// Begins a comparison for each provider and tenant that fits.
#[utoipa::path(post, path = "/v1/reconciliations", request_body = Wanted,
    responses((status = 202, description = "They have begun"), (status = 400, description = "Nothing to compare")))]
pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let wanted: Wanted = if body.is_empty() {
        Wanted::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| {
            Problem::bad_request(format!("send {{\"provider\", \"locationId\", \"repair\"}}: {error}"))
        })?
    };
    let tenant = match (caller.bound_to(), wanted.location_id.as_deref()) {
        (None, None) => None,
        (_, named) => Some(caller.tenant(&admin, named)?),
    };
    let config = admin.shared.config.load_full();
    let repair = reconcile::repair(&wanted.repair);
    let runs = reconcile::plan(&config, wanted.provider.as_deref(), tenant.as_deref(), repair, &caller.actor);
    let runs = runs.map_err(Problem::bad_request)?;
    let kept = runs.clone();
    admin.shared.store.write(move |tx| kept.iter().try_for_each(|run| store::put(tx, run))).await?;
    let runs: Vec<_> = runs.iter().map(shown).collect();
    Ok((StatusCode::ACCEPTED, Json(json!({ "reconciliations": runs }))))
}

/// The newest comparisons first.
#[utoipa::path(get, path = "/v1/reconciliations", responses((status = 200, description = "The comparisons")))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
) -> Result<Json<Value>, Problem> {
    let tenant = caller.bound_to().map(str::to_owned);
    let runs = admin.shared.store.read(move |tx| store::newest(tx, tenant.as_deref(), 100)).await?;
    Ok(Json(json!({ "reconciliations": runs.iter().map(shown).collect::<Vec<_>>() })))
}

async fn find(admin: &Admin, caller: &Caller<Operating>, id: &str) -> Result<Run, Problem> {
    let wanted = id.to_owned();
    let run = admin.shared.store.read(move |tx| store::get(tx, &wanted)).await?;
    let run = run.filter(|run| caller.bound_to().is_none_or(|tenant| tenant == run.tenant));
    run.ok_or_else(|| Problem::not_found("there is no such reconciliation"))
}

/// How far a comparison is, and what it found.
#[utoipa::path(get, path = "/v1/reconciliations/{id}", responses((status = 200, description = "The comparison")))]
pub(crate) async fn read(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "reconciliation": shown(&find(&admin, &caller, &id).await?) })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    side: String,
    after: Option<String>,
    limit: Option<usize>,
}

/// The differences on one side: `theirs` (on the provider's list, not known here) or `ours` (the other way round).
#[utoipa::path(get, path = "/v1/reconciliations/{id}/differences",
    params(("side" = String, Query), ("after" = Option<String>, Query), ("limit" = Option<usize>, Query)),
    responses((status = 200, description = "The differences, and where to go on")))]
pub(crate) async fn differences(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Value>, Problem> {
    find(&admin, &caller, &id).await?;
    let side =
        Side::parse(&paging.side).ok_or_else(|| Problem::bad_request("side is one of: theirs, ours"))?;
    let after: [String; 3] = match &paging.after {
        None => Default::default(),
        Some(after) => serde_json::from_str(after)
            .map_err(|_| Problem::bad_request("after is the next of an answer before"))?,
    };
    let limit = paging.limit.unwrap_or(LIST_MAX).clamp(1, LIST_MAX);
    let found = admin.shared.store.read(move |tx| {
        let [account, key, list] = &after;
        store::differences(tx, &id, side, (account, key, list), limit)
    });
    let found: Vec<Difference> = found.await?;
    let next = found.last().filter(|_| found.len() == limit);
    let next = next.map(|last| json!([last.account, last.key, last.list]).to_string());
    let all = found.iter().map(|one| {
        json!({ "side": one.side.name(), "account": one.account, "address": one.key, "list": one.list,
                "repaired": one.repaired })
    });
    Ok(Json(json!({ "differences": all.collect::<Vec<_>>(), "next": next })))
}
