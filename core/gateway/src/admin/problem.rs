//! Errors of the API: RFC 9457 problem JSON with a stable `type`.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use dndgate_store::StoreError;
use serde_json::{Value, json};

/// An error on its way to an API client.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: String,
    more: Vec<(&'static str, Value)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, kind: &'static str, title: impl Into<String>) -> Problem {
        Problem { status, kind, title: title.into(), more: Vec::new() }
    }

    pub(crate) fn bad_request(title: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad-request", title)
    }

    pub(crate) fn not_found(title: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not-found", title)
    }

    pub(crate) fn forbidden(title: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "forbidden", title)
    }

    /// Adds a member.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: Value) -> Problem {
        self.more.push((name, value));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("urn:dndgate:{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
            // Clients of the HighLevel API read `message`.
            "message": self.title,
        });
        for (name, value) in self.more {
            body[name] = value;
        }
        let mut response = (self.status, body.to_string()).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match error {
            StoreError::NotFound => Problem::not_found("there is no such contact"),
            StoreError::Locked(stays) => {
                let blocking = serde_json::to_value(&stays).unwrap_or_default();
                Problem::new(
                    StatusCode::CONFLICT,
                    "dnd-locked",
                    "this cannot be switched off as it is; see blocking",
                )
                .with("blocking", blocking)
            }
            StoreError::Invalid(why) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", why),
            StoreError::Forbidden(why) => Problem::forbidden(why),
            StoreError::Conflict(why) => Problem::new(StatusCode::CONFLICT, "conflict", why),
            StoreError::Busy => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "store-busy",
                "too much at once: send it again later",
            ),
            other => {
                tracing::error!(error = %other, "the store failed an API request");
                Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store-unavailable",
                    "this cannot be kept or read at the moment; nothing was changed",
                )
            }
        }
    }
}
