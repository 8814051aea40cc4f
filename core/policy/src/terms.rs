//! How long what a code begins lasts, and how many failures it takes: `expires = "30d"`,
//! `threshold = { failures = 3, within = "14d" }`.

use crate::{CodeEffect, PolicyError, node::Node, reader::Reader};
use dndgate_dnd::{Threshold, threshold};
use jiff::SignedDuration;

/// The longest that a block may be given, in days.
const EXPIRES_DAYS_MAX: i64 = 3_660;
/// The units of a length of time, the longest first, with their seconds.
const UNITS: [(&str, i64); 5] = [("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
/// The keys that say it.
pub(crate) const KEYS: [&str; 2] = ["expires", "threshold"];

/// What is said of the blocks that codes begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// They end by themselves after so long.
    pub(crate) expires: Option<SignedDuration>,
    /// They begin with so many failures; `None`: with the first.
    pub(crate) threshold: Option<Threshold>,
}

impl Terms {
    /// Reads the keys of a table; what it does not say is as above it. `false` switches off what stands there.
    pub(crate) fn read(table: &Reader<'_>, above: Terms) -> Result<Terms, PolicyError> {
        let expires = match table.get("expires") {
            None => above.expires,
            Some(one) if is_off(&one) => None,
            Some(one) => Some(length(&one, EXPIRES_DAYS_MAX)?),
        };
        let threshold = match table.get("threshold") {
            None => above.threshold,
            Some(one) if is_off(&one) => None,
            Some(one) => read_threshold(&one)?,
        };
        Ok(Terms { expires, threshold })
    }

    /// Refuses a key that has no meaning in this table.
    pub(crate) fn refuse(table: &Reader<'_>, keys: &[&str], why: &str) -> Result<(), PolicyError> {
        let on = keys.iter().filter_map(|key| table.get(key)).find(|one| !is_off(one));
        on.map_or(Ok(()), |one| Err(one.error(why)))
    }
}

fn is_off(one: &Reader<'_>) -> bool {
    *one.node() == Node::Bool(false)
}

fn read_threshold(table: &Reader<'_>) -> Result<Option<Threshold>, PolicyError> {
    table.only(&["failures", "within"])?;
    let needed = |key: &str| {
        let what = format!("the key \"{key}\" is missing; write {{ failures = 3, within = \"14d\" }}");
        table.get(key).ok_or_else(|| table.error(what))
    };
    let failures = needed("failures")?;
    let count = failures.count(threshold::FAILURES_MAX)?;
    if count == 0 {
        return Err(failures.error("with 0 failures nothing has happened; 1 blocks with the first"));
    }
    let within = length(&needed("within")?, threshold::DAYS_MAX)?;
    Ok((count > 1).then_some(Threshold { failures: count, within }))
}

/// A length of time such as `"30d"`.
pub(crate) fn length(one: &Reader<'_>, days_max: i64) -> Result<SignedDuration, PolicyError> {
    let longest = SignedDuration::from_hours(24 * days_max);
    parse(one.text()?).filter(|length| *length <= longest).ok_or_else(|| {
        one.error(format!(
            "this has to be a length of time such as \"30d\", \"12h\" or \"2w\", at the most \"{days_max}d\""
        ))
    })
}

/// See [`length`].
pub(crate) fn parse(text: &str) -> Option<SignedDuration> {
    let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    let count = text.strip_suffix(unit)?;
    let number: i64 = count.parse().ok().filter(|number| *number > 0 && !count.starts_with('+'))?;
    number.checked_mul(seconds).map(SignedDuration::from_secs)
}

/// A length of time as policies write it: in the longest unit that fits it evenly.
pub fn written(length: SignedDuration) -> String {
    let seconds = length.as_secs();
    let fits = |(_, of): &(&str, i64)| seconds % of == 0 && seconds != 0;
    let (unit, of) = UNITS.into_iter().find(fits).unwrap_or(("s", 1));
    // Weeks are for reading only: nobody says 4w for what was written as 28d.
    let (unit, of) = if unit == "w" { ("d", 86_400) } else { (unit, of) };
    format!("{}{unit}", seconds / of)
}

/// The terms of an effect in words.
pub(crate) fn told(effect: &CodeEffect) -> String {
    let expires = effect
        .expires
        .map_or("it does not expire".to_owned(), |length| format!("it expires after {}", written(length)));
    let begins = effect.threshold.map_or("it begins with the first failure".to_owned(), |threshold| {
        format!("it begins with {} failures within {}", threshold.failures, written(threshold.within))
    });
    format!("{begins}, {expires}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_they_are_written() {
        for (text, seconds) in [
            ("30d", Some(2_592_000)),
            ("2w", Some(1_209_600)),
            ("90m", Some(5_400)),
            ("12h", Some(43_200)),
            ("2s", Some(2)),
        ] {
            assert_eq!(parse(text).map(|length| length.as_secs()), seconds, "{text}");
        }
        for text in ["", "d", "0d", "-1d", "+1d", "1", "1 d", "1y", "1.5d", "9223372036854775807w"] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["30d", "14d", "90m", "12h", "2s"] {
            assert_eq!(parse(text).map(written).as_deref(), Some(text));
        }
        assert_eq!(parse("2w").map(written).as_deref(), Some("14d"));
    }
}
