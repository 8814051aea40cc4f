//! Imports that run while the gateway serves: what each has come to, for who asks. The store remembers them over a
//! restart, with the first of the rows that were left out.

use crate::import::Summary;
use dndgate_store::ImportedRow;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    io::{Seek, SeekFrom, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Imports that are remembered.
const JOBS_MAX: usize = 20;
/// Rows that were left out, told one by one; all of them are in the file of rejects.
const REJECTS_SHOWN: usize = 20;
/// Rows that were left out, so many of which are told after a restart.
pub(crate) const REJECTS_KEPT: usize = 1_000;

/// The state of one that has not ended.
const RUNNING: &str = "running";

/// The imports of this process, oldest first.
#[derive(Default)]
pub(crate) struct Imports(Mutex<VecDeque<Arc<Import>>>);

/// One import.
pub(crate) struct Import {
    pub(crate) id: String,
    pub(crate) file: String,
    /// The only tenant that may see it; none: all are concerned.
    pub(crate) tenant: Option<String>,
    pub(crate) dry_run: bool,
    pub(crate) begun: Timestamp,
    pub(crate) bytes: u64,
    pub(crate) bytes_read: Arc<AtomicU64>,
    pub(crate) cancelled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    summary: Summary,
    rejects: Vec<(u64, String)>,
    file: Option<std::fs::File>,
    /// The first of them, as they are in the file, and how many.
    kept: (String, usize),
    /// None while it runs.
    ended: Option<Result<(), String>>,
}

impl Imports {
    /// Notes an import, and forgets the oldest that has ended when there are many. `None`: too many are running.
    pub(crate) fn begin(&self, import: Import) -> Option<Arc<Import>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= JOBS_MAX {
            let over = all.iter().position(|one| one.has_ended())?;
            all.remove(over);
        }
        let import = Arc::new(import);
        all.push_back(Arc::clone(&import));
        Some(import)
    }

    /// All that a tenant may see.
    pub(crate) fn list(&self, tenant: Option<&str>) -> Vec<Arc<Import>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|one| one.is_seen_by(tenant)).map(Arc::clone).collect()
    }

    /// One of them.
    pub(crate) fn find(&self, id: &str, tenant: Option<&str>) -> Option<Arc<Import>> {
        self.list(tenant).into_iter().find(|one| one.id == id)
    }

    /// Stops all, since the gateway ends.
    pub(crate) fn stop(&self) {
        self.list(None).iter().for_each(|one| one.cancelled.store(true, Ordering::Relaxed));
    }
}

impl Import {
    pub(crate) fn new(
        file: String,
        tenant: Option<String>,
        dry_run: bool,
        begun: Timestamp,
        bytes: u64,
    ) -> Import {
        Import {
            id: uuid::Uuid::now_v7().simple().to_string(),
            file,
            tenant,
            dry_run,
            begun,
            bytes,
            bytes_read: Arc::default(),
            cancelled: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    fn is_seen_by(&self, tenant: Option<&str>) -> bool {
        tenant.is_none() || tenant == self.tenant.as_deref()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_ended(&self) -> bool {
        self.state().ended.is_some()
    }

    pub(crate) fn progress(&self, summary: &Summary) {
        self.state().summary = summary.clone();
    }

    /// A row, or a part of it, was left out.
    pub(crate) fn left_out(&self, line: u64, why: &str) -> std::io::Result<()> {
        let mut state = self.state();
        if state.rejects.len() < REJECTS_SHOWN {
            state.rejects.push((line, why.to_owned()));
        }
        let row = dndgate_import::write::row(vec![line.to_string(), why.to_owned()]);
        if state.kept.1 < REJECTS_KEPT {
            state.kept.0.push_str(&row);
            state.kept.1 += 1;
        }
        if state.file.is_none() {
            state.file = Some(tempfile::tempfile()?);
        }
        state.file.as_mut().map_or(Ok(()), |file| file.write_all(row.as_bytes()))
    }

    /// All rows that were left out, so far, as a file of its own.
    pub(crate) fn rejects(&self) -> std::io::Result<Option<std::fs::File>> {
        let mut state = self.state();
        let Some(file) = &mut state.file else { return Ok(None) };
        file.seek(SeekFrom::Start(0))?;
        let mut copy = tempfile::tempfile()?;
        std::io::copy(file, &mut copy)?;
        file.seek(SeekFrom::End(0))?;
        copy.seek(SeekFrom::Start(0))?;
        Ok(Some(copy))
    }

    pub(crate) fn end(&self, outcome: Result<Summary, String>) {
        let mut state = self.state();
        match outcome {
            Ok(summary) => {
                state.summary = summary;
                state.ended = Some(Ok(()));
            }
            Err(why) => state.ended = Some(Err(why)),
        }
    }

    /// As the store remembers it: running, or ended so.
    pub(crate) fn remembered(&self, ended: Option<&Result<Summary, String>>) -> ImportedRow {
        let state = self.state();
        let summary = ended.and_then(|outcome| outcome.as_ref().ok()).unwrap_or(&state.summary);
        let ended = ended.map(|outcome| outcome.as_ref().map(drop).map_err(String::as_str));
        ImportedRow {
            id: self.id.clone(),
            tenant: self.tenant.clone(),
            outcome: self.told(&state, summary, ended).to_string(),
            rejects: state.kept.0.clone(),
        }
    }

    /// As the API shows it.
    pub(crate) fn shown(&self) -> Value {
        let state = self.state();
        let ended = state.ended.as_ref().map(|ended| ended.as_ref().copied().map_err(String::as_str));
        self.told(&state, &state.summary, ended)
    }

    fn told(&self, state: &State, summary: &Summary, ended: Option<Result<(), &str>>) -> Value {
        let (word, error) = match ended {
            None => (RUNNING, None),
            Some(Ok(())) => ("done", None),
            Some(Err(_)) if self.cancelled.load(Ordering::Relaxed) => ("cancelled", None),
            Some(Err(why)) => ("failed", Some(why)),
        };
        let rejects = state.rejects.iter().map(|(line, why)| json!({ "line": line, "why": why }));
        json!({
            "id": self.id, "file": self.file, "tenant": self.tenant, "dryRun": self.dry_run, "state": word,
            "error": error, "begun": self.begun.to_string(), "bytes": self.bytes,
            "bytesRead": self.bytes_read.load(Ordering::Relaxed).min(self.bytes),
            "summary": summary.to_json(), "rejects": rejects.collect::<Vec<_>>(),
        })
    }
}

/// As the API shows one that an earlier process began. What that process did not bring to an end, nobody did.
pub(crate) fn shown_again(row: &ImportedRow) -> Value {
    let mut shown: Value = serde_json::from_str(&row.outcome).unwrap_or_default();
    if shown["state"] == RUNNING {
        shown["state"] = json!("interrupted");
        shown["error"] = json!("the gateway ended meanwhile; run the same file again");
    }
    shown
}

/// May a tenant see it?
pub(crate) fn is_seen_by(row: &ImportedRow, tenant: Option<&str>) -> bool {
    tenant.is_none() || tenant == row.tenant.as_deref()
}
