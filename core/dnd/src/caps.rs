//! How often something may be sent in a span of time: the arithmetic of it, and what whoever keeps the counts
//! has to promise.
//!
//! A count is kept as a few *moments*, each a second and how many sends happened up to it. Up to
//! [`MOMENTS`] sends every one has its own, so that the window slides to the second. Beyond that, sends that
//! lie near each other share a moment, and it is the latest of them that counts: a place becomes free at most
//! an eleventh of the window too late, never too early.

use jiff::Timestamp;
use std::fmt;

/// Moments in a [`Tally`].
pub const MOMENTS: usize = 12;
/// The longest window, in seconds: 400 days.
pub const WINDOW_SECONDS_MAX: u32 = 400 * 24 * 3600;

/// At most so many in a window that slides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap<'a> {
    /// Whose: tenants never share a count.
    pub tenant: &'a str,
    /// What is counted together, such as a rule's name and a recipient.
    pub key: &'a str,
    /// How many.
    pub limit: u32,
    /// In how long, in seconds; from 1 to [`WINDOW_SECONDS_MAX`]. Each window of a key is a count of its own.
    pub window: u32,
}

/// A send that is counted, to be given back when it does not go out after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Where it is counted.
    pub count: u64,
    /// When, in seconds since 1970.
    pub at: u32,
    /// In which window, in seconds.
    pub window: u32,
}

/// What came of asking for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// There was one, and it is taken.
    Place(Place),
    /// All are taken.
    Full,
    /// The count cannot be kept: there is no room for another.
    NoRoom,
}

/// Keeps counts. Sends that ask at the same time never get more places together than there are.
pub trait Counters: fmt::Debug + Send + Sync {
    /// Takes a place, if one is free.
    fn take(&self, cap: &Cap<'_>, now: Timestamp) -> Taken;
    /// Gives a place back.
    fn give_back(&self, place: Place);
    /// How many places of the window are taken now; the cap's limit does not matter.
    fn count(&self, cap: &Cap<'_>, now: Timestamp) -> u64;
}

/// A time in the seconds that counts are kept in.
pub fn second(time: Timestamp) -> u32 {
    u32::try_from(time.as_second().max(0)).unwrap_or(u32::MAX)
}

/// The sends of one count. Each moment is one word, and each change is one word: whoever keeps it in a file
/// loses nothing by a crash between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally(pub [u64; MOMENTS]);

/// A change of a tally: a place in it and what has to stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Which moment.
    pub index: usize,
    /// Its new word.
    pub word: u64,
}

#[derive(Clone, Copy)]
struct Moment {
    at: u32,
    sends: u32,
}

impl Moment {
    const fn of(word: u64) -> Moment {
        Moment { at: (word >> 32) as u32, sends: word as u32 }
    }

    const fn word(self) -> u64 {
        (self.at as u64) << 32 | self.sends as u64
    }

    /// A send counts for the whole second in which it happened, and one from a clock that ran ahead counts too.
    fn lives(self, window: u32, now: u32) -> bool {
        self.sends > 0 && u64::from(self.at) + u64::from(window) >= u64::from(now)
    }
}

impl Tally {
    fn moments(&self) -> impl Iterator<Item = (usize, Moment)> {
        self.0.iter().enumerate().map(|(index, word)| (index, Moment::of(*word)))
    }

    /// How many sends the window holds.
    pub fn count(&self, window: u32, now: u32) -> u64 {
        self.moments().filter(|(_, one)| one.lives(window, now)).map(|(_, one)| u64::from(one.sends)).sum()
    }

    /// The change that counts one more send. `None`: all places are taken.
    pub fn take(&self, limit: u32, window: u32, now: u32) -> Option<Change> {
        if self.count(window, now) >= u64::from(limit) {
            return None;
        }
        let live = || self.moments().filter(|(_, one)| one.lives(window, now));
        let step = if limit as usize <= MOMENTS { 1 } else { window.div_ceil(MOMENTS as u32 - 1).max(1) };
        let near = live().find(|(_, one)| one.at / step == now / step);
        let free = || self.moments().find(|(_, one)| !one.lives(window, now)).map(|(index, _)| (index, None));
        // A tally from when the limit was another may have no moment left: then the newest is shared.
        let newest = || live().max_by_key(|(_, one)| one.at).map(|(index, one)| (index, Some(one)));
        let (index, shared) = near.map(|(index, one)| (index, Some(one))).or_else(free).or_else(newest)?;
        let one = shared.map_or(Moment { at: now, sends: 1 }, |one| Moment {
            at: one.at.max(now),
            sends: one.sends.saturating_add(1),
        });
        Some(Change { index, word: one.word() })
    }

