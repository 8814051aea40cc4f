//! What webhooks say: notifications of an identity (`notificationType`) and event publishing of a configuration set
//! (`eventType`), which name the same things ("Amazon SNS notification contents", "Examples of event data", SES
//! developer guide). Mail that came in is in [`crate::inbound`].

use crate::{inbound, sns::Message};
use dndgate_adapter::{
    AddressKind, Channel, Event, EventKind, Severity, Unreadable, Webhook,
    json::{self, Json, Value},
    mailbox,
};
use jiff::Timestamp;
use std::borrow::Cow;

/// The most characters of a mail server's words that are kept.
const MESSAGE_CHARS_MAX: usize = 300;

/// The events in a webhook.
pub(crate) fn events<'a>(webhook: &Webhook<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let message = Message::read(webhook.body).ok_or_else(|| Unreadable::new("it is no message of SNS"))?;
    let id = message.text("MessageId").unwrap_or_default();
    let account = message.text("TopicArn");
    let published = message.text("Timestamp").and_then(|at| at.parse().ok());
    let told = match message.text("Type").as_deref() {
        Some("Notification") => notification(&message.text("Message").unwrap_or_default())?,
        Some("SubscriptionConfirmation") => vec![(None, EventKind::Other("subscription_confirmation"))],
        Some("UnsubscribeConfirmation") => vec![(None, EventKind::Other("unsubscribe_confirmation"))],
        _ => vec![(None, EventKind::Other("other"))],
    };
    let events = told.into_iter().enumerate().map(|(index, (at, kind))| Event {
        id: Cow::Owned(format!("{id}/{index}")),
        account: account.clone(),
        at: at.or(published),
        kind,
    });
    Ok(events.collect())
}

type Told = (Option<Timestamp>, EventKind<'static>);

fn notification(text: &str) -> Result<Vec<Told>, Unreadable> {
    if text.starts_with("Successfully validated SNS topic") {
        return Ok(vec![(None, EventKind::Other("topic_validated"))]);
    }
    let told = json::read(text.as_bytes())?;
    let kind = told.get("eventType").or_else(|| told.get("notificationType")).and_then(Json::as_str);
    Ok(match kind.ok_or_else(|| Unreadable::new("the notification is none of SES"))? {
        "Bounce" => bounce(told.get("bounce").ok_or_else(|| Unreadable::new("the bounce is missing"))?)?,
        "Complaint" => {
            complaint(told.get("complaint").ok_or_else(|| Unreadable::new("the complaint is missing"))?)?
        }
        "Subscription" => subscription(&told)?,
        "Received" => inbound::events(&told)?,
        other => vec![(told.get("mail").and_then(at), EventKind::Other(name(other)))],
    })
}

/// Names for metrics: few.
fn name(kind: &str) -> &'static str {
    match kind {
        "Delivery" => "delivered",
        "Send" => "sent",
        "Reject" => "rejected",
        "Open" => "opened",
        "Click" => "clicked",
        "RenderingFailure" | "Rendering Failure" => "rendering_failure",
        "DeliveryDelay" => "delayed",
        "AmazonSnsSubscriptionSucceeded" => "topic_validated",
        _ => "other",
    }
}

/// A bounce names everybody of the mail whom it concerns. Its code is `bounceType/bounceSubType`.
fn bounce(bounce: &Json<'_>) -> Result<Vec<Told>, Unreadable> {
    let kind = text(bounce, "bounceType").unwrap_or("Undetermined");
    let code = format!("{kind}/{}", text(bounce, "bounceSubType").unwrap_or("Undetermined"));
    let severity = match kind {
        "Permanent" => Severity::Permanent,
        "Transient" => Severity::Temporary,
        _ => Severity::Unsaid,
    };
    people(bounce, "bouncedRecipients", |one, to| {
        let words = ["status", "diagnosticCode"].iter().filter_map(|name| text(one, name));
        let message: String = words.collect::<Vec<_>>().join(" ").chars().take(MESSAGE_CHARS_MAX).collect();
        EventKind::Failure {
            channel: Channel::Email,
            to_kind: AddressKind::Email,
            to,
            code: Cow::Owned(code.clone()),
            severity,
            message: Cow::Owned(message),
        }
    })
}

