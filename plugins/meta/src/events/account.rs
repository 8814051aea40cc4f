//! Webhooks of WhatsApp accounts.

use super::{Reader, array, at, other, seconds, text};
use crate::sends::whatsapp::is_user_id;
use dndgate_adapter::{AddressKind, Channel, Event, EventKind, Severity, Spoken, json::Json};
use jiff::Timestamp;
use std::borrow::Cow;

/// One name of a person.
type Address<'a> = (AddressKind, Cow<'a, str>);

/// Keys of a person's user ids, of the business and of the portfolio above it.
const USER_IDS: &[&str] = &["user_id", "parent_user_id"];

impl<'a> Reader<'a> {
    /// The events of one account's entry.
    pub(super) fn account(&self, entry: &Json<'a>) -> Vec<Event<'a>> {
        let mut events = Vec::new();
        for change in array(entry.get("changes")) {
            let Some(value) = change.get("value") else { continue };
            let mut of_change = match text(change.get("field")).as_deref() {
                Some("messages") => self.messages(value),
                Some("user_preferences") => self.preferences(value),
                Some("calls") => self.calls(value),
                // What the business wrote in its own app, and what was written long ago.
                Some("smb_message_echoes" | "message_echoes") => vec![other("echo")],
                Some("history") => vec![other("history")],
                _ => vec![other("other")],
            };
            // Several numbers share an account; where none is named, the account is meant.
            let number = text(at(value, &["metadata", "phone_number_id"]));
            let account = number.map(|id| format!("phone:{id}"));
            let account = account.or_else(|| Some(format!("waba:{}", text(entry.get("id"))?)));
            of_change.iter_mut().for_each(|event| event.account = account.clone().map(Cow::Owned));
            events.append(&mut of_change);
        }
        events
    }

    fn messages(&self, value: &Json<'a>) -> Vec<Event<'a>> {
        let mut events = known(value);
        array(value.get("messages")).iter().for_each(|one| events.extend(self.message(one)));
        array(value.get("statuses")).iter().for_each(|one| events.extend(self.status(one)));
        events
    }

    fn message(&self, message: &Json<'a>) -> Vec<Event<'a>> {
        let when = seconds(message.get("timestamp"));
        let kind = text(message.get("type")).unwrap_or_default();
        let id = text(message.get("id")).unwrap_or_else(|| self.digest(message));
        let people = addresses(message, &["from"], &["from_user_id", "from_parent_user_id"]);
        if kind == "system" {
            return system(message, &people, &id, when);
        }
        let mut events = same(&people, when);
        let what = match people.into_iter().next() {
            // A word in a group is a word to the group.
            Some(_) if message.get("group_id").is_some_and(|group| !group.is_null()) => {
                EventKind::Other("group")
            }
            Some((from_kind, from)) if !["reaction", "unsupported", "revoke"].contains(&&*kind) => {
                let spoken = Spoken { texts: texts(message), provider_meaning: None };
                if spoken.texts.is_empty() {
                    EventKind::Other("message")
                } else {
                    EventKind::Message { channel: Channel::WhatsApp, from_kind, from, spoken }
                }
            }
            _ => EventKind::Other("other"),
        };
        events.push(Event { id, account: None, at: when, kind: what });
        events
    }

    fn preferences(&self, value: &Json<'a>) -> Vec<Event<'a>> {
        let mut events = known(value);
        for one in array(value.get("user_preferences")) {
            let when = seconds(one.get("timestamp"));
            let people = addresses(one, &["wa_id"], USER_IDS);
            events.extend(same(&people, when));
            let what = people.into_iter().next().zip(text(one.get("value")));
            let kind = what.and_then(|(person, wish)| preference(person, &wish));
            events.push(match kind {
                Some(kind) => Event { id: self.digest(one), account: None, at: when, kind },
                None => other("preference"),
            });
        }
        events
    }

    fn calls(&self, value: &Json<'a>) -> Vec<Event<'a>> {
        let mut events = known(value);
        for call in array(value.get("calls")) {
            let when = seconds(call.get("timestamp"));
            // Of a call by the business, `from` is the business.
            let inbound = text(call.get("direction")).as_deref() == Some("USER_INITIATED");
            let people = if inbound { addresses(call, &["from"], &["from_user_id"]) } else { Vec::new() };
            events.extend(same(&people, when));
            let connects = text(call.get("event")).as_deref() == Some("connect");
            events.push(match people.into_iter().next() {
                Some((AddressKind::Phone, from)) if connects => {
                    let id = text(call.get("id")).unwrap_or_else(|| self.digest(call));
                    let kind = EventKind::InboundCall { from };
                    Event { id: format!("call:{id}").into(), account: None, at: when, kind }
                }
                _ => other("call"),
            });
        }
        events
    }

    fn status(&self, status: &Json<'a>) -> Vec<Event<'a>> {
        let when = seconds(status.get("timestamp"));
        let people = match text(status.get("recipient_type")).as_deref() {
            Some("group") => addresses(
                status,
                &["recipient_participant_id"],
                &["recipient_participant_user_id", "recipient_participant_parent_user_id"],
            ),
            _ => addresses(
                status,
                &["recipient_id"],
                &["recipient_user_id", "parent_recipient_user_id", "recipient_parent_user_id"],
            ),
        };
        let mut events = same(&people, when);
        let failed = text(status.get("status")).as_deref() == Some("failed");
        let Some((to_kind, to)) = people.into_iter().next().filter(|_| failed) else {
            events.push(other("status"));
            return events;
        };
        let id = text(status.get("id")).unwrap_or_else(|| self.digest(status));
        for error in array(status.get("errors")) {
            let Some(code) = text(error.get("code")) else { continue };
            let words = text(at(error, &["error_data", "details"])).or_else(|| text(error.get("title")));
            let id = format!("{id}:failed:{code}").into();
            let kind = EventKind::Failure {
                channel: Channel::WhatsApp,
                to_kind,
                to: to.clone(),
                code,
                severity: Severity::Unsaid,
                message: words.unwrap_or_default(),
            };
            events.push(Event { id, account: None, at: when, kind });
        }
        events
    }
}

/// The people whom the webhook introduces: a number and the ids that stand for it.
fn known<'a>(value: &Json<'a>) -> Vec<Event<'a>> {
    let contacts = array(value.get("contacts")).iter();
    contacts.flat_map(|contact| same(&addresses(contact, &["wa_id"], USER_IDS), None)).collect()
}

/// A number of WhatsApp's, in full and without `+`; or a user id.
fn address<'a>(written: Cow<'a, str>) -> Option<Address<'a>> {
    if is_user_id(&written) {
        return Some((AddressKind::Wa, written));
    }
    let digits = written.strip_prefix('+').unwrap_or(&written);
    let is_number = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| (AddressKind::Phone, Cow::Owned(format!("+{digits}"))))
}

/// Every name of a person that stands there, the one to speak of first.
fn addresses<'a>(json: &Json<'a>, phones: &[&str], users: &[&str]) -> Vec<Address<'a>> {
    let mut all: Vec<Address<'a>> = Vec::new();
    let found = phones.iter().chain(users).filter_map(|key| address(text(json.get(key))?));
    for one in found {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

/// All pairs of one person's names.
fn same<'a>(all: &[Address<'a>], at: Option<Timestamp>) -> Vec<Event<'a>> {
    let mut events = Vec::new();
    for (index, (kind, address)) in all.iter().enumerate() {
        for (other_kind, other) in &all[index + 1..] {
            let id = format!("same:{address}:{other}").into();
            let kind = EventKind::Same {
                kind: *kind,
                address: address.clone(),
                other_kind: *other_kind,
                other: other.clone(),
            };
            events.push(Event { id, account: None, at, kind });
        }
    }
    events
}

