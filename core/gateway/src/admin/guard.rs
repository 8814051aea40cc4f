//! What every answer of this listener tells browsers, and whom the demo answers.

use super::{Admin, session};
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// What an answer says of itself unless it says otherwise: it is kept nowhere, is no page, stands in no frame, and
/// other sites get nothing of it.
const FIELDS: [(HeaderName, HeaderValue); 7] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
    ),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// Stands around every route.
pub(super) async fn every(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let is_open = admin.shared.config.load().admin.open;
    let asked = if is_open { session::is_own_page(request.headers(), request.method()) } else { Ok(()) };
    let mut response = match asked {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    for (name, value) in FIELDS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}
