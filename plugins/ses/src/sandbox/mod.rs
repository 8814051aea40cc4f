//! The stand-in of SES and SNS for the demo and for tests. It asks for no signature, and suppresses nobody.
//!
//! Its SNS signs with a key that everybody can read here, and whose certificate is at the stand-in alone: who calls
//! Amazon asks Amazon for the certificate.

use crate::{
    TOPIC,
    path::{Point, point},
    raw::Raw,
    v1, v2,
};
use dndgate_adapter::{
    Channel, Outbound, Reply, Request, Secrets, Sending, form,
    json::Json,
    outbound::Call,
    request::xml,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
    sign,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use jiff::{Timestamp, ToSpan as _};
use mail_parser::MessageParser;
use ring::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::{Value, json};

/// The stand-in.
#[derive(Debug)]
pub(crate) struct SesSandbox;

const CERTIFICATE: &str = include_str!("certificate.pem");
const KEY: &str = include_str!("key.pem");
const CERTIFICATE_URL: &str =
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-00000000000000000000000000000000.pem";

impl Sandbox for SesSandbox {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        if request.head.host.is_some_and(|host| host.starts_with("sns.")) {
            return quiet(sns(request));
        }
        let Ok(Some(point)) = point(&request.head) else {
            return quiet(error(StatusCode::NOT_FOUND, "UnknownOperationException", "no such operation"));
        };
        if point == Point::Query { query(request, serial) } else { rest(request, point, serial) }
    }

    fn inbound(
        &self,
        message: &Inbound<'_>,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        now: Timestamp,
    ) -> Call {
        let id = format!("{serial}@sandbox");
        let content = format!(
            "From: {}\r\nTo: {}\r\nSubject: {}\r\nMessage-ID: <{id}>\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n{}\r\n",
            message.from,
            message.to,
            message.text.lines().next().unwrap_or_default(),
            message.text
        );
        let told = json!({
            "notificationType": "Received",
            "mail": {
                "timestamp": now.to_string(), "source": message.from, "messageId": id,
                "destination": [message.to], "headersTruncated": false, "headers": [],
                "commonHeaders": {
                    "from": [message.from], "to": [message.to], "messageId": format!("<{id}>"),
                    "subject": message.text.lines().next().unwrap_or_default(),
                },
            },
            "receipt": {
                "timestamp": now.to_string(), "recipients": [message.to],
                "action": { "type": "SNS", "topicArn": secrets.first(TOPIC), "encoding": "UTF8" },
            },
            "content": content,
        });
        publish(&told, url, secrets, serial, now)
    }

    /// `code` is `bounceType/bounceSubType`, or `complaint` or `unsubscribe`.
    fn failure(
        &self,
        delivered: &Delivered,
        code: &str,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        now: Timestamp,
    ) -> Call {
        let mail = json!({
            "timestamp": now.saturating_sub(1.second()).unwrap_or(now).to_string(), "source": delivered.from,
            "messageId": delivered.id, "destination": [delivered.to],
        });
        let at = now.to_string();
        let told = match code {
            "complaint" => json!({ "eventType": "Complaint", "mail": mail, "complaint": {
                "complainedRecipients": [{ "emailAddress": delivered.to }], "timestamp": at,
                "feedbackId": serial.to_string(), "complaintFeedbackType": "abuse",
            } }),
            "unsubscribe" => json!({ "eventType": "Subscription", "mail": mail, "subscription": {
                "contactList": "sandbox", "timestamp": at, "source": "UnsubscribeHeader",
                "newTopicPreferences": { "unsubscribeAll": true },
                "oldTopicPreferences": { "unsubscribeAll": false },
            } }),
            _ => {
                let (kind, sub) = code.split_once('/').unwrap_or((code, "General"));
                json!({ "eventType": "Bounce", "mail": mail, "bounce": {
                    "bounceType": kind, "bounceSubType": sub, "timestamp": at, "feedbackId": serial.to_string(),
                    "bouncedRecipients": [{
                        "emailAddress": delivered.to, "action": "failed", "status": "5.1.1",
                        "diagnosticCode": "smtp; 550 5.1.1 user unknown",
                    }],
                } })
            }
        };
        publish(&told, url, secrets, serial, now)
    }
}

