//! Refusals in Twilio's own shape, so that its SDKs raise their own exceptions with the codes that callers
//! know.

use crate::endpoints::{self, Format};
use dndgate_adapter::{Channel, Head, Refusal, RefusalCause, Reply, request::xml};
use http::StatusCode;
use serde::Serialize;
use std::borrow::Cow;

/// The recipient of a message opted out.
const UNSUBSCRIBED: u32 = 21610;
/// The destination of a call is barred.
const BARRED: u32 = 21216;

/// See [`dndgate_adapter::Adapter::refuse`].
pub(crate) fn refuse(head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
    let status = refusal.cause.status();
    let is_voice = endpoints::find(head).is_ok_and(|found| found.is_some_and(endpoints::Endpoint::is_voice));
    let (code, message): (u32, Cow<'_, str>) = match refusal.cause {
        RefusalCause::Blocked if is_voice || refusal.channel == Some(Channel::Call) => {
            let whom = refusal.address.unwrap_or("this number");
            (BARRED, format!("Account not allowed to call {whom}").into())
        }
        RefusalCause::Blocked => (UNSUBSCRIBED, "Attempt to send to unsubscribed recipient".into()),
        RefusalCause::Unreadable => {
            let code = refusal.code.or(invalid_address(refusal, is_voice)).unwrap_or_else(|| general(status));
            (code, refusal.message.into())
        }
        _ => (general(status), refusal.message.into()),
    };
    match endpoints::format(head) {
        Format::Xml => as_xml(status, code, &message),
        Format::Json | Format::Csv => as_json(status, code, &message, refusal),
    }
}

/// The gateway names the channel of an unreadable request when it is the address that cannot be read.
fn invalid_address(refusal: &Refusal<'_>, is_voice: bool) -> Option<u32> {
    match refusal.channel? {
        Channel::Email => None,
        _ if is_voice => Some(21217),
        _ => Some(21211),
    }
}

/// Twilio's general codes are 20000 and the status, such as 20404.
fn general(status: StatusCode) -> u32 {
    20000 + u32::from(status.as_u16())
}

fn more_info(code: u32) -> String {
    format!("https://www.twilio.com/docs/errors/{code}")
}

fn as_json(status: StatusCode, code: u32, message: &str, refusal: &Refusal<'_>) -> Reply {
    // Never with both `type` and `title`: the SDKs would raise another exception, without the code.
    let envelope = Envelope {
        code,
        message,
        more_info: &more_info(code),
        status: status.as_u16(),
        details: Details {
            dnd_channel: refusal.channel.map(Channel::name),
            dnd_reason: refusal.reason,
            dnd_message: (refusal.message != message).then_some(refusal.message),
            request_id: refusal.request_id,
        },
    };
    Reply::new(status, "application/json", serde_json::to_vec(&envelope).unwrap_or_default())
}

/// Twilio's error body, in its order. Written straight out: refusals are the busiest answers of a campaign.
#[derive(Serialize)]
struct Envelope<'a> {
    code: u32,
    message: &'a str,
    more_info: &'a str,
    status: u16,
    details: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    dnd_channel: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dnd_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dnd_message: Option<&'a str>,
    request_id: &'a str,
}

