//! What `on_send` may ask: the rules of `rules = { … }` as functions, and the counts, hours and tags below them.

use super::{
    Judgement, Objection, Rule,
    frequency::{NO_ROOM, window},
    hours::Hours,
    rule::KINDS,
    whereabouts::{Asked, By, Which},
};
use crate::{
    PolicyError, SendFacts,
    node::Node,
    reader::{Reader, Source},
};
use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::{Cap, Taken};
use jiff::Timestamp;
use mlua::{Error, Lua, Result, Table, Value, Variadic};
use std::borrow::Cow;

/// The send that a state judges now.
pub(crate) struct Current {
    tenant: String,
    provider: String,
    channel: Channel,
    kind: String,
    address_kind: AddressKind,
    address: String,
    sender: String,
    tags: Vec<String>,
    scheduled: bool,
    now: Timestamp,
    judgement: Judgement,
}

impl Current {
    pub(crate) fn new(facts: &SendFacts<'_>, judgement: Judgement) -> Current {
        Current {
            tenant: facts.tenant.to_owned(),
            provider: facts.provider.to_owned(),
            channel: facts.channel,
            kind: facts.kind.to_owned(),
            address_kind: facts.address_kind,
            address: facts.address.to_owned(),
            sender: facts.sender.to_owned(),
            tags: facts.tags.iter().map(ToString::to_string).collect(),
            scheduled: facts.scheduled,
            now: facts.now,
            judgement,
        }
    }

    pub(crate) fn into_judgement(self) -> Judgement {
        self.judgement
    }

