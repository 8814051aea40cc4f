//! DND states as files write them, and what they claim (R25).

use crate::{columns, record::Claim, when};
use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::{AddressKey, Blocks, ReasonKind, Region, Status, address};
use serde_json::Value;

/// What a contacts file says of DND, as it is read column by column.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The legacy boolean.
    all: Option<Status>,
    map: Vec<Setting>,
    /// A status of some channel was said, be it inactive: then the map decides, not the boolean.
    mapped: bool,
    inbound: Option<Setting>,
    /// Reasons as they are: what our own export writes. They stand for all the rest.
    reasons: Option<Vec<Claim>>,
}

#[derive(Debug, Clone)]
struct Setting {
    channel: Option<Channel>,
    status: Status,
    message: String,
    code: Option<String>,
}

impl Setting {
    const fn bare(channel: Option<Channel>, status: Status) -> Setting {
        Setting { channel, status, message: String::new(), code: None }
    }

    fn claim(self, blocks: Blocks) -> Claim {
        Claim {
            permanent: self.status == Status::Permanent,
            code: self.code.filter(|code| !code.is_empty()),
            message: self.message,
            ..Claim::new(ReasonKind::Import, blocks)
        }
    }
}

impl Said {
    /// The legacy boolean, or the channels that a CRM lists in its place.
    pub(crate) fn legacy(&mut self, value: &Value) -> Result<(), String> {
        if let Some(status) = status(value) {
            self.all = Some(status);
            return Ok(());
        }
        let text = text(value);
        let channels: Option<Vec<Channel>> = text
            .split([',', ';', '|', '/'])
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .map(columns::channel)
            .collect();
        match channels.filter(|channels| !channels.is_empty()) {
            Some(channels) => {
                self.map.extend(channels.into_iter().map(|one| Setting::bare(Some(one), Status::Active)));
                self.mapped = true;
                Ok(())
            }
            None => Err(format!("dnd is {:?}: neither true or false nor channels", short(&text))),
        }
    }

    /// One channel's status in a column of its own.
    pub(crate) fn status(&mut self, channel: Channel, value: &Value) -> Result<(), String> {
        let status = status(value).ok_or_else(|| {
            format!(
                "the DND status of {channel} is {:?}: none of active, inactive, permanent",
                short(&text(value))
            )
        })?;
        self.at(channel).status = status;
        self.mapped = true;
        Ok(())
    }

    /// What a column of its own says beside a channel's status.
    pub(crate) fn beside(&mut self, channel: Channel, message: Option<String>, code: Option<String>) {
        let setting = self.at(channel);
        if let Some(message) = message {
            setting.message = message;
        }
        setting.code = code.or_else(|| setting.code.take());
    }

    fn at(&mut self, channel: Channel) -> &mut Setting {
        let index = self.map.iter().position(|one| one.channel == Some(channel)).unwrap_or_else(|| {
            self.map.push(Setting::bare(Some(channel), Status::Inactive));
            self.map.len() - 1
        });
        &mut self.map[index]
    }

    /// `dndSettings`.
    pub(crate) fn settings(&mut self, value: &Value) -> Result<(), String> {
        let Value::Object(map) = value else { return Err("dndSettings is not a JSON object".into()) };
        for (name, one) in map.iter().filter(|(_, one)| !one.is_null()) {
            let channel =
                columns::channel(name).ok_or_else(|| format!("dndSettings.{name} is no channel"))?;
            let setting = setting(&format!("dndSettings.{name}"), Some(channel), one)?;
            *self.at(channel) = setting;
            self.mapped = true;
        }
        Ok(())
    }

    /// `inboundDndSettings`: `{"all": {…}}`, or a bare status.
    pub(crate) fn inbound(&mut self, value: &Value) -> Result<(), String> {
        let one = value.get("all").unwrap_or(value);
        if one.is_null() || one.as_object().is_some_and(serde_json::Map::is_empty) {
            return Ok(());
        }
        self.inbound = Some(setting("inboundDndSettings.all", None, one)?);
        Ok(())
    }

    /// Reasons as they are.
    pub(crate) fn reasons(&mut self, value: &Value) -> Result<(), String> {
        let list = value.as_array().ok_or("reasons is not a JSON list")?;
        self.reasons = Some(list.iter().map(reason).collect::<Result<_, _>>()?);
        Ok(())
    }

    /// Does it say anything, be it that nothing is blocked?
    pub(crate) const fn is_said(&self) -> bool {
        self.all.is_some() || !self.map.is_empty() || self.inbound.is_some() || self.reasons.is_some()
    }

    /// What it all claims: with a map, the map; without one, the legacy boolean.
    pub(crate) fn claims(self) -> Vec<Claim> {
        if let Some(reasons) = self.reasons {
            return reasons;
        }
        let mut claims: Vec<Claim> = self
            .map
            .into_iter()
            .filter(|one| one.status != Status::Inactive)
            .filter_map(|one| one.channel.map(|channel| one.claim(Blocks::Channel(channel))))
            .collect();
        if let Some(status) = self.all.filter(|status| *status != Status::Inactive && !self.mapped) {
            claims.push(Setting::bare(None, status).claim(Blocks::AllChannels));
        }
        if let Some(inbound) = self.inbound.filter(|one| one.status != Status::Inactive) {
            claims.push(inbound.claim(Blocks::Inbound));
        }
        claims
    }
}

