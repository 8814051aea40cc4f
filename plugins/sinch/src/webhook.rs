//! What webhooks say: of the SMS, the Conversation, the Voice and the Verification API, told apart by what stands in
//! them.

use crate::sends::CHANNELS;
use dndgate_adapter::{
    AddressKind, Channel, Event, EventKind, Severity, Spoken, Unreadable, Webhook,
    json::{self, Json, Value},
    sign,
};
use jiff::Timestamp;
use std::borrow::Cow;

/// What a webhook says.
pub(crate) fn events<'a>(webhook: &Webhook<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let body = json::read(webhook.body)?;
    let digest = || sign::to_hex(&sign::sha256(webhook.body));
    if let Some(name) = text(&body, "event") {
        return call(&body, &name, digest);
    }
    if let Some(name) = text(&body, "type") {
        return sms(&body, &name, digest);
    }
    conversation(&body, digest)
}

/// The SMS API: `type` says what it is.
fn sms<'a>(body: &Json<'a>, name: &str, digest: impl Fn() -> String) -> Result<Vec<Event<'a>>, Unreadable> {
    let event = |id, at: Option<Cow<'_, str>>, kind| Event {
        id,
        account: None,
        at: at.and_then(|at| time(&at)),
        kind,
    };
    Ok(match name {
        "mo_text" | "mo_media" | "mo_binary" => {
            let from = text(body, "from").ok_or_else(|| Unreadable::new("the message names no sender"))?;
            let media = body.get("body");
            let said = match name {
                "mo_text" => vec![text(body, "body")],
                "mo_media" => {
                    ["message", "subject"].map(|name| media.and_then(|media| text(media, name))).to_vec()
                }
                _ => Vec::new(),
            };
            let kind = EventKind::Message {
                channel: Channel::Sms,
                from_kind: AddressKind::Phone,
                from: number(from),
                spoken: Spoken { texts: said.into_iter().flatten().collect(), provider_meaning: None },
            };
            let at = text(body, "received_at").or_else(|| text(body, "sent_at"));
            vec![event(text(body, "id").unwrap_or_else(|| digest().into()), at, kind)]
        }
        "recipient_delivery_report_sms" | "recipient_delivery_report_mms" => {
            let at = text(body, "operator_status_at").or_else(|| text(body, "at"));
            let to = text(body, "recipient");
            vec![event(digest().into(), at, report(body, to))]
        }
        "delivery_report_sms" | "delivery_report_mms" => {
            let statuses = body.get("statuses").and_then(Json::as_array).unwrap_or_default();
            let mut all = Vec::new();
            for status in statuses {
                let people = status.get("recipients").and_then(Json::as_array).unwrap_or_default();
                for person in people {
                    let id = format!("{}/{}", digest(), all.len());
                    all.push(event(id.into(), None, report(status, scalar(person))));
                }
            }
            if all.is_empty() {
                all.push(event(digest().into(), None, EventKind::Other("report")));
            }
            all
        }
        _ => vec![event(digest().into(), None, EventKind::Other("other"))],
    })
}

/// What a report says of one person.
fn report<'a>(status: &Json<'a>, to: Option<Cow<'a, str>>) -> EventKind<'a> {
    let name = text(status, "status").unwrap_or_default();
    let failed = matches!(&*name, "Aborted" | "Rejected" | "Deleted" | "Failed" | "Expired");
    match to {
        Some(to) if failed => {
            // Where a remote centre deleted the message, the status says more than the code.
            let code = text(status, "code").filter(|code| &**code != "0" && &*name != "Deleted");
            EventKind::Failure {
                channel: Channel::Sms,
                to_kind: AddressKind::Phone,
                to: number(to),
                code: code.unwrap_or_else(|| name.clone()),
                severity: Severity::Unsaid,
                message: name,
            }
        }
        _ => EventKind::Other(if &*name == "Delivered" { "delivered" } else { "report" }),
    }
}

/// The Conversation API: one member says what it is.
fn conversation<'a>(body: &Json<'a>, digest: impl Fn() -> String) -> Result<Vec<Event<'a>>, Unreadable> {
    let at = text(body, "event_time").or_else(|| text(body, "accepted_time"));
    let at = at.and_then(|at| time(&at));
    let event = |id: Cow<'a, str>, kind| vec![Event { id, account: text(body, "project_id"), at, kind }];
    if let Some(message) = body.get("message").filter(|message| message.get("contact_message").is_some()) {
        let id = text(message, "id").unwrap_or_else(|| digest().into());
        return Ok(event(id, received(message)?));
    }
    if let Some(report) = body.get("message_delivery_report") {
        let id = format!(
            "{}/{}",
            text(report, "message_id").unwrap_or_default(),
            text(report, "status").unwrap_or_default()
        );
        return Ok(event(id.into(), undelivered(report)));
    }
    for (name, resumes) in [("opt_out_notification", false), ("opt_in_notification", true)] {
        let Some(notice) = body.get(name) else { continue };
        let (channel, kind) = way(&text(notice, "channel").unwrap_or_default());
        let worked = text(notice, "status").is_some_and(|status| status.ends_with("SUCCEEDED"));
        let address = text(notice, "identity");
        let said = match (channel, address) {
            (Some(channel), Some(address)) if worked => EventKind::Preference {
                channel,
                kind,
                address: if kind == AddressKind::Phone { number(address) } else { address },
                resumes,
                code: if resumes { "opt_in" } else { "opt_out" }.into(),
            },
            _ => EventKind::Other("preference"),
        };
        let id = text(notice, "request_id").unwrap_or_else(|| digest().into());
        return Ok(event(format!("{name}/{id}").into(), said));
    }
    Ok(event(digest().into(), EventKind::Other("other")))
}

