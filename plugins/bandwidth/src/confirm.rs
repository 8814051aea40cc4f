//! The one text that confirms an opt-out.

use crate::{ACCOUNT_ID, API_CREDENTIALS, webhook};
use dndgate_adapter::{Secrets, Webhook, credentials, outbound::Call};
use http::{HeaderValue, Method, header};
use serde_json::json;

/// The carriers' network answers STOP to toll-free numbers by itself.
const TOLL_FREE: [&str; 7] = ["+1800", "+1833", "+1844", "+1855", "+1866", "+1877", "+1888"];

/// Does somebody else answer, or can nobody?
pub(crate) fn is_answered(webhook: &Webhook<'_>) -> bool {
    webhook::written(webhook).is_none_or(|written| {
        let is_toll_free = TOLL_FREE.iter().any(|prefix| written.business.starts_with(prefix));
        is_toll_free && written.text.trim().eq_ignore_ascii_case("stop")
    })
}

/// A message from the number that the person wrote to.
pub(crate) fn call(webhook: &Webhook<'_>, text: &str, secrets: &Secrets) -> Option<Call> {
    let written = webhook::written(webhook)?;
    let account = secrets.first(ACCOUNT_ID)?;
    if !account.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let credentials = credentials::basic(secrets.first(API_CREDENTIALS)?)?;
    let body = json!({
        "applicationId": written.application, "from": written.business, "to": [written.person], "text": text,
    });
    Some(Call {
        method: Method::POST,
        host: Some(crate::sends::MESSAGING.to_owned()),
        path_and_query: format!("/api/v2/users/{account}/messages"),
        headers: vec![
            (header::AUTHORIZATION, credentials),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ],
        body: body.to_string().into_bytes(),
    })
}
