//! Evidence of an opt-in: who approves it, and from when it counts (R22).

use crate::reason::{Blocks, Reason};
use dndgate_adapter::Channel;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What the operator demands of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EvidenceRules {
    /// Whoever files it cannot approve it.
    pub second_person: bool,
    /// How long after its approval it begins to count.
    pub cool_down: SignedDuration,
}

/// What became of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It waits for a second person.
    Pending,
    /// It holds.
    Approved,
    /// It does not.
    Rejected,
}

impl Standing {
    /// All of them.
    pub const ALL: [Standing; 3] = [Standing::Pending, Standing::Approved, Standing::Rejected];

    /// The name on the API and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Standing::Pending => "pending",
            Standing::Approved => "approved",
            Standing::Rejected => "rejected",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Standing> {
        Standing::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// What the rules need to know of a piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// For which channel.
    pub channel: Channel,
    /// When it was recorded: it opens what was closed before.
    pub recorded_at: Timestamp,
    /// What became of it.
    pub standing: Standing,
    /// From when it counts, once approved.
    pub counts_from: Option<Timestamp>,
}

/// Why nobody's word is taken on a piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDecided {
    /// The one who filed it.
    #[error("who filed the evidence cannot approve it: a second person must, with a token of another name")]
    SamePerson,
    /// It was decided before.
    #[error("this evidence is decided already")]
    Decided(Standing),
}

impl EvidenceRules {
    /// What becomes of evidence that is filed at a time.
    pub fn filed(&self, at: Timestamp) -> (Standing, Option<Timestamp>) {
        if self.second_person {
            (Standing::Pending, None)
        } else {
            (Standing::Approved, Some(self.counts(at)))
        }
    }

    /// A person's approval: from when the evidence counts.
    ///
    /// # Errors
    /// When it is decided, or the person filed it.
    pub fn approve(
        &self,
        standing: Standing,
        filed_by: &str,
        by: &str,
        at: Timestamp,
    ) -> Result<Timestamp, NotDecided> {
        match standing {
            Standing::Pending if filed_by == by => Err(NotDecided::SamePerson),
            Standing::Pending => Ok(self.counts(at)),
            decided => Err(NotDecided::Decided(decided)),
        }
    }

    fn counts(&self, at: Timestamp) -> Timestamp {
        at.checked_add(self.cool_down).unwrap_or(Timestamp::MAX)
    }
}

/// What an opted-out channel still needs of evidence, in plain words; `None` when some of it opens the reason.
pub(crate) fn needed(reason: &Reason, evidence: &[Evidence], now: Timestamp) -> Option<&'static str> {
    let concerns = |one: &&Evidence| {
        one.recorded_at >= reason.last_said()
            && match reason.blocks {
                Blocks::Channel(channel) => one.channel == channel,
                Blocks::AllChannels => true,
                Blocks::Inbound => false,
            }
    };
    let mut needed = crate::reason::Lock::OptIn.how();
    for one in evidence.iter().filter(concerns) {
        match (one.standing, one.counts_from) {
            (Standing::Approved, Some(from)) if from <= now => return None,
            (Standing::Approved, _) => {
                needed = "opt-in evidence is recorded and approved; its cool-down is not over (evidence.cool_down)";
            }
            (Standing::Pending, _) => {
                needed = "opt-in evidence is recorded and waits for a second person's approval \
                          (POST /v1/evidence/{id}/approve)";
            }
            (Standing::Rejected, _) => {}
        }
    }
    Some(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn r22_with_a_second_person_who_files_cannot_approve() {
        let rules = EvidenceRules { second_person: true, cool_down: SignedDuration::from_secs(60) };
        assert_eq!(rules.filed(at(100)), (Standing::Pending, None));
        let approve = |standing, by| rules.approve(standing, "token:ada", by, at(200));
        assert_eq!(approve(Standing::Pending, "token:ada"), Err(NotDecided::SamePerson));
        assert_eq!(approve(Standing::Pending, "token:bob"), Ok(at(260)), "and the cool-down begins then");
        for decided in [Standing::Approved, Standing::Rejected] {
            assert_eq!(approve(decided, "token:bob"), Err(NotDecided::Decided(decided)));
        }
    }

    #[test]
    fn r22_without_one_it_is_approved_as_it_is_filed() {
        let rules = EvidenceRules::default();
        assert_eq!(rules.filed(at(100)), (Standing::Approved, Some(at(100))));
    }
}
