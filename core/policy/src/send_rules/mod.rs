//! Send rules that are data, `rules = { … }` in `sends.lua`, and the same as functions for `on_send`: quiet
//! hours, frequency caps, holidays, kinds of sends that are blocked. They run without Lua.

mod frequency;
mod holidays;
mod hours;
mod judgement;
mod library;
mod memory;
mod quiet;
mod rule;
mod selector;
mod whereabouts;
mod zones;

pub use judgement::{ContactFacts, Judgement};
pub(crate) use library::{Current, install};
pub use memory::{Looking, MemoryCounters};
pub(crate) use rule::Objection;
use rule::{KINDS, Rule};
pub(crate) use whereabouts::Asked;
pub(crate) use zones::time_zone;

use crate::{
    PolicyError, SendFacts,
    node::{Key, Node},
    reader::{Reader, unknown},
};

/// The rules of a file.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<Rule>);

impl Rules {
    /// Reads `rules = { … }`.
    pub(crate) fn compile(rules: &Reader<'_>) -> Result<Rules, PolicyError> {
        for (key, reader) in rules.entries()? {
            match key {
                Key::Name(name) if KINDS.contains(&name.as_str()) => {}
                Key::Name(name) => return Err(reader.error(unknown("kind of rule", name, &KINDS))),
                Key::Position(_) => {
                    return Err(reader.error(format!("a rule stands under its kind: {}", KINDS.join(", "))));
                }
            }
        }
        let mut all = Vec::new();
        for kind in KINDS {
            for rule in rules.get(kind).map_or(Ok(Vec::new()), |reader| each(&reader))? {
                all.push(Rule::read(kind, &rule)?);
            }
        }
        Ok(Rules(all))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Has a rule a question about the contact?
    pub(crate) fn need_contact(&self) -> bool {
        self.0.iter().any(Rule::needs_contact)
    }

    /// What the first rule that objects has against a send.
    pub(crate) fn objection(&self, facts: &SendFacts<'_>, judgement: &mut Judgement) -> Option<Objection> {
        let contact = judgement.contact.clone();
        let asked = Asked { facts, contact: contact.as_deref() };
        self.0.iter().find_map(|rule| rule.objection(asked, judgement))
    }
}

/// One rule, or a list of them.
fn each<'a>(reader: &Reader<'a>) -> Result<Vec<Reader<'a>>, PolicyError> {
    match reader.node() {
        Node::Table(entries) if entries.iter().any(|(key, _)| matches!(key, Key::Position(_))) => {
            reader.items()
        }
        _ => Ok(vec![reader.clone()]),
    }
}
