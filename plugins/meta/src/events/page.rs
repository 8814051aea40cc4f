//! Webhooks of pages: Messenger, Instagram Direct, comments.

use super::{Reader, array, at, is_true, millis, other, text};
use crate::sends::messenger::{OBJECT, TOKEN, USER_REF, handle};
use dndgate_adapter::{AddressKind, Channel, Event, EventKind, Spoken, json::Json};
use jiff::Timestamp;
use std::borrow::Cow;

impl<'a> Reader<'a> {
    /// The events of one page's entry.
    pub(super) fn page(&self, entry: &Json<'a>) -> Vec<Event<'a>> {
        let account = text(entry.get("id")).map(|id| Cow::Owned(format!("page:{id}")));
        let mut events = Vec::new();
        // Another app may own the conversation: what the person says counts all the same.
        for list in ["messaging", "standby"] {
            array(entry.get(list)).iter().for_each(|one| events.extend(self.element(one)));
        }
        array(entry.get("changes")).iter().for_each(|one| events.extend(change(one)));
        events.iter_mut().for_each(|event| event.account.clone_from(&account));
        events
    }

    fn element(&self, one: &Json<'a>) -> Vec<Event<'a>> {
        // Without a sender: a page's own affairs, or a box that was ticked by nobody known yet.
        let Some(from) = text(at(one, &["sender", "id"])) else { return vec![other("other")] };
        let when = millis(one.get("timestamp"));
        let mut events = Vec::new();
        if let Some(message) = one.get("message") {
            // The page's own words: "reply STOP to …" would opt everybody out.
            if is_true(message.get("is_echo")) {
                return vec![other("echo")];
            }
            if is_true(message.get("is_deleted")) || is_true(message.get("is_self")) {
                return vec![other("other")];
            }
            let payload = text(at(message, &["quick_reply", "payload"]));
            let texts = text(message.get("text")).into_iter().chain(payload).collect();
            let id = text(message.get("mid")).unwrap_or_else(|| self.digest(one));
            events.push(said(id, &from, when, texts));
            let prior = text(at(message, &["prior_message", "identifier"]));
            events.extend(prior.map(|of| same(USER_REF, &of, &from, when)));
        } else if let Some(edit) = one.get("message_edit") {
            let mid = text(edit.get("mid")).unwrap_or_else(|| self.digest(one));
            let turn = text(edit.get("num_edit")).unwrap_or_default();
            let texts = text(edit.get("text")).into_iter().collect();
            events.push(said(format!("{mid}:edit{turn}").into(), &from, when, texts));
        } else if let Some(press) = one.get("postback") {
            let texts = ["title", "payload"].iter().filter_map(|key| text(press.get(key))).collect();
            // A button may be pressed again: the message's id alone does not tell.
            events.push(said(self.digest(one), &from, when, texts));
        } else if let Some(optin) = one.get("optin") {
            events.extend(self.opted(one, optin, &from, when));
        } else {
            events.push(other("other"));
        }
        events
    }

    /// Tokens that stand for the person, and the button that stops them.
    fn opted(
        &self,
        one: &Json<'a>,
        optin: &Json<'a>,
        from: &Cow<'a, str>,
        when: Option<Timestamp>,
    ) -> Vec<Event<'a>> {
        let handles =
            [("notification_messages_token", TOKEN), ("one_time_notif_token", TOKEN), ("user_ref", USER_REF)];
        let mut events: Vec<Event<'a>> = handles
            .iter()
            .filter_map(|(key, what)| Some(same(what, &text(optin.get(key))?, from, when)))
            .collect();
        let status = text(optin.get("notification_messages_status")).unwrap_or_default();
        // The documentation shows a blank, older texts an underscore.
        let (resumes, code) = match status.to_ascii_uppercase().replace('_', " ").trim() {
            "STOP NOTIFICATIONS" => (false, "marketing_stop"),
            "RESUME NOTIFICATIONS" => (true, "marketing_resume"),
            _ => {
                events.push(other("optin"));
                return events;
            }
        };
        let kind = EventKind::Preference {
            channel: Channel::Fb,
            kind: AddressKind::Psid,
            address: from.clone(),
            resumes,
            code: code.into(),
        };
        events.push(Event { id: self.digest(one), account: None, at: when, kind });
        events
    }
}

fn said<'a>(
    id: Cow<'a, str>,
    from: &Cow<'a, str>,
    at: Option<Timestamp>,
    texts: Vec<Cow<'a, str>>,
) -> Event<'a> {
    let kind = EventKind::Message {
        channel: Channel::Fb,
        from_kind: AddressKind::Psid,
        from: from.clone(),
        spoken: Spoken { texts, provider_meaning: None },
    };
    Event { id, account: None, at, kind }
}

/// A handle, and the person for whom it stands.
pub(crate) fn same<'a>(what: &str, id: &str, person: &Cow<'a, str>, at: Option<Timestamp>) -> Event<'a> {
    stands_for(handle(what, id), person.clone(), at)
}

/// As [`same`], for a handle as it is written.
fn stands_for<'a>(handle: String, person: Cow<'a, str>, at: Option<Timestamp>) -> Event<'a> {
    let id = format!("same:{handle}:{person}").into();
    let kind = EventKind::Same {
        kind: AddressKind::Psid,
        address: handle.into(),
        other_kind: AddressKind::Psid,
        other: person,
    };
    Event { id, account: None, at, kind }
}

/// Whose handle it was: the answer to a send by one says so.
pub(crate) fn owner(handle: &str, answer: &[u8]) -> Option<Event<'static>> {
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    let person = answer.get("recipient_id")?.as_str()?.to_owned();
    Some(stands_for(handle.to_owned(), person.into(), None))
}

/// Who wrote a comment or a post may be answered in private by its id.
fn change<'a>(one: &Json<'a>) -> Vec<Event<'a>> {
    let mut events = Vec::new();
    if let (Some("feed" | "comments" | "live_comments"), Some(value)) =
        (text(one.get("field")).as_deref(), one.get("value"))
        && let Some(person) = text(at(value, &["from", "id"]))
    {
        // A comment's event names the post of somebody else, too.
        let comment = text(value.get("comment_id")).or_else(|| text(value.get("id")));
        let object = comment.or_else(|| text(value.get("post_id")));
        events.extend(object.map(|id| same(OBJECT, &id, &person, None)));
    }
    events.push(other("other"));
    events
}
