//! `GET /v1/events`: the feed of DND events, resumable, as a page or as a stream.

use super::{
    Admin,
    auth::{Caller, Reading},
    problem::Problem,
    session,
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
use dndgate_store::events;
use serde::Deserialize;
use serde_json::json;
use std::{convert::Infallible, time::Duration};

/// The most events in one page.
const LIMIT_MAX: usize = 1_000;
/// How long a stream waits before it looks again without being told.
const LOOK: Duration = Duration::from_secs(1);

/// How soon a client that lost the stream comes back (the `retry` field of the format).
const COME_BACK: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
pub(crate) struct Page {
    after: Option<u64>,
    newest: Option<u64>,
    limit: Option<usize>,
    #[serde(alias = "locationId")]
    tenant: Option<String>,
}

/// The events after a cursor, oldest first; `after=0` is the beginning. With `Accept: text/event-stream` a
/// stream that goes on. `newest=50` begins so many events before the end.
#[utoipa::path(get, path = "/v1/events",
    params(("after" = Option<u64>, Query), ("newest" = Option<u64>, Query), ("limit" = Option<usize>, Query), ("tenant" = Option<String>, Query)),
    responses((status = 200, description = "The events and the next cursor")))]
pub(crate) async fn feed(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    headers: HeaderMap,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let resumed = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    // A browser that comes back asks for the same address again and says in the header how far it was.
    let after = resumed.or(page.after).unwrap_or(0);
    let limit = page.limit.unwrap_or(100).clamp(1, LIMIT_MAX);
    let tenant = match page.tenant.as_deref().filter(|name| !name.is_empty()) {
        Some(named) => Some(caller.tenant(&admin, Some(named))?),
        None => caller.bound_to().map(str::to_owned),
    };
    if accepts.contains("text/event-stream") {
        return Ok(stream(admin, tenant, after, caller.session()).into_response());
    }
    let (limit, newest) = match page.newest {
        Some(count) => (LIMIT_MAX, Some(count.clamp(1, LIMIT_MAX as u64))),
        None => (limit, None),
    };
    let found = admin.shared.store.read(move |tx| {
        let after = match newest {
            Some(count) => events::newest(tx)?.saturating_sub(count).max(after),
            None => after,
        };
        events::page(tx, after, limit, tenant.as_deref())
    });
    let found = found.await?;
    let next = found.last().map_or(after, |event| event.seq);
    let bodies: Vec<_> = found.into_iter().map(|event| event.payload).collect();
    Ok(Json(json!({ "events": bodies, "next": next })).into_response())
}

fn stream(
    admin: Admin,
    tenant: Option<String>,
    after: u64,
    session: Option<session::Key>,
) -> Sse<impl futures_core::Stream<Item = Result<Event, Infallible>>> {
    let heartbeat = admin.shared.config.load().events.heartbeat.0;
    let greeting = futures_util::stream::iter([Ok(Event::default().retry(COME_BACK))]);
    let pages =
        futures_util::stream::unfold((admin, tenant, after), move |(admin, tenant, mut after)| async move {
            let shared = std::sync::Arc::clone(&admin.shared);
            let mut draining = shared.draining.subscribe();
            loop {
                if *draining.borrow_and_update() || session.is_some_and(|key| !admin.holds(&key)) {
                    return None;
                }
                let told = shared.news.notified();
                let bound = tenant.clone();
                let page =
                    shared.store.read(move |tx| events::page(tx, after, LIMIT_MAX, bound.as_deref())).await;
                let page = match page {
                    Ok(page) => page,
                    // The client comes back to where it was.
                    Err(error) => {
                        tracing::warn!(%error, "a stream of events ends: the feed cannot be read");
                        return None;
                    }
                };
                if let Some(last) = page.last() {
                    after = last.seq;
                    let sent: Vec<_> = page
                        .into_iter()
                        .map(|event| {
                            Ok(Event::default().id(event.seq.to_string()).data(event.payload.to_string()))
                        })
                        .collect();
                    return Some((futures_util::stream::iter(sent), (admin, tenant, after)));
                }
                tokio::select! {
                    () = told => {}
                    () = tokio::time::sleep(LOOK) => {}
                    _ = draining.changed() => {}
                }
            }
        });
    let events = futures_util::StreamExt::flatten(pages);
    Sse::new(futures_util::StreamExt::chain(greeting, events))
        .keep_alive(KeepAlive::new().interval(heartbeat))
}