fn setting(name: &str, channel: Option<Channel>, value: &Value) -> Result<Setting, String> {
    let word = value.get("status").unwrap_or(value);
    let status =
        status(word).ok_or_else(|| format!("{name}.status is none of active, inactive, permanent"))?;
    let part = |name: &str| value.get(name).filter(|part| !part.is_null()).map(text);
    Ok(Setting { channel, status, message: part("message").unwrap_or_default(), code: part("code") })
}

/// A status by any of the words for it.
fn status(value: &Value) -> Option<Status> {
    if let Value::Bool(on) = value {
        return Some(if *on { Status::Active } else { Status::Inactive });
    }
    match text(value).trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "on" | "active" | "enabled" | "x" | "dnd" | "all" | "blocked"
        | "all channels" => Some(Status::Active),
        "permanent" => Some(Status::Permanent),
        "" | "false" | "no" | "n" | "0" | "off" | "inactive" | "disabled" | "none" | "null" => {
            Some(Status::Inactive)
        }
        _ => None,
    }
}

/// So much of a value that a report is not filled with one cell.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn reason(value: &Value) -> Result<Claim, String> {
    let part = |name: &str| value.get(name).and_then(Value::as_str);
    let kind = part("kind").and_then(ReasonKind::parse).ok_or("a reason has no known kind")?;
    let blocks = part("blocks").and_then(Blocks::parse).ok_or("a reason blocks no known channel")?;
    let origin = match value.get("address").filter(|address| !address.is_null()) {
        None => None,
        Some(address) => Some(origin(address).ok_or("a reason's address is none")?),
    };
    Ok(Claim {
        kind,
        blocks,
        permanent: value.get("permanent").and_then(Value::as_bool).unwrap_or_default(),
        code: part("code").map(str::to_owned),
        message: part("message").unwrap_or_default().to_owned(),
        origin,
        at: part("since").and_then(when::read),
        source: part("source").map(str::to_owned),
        actor: part("actor").map(str::to_owned),
    })
}

/// Our own export writes match keys, which are their own normal form in every region.
fn origin(value: &Value) -> Option<AddressKey> {
    let kind = AddressKind::parse(value.get("kind")?.as_str()?)?;
    address::normalise(kind, value.get("value")?.as_str()?, Region::US).ok().map(|one| one.key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(dnd: Option<Value>, settings: Option<Value>) -> Vec<(&'static str, bool)> {
        let mut said = Said::default();
        if let Some(dnd) = dnd {
            said.legacy(&dnd).expect("understood");
        }
        if let Some(settings) = settings {
            said.settings(&settings).expect("understood");
        }
        let claims = said.claims();
        assert!(claims.iter().all(|claim| claim.kind == ReasonKind::Import));
        claims.iter().map(|claim| (claim.blocks.name(), claim.permanent)).collect()
    }

    #[test]
    fn r25_the_legacy_boolean() {
        let sms = json!({ "SMS": { "status": "active" }, "Email": { "status": "inactive" } });
        let nothing = json!({ "SMS": { "status": "inactive" } });
        for yes in [json!(true), json!("true"), json!("TRUE"), json!("Yes"), json!("1"), json!(1)] {
            assert_eq!(claims(Some(yes.clone()), None), [("all", false)], "{yes}: no map, all channels");
            assert_eq!(
                claims(Some(yes.clone()), Some(json!({}))),
                [("all", false)],
                "{yes}: an empty map is none"
            );
            assert_eq!(claims(Some(yes.clone()), Some(sms.clone())), [("SMS", false)], "{yes}: the map");
            assert_eq!(claims(Some(yes), Some(nothing.clone())), [], "with a map, the map");
        }
        for no in [
            None,
            Some(json!(false)),
            Some(json!("")),
            Some(json!("no")),
            Some(json!("0")),
            Some(Value::Null),
        ] {
            assert_eq!(claims(no.clone(), None), [], "{no:?} changes nothing");
            assert_eq!(
                claims(no.clone(), Some(sms.clone())),
                [("SMS", false)],
                "{no:?}: existing states are honoured"
            );
        }
    }

    #[test]
    fn r25_channels_by_any_name_and_status() {
        assert_eq!(
            claims(Some(json!("SMS, Email; calls")), None),
            [("SMS", false), ("Email", false), ("Call", false)]
        );
        assert_eq!(claims(Some(json!("permanent")), None), [("all", true)]);
        assert_eq!(
            claims(None, Some(json!({ "WhatsApp": "permanent", "FB": true }))),
            [("WhatsApp", true), ("FB", false)]
        );
        let mut said = Said::default();
        assert!(said.legacy(&json!("maybe")).is_err());
        assert!(said.settings(&json!({ "Pigeon": { "status": "active" } })).is_err());
        assert!(said.settings(&json!({ "SMS": { "status": "perhaps" } })).is_err());
        said.inbound(&json!({ "all": { "status": "active", "message": "no calls" } })).expect("understood");
        assert_eq!(said.claims()[0].blocks, Blocks::Inbound);
    }
}
