//! Whose sends are written down: everybody's, until there are so many that the record would not last as long as it
//! should. Then those of a share of all people, so that a person's sends are there all or none.

use std::{
    hash::{DefaultHasher, Hasher},
    sync::atomic::{AtomicU64, Ordering},
};

/// The share of all people. Asked for every send: an atomic and a hash.
#[derive(Debug, Default)]
pub(super) struct Share(AtomicU64);

impl Share {
    /// From 0, nobody, to 1, everybody.
    pub(super) fn set(&self, share: f64) {
        // A conversion saturates: 1 is the greatest number.
        self.0.store((share * u64::MAX as f64) as u64, Ordering::Relaxed);
    }

    /// Is this person one of them? The smaller share is part of the greater one.
    pub(super) fn holds(&self, address: &str) -> bool {
        match self.0.load(Ordering::Relaxed) {
            0 => false,
            u64::MAX => true,
            below => {
                let mut hasher = DefaultHasher::new();
                hasher.write(address.as_bytes());
                hasher.finish() < below
            }
        }
    }
}

/// The share when so much has been written of what may be written within a time: with every half of that beyond it,
/// half as many.
pub(super) fn thinned(written: u64, budget: u64) -> f64 {
    let halves = (2 * written / budget.max(1)).saturating_sub(1);
    0.5f64.powi(i32::try_from(halves).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_share_is_part_of_a_greater_one() {
        let share = |part: f64| {
            let share = Share::default();
            share.set(part);
            let people = (0..4_000).map(|number| format!("+1415555{number:04}"));
            people.filter(|person| share.holds(person)).collect::<Vec<_>>()
        };
        assert_eq!((share(0.0).len(), share(1.0).len()), (0, 4_000));
        let (quarter, half) = (share(0.25), share(0.5));
        assert!((800..1_200).contains(&quarter.len()) && (1_800..2_200).contains(&half.len()));
        assert!(quarter.iter().all(|person| half.contains(person)));
    }

    #[test]
    fn the_more_is_written_the_fewer_are_written_down() {
        let shares: Vec<f64> =
            [0, 99, 100, 149, 150, 200, 1_000].map(|written| thinned(written, 100)).to_vec();
        assert_eq!(shares, [1.0, 1.0, 0.5, 0.5, 0.25, 0.125, 0.5f64.powi(19)]);
        assert_eq!(thinned(u64::MAX / 2, 0), 0.0, "no room, nobody");
    }
}
