//! `/v1/subscribers`: who is told of DND events, what they did not take, and once more from a place in the feed.

use super::{
    Admin,
    auth::{Caller, Operating, Reading, Requires},
    problem::Problem,
};
use crate::{
    clock,
    notify::{client::Target, sign},
};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use dndgate_store::{DeliveryRow, Replay, Standing, StoreError, SubscriberDraft, subscribers};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The most deliveries in one page.
const LIMIT_MAX: usize = 1_000;
/// The longest description, in characters.
const DESCRIPTION_MAX: usize = 200;
/// How long the secret before signs too after a rotation.
const FORMER_SECRET: SignedDuration = SignedDuration::from_hours(24);

/// What a new subscriber is.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Where events are sent.
    url: String,
    /// The only tenant of whose events it is told; all when absent.
    #[serde(alias = "locationId")]
    tenant: Option<String>,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// `whsec_…`; made here when absent.
    secret: Option<String>,
    /// Begin after this event; with what happens from now on when absent.
    after: Option<u64>,
}

/// What is to be delivered once more: one of these.
#[derive(Deserialize, Default, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Again {
    /// Every event after this cursor; 0 is the beginning.
    after: Option<u64>,
    /// Every event raised since, `2026-11-23T21:00:00Z`.
    since: Option<String>,
    /// True: those that were given up.
    dead: Option<bool>,
    /// These events, which were given up, by their `seq`.
    events: Option<Vec<u64>>,
}

#[derive(Deserialize)]
pub(crate) struct Page {
    status: Option<String>,
    after: Option<u64>,
    limit: Option<usize>,
}

/// All subscribers that the caller may see.
#[utoipa::path(get, path = "/v1/subscribers",
    responses((status = 200, description = "The subscribers and how they stand")))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
) -> Result<Json<Value>, Problem> {
    let all = admin.shared.store.read(subscribers::standings).await?;
    let seen = all.iter().filter(|one| sees(&caller, one)).map(shown).collect::<Vec<_>>();
    Ok(Json(json!({ "subscribers": seen })))
}

/// One subscriber.
#[utoipa::path(get, path = "/v1/subscribers/{id}",
    responses((status = 200, description = "How it stands"), (status = 404, description = "There is none")))]
pub(crate) async fn read(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "subscriber": shown(&found(&admin, &caller, id).await?) })))
}

/// Makes a subscriber. Its secret is in this answer and in no other.
#[utoipa::path(post, path = "/v1/subscribers", request_body = Wanted,
    responses((status = 201, description = "The subscriber, with its secret"),
        (status = 400, description = "The address or the secret cannot be used")))]
pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let tenant = match &wanted.tenant {
        Some(named) => Some(caller.tenant(&admin, Some(named))?),
        None => caller.bound_to().map(str::to_owned),
    };
    let config = admin.shared.config.load_full();
    Target::new(&wanted.url, &config.events, Arc::clone(&admin.shared.tls)).map_err(Problem::bad_request)?;
    if wanted.description.chars().count() > DESCRIPTION_MAX {
        return Err(Problem::bad_request("description is longer than 200 characters"));
    }
    let secret = match wanted.secret {
        None => fresh_secret()?,
        Some(own) if sign::is_secret(&own) => own,
        Some(_) => {
            return Err(Problem::bad_request(
                "secret is not whsec_ and base64 of 24 to 64 bytes; leave it out to have one made",
            ));
        }
    };
    let draft = SubscriberDraft {
        url: wanted.url,
        tenant,
        description: wanted.description,
        secret: secret.clone(),
        after: wanted.after,
    };
    let most = config.events.subscribers;
    let made = admin.shared.store.write(move |tx| {
        let row = subscribers::create(tx, draft, most, clock::now())?;
        subscribers::standing_of(tx, &row.id)
    });
    let mut body = shown(&made.await?);
    body["secret"] = json!(secret);
    admin.shared.subscribers_changed.notify_waiters();
    Ok((StatusCode::CREATED, Json(json!({ "subscriber": body }))))
}

/// Removes a subscriber and what it has not taken.
#[utoipa::path(delete, path = "/v1/subscribers/{id}",
    responses((status = 204, description = "It is gone"), (status = 409, description = "It stands in the configuration")))]
pub(crate) async fn delete(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = found(&admin, &caller, id).await?.row.id;
    admin.shared.store.write(move |tx| subscribers::delete(tx, &id)).await?;
    admin.shared.subscribers_changed.notify_waiters();
    Ok(StatusCode::NO_CONTENT)
}

/// Gives it another secret, which is in this answer and in no other. For a day the one before signs too.
#[utoipa::path(post, path = "/v1/subscribers/{id}/rotate",
    responses((status = 200, description = "The new secret"), (status = 409, description = "It stands in the configuration")))]
pub(crate) async fn rotate(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = found(&admin, &caller, id).await?.row.id;
    let secret = fresh_secret()?;
    let until = clock::now().checked_add(FORMER_SECRET).unwrap_or(Timestamp::MAX);
    let (kept, subscriber) = (secret.clone(), id.clone());
    admin.shared.store.write(move |tx| subscribers::rotate(tx, &id, kept, until)).await?;
    admin.shared.subscribers_changed.notify_waiters();
    Ok(Json(
        json!({ "subscriber": { "id": subscriber, "secret": secret, "formerSecretUntil": until.to_string() } }),
    ))
}

