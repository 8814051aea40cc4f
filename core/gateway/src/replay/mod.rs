//! What policies judged is judged anew: by those in force and by a candidate, and the differences are told.
//!
//! Both judge every entry now, so that nothing depends on what was in force when it was recorded; where that was
//! something else again, it is told beside it.

mod judge;
mod report;

pub(crate) use judge::{allowed, blocked, counters, judge, kept_back, without_words};
pub use report::{Change, Count, Counts, Difference, Report};
pub(crate) use report::{Kind, Tally};

use crate::config::Time;
use dndgate_dnd::Counters;
use dndgate_policy::Book;
use dndgate_store::record::{self, About, Entry, MessageAbout};
use jiff::Timestamp;
use std::{io, ops::ControlFlow, path::Path, sync::Arc};

/// What is to be judged anew.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The folder of the record.
    pub dir: &'a Path,
    /// Entries from then on.
    pub since: Timestamp,
    /// The only tenant whose entries are judged.
    pub tenant: Option<&'a str>,
    /// So many differences are listed, the newest ones; all are counted.
    pub list: usize,
    /// Asked now and then: is it to end before its time?
    pub ends: &'a dyn Fn() -> bool,
}

/// Reads from when on entries are meant: so long before now, or a moment.
///
/// # Errors
/// When it is neither.
pub fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let ago = Time::parse(text).and_then(|time| now.checked_sub(time.0).ok());
    ago.ok_or_else(|| format!("{text:?} is no time: write it as \"7d\", \"12h\" or \"2026-11-23T21:00:00Z\""))
}

/// Every so many entries it is asked whether it is to end.
const STRIDE: u64 = 256;

/// Judges a record by the policies in force and by a candidate.
///
/// # Errors
/// When there is no record, or it cannot be read.
pub fn replay(asked: Asked<'_>, active: &Book, candidate: &Book) -> io::Result<Report> {
    let mut found = Found::new();
    let mut seen = 0u64;
    // What a policy does wrong is one of the differences, and no news for the log a thousand times.
    let silent = tracing::subscriber::NoSubscriber::new();
    let reading = tracing::subscriber::with_default(silent, || {
        record::read(asked.dir, asked.since, |entry| {
            seen += 1;
            if seen.is_multiple_of(STRIDE) && (asked.ends)() {
                return ControlFlow::Break(());
            }
            if asked.tenant.is_none_or(|tenant| tenant == entry.tenant) {
                found.judge(asked.list, entry, active, candidate);
            }
            ControlFlow::Continue(())
        })
    })?;
    let Found { tally, first, last, otherwise_then, .. } = found;
    Ok(Report {
        since: asked.since,
        first,
        last,
        judged: tally.counts.judged(),
        different: tally.counts.different(),
        otherwise_then,
        unreadable: reading.unreadable,
        complete: reading.complete,
        counts: tally.counts,
        changes: tally.changes(),
        differences: tally.newest,
    })
}

struct Found {
    /// What each would have sent before.
    active: Arc<dyn Counters>,
    candidate: Arc<dyn Counters>,
    tally: Tally,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    otherwise_then: u64,
}

impl Found {
    fn new() -> Found {
        Found {
            active: counters(),
            candidate: counters(),
            tally: Tally::default(),
            first: None,
            last: None,
            otherwise_then: 0,
        }
    }

    fn judge(&mut self, list: usize, entry: &Entry<'_>, active: &Book, candidate: &Book) {
        let kind = Kind::of(&entry.about);
        match &entry.about {
            About::Send(send) if send.kept_back.is_some() => {
                return self.tally.counts.sends.kept_back += 1;
            }
            About::Message(MessageAbout { texts: None, .. }) => {
                return self.tally.counts.messages.without_text += 1;
            }
            _ => {}
        }
        let now = judge(active.of(&entry.tenant), &self.active, entry);
        let then = judge(candidate.of(&entry.tenant), &self.candidate, entry);
        let (Some(now), Some(then)) = (now, then) else { return };
        self.tally.judged(kind);
        if let About::Send(send) = &entry.about {
            self.tally.counts.sends.thinned += u64::from(send.thinned);
        }
        self.first = self.first.or(Some(entry.at));
        self.last = Some(entry.at);
        self.otherwise_then += u64::from(now.what != entry.was.what);
        if now.what != then.what {
            self.tally.differs(kind, Difference::of(entry, now, then), list);
        }
    }
}
