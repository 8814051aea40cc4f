//! What Twilio's answers teach: codes that concern the recipient, and the handles of scheduled messages,
//! which are cancelled when the person opts out in between.

use crate::{endpoints, signature};
use dndgate_adapter::{
    Answer, Event, EventKind, Learned, Request, Scheduled, Secrets, Sending, Severity, credentials,
    json::{self, Json, Value},
    outbound::Call,
    sign,
};
use http::{HeaderValue, Method, StatusCode, header};
use std::borrow::Cow;

/// The code of somebody who opted out.
const UNSUBSCRIBED: &str = "21610";

/// How final Twilio calls a failure.
pub(crate) fn severity(code: &str) -> Severity {
    if code == UNSUBSCRIBED { Severity::Permanent } else { Severity::Unsaid }
}

/// See [`dndgate_adapter::Adapter::learn`].
pub(crate) fn learn(request: &Request<'_>, send: &Sending<'_>, answer: &Answer<'_>) -> Learned {
    let mut learned = Learned::default();
    if send.kind != "message" {
        return learned;
    }
    let Some(said) = Said::read(answer.body) else { return learned };
    // Other errors are about the credentials, the path or the rate. What a code means is for the policy.
    if answer.status == StatusCode::BAD_REQUEST {
        learned.events.extend(failure(request, send, answer, &said));
    } else if answer.status.is_success() && send.scheduled {
        learned.scheduled.extend(handle(request, send, &said));
    }
    learned
}

fn failure(
    request: &Request<'_>,
    send: &Sending<'_>,
    answer: &Answer<'_>,
    said: &Said,
) -> Option<Event<'static>> {
    let [recipient] = &send.recipients[..] else { return None };
    let code = said.code.clone().filter(|code| !code.is_empty())?;
    // One answer is one event; answers alone have no id that Twilio promises.
    let occasion = match answer.headers.get("twilio-request-id").and_then(|id| id.to_str().ok()) {
        Some(id) => id.to_owned(),
        None => sign::to_hex(&sign::sha256(&[answer.body, b"\0", request.body].concat())[..16]),
    };
    Some(Event {
        id: format!("answer:{code}:{occasion}").into(),
        account: endpoints::account(&request.head).map(|account| Cow::Owned(account.to_owned())),
        at: None,
        kind: EventKind::Failure {
            channel: recipient.channels.first()?,
            to_kind: recipient.kind,
            to: Cow::Owned(recipient.address.to_string()),
            severity: severity(&code),
            code: code.into(),
            message: Cow::Owned(said.message.clone()),
        },
    })
}

fn handle(request: &Request<'_>, send: &Sending<'_>, said: &Said) -> Option<Scheduled> {
    let id = said.sid.as_deref().filter(|sid| is_sid(sid))?;
    let recipient = send.recipients.first()?;
    Some(Scheduled {
        account: endpoints::account(&request.head)?.to_owned(),
        // A message of another region is cancelled there.
        id: request.head.host.map_or(id.to_owned(), |host| format!("{host}/{id}")),
        address: recipient.address.to_string(),
    })
}

fn is_sid(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// See [`dndgate_adapter::Adapter::cancel`].
pub(crate) fn cancel(scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
    let token = signature::tokens(secrets, &scheduled.account).next()?;
    let (host, id) = match scheduled.id.split_once('/') {
        Some((host, id)) => (Some(host.to_owned()), id),
        None => (None, scheduled.id.as_str()),
    };
    let account = &scheduled.account;
    let credentials = credentials::basic(&format!("{account}:{token}"))?;
    Some(Call {
        method: Method::POST,
        host,
        path_and_query: format!("/2010-04-01/Accounts/{account}/Messages/{id}.json"),
        headers: vec![
            (header::AUTHORIZATION, credentials),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
            (header::ACCEPT, HeaderValue::from_static("application/json")),
        ],
        body: b"Status=canceled".to_vec(),
    })
}

/// The parts of an answer that matter, from JSON or XML.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    code: Option<String>,
    message: String,
    sid: Option<String>,
}

impl Said {
    fn read(body: &[u8]) -> Option<Said> {
        if let Ok(json) = json::read(body) {
            let text = |key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
            let code = json.get("code").and_then(|code| match &code.value {
                Value::Number(number) => Some((*number).to_owned()),
                Value::String(text) => Some(text.to_string()),
                _ => None,
            });
            return Some(Said { code, message: text("message").unwrap_or_default(), sid: text("sid") });
        }
        let document = roxmltree::Document::parse(std::str::from_utf8(body).ok()?).ok()?;
        let text = |name: &str| {
            let found = document.descendants().find(|node| node.has_tag_name(name));
            found.and_then(|node| node.text()).map(|text| text.trim().to_owned())
        };
        // In an answer that is a message, `Message` is the element around all of it.
        let message = if text("Code").is_some() { text("Message") } else { None };
        Some(Said { code: text("Code"), message: message.unwrap_or_default(), sid: text("Sid") })
    }
}
