//! A source, piece by piece, and JSON of one object a line.

use std::io::{self, Read};

/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 4 << 20;
const PIECE_BYTES: usize = 64 << 10;

/// What has been read of a source and not been used yet.
pub(crate) struct Window {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    from: usize,
}

impl Window {
    pub(crate) fn new(source: Box<dyn Read + Send>) -> Window {
        Window { source, buffer: Vec::new(), from: 0 }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.from..]
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.from = (self.from + count).min(self.buffer.len());
    }

    /// Reads a piece more; false at the end of the source.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub(crate) fn more(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.from);
        self.from = 0;
        let old = self.buffer.len();
        self.buffer.resize(old + PIECE_BYTES, 0);
        let count = loop {
            match self.source.read(&mut self.buffer[old..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.buffer.truncate(old);
                    return Err(error);
                }
                Ok(count) => break count,
            }
        };
        self.buffer.truncate(old + count);
        Ok(count > 0)
    }
}

/// Lines of text.
pub(crate) struct Lines {
    window: Window,
    line: u64,
}

impl Lines {
    pub(crate) const fn new(window: Window) -> Lines {
        Lines { window, line: 0 }
    }

    /// The next line that is not blank: its number, and it or why it cannot be read.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, Result<String, String>)>> {
        loop {
            let Some(read) = self.any()? else { return Ok(None) };
            self.line += 1;
            match read {
                Ok(text) if text.trim().is_empty() => {}
                read => return Ok(Some((self.line, read))),
            }
        }
    }

    fn any(&mut self) -> io::Result<Option<Result<String, String>>> {
        let (mut searched, mut skipped) = (0, false);
        loop {
            let bytes = self.window.bytes();
            let end = bytes[searched..].iter().position(|byte| *byte == b'\n').map(|at| searched + at + 1);
            if let Some(end) = end {
                let line = text(&bytes[..end], skipped);
                self.window.consume(end);
                return Ok(Some(line));
            }
            searched = bytes.len();
            if searched > LINE_BYTES_MAX {
                self.window.consume(searched);
                (searched, skipped) = (0, true);
            }
            if !self.window.more()? {
                let rest = self.window.bytes();
                if rest.is_empty() && !skipped {
                    return Ok(None);
                }
                let line = text(rest, skipped);
                let length = rest.len();
                self.window.consume(length);
                return Ok(Some(line));
            }
        }
    }
}

fn text(bytes: &[u8], skipped: bool) -> Result<String, String> {
    if skipped || bytes.len() > LINE_BYTES_MAX {
        return Err("longer than 4 MiB".into());
    }
    String::from_utf8(bytes.to_vec())
        .map_err(|_| "not UTF-8: name the file's encoding, such as --encoding windows-1252 (Latin-1)".into())
}
