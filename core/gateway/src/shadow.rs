//! A candidate judges live traffic beside the policies in force (`policies.shadow`): what it would do otherwise is
//! counted and listed, and nothing of it is enforced.
//!
//! It is shown what the record's thread has taken, on a thread of its own: however slow or hostile a candidate is,
//! neither a send nor the record waits for it. What it cannot keep up with is left out and counted.

use crate::{
    clock,
    config::Config,
    metrics,
    record::Fact,
    replay::{self, Counts, Difference, Kind, Tally},
    shared::Shared,
};
use ::metrics::Counter;
use arc_swap::{ArcSwap, ArcSwapOption};
use dndgate_dnd::{Counters, Normalised};
use dndgate_policy::{Book, Limits, PolicyError, Watcher};
use dndgate_store::record::{Outcome, Who};
use jiff::Timestamp;
use std::{
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

/// The most that wait for the candidate.
const WAITING_MAX: usize = 4_096;
/// Differences that are listed.
const NEWEST_MAX: usize = 1_000;
/// How often the thread looks whether it is to end.
const LOOK: Duration = Duration::from_millis(200);

/// What was judged, and what came of it.
pub(crate) struct Shown {
    pub(crate) fact: Fact,
    pub(crate) person: Normalised,
    pub(crate) who: Who,
    pub(crate) was: Outcome<'static>,
}

/// The candidate and what it would have done.
pub(crate) struct Shadow {
    dir: Option<PathBuf>,
    limits: Limits,
    candidate: ArcSwapOption<Book>,
    /// What the candidate would have sent since it was loaded.
    counters: ArcSwap<Arc<dyn Counters>>,
    state: Mutex<State>,
    shown: SyncSender<Shown>,
    to_judge: Mutex<Option<Receiver<Shown>>>,
    skipped: Counter,
    stopping: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Why the folder as it is now does not load.
    error: Option<String>,
    /// When the candidate was loaded.
    since: Option<Timestamp>,
    tally: Tally,
    /// People of whom nothing from before may be listed.
    forgotten: HashMap<Who, Timestamp>,
}

/// What is told of the shadow.
pub(crate) struct View {
    pub(crate) dir: Option<PathBuf>,
    pub(crate) loaded: bool,
    pub(crate) error: Option<String>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) counts: Counts,
    pub(crate) changes: Vec<replay::Change>,
    /// The newest first.
    pub(crate) differences: Vec<Difference>,
}