fn as_xml(status: StatusCode, code: u32, message: &str) -> Reply {
    let body = format!(
        "<?xml version='1.0' encoding='UTF-8'?><TwilioResponse><RestException><Code>{code}</Code><Message>{}</Message>\
         <MoreInfo>{}</MoreInfo><Status>{}</Status></RestException></TwilioResponse>",
        xml(message),
        more_info(code),
        status.as_u16(),
    );
    Reply::new(status, "application/xml", body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};

    fn refused(path: &str, cause: RefusalCause, channel: Option<Channel>) -> (StatusCode, String) {
        let headers = HeaderMap::new();
        let (host, path) = match path.strip_prefix("//") {
            Some(rest) => rest.split_once('/').map(|(host, _)| (Some(host), &rest[host.len()..])).unwrap(),
            None => (None, path),
        };
        let head = Head { method: &Method::POST, host, path, query: None, headers: &headers };
        let refusal = Refusal {
            cause,
            message: "why <not>",
            address: (cause == RefusalCause::Blocked).then_some("+14155550100"),
            channel,
            reason: Some("keyword"),
            code: None,
            request_id: "r1",
        };
        let reply = refuse(&head, &refusal);
        (reply.status, String::from_utf8(reply.body).unwrap())
    }

    #[test]
    fn r12_a_blocked_message_is_21610_in_the_format_asked_for() {
        let (status, body) =
            refused("/2010-04-01/Accounts/AC1/Messages.json", RefusalCause::Blocked, Some(Channel::Sms));
        assert_eq!(status, 400);
        assert_eq!(
            body,
            r#"{"code":21610,"message":"Attempt to send to unsubscribed recipient","more_info":"https://www.twilio.com/docs/errors/21610","status":400,"details":{"dnd_channel":"SMS","dnd_reason":"keyword","dnd_message":"why <not>","request_id":"r1"}}"#
        );
        let xml = "<?xml version='1.0' encoding='UTF-8'?><TwilioResponse><RestException><Code>21610</Code><Message>Attempt to send \
                   to unsubscribed recipient</Message><MoreInfo>https://www.twilio.com/docs/errors/21610</MoreInfo><Status>400\
                   </Status></RestException></TwilioResponse>";
        for path in [
            "/2010-04-01/Accounts/AC1/Messages",
            "/2010-04-01/Accounts/AC1/Messages.xml",
            "/2010-04-01/Accounts/AC1/SMS/Messages",
        ] {
            assert_eq!(refused(path, RefusalCause::Blocked, Some(Channel::Sms)).1, xml, "{path}");
        }
        let (_, body) =
            refused("/2010-04-01/Accounts/AC1/Messages.csv", RefusalCause::Blocked, Some(Channel::Sms));
        assert!(body.starts_with(r#"{"code":21610,"#));
        let (_, body) =
            refused("//studio.twilio.com/v2/Flows/FW1/Executions", RefusalCause::Blocked, Some(Channel::Sms));
        assert!(body.starts_with(r#"{"code":21610,"#));
    }

    #[test]
    fn r12_a_blocked_call_is_21216() {
        for path in [
            "/2010-04-01/Accounts/AC1/Calls.json",
            "/2010-04-01/Accounts/AC1/Conferences/CF1/Participants.json",
            "/2010-04-01/Accounts/AC1/OutgoingCallerIds.json",
        ] {
            let (status, body) = refused(path, RefusalCause::Blocked, Some(Channel::WhatsApp));
            assert_eq!(status, 400);
            assert!(
                body.starts_with(r#"{"code":21216,"message":"Account not allowed to call +14155550100","#),
                "{body}"
            );
        }
        let (_, body) = refused(
            "//verify.twilio.com/v2/Services/VA1/Verifications",
            RefusalCause::Blocked,
            Some(Channel::Call),
        );
        assert!(body.starts_with(r#"{"code":21216,"#), "{body}");
    }

    #[test]
    fn r12_other_causes_have_their_status_and_never_type_and_title() {
        for (cause, status, code) in [
            (RefusalCause::Unreadable, 400, 20400),
            (RefusalCause::Account, 403, 20403),
            (RefusalCause::TooLarge, 413, 20413),
            (RefusalCause::BadGateway, 502, 20502),
            (RefusalCause::Unavailable, 503, 20503),
            (RefusalCause::GatewayTimeout, 504, 20504),
        ] {
            let (answered, body) = refused("/2010-04-01/Accounts/AC1/Messages.json", cause, None);
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(answered, status);
            assert_eq!(
                (body["code"].as_u64(), body["status"].as_u64()),
                (Some(code), Some(u64::from(answered.as_u16())))
            );
            assert_eq!(body["message"], "why <not>");
            assert!(body.get("type").is_none() && body.get("title").is_none());
        }
        let (_, body) = refused("/2010-04-01/Accounts/AC1/Messages", RefusalCause::Unreadable, None);
        assert!(body.contains("<Message>why &lt;not&gt;</Message>"), "{body}");
        let (_, body) =
            refused("/2010-04-01/Accounts/AC1/Calls.json", RefusalCause::Unreadable, Some(Channel::Call));
        assert!(body.starts_with(r#"{"code":21217,"#), "{body}");
    }
}
