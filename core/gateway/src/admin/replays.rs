//! `/v1/policies/replay` and `/v1/policies/shadow`: what other policies would have made of recorded and of live
//! traffic.

use super::{
    Admin,
    auth::{Caller, Operating, Reading},
    problem::Problem,
};
use crate::{
    clock,
    replay::{self, Asked, Report},
};
use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use dndgate_policy::{Book, Edit};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How long one replay may take; what it has found by then is told.
const TIME_MAX: Duration = Duration::from_secs(20);
/// How many differences are listed when nothing else is asked, and at most.
const LIST: usize = 100;
const LIST_MAX: usize = 1_000;

/// What to judge anew, and by what.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// From when on: a time such as `7d` before now, or a moment such as `2026-11-23T21:00:00Z`. Everything when absent.
    since: Option<String>,
    /// The only tenant.
    tenant: Option<String>,
    /// Policy files by name, in place of those in force. Without any the shadow policies are the candidate.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// So many differences are listed, the newest ones.
    limit: Option<usize>,
}

/// Judges recorded traffic by the policies in force and by a candidate, and tells the differences. Changes nothing.
#[utoipa::path(post, path = "/v1/policies/replay", request_body = Wanted, responses(
    (status = 200, description = "What would differ, with counts"),
    (status = 409, description = "Another replay runs, or there is no record"),
    (status = 422, description = "The candidate does not load, with the reason")))]
pub(crate) async fn replay(
    State(admin): State<Admin>,
    caller: Caller<Operating>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Report>, Problem> {
    let running = Arc::clone(&admin.replaying).try_lock_owned().map_err(|_| {
        Problem::new(StatusCode::CONFLICT, "replay-running", "another replay runs; ask again when it is over")
    })?;
    let tenant = match (caller.bound_to(), wanted.tenant) {
        (Some(own), Some(other)) if own != other => {
            return Err(Problem::forbidden("this token belongs to another tenant"));
        }
        (Some(own), _) => Some(own.to_owned()),
        (None, tenant) => tenant,
    };
    let since = match &wanted.since {
        None => Timestamp::MIN,
        Some(text) => replay::since(text, clock::now()).map_err(Problem::bad_request)?,
    };
    let shared = Arc::clone(&admin.shared);
    shared.recorder.flush().await;
    // When nobody waits for the answer any more, nobody needs it.
    let left = Left(Arc::default());
    let has_left = Arc::clone(&left.0);
    let begun = clock::tick();
    let found = tokio::task::spawn_blocking(move || {
        let _running = running;
        let active = shared.policies.current();
        let candidate = if wanted.files.is_empty() {
            shared.shadow.candidate().ok_or_else(|| {
                Problem::bad_request("name files to judge by, or configure shadow policies (policies.shadow)")
            })?
        } else {
            let files = wanted.files.into_iter();
            let files: Vec<_> = files.map(|(file, text)| Edit { file, text: Some(text) }).collect();
            let dir = shared.policy_dir.is_dir().then_some(shared.policy_dir.as_path());
            let loaded = Book::load_with(dir, &files, shared.policy_limits, Some(&active));
            Arc::new(loaded.map_err(|error| {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "policy-refused", error.to_string())
            })?)
        };
        let asked = Asked {
            dir: shared.recorder.dir(),
            since,
            tenant: tenant.as_deref(),
            list: wanted.limit.unwrap_or(LIST).min(LIST_MAX),
            ends: &|| {
                has_left.load(Ordering::Relaxed) || *shared.draining.borrow() || begun.elapsed() > TIME_MAX
            },
        };
        replay::replay(asked, &active, &candidate).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                Problem::new(StatusCode::CONFLICT, "no-record", "nothing has been recorded yet ([record])")
            }
            _ => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "record-unreadable",
                format!("the record cannot be read: {error}"),
            ),
        })
    });
    let found = found.await;
    drop(left);
    found.map_err(|_| Problem::bad_request("the record could not be judged"))?.map(Json)
}

/// Tells that the one who asked has left.
struct Left(Arc<AtomicBool>);

impl Drop for Left {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Deserialize)]
pub(crate) struct Listed {
    limit: Option<usize>,
}

/// The shadow policies: whether they are loaded, what they judged since, and what they would have done otherwise, the
/// newest first.
#[utoipa::path(get, path = "/v1/policies/shadow", params(("limit" = Option<usize>, Query)),
    responses((status = 200, description = "The shadow policies and what they would have done")))]
pub(crate) async fn shadow(
    State(admin): State<Admin>,
    caller: Caller<Reading>,
    Query(listed): Query<Listed>,
) -> Result<Json<Value>, Problem> {
    if caller.bound_to().is_some() {
        return Err(Problem::forbidden(
            "this token belongs to a tenant; the shadow policies are everybody's",
        ));
    }
    let view = admin.shared.shadow.view(listed.limit.unwrap_or(LIST).min(LIST_MAX));
    Ok(Json(json!({
        "configured": view.dir.is_some(),
        "dir": view.dir,
        "loaded": view.loaded,
        "error": view.error,
        "since": view.since,
        "judged": view.counts.judged(),
        "different": view.counts.different(),
        "counts": view.counts,
        "changes": view.changes,
        "differences": view.differences,
    })))
}
