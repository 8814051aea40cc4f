//! `error_codes.lua`: what a provider's error code means for the person (R18, R19).

use crate::{
    PolicyError,
    part::CASES,
    reader::{self, Reader},
    sandbox::{Fault, Pool},
    terms::{self, Terms},
};
use dndgate_adapter::{Channel, Channels, Severity};
use dndgate_dnd::{ReasonKind, Threshold};
use jiff::SignedDuration;
use mlua::{Function, Lua, Table};
use std::collections::HashMap;

/// A failed send, as the adapter reports it.
#[derive(Debug, Clone, Copy)]
pub struct FailureCode<'a> {
    /// The name of the provider's adapter.
    pub provider: &'a str,
    /// The channel of the send.
    pub channel: Channel,
    /// The provider's code.
    pub code: &'a str,
    /// How final it is by the provider's own word.
    pub severity: Severity,
    /// The provider's words.
    pub message: &'a str,
}

/// How long a code blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effect {
    /// It says nothing of the person.
    #[default]
    None,
    /// Blocked, and an operator may end it.
    Temporary,
    /// Blocked for good: locked where R22 says so.
    Permanent,
    /// The person wants messages again, as by an opt-in reply (R23). Counts only for what a person pressed, never
    /// for a failed send.
    OptIn,
}

impl Effect {
    /// The name in policies and on the API.
    pub const fn name(self) -> &'static str {
        match self {
            Effect::None => "none",
            Effect::Temporary => "temporary",
            Effect::Permanent => "permanent",
            Effect::OptIn => "opt_in",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Effect> {
        [Effect::None, Effect::Temporary, Effect::Permanent, Effect::OptIn]
            .into_iter()
            .find(|effect| effect.name() == name)
    }
}

/// What a failed send causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeEffect {
    /// Does the policy know the code? An unknown one is to be logged and counted; it changes nothing.
    pub known: bool,
    /// How long it blocks.
    pub effect: Effect,
    /// The kind of reason it gives.
    pub reason: ReasonKind,
    /// What the code means, in plain words.
    pub message: String,
    /// The channels it concerns.
    pub channels: Channels,
    /// The block ends by itself after so long, counted from the failure. `None`: not by itself.
    pub expires: Option<SignedDuration>,
    /// The block begins with so many failures. `None`: with the first.
    pub threshold: Option<Threshold>,
}

impl CodeEffect {
    fn unknown(failure: &FailureCode<'_>) -> CodeEffect {
        CodeEffect {
            known: false,
            effect: Effect::None,
            reason: ReasonKind::Carrier,
            message: failure.message.to_owned(),
            channels: failure.channel.into(),
            expires: None,
            threshold: None,
        }
    }
}

/// `error_codes.lua`, compiled: provider → code → what it means.
#[derive(Debug, Clone, Default)]
pub(crate) struct Codes {
    providers: HashMap<String, Provider>,
    /// What holds for providers that are not listed.
    terms: Terms,
    /// The file has a function for codes that are not listed.
    pub(crate) asks: bool,
}

/// One provider's codes.
#[derive(Debug, Clone, Default)]
struct Provider {
    entries: HashMap<String, Entry>,
    terms: Terms,
}

#[derive(Debug, Clone)]
struct Entry {
    effect: Effect,
    reason: ReasonKind,
    message: String,
    /// Empty: the channel of the send.
    channels: Channels,
    /// Counts only when the provider does not call the failure temporary.
    permanent_only: bool,
    terms: Terms,
}

const ENTRY_KEYS: [&str; 8] =
    ["effect", "reason", "message", "channel", "channels", "severity", terms::KEYS[0], terms::KEYS[1]];
/// Reasons that a code may give; the others are what people do.
const REASONS: [&str; 5] = ["carrier", "bounce", "complaint", "provider_opt_out", "unsubscribe"];
/// The key of the file that is a function.
const UNKNOWN: &str = "unknown";
/// A key of the file and of each provider: what holds where a code does not say otherwise.
const DEFAULTS: &str = "defaults";

impl Codes {
    /// Compiles the table that the file returned.
    pub(crate) fn compile(root: &Reader<'_>) -> Result<Codes, PolicyError> {
        let mut codes = Codes { terms: read_defaults(root, Terms::default())?, ..Codes::default() };
        for (name, provider) in root.named()? {
            if name == UNKNOWN {
                provider.function()?;
                codes.asks = true;
                continue;
            }
            if name == CASES || name == DEFAULTS {
                continue;
            }
            let terms = read_defaults(&provider, codes.terms)?;
            let mut entries = HashMap::new();
            for (code, entry) in provider.named()?.filter(|(code, entry)| !is_defaults(code, entry)) {
                entries.insert(code, Entry::read(&entry, terms)?);
            }
            codes.providers.insert(name, Provider { entries, terms });
        }
        Ok(codes)
    }

    /// What a failure causes; `script` runs the file when it has a function for codes not listed.
    pub(crate) fn judge(&self, failure: &FailureCode<'_>, script: Option<&Pool>) -> CodeEffect {
        let provider = self.providers.get(failure.provider);
        if let Some(entry) = provider.and_then(|provider| provider.entries.get(failure.code)) {
            return entry.judge(failure);
        }
        let Some(script) = script else { return CodeEffect::unknown(failure) };
        let terms = provider.map_or(self.terms, |provider| provider.terms);
        match script.run(|lua, table| ask(lua, &table, failure, terms)) {
            Ok(Some(entry)) => entry.judge(failure),
            Ok(None) => CodeEffect::unknown(failure),
            Err(fault) => {
                tracing::warn!(provider = failure.provider, code = failure.code, %fault, "error_codes.lua: unknown(failure) failed");
                CodeEffect::unknown(failure)
            }
        }
    }
}

