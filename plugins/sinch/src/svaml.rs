//! Whom call instructions dial: callouts and SVAML of the first generation, commands of the second. They stand in
//! requests, and in what the CRM answers to events of a call (R14).
//!
//! Instructions nest in instructions (what to do when somebody answers, when a key is pressed), and whoever is
//! dialled anywhere in them is a recipient.

use dndgate_adapter::{
    AddressKind, Channel, Channels, Known, Recipient, Role, Sending, Unreadable,
    json::{self, Json, Value},
    sip,
};
use std::borrow::Cow;

/// Whoever is dialled; nobody inside (an app's user, a desk behind SIP) is among them.
type Dialled = Vec<String>;

/// Reads instructions of either generation.
pub(crate) fn sending<'a>(body: &[u8], kind: &'static str) -> Result<Sending<'a>, Unreadable> {
    let json = json::read(body)?;
    let recipients = dialled(&json)?.into_iter().map(called).collect();
    Ok(Sending { kind, recipients, ..Sending::default() })
}

/// Somebody who is called.
pub(crate) fn called<'a>(number: String) -> Recipient<'a> {
    Recipient {
        channels: Channels::of(Channel::Call),
        kind: AddressKind::Phone,
        address: Cow::Owned(number),
        role: Role::To,
        known: Known::Address,
    }
}

/// Everybody whom instructions dial.
pub(crate) fn dialled(json: &Json<'_>) -> Result<Dialled, Unreadable> {
    let mut found = Vec::new();
    walk(json, "", &mut found)?;
    Ok(found)
}

