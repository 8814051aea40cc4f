//! Errors in Vonage's shapes.

use dndgate_adapter::{Channel, Head, Refusal, RefusalCause, Reply, request::xml};
use http::StatusCode;
use serde_json::json;

/// In which shape an API tells errors.
enum Shape {
    /// The SMS API: a 200, the error beside each message. `true`: in XML.
    Sms(bool),
    /// The first verification API: a 200 with a status.
    Verify(bool),
    /// The others: a problem (RFC 9457).
    Problem(&'static str),
}

fn shape(path: &str) -> Shape {
    let path = path.trim_matches('/');
    let is_xml = path.ends_with("xml");
    match path.split('/').next().unwrap_or(path) {
        "sms" | "sc" | "ussd" | "ussd-prompt" | "tts" | "tts-prompt" | "call" => Shape::Sms(is_xml),
        "verify" => Shape::Verify(is_xml),
        _ if path.starts_with("v1/calls") => Shape::Problem("voice"),
        _ if path.starts_with("v2/verify") => Shape::Problem("verify"),
        _ => Shape::Problem("messages"),
    }
}

/// Renders a refusal.
pub(crate) fn refuse(head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
    let is_ours = matches!(
        refusal.cause,
        RefusalCause::Blocked | RefusalCause::Unreadable | RefusalCause::Account | RefusalCause::Signature
    );
    let detail = format!("{} [Do-Not-Disturb gateway, request {}]", refusal.message, refusal.request_id);
    let shape = if is_ours { shape(head.path) } else { Shape::Problem("messages") };
    match shape {
        Shape::Sms(is_xml) => sms(refusal, &detail, is_xml),
        Shape::Verify(is_xml) => verify(refusal, &detail, is_xml),
        Shape::Problem(api) => problem(refusal, &detail, api),
    }
}

/// "API errors, SMS": 7 is a barred number, 3 an invalid parameter, 8 a barred account.
fn sms(refusal: &Refusal<'_>, detail: &str, is_xml: bool) -> Reply {
    let (status, title) = match refusal.cause {
        RefusalCause::Blocked => ("7", "Number barred"),
        RefusalCause::Unreadable => ("3", "Invalid params"),
        _ => ("8", "Partner account barred"),
    };
    let to = refusal.address.unwrap_or_default();
    let text = format!("{title}: {detail}");
    if is_xml {
        let body = format!(
            "<?xml version='1.0' encoding='UTF-8' ?>\n<mt-submission-response>\n  <messages count='1'>\n    <message>\n      \
             <to>{}</to>\n      <status>{status}</status>\n      <errorText>{}</errorText>\n    </message>\n  </messages>\n\
             </mt-submission-response>\n",
            xml(to),
            xml(&text)
        );
        return Reply::new(StatusCode::OK, "application/xml", body);
    }
    let mut message = json!({ "to": to, "status": status, "error-text": text });
    if let Some(reason) = refusal.reason {
        message["dnd-reason"] = reason.into();
    }
    Reply::json(StatusCode::OK, &json!({ "message-count": "1", "messages": [message] }))
}

/// "API errors, Verify (legacy)": 7 is a number on the block list, 3 an invalid parameter, 8 a barred account.
fn verify(refusal: &Refusal<'_>, detail: &str, is_xml: bool) -> Reply {
    let status = match refusal.cause {
        RefusalCause::Blocked => "7",
        RefusalCause::Unreadable => "3",
        _ => "8",
    };
    if is_xml {
        let body = format!(
            "<?xml version='1.0' encoding='UTF-8' ?>\n<verify_response><status>{status}</status><error_text>{}</error_text>\
             </verify_response>\n",
            xml(detail)
        );
        return Reply::new(StatusCode::OK, "application/xml", body);
    }
    let mut body = json!({ "status": status, "error_text": detail });
    if let Some(reason) = refusal.reason {
        body["dnd_reason"] = reason.into();
    }
    Reply::json(StatusCode::OK, &body)
}

/// "API errors, Messages": 1050 is a barred number, 1020 an invalid parameter. Which status comes with them is not
/// written down; a 422 is what its validation answers.
fn problem(refusal: &Refusal<'_>, detail: &str, api: &str) -> Reply {
    let (status, fragment, title) = match refusal.cause {
        RefusalCause::Blocked => (StatusCode::UNPROCESSABLE_ENTITY, "1050", "Number barred"),
        RefusalCause::Unreadable => (StatusCode::UNPROCESSABLE_ENTITY, "1020", "Invalid params"),
        RefusalCause::Account | RefusalCause::Signature => (StatusCode::FORBIDDEN, "forbidden", "Forbidden"),
        RefusalCause::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "1020", "Payload too large"),
        cause => (cause.status(), "1030", "Internal error"),
    };
    let body = json!({
        "type": format!("https://developer.vonage.com/api-errors/{api}#{fragment}"),
        "title": title,
        "detail": detail,
        "instance": refusal.request_id,
        "dnd_channel": refusal.channel.map(Channel::name),
        "dnd_reason": refusal.reason,
    });
    Reply::new(status, "application/problem+json", body.to_string())
}