/// SNS: its certificate, and the confirmation of a subscription.
fn sns(request: &Request<'_>) -> Reply {
    if request.head.path.ends_with(".pem") {
        return Reply::new(StatusCode::OK, "application/x-pem-file", CERTIFICATE);
    }
    let body = "<ConfirmSubscriptionResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"/>";
    Reply::new(StatusCode::OK, "text/xml", body)
}

/// What a person would see of a mail.
struct Shown {
    from: String,
    text: String,
}

fn rest(request: &Request<'_>, point: Point, serial: u64) -> Answered {
    match point {
        Point::Nobody => return quiet(other(request)),
        Point::Unnamed(_) => return quiet(Reply::json(StatusCode::OK, &json!({}))),
        _ => {}
    }
    let (read, send) = match (v2::Read::new(request), v2::read(request, point)) {
        (Ok(read), Ok(Outbound::Send(send))) => (read, send),
        (Ok(_), Ok(_)) => return quiet(Reply::json(StatusCode::OK, &json!({}))),
        (Err(why), _) | (_, Err(why)) => {
            return quiet(error(StatusCode::BAD_REQUEST, "BadRequestException", &why.message));
        }
    };
    let shown = Shown { from: send.sender.to_string(), text: content(&read) };
    let body = match point {
        Point::Bulk => {
            let entries = read.entries().map(<[_]>::len).unwrap_or_default();
            let results = (0..entries)
                .map(|entry| json!({ "Status": "SUCCESS", "MessageId": id(serial, entry) }))
                .collect::<Vec<_>>();
            json!({ "BulkEmailEntryResults": results })
        }
        _ => json!({ "MessageId": id(serial, 0) }),
    };
    let mails = if point == Point::Bulk { v2::mails(&read) } else { vec![send.recipients.len()] };
    Answered {
        reply: Reply::json(StatusCode::OK, &body),
        delivered: delivered(&send, &mails, &shown, serial),
    }
}

fn query(request: &Request<'_>, serial: u64) -> Answered {
    let form = form::read(request.body).unwrap_or_default();
    let field = |name: &str| form.all(name).next().map(|pair| pair.value.to_string()).unwrap_or_default();
    let action = field("Action");
    let respond = |result: &str| {
        let body = format!(
            "<{action}Response xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\"><{action}Result>{result}\
             </{action}Result><ResponseMetadata><RequestId>{serial}</RequestId></ResponseMetadata></{action}Response>"
        );
        Reply::new(StatusCode::OK, "text/xml", body)
    };
    let send = match v1::read(request) {
        Ok(Outbound::Send(send)) => send,
        Ok(_) => return quiet(respond("")),
        Err(why) => {
            let body = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameterValue</Code><Message>{}</Message>\
                 </Error><RequestId>{serial}</RequestId></ErrorResponse>",
                xml(&why.message)
            );
            return quiet(Reply::new(StatusCode::BAD_REQUEST, "text/xml", body));
        }
    };
    let mails = if send.kind == "bulk" { v1::mails(request) } else { vec![send.recipients.len()] };
    let texts = ["Message.Subject.Data", "Message.Body.Text.Data", "Message.Body.Html.Data", "Template"];
    let texts = texts.iter().map(|name| field(name)).filter(|text| !text.is_empty());
    let text = match Raw::read(&field("RawMessage.Data")) {
        Ok(raw) if !raw.message.is_empty() => raw_text(&raw),
        _ => texts.collect::<Vec<_>>().join(": "),
    };
    let shown = Shown { from: send.sender.to_string(), text };
    let reply = if send.kind == "bulk" {
        let member = |mail| {
            format!("<member><Status>Success</Status><MessageId>{}</MessageId></member>", id(serial, mail))
        };
        let members: String = (0..mails.len()).map(member).collect();
        respond(&format!("<Status>{members}</Status>"))
    } else {
        respond(&format!("<MessageId>{}</MessageId>", id(serial, 0)))
    };
    Answered { reply, delivered: delivered(&send, &mails, &shown, serial) }
}

/// As SES writes ids.
fn id(serial: u64, mail: usize) -> String {
    format!("{serial:016x}-{mail:04}-000000")
}

