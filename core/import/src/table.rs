//! Separated values, record by record, from whatever people call CSV: any of four separators, any line ends, quoted
//! line breaks. A quote that is never closed costs its own line, not everything after it.

use crate::lines::Window;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use std::io;

/// The longest record, in bytes: what is longer has lost a quote.
pub(crate) const RECORD_BYTES_MAX: usize = 1 << 20;
const SEPARATORS: [u8; 4] = *b",;\t|";

/// A record, or why it is none.
pub(crate) struct Cells<'t> {
    /// The line that it begins on; the first is 1.
    pub(crate) line: u64,
    pub(crate) cells: Result<Vec<&'t str>, String>,
}

pub(crate) struct Table {
    window: Window,
    core: Reader,
    separator: u8,
    line: u64,
    /// Columns of the header.
    width: usize,
    out: Vec<u8>,
    ends: Vec<usize>,
}

/// What a pass over the window found.
enum Found {
    Record { raw: usize, fields: usize, at_end: bool },
    Runaway,
    End,
}

impl Table {
    /// Reads the header.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub(crate) fn open(mut window: Window) -> io::Result<(Table, Vec<String>)> {
        while !window.bytes().contains(&b'\n') && window.bytes().len() < RECORD_BYTES_MAX && window.more()? {}
        let separator = separator(window.bytes());
        let core = ReaderBuilder::new().delimiter(separator).build();
        let (out, ends) = (vec![0; 4_096], vec![0; 64]);
        let mut table = Table { window, core, separator, line: 1, width: 0, out, ends };
        let header = match table.next()? {
            Some(Cells { cells: Ok(cells), .. }) => {
                cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
            }
            _ => Vec::new(),
        };
        table.width = header.len();
        Ok((table, header))
    }

    /// The separator that the header told.
    pub(crate) const fn separator(&self) -> char {
        self.separator as char
    }

    /// The next record.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub(crate) fn next(&mut self) -> io::Result<Option<Cells<'_>>> {
        let found = self.find()?;
        let blank = self.window.bytes().iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        self.line += breaks(&self.window.bytes()[..blank]);
        self.window.consume(blank);
        let line = self.line;
        let (raw, fields, at_end) = match found {
            Found::End => return Ok(None),
            Found::Runaway => {
                self.skip_line()?;
                let why = "a quote is opened and not closed (or the row is longer than 1 MiB)".to_owned();
                return Ok(Some(Cells { line, cells: Err(why) }));
            }
            Found::Record { raw, fields, at_end } => (raw.saturating_sub(blank), fields, at_end),
        };
        let bytes = &self.window.bytes()[..raw];
        let spans = breaks(bytes.trim_ascii_end()) > 0;
        let unclosed = at_end && bytes.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
        if unclosed || spans && self.width > 0 && fields != self.width {
            self.skip_line()?;
            return Ok(Some(Cells { line, cells: Err("a quote is opened and not closed".into()) }));
        }
        let utf8 = std::str::from_utf8(bytes).is_ok();
        self.line += breaks(bytes);
        self.window.consume(raw);
        if !utf8 {
            let why = "not UTF-8: name the file's encoding, such as --encoding windows-1252 (Latin-1)";
            return Ok(Some(Cells { line, cells: Err(why.into()) }));
        }
        Ok(Some(Cells { line, cells: self.cells(fields) }))
    }

    fn cells(&self, fields: usize) -> Result<Vec<&str>, String> {
        let mut cells = Vec::with_capacity(fields);
        let mut from = 0;
        for end in &self.ends[..fields] {
            // The record is UTF-8 and separators are ASCII: so is each field.
            cells.push(std::str::from_utf8(&self.out[from..*end]).unwrap_or_default());
            from = *end;
        }
        while self.width > 0
            && cells.len() > self.width
            && cells.last().is_some_and(|last| last.trim().is_empty())
        {
            cells.pop();
        }
        if self.width > 0 && cells.len() != self.width {
            return Err(format!("{} columns where the header has {}", cells.len(), self.width));
        }
        Ok(cells)
    }

    /// Looks for the end of the next record; consumes nothing.
    fn find(&mut self) -> io::Result<Found> {
        self.core.reset();
        let (mut raw, mut written, mut fields) = (0, 0, 0);
        loop {
            if raw == self.window.bytes().len() {
                if raw > RECORD_BYTES_MAX {
                    return Ok(Found::Runaway);
                }
                self.window.more()?;
            }
            let input = &self.window.bytes()[raw..];
            let at_end = input.is_empty();
            let (result, read, wrote, ended) =
                self.core.read_record(input, &mut self.out[written..], &mut self.ends[fields..]);
            raw += read;
            written += wrote;
            fields += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.out.resize(self.out.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => return Ok(Found::Record { raw, fields, at_end }),
                ReadRecordResult::End => return Ok(Found::End),
            }
        }
    }

    /// Consumes what is left of a line, however long it is.
    fn skip_line(&mut self) -> io::Result<()> {
        self.line += 1;
        loop {
            let bytes = self.window.bytes();
            if let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
                self.window.consume(at + 1);
                return Ok(());
            }
            let length = bytes.len();
            self.window.consume(length);
            if !self.window.more()? {
                return Ok(());
            }
        }
    }
}

