//! One rule of `rules = { … }`: which sends it is about, and what it demands of them.

use super::{
    frequency::Frequency,
    holidays::Holidays,
    judgement::Judgement,
    quiet::Quiet,
    selector::{self, Fits, Selector},
    whereabouts::Asked,
};
use crate::{PolicyError, reader::Reader};
use dndgate_adapter::{Channel, Channels};

/// The kinds of rules, by their keys, in the order in which they are asked: what takes a place in a count comes
/// last.
pub(crate) const KINDS: [&str; 4] = ["block", "holidays", "quiet_hours", "caps"];

/// A rule.
#[derive(Debug)]
pub(crate) struct Rule {
    name: String,
    only: Selector,
    except: Option<Selector>,
    reason: Option<String>,
    demand: Demand,
}

#[derive(Debug)]
enum Demand {
    /// Nothing of the kind goes out.
    Nothing,
    Hours(Quiet),
    Days(Holidays),
    Frequency(Frequency),
}

/// What a rule has against a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objection {
    pub(crate) reason: String,
    pub(crate) rule: String,
    /// The rule could not be asked.
    pub(crate) fault: bool,
}

impl Rule {
    /// Reads a rule of a kind (see [`KINDS`]).
    pub(crate) fn read(kind: &str, rule: &Reader<'_>) -> Result<Rule, PolicyError> {
        let own: &[&str] = match kind {
            "quiet_hours" => &Quiet::KEYS,
            "holidays" => &Holidays::KEYS,
            "caps" => &Frequency::KEYS,
            _ => &[],
        };
        let common = ["name", "reason", "except"];
        rule.only(&[own, &selector::KEYS, &common].concat())?;
        let mut only = Selector::read(rule)?;
        let demand = match kind {
            "quiet_hours" => {
                // Mail waits in its box until morning.
                only = only.or_channels(Channels::of(Channel::Sms).with(Channels::of(Channel::Call)));
                Demand::Hours(Quiet::read(rule)?)
            }
            "holidays" => Demand::Days(Holidays::read(rule)?),
            "caps" => Demand::Frequency(Frequency::read(rule)?),
            _ => Demand::Nothing,
        };
        let except = rule.get("except").map(|except| {
            except.only(&selector::KEYS)?;
            Selector::read(&except)
        });
        let name = rule.text_at("name")?;
        Ok(Rule {
            name: name.map_or_else(|| kind.to_owned(), |name| format!("{kind}: {name}")),
            only,
            except: except.transpose()?,
            reason: rule.text_at("reason")?.map(str::to_owned),
            demand,
        })
    }

    pub(crate) fn needs_contact(&self) -> bool {
        let demands = match &self.demand {
            Demand::Hours(quiet) => quiet.needs_contact(),
            Demand::Days(holidays) => holidays.needs_contact(),
            Demand::Nothing | Demand::Frequency(_) => false,
        };
        demands || self.only.needs_contact() || self.except.as_ref().is_some_and(Selector::needs_contact)
    }

    /// What the rule has against a send.
    pub(crate) fn objection(&self, asked: Asked<'_>, judgement: &mut Judgement) -> Option<Objection> {
        let excepted = || self.except.as_ref().is_some_and(|except| except.fits(asked, Fits::Certainly));
        if !self.only.fits(asked, Fits::Possibly) || excepted() {
            return None;
        }
        let found = match &self.demand {
            Demand::Nothing => Some(("this kind of send is blocked".to_owned(), false)),
            Demand::Hours(quiet) => quiet.objection(asked).map(|reason| (reason, false)),
            Demand::Days(holidays) => holidays.objection(asked).map(|reason| (reason, false)),
            Demand::Frequency(frequency) => frequency.objection(asked, judgement),
        };
        let (said, fault) = found?;
        let reason = self.reason.clone().filter(|_| !fault).unwrap_or(said);
        Some(Objection { reason, rule: self.name.clone(), fault })
    }
}