fn delivered(send: &Sending<'_>, mails: &[usize], shown: &Shown, serial: u64) -> Vec<Delivered> {
    let of = mails.iter().enumerate().flat_map(|(mail, people)| std::iter::repeat_n(mail, *people));
    let one = |(person, mail): (&dndgate_adapter::Recipient<'_>, usize)| Delivered {
        id: id(serial, mail),
        channel: Channel::Email,
        from: shown.from.clone(),
        to: person.address.to_string(),
        text: shown.text.clone(),
        callback: String::new(),
    };
    send.recipients.iter().zip(of).map(one).collect()
}

fn content(read: &v2::Read<'_>) -> String {
    if let Some(raw) = &read.raw {
        return raw_text(raw);
    }
    let content = read.json.get("Content").or_else(|| read.json.get("DefaultContent"));
    let text = |path: &[&str]| {
        let found = path.iter().try_fold(content?, |json, name| json.get(name));
        found.and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let body =
        text(&["Simple", "Body", "Text", "Data"]).or_else(|| text(&["Simple", "Body", "Html", "Data"]));
    let body = body.or_else(|| text(&["Template", "TemplateName"])).unwrap_or_default();
    text(&["Simple", "Subject", "Data"]).map_or(body.clone(), |subject| format!("{subject}: {body}"))
}

fn raw_text(raw: &Raw) -> String {
    let message = MessageParser::default().parse(&raw.message);
    message.map_or_else(String::new, |message| {
        let text = message.body_text(0).unwrap_or_default();
        format!("{}: {}", message.subject().unwrap_or_default(), text.trim())
    })
}

/// Everything that sends nothing.
fn other(request: &Request<'_>) -> Reply {
    let path = request.head.path;
    if path.starts_with("/v2/email/suppression/addresses/") {
        let message = "the address is not on the suppression list of the account";
        return error(StatusCode::NOT_FOUND, "NotFoundException", message);
    }
    let body = match path {
        "/v2/email/suppression/addresses" if *request.head.method == Method::GET => {
            json!({ "SuppressedDestinationSummaries": [] })
        }
        "/v2/email/email-address-insights/" => {
            json!({ "MailboxValidation": { "IsValid": { "ConfidenceVerdict": "HIGH" } } })
        }
        _ => json!({}),
    };
    Reply::json(StatusCode::OK, &body)
}

fn error(status: StatusCode, kind: &'static str, message: &str) -> Reply {
    let mut reply = Reply::json(status, &json!({ "message": message }));
    reply.headers.push((HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(kind)));
    reply
}

fn quiet(reply: Reply) -> Answered {
    Answered { reply, delivered: Vec::new() }
}

/// A notification, signed as SNS signs.
fn publish(told: &Value, url: &str, secrets: &Secrets, serial: u64, now: Timestamp) -> Call {
    let id = uuid_like(serial, now);
    let topic = secrets.first(TOPIC).unwrap_or_default();
    let (message, at) = (told.to_string(), format!("{}", now.strftime("%Y-%m-%dT%H:%M:%S.%3fZ")));
    let signed = format!(
        "Message\n{message}\nMessageId\n{id}\nSubject\nAmazon SES notification\nTimestamp\n{at}\nTopicArn\n{topic}\nType\nNotification\n"
    );
    let body = json!({
        "Type": "Notification", "MessageId": id, "TopicArn": topic, "Subject": "Amazon SES notification",
        "Message": message, "Timestamp": at, "SignatureVersion": "2",
        "Signature": sign::to_base64(&signature(signed.as_bytes())), "SigningCertURL": CERTIFICATE_URL,
        "UnsubscribeURL": format!("https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={topic}:0"),
    });
    let fields = [
        ("x-amz-sns-message-type", "Notification"),
        ("x-amz-sns-message-id", &id),
        ("x-amz-sns-topic-arn", topic),
    ];
    let fields = fields.map(|(name, value)| (HeaderName::from_static(name), value.to_owned()));
    sandbox::webhook(url, "text/plain; charset=UTF-8", body.to_string(), fields)
}

fn uuid_like(serial: u64, now: Timestamp) -> String {
    let digits = sign::to_hex(&sign::sha256(format!("{serial} {now}").as_bytes()));
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..32]].join("-")
}

/// The stand-in's own key is good, and signing fails with bad keys alone.
fn signature(message: &[u8]) -> Vec<u8> {
    let signed = || {
        let key = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).ok()?;
        let pair = KeyPair::from_pkcs8(key.secret_pkcs8_der()).ok()?;
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(signature)
    };
    signed().unwrap_or_default()
}
