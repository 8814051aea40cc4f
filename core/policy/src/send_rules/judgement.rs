//! What goes along with one recipient's judgement, beyond the send itself.

use super::zones::{self, Country, Spot};
use dndgate_dnd::{Cap, Counters, Place, Taken};
use jiff::Timestamp;
use mlua::{Lua, Table};
use std::{
    collections::hash_map::DefaultHasher,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// What rules may know of the contacts that hold the recipient's address.
#[derive(Debug, Clone, Default)]
pub struct ContactFacts {
    pub(crate) zones: Vec<Spot>,
    pub(crate) countries: Vec<Country>,
    pub(crate) tags: Vec<String>,
}

impl ContactFacts {
    /// Adds a contact. A time zone or country that does not exist is left out.
    pub fn add<'a>(
        &mut self,
        timezone: Option<&str>,
        country: Option<&str>,
        tags: impl IntoIterator<Item = &'a str>,
    ) {
        self.zones.extend(timezone.and_then(Spot::named));
        self.countries.extend(country.and_then(zones::country));
        self.tags.extend(tags.into_iter().map(str::to_owned));
    }
}

impl ContactFacts {
    /// As scripts see it.
    pub(crate) fn table(&self, lua: &Lua) -> mlua::Result<Table> {
        let table = lua.create_table_with_capacity(0, 3)?;
        table.raw_set("timezones", lua.create_sequence_from(self.zones.iter().map(|zone| &*zone.name))?)?;
        let countries = self.countries.iter().map(|country| String::from_utf8_lossy(country));
        table.raw_set("countries", lua.create_sequence_from(countries.map(String::from))?)?;
        table.raw_set("tags", lua.create_sequence_from(self.tags.iter().map(String::as_str))?)?;
        Ok(table)
    }
}

/// One recipient's judgement: the counts that it is made by, and what rules may know of the contact. Each count
/// that a rule takes a place in is kept only if the send goes out: dropped without [`Judgement::keep`], the
/// judgement gives all places back.
#[derive(Default)]
pub struct Judgement {
    counters: Option<Arc<dyn Counters>>,
    pub(crate) contact: Option<Arc<ContactFacts>>,
    /// One send takes one place in a count, on however many channels it is judged.
    taken: Vec<(u64, Place)>,
}

impl fmt::Debug for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judgement").field("taken", &self.taken).finish_non_exhaustive()
    }
}

impl Judgement {
    /// Judges by these counts.
    pub fn new(counters: Arc<dyn Counters>) -> Judgement {
        Judgement { counters: Some(counters), contact: None, taken: Vec::new() }
    }

    /// Tells the rules of the contact.
    #[must_use]
    pub fn knowing(mut self, contact: Option<Arc<ContactFacts>>) -> Judgement {
        self.contact = contact;
        self
    }

    /// In how many counts has it taken places?
    pub(crate) fn places(&self) -> usize {
        self.taken.len()
    }

    /// Has a rule taken places?
    pub fn counts(&self) -> bool {
        !self.taken.is_empty()
    }

    /// The send goes out: its places are kept.
    pub fn keep(&mut self) {
        self.taken.clear();
    }

    /// The send does not go out: its places are free again.
    pub fn give_back(&mut self) {
        for (_, place) in self.taken.drain(..) {
            if let Some(counters) = &self.counters {
                counters.give_back(place);
            }
        }
    }

    pub(crate) fn take(&mut self, cap: &Cap<'_>, now: Timestamp) -> Taken {
        let mut hasher = DefaultHasher::new();
        (cap.key, cap.window).hash(&mut hasher);
        let own = hasher.finish();
        if let Some((_, place)) = self.taken.iter().find(|(one, _)| *one == own) {
            return Taken::Place(*place);
        }
        let taken = match &self.counters {
            Some(counters) => counters.take(cap, now),
            // Nothing was sent before.
            None if cap.limit == 0 => Taken::Full,
            None => Taken::Place(Place { count: own, at: 0, window: cap.window }),
        };
        if let Taken::Place(place) = taken {
            self.taken.push((own, place));
        }
        taken
    }

    pub(crate) fn count(&self, cap: &Cap<'_>, now: Timestamp) -> u64 {
        self.counters.as_ref().map_or(0, |counters| counters.count(cap, now))
    }
}

impl Drop for Judgement {
    fn drop(&mut self) {
        self.give_back();
    }
}
