//! What the sandbox answers to requests.

use super::{ACCOUNT, sid};
use crate::endpoints::{self, Endpoint, Format};
use dndgate_adapter::{
    Channel, Look, Reply, Request,
    form::{self, Form},
    request::xml,
    sandbox::{Answered, Delivered},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};

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

/// See [`dndgate_adapter::sandbox::Sandbox::answer`].
pub(super) fn answer(request: &Request<'_>, serial: u64) -> Answered {
    let look = crate::outbound::look(&request.head);
    let found = match (look, endpoints::find(&request.head)) {
        (Ok(Look::Body | Look::Nobody), Ok(Some(endpoint))) => endpoint,
        _ => return only(not_found(request)),
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
            let status = if value(&form, "Status").is_empty() { "delivered" } else { value(&form, "Status") };
            let body =
                json!({"sid": segment(request, -1), "account_sid": account(request), "status": status});
            only(resource(request, StatusCode::OK, "Message", &body))
        }
        Endpoint::CallUpdate => {
            let body =
                json!({"sid": segment(request, -1), "account_sid": account(request), "status": "completed"});
            only(resource(request, StatusCode::OK, "Call", &body))
        }
        _ => only(not_found(request)),
    }
}

fn message(request: &Request<'_>, form: &Form<'_>, serial: u64) -> Answered {
    let to = value(form, "To");
    if to.is_empty() {
        return only(error(request, StatusCode::BAD_REQUEST, 21604, "A 'To' phone number is required."));
    }
    if let Some((_, code, _, words)) = MAGIC.iter().find(|(number, ..)| to.ends_with(number)) {
        return only(error(request, StatusCode::BAD_REQUEST, *code, words));
    }
    let [from, service, text] = ["From", "MessagingServiceSid", "Body"].map(|name| value(form, name));
    let scheduled = !value(form, "ScheduleType").is_empty() || !value(form, "SendAt").is_empty();
    let status = match () {
        () if scheduled => "scheduled",
        () if !service.is_empty() => "accepted",
        () => "queued",
    };
    let id = sid("SM", serial);
    let uri = format!("/2010-04-01/Accounts/{}/Messages/{id}", account(request));
    let body = json!({
        "account_sid": account(request),
        "api_version": "2010-04-01",
        "body": text,
        "date_created": "Thu, 24 Aug 2023 05:01:45 +0000",
        "date_sent": null,
        "date_updated": "Thu, 24 Aug 2023 05:01:45 +0000",
        "direction": "outbound-api",
        "error_code": null,
        "error_message": null,
        "from": some(from),
        "messaging_service_sid": some(service),
        "num_media": form.all("MediaUrl").count().to_string(),
        "num_segments": "1",
        "price": null,
        "price_unit": null,
        "sid": id,
        "status": status,
        "subresource_uris": {"media": format!("{uri}/Media.json")},
        "to": to,
        "uri": format!("{uri}.json"),
    });
    let text = if text.is_empty() { value(form, "ContentSid") } else { text };
    let sender = if from.is_empty() { service } else { from };
    let delivered = Delivered {
        id,
        channel: channel_of(to, Channel::Sms),
        from: sender.to_owned(),
        to: to.to_owned(),
        text: text.to_owned(),
        callback: value(form, "StatusCallback").to_owned(),
    };
    let delivered = if scheduled { Vec::new() } else { vec![delivered] };
    Answered { reply: resource(request, StatusCode::CREATED, "Message", &body), delivered }
}

fn call(request: &Request<'_>, form: &Form<'_>, serial: u64) -> Answered {
    let id = sid("CA", serial);
    let body = json!({
        "account_sid": account(request),
        "api_version": "2010-04-01",
        "direction": "outbound-api",
        "from": value(form, "From"),
        "sid": id,
        "status": "queued",
        "to": value(form, "To"),
        "uri": format!("/2010-04-01/Accounts/{}/Calls/{id}.json", account(request)),
    });
    placed(request, form, id, "Call", &body)
}

fn participant(request: &Request<'_>, form: &Form<'_>, serial: u64) -> Answered {
    let id = sid("CA", serial);
    let body = json!({
        "account_sid": account(request),
        "call_sid": id,
        "conference_sid": segment(request, -2),
        "label": value(form, "Label"),
        "status": "queued",
    });
    placed(request, form, id, "Participant", &body)
}

/// The answer to what makes a telephone ring.
fn placed(request: &Request<'_>, form: &Form<'_>, id: String, name: &str, body: &Value) -> Answered {
    let to = value(form, "To");
    if to.is_empty() {
        return only(error(request, StatusCode::BAD_REQUEST, 21201, "No 'To' number is specified"));
    }
    if let Some((_, _, code, words)) = MAGIC.iter().find(|(number, ..)| to.ends_with(number)) {
        let barred = format!("Account not allowed to call {to}");
        return only(error(
            request,
            StatusCode::BAD_REQUEST,
            *code,
            if *code == 21216 { &barred } else { words },
        ));
    }
    let what = ["Twiml", "Url", "ApplicationSid"]
        .into_iter()
        .map(|name| value(form, name))
        .find(|text| !text.is_empty());
    let delivered = Delivered {
        id,
        channel: Channel::Call,
        from: value(form, "From").to_owned(),
        to: to.to_owned(),
        text: what.unwrap_or_default().to_owned(),
        callback: value(form, "StatusCallback").to_owned(),
    };
    Answered { reply: resource(request, StatusCode::CREATED, name, body), delivered: vec![delivered] }
}

