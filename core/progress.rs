//! How far a long command has come: a bar on a terminal, a line now and then elsewhere.

use crate::say_error;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::{IsTerminal, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How far a file has been read.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    size: u64,
    bytes: Arc<AtomicU64>,
    begun: Instant,
    told: Instant,
}

/// A source whose bytes are counted.
pub(crate) struct Counting<R> {
    source: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.source.read(into)?;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Progress {
    /// For a file of so many bytes.
    pub(crate) fn new(size: u64) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(size);
            let style = ProgressStyle::with_template("{bar:40} {percent}% {msg}, {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        let now = Instant::now();
        Progress { bar, size, bytes: Arc::default(), begun: now, told: now }
    }

    /// Counts what is read of a source.
    pub(crate) fn counting<R: Read>(&self, source: R) -> Counting<R> {
        Counting { source, bytes: Arc::clone(&self.bytes) }
    }

    /// So many rows are done, so many of them left out.
    pub(crate) fn at(&mut self, rows: u64, left_out: u64) {
        let bytes = self.bytes.load(Ordering::Relaxed);
        self.at_bytes(bytes, rows, left_out);
    }

    /// [`Progress::at`], where somebody else reads the file.
    pub(crate) fn at_bytes(&mut self, bytes: u64, rows: u64, left_out: u64) {
        let a_second = rows as f64 / self.begun.elapsed().as_secs_f64().max(0.001);
        let text = format!("{rows} rows, {left_out} left out, {a_second:.0} a second");
        if let Some(bar) = &self.bar {
            bar.set_position(bytes.min(self.size));
            bar.set_message(text);
        } else if self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            let percent = bytes.min(self.size) * 100 / self.size.max(1);
            say_error(&format!("{percent}%: {text}"));
        }
    }

    /// A line beside the bar.
    pub(crate) fn aside(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say_error(line)),
            None => say_error(line),
        }
    }

    /// It has ended.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
