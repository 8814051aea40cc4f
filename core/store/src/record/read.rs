//! Reading the record, while it is written or not.

use super::{Entry, segments::files};
use jiff::Timestamp;
use std::{fs, io, io::ErrorKind, ops::ControlFlow, path::Path};

/// What a reading came across besides entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Lines that are none, such as those of a later version.
    pub unreadable: u64,
    /// Everything was read; otherwise `each` broke off.
    pub complete: bool,
}

/// Shows every entry from a time on, in the order of its writing.
///
/// # Errors
/// When the folder is not there or cannot be read.
pub fn read(
    dir: &Path,
    since: Timestamp,
    mut each: impl FnMut(&Entry<'_>) -> ControlFlow<()>,
) -> io::Result<Reading> {
    let files = files(dir)?;
    let mut reading = Reading { unreadable: 0, complete: false };
    for (index, file) in files.iter().enumerate() {
        // Nothing was written to a file after the next one began.
        if files.get(index + 1).is_some_and(|next| next.begun < since) {
            continue;
        }
        let text = match fs::read(&file.path) {
            Ok(text) => text,
            // It was too old, and went meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut rest = &text[..];
        while let Some(length) = memchr::memchr(b'\n', rest) {
            let line = rest[..length].trim_ascii();
            rest = &rest[length + 1..];
            if line.is_empty() {
                continue;
            }
            match serde_json::from_slice::<Entry<'_>>(line) {
                Ok(entry) if entry.at < since => {}
                Ok(entry) => {
                    if each(&entry).is_break() {
                        return Ok(reading);
                    }
                }
                Err(_) => reading.unreadable += 1,
            }
        }
        // What follows the last line's end is being written, or was when the process died.
    }
    reading.complete = true;
    Ok(reading)
}
