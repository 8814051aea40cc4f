//! Answers of the gateway's own: the one place that turns a refusal into HTTP.

use crate::body::Body;
use dndgate_adapter::Reply;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use std::fmt::Write;

/// What was decided, for machines.
pub(crate) const VERDICT: HeaderName = HeaderName::from_static("dndgate-verdict");
/// The request's id, for `dndgate why --request`.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("dndgate-request-id");

/// An adapter's answer as HTTP.
pub(crate) fn from_reply(reply: Reply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = reply.status;
    for (name, value) in reply.headers {
        response.headers_mut().append(name, value);
    }
    response
}

/// A problem (RFC 9457) where no provider's shape is due.
pub(crate) fn problem(status: StatusCode, kind: &str, title: &str) -> Response<Body> {
    let body = serde_json::json!({
        "type": format!("urn:dndgate:{kind}"),
        "title": title,
        "status": status.as_u16(),
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// Writes verdict and request id into an answer.
pub(crate) fn mark(response: &mut Response<Body>, verdict: HeaderValue, id: uuid::Uuid) {
    let headers = response.headers_mut();
    headers.insert(VERDICT, verdict);
    let mut buffer = uuid::Uuid::encode_buffer();
    if let Ok(id) = HeaderValue::from_str(id.hyphenated().encode_lower(&mut buffer)) {
        headers.insert(REQUEST_ID, id);
    }
}

/// `blocked; channel=sms; reason=keyword`, `trimmed; blocked=2; recipients=…`.
pub(crate) fn verdict(word: &str, facts: &[(&str, &str)]) -> HeaderValue {
    let mut text = word.to_owned();
    for (name, value) in facts {
        let _ = write!(text, "; {name}={value}");
    }
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("refused"))
}
