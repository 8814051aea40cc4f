//! A CRM that takes whatever webhook is passed on to it and shows it.

use super::page;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use std::{
    collections::VecDeque,
    net::TcpListener,
    sync::{Arc, Mutex, PoisonError},
};

/// Webhooks that are remembered.
const RECEIVED_MAX: usize = 200;
/// The largest webhook that is taken, and how much of it is shown, in bytes.
const BODY_BYTES_MAX: usize = 64 << 20;
const SHOWN_BYTES_MAX: usize = 16 << 10;

/// What the CRM has received, newest first.
#[derive(Debug, Default)]
pub(super) struct Crm {
    received: Mutex<VecDeque<Received>>,
}

/// One webhook.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Received {
    pub(super) at: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) media_type: String,
    pub(super) body: String,
}

/// Serves until the process ends.
pub(super) async fn serve(crm: Arc<Crm>, listener: TcpListener) {
    let router = Router::new()
        .route("/", get(show))
        .route("/received", get(received))
        .fallback(take)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(crm);
    super::sandbox::listen(router, listener).await;
}

async fn show(State(crm): State<Arc<Crm>>) -> Response {
    page::html(page::crm(&crm.list()))
}

async fn received(State(crm): State<Arc<Crm>>) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "received": crm.list() }))
}

/// Takes a webhook. Twilio wants instructions: this CRM has none for it.
async fn take(
    State(crm): State<Arc<Crm>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    crm.keep(Received {
        at: jiff::Timestamp::now().to_string(),
        method: method.to_string(),
        path: uri.to_string(),
        media_type: media_type.to_owned(),
        body: String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES_MAX)]).into_owned(),
    });
    if uri.path().starts_with("/twilio") {
        let nothing = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";
        return ([(header::CONTENT_TYPE, "text/xml")], nothing).into_response();
    }
    (StatusCode::OK, Body::empty()).into_response()
}

impl Crm {
    fn keep(&self, one: Received) {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.truncate(RECEIVED_MAX - 1);
        received.push_front(one);
    }

    fn list(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
