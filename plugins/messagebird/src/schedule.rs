//! Messages that leave later: their handles, and how they are called off. And what errors say of the person.

use crate::{ACCESS_KEY, sends};
use dndgate_adapter::{
    Answer, Event, Learned, Request, Scheduled, Secrets, Sending, credentials,
    json::{self, Json, Value},
    outbound::Call,
};
use http::{HeaderValue, Method, header};

/// Where messages lie that can wait.
const COLLECTIONS: [&str; 3] = ["messages", "mms", "voicemessages"];

pub(crate) fn learn(request: &Request<'_>, send: &Sending<'_>, answer: &Answer<'_>) -> Learned {
    let mut learned = Learned::default();
    let [recipient] = &send.recipients[..] else { return learned };
    let Ok(body) = json::read(answer.body) else { return learned };
    if answer.status.is_success() {
        let collection = request.head.path.trim_matches('/');
        let id = body.get("id").and_then(Json::as_str).filter(|id| is_id(id));
        if let (true, true, Some(id)) = (send.scheduled, COLLECTIONS.contains(&collection), id) {
            let (id, address) = (format!("{collection}/{id}"), recipient.address.to_string());
            learned.scheduled.push(Scheduled { id, address, ..Scheduled::default() });
        }
        return learned;
    }
    let error = body.get("errors").and_then(Json::as_array).and_then(<[_]>::first);
    let Some(error) = error else { return learned };
    let code = match error.get("code").map(|code| &code.value) {
        Some(Value::Number(code)) => format!("api/{code}"),
        _ => return learned,
    };
    let message = error.get("description").and_then(Json::as_str).unwrap_or_default().to_owned();
    learned.events.extend(Event::of_answer(answer, recipient, code, message));
    learned
}

/// Nothing else may come into a path.
fn is_id(id: &str) -> bool {
    (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A message that waits is called off by deleting it ("Delete a message", API reference).
pub(crate) fn cancel(scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
    // Without an id it is asked whether one could be called off at all.
    let (collection, id) = match &*scheduled.id {
        "" => (COLLECTIONS[0], ""),
        handle => handle.split_once('/').filter(|(at, id)| COLLECTIONS.contains(at) && is_id(id))?,
    };
    Some(Call {
        method: Method::DELETE,
        host: Some(sends::REST.to_owned()),
        path_and_query: format!("/{collection}/{id}"),
        headers: vec![(header::AUTHORIZATION, credentials(secrets)?)],
        body: Vec::new(),
    })
}

/// The `Authorization` of the gateway's own requests.
pub(crate) fn credentials(secrets: &Secrets) -> Option<HeaderValue> {
    credentials::secret(&format!("AccessKey {}", secrets.first(ACCESS_KEY)?))
}
