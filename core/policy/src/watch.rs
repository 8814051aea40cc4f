//! The running policies, and their reload when files change.

use crate::{Book, Limits, PolicyError};
use arc_swap::ArcSwap;
use notify_debouncer_full::{
    DebounceEventResult, Debouncer, RecommendedCache, new_debouncer,
    notify::{EventKind, RecommendedWatcher, RecursiveMode},
};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// A folder counts as settled when nothing has changed for this long.
const SETTLED: Duration = Duration::from_millis(300);

/// The running policies, general and of tenants.
#[derive(Debug)]
pub struct Active(ArcSwap<Book>);

impl Active {
    /// Begins with these.
    pub fn new(book: Book) -> Active {
        Active(ArcSwap::from_pointee(book))
    }

    /// The policies as of now. Whoever holds them keeps them, whatever is swapped in meanwhile.
    pub fn current(&self) -> Arc<Book> {
        self.0.load_full()
    }

    /// Puts others in their place, all at once.
    pub fn swap(&self, book: Book) {
        self.0.store(Arc::new(book));
    }
}

/// Loads the folder anew and swaps on success; on failure the running policies stay.
///
/// # Errors
/// When the folder does not load or a case fails.
pub fn reload(dir: &Path, limits: Limits, active: &Active) -> Result<(), PolicyError> {
    active.swap(Book::load_with(Some(dir), &[], limits, Some(&active.current()))?);
    Ok(())
}

/// Watches until it is dropped.
pub struct Watcher {
    _debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// Watches the folder: each time it settles after a change, [`reload`]s it and reports the outcome, on a
/// thread of the watcher's own.
///
/// # Errors
/// When the folder cannot be watched.
pub fn watch(
    dir: PathBuf,
    limits: Limits,
    active: Arc<Active>,
    report: impl Fn(&Result<(), PolicyError>) + Send + 'static,
) -> Result<Watcher, PolicyError> {
    let folder = dir.clone();
    watch_folder(&dir, move || report(&reload(&folder, limits, &active)))
}

/// Watches a folder of policies: each time it settles after a change, `changed` runs, on a thread of the watcher's
/// own.
///
/// # Errors
/// When the folder cannot be watched.
pub fn watch_folder(dir: &Path, changed: impl Fn() + Send + 'static) -> Result<Watcher, PolicyError> {
    let failed = |error: notify_debouncer_full::notify::Error| PolicyError::Watch {
        path: dir.to_owned(),
        what: error.to_string(),
    };
    let on_events = move |events: DebounceEventResult| {
        // Reading the files is an event, too; only changes count. An error of the watcher means that
        // changes may have been missed.
        let has_changed = match &events {
            Ok(events) => events.iter().any(|event| !matches!(event.kind, EventKind::Access(_))),
            Err(_) => true,
        };
        if has_changed {
            changed();
        }
    };
    let mut debouncer = new_debouncer(SETTLED, None, on_events).map_err(failed)?;
    debouncer.watch(dir, RecursiveMode::Recursive).map_err(failed)?;
    Ok(Watcher { _debouncer: debouncer })
}