/// What the person wrote or pressed, the most telling first. In an edited message it stands one floor deeper.
fn texts<'a>(message: &Json<'a>) -> Vec<Cow<'a, str>> {
    const PLACES: &[&[&str]] = &[
        &["text", "body"],
        &["button", "text"],
        &["button", "payload"],
        &["interactive", "button_reply", "title"],
        &["interactive", "button_reply", "id"],
        &["interactive", "list_reply", "title"],
        &["interactive", "list_reply", "id"],
        &["image", "caption"],
        &["video", "caption"],
        &["document", "caption"],
    ];
    let edited = at(message, &["edit", "message"]).or(message.get("edit"));
    let floors = [Some(message), edited].into_iter().flatten();
    floors.flat_map(|floor| PLACES.iter().filter_map(|keys| text(at(floor, keys)))).collect()
}

/// A number that changed, and the older form of preferences.
fn system<'a>(
    message: &Json<'a>,
    people: &[Address<'a>],
    id: &str,
    when: Option<Timestamp>,
) -> Vec<Event<'a>> {
    let Some(system) = message.get("system") else { return vec![other("system")] };
    let kinds: Vec<EventKind<'a>> = match text(system.get("type")).as_deref() {
        Some("user_changed_number" | "customer_changed_number" | "user_changed_user_id") => {
            return changed(system, people, id, when);
        }
        Some("user_preference_changed") => {
            let what = people.first().cloned().zip(text(system.get("marketing")));
            what.and_then(|(person, wish)| preference(person, &wish)).into_iter().collect()
        }
        _ => Vec::new(),
    };
    if kinds.is_empty() {
        return vec![other("system")];
    }
    kinds.into_iter().map(|kind| Event { id: id.to_owned().into(), account: None, at: when, kind }).collect()
}

/// Every old name of a person gave way to every new one.
fn changed<'a>(
    system: &Json<'a>,
    people: &[Address<'a>],
    id: &str,
    when: Option<Timestamp>,
) -> Vec<Event<'a>> {
    let new = addresses(system, &["wa_id", "new_wa_id"], USER_IDS);
    let mut old = people.to_vec();
    // Of a person with a user name the old id stands in the sentence alone: "User … changed from A to B". The
    // person's own words stand before it.
    let sentence = text(system.get("body")).unwrap_or_default();
    let told = sentence.rsplit_once(" changed from ").and_then(|(_, change)| change.split_once(" to "));
    if let Some((from, _)) = told
        && let Some(from) = address(Cow::Owned(from.trim().to_owned()))
    {
        old.push(from);
    }
    old.retain(|one| !new.contains(one));
    old.dedup();
    let mut events = same(&new, when);
    for (kind, from) in &old {
        for (to_kind, to) in &new {
            let id = format!("{id}:{from}:{to}").into();
            let kind =
                EventKind::Moved { kind: *kind, from: from.clone(), to_kind: *to_kind, to: to.clone() };
            events.push(Event { id, account: None, at: when, kind });
        }
    }
    if events.is_empty() {
        events.push(other("system"));
    }
    events
}

/// What the person set under "Offers and announcements".
fn preference<'a>((kind, address): Address<'a>, wish: &str) -> Option<EventKind<'a>> {
    let (resumes, code) = match wish.to_ascii_lowercase().as_str() {
        "stop" => (false, "marketing_stop"),
        "resume" => (true, "marketing_resume"),
        _ => return None,
    };
    Some(EventKind::Preference { channel: Channel::WhatsApp, kind, address, resumes, code: code.into() })
}
