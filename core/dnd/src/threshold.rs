//! How many failures of an address begin a reason, where the policy wants more than one (R19).

use jiff::{SignedDuration, Timestamp};

/// So many failures within such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// How many, 1 to [`FAILURES_MAX`].
    pub failures: usize,
    /// Within which time, up to [`DAYS_MAX`].
    pub within: SignedDuration,
}

/// The most failures that a threshold may ask for, and that are remembered of an address.
pub const FAILURES_MAX: usize = 100;
/// The longest time that a threshold may look at, in days; older failures are forgotten.
pub const DAYS_MAX: i64 = 366;

impl Threshold {
    /// Does the failure at `at` make enough, together with those at `times`, in which it stands? The time of the last
    /// one of them, by which the reason began. A late report counts where it belongs (R30): those around it may be
    /// newer.
    pub fn reached(&self, times: &[Timestamp], at: Timestamp) -> Option<Timestamp> {
        let mut times = times.to_vec();
        times.sort_unstable();
        times
            .windows(self.failures.max(1))
            .filter_map(|those| Some((*those.first()?, *those.last()?)))
            .filter(|(first, last)| {
                (*first..=*last).contains(&at) && last.duration_since(*first) <= self.within
            })
            .map(|(_, last)| last)
            .max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn reached(failures: usize, within: i64, seconds: &[i64], now: i64) -> Option<Timestamp> {
        let times: Vec<Timestamp> = seconds.iter().map(|second| at(*second)).collect();
        Threshold { failures, within: SignedDuration::from_secs(within) }.reached(&times, at(now))
    }

    #[test]
    fn r19_so_many_within_the_time_and_no_fewer() {
        assert_eq!(reached(3, 100, &[0, 50], 50), None);
        assert_eq!(reached(3, 100, &[0, 50, 100], 100), Some(at(100)));
        assert_eq!(reached(3, 100, &[0, 50, 101], 101), None, "the first is too old");
        assert_eq!(reached(1, 100, &[7], 7), Some(at(7)));
    }

    #[test]
    fn r30_a_late_report_counts_where_it_belongs() {
        assert_eq!(reached(3, 100, &[200, 250, 160], 160), Some(at(250)), "it came last and stands first");
        assert_eq!(reached(3, 100, &[200, 250, 40], 40), None, "too old for those");
        assert_eq!(reached(2, 100, &[0, 10, 500], 500), None, "the two were judged before");
    }

    proptest! {
        /// As the sentence says it: is there a span of that length, with this failure in it, that holds so many?
        #[test]
        fn r19_as_said(mut seconds in prop::collection::vec(0i64..60, 1..12), failures in 1usize..6, within in 0i64..40) {
            let now = seconds[0];
            let spans = seconds.iter().filter(|begin| (**begin..=**begin + within).contains(&now));
            let enough = spans.clone().any(|begin| {
                seconds.iter().filter(|one| (*begin..=begin + within).contains(*one)).count() >= failures
            });
            let found = reached(failures, within, &seconds, now);
            prop_assert_eq!(found.is_some(), enough);
            seconds.reverse();
            prop_assert_eq!(reached(failures, within, &seconds, now), found, "in whatever order they came");
        }
    }
}