fn received<'a>(message: &Json<'a>) -> Result<EventKind<'a>, Unreadable> {
    let identity = message.get("channel_identity");
    let identity = identity.ok_or_else(|| Unreadable::new("the message names no sender"))?;
    let (channel, kind) = way(&text(identity, "channel").unwrap_or_default());
    let from = text(identity, "identity").ok_or_else(|| Unreadable::new("the message names no sender"))?;
    // A channel of which there is no opt-out here.
    let Some(channel) = channel else { return Ok(EventKind::Other("message")) };
    let said = message.get("contact_message");
    let inside = |trail: [&str; 2]| said?.get(trail[0]).and_then(|one| text(one, trail[1]));
    let texts = [
        ["text_message", "text"],
        ["choice_response_message", "postback_data"],
        ["media_message", "caption"],
        ["media_card_message", "caption"],
        ["fallback_message", "raw_message"],
    ];
    Ok(EventKind::Message {
        channel,
        from_kind: kind,
        from: if kind == AddressKind::Phone { number(from) } else { from },
        spoken: Spoken { texts: texts.into_iter().filter_map(inside).collect(), provider_meaning: None },
    })
}

fn undelivered<'a>(report: &Json<'a>) -> EventKind<'a> {
    let failed = text(report, "status").is_some_and(|status| &*status == "FAILED");
    let identity = report.get("channel_identity");
    let (channel, kind) = way(&identity.and_then(|one| text(one, "channel")).unwrap_or_default());
    let to = identity.and_then(|one| text(one, "identity"));
    let reason = report.get("reason");
    match (failed, channel, to) {
        (true, Some(channel), Some(to)) => EventKind::Failure {
            channel,
            to_kind: kind,
            to: if kind == AddressKind::Phone { number(to) } else { to },
            code: reason.and_then(|reason| text(reason, "code")).unwrap_or("FAILED".into()),
            severity: Severity::Unsaid,
            message: reason.and_then(|reason| text(reason, "description")).unwrap_or_default(),
        },
        _ => EventKind::Other("report"),
    }
}

/// The channel that the Conversation API means.
fn way(name: &str) -> (Option<Channel>, AddressKind) {
    let row = CHANNELS.iter().find(|(one, ..)| *one == name);
    row.map_or((None, AddressKind::Phone), |(_, channels, kind)| (channels.first(), *kind))
}

/// Voice and Verification: `event` says what it is.
fn call<'a>(body: &Json<'a>, name: &str, digest: impl Fn() -> String) -> Result<Vec<Event<'a>>, Unreadable> {
    let at = text(body, "timestamp").and_then(|at| time(&at));
    let event = |id: Cow<'a, str>, kind| vec![Event { id, account: None, at, kind }];
    let from = match name {
        // Only a telephone: an app's own user calls by `MXP`.
        "ice" => text(body, "cli").filter(|_| {
            text(body, "originationType")
                .or_else(|| text(body, "domain"))
                .is_none_or(|way| way.eq_ignore_ascii_case("pstn"))
        }),
        "call.incoming" => body
            .get("call")
            .and_then(|call| call.get("from"))
            .and_then(|from| from.get("phone"))
            .and_then(|phone| text(phone, "number")),
        _ => None,
    };
    let id = text(body, "callid").or_else(|| body.get("call").and_then(|call| text(call, "callId")));
    let id = id.map_or_else(|| Cow::Owned(digest()), |id| Cow::Owned(format!("{name}/{id}")));
    Ok(match from {
        Some(from) => event(id, EventKind::InboundCall { from: number(from) }),
        None => event(
            digest().into(),
            EventKind::Other(if name.starts_with("Verification") { "verification" } else { "call" }),
        ),
    })
}

/// Is it an event of a call, whose answer gives instructions?
pub(crate) fn is_call(webhook: &Webhook<'_>) -> bool {
    json::read(webhook.body).is_ok_and(|body| body.get("event").is_some())
}

/// Is it an event of the first generation of Voice? Those of the second have a dot in their names.
pub(crate) fn is_of_first_generation(webhook: &Webhook<'_>) -> bool {
    json::read(webhook.body).is_ok_and(|body| text(&body, "event").is_some_and(|name| !name.contains('.')))
}

/// Who wrote to which number, for a confirmation.
pub(crate) fn written_to(webhook: &Webhook<'_>) -> Option<(String, String)> {
    let body = json::read(webhook.body).ok()?;
    text(&body, "type").filter(|name| name.starts_with("mo_"))?;
    Some((text(&body, "from")?.into_owned(), text(&body, "to")?.into_owned()))
}

/// Sinch writes numbers without +.
fn number(written: Cow<'_, str>) -> Cow<'_, str> {
    let is_bare = written.bytes().next().is_some_and(|first| first.is_ascii_digit() && first != b'0');
    if is_bare { Cow::Owned(format!("+{written}")) } else { written }
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

fn text<'a>(json: &Json<'a>, name: &str) -> Option<Cow<'a, str>> {
    json.get(name).and_then(scalar)
}

fn scalar<'a>(json: &Json<'a>) -> Option<Cow<'a, str>> {
    match &json.value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(digits) => Some(Cow::Borrowed(digits)),
        _ => None,
    }
}
