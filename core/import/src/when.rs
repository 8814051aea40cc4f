//! Times as CRMs and providers write them.

use jiff::{Timestamp, civil, fmt::rfc2822, tz::TimeZone};

/// From here on a bare number counts milliseconds, not seconds: the year 5138 otherwise.
const MILLIS_FROM: i64 = 100_000_000_000;
const CIVIL: [&str; 6] = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M %p",
    "%b %d %Y %I:%M %p",
];

/// Reads a time; times without a zone are UTC. `None` when it is none: a state without its date still counts.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if let Ok(number) = text.parse::<i64>() {
        let seconds = if number >= MILLIS_FROM { number / 1_000 } else { number };
        return Timestamp::from_second(seconds).ok();
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let mail = text.strip_suffix("UTC").map(|rest| format!("{rest}+0000"));
    if let Ok(at) = rfc2822::parse(mail.as_deref().unwrap_or(text)) {
        return Some(at.timestamp());
    }
    let utc = |at: civil::DateTime| at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    let bare = text.strip_suffix("UTC").unwrap_or(text).trim_end();
    if let Ok(at) = bare.parse::<civil::DateTime>() {
        return utc(at);
    }
    CIVIL.iter().find_map(|form| civil::DateTime::strptime(form, bare).ok()).and_then(utc).or_else(|| {
        ["%m/%d/%Y", "%b %d %Y"]
            .iter()
            .find_map(|form| civil::Date::strptime(form, bare).ok())
            .and_then(|day| utc(day.at(0, 0, 0, 0)))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_as_they_are_written() {
        for (text, seconds) in [
            ("1765417780", 1_765_417_780),
            ("1765417780123", 1_765_417_780),
            ("2025-12-11T01:49:40Z", 1_765_417_780),
            ("2025-12-11T02:49:40+01:00", 1_765_417_780),
            ("Thu, 11 Dec 2025 01:49:40 UTC", 1_765_417_780),
            ("Thu, 11 Dec 2025 01:49:40 +0000", 1_765_417_780),
            ("2025-12-11 01:49:40", 1_765_417_780),
            ("2025-12-11 01:49:40 UTC", 1_765_417_780),
            ("12/11/2025 01:49:40", 1_765_417_780),
            ("Dec 11 2025 01:49 AM", 1_765_417_740),
            ("2025-12-11", 1_765_411_200),
            ("12/11/2025", 1_765_411_200),
        ] {
            assert_eq!(super::read(text).map(|at| at.as_second()), Some(seconds), "{text}");
        }
        for text in ["", "yesterday", "2025-13-40"] {
            assert_eq!(super::read(text), None, "{text}");
        }
    }
}
