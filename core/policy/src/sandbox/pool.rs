//! Several states, so that cores do not wait for each other.

use super::{Chunk, Fault, Limits, Sandbox};
use crate::sources::{ERROR_CODES, KEYWORDS, SENDS};
use mlua::{Lua, Table};
use std::sync::{
    Mutex, MutexGuard, PoisonError, TryLockError,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

/// Runs that failed or were stopped since the process began, by file.
static FAULTS: [(&str, AtomicU64); 3] =
    [(KEYWORDS, AtomicU64::new(0)), (ERROR_CODES, AtomicU64::new(0)), (SENDS, AtomicU64::new(0))];

/// How many runs of functions in policy files failed or were stopped since the process began, by file.
pub fn faults() -> impl Iterator<Item = (&'static str, u64)> {
    FAULTS.iter().map(|(file, count)| (*file, count.load(Ordering::Relaxed)))
}

/// A file in as many states as there are cores.
#[derive(Debug)]
pub(crate) struct Pool {
    file: String,
    source: String,
    limits: Limits,
    states: Vec<Mutex<Option<State>>>,
    next: AtomicUsize,
    misbehaves: AtomicBool,
}

#[derive(Debug)]
struct State {
    sandbox: Sandbox,
    chunk: Chunk,
}

impl Pool {
    /// For a file that compiled before.
    pub(crate) fn new(file: &str, source: &str, limits: Limits) -> Pool {
        let states = std::thread::available_parallelism().map_or(1, usize::from);
        Pool {
            file: file.to_owned(),
            source: source.to_owned(),
            limits,
            states: (0..states).map(|_| Mutex::new(None)).collect(),
            next: AtomicUsize::new(0),
            misbehaves: AtomicBool::new(false),
        }
    }

    /// Runs the file in a free state and shows its table to `read`; waits only when all states are busy,
    /// which takes no longer than the time limit of whoever is in it.
    pub(crate) fn run<R>(&self, read: impl FnOnce(&Lua, Table) -> Result<R, Fault>) -> Result<R, Fault> {
        let mut slot = self.free();
        // Made when first needed, and made anew after it was stopped, which may leave it full.
        let state = match slot.take() {
            Some(state) => state,
            None => self.state()?,
        };
        let outcome = state.sandbox.run(&state.chunk, read);
        if outcome.is_err()
            && let Some((_, count)) = FAULTS.iter().find(|(file, _)| *file == self.file)
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if outcome.as_ref().is_err_and(Fault::is_stop) {
            self.misbehaves.store(true, Ordering::Relaxed);
        } else {
            state.sandbox.tidy();
            *slot = Some(state);
        }
        outcome
    }

    /// Has a run been stopped?
    pub(crate) fn misbehaves(&self) -> bool {
        self.misbehaves.load(Ordering::Relaxed)
    }

    fn state(&self) -> Result<State, Fault> {
        let sandbox = Sandbox::new(self.limits)?;
        let chunk = sandbox.compile(&self.file, &self.source)?;
        Ok(State { sandbox, chunk })
    }

    fn free(&self) -> MutexGuard<'_, Option<State>> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for step in 0..self.states.len() {
            match self.states[(first + step) % self.states.len()].try_lock() {
                Ok(slot) => return slot,
                Err(TryLockError::Poisoned(slot)) => return slot.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        self.states[first % self.states.len()].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
