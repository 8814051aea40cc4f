//! Hours of a week in which something may be sent: `"8-21"`, `"9:00-12:30, 14-20"`, `"none"`.

use crate::{PolicyError, node::Key, reader::Reader};
use jiff::civil::{DateTime, Weekday};
use std::fmt;

/// Spans of each day, Monday first, in minutes after midnight; a span's end does not belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hours([Vec<(u16, u16)>; 7]);

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const DAY_MINUTES: u16 = 24 * 60;

impl Hours {
    /// From 8 to 21 o'clock, every day.
    pub(crate) fn usual() -> Hours {
        Hours::daily(vec![(8 * 60, 21 * 60)])
    }

    fn daily(spans: Vec<(u16, u16)>) -> Hours {
        Hours(std::array::from_fn(|_| spans.clone()))
    }

    /// The same every day, written as a text.
    pub(crate) fn parse(written: &str) -> Option<Hours> {
        spans(written).map(Hours::daily)
    }

    /// A text for every day, or a table with days of their own: `{ "8-21", sunday = "none" }`.
    pub(crate) fn read(reader: &Reader<'_>) -> Result<Hours, PolicyError> {
        let of = |reader: &Reader<'_>| {
            spans(reader.text()?).ok_or_else(|| {
                reader.error(
                    "this has to be hours such as \"8-21\", \"9:00-12:30, 14-20\", \"all\" or \"none\"",
                )
            })
        };
        if let Ok(text) = reader.text() {
            return Hours::parse(text).map_or_else(|| of(reader).map(Hours::daily), Ok);
        }
        let mut hours = Hours::usual();
        for (key, day) in reader.entries()? {
            match key {
                Key::Position(1) => hours = Hours::daily(of(&day)?),
                Key::Position(_) => {
                    return Err(day.error("one text says the hours of every day; join them with a comma"));
                }
                Key::Name(name) => match DAYS.iter().position(|known| known == name) {
                    Some(place) => hours.0[place] = of(&day)?,
                    None => return Err(day.error(crate::reader::unknown("day", name, &DAYS))),
                },
            }
        }
        Ok(hours)
    }

    fn day(&self, weekday: Weekday) -> &[(u16, u16)] {
        &self.0[usize::from(weekday.to_monday_zero_offset().unsigned_abs())]
    }

    /// May it be sent at this time of this day?
    pub(crate) fn allow(&self, there: DateTime) -> bool {
        let minute = u16::from(there.hour().unsigned_abs()) * 60 + u16::from(there.minute().unsigned_abs());
        self.day(there.weekday()).iter().any(|(from, to)| (*from..*to).contains(&minute))
    }

    /// The hours of that day, for people.
    pub(crate) fn of_day(&self, there: DateTime) -> impl fmt::Display + '_ {
        Spans(self.day(there.weekday()))
    }
}

struct Spans<'a>(&'a [(u16, u16)]);

impl fmt::Display for Spans<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("not on this day");
        }
        for (index, (from, to)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { " and " };
            write!(f, "{separator}{}:{:02} to {}:{:02}", from / 60, from % 60, to / 60, to % 60)?;
        }
        Ok(())
    }
}

fn spans(written: &str) -> Option<Vec<(u16, u16)>> {
    match written.trim() {
        "none" => return Some(Vec::new()),
        "all" => return Some(vec![(0, DAY_MINUTES)]),
        _ => {}
    }
    let span = |written: &str| {
        let (from, to) = written.split_once('-')?;
        let (from, to) = (minutes(from)?, minutes(to)?);
        (from < to).then_some((from, to))
    };
    written.split(',').map(span).collect()
}

fn minutes(written: &str) -> Option<u16> {
    let (hours, minutes) = written.trim().split_once(':').unwrap_or((written.trim(), "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    let (hours, minutes): (u16, u16) = (digits(hours)?, digits(minutes)?);
    let all = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && all <= DAY_MINUTES).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn spans_are_read_and_their_ends_do_not_belong_to_them() {
        let hours = Hours::parse("10-13, 14:30-20").expect("hours");
        // 2026-03-02 is a Monday.
        let allows = |hour, minute| hours.allow(date(2026, 3, 2).at(hour, minute, 59, 0));
        assert!(allows(10, 0) && allows(12, 59) && allows(14, 30) && allows(19, 59));
        assert!(!allows(9, 59) && !allows(13, 0) && !allows(14, 29) && !allows(20, 0));
        assert_eq!(
            hours.of_day(date(2026, 3, 2).at(0, 0, 0, 0)).to_string(),
            "10:00 to 13:00 and 14:30 to 20:00"
        );
        assert!(Hours::parse("all").expect("hours").allow(date(2026, 3, 2).at(23, 59, 59, 0)));
        assert!(!Hours::parse("none").expect("hours").allow(date(2026, 3, 2).at(12, 0, 0, 0)));
        for bad in ["", "8", "21-8", "8-25", "8:60-9", "-8-21", "8-21,", "+8-21", "8 to 21"] {
            assert_eq!(Hours::parse(bad), None, "{bad}");
        }
    }
}