/// A message in a conversation reaches its participant.
fn conversation(request: &Request<'_>, form: &Form<'_>, serial: u64) -> Answered {
    let (to, text) = (participant_of(segment(request, -2)), value(form, "Body"));
    let body =
        json!({"sid": sid("IM", serial), "conversation_sid": segment(request, -2), "body": text, "index": 0});
    let delivered = Delivered {
        id: sid("IM", serial),
        channel: channel_of(&to, Channel::Sms),
        from: value(form, "Author").to_owned(),
        to,
        text: text.to_owned(),
        callback: String::new(),
    };
    Answered { reply: Reply::json(StatusCode::CREATED, &body), delivered: vec![delivered] }
}

fn verification(form: &Form<'_>, serial: u64) -> Answered {
    let (to, channel) = (value(form, "To"), value(form, "Channel"));
    let id = sid("VE", serial);
    let body = json!({"sid": id, "to": to, "channel": channel, "status": "pending", "valid": false});
    let on = match channel {
        "call" => Channel::Call,
        "email" => Channel::Email,
        "whatsapp" => Channel::WhatsApp,
        _ => Channel::Sms,
    };
    let text = "Your verification code is: 123456".to_owned();
    let delivered =
        Delivered { id, channel: on, from: String::new(), to: to.to_owned(), text, callback: String::new() };
    Answered { reply: Reply::json(StatusCode::CREATED, &body), delivered: vec![delivered] }
}

/// Answers to reads: the people of a conversation, empty lists, and nothing else.
fn listed(request: &Request<'_>) -> Reply {
    let last = segment(request, -1);
    let product = endpoints::product(request.head.host);
    match last {
        "Participants" if product == "conversations" => {
            let address = participant_of(segment(request, -2));
            let kind = if address.starts_with("whatsapp:") { "whatsapp" } else { "sms" };
            let binding = json!({"type": kind, "address": address, "proxy_address": "+15005550006"});
            let url = format!("https://conversations.twilio.com{}?PageSize=100&Page=0", request.head.path);
            Reply::json(
                StatusCode::OK,
                &json!({
                    "participants": [{"sid": sid("MB", 1), "identity": null, "messaging_binding": binding}],
                    "meta": {"page": 0, "page_size": 100, "first_page_url": url, "url": url, "next_page_url": null, "key": "participants"},
                }),
            )
        }
        "Messages" | "Calls" if product == "api" => {
            let mut body = json!({"page": 0, "page_size": 50, "start": 0, "end": 0, "next_page_uri": null, "previous_page_uri": null});
            body[last.to_ascii_lowercase()] = json!([]);
            body["uri"] = request.head.path.into();
            Reply::json(StatusCode::OK, &body)
        }
        last if last.starts_with("AC") && product == "api" => {
            let body = json!({"sid": last, "friendly_name": "Sandbox", "status": "active", "type": "Full"});
            resource(request, StatusCode::OK, "Account", &body)
        }
        _ => not_found(request),
    }
}

/// Whom a conversation is with: its id says so, as in `with-14155550100` or `whatsapp-14155550100`.
fn participant_of(conversation: &str) -> String {
    let digits = conversation.rsplit(['-', '+', ':']).next().unwrap_or_default();
    if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return SOMEBODY.to_owned();
    }
    let prefix = if conversation.starts_with("whatsapp") { "whatsapp:" } else { "" };
    format!("{prefix}+{digits}")
}

fn channel_of(address: &str, plain: Channel) -> Channel {
    match address.split(':').next() {
        Some("whatsapp") => Channel::WhatsApp,
        Some("messenger") => Channel::Fb,
        _ => plain,
    }
}

fn only(reply: Reply) -> Answered {
    Answered { reply, delivered: Vec::new() }
}

fn created(request: &Request<'_>, body: Value) -> Answered {
    only(resource(request, StatusCode::CREATED, "Resource", &body))
}

fn error(request: &Request<'_>, status: StatusCode, code: u32, message: &str) -> Reply {
    let more_info = format!("https://www.twilio.com/docs/errors/{code}");
    if endpoints::format(&request.head) == Format::Xml {
        let fields =
            json!({"Code": code, "Message": message, "MoreInfo": more_info, "Status": status.as_u16()});
        return as_xml(status, "RestException", &fields);
    }
    Reply::json(
        status,
        &json!({"code": code, "message": message, "more_info": more_info, "status": status.as_u16()}),
    )
}

/// A resource in the format that the path asks for.
fn resource(request: &Request<'_>, status: StatusCode, name: &str, body: &Value) -> Reply {
    if endpoints::format(&request.head) == Format::Xml {
        as_xml(status, name, body)
    } else {
        Reply::json(status, body)
    }
}

fn as_xml(status: StatusCode, name: &str, body: &Value) -> Reply {
    let mut out = format!("<?xml version='1.0' encoding='UTF-8'?><TwilioResponse><{name}>");
    for (key, value) in body.as_object().into_iter().flatten() {
        let title: String = key.split('_').map(capital).collect();
        let text = value
            .as_str()
            .map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned);
        out.push_str(&format!("<{title}>{}</{title}>", xml(&text)));
    }
    out.push_str(&format!("</{name}></TwilioResponse>"));
    Reply::new(status, "application/xml", out)
}

fn capital(word: &str) -> String {
    word.get(..1).map_or(String::new(), |first| first.to_uppercase() + &word[1..])
}

fn not_found(request: &Request<'_>) -> Reply {
    error(request, StatusCode::NOT_FOUND, 20404, "The requested resource was not found")
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