impl Entry {
    fn read(reader: &Reader<'_>, above: Terms) -> Result<Entry, PolicyError> {
        reader.only(&ENTRY_KEYS)?;
        let missing = |key: &str| reader.error(format!("the key \"{key}\" is missing"));
        let names = ["none", "temporary", "permanent", "opt_in"];
        let effect = reader.get("effect").ok_or_else(|| missing("effect"))?.choice(&names, Effect::parse)?;
        let reason = match reader.get("reason") {
            Some(reason) => {
                reason.choice(&REASONS, |name| ReasonKind::parse(name).filter(|_| REASONS.contains(&name)))?
            }
            None if matches!(effect, Effect::None | Effect::OptIn) => ReasonKind::Carrier,
            None => {
                let what = format!("the key \"reason\" is missing; it can be {}", REASONS.join(", "));
                return Err(reader.error(what));
            }
        };
        let severity = reader
            .get("severity")
            .map(|reader| reader.choice(&["permanent"], |name| (name == "permanent").then_some(())));
        let channels = match (reader.get("channel"), reader.get("channels")) {
            (Some(one), _) => one.channels()?,
            (None, Some(several)) => several.channels()?,
            (None, None) => Channels::NONE,
        };
        Ok(Entry {
            effect,
            reason,
            message: reader.text_at("message")?.unwrap_or_default().to_owned(),
            channels,
            permanent_only: severity.transpose()?.is_some(),
            terms: read_terms(reader, effect, reason, above)?,
        })
    }

    fn judge(&self, failure: &FailureCode<'_>) -> CodeEffect {
        let passes = self.permanent_only && failure.severity == Severity::Temporary;
        CodeEffect {
            known: true,
            effect: if passes { Effect::None } else { self.effect },
            reason: self.reason,
            message: if self.message.is_empty() { failure.message.to_owned() } else { self.message.clone() },
            channels: if self.channels.is_empty() { failure.channel.into() } else { self.channels },
            expires: self.terms.expires,
            threshold: self.terms.threshold,
        }
    }
}

/// How long what an entry begins lasts, and how many failures it takes. Only a technical failure passes: what a person
/// said counts at once and for good.
fn read_terms(
    entry: &Reader<'_>,
    effect: Effect,
    reason: ReasonKind,
    above: Terms,
) -> Result<Terms, PolicyError> {
    match effect {
        Effect::Temporary if reason.may_expire() => Terms::read(entry, above),
        Effect::Permanent if reason.may_expire() => {
            let why = "what is permanent does not expire; with the effect \"temporary\" it may";
            Terms::refuse(entry, &["expires"], why)?;
            Terms::read(entry, Terms::default())
        }
        Effect::Temporary | Effect::Permanent => {
            let why = format!(
                "this is for \"carrier\" and \"bounce\"; {reason} counts at once and does not expire"
            );
            Terms::refuse(entry, &terms::KEYS, &why).map(|()| Terms::default())
        }
        Effect::None | Effect::OptIn => {
            let why = "this is for codes that block; this one does not";
            Terms::refuse(entry, &terms::KEYS, why).map(|()| Terms::default())
        }
    }
}

/// A code may have that name: its table says an effect.
fn is_defaults(name: &str, table: &Reader<'_>) -> bool {
    name == DEFAULTS && table.get("effect").is_none()
}

fn read_defaults(table: &Reader<'_>, above: Terms) -> Result<Terms, PolicyError> {
    match table.get(DEFAULTS).filter(|one| is_defaults(DEFAULTS, one)) {
        Some(defaults) => {
            defaults.only(&terms::KEYS)?;
            Terms::read(&defaults, above)
        }
        None => Ok(above),
    }
}

/// Runs `unknown(failure)`.
fn ask(lua: &Lua, file: &Table, failure: &FailureCode<'_>, terms: Terms) -> Result<Option<Entry>, Fault> {
    let answer = (|| {
        let facts = lua.create_table_with_capacity(0, 5)?;
        facts.raw_set("provider", failure.provider)?;
        facts.raw_set("channel", failure.channel.name())?;
        facts.raw_set("code", failure.code)?;
        facts.raw_set("message", failure.message)?;
        let severity = match failure.severity {
            Severity::Unsaid => None,
            Severity::Permanent => Some("permanent"),
            Severity::Temporary => Some("temporary"),
        };
        facts.raw_set("severity", severity)?;
        file.raw_get::<Function>(UNKNOWN)?.call::<Option<Table>>(facts)
    })();
    let Some(table) = answer.map_err(|error| Fault::of(&error))? else { return Ok(None) };
    let node = crate::node::Node::read(&table)?;
    let source = reader::Source { file: "error_codes.lua", text: "" };
    let entry =
        Entry::read(&Reader::new(source, &node), terms).map_err(|error| Fault::told(&error.to_string()))?;
    Ok(Some(entry))
}
