//! Quiet hours: sends go out only while it is day for the recipient.

use super::{
    hours::Hours,
    whereabouts::{self, Asked, By, Which},
    zones::Spot,
};
use crate::{PolicyError, reader::Reader};

#[derive(Debug)]
pub(crate) struct Quiet {
    allowed: Hours,
    zones: Which,
    by: By,
    fallback: Vec<Spot>,
    /// Does a send go out that leaves at an hour nobody tells us?
    scheduled: bool,
}

impl Quiet {
    pub(crate) const KEYS: [&str; 5] = ["allowed", "zones", "by", "fallback", "scheduled"];

    pub(crate) fn read(rule: &Reader<'_>) -> Result<Quiet, PolicyError> {
        Ok(Quiet {
            allowed: rule.get("allowed").map_or_else(|| Ok(Hours::usual()), |reader| Hours::read(&reader))?,
            zones: rule.get("zones").map_or(Ok(Which::Every), |reader| Which::read(&reader))?,
            by: rule.get("by").map_or(Ok(By::Address), |reader| By::read(&reader))?,
            fallback: rule.get("fallback").map_or(Ok(Vec::new()), |reader| whereabouts::fallback(&reader))?,
            scheduled: scheduled(rule)?,
        })
    }

    pub(crate) fn needs_contact(&self) -> bool {
        self.by != By::Address
    }

    pub(crate) fn objection(&self, asked: Asked<'_>) -> Option<String> {
        if asked.facts.scheduled {
            return (!self.scheduled).then(|| {
                "quiet hours: it leaves later, at an hour that the gateway does not know (scheduled = \"allow\" \
                 lets it through)"
                    .to_owned()
            });
        }
        let spots = asked.spots(self.by, &self.fallback);
        if spots.is_empty() {
            return Some(
                "quiet hours: nothing tells the recipient's time zone (a fallback can name some)".to_owned(),
            );
        }
        let is_quiet = |spot: &&&Spot| !self.allowed.allow(spot.at(asked.facts.now));
        let quiet = match self.zones {
            Which::Every => spots.iter().find(is_quiet),
            Which::Any if spots.iter().all(|spot| is_quiet(&spot)) => spots.first(),
            Which::Any => None,
        }?;
        let there = quiet.at(asked.facts.now);
        let hours = self.allowed.of_day(there);
        Some(format!(
            "quiet hours: it is {}:{:02} for the recipient ({}); sends go out {hours}",
            there.hour(),
            there.minute(),
            quiet.name
        ))
    }
}

/// `scheduled = "allow"` or `"refuse"`, which it is when it is missing.
pub(crate) fn scheduled(rule: &Reader<'_>) -> Result<bool, PolicyError> {
    let choice = |reader: Reader<'_>| {
        reader.choice(&["refuse", "allow"], |name| match name {
            "refuse" => Some(false),
            "allow" => Some(true),
            _ => None,
        })
    };
    rule.get("scheduled").map_or(Ok(false), choice)
}
