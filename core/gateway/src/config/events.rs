//! `[events]`

use super::{Size, Time};
use serde::Deserialize;
use std::time::Duration;

/// `[events]`: the feed of DND events, and how subscribers are told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    /// The pauses between attempts at one event; after the attempt that follows the last it is given up.
    pub retry: Vec<Time>,
    /// How long a subscriber may take over one event.
    pub timeout: Time,
    /// Events under way to one subscriber at a time.
    pub concurrency: usize,
    /// How much of an answer is read.
    pub response_bytes: Size,
    /// How long events are kept.
    pub retention: Time,
    /// How often a stream of events says that it is alive.
    pub heartbeat: Time,
    /// The most subscribers.
    pub subscribers: usize,
    /// Where events may be sent.
    pub targets: Targets,
}

/// `events.targets`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Targets {
    /// Anywhere but link-local and multicast addresses.
    #[default]
    Any,
    /// By https to public addresses only.
    Public,
}

impl Default for Events {
    fn default() -> Events {
        // Ten attempts in three days, as the Standard Webhooks specification advises.
        let pauses = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 72_000];
        Events {
            retry: pauses.into_iter().map(|seconds| Time(Duration::from_secs(seconds))).collect(),
            timeout: Time(Duration::from_secs(15)),
            concurrency: 8,
            response_bytes: Size(64 << 10),
            retention: Time(Duration::from_secs(30 * 24 * 3600)),
            heartbeat: Time(Duration::from_secs(15)),
            subscribers: 100,
            targets: Targets::Any,
        }
    }
}

impl Events {
    /// The pause after so many attempts; none: the event is given up.
    pub(crate) fn pause(&self, attempts: u32) -> Option<Duration> {
        let index = usize::try_from(attempts).ok()?.checked_sub(1)?;
        self.retry.get(index).map(|pause| pause.0)
    }

    /// What contradicts itself, if anything does.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let whole: Duration = self.retry.iter().map(|pause| pause.0 + self.timeout.0).sum();
        if self.concurrency == 0 {
            return Some("events.concurrency is 0: nothing would be delivered; write 1 or more");
        }
        if self.timeout.0.is_zero() || self.heartbeat.0.is_zero() {
            return Some("events.timeout and events.heartbeat must be longer than 0s");
        }
        (self.retention.0 < whole).then_some(
            "events.retention is shorter than all pauses of events.retry together: events would be forgotten while they are tried",
        )
    }
}
