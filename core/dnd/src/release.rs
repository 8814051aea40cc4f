//! The release of an address that was marked as spam (R21): what was found out so far, and what is missing.
//!
//! 1. The provider's lists are read twice, some time apart, and say both times that the address is gone; and once
//!    more at the moment of lifting.
//! 2. The address is validated.
//! 3. An operator ends the complaint.

use crate::reason::AddressKey;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What the operator demands of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseRules {
    /// The least time between the two readings of the provider's lists: providers are consistent only eventually.
    pub reading_interval: SignedDuration,
    /// How old the last reading may be when the complaint is ended.
    pub reading_age_max: SignedDuration,
}

impl Default for ReleaseRules {
    fn default() -> ReleaseRules {
        ReleaseRules {
            reading_interval: SignedDuration::from_secs(10),
            reading_age_max: SignedDuration::from_secs(60),
        }
    }
}

/// What a reading of all of a provider's lists came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reading {
    /// On no list, by the provider's own word for each.
    Absent,
    /// On some list.
    Present,
    /// Some list could not be read with certainty.
    Unverified,
}

/// What a validation of the address came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validated {
    /// Mail arrives there, by a validation service's word.
    Good,
    /// Nothing speaks against it; an operator must confirm it by name and with a reason.
    Plausible,
    /// Mail does not arrive there.
    Bad,
}

/// An operator's word for an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A release under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The address.
    pub address: AddressKey,
    /// When it began. A complaint that comes later begins it anew.
    pub began: Timestamp,
    /// The first of the readings that found nothing, without one between them that found something.
    pub first_absent: Option<Timestamp>,
    /// The last of them.
    pub last_absent: Option<Timestamp>,
    /// Two of them lie far enough apart.
    pub gone: bool,
    /// What the newest reading came to.
    pub last: Option<Reading>,
    /// The newest validation.
    pub validated: Option<Validated>,
    /// An operator's word.
    pub confirmation: Option<Confirmation>,
    /// Until when an operator may end the complaint.
    pub open_until: Option<Timestamp>,
}

/// What a release still needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The provider's lists could not be read with certainty.
    ListsUnverified,
    /// The address stands on some list of the provider.
    ListsPresent,
    /// A second reading, some time after the first.
    SecondReading,
    /// A reading at the moment of lifting.
    FreshReading,
    /// The address was not validated.
    Validation,
    /// The validation says that no mail arrives there.
    AddressBad,
    /// An operator's confirmation with a written reason.
    Confirmation,
}

impl Missing {
    /// In plain words.
    pub const fn how(self) -> &'static str {
        match self {
            Missing::ListsUnverified => {
                "the provider's suppression lists could not be read with certainty; see readings for what is wrong"
            }
            Missing::ListsPresent => {
                "the address is on a suppression list of the provider; see readings, and send {\"remove\": true} to \
                 have it taken off"
            }
            Missing::SecondReading => {
                "the provider's lists must be read a second time, a little later: send the request again"
            }
            Missing::FreshReading => {
                "the last reading of the provider's lists is too old: send the request again"
            }
            Missing::Validation => "the address could not be validated; see validation",
            Missing::AddressBad => "the validation says that no mail arrives at this address",
            Missing::Confirmation => {
                "an operator must confirm the address: send {\"confirmation\": {\"reason\": \"…\"}}"
            }
        }
    }
}

impl Release {
    /// A release that begins.
    pub fn new(address: AddressKey, at: Timestamp) -> Release {
        Release {
            address,
            began: at,
            first_absent: None,
            last_absent: None,
            gone: false,
            last: None,
            validated: None,
            confirmation: None,
            open_until: None,
        }
    }

    /// The provider's lists were read.
    pub fn read(&mut self, reading: Reading, at: Timestamp, rules: &ReleaseRules) {
        self.last = Some(reading);
        match reading {
            Reading::Absent => {
                let first = *self.first_absent.get_or_insert(at);
                self.last_absent = Some(at);
                self.gone |= at.duration_since(first) >= rules.reading_interval;
            }
            Reading::Present => (self.first_absent, self.last_absent, self.gone) = (None, None, false),
            // Says nothing either way, and is no reading at the moment of lifting.
            Reading::Unverified => self.last_absent = None,
        }
    }

