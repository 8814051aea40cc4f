//! The files of the record: written at their end, removed when they are old or too many.

use super::Who;
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// How the name of a file ends.
const ENDING: &str = ".ndjson";
/// The largest file, in bytes: as much is lost when the oldest goes, and so much is read at a time.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// A file covers this part of the time for which lines are kept …
const SPANS: i32 = 24;
/// … but never more than this, nor less.
const SPAN_MAX: SignedDuration = SignedDuration::from_hours(1);
const SPAN_MIN: SignedDuration = SignedDuration::from_secs(1);
/// What stands before the person in a line, and how many digits it has.
const BEFORE_WHO: &[u8] = b"{\"who\":\"";
const WHO_DIGITS: usize = 16;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Lines are kept so long.
    pub keep: SignedDuration,
    /// All files together.
    pub bytes_max: u64,
}

impl Limits {
    fn file_bytes_max(self) -> u64 {
        FILE_BYTES_MAX.min(self.bytes_max / 8).max(1)
    }

    /// What may be written within a [`Limits::span`] if the record is to last as long as it should.
    pub fn bytes_per_span(self) -> u64 {
        let spans = self.keep.as_secs_f64() / self.span().as_secs_f64();
        (self.bytes_max as f64 / spans.max(1.0)) as u64
    }

    /// A file covers so much time.
    pub fn span(self) -> SignedDuration {
        (self.keep / SPANS).clamp(SPAN_MIN, SPAN_MAX)
    }
}

/// The files of a record that this process writes.
#[derive(Debug)]
pub struct Segments {
    dir: PathBuf,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    file: File,
    begun: Timestamp,
    length: u64,
}

impl Segments {
    /// Opens or makes the folder, for its owner alone.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(dir: &Path) -> io::Result<Segments> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        Ok(Segments { dir: dir.to_owned(), current: None })
    }

    /// Writes whole lines. After an error the next lines go to another file, so that half a line is never followed
    /// by another one.
    ///
    /// # Errors
    /// When they cannot be written; they are lost then.
    pub fn append(&mut self, lines: &[u8], now: Timestamp, limits: Limits) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let full = |current: &Current| {
            current.length >= limits.file_bytes_max() || now.duration_since(current.begun) >= limits.span()
        };
        let mut current = match self.current.take().filter(|current| !full(current)) {
            Some(current) => current,
            None => self.begin(now)?,
        };
        current.file.write_all(lines)?;
        current.length += lines.len() as u64;
        self.current = Some(current);
        Ok(())
    }

    fn begin(&self, now: Timestamp) -> io::Result<Current> {
        let mut number = now.as_microsecond().max(0);
        loop {
            let path = self.dir.join(format!("{number:020}{ENDING}"));
            match OpenOptions::new().append(true).create_new(true).mode(0o600).open(path) {
                Ok(file) => return Ok(Current { file, begun: now, length: 0 }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes what is older than the limit and the oldest of what is too much. How many bytes stay.
    ///
    /// # Errors
    /// When the folder cannot be read or a file not be removed.
    pub fn prune(&mut self, now: Timestamp, limits: Limits) -> io::Result<u64> {
        let files = files(&self.dir)?;
        let mut sizes = Vec::with_capacity(files.len());
        for file in &files {
            sizes.push(fs::metadata(&file.path));
        }
        let mut total: u64 = sizes.iter().flatten().map(fs::Metadata::len).sum();
        let oldest = now.checked_sub(limits.keep).unwrap_or(Timestamp::MIN);
        // Room for the file that grows next.
        let bytes_max = limits.bytes_max.saturating_sub(limits.file_bytes_max());
        for (index, file) in files.iter().enumerate() {
            let Ok(metadata) = &sizes[index] else { continue };
            // Nothing was written to a file after the next one began.
            let ended = match files.get(index + 1) {
                Some(next) => next.begun,
                None => metadata.modified().ok().and_then(|at| Timestamp::try_from(at).ok()).unwrap_or(now),
            };
            let is_last = index + 1 == files.len();
            if ended > oldest && (is_last || total <= bytes_max) {
                continue;
            }
            if is_last {
                self.current = None;
            }
            remove(&file.path)?;
            total = total.saturating_sub(metadata.len());
        }
        Ok(total)
    }

    /// Takes all lines of these people away: blanks stand in their place. How many lines.
    ///
    /// # Errors
    /// When a file can neither be changed nor removed.
    pub fn forget(&mut self, people: &HashSet<Who>) -> io::Result<usize> {
        let mut forgotten = 0;
        for file in files(&self.dir)? {
            let text = match fs::read(&file.path) {
                Ok(text) => text,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let theirs = lines_of(&text, people);
            if theirs.is_empty() {
                continue;
            }
            forgotten += theirs.len();
            if let Err(error) = blank(&file.path, &theirs) {
                tracing::warn!(%error, "a file of the record cannot be changed; it is removed as a whole");
                self.current = None;
                remove(&file.path)?;
            }
        }
        Ok(forgotten)
    }
}

fn blank(path: &Path, places: &[(usize, usize)]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    for (start, end) in places {
        file.write_all_at(&vec![b' '; end - start], *start as u64)?;
    }
    file.sync_data()
}

/// Where lines of these people stand, without the line's end. The last line may have none.
fn lines_of(text: &[u8], people: &HashSet<Who>) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |length| start + length);
        let who = text[start..end].strip_prefix(BEFORE_WHO).and_then(|rest| rest.get(..WHO_DIGITS));
        if who.and_then(Who::read).is_some_and(|who| people.contains(&who)) {
            places.push((start, end));
        }
        start = end + 1;
    }
    places
}

/// A file of the record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    /// When it was begun.
    pub(super) begun: Timestamp,
    pub(super) path: PathBuf,
}

/// The files, the oldest first.
pub(super) fn files(dir: &Path) -> io::Result<Vec<Segment>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(ENDING)?.parse().ok());
        if let Some(begun) = number.and_then(|micros| Timestamp::from_microsecond(micros).ok()) {
            all.push(Segment { begun, path });
        }
    }
    all.sort();
    Ok(all)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
