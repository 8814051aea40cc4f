//! `GET /v1/decisions`: the last blocked, trimmed and refused requests.

use super::{
    Admin,
    auth::{Caller, Reading},
    problem::Problem,
    session,
};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use dndgate_adapter::{Channel, Channels};
use dndgate_dnd::{AddressKey, address};
use dndgate_store::{AGENCY, Decision, Tx, contacts, ledger};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{convert::Infallible, time::Duration};

/// The most decisions in one answer.
const LIMIT_MAX: usize = 1_000;
/// The most ledger entries of one person beside a decision.
const ENTRIES_MAX: usize = 20;
/// How many a stream begins with, and how many newer ones it tells at a time.
const STREAM_FIRST: u64 = 50;
const STREAM_MAX: usize = 500;
/// How often a stream looks for newer ones.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Deserialize)]
pub(crate) struct Which {
    limit: Option<usize>,
    request: Option<uuid::Uuid>,
}

/// The last decisions that kept a request from going out as it was, newest first. With `Accept: text/event-stream` a
/// stream of them, which begins with the last ones.
#[utoipa::path(get, path = "/v1/decisions",
    params(("limit" = Option<usize>, Query), ("request" = Option<String>, Query)),
    responses((status = 200, description = "The decisions")))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    if accepts.contains("text/event-stream") {
        return Ok(live(admin, caller.bound_to().map(str::to_owned), caller.session()).into_response());
    }
    let limit = which.limit.unwrap_or(100).min(LIMIT_MAX);
    let found = match which.request {
        Some(request) => admin.shared.decisions.find(request).into_iter().collect(),
        // A tenant's are looked for among all that are remembered.
        None if caller.bound_to().is_some() => admin.shared.decisions.last(usize::MAX),
        None => admin.shared.decisions.last(limit),
    };
    let seen = found.iter().filter(|one| caller.bound_to().is_none_or(|tenant| tenant == &*one.tenant));
    Ok(Json(json!({ "decisions": seen.take(limit).map(shown).collect::<Vec<_>>() })).into_response())
}

/// Tells decisions as they are made, the oldest first.
fn live(
    admin: Admin,
    tenant: Option<String>,
    session: Option<session::Key>,
) -> Sse<impl futures_core::Stream<Item = Result<Event, Infallible>>> {
    let heartbeat = admin.shared.config.load().events.heartbeat.0;
    let seen = admin.shared.decisions.newest().saturating_sub(STREAM_FIRST);
    let pages = stream::unfold((admin, tenant, seen), move |(admin, tenant, seen)| async move {
        let mut draining = admin.shared.draining.subscribe();
        loop {
            if *draining.borrow_and_update() || session.is_some_and(|key| !admin.holds(&key)) {
                return None;
            }
            let fresh = admin.shared.decisions.since(seen, STREAM_MAX);
            if let Some((newest, _)) = fresh.last() {
                let seen = *newest;
                let told: Vec<_> = fresh
                    .iter()
                    .filter(|(_, one)| tenant.as_deref().is_none_or(|tenant| tenant == &*one.tenant))
                    .map(|(_, one)| Ok(Event::default().data(shown(one).to_string())))
                    .collect();
                return Some((stream::iter(told), (admin, tenant, seen)));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                _ = draining.changed() => {}
            }
        }
    });
    Sse::new(pages.flatten()).keep_alive(KeepAlive::new().interval(heartbeat))
}

/// One decision, and what led to it: whom it concerned, whether it would go out now, the ledger's entries about that
/// person. Whom it concerned is remembered for the last decisions since the gateway started.
#[utoipa::path(get, path = "/v1/decisions/{request}",
    responses((status = 200, description = "The decision and the record behind it"), (status = 404, description = "It is not remembered")))]
pub(crate) async fn why(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Path(request): Path<uuid::Uuid>,
) -> Result<Json<Value>, Problem> {
    let found = admin.shared.decisions.find(request);
    let found = found.filter(|one| caller.bound_to().is_none_or(|tenant| tenant == &*one.tenant));
    let found = found
        .ok_or_else(|| Problem::not_found("this request was not kept back, or it is no longer remembered"))?;
    let recipients = admin.shared.kept_back.of(request);
    let region = super::contacts::region(&admin, &found.tenant);
    let (decision, sees_agency) = (shown(&found), caller.bound_to().is_none());
    let record = admin.shared.store.read(move |tx| {
        let Some(channel) = found.channel else { return Ok(Vec::new()) };
        let kinds = channel.kinds().iter();
        let keys = recipients
            .iter()
            .filter_map(|raw| kinds.clone().find_map(|kind| address::normalise(*kind, raw, region).ok()));
        let keys: Vec<AddressKey> = keys.map(|one| one.key).collect();
        keys.iter().map(|key| record(tx, &found.tenant, channel, key, sees_agency)).collect()
    });
    Ok(Json(json!({ "decision": decision, "recipients": record.await? })))
}

/// What the store knows of one recipient.
fn record(
    tx: &mut Tx<'_>,
    tenant: &str,
    channel: Channel,
    key: &AddressKey,
    sees_agency: bool,
) -> dndgate_store::Result<Value> {
    let verdict = tx.in_force(tenant, key)?.verdict(Channels::of(channel));
    let contacts: Vec<Value> = contacts::with_address(tx, tenant, key)?
        .iter()
        .map(|one| json!({ "id": one.id, "name": one.fields.get("name"), "firstName": one.fields.get("firstName"), "lastName": one.fields.get("lastName") }))
        .collect();
    let mut entries = ledger::of_address(tx, tenant, key, ENTRIES_MAX)?;
    if sees_agency {
        entries.extend(ledger::of_address(tx, AGENCY, key, ENTRIES_MAX)?);
    }
    Ok(json!({
        "kind": key.kind.name(), "address": key.key, "contacts": contacts, "entries": entries,
        "now": if verdict.is_some() { "block" } else { "allow" },
        "reason": verdict.map(|(_, kind)| kind.name()),
    }))
}

fn shown(one: &Decision) -> Value {
    json!({
        "at": one.at.to_string(),
        "requestId": one.request_id.to_string(),
        "tenant": one.tenant,
        "provider": one.provider,
        "channel": one.channel.map(Channel::name),
        "verdict": one.verdict,
        "reason": one.reason,
        "recipient": one.address_hash,
        "message": one.message,
    })
}