    /// The change that takes one send out again that was counted at `at`. `None`: it may be out of the window
    /// since so long that its moment is another's now.
    pub fn give_back(&self, window: u32, at: u32) -> Option<Change> {
        let newest = self.moments().map(|(_, one)| one.at).max()?;
        if u64::from(at) + u64::from(window) < u64::from(newest) {
            return None;
        }
        let (index, one) =
            self.moments().filter(|(_, one)| one.sends > 0 && one.at >= at).min_by_key(|(_, one)| one.at)?;
        Some(Change { index, word: Moment { sends: one.sends - 1, ..one }.word() })
    }

    /// Is nothing counted?
    pub fn is_empty(&self) -> bool {
        self.moments().all(|(_, one)| one.sends == 0)
    }

    /// Makes a change.
    pub fn make(&mut self, change: Change) {
        self.0[change.index] = change.word;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take(tally: &mut Tally, limit: u32, window: u32, now: u32) -> bool {
        let change = tally.take(limit, window, now);
        change.into_iter().for_each(|change| tally.make(change));
        change.is_some()
    }

    #[test]
    fn a_few_are_counted_to_the_second() {
        let mut tally = Tally::default();
        assert!(take(&mut tally, 2, 100, 1000) && take(&mut tally, 2, 100, 1050));
        assert!(!take(&mut tally, 2, 100, 1060) && !take(&mut tally, 2, 100, 1100));
        assert!(take(&mut tally, 2, 100, 1101), "the first is out of the window");
        assert!(!take(&mut tally, 2, 100, 1101));
        assert_eq!((tally.count(100, 1101), tally.count(100, 1300)), (2, 0));
        assert!(!take(&mut Tally::default(), 0, 100, 1));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let mut tally = Tally::default();
        assert!(take(&mut tally, 1, 100, 1000));
        let change = tally.give_back(100, 1000).expect("it is there");
        tally.make(change);
        assert_eq!(tally.give_back(100, 1000), None);
        assert!(take(&mut tally, 1, 100, 1001));
    }

    /// What happens to a count.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Take { limit: u32 },
        GiveBack { which: usize },
    }

    fn steps() -> impl Strategy<Value = Vec<(u32, Step)>> {
        let step = prop_oneof![
            4 => (0u32..60).prop_map(|limit| Step::Take { limit }),
            1 => any::<usize>().prop_map(|which| Step::GiveBack { which }),
        ];
        proptest::collection::vec((0u32..40, step), 1..300)
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_limit(window in 1u32..400, steps in steps()) {
            let (mut tally, mut now, mut sent) = (Tally::default(), 1_000_000u32, Vec::<u32>::new());
            for (pause, step) in steps {
                now += pause;
                let in_window = |sent: &[u32]| sent.iter().filter(|at| **at + window >= now).count() as u64;
                match step {
                    Step::Take { limit } => {
                        if take(&mut tally, limit, window, now) {
                            sent.push(now);
                            prop_assert!(in_window(&sent) <= u64::from(limit));
                        }
                    }
                    Step::GiveBack { which } if !sent.is_empty() => {
                        let at = sent.remove(which % sent.len());
                        tally.give_back(window, at).into_iter().for_each(|change| tally.make(change));
                    }
                    Step::GiveBack { .. } => {}
                }
                prop_assert!(tally.count(window, now) >= in_window(&sent), "never fewer than there were");
            }
        }

        #[test]
        fn few_are_never_refused_too_long(limit in 1u32..=12, window in 1u32..400,
                pauses in proptest::collection::vec(0u32..80, 1..200)) {
            let (mut tally, mut now, mut sent) = (Tally::default(), 1_000_000u32, Vec::<u32>::new());
            for pause in pauses {
                now += pause;
                let free = sent.iter().filter(|at| **at + window >= now).count() < limit as usize;
                prop_assert_eq!(take(&mut tally, limit, window, now), free);
                if free {
                    sent.push(now);
                }
            }
        }

        #[test]
        fn many_wait_an_eleventh_of_the_window_too_long_at_most(limit in 13u32..200, window in 22u32..2000,
                pauses in proptest::collection::vec(0u32..40, 1..400)) {
            let (mut tally, mut now, mut sent) = (Tally::default(), 1_000_000u32, Vec::<u32>::new());
            let late = window + window.div_ceil(11);
            for pause in pauses {
                now += pause;
                let surely_free = sent.iter().filter(|at| **at + late >= now).count() < limit as usize;
                let taken = take(&mut tally, limit, window, now);
                prop_assert!(taken || !surely_free);
                if taken {
                    sent.push(now);
                }
            }
        }
    }
}