    fn ask<R>(&mut self, question: impl FnOnce(Asked<'_>, &mut Judgement) -> R) -> R {
        let tags: Vec<Cow<'_, str>> = self.tags.iter().map(|tag| tag.as_str().into()).collect();
        let facts = SendFacts {
            tenant: &self.tenant,
            provider: &self.provider,
            channel: self.channel,
            kind: &self.kind,
            address_kind: self.address_kind,
            address: &self.address,
            sender: &self.sender,
            tags: &tags,
            scheduled: self.scheduled,
            now: self.now,
            request_id: "",
        };
        let contact = self.judgement.contact.clone();
        question(Asked { facts: &facts, contact: contact.as_deref() }, &mut self.judgement)
    }
}

/// Puts the library into the globals.
pub(crate) fn install(lua: &Lua) -> Result<()> {
    let globals = lua.globals();
    let rules = lua.create_table()?;
    for kind in KINDS {
        let ask = move |lua: &Lua, options| placed(lua, rule(lua, kind, options));
        rules.raw_set(kind, lua.create_function(ask)?)?;
    }
    globals.raw_set("rules", rules)?;
    globals.raw_set("cap", lua.create_function(|lua, args| placed(lua, cap(lua, args)))?)?;
    globals.raw_set("sent", lua.create_function(|lua, args| placed(lua, sent(lua, args)))?)?;
    globals.raw_set("within", lua.create_function(|lua, args| placed(lua, within(lua, args)))?)?;
    globals.raw_set("zones", lua.create_function(|lua, args| placed(lua, zones(lua, args)))?)?;
    globals.raw_set("tagged", lua.create_function(|lua, args| placed(lua, tagged(lua, args)))?)
}

/// Says in which line of the script what went wrong, as the engine does for its own functions.
fn placed<R>(lua: &Lua, answer: Result<R>) -> Result<R> {
    answer.map_err(|error| match error {
        Error::RuntimeError(what) => {
            let place = lua.inspect_stack(1, |caller| {
                Some(format!("{}:{}: ", caller.source().short_src?, caller.current_line()?))
            });
            Error::RuntimeError(format!("{}{what}", place.flatten().unwrap_or_default()))
        }
        other => other,
    })
}

/// The most counts in which one send takes places.
const PLACES_MAX: usize = 32;
/// The longest name of a count, in bytes.
const KEY_BYTES_MAX: usize = 1024;

/// A script that counts in a loop would fill what all rules share.
fn bounded(judgement: &Judgement) -> Result<()> {
    if judgement.places() < PLACES_MAX {
        return Ok(());
    }
    Err(Error::runtime(format!("one send is counted in at most {PLACES_MAX} counts")))
}

fn current<R>(lua: &Lua, what: &str, with: impl FnOnce(&mut Current) -> Result<R>) -> Result<R> {
    match lua.app_data_mut::<Current>() {
        Some(mut current) => with(&mut current),
        None => Err(Error::runtime(format!("{what} can be asked within on_send only"))),
    }
}

/// `rules.quiet_hours { … }`: nil, or what `on_send` may answer to block.
fn rule(lua: &Lua, kind: &'static str, options: Option<Table>) -> Result<Option<Table>> {
    let node = match &options {
        Some(table) => Node::read(table).map_err(|fault| Error::runtime(format!("rules.{kind}: {fault}")))?,
        None => Node::Table(Vec::new()),
    };
    let reader = Reader::new(Source { file: "", text: "" }, &node);
    let rule = Rule::read(kind, &reader).map_err(|error| match error {
        PolicyError::Value { key, what, .. } => Error::runtime(format!("rules.{kind}: {key}: {what}")),
        other => Error::runtime(format!("rules.{kind}: {other}")),
    })?;
    let said = current(lua, "rules", |current| {
        bounded(&current.judgement)?;
        Ok(current.ask(|asked, judgement| rule.objection(asked, judgement)))
    })?;
    match said {
        None => Ok(None),
        Some(Objection { reason, fault: true, .. }) => Err(Error::runtime(reason)),
        Some(Objection { reason, rule, .. }) => {
            let answer = lua.create_table_with_capacity(0, 3)?;
            answer.raw_set("block", true)?;
            answer.raw_set("reason", reason)?;
            answer.raw_set("rule", rule)?;
            Ok(Some(answer))
        }
    }
}

/// A window: seconds, or a text such as `"24h"`.
fn seconds(value: &Value) -> Option<u32> {
    match value {
        Value::String(text) => window(&text.to_string_lossy()),
        Value::Integer(number) => window(&format!("{number}s")),
        Value::Number(number) if number.fract() == 0.0 => window(&format!("{number}s")),
        _ => None,
    }
}

const WINDOW: &str =
    "the window has to be a time such as \"24h\", \"7d\" or a number of seconds; 400 days at most";

/// `cap(key, limit, window)`: takes a place; false when there is none.
fn cap(lua: &Lua, (key, limit, window): (String, f64, Value)) -> Result<bool> {
    let window = seconds(&window).ok_or_else(|| Error::runtime(format!("cap: {WINDOW}")))?;
    if !(limit.fract() == 0.0 && (0.0..=1e8).contains(&limit)) {
        return Err(Error::runtime("cap: the second value has to be a whole number, how many may be sent"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
    let limit = limit as u32;
    if key.len() > KEY_BYTES_MAX {
        return Err(Error::runtime(format!("cap: the first value is longer than {KEY_BYTES_MAX} bytes")));
    }
    current(lua, "cap", |current| {
        bounded(&current.judgement)?;
        let cap = Cap { tenant: &current.tenant, key: &key, limit, window };
        match current.judgement.take(&cap, current.now) {
            Taken::Place(_) => Ok(true),
            Taken::Full => Ok(false),
            Taken::NoRoom => Err(Error::runtime(NO_ROOM)),
        }
    })
}

/// `sent(key, window)`: how many places of that count are taken.
fn sent(lua: &Lua, (key, window): (String, Value)) -> Result<u64> {
    let window = seconds(&window).ok_or_else(|| Error::runtime(format!("sent: {WINDOW}")))?;
    current(lua, "sent", |current| {
        let cap = Cap { tenant: &current.tenant, key: &key, limit: 0, window };
        Ok(current.judgement.count(&cap, current.now))
    })
}

/// `within("8-21", "every")`: is it so in every, or in any, zone where the recipient may be? nil: nothing tells.
fn within(lua: &Lua, (hours, which): (String, Option<String>)) -> Result<Option<bool>> {
    let hours = Hours::parse(&hours)
        .ok_or_else(|| Error::runtime("within: the first value has to be hours such as \"8-21\""))?;
    let which = Which::parse(which.as_deref().unwrap_or("every"))
        .ok_or_else(|| Error::runtime("within: the second value has to be \"every\" or \"any\""))?;
    current(lua, "within", |current| {
        Ok(current.ask(|asked, _| {
            let spots = asked.spots(By::Contact, &[]);
            let mut allowed = spots.iter().map(|spot| hours.allow(spot.at(asked.facts.now)));
            match which {
                _ if spots.is_empty() => None,
                Which::Every => Some(allowed.all(|one| one)),
                Which::Any => Some(allowed.any(|one| one)),
            }
        }))
    })
}

/// `zones()`: the names of the zones where the recipient may be.
fn zones(lua: &Lua, (): ()) -> Result<Table> {
    let names: Vec<_> = current(lua, "zones", |current| {
        Ok(current
            .ask(|asked, _| asked.spots(By::Contact, &[]).iter().map(|spot| spot.name.clone()).collect()))
    })?;
    lua.create_sequence_from(names.iter().map(|name| &**name))
}

/// `tagged("marketing", …)`: has the send one of these tags, in any case?
fn tagged(lua: &Lua, wanted: Variadic<String>) -> Result<bool> {
    current(lua, "tagged", |current| {
        Ok(current.tags.iter().any(|tag| wanted.iter().any(|one| one.eq_ignore_ascii_case(tag))))
    })
}
