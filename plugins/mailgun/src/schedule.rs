//! Mail that leaves later, and how it is stopped when somebody opts out in between (R14).
//!
//! Mailgun cannot recall one mail; only everything that a domain has waiting. The one lever per person is its
//! own unsubscribe list: an address on it gets nothing any more, scheduled mail included.

use crate::{API_KEY, path};
use dndgate_adapter::{
    Answer, Learned, Request, Scheduled, Secrets, Sending, credentials, json, outbound::Call,
};
use http::{HeaderValue, Method, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The handles of a scheduled send, one for each recipient.
pub(crate) fn learn(request: &Request<'_>, send: &Sending<'_>, answer: &Answer<'_>) -> Learned {
    let mut learned = Learned::default();
    if !send.scheduled || !answer.status.is_success() {
        return learned;
    }
    // The lever needs no id; it is for the record. So an unexpected answer loses nothing.
    let id = json::read(answer.body).ok().and_then(|body| Some(body.get("id")?.as_str()?.to_owned()));
    let id = handle(request.head.host, &id.unwrap_or_default());
    let account = path::domain(request.head.path).unwrap_or_default().into_owned();
    let handles = send.recipients.iter().map(|one| Scheduled {
        account: account.clone(),
        id: id.clone(),
        address: one.address.to_string(),
    });
    learned.scheduled = handles.collect();
    learned
}

/// The request that stops everything to a person.
pub(crate) fn cancel(scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
    let key = secrets.first(API_KEY)?;
    let credentials = credentials::basic(&format!("api:{key}"))?;
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    Some(Call {
        method: Method::POST,
        host: host_of(&scheduled.id).map(str::to_owned),
        path_and_query: format!("/v3/{}/unsubscribes", utf8_percent_encode(&scheduled.account, DOMAIN)),
        headers: vec![
            (header::AUTHORIZATION, credentials),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
        ],
        body: format!("address={}&tags=*", encoded(&scheduled.address)).into_bytes(),
    })
}

/// What stands in a domain as it is.
pub(crate) const DOMAIN: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// The message's id; in front of it the API host, where the send named one: suppression lists are regional.
fn handle(host: Option<&str>, id: &str) -> String {
    let host = host.map(|host| match host {
        "api.mailgun.net" | "api.eu.mailgun.net" => host,
        storage if storage.starts_with("storage-europe") => "api.eu.mailgun.net",
        _ => "api.mailgun.net",
    });
    host.map_or_else(|| id.to_owned(), |host| format!("{host}/{id}"))
}

fn host_of(handle: &str) -> Option<&str> {
    let (host, _) = handle.split_once('/')?;
    matches!(host, "api.mailgun.net" | "api.eu.mailgun.net").then_some(host)
}