/// `within` is the name under which it stands.
fn walk(json: &Json<'_>, within: &str, found: &mut Dialled) -> Result<(), Unreadable> {
    match &json.value {
        Value::Array(elements) => elements.iter().try_for_each(|one| walk(one, within, found)),
        Value::Object(members) => {
            command(json, found)?;
            let connects = action(json, found)?;
            destination(json, found)?;
            let dials = json.get("command").and_then(Json::as_str) == Some("dial");
            if !dials && json.field("to")?.is_some() || within == "action" && json.field("name")?.is_none() {
                return Err(Unreadable::new("instructions that do not say what to do cannot be judged"));
            }
            let is_known = ["destination", "phone", "sip", "stream", "voiceRelay"].contains(&within);
            if !is_known
                && (json.field("endpoint")?.is_some() || !connects && json.field("number")?.is_some())
            {
                return Err(Unreadable::new("somebody is named where the gateway does not expect it"));
            }
            for member in members {
                match &member.value.value {
                    // SVAML of a callout is a text that holds JSON.
                    Value::String(text) if ["ice", "ace", "pie"].contains(&&*member.key) => {
                        // An address in its place would give instructions that nobody sees.
                        if !text.trim().is_empty() {
                            walk(&json::read(text.as_bytes())?, &member.key, found)?;
                        }
                    }
                    _ => walk(&member.value, &member.key, found)?,
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A command of the second generation.
fn command(json: &Json<'_>, found: &mut Dialled) -> Result<(), Unreadable> {
    let Some(name) = json.field("command")? else { return Ok(()) };
    match name.as_str() {
        Some("dial") => {
            let to =
                json.field("to")?.ok_or_else(|| Unreadable::new("dial names nobody whom it would reach"))?;
            let text = |outer: &str, inner: &str| -> Result<String, Unreadable> {
                let value = to.field(outer)?.map(|one| one.field(inner)).transpose()?.flatten();
                let value = value.and_then(Json::as_str).map(str::to_owned);
                value.ok_or_else(|| Unreadable::new(format!("dial.to.{outer}.{inner} must be text")))
            };
            match to.field("type")?.and_then(Json::as_str) {
                Some("PHONE") => found.push(text("phone", "number")?),
                Some("SIP") => found.extend(sip::number(&text("sip", "endpoint")?)?),
                Some("STREAM" | "VOICE_RELAY") => {}
                _ => return Err(Unreadable::new("the gateway does not know this value of dial.to.type")),
            }
            Ok(())
        }
        Some(
            "amd" | "answer" | "bridgeCall" | "customEvent" | "gotoMenu" | "hangup" | "menu" | "messages"
            | "pause" | "startRecording" | "stopMessages" | "stopRecording",
        ) => Ok(()),
        _ => Err(Unreadable::new("the gateway does not know this command of a call")),
    }
}

/// An action of the first generation; whether it connects to a number.
fn action(json: &Json<'_>, found: &mut Dialled) -> Result<bool, Unreadable> {
    if json.field("name")?.and_then(Json::as_str).is_some_and(|name| name.eq_ignore_ascii_case("connectPstn"))
    {
        let number = json.field("number")?.and_then(Json::as_str);
        let number = number.filter(|number| !number.trim().is_empty());
        found.push(
            number
                .ok_or_else(|| {
                    Unreadable::new("connectPstn names no number: the gateway must know who is dialled")
                })?
                .to_owned(),
        );
        return Ok(true);
    }
    Ok(false)
}

/// `{"type": "number", "endpoint": "+1…"}`
fn destination(json: &Json<'_>, found: &mut Dialled) -> Result<(), Unreadable> {
    let Some(destination) = json.field("destination")? else { return Ok(()) };
    if destination.is_null() {
        return Ok(());
    }
    let endpoint = destination.field("endpoint")?.and_then(Json::as_str);
    let endpoint = endpoint.ok_or_else(|| Unreadable::new("destination.endpoint must be text"))?;
    match destination.field("type")?.and_then(Json::as_str).map(str::to_ascii_lowercase).as_deref() {
        Some("number") => found.push(endpoint.to_owned()),
        Some("sip") => found.extend(sip::number(endpoint)?),
        Some("username" | "did") => {
            // A user of the business's own app; one that looks like a telephone may be one.
            found.extend(sip::number(endpoint).ok().flatten());
        }
        _ => return Err(Unreadable::new("the gateway does not know this value of destination.type")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Result<Vec<String>, String> {
        let json = json::read(text.as_bytes()).unwrap();
        dialled(&json).map_err(|unreadable| unreadable.message.into_owned())
    }

    #[test]
    fn everybody_dialled_anywhere_is_found() {
        for (text, expected) in [
            (
                r#"{"method":"ttsCallout","ttsCallout":{"destination":{"type":"number","endpoint":"+1415"}}}"#,
                &["+1415"][..],
            ),
            (
                r#"{"customCallout":{"ice":"{\"action\":{\"name\":\"connectPstn\",\"number\":\"+1415\"}}","ace":""}}"#,
                &["+1415"],
            ),
            (
                r#"{"customCallout":{"destination":{"type":"Number","endpoint":"1"},"ace":"{\"action\":{\"name\":\"ConnectPstn\",\"number\":\"2\"}}"}}"#,
                &["1", "2"],
            ),
            (
                r#"{"commands":[{"command":"dial","to":{"type":"PHONE","phone":{"number":"1"}},"events":{"onAnswer":[{"command":"dial","to":{"type":"SIP","sip":{"endpoint":"sip:+14155550100@x"}}}]}}]}"#,
                &["1", "+14155550100"],
            ),
            (
                r#"{"commands":[{"command":"menu","menus":{"a":{"matches":{"1":[{"command":"dial","to":{"type":"PHONE","phone":{"number":"3"}}}]}}}}]}"#,
                &["3"],
            ),
            (r#"{"action":{"name":"connectSip","destination":{"type":"sip","endpoint":"agent@x"}}}"#, &[]),
            (r#"{"action":{"name":"hangup"},"instructions":[{"name":"say","text":"call +1415"}]}"#, &[]),
        ] {
            assert_eq!(found(text).unwrap(), expected, "{text}");
        }
        for text in [
            r#"{"action":{"name":"connectPstn"}}"#,
            r#"{"action":{"name":"connectPstn","Number":"1"}}"#,
            r#"{"commands":[{"command":"transfer","to":"1"}]}"#,
            r#"{"commands":[{"command":"dial","to":{"type":"PHONE","phone":{"Number":"1"}}}]}"#,
            r#"{"commands":[{"command":"dial","to":{"type":"phone","phone":{"number":"1"}}}]}"#,
            r#"{"ttsCallout":{"destination":{"type":"pigeon","endpoint":"1"}}}"#,
            r#"{"ttsCallout":{"destinatio":{"type":"number","endpoint":"1"}}}"#,
            r#"{"action":{"name":"connectPst","number":"1"}}"#,
            r#"{"commands":[{"com:mand":"dial","to":{"type":"PHONE","phone":{"number":"1"}}}]}"#,
            r#"{"action":{"namer":"1"}}"#,
            r#"{"customCallout":{"ice":"{broken"}}"#,
            r#"{"customCallout":{"ice":"https://crm.example.com/ice"}}"#,
            r#"{"customCallout":{"ice":"{\"action\":{\"name\":\"connectPstn\",\"number\":\"1\",\"number\":\"2\"}}"}}"#,
        ] {
            assert!(found(text).is_err(), "{text}");
        }
    }
}