impl Shadow {
    /// As the configuration says; nothing is loaded yet.
    pub(crate) fn new(config: &Config) -> Shadow {
        let (shown, to_judge) = sync_channel(WAITING_MAX);
        Shadow {
            dir: config.policies.shadow.clone(),
            limits: crate::limits(config),
            candidate: ArcSwapOption::empty(),
            counters: ArcSwap::from_pointee(replay::counters()),
            state: Mutex::default(),
            shown,
            to_judge: Mutex::new(Some(to_judge)),
            skipped: metrics::shadow_skipped(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Loads the folder anew. When it does not load, the candidate that is there stays.
    pub(crate) fn load(&self) {
        let Some(dir) = &self.dir else { return };
        let loaded = Book::load(dir, self.limits);
        metrics::shadow_reload(loaded.is_ok());
        let mut state = self.state();
        match loaded {
            Ok(candidate) => {
                // What another candidate would have done is no news of this one.
                *state = State { since: Some(clock::now()), ..State::default() };
                self.counters.store(Arc::new(replay::counters()));
                self.candidate.store(Some(Arc::new(candidate)));
                tracing::info!(dir = %dir.display(), "the shadow policies were loaded; they enforce nothing");
            }
            Err(error) => {
                tracing::error!(dir = %dir.display(), %error, "the shadow policies were not loaded; nothing changes");
                state.error = Some(error.to_string());
            }
        }
        metrics::shadow_loaded().set(if self.candidate.load().is_some() { 1.0 } else { 0.0 });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The candidate, when there is one.
    pub(crate) fn candidate(&self) -> Option<Arc<Book>> {
        self.candidate.load_full()
    }

    /// Shows what was judged to the candidate, if there is one and it has room.
    pub(crate) fn show(&self, shown: Shown) {
        if self.candidate.load().is_some() && self.shown.try_send(shown).is_err() {
            self.skipped.increment(1);
        }
    }

    /// Takes people out of the list, and keeps what waits about them from it (R5).
    pub(crate) fn forget(&self, people: &HashSet<Who>) {
        let now = clock::now();
        let mut state = self.state();
        state.tally.newest.retain(|one| !people.contains(&one.person));
        state.forgotten.extend(people.iter().map(|who| (*who, now)));
    }

    /// What the candidate has been up to, with so many differences.
    pub(crate) fn view(&self, limit: usize) -> View {
        let state = self.state();
        View {
            dir: self.dir.clone(),
            loaded: self.candidate.load().is_some(),
            error: state.error.clone(),
            since: state.since,
            counts: state.tally.counts,
            changes: state.tally.changes(),
            differences: state.tally.newest.iter().rev().take(limit).cloned().collect(),
        }
    }

    fn judge(&self, shown: &Shown, with_words: bool) {
        let Some(candidate) = self.candidate.load_full() else { return };
        let entry = shown.fact.entry(shown.who, &shown.person, shown.was.clone());
        let then = replay::judge(candidate.of(&entry.tenant), &self.counters.load(), &entry);
        let Some(then) = then else { return };
        let kind = Kind::of(&entry.about);
        metrics::shadow_judged(kind.name());
        let mut state = self.state();
        state.tally.judged(kind);
        if shown.was.what == then.what {
            return;
        }
        metrics::shadow_difference(kind.name());
        let difference = Difference::of(&entry, shown.was.clone(), then);
        let difference = if with_words { difference } else { difference.without_words() };
        let forgotten = state.forgotten.get(&shown.who).is_some_and(|at| shown.fact.at <= *at);
        state.tally.differs(kind, difference, if forgotten { 0 } else { NEWEST_MAX });
    }

    fn run(&self, shared: &Shared, shown: &Receiver<Shown>) {
        let silent = tracing::subscriber::NoSubscriber::new();
        while !self.stopping.load(Ordering::Relaxed) {
            match shown.recv_timeout(LOOK) {
                Ok(shown) => {
                    let with_words = shared.config.load().record.bodies;
                    tracing::subscriber::with_default(silent, || self.judge(&shown, with_words));
                }
                // Nothing waits, so that nothing from before can come any more.
                Err(RecvTimeoutError::Timeout) => self.state().forgotten.clear(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Loads the candidate and starts its thread. `None`: the configuration wants none.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(shared: &Arc<Shared>) -> io::Result<Option<Running>> {
        let shadow = &shared.shadow;
        let Some(dir) = &shadow.dir else { return Ok(None) };
        let Some(shown) = shadow.to_judge.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(None);
        };
        shadow.load();
        let watcher = watch(dir, shared)
            .inspect_err(|error| tracing::warn!(%error, "the shadow policies are not watched; send SIGHUP after a change"))
            .ok();
        let own = Arc::clone(shared);
        let thread =
            std::thread::Builder::new().name("shadow".into()).spawn(move || own.shadow.run(&own, &shown))?;
        Ok(Some(Running { thread, _watcher: watcher }))
    }

    /// Ends the thread; what waits is left out.
    pub(crate) fn stop(&self, running: Running) {
        self.stopping.store(true, Ordering::Relaxed);
        let _ = running.thread.join();
    }
}

fn watch(dir: &Path, shared: &Arc<Shared>) -> Result<Watcher, PolicyError> {
    let own = Arc::clone(shared);
    dndgate_policy::watch_folder(dir, move || own.shadow.load())
}

/// The candidate's thread, and the watch over its folder.
pub(crate) struct Running {
    thread: JoinHandle<()>,
    _watcher: Option<Watcher>,
}
