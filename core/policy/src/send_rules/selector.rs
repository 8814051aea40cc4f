//! Which sends a rule is about.

use super::{
    whereabouts::Asked,
    zones::{self, Country},
};
use crate::{PolicyError, reader::Reader};
use dndgate_adapter::{AddressKind, Channels};

/// What a rule is about; what is not named does not matter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    channels: Option<Channels>,
    tags: Option<Patterns>,
    senders: Option<Patterns>,
    kinds: Option<Patterns>,
    providers: Option<Patterns>,
    contact_tags: Option<Patterns>,
    countries: Option<Vec<Country>>,
    prefixes: Option<Vec<String>>,
}

/// The keys of a selector.
pub(crate) const KEYS: [&str; 8] =
    ["channels", "tags", "senders", "kinds", "providers", "contact_tags", "countries", "prefixes"];

/// A recipient may be in several countries: does one that fits suffice?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fits {
    Possibly,
    Certainly,
}

impl Selector {
    /// Reads the keys of a selector, beside which others may stand.
    pub(crate) fn read(rule: &Reader<'_>) -> Result<Selector, PolicyError> {
        let patterns = |key: &str| rule.get(key).map(|reader| Patterns::read(&reader)).transpose();
        let country = |reader: &Reader<'_>| {
            let written = reader.text()?;
            zones::country(written).ok_or_else(|| {
                reader.error(format!("there is no country \"{written}\"; write two letters such as \"US\""))
            })
        };
        let prefix = |reader: &Reader<'_>| match reader.text()? {
            prefix if prefix.len() > 1 && prefix.starts_with('+') => Ok(prefix.to_owned()),
            _ => Err(reader.error("this has to be the beginning of a number such as \"+1305\"")),
        };
        let list = |key: &str| rule.get(key).map(|reader| reader.items()).transpose();
        Ok(Selector {
            channels: rule.get("channels").map(|reader| reader.channels()).transpose()?,
            tags: patterns("tags")?,
            senders: patterns("senders")?,
            kinds: patterns("kinds")?,
            providers: patterns("providers")?,
            contact_tags: patterns("contact_tags")?,
            countries: list("countries")?.map(|all| all.iter().map(country).collect()).transpose()?,
            prefixes: list("prefixes")?.map(|all| all.iter().map(prefix).collect()).transpose()?,
        })
    }

    /// About these channels where it names none.
    pub(crate) fn or_channels(mut self, channels: Channels) -> Selector {
        self.channels.get_or_insert(channels);
        self
    }

    pub(crate) fn needs_contact(&self) -> bool {
        self.contact_tags.is_some()
    }

    pub(crate) fn fits(&self, asked: Asked<'_>, fits: Fits) -> bool {
        let facts = asked.facts;
        let one_of = |patterns: &Option<Patterns>, text: &str| {
            patterns.as_ref().is_none_or(|patterns| patterns.fit(text))
        };
        let contact_tags = || asked.contact.iter().flat_map(|contact| &contact.tags);
        self.channels.is_none_or(|channels| channels.has(facts.channel))
            && self.tags.as_ref().is_none_or(|tags| facts.tags.iter().any(|tag| tags.fit(tag)))
            && one_of(&self.senders, facts.sender)
            && one_of(&self.kinds, facts.kind)
            && one_of(&self.providers, facts.provider)
            && self.contact_tags.as_ref().is_none_or(|tags| contact_tags().any(|tag| tags.fit(tag)))
            && self.prefixes.as_ref().is_none_or(|all| {
                facts.address_kind == AddressKind::Phone
                    && all.iter().any(|prefix| facts.address.starts_with(prefix.as_str()))
            })
            && self.countries.as_ref().is_none_or(|wanted| {
                let possible = asked.countries();
                let is_wanted = |country: &Country| wanted.contains(country);
                match fits {
                    Fits::Possibly => possible.is_empty() || possible.iter().any(is_wanted),
                    Fits::Certainly => !possible.is_empty() && possible.iter().all(is_wanted),
                }
            })
    }
}

/// Words, in any case; one that ends in `*` fits whatever begins so.
#[derive(Debug, Clone)]
struct Patterns(Vec<String>);

impl Patterns {
    fn read(reader: &Reader<'_>) -> Result<Patterns, PolicyError> {
        Ok(Patterns(reader.texts()?.into_iter().map(str::to_owned).collect()))
    }

    fn fit(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(begin) => text.get(..begin.len()).is_some_and(|start| start.eq_ignore_ascii_case(begin)),
            None => pattern.eq_ignore_ascii_case(text),
        })
    }
}
