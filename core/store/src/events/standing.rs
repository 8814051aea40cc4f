//! What stands on a person, in the shape of HighLevel's contacts and of its `ContactDndUpdate`.
//!
//! That shape says of every channel what stands on it: six times the same when all are blocked. So an event keeps what
//! stood when it was raised, once, and takes its shape when it is read.

use dndgate_adapter::{Channel, Channels};
use dndgate_dnd::{AddressKey, Blocks, Reason, ReasonKind, Status, rules, state};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// The member of a kept event in whose place the shape is put.
const STANDING: &str = "standing";

/// What stood when an event was raised.
#[derive(Serialize, Deserialize)]
pub(super) struct Standing<'a> {
    /// The channels that were integrated then, as bits.
    listed: u8,
    reasons: Vec<Live<'a>>,
}

/// Of a live reason, what is shown.
#[derive(Serialize, Deserialize)]
struct Live<'a> {
    kind: ReasonKind,
    blocks: Blocks,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Cow<'a, AddressKey>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    permanent: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    message: Cow<'a, str>,
    source: Cow<'a, str>,
    began: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
}

impl<'a> Standing<'a> {
    pub(super) fn of(reasons: &'a [Reason], listed: Channels) -> Standing<'a> {
        let live = reasons.iter().filter(|reason| reason.is_live()).map(|one| Live {
            kind: one.kind,
            blocks: one.blocks,
            origin: one.origin.as_ref().map(Cow::Borrowed),
            permanent: one.permanent,
            code: one.code.as_deref().map(Cow::Borrowed),
            message: Cow::Borrowed(&one.message),
            source: Cow::Borrowed(&one.source),
            began: one.began,
            expires: one.expires,
        });
        Standing { listed: listed.bits(), reasons: live.collect() }
    }

    fn told(self) -> Map<String, Value> {
        let reasons: Vec<Reason> = self.reasons.into_iter().map(Live::reason).collect();
        dnd_json(&reasons, Channels::from_bits(self.listed))
    }
}

impl Live<'_> {
    fn reason(self) -> Reason {
        Reason {
            id: String::new(),
            kind: self.kind,
            blocks: self.blocks,
            origin: self.origin.map(Cow::into_owned),
            permanent: self.permanent,
            code: self.code.map(Cow::into_owned),
            message: self.message.into_owned(),
            source: self.source.into_owned(),
            actor: String::new(),
            began: self.began,
            repeated: None,
            expires: self.expires,
            ended: None,
        }
    }
}

/// An event as subscribers are sent it.
pub(super) fn told(kept: Value) -> Value {
    let Value::Object(kept) = kept else { return kept };
    let mut body = Map::new();
    for (name, value) in kept {
        if name != STANDING {
            body.insert(name, value);
        } else if let Ok(standing) = serde_json::from_value::<Standing<'_>>(value) {
            body.extend(standing.told());
        }
    }
    Value::Object(body)
}

/// `{status, message, code}` of one channel, and what we add: `reason`, `source`, `since`, `expires`, `removable`, `how`.
pub fn state_json(state: &state::ChannelState<'_>) -> Value {
    let Some(first) = state.reasons.first() else {
        return json!({ "status": Status::Inactive, "message": "", "code": "" });
    };
    let lock = state.reasons.iter().find_map(|one| one.lock());
    // When the channel is free by itself: when the last of its reasons is over, if each of them passes.
    let expires = state.reasons.iter().fold(first.expires, |end, one| rules::later(end, one.expires));
    let how = match (lock, expires) {
        (Some(lock), _) => lock.how().to_owned(),
        (None, Some(at)) => format!("ends by itself at {at}; an operator may switch it off before"),
        (None, None) => "an operator may switch it off".to_owned(),
    };
    json!({
        "status": state.status,
        "message": first.message,
        "code": first.code.as_deref().unwrap_or_default(),
        "reason": first.kind.name(),
        "source": first.source,
        "since": first.began.to_string(),
        "expires": expires.map(|at| at.to_string()),
        "removable": lock.is_none(),
        "how": how,
        "address": first.origin.as_ref().map(|origin| json!({ "kind": origin.kind.name(), "value": origin.key })),
        "reasons": state.reasons.iter().map(|one| json!({
            "kind": one.kind.name(), "code": one.code, "message": one.message, "source": one.source,
            "since": one.began.to_string(), "expires": one.expires.map(|at| at.to_string()),
            "removable": one.lock().is_none(),
        })).collect::<Vec<_>>(),
    })
}

/// `dnd`, `dndSettings`, `inboundDndSettings` and `dndStatus` of these reasons.
pub fn dnd_json(reasons: &[Reason], listed: Channels) -> Map<String, Value> {
    let mut body = Map::new();
    let all = reasons.iter().any(|one| one.is_live() && one.blocks == Blocks::AllChannels);
    let settings: Map<String, Value> = Channel::ALL
        .into_iter()
        .map(|channel| (channel.name().to_owned(), state_json(&state::channel(reasons, channel))))
        .collect();
    let blocked =
        Channel::ALL.into_iter().filter(|channel| !state::channel(reasons, *channel).reasons.is_empty());
    body.insert("dnd".into(), json!(all));
    body.insert("dndSettings".into(), Value::Object(settings));
    body.insert("inboundDndSettings".into(), json!({ "all": state_json(&state::inbound(reasons)) }));
    body.insert("dndStatus".into(), json!(state::overall(blocked.collect(), listed)));
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use dndgate_adapter::AddressKind;

    fn reason(kind: ReasonKind, blocks: Blocks, permanent: bool, code: Option<&str>) -> Reason {
        Reason {
            id: "r".into(),
            kind,
            blocks,
            origin: code.map(|_| AddressKey { kind: AddressKind::Phone, key: "+14155550101".into() }),
            permanent,
            code: code.map(str::to_owned),
            message: code.map(|code| format!("\"{code}\"\n")).unwrap_or_default(),
            source: "test".into(),
            actor: "somebody".into(),
            began: Timestamp::from_microsecond(1_700_000_000_123_456).expect("a time"),
            repeated: None,
            expires: (code == Some("30003")).then(|| Timestamp::from_second(1_800_000_000).expect("a time")),
            ended: None,
        }
    }

    #[test]
    fn what_is_kept_tells_what_stood() {
        let sms = Blocks::Channel(Channel::Sms);
        for reasons in [
            vec![],
            vec![reason(ReasonKind::All, Blocks::AllChannels, false, None)],
            vec![reason(ReasonKind::Carrier, sms, false, Some("30003"))],
            vec![
                reason(ReasonKind::Carrier, sms, true, Some("30004")),
                reason(ReasonKind::Keyword, sms, false, Some("STOP")),
                reason(ReasonKind::Import, Blocks::Inbound, false, None),
            ],
        ] {
            for listed in [Channels::NONE, Channels::of(Channel::Sms), Channels::ALL] {
                let standing = Standing::of(&reasons, listed);
                let kept = json!({ "type": "x", STANDING: standing, "change": "enabled" });
                let mut expected = Map::new();
                expected.insert("type".into(), json!("x"));
                expected.extend(dnd_json(&reasons, listed));
                expected.insert("change".into(), json!("enabled"));
                let kept = serde_json::from_str(&kept.to_string()).expect("JSON");
                assert_eq!(told(kept).to_string(), Value::Object(expected).to_string());
            }
        }
    }

    #[test]
    fn an_event_of_an_older_version_is_told_as_it_is() {
        let older = json!({ "type": "x", "dnd": false, "dndSettings": {}, "change": "enabled" });
        assert_eq!(told(older.clone()), older);
    }
}
