//! Webhooks: whether they are Postmark's, and what they say.

use crate::{WEBHOOK_SECRET, inbound};
use dndgate_adapter::{
    AddressKind, Channel, Event, EventKind, Forged, Proof, Secrets, Severity, Unreadable, Webhook,
    json::{self, Json, Value},
    mailbox, sign,
};
use jiff::Timestamp;
use std::borrow::Cow;

/// The header field that may bear the secret: Postmark adds to a webhook's requests what one tells it to.
const FIELD: &str = "x-webhook-secret";
/// The most characters of a mail server's words that are kept.
const MESSAGE_CHARS_MAX: usize = 300;

/// Postmark signs nothing: whoever knows the secret is believed.
pub(crate) fn verify(webhook: &Webhook<'_>, secrets: &Secrets) -> Result<Proof, Forged> {
    if webhook.bears(secrets.all(WEBHOOK_SECRET), &[FIELD]) {
        Ok(Proof::default())
    } else {
        Err(Forged("it does not bear the webhook_secret (HTTP basic auth, or the field X-Webhook-Secret)"))
    }
}

/// What a webhook says. One webhook holds one event.
pub(crate) fn events<'a>(webhook: &Webhook<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let body = json::read(webhook.body)?;
    let record = text(&body, "RecordType");
    let kind = match record.as_deref() {
        None | Some("Inbound") => inbound::event(&body)?,
        Some("Bounce") => bounce(&body)?,
        Some("SpamComplaint") => complaint(address(&body, &["Email"])?),
        Some("SubscriptionChange") => subscription(&body)?,
        Some("Delivery") => EventKind::Other("delivered"),
        Some("Open") => EventKind::Other("opened"),
        Some("Click") => EventKind::Other("clicked"),
        Some(_) => EventKind::Other("other"),
    };
    let id = match (record.as_deref(), body.get("ID").and_then(scalar)) {
        (Some(record @ ("Bounce" | "SpamComplaint")), Some(id)) => format!("{record}/{id}"),
        // The others have none; a repetition has the same bytes.
        _ => sign::to_hex(&sign::sha256(webhook.body)),
    };
    let at =
        ["BouncedAt", "ChangedAt", "DeliveredAt", "ReceivedAt"].iter().find_map(|name| text(&body, name));
    let at = at.and_then(|at| at.parse::<Timestamp>().ok());
    Ok(vec![Event { id: id.into(), account: None, at, kind }])
}

fn bounce<'a>(body: &Json<'a>) -> Result<EventKind<'a>, Unreadable> {
    let code = text(body, "Type").ok_or_else(|| Unreadable::new("the bounce has no Type"))?;
    let to = address(body, &["Email"])?;
    match &*code {
        "SpamComplaint" => return Ok(complaint(to)),
        "Unsubscribe" => return Ok(unsubscribe(to)),
        // Says something of the business's own inbox or of what stands in the mail, and names nobody surely.
        "InboundError" | "TemplateRenderingFailed" | "OpenRelayTest" => {
            return Ok(EventKind::Other("failed"));
        }
        _ => {}
    }
    let inactive = body.get("Inactive").map(|flag| flag.value == Value::Bool(true));
    let severity = match (inactive, &*code) {
        (Some(true), _) => Severity::Permanent,
        (_, "Transient" | "DnsError" | "SoftBounce" | "AutoResponder" | "ChallengeVerification") => {
            Severity::Temporary
        }
        // Postmark would deliver to the person again.
        (Some(false), "SpamNotification") => Severity::Temporary,
        _ => Severity::Unsaid,
    };
    let words = ["Details", "Description"].iter().filter_map(|name| text(body, name));
    let message = words.filter(|words| !words.is_empty()).collect::<Vec<_>>().join(" ");
    Ok(EventKind::Failure {
        channel: Channel::Email,
        to_kind: AddressKind::Email,
        to,
        code,
        severity,
        message: message.chars().take(MESSAGE_CHARS_MAX).collect::<String>().into(),
    })
}

/// Postmark's own suppression list changed. That somebody is off it is no wish to be written to again.
fn subscription<'a>(body: &Json<'a>) -> Result<EventKind<'a>, Unreadable> {
    if body.get("SuppressSending").map(|flag| &flag.value) != Some(&Value::Bool(true)) {
        return Ok(EventKind::Other("reactivated"));
    }
    let to = address(body, &["Recipient"])?;
    let reason = text(body, "SuppressionReason").unwrap_or_default();
    let by_person = text(body, "Origin").is_none_or(|origin| origin == "Recipient");
    Ok(match &*reason {
        "SpamComplaint" => complaint(to),
        "ManualSuppression" if by_person => unsubscribe(to),
        "" => unsubscribe(to),
        _ => EventKind::Failure {
            channel: Channel::Email,
            to_kind: AddressKind::Email,
            to,
            code: reason,
            severity: Severity::Permanent,
            message: "Postmark suppresses mail to the address".into(),
        },
    })
}

fn complaint(address: Cow<'_, str>) -> EventKind<'_> {
    EventKind::Complaint { channel: Channel::Email, kind: AddressKind::Email, address }
}

fn unsubscribe(address: Cow<'_, str>) -> EventKind<'_> {
    EventKind::Unsubscribe { channel: Channel::Email, kind: AddressKind::Email, address }
}

/// The address in the first of these fields that holds one.
pub(crate) fn address<'a>(body: &Json<'a>, names: &[&str]) -> Result<Cow<'a, str>, Unreadable> {
    let found = names.iter().filter_map(|name| text(body, name)).map(bare).find(|text| text.contains('@'));
    found.ok_or_else(|| Unreadable::new("the webhook names no address"))
}

/// The address of a text that may hold a name too.
fn bare(text: Cow<'_, str>) -> Cow<'_, str> {
    let read = mailbox::read(&text).unwrap_or_default();
    let named = match &read[..] {
        [one] if one.address != text => Some(one.address.to_string()),
        _ => None,
    };
    drop(read);
    named.map_or(text, Cow::Owned)
}

pub(crate) fn text<'a>(body: &Json<'a>, name: &str) -> Option<Cow<'a, str>> {
    body.get(name)?.text()
}

fn scalar<'a>(value: &Json<'a>) -> Option<Cow<'a, str>> {
    match &value.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(digits) => Some(Cow::Borrowed(digits)),
        _ => None,
    }
}
