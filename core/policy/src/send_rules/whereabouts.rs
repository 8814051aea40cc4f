//! A recipient's possible time zones and countries, as far as a rule may ask.

use super::{
    judgement::ContactFacts,
    zones::{self, Country, Spot},
};
use crate::{PolicyError, SendFacts, reader::Reader};
use dndgate_adapter::AddressKind;
use smallvec::SmallVec;

/// A send to one recipient, and what is known of the contact.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) facts: &'a SendFacts<'a>,
    pub(crate) contact: Option<&'a ContactFacts>,
}

/// What tells the time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The telephone number alone.
    Address,
    /// The contact's own time zone; the number where the contact has none, then the contact's country.
    Contact,
    /// Both at once.
    Both,
}

/// In which of the possible zones it has to be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Every,
    Any,
}

impl By {
    pub(crate) fn read(reader: &Reader<'_>) -> Result<By, PolicyError> {
        reader.choice(&["address", "contact", "both"], |name| match name {
            "address" => Some(By::Address),
            "contact" => Some(By::Contact),
            "both" => Some(By::Both),
            _ => None,
        })
    }
}

impl Which {
    pub(crate) fn parse(name: &str) -> Option<Which> {
        match name {
            "every" => Some(Which::Every),
            "any" => Some(Which::Any),
            _ => None,
        }
    }

    pub(crate) fn read(reader: &Reader<'_>) -> Result<Which, PolicyError> {
        reader.choice(&["every", "any"], Which::parse)
    }
}

pub(crate) type Spots<'a> = SmallVec<[&'a Spot; 4]>;

impl<'a> Asked<'a> {
    fn of_number(self) -> Option<zones::Zones> {
        (self.facts.address_kind == AddressKind::Phone).then(|| zones::of_phone(self.facts.address)).flatten()
    }

    /// Where the recipient may be; none when nothing tells.
    pub(crate) fn spots(self, by: By, fallback: &'a [Spot]) -> Spots<'a> {
        let mut spots = Spots::new();
        let contact = self.contact.filter(|_| by != By::Address);
        spots.extend(contact.iter().flat_map(|contact| &contact.zones));
        if (spots.is_empty() || by == By::Both)
            && let Some(zones) = self.of_number()
        {
            spots.extend(zones.iter().filter_map(|zone| zones::spot(*zone)));
        }
        if spots.is_empty() {
            let countries = contact.iter().flat_map(|contact| &contact.countries);
            let zones = countries.filter_map(|country| zones::of_country(*country)).flatten();
            spots.extend(zones.filter_map(|zone| zones::spot(*zone)));
        }
        if spots.is_empty() {
            spots.extend(fallback);
        }
        spots
    }

    /// Where the recipient may be from: the contact's country, or those that the number may belong to.
    pub(crate) fn countries(self) -> SmallVec<[Country; 4]> {
        let mut countries = SmallVec::new();
        countries.extend(self.contact.iter().flat_map(|contact| contact.countries.iter().copied()));
        if countries.is_empty()
            && let Some(zones) = self.of_number()
        {
            countries.extend(zones.iter().filter_map(|zone| zones::country_of(*zone)));
            countries.dedup();
        }
        countries
    }
}

/// Zones to assume where nothing tells.
pub(crate) fn fallback(reader: &Reader<'_>) -> Result<Vec<Spot>, PolicyError> {
    let spot = |reader: &Reader<'_>| {
        let name = reader.text()?;
        Spot::named(name).ok_or_else(|| {
            reader.error(format!("there is no time zone \"{name}\"; write it like \"America/New_York\""))
        })
    };
    reader.items()?.iter().map(spot).collect()
}
