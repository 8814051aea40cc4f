//! Frequency caps: no more than so many in a window of time.

use super::{judgement::Judgement, whereabouts::Asked};
use crate::{
    PolicyError,
    node::{Key, Node},
    reader::Reader,
    terms,
};
use dndgate_dnd::{Cap, Taken, address, caps::WINDOW_SECONDS_MAX};
use std::fmt::Write;

#[derive(Debug)]
pub(crate) struct Frequency {
    limit: u32,
    /// As the operator wrote it, for people.
    per: String,
    window: u32,
    by: Vec<By>,
    /// What tells its counts from those of other rules.
    name: String,
}

/// What is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Recipient,
    Sender,
    Channel,
    Provider,
    Kind,
    Tenant,
}

/// The largest limit: more a window is no cap that anybody needs to count.
const LIMIT_MAX: usize = 100_000_000;
/// What a rule says when its counts have no room.
pub(crate) const NO_ROOM: &str =
    "there is no room for another count of sends: raise counters under [policies] in dndgate.toml";

impl Frequency {
    pub(crate) const KEYS: [&str; 3] = ["limit", "per", "by"];

    pub(crate) fn read(rule: &Reader<'_>) -> Result<Frequency, PolicyError> {
        let missing = |key: &str, such: &str| {
            rule.error(format!("the key \"{key}\" is missing, such as {key} = {such}"))
        };
        let limit = rule.get("limit").ok_or_else(|| missing("limit", "3"))?.count(LIMIT_MAX)?;
        let per = rule.get("per").ok_or_else(|| missing("per", "\"day\""))?;
        let window = window(per.text()?).ok_or_else(|| {
            per.error("this has to be a time such as \"hour\", \"day\", \"week\", \"90m\", \"24h\" or \"30d\"; 400 days at most")
        })?;
        let by = |reader: &Reader<'_>| reader.choice(&By::NAMES.map(|(name, _)| name), By::parse);
        let by = match rule.get("by") {
            Some(list) => list.items()?.iter().map(by).collect::<Result<Vec<_>, _>>()?,
            None => vec![By::Recipient],
        };
        let name = match rule.text_at("name")? {
            Some(name) => name.to_owned(),
            // What the rule is about; another limit or reason goes on with the same counts.
            None => about(rule.node()),
        };
        Ok(Frequency { limit: limit as u32, per: per.text()?.to_owned(), window, by, name })
    }

    /// What it has against a send, and whether that is a fault. Takes a place if it has nothing.
    pub(crate) fn objection(&self, asked: Asked<'_>, judgement: &mut Judgement) -> Option<(String, bool)> {
        let facts = asked.facts;
        let mut key = String::with_capacity(self.name.len() + 40);
        key.push_str(&self.name);
        for by in &self.by {
            key.push('\0');
            match by {
                By::Recipient => {
                    key.push_str(facts.address_kind.name());
                    key.push_str(&address::key_of_shown(facts.address_kind, facts.address));
                }
                By::Sender => key.push_str(facts.sender),
                By::Channel => key.push_str(facts.channel.name()),
                By::Provider => key.push_str(facts.provider),
                By::Kind => key.push_str(facts.kind),
                By::Tenant => {}
            }
        }
        let cap = Cap { tenant: facts.tenant, key: &key, limit: self.limit, window: self.window };
        match judgement.take(&cap, facts.now) {
            Taken::Place(_) => None,
            Taken::Full => {
                let whom = if self.by.contains(&By::Recipient) { " to this recipient" } else { "" };
                Some((format!("frequency cap: no more than {} in {}{whom}", self.limit, self.per), false))
            }
            Taken::NoRoom => Some((NO_ROOM.to_owned(), true)),
        }
    }
}

impl By {
    const NAMES: [(&str, By); 6] = [
        ("recipient", By::Recipient),
        ("sender", By::Sender),
        ("channel", By::Channel),
        ("provider", By::Provider),
        ("kind", By::Kind),
        ("tenant", By::Tenant),
    ];

    fn parse(name: &str) -> Option<By> {
        By::NAMES.iter().find(|(known, _)| *known == name).map(|(_, by)| *by)
    }
}

/// `"day"`, `"24h"`, … in seconds.
pub(crate) fn window(written: &str) -> Option<u32> {
    let seconds = match written.trim() {
        "minute" => 60,
        "hour" => 3600,
        "day" => 24 * 3600,
        "week" => 7 * 24 * 3600,
        length => terms::parse(length)?.as_secs(),
    };
    u32::try_from(seconds).ok().filter(|window| (1..=WINDOW_SECONDS_MAX).contains(window))
}

/// A rule without what may change while its counts go on.
fn about(rule: &Node) -> String {
    fn tell(node: &Node, into: &mut String) {
        match node {
            Node::Table(entries) => {
                for (key, value) in entries {
                    let name = match key {
                        Key::Name(name) => name.as_str(),
                        Key::Position(_) => "",
                    };
                    let _ = write!(into, "{name}=");
                    tell(value, into);
                    into.push(';');
                }
            }
            Node::Text(text) => into.push_str(text),
            Node::Number(number) => _ = write!(into, "{number}"),
            Node::Bool(flag) => _ = write!(into, "{flag}"),
            Node::Function => {}
        }
    }
    let mut told = String::new();
    if let Node::Table(entries) = rule {
        for (key, value) in entries {
            if let Key::Name(name) = key
                && !["limit", "reason", "per"].contains(&name.as_str())
            {
                told.push_str(name);
                told.push('=');
                tell(value, &mut told);
                told.push(';');
            }
        }
    }
    told
}