/// A complaint names everybody of the mail at that mail service who may have complained; which of them did is not
/// told. All of them count.
fn complaint(complaint: &Json<'_>) -> Result<Vec<Told>, Unreadable> {
    if text(complaint, "complaintFeedbackType") == Some("not-spam") {
        return Ok(vec![(at(complaint), EventKind::Other("not_spam"))]);
    }
    people(complaint, "complainedRecipients", |_, address| EventKind::Complaint {
        channel: Channel::Email,
        kind: AddressKind::Email,
        address,
    })
}

fn people(
    about: &Json<'_>,
    list: &str,
    kind: impl Fn(&Json<'_>, Cow<'static, str>) -> EventKind<'static>,
) -> Result<Vec<Told>, Unreadable> {
    let list = about.get(list).and_then(Json::as_array).unwrap_or_default();
    let told = list.iter().map(|one| {
        let written =
            text(one, "emailAddress").ok_or_else(|| Unreadable::new("a recipient has no address"))?;
        Ok((at(about), kind(one, Cow::Owned(bare(written)))))
    });
    told.collect()
}

/// Somebody changed his preferences of a contact list.
fn subscription(told: &Json<'_>) -> Result<Vec<Told>, Unreadable> {
    let about = told.get("subscription").ok_or_else(|| Unreadable::new("the subscription is missing"))?;
    let everything = |when: &str| {
        about.get(when).and_then(|preferences| preferences.get("unsubscribeAll")).map(|flag| {
            match &flag.value {
                Value::Bool(flag) => *flag,
                _ => flag.as_str() == Some("true"),
            }
        })
    };
    let left = topics(about, "oldTopicPreferences", "OptIn");
    let leaves = topics(about, "newTopicPreferences", "OptOut");
    let comes = topics(about, "newTopicPreferences", "OptIn");
    let was_out = topics(about, "oldTopicPreferences", "OptOut");
    let is_out = everything("newTopicPreferences") == Some(true);
    let stops = leaves.iter().any(|topic| left.contains(topic) || !was_out.contains(topic));
    let resumes =
        everything("oldTopicPreferences") == Some(true) || comes.iter().any(|topic| was_out.contains(topic));
    let people = told.get("mail").and_then(|mail| mail.get("destination")).and_then(Json::as_array);
    let told = people.unwrap_or_default().iter().filter_map(Json::as_str).map(|written| {
        let (channel, kind, address) = (Channel::Email, AddressKind::Email, Cow::Owned(bare(written)));
        let kind = if is_out {
            EventKind::Unsubscribe { channel, kind, address }
        } else if stops {
            EventKind::Preference { channel, kind, address, resumes: false, code: "topic_opt_out".into() }
        } else if resumes {
            EventKind::Preference { channel, kind, address, resumes: true, code: "topic_opt_in".into() }
        } else {
            EventKind::Other("preferences")
        };
        (at(about), kind)
    });
    Ok(told.collect())
}

/// The topics of this status among somebody's preferences.
fn topics<'j>(about: &'j Json<'_>, when: &str, status: &str) -> Vec<&'j str> {
    let list = about.get(when).and_then(|preferences| preferences.get("topicSubscriptionStatus"));
    let list = list.and_then(Json::as_array).unwrap_or_default();
    let of_status = list
        .iter()
        .filter(|one| text(one, "subscriptionStatus").is_some_and(|said| said.eq_ignore_ascii_case(status)));
    of_status.filter_map(|one| text(one, "topicName")).collect()
}

/// The address alone.
pub(crate) fn bare(written: &str) -> String {
    match mailbox::read(written).as_deref() {
        Ok([one]) => one.address.to_string(),
        _ => written.trim().to_owned(),
    }
}

fn text<'j>(json: &'j Json<'_>, name: &str) -> Option<&'j str> {
    json.get(name).and_then(Json::as_str).filter(|text| !text.is_empty())
}

/// When it happened.
pub(crate) fn at(about: &Json<'_>) -> Option<Timestamp> {
    text(about, "timestamp").and_then(|at| at.parse().ok())
}