fn breaks(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The separator that the first line has most of, outside quotes.
fn separator(bytes: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [0usize; SEPARATORS.len()];
    for byte in bytes {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            other if !quoted => {
                if let Some(index) = SEPARATORS.iter().position(|one| one == other) {
                    counts[index] += 1;
                }
            }
            _ => {}
        }
    }
    let best = (0..SEPARATORS.len()).rev().max_by_key(|index| counts[*index]).unwrap_or(0);
    SEPARATORS[best]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<(u64, Result<Vec<String>, String>)> {
        let window = Window::new(Box::new(io::Cursor::new(text.to_vec())));
        let (mut table, header) = Table::open(window).expect("readable");
        let mut all = vec![(0, Ok(header))];
        while let Some(one) = table.next().expect("readable") {
            all.push((one.line, one.cells.map(|cells| cells.into_iter().map(str::to_owned).collect())));
        }
        all
    }

    fn good(line: u64, cells: &[&str]) -> (u64, Result<Vec<String>, String>) {
        (line, Ok(cells.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn separators_line_ends_and_quotes() {
        for (separator, end) in [(",", "\n"), (";", "\r\n"), ("\t", "\n"), ("|", "\r\n")] {
            let text = ["a,b", "1,\"x\"", "", "2,\"two~lines and a \"\" quote\"", "3,"].join(end);
            let text = text.replace(',', separator).replace('~', end);
            let two = format!("two{end}lines and a \" quote");
            let expected =
                [good(0, &["a", "b"]), good(2, &["1", "x"]), good(4, &["2", &two]), good(6, &["3", ""])];
            assert_eq!(read(text.as_bytes()), expected, "{separator:?} {end:?}");
        }
    }

    #[test]
    fn a_bad_row_costs_itself_and_nothing_else() {
        let read = read(b"a,b\n1,2\n1,2,3\n1,2,,\n4\n\xff,1\n\"open,1\n5,\"6\"\n7,8\n");
        let lines: Vec<(u64, bool)> = read.iter().map(|(line, cells)| (*line, cells.is_ok())).collect();
        assert_eq!(
            lines,
            [
                (0, true),
                (2, true),
                (3, false),
                (4, true),
                (5, false),
                (6, false),
                (7, false),
                (8, true),
                (9, true)
            ]
        );
        assert_eq!(read[7], good(8, &["5", "6"]), "the row after an open quote is read");
        let last = super::tests::read(b"a,b\n1,\"cut of");
        assert!(last[1].1.is_err(), "{last:?}");
    }

    #[test]
    fn huge_fields() {
        let fits = format!("a,b\n1,\"{}\"\n2,3\n", "x\n".repeat(200_000));
        assert_eq!(read(fits.as_bytes()).len(), 3);
        let too_long = format!("a,b\n1,\"{}\n2,3\n", "x".repeat(3 * RECORD_BYTES_MAX));
        let rows = read(too_long.as_bytes());
        assert!(rows[1].1.is_err());
        assert_eq!(rows.last(), Some(&good(3, &["2", "3"])));
    }
}
