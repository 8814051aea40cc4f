//! Mail that leaves later, and how it is stopped when somebody opts out in between (R14).
//!
//! SendGrid stops whole batches only: everything that was sent with one `batch_id`.

use crate::{API_KEY, credentials};
use dndgate_adapter::{
    Answer, Learned, Request, Scheduled, Secrets, Sending,
    json::{self, Json},
    outbound::Call,
};
use http::{HeaderValue, Method, header};
use std::borrow::Cow;

/// The handles of a scheduled send, one for each recipient: its batch.
pub(crate) fn learn(
    account: Option<Cow<'_, str>>,
    request: &Request<'_>,
    send: &Sending<'_>,
    dropped: &[usize],
    answer: &Answer<'_>,
) -> Learned {
    let mut learned = Learned::default();
    if !send.scheduled || !answer.status.is_success() {
        return learned;
    }
    let Ok(body) = json::read(request.body) else { return learned };
    let Some(batch) = body.get("batch_id").and_then(Json::as_str).filter(|batch| !batch.is_empty()) else {
        // Allowed by name to leave without one.
        return learned;
    };
    // Where it was sent to, it is cancelled.
    let id = request.head.host.map_or_else(|| batch.to_owned(), |host| format!("{host}/{batch}"));
    let stay = send.recipients.iter().enumerate().filter(|(index, _)| !dropped.contains(index));
    learned.scheduled = stay
        .map(|(_, one)| Scheduled {
            account: account.as_deref().unwrap_or_default().to_owned(),
            id: id.clone(),
            address: one.address.to_string(),
        })
        .collect();
    learned
}

/// The request that stops a batch.
pub(crate) fn cancel(scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
    let mut headers = credentials(secrets.first(API_KEY)?, &scheduled.account)?;
    headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    let (host, batch) = match scheduled.id.split_once('/') {
        Some((host, batch)) if crate::PROFILE.hosts.contains(&host) => (Some(host.to_owned()), batch),
        _ => (None, scheduled.id.as_str()),
    };
    Some(Call {
        method: Method::POST,
        host,
        path_and_query: "/v3/user/scheduled_sends".to_owned(),
        headers,
        body: serde_json::json!({ "batch_id": batch, "status": "cancel" }).to_string().into_bytes(),
    })
}
