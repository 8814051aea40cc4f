//! Days on which nothing goes out, by the recipient's calendar.

use super::{
    quiet,
    whereabouts::{self, Asked, By},
    zones::Spot,
};
use crate::{PolicyError, reader::Reader};
use jiff::{SignedDuration, civil::Date, tz::Offset};

#[derive(Debug)]
pub(crate) struct Holidays {
    /// Sorted. A day without a year is one in every year.
    days: Vec<(Option<i16>, i8, i8)>,
    by: By,
    fallback: Vec<Spot>,
    scheduled: bool,
}

impl Holidays {
    pub(crate) const KEYS: [&str; 4] = ["dates", "by", "fallback", "scheduled"];

    pub(crate) fn read(rule: &Reader<'_>) -> Result<Holidays, PolicyError> {
        let dates = rule.get("dates").ok_or_else(|| {
            rule.error("the key \"dates\" is missing: a list such as { \"2026-11-26\", \"12-25\" }")
        })?;
        let mut days = dates.items()?.iter().map(day).collect::<Result<Vec<_>, _>>()?;
        days.sort_unstable();
        Ok(Holidays {
            days,
            by: rule.get("by").map_or(Ok(By::Address), |reader| By::read(&reader))?,
            fallback: rule.get("fallback").map_or(Ok(Vec::new()), |reader| whereabouts::fallback(&reader))?,
            scheduled: quiet::scheduled(rule)?,
        })
    }

    pub(crate) fn needs_contact(&self) -> bool {
        self.by != By::Address
    }

    fn hold(&self, date: Date) -> bool {
        let is = |year| self.days.binary_search(&(year, date.month(), date.day())).is_ok();
        is(None) || is(Some(date.year()))
    }

    pub(crate) fn objection(&self, asked: Asked<'_>) -> Option<String> {
        let facts = asked.facts;
        if facts.scheduled {
            return (!self.scheduled).then(|| {
                "holidays: it leaves later, on a day that the gateway does not know (scheduled = \"allow\" lets \
                 it through)"
                    .to_owned()
            });
        }
        let spots = asked.spots(self.by, &self.fallback);
        let held = if spots.is_empty() {
            // Wherever the recipient is, it is one of the days between the first and the last zone of the earth.
            let day = |hours| {
                let there = facts.now.checked_add(SignedDuration::from_hours(hours)).ok()?;
                Some(Offset::UTC.to_datetime(there).date())
            };
            [-12, 0, 14].into_iter().filter_map(day).find(|date| self.hold(*date))
        } else {
            spots.iter().map(|spot| spot.at(facts.now).date()).find(|date| self.hold(*date))
        };
        held.map(|date| format!("holiday: {date} for the recipient"))
    }
}

/// `2026-12-25`, or `12-25` for every year.
fn day(reader: &Reader<'_>) -> Result<(Option<i16>, i8, i8), PolicyError> {
    let text = reader.text()?;
    let whole = || text.parse::<Date>().ok().filter(|_| text.len() == 10);
    // In a leap year, so that the 29th of February can be written.
    let yearly = || format!("2024-{text}").parse::<Date>().ok().filter(|_| text.len() == 5);
    match (whole(), yearly()) {
        (Some(date), _) => Ok((Some(date.year()), date.month(), date.day())),
        (None, Some(date)) => Ok((None, date.month(), date.day())),
        (None, None) => {
            Err(reader.error("this has to be a date such as \"2026-12-25\", or \"12-25\" for every year"))
        }
    }
}