    /// Closes the step's books: what is missing, and until when the complaint may be ended if nothing is.
    pub fn settle(&mut self, now: Timestamp, rules: &ReleaseRules) -> Vec<Missing> {
        let mut missing = Vec::new();
        match (self.last, self.gone) {
            (Some(Reading::Present), _) => missing.push(Missing::ListsPresent),
            (Some(Reading::Unverified) | None, _) => missing.push(Missing::ListsUnverified),
            (Some(Reading::Absent), false) => missing.push(Missing::SecondReading),
            (Some(Reading::Absent), true) => {}
        }
        match (self.validated, &self.confirmation) {
            (None, _) => missing.push(Missing::Validation),
            (Some(Validated::Bad), _) => missing.push(Missing::AddressBad),
            (Some(Validated::Plausible), None) => missing.push(Missing::Confirmation),
            (Some(Validated::Plausible), Some(_)) | (Some(Validated::Good), _) => {}
        }
        self.open_until = match self.last_absent.filter(|_| missing.is_empty()) {
            Some(last) => last.checked_add(rules.reading_age_max).ok(),
            None => None,
        };
        if missing.is_empty() && !self.is_open(now) {
            missing.push(Missing::FreshReading);
        }
        missing
    }

    /// May an operator end the complaint now?
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.open_until.is_some_and(|until| now <= until)
    }

    /// When the second reading may be taken, while that is what is missing.
    pub fn second_reading_at(&self, rules: &ReleaseRules) -> Option<Timestamp> {
        self.first_absent.filter(|_| !self.gone)?.checked_add(rules.reading_interval).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dndgate_adapter::AddressKind;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn release() -> Release {
        Release::new(AddressKey { kind: AddressKind::Email, key: "ada@example.org".into() }, at(0))
    }

    fn after(readings: &[(Reading, i64)], validated: Option<Validated>, confirmed: bool) -> Release {
        let mut release = release();
        for (reading, second) in readings {
            release.read(*reading, at(*second), &ReleaseRules::default());
        }
        release.validated = validated;
        release.confirmation =
            confirmed.then(|| Confirmation { by: "ada".into(), reason: "spoke to her".into(), at: at(1) });
        release
    }

    /// R21 as a table: readings, validation, confirmation → what is missing at second 30.
    #[test]
    fn r21_what_is_missing() {
        use Reading::{Absent, Present, Unverified};
        let (good, plausible, bad) =
            (Some(Validated::Good), Some(Validated::Plausible), Some(Validated::Bad));
        for (readings, validated, confirmed, missing) in [
            (&[][..], good, false, &[Missing::ListsUnverified][..]),
            (&[(Absent, 1)], good, false, &[Missing::SecondReading]),
            (&[(Absent, 1), (Absent, 10)], good, false, &[Missing::SecondReading]),
            (&[(Absent, 1), (Absent, 11)], good, false, &[]),
            (&[(Absent, 1), (Present, 5), (Absent, 12)], good, false, &[Missing::SecondReading]),
            (&[(Absent, 1), (Absent, 11), (Present, 12)], good, false, &[Missing::ListsPresent]),
            (&[(Absent, 1), (Unverified, 5), (Absent, 12)], good, false, &[]),
            (&[(Absent, 1), (Absent, 12), (Unverified, 13)], good, false, &[Missing::ListsUnverified]),
            (&[(Absent, 1), (Absent, 11)], None, true, &[Missing::Validation]),
            (&[(Absent, 1), (Absent, 11)], bad, true, &[Missing::AddressBad]),
            (&[(Absent, 1), (Absent, 11)], plausible, false, &[Missing::Confirmation]),
            (&[(Absent, 1), (Absent, 11)], plausible, true, &[]),
            (&[(Present, 1)], None, false, &[Missing::ListsPresent, Missing::Validation]),
        ] {
            let mut release = after(readings, validated, confirmed);
            assert_eq!(release.settle(at(30), &ReleaseRules::default()), missing, "{readings:?}");
            assert_eq!(release.is_open(at(30)), missing.is_empty(), "{readings:?}");
        }
    }

    #[test]
    fn r21_the_last_reading_must_be_fresh_when_it_is_lifted() {
        let mut release = after(&[(Reading::Absent, 1), (Reading::Absent, 11)], Some(Validated::Good), false);
        let rules = ReleaseRules::default();
        assert_eq!(release.settle(at(72), &rules), [Missing::FreshReading]);
        assert!(!release.is_open(at(72)));
        release.read(Reading::Absent, at(73), &rules);
        assert!(release.settle(at(74), &rules).is_empty());
        assert!(release.is_open(at(133)) && !release.is_open(at(134)));
    }
}
