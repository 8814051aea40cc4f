//! The admin listener: health, metrics and the API. One noun a file.

mod agency;
mod auth;
mod channels;
mod checks;
mod console;
mod contacts;
mod decisions;
mod events;
mod evidence;
mod exports;
mod guard;
mod imports;
pub(crate) mod ledger;
mod policies;
mod policy_tries;
mod problem;
mod reconciliations;
mod release;
mod replays;
mod reviews;
mod search;
mod session;
mod stats;
mod subscribers;
mod tenant_policies;
mod tried;
mod unsubscribe;
mod versions;
mod wire;

use crate::shared::Shared;
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, StatusCode, Version, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use http_body::Body as _;
use std::{net::SocketAddr, sync::Arc};
use utoipa::OpenApi;

/// The largest body of an API request, in bytes: an evidence file is the largest thing that comes.
const BODY_BYTES_MAX: usize = 16 << 20;
/// What a multipart body may hold besides text and file, in bytes.
const FRAMING_BYTES: usize = 64 << 10;
/// The largest text of axum's that is read, in bytes.
const REJECTION_BYTES_MAX: usize = 4 << 10;

/// The state of every handler.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) shared: Arc<Shared>,
    sessions: Arc<session::Sessions>,
    stats: Arc<stats::Stats>,
    /// One replay at a time.
    replaying: Arc<tokio::sync::Mutex<()>>,
}

impl Admin {
    /// Is this session of the console still open?
    fn holds(&self, session: &session::Key) -> bool {
        self.sessions.holds(session, &self.shared.config.load().admin)
    }
}

/// The API's description, generated from the code.
#[derive(OpenApi)]
#[openapi(
    info(title = "dndgate", description = "The admin API of dndgate, the Do-Not-Disturb gateway."),
    paths(
        channels::list,
        checks::check,
        contacts::create,
        contacts::upsert,
        contacts::read,
        contacts::update,
        contacts::delete,
        search::search,
        contacts::duplicate,
        contacts::history,
        evidence::file,
        evidence::of_contact,
        evidence::list,
        evidence::read,
        evidence::download,
        evidence::approve,
        evidence::reject,
        evidence::twilio_consent,
        release::run,
        reviews::list,
        reviews::decide,
        session::read,
        session::create,
        session::delete,
        stats::read,
        reconciliations::create,
        reconciliations::list,
        reconciliations::read,
        reconciliations::differences,
        events::feed,
        exports::write,
        imports::begin,
        imports::preview,
        imports::list,
        imports::read,
        imports::cancel,
        imports::rejects,
        ledger::export,
        ledger::checkpoints,
        subscribers::list,
        subscribers::read,
        subscribers::create,
        subscribers::delete,
        subscribers::rotate,
        subscribers::enable,
        subscribers::deliveries,
        subscribers::replay,
        decisions::list,
        decisions::why,
        policies::list,
        replays::replay,
        replays::shadow,
        policies::read,
        policies::replace,
        policies::remove,
        policies::history,
        policies::version,
        policy_tries::try_out,
        tenant_policies::list,
        tenant_policies::read,
        tenant_policies::replace,
        tenant_policies::remove,
        tenant_policies::history,
        tenant_policies::version,
        agency::add,
        agency::list,
        agency::remove,
        unsubscribe::create,
        unsubscribe::keys,
        unsubscribe::rotate,
    )
)]
struct Api;

/// The OpenAPI description as JSON.
pub fn openapi() -> String {
    Api::openapi().to_pretty_json().unwrap_or_default()
}

/// Serves until the gateway drains.
pub(crate) async fn serve(shared: Arc<Shared>, listener: tokio::net::TcpListener) {
    let mut draining = shared.draining.subscribe();
    let admin = Admin { shared, sessions: Arc::default(), stats: Arc::default(), replaying: Arc::default() };
    let (sampled, prometheus) = (Arc::clone(&admin.stats), admin.shared.prometheus.clone());
    tokio::spawn(async move {
        loop {
            sampled.sample(&prometheus, crate::clock::now());
            tokio::time::sleep(stats::PAUSE).await;
        }
    });
    let router = router(admin).into_make_service_with_connect_info::<SocketAddr>();
    let stop = async move {
        let _ = draining.wait_for(|draining| *draining).await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
        tracing::error!(%error, "the admin listener ended");
    }
}

