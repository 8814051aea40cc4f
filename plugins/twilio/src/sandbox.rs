//! A stand-in for Twilio: answers as it does, with the magic numbers of its test credentials, and signs
//! webhooks as it would. It keeps no state: what it needs to know later stands in the ids that it gives out.

use crate::{
    Twilio,
    endpoints::{self, Endpoint, Format},
    signature,
};
use dndgate_adapter::{
    Channel, Look, Reply, Request, Secrets,
    form::{self, Form},
    outbound::Call,
    request::xml,
    sandbox::{Answered, Delivered, Inbound, Sandbox},
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The account of webhooks that name none.
pub const ACCOUNT: &str = "AC00000000000000000000000000000000";
/// The person in conversations whose id names nobody.
const SOMEBODY: &str = "+15005550009";

/// Last digits of the magic numbers `+1500555000x`, and the codes for a message and for a call.
const MAGIC: &[(&str, u32, u32, &str)] = &[
    ("+15005550001", 21211, 21217, "Invalid 'To' Phone Number"),
    ("+15005550002", 21612, 21214, "The 'To' phone number is not currently reachable"),
    ("+15005550003", 21408, 21215, "Permission to send to this region has not been enabled"),
    ("+15005550004", 21610, 21216, "Attempt to send to unsubscribed recipient"),
    ("+15005550009", 21614, 21217, "'To' number is not a valid mobile number"),
];

impl Sandbox for Twilio {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        let look = crate::outbound::look(&request.head);
        let found = match (look, endpoints::find(&request.head)) {
            (Ok(Look::Body | Look::Nobody), Ok(Some(endpoint))) => endpoint,
            _ => {
                return only(error(
                    request,
                    StatusCode::NOT_FOUND,
                    20404,
                    "The requested resource was not found",
                ));
            }
        };
        if *request.head.method == Method::GET {
            return only(listed(request));
        }
        let Ok(form) = form::read(request.body) else {
            return only(error(request, StatusCode::BAD_REQUEST, 20001, "The body is not a form"));
        };
        match found {
            Endpoint::Message => message(request, &form, serial),
            Endpoint::Call => call(request, &form, serial),
            Endpoint::Conference => participant(request, &form, serial),
            Endpoint::ConversationMessage => conversation(request, &form, serial),
            Endpoint::Verify => verification(&form, serial),
            Endpoint::Studio => created(
                request,
                json!({
                    "sid": sid("FN", serial), "status": "active", "contact_channel_address": value(&form, "To"),
                }),
            ),
            Endpoint::Nobody if segment(request, -2) == "Messages" => {
                let status =
                    if value(&form, "Status").is_empty() { "delivered" } else { value(&form, "Status") };
                let body =
                    json!({"sid": segment(request, -1), "account_sid": account(request), "status": status});
                only(resource(request, StatusCode::OK, "Message", &body))
            }
            Endpoint::CallUpdate => {
                let body = json!({"sid": segment(request, -1), "account_sid": account(request), "status": "completed"});
                only(resource(request, StatusCode::OK, "Call", &body))
            }
            _ => {
                only(error(request, StatusCode::NOT_FOUND, 20404, "The sandbox does not play this resource"))
            }
        }
    }

    fn inbound(
        &self,
        message: &Inbound<'_>,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        _now: Timestamp,
    ) -> Call {
        let prefix = match message.channel {
            Channel::WhatsApp => "whatsapp:",
            Channel::Fb => "messenger:",
            _ => "",
        };
        let (from, to) = (format!("{prefix}{}", message.from), format!("{prefix}{}", message.to));
        let (account, token) = owner(secrets);
        let mut form = vec![("AccountSid", account), ("ApiVersion", "2010-04-01".into())];
        form.extend([("From", from.clone()), ("To", to.clone())]);
        if message.channel == Channel::Call {
            form.extend([("CallSid", sid("CA", serial)), ("CallStatus", "ringing".into())]);
            form.extend([("Direction", "inbound".into()), ("Caller", from), ("Called", to)]);
        } else {
            let id = sid("SM", serial);
            form.extend([("MessageSid", id.clone()), ("SmsSid", id.clone()), ("SmsMessageSid", id)]);
            form.extend([("SmsStatus", "received".into()), ("Body", message.text.into())]);
            form.extend([("NumMedia", "0".into()), ("NumSegments", "1".into())]);
            if message.channel == Channel::WhatsApp {
                form.push(("WaId", message.from.trim_start_matches('+').into()));
            }
        }
        webhook(url, &form, &token)
    }

    fn failure(
        &self,
        delivered: &Delivered,
        code: &str,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        _now: Timestamp,
    ) -> Call {
        let (account, token) = owner(secrets);
        let mut form =
            vec![("AccountSid", account), ("ApiVersion", "2010-04-01".into()), ("ErrorCode", code.into())];
        form.extend([("From", delivered.from.clone()), ("To", delivered.to.clone())]);
        if delivered.channel == Channel::Call {
            form.extend([("CallSid", delivered.id.clone()), ("CallStatus", "failed".into())]);
            form.extend([("Direction", "outbound-api".into()), ("SequenceNumber", serial.to_string())]);
            form.push(("CallbackSource", "call-progress-events".into()));
        } else {
            form.extend([("MessageSid", delivered.id.clone()), ("SmsSid", delivered.id.clone())]);
            form.extend([("MessageStatus", "undelivered".into()), ("SmsStatus", "undelivered".into())]);
        }
        webhook(url, &form, &token)
    }
}

fn value<'f>(form: &'f Form<'_>, name: &'f str) -> &'f str {
    form.all(name).next().map_or("", |pair| &*pair.value)
}

fn some(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

fn account<'a>(request: &Request<'a>) -> &'a str {
    endpoints::account(&request.head).unwrap_or(ACCOUNT)
}

/// A segment of the path without its suffix, counted from the end: -1 is the last.
fn segment<'a>(request: &Request<'a>, from_end: isize) -> &'a str {
    let path = request.head.path;
    let path = [".json", ".xml", ".csv"].iter().find_map(|suffix| path.strip_suffix(suffix)).unwrap_or(path);
    path.rsplit('/').nth(from_end.unsigned_abs() - 1).unwrap_or_default()
}

fn sid(prefix: &str, serial: u64) -> String {
    format!("{prefix}{serial:032x}")
}

/// The account that webhooks are of, and its token.
fn owner(secrets: &Secrets) -> (String, String) {
    let first = secrets.first("auth_token").unwrap_or_default();
    match first.split_once(':').filter(|(account, _)| account.starts_with("AC")) {
        Some((account, token)) => (account.to_owned(), token.to_owned()),
        None => (ACCOUNT.to_owned(), first.to_owned()),
    }
}

fn webhook(url: &str, form: &[(&str, String)], token: &str) -> Call {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let signature = signature::sign_form(token, url, body.as_bytes());
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme.find(['/', '?']).map_or("/", |at| &after_scheme[at..]);
    let path = path.split('#').next().unwrap_or(path);
    let mut headers = vec![
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8")),
        (header::USER_AGENT, HeaderValue::from_static("TwilioProxy/1.1")),
    ];
    if let Ok(signature) = HeaderValue::try_from(signature) {
        headers.push((HeaderName::from_static(signature::SIGNATURE), signature));
    }
    Call {
        method: Method::POST,
        host: None,
        path_and_query: path.to_owned(),
        headers,
        body: body.into_bytes(),
    }
}