/// Tells a subscriber again that was disabled because it answered 410, from where it stopped.
#[utoipa::path(post, path = "/v1/subscribers/{id}/enable", responses((status = 200, description = "How it stands")))]
pub(crate) async fn enable(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = found(&admin, &caller, id).await?.row.id;
    let enabled = admin.shared.store.write(move |tx| {
        subscribers::enable(tx, &id)?;
        subscribers::standing_of(tx, &id)
    });
    let body = shown(&enabled.await?);
    admin.shared.subscribers_changed.notify_waiters();
    Ok(Json(json!({ "subscriber": body })))
}

/// What it did not take at once: `status=pending` waits for another attempt, `status=dead` was given up.
#[utoipa::path(get, path = "/v1/subscribers/{id}/deliveries",
    params(("status" = Option<String>, Query), ("after" = Option<u64>, Query), ("limit" = Option<usize>, Query)),
    responses((status = 200, description = "The deliveries, oldest event first, and the next cursor")))]
pub(crate) async fn deliveries(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Problem> {
    let dead = match page.status.as_deref() {
        None | Some("" | "failed" | "all") => None,
        Some("dead") => Some(true),
        Some("pending") => Some(false),
        Some(_) => return Err(Problem::bad_request("status is none of pending, dead, all")),
    };
    let id = found(&admin, &caller, id).await?.row.id;
    let (after, limit) = (page.after.unwrap_or(0), page.limit.unwrap_or(100).clamp(1, LIMIT_MAX));
    let found =
        admin.shared.store.read(move |tx| subscribers::deliveries(tx, &id, dead, after, limit)).await?;
    let next = found.last().map_or(after, |(row, _)| row.seq);
    let all = found.iter().map(|(row, event)| delivery(row, event)).collect::<Vec<_>>();
    Ok(Json(json!({ "deliveries": all, "next": next })))
}

/// Delivers once more: from a cursor, since a time, or what was given up.
#[utoipa::path(post, path = "/v1/subscribers/{id}/replay", request_body = Again,
    responses((status = 202, description = "How many events are delivered again"),
        (status = 422, description = "The cursor lies ahead of the subscriber")))]
pub(crate) async fn replay(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Path(id): Path<String>,
    Json(again): Json<Again>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let what = match again {
        Again { after: Some(after), since: None, dead: None, events: None } => Replay::After(after),
        Again { after: None, since: Some(since), dead: None, events: None } => Replay::Since(
            since
                .parse()
                .map_err(|_| Problem::bad_request("since is not a time; write it as 2026-11-23T21:00:00Z"))?,
        ),
        Again { after: None, since: None, dead: Some(true), events: None } => Replay::Dead,
        Again { after: None, since: None, dead: None, events: Some(events) } if events.len() <= LIMIT_MAX => {
            Replay::These(events)
        }
        _ => {
            return Err(Problem::bad_request(
                "say one of: after (a cursor), since (a time), dead (true), events (up to 1,000 seq of dead ones)",
            ));
        }
    };
    let id = found(&admin, &caller, id).await?.row.id;
    let concerned =
        admin.shared.store.write(move |tx| subscribers::replay(tx, &id, &what, clock::now())).await?;
    admin.shared.subscribers_changed.notify_waiters();
    Ok((StatusCode::ACCEPTED, Json(json!({ "events": concerned }))))
}

fn fresh_secret() -> Result<String, Problem> {
    sign::fresh_secret().map_err(|_| StoreError::Unavailable("there is no randomness".into()).into())
}

/// A caller bound to a tenant sees what is told of that tenant alone.
fn sees<R: Requires>(caller: &Caller<R>, one: &Standing) -> bool {
    caller.bound_to().is_none_or(|tenant| one.row.tenant.as_deref() == Some(tenant))
}

async fn found<R: Requires>(admin: &Admin, caller: &Caller<R>, id: String) -> Result<Standing, Problem> {
    let none = || Problem::not_found("there is no such subscriber");
    match admin.shared.store.read(move |tx| subscribers::standing_of(tx, &id)).await {
        Ok(one) if sees(caller, &one) => Ok(one),
        Ok(_) | Err(StoreError::NotFound) => Err(none()),
        Err(error) => Err(error.into()),
    }
}

fn shown(one: &Standing) -> Value {
    let row = &one.row;
    json!({
        "id": row.id,
        "url": row.url,
        "tenant": row.tenant,
        "description": row.description,
        "origin": if row.configured { "configuration" } else { "api" },
        "createdAt": row.created.to_string(),
        "status": if row.disabled.is_some() { "disabled" } else { "active" },
        "disabledAt": row.disabled.as_ref().map(|(at, _)| at.to_string()),
        "disabledBecause": row.disabled.as_ref().map(|(_, why)| why),
        "cursor": row.cursor,
        "ahead": one.ahead,
        "pending": one.waiting,
        "dead": one.dead,
    })
}

fn delivery(row: &DeliveryRow, event: &Value) -> Value {
    json!({
        "seq": row.seq,
        "eventId": event["eventId"],
        "status": if row.dead { "dead" } else { "pending" },
        "attempts": row.attempts,
        "lastAttemptAt": row.last_at.map(|at| at.to_string()),
        "lastStatus": row.status,
        "lastError": row.error,
        "nextAttemptAt": row.next_at.map(|at| at.to_string()),
        "event": event,
    })
}
