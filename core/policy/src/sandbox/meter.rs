//! What a run has used, and when it has to end.

use super::{Limits, WAITS_MAX};
use rustix::time::{ClockId, clock_gettime};
use std::{
    sync::atomic::{AtomicU8, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Why a run was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Time,
    Steps,
}

/// Measures one run at a time. A stop is for good: once time or steps are over every further step of the script
/// fails, whatever it catches, until its outermost call has ended.
///
/// Time is that of the core, so that no send suffers from a machine that is busy with something else; but asking for
/// it is a system call. So it is asked for only by runs that are slow: first when half of the time has passed by the
/// clock, then whenever the rest may be over.
#[derive(Debug)]
pub(super) struct Meter {
    origin: Instant,
    /// What a run may use of a core, in nanoseconds.
    time: AtomicU64,
    /// The next look at the core's time, in nanoseconds after `origin`; `u64::MAX` when nothing runs.
    look: AtomicU64,
    /// The end by the clock, likewise.
    end: AtomicU64,
    /// Where the core's time has to be at the end; 0 before the first look.
    core_end: AtomicU64,
    steps_left: AtomicU64,
    stopped: AtomicU8,
}

const RUNS: u8 = 0;
const OUT_OF_TIME: u8 = 1;
const OUT_OF_STEPS: u8 = 2;

impl Meter {
    pub(super) fn new() -> Meter {
        Meter {
            origin: Instant::now(),
            time: AtomicU64::new(0),
            look: AtomicU64::new(u64::MAX),
            end: AtomicU64::new(u64::MAX),
            core_end: AtomicU64::new(0),
            steps_left: AtomicU64::new(u64::MAX),
            stopped: AtomicU8::new(RUNS),
        }
    }

    fn now(&self) -> u64 {
        nanoseconds(self.origin.elapsed())
    }

    /// A run begins.
    pub(super) fn start(&self, limits: Limits) {
        let (now, time) = (self.now(), nanoseconds(limits.time));
        self.time.store(time, Ordering::Relaxed);
        self.look.store(now.saturating_add(time / 2), Ordering::Relaxed);
        self.end.store(now.saturating_add(time.saturating_mul(u64::from(WAITS_MAX))), Ordering::Relaxed);
        self.core_end.store(0, Ordering::Relaxed);
        self.steps_left.store(limits.steps_max, Ordering::Relaxed);
        self.stopped.store(RUNS, Ordering::Relaxed);
    }

    /// A step is about to be taken. May it?
    pub(super) fn step(&self) -> bool {
        // Only the thread that runs the script is here.
        let left = self.steps_left.load(Ordering::Relaxed);
        let Some(left) = left.checked_sub(1) else {
            self.stopped.store(OUT_OF_STEPS, Ordering::Relaxed);
            return false;
        };
        self.steps_left.store(left, Ordering::Relaxed);
        let now = self.now();
        if now <= self.look.load(Ordering::Relaxed) || self.has_time(now) {
            return true;
        }
        self.stopped.store(OUT_OF_TIME, Ordering::Relaxed);
        false
    }

    /// Looks at the core's time, and says when to look again.
    fn has_time(&self, now: u64) -> bool {
        let core = core_time();
        let core_end = match self.core_end.load(Ordering::Relaxed) {
            0 => core.saturating_add(self.time.load(Ordering::Relaxed) / 2),
            known => known,
        };
        self.core_end.store(core_end, Ordering::Relaxed);
        if core >= core_end || now >= self.end.load(Ordering::Relaxed) {
            return false;
        }
        self.look.store(now.saturating_add(core_end - core), Ordering::Relaxed);
        true
    }

    /// The run has ended. Was it stopped?
    pub(super) fn stop(&self) -> Option<Stop> {
        self.look.store(u64::MAX, Ordering::Relaxed);
        self.steps_left.store(u64::MAX, Ordering::Relaxed);
        match self.stopped.load(Ordering::Relaxed) {
            OUT_OF_TIME => Some(Stop::Time),
            OUT_OF_STEPS => Some(Stop::Steps),
            _ => None,
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What this thread has used of a core, in nanoseconds.
fn core_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or_default())
}