fn router(admin: Admin) -> Router {
    let evidence = &admin.shared.config.load().evidence;
    let evidence_bytes_max = usize::try_from(evidence.file_max.0 + evidence.text_max.0)
        .unwrap_or(usize::MAX)
        .saturating_add(FRAMING_BYTES);
    Router::new()
        .route("/", get(console::index))
        .route("/console/{file}", get(console::file))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], openapi()) }))
        .route("/contacts/", post(contacts::create))
        .route("/contacts", post(contacts::create))
        .route("/contacts/upsert", post(contacts::upsert))
        .route("/contacts/search", post(search::search))
        .route("/contacts/search/duplicate", get(contacts::duplicate))
        .route("/contacts/{id}", get(contacts::read).put(contacts::update).delete(contacts::delete))
        .route("/v1/contacts/{id}/history", get(contacts::history))
        .route(
            "/v1/contacts/{id}/evidence",
            post(evidence::file).get(evidence::of_contact).layer(DefaultBodyLimit::max(evidence_bytes_max)),
        )
        .route("/v1/contacts/{id}/email-release", post(release::run))
        .route("/v1/evidence", get(evidence::list))
        .route("/v1/evidence/{id}", get(evidence::read))
        .route("/v1/evidence/{id}/file", get(evidence::download))
        .route("/v1/evidence/{id}/approve", post(evidence::approve))
        .route("/v1/evidence/{id}/reject", post(evidence::reject))
        .route("/v1/evidence/{id}/twilio-consent", get(evidence::twilio_consent))
        .route("/v1/reconciliations", post(reconciliations::create).get(reconciliations::list))
        .route("/v1/reconciliations/{id}", get(reconciliations::read))
        .route("/v1/reconciliations/{id}/differences", get(reconciliations::differences))
        .route("/v1/agency/suppressions", get(agency::list).post(agency::add))
        .route("/v1/agency/suppressions/{id}", delete(agency::remove))
        .route("/v1/channels", get(channels::list))
        .route("/v1/session", get(session::read).post(session::create).delete(session::delete))
        .route("/v1/stats", get(stats::read))
        .route("/v1/reviews", get(reviews::list))
        .route("/v1/reviews/{id}", post(reviews::decide))
        .route("/v1/check", post(checks::check))
        .route("/v1/events", get(events::feed))
        .route("/v1/exports/{what}", get(exports::write))
        .route("/v1/imports", get(imports::list).post(imports::begin))
        .route("/v1/imports/preview", post(imports::preview))
        .route("/v1/imports/{id}", get(imports::read).delete(imports::cancel))
        .route("/v1/imports/{id}/rejects", get(imports::rejects))
        .route("/v1/ledger/export", get(ledger::export))
        .route("/v1/ledger/checkpoints", get(ledger::checkpoints))
        .route("/v1/subscribers", get(subscribers::list).post(subscribers::create))
        .route("/v1/subscribers/{id}", get(subscribers::read).delete(subscribers::delete))
        .route("/v1/subscribers/{id}/rotate", post(subscribers::rotate))
        .route("/v1/subscribers/{id}/enable", post(subscribers::enable))
        .route("/v1/subscribers/{id}/deliveries", get(subscribers::deliveries))
        .route("/v1/subscribers/{id}/replay", post(subscribers::replay))
        .route("/v1/decisions", get(decisions::list))
        .route("/v1/decisions/{request}", get(decisions::why))
        .route("/v1/policies/try", post(policy_tries::try_out))
        .route("/v1/policies/replay", post(replays::replay))
        .route("/v1/policies/shadow", get(replays::shadow))
        .route("/v1/policies", get(policies::list))
        .route("/v1/policies/{file}", put(policies::replace).get(policies::read).delete(policies::remove))
        .route("/v1/policies/{file}/history", get(policies::history))
        .route("/v1/policies/{file}/history/{version}", get(policies::version))
        .route("/v1/policies/tenants/{tenant}", get(tenant_policies::list))
        .route(
            "/v1/policies/tenants/{tenant}/{file}",
            put(tenant_policies::replace).get(tenant_policies::read).delete(tenant_policies::remove),
        )
        .route("/v1/policies/tenants/{tenant}/{file}/history", get(tenant_policies::history))
        .route("/v1/policies/tenants/{tenant}/{file}/history/{version}", get(tenant_policies::version))
        .route("/v1/unsubscribe-links", post(unsubscribe::create))
        .route("/v1/unsubscribe-keys", get(unsubscribe::keys).post(unsubscribe::rotate))
        .fallback(|| async {
            problem::Problem::not_found("there is nothing at this path; see /openapi.json")
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::map_response(as_problem))
        .layer(middleware::from_fn_with_state(admin.clone(), guard::every))
        .layer(middleware::from_fn(says_that_it_closes))
        .with_state(admin)
}

/// A connection whose request was refused before its body was read ends with the answer, which says so: a client
/// that sent on over it would lose its next request (RFC 9112, section 9.6).
async fn says_that_it_closes(request: Request, next: Next) -> Response {
    let http1 = request.version() < Version::HTTP_2;
    let has_body = !request.body().is_end_stream();
    let mut response = next.run(request).await;
    let unread = matches!(
        response.status(),
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::TOO_MANY_REQUESTS
    );
    if http1 && has_body && unread {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What axum itself refuses (broken JSON, a wrong method, a body that is too large) is a problem like all others.
async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let media = response.headers().get(header::CONTENT_TYPE);
    let is_problem = media.is_some_and(|media| media == "application/problem+json");
    if !status.is_client_error() || is_problem {
        return response;
    }
    let kind = if status == StatusCode::METHOD_NOT_ALLOWED { "method-not-allowed" } else { "bad-request" };
    let said = axum::body::to_bytes(response.into_body(), REJECTION_BYTES_MAX).await.unwrap_or_default();
    let title = match String::from_utf8_lossy(&said) {
        none if none.is_empty() => status.canonical_reason().unwrap_or("refused").to_owned(),
        some => some.into_owned(),
    };
    problem::Problem::new(status, kind, title).into_response()
}

async fn ready(State(admin): State<Admin>) -> impl IntoResponse {
    let cache = admin.shared.store.cache();
    let ready = cache.is_complete();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let writable = admin.shared.store.is_writable();
    (
        status,
        Json(serde_json::json!({ "ready": ready, "cacheEntries": cache.len(), "storeWritable": writable })),
    )
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    crate::metrics::send_counts(admin.shared.send_counts.room(crate::clock::now()));
    crate::metrics::policy_faults();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], admin.shared.prometheus.render())
}
