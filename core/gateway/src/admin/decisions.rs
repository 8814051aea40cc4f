//! `GET /v1/decisions`: the last blocked, trimmed and refused requests.

use super::{
    Admin,
    auth::{Caller, Reading},
    problem::Problem,
};
use axum::{
    Json,
    extract::{Query, State},
    http::{HeaderMap, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use dndgate_store::Decision;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{convert::Infallible, time::Duration};

/// The most decisions in one answer.
const LIMIT_MAX: usize = 1_000;
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
        return Ok(live(admin, caller.bound_to().map(str::to_owned)).into_response());
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
) -> Sse<impl futures_core::Stream<Item = Result<Event, Infallible>>> {
    let heartbeat = admin.shared.config.load().events.heartbeat.0;
    let seen = admin.shared.decisions.newest().saturating_sub(STREAM_FIRST);
    let pages = stream::unfold((admin, tenant, seen), |(admin, tenant, seen)| async move {
        let mut draining = admin.shared.draining.subscribe();
        loop {
            if *draining.borrow_and_update() {
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
