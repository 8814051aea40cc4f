//! Counts that live no longer than whoever holds them: for cases, tries and replays.

use dndgate_dnd::{Cap, Counters, Place, Taken, Tally, caps};
use jiff::Timestamp;
use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts in memory. Time is what whoever asks says it is.
#[derive(Debug)]
pub struct MemoryCounters {
    kept: Mutex<Kept>,
    hasher: RandomState,
    max: usize,
}

#[derive(Debug, Default)]
struct Kept {
    counts: HashMap<u64, Count>,
    /// When those that are over were last thrown out.
    swept: u32,
}

/// How often all counts are looked at for those that are over, in seconds.
const SWEEP_SECONDS: u32 = 60;

#[derive(Debug, Default)]
struct Count {
    tally: Tally,
    /// When the last send in it will be out of the window.
    ends: u64,
}

impl MemoryCounters {
    /// No more counts than these; those whose window is over make room for others.
    pub fn new(max: usize) -> MemoryCounters {
        MemoryCounters { kept: Mutex::default(), hasher: RandomState::new(), max }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, cap: &Cap<'_>) -> u64 {
        self.hasher.hash_one((cap.tenant, cap.key, cap.window))
    }
}

impl Counters for MemoryCounters {
    fn take(&self, cap: &Cap<'_>, now: Timestamp) -> Taken {
        let (hash, at) = (self.place(cap), caps::second(now));
        let mut kept = self.kept();
        if kept.counts.len() >= self.max && !kept.counts.contains_key(&hash) {
            if kept.swept.abs_diff(at) >= SWEEP_SECONDS {
                kept.counts.retain(|_, count| count.ends >= u64::from(at));
                kept.swept = at;
            }
            if kept.counts.len() >= self.max {
                return Taken::NoRoom;
            }
        }
        let count = kept.counts.entry(hash).or_default();
        let Some(change) = count.tally.take(cap.limit, cap.window, at) else { return Taken::Full };
        count.tally.make(change);
        count.ends = count.ends.max(u64::from(at) + u64::from(cap.window));
        Taken::Place(Place { count: hash, at, window: cap.window })
    }

    fn give_back(&self, place: Place) {
        let mut kept = self.kept();
        if let Some(count) = kept.counts.get_mut(&place.count)
            && let Some(change) = count.tally.give_back(place.window, place.at)
        {
            count.tally.make(change);
            if count.tally.is_empty() {
                kept.counts.remove(&place.count);
            }
        }
    }

    fn count(&self, cap: &Cap<'_>, now: Timestamp) -> u64 {
        let kept = self.kept();
        kept.counts.get(&self.place(cap)).map_or(0, |count| count.tally.count(cap.window, caps::second(now)))
    }
}

/// Reads others' counts and changes none: what would be if a send came now.
#[derive(Debug)]
pub struct Looking(pub Arc<dyn Counters>);

impl Counters for Looking {
    fn take(&self, cap: &Cap<'_>, now: Timestamp) -> Taken {
        let free = self.0.count(cap, now) < u64::from(cap.limit);
        let at = caps::second(now);
        if free { Taken::Place(Place { count: 0, at, window: cap.window }) } else { Taken::Full }
    }

    fn give_back(&self, _: Place) {}

    fn count(&self, cap: &Cap<'_>, now: Timestamp) -> u64 {
        self.0.count(cap, now)
    }
}
