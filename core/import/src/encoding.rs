//! Bytes in whatever encoding, turned into UTF-8.

use encoding_rs::{CoderResult, Decoder, UTF_8, UTF_16BE, UTF_16LE};
use std::io::{self, Read};

/// Bytes by which an encoding without a mark is told.
const SNIFFED_BYTES: usize = 512;
const BUFFER_BYTES: usize = 64 << 10;

/// An encoding by its name on the web: `utf-8`, `windows-1252`, `latin1`, `utf-16le`, …
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// Reads a name.
    pub fn parse(name: &str) -> Option<Encoding> {
        encoding_rs::Encoding::for_label(name.as_bytes()).map(Encoding)
    }

    /// The name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

/// A source whose bytes are UTF-8 when it claims so, and are made so otherwise. A byte-order mark is dropped.
///
/// # Errors
/// When the source cannot be read.
pub(crate) fn decoded(
    mut source: Box<dyn Read + Send>,
    forced: Option<Encoding>,
) -> io::Result<(Box<dyn Read + Send>, Encoding)> {
    let mut head = vec![0; SNIFFED_BYTES];
    let mut length = 0;
    while length < head.len() {
        match source.read(&mut head[length..])? {
            0 => break,
            more => length += more,
        }
    }
    head.truncate(length);
    let marked = encoding_rs::Encoding::for_bom(&head);
    let skip = marked.map_or(0, |(_, mark)| mark);
    let encoding = match (marked, forced) {
        // A mark is sure; a wish may be a mistake.
        (Some((encoding, _)), _) => encoding,
        (None, Some(forced)) => forced.0,
        (None, None) => unmarked(&head),
    };
    let head = io::Cursor::new(head.split_off(skip));
    let all: Box<dyn Read + Send> = Box::new(head.chain(source));
    if encoding == UTF_8 {
        return Ok((all, Encoding(encoding)));
    }
    let decoder = encoding.new_decoder_without_bom_handling();
    Ok((
        Box::new(Decoded { source: all, decoder, raw: Vec::new(), text: Vec::new(), at: 0, over: false }),
        Encoding(encoding),
    ))
}

/// UTF-16 without a mark shows by the zero bytes of its commas and letters.
fn unmarked(head: &[u8]) -> &'static encoding_rs::Encoding {
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let most = head.len() / 2 * 3 / 4;
    if head.len() >= 4 && zeros(1) > most {
        UTF_16LE
    } else if head.len() >= 4 && zeros(0) > most {
        UTF_16BE
    } else {
        UTF_8
    }
}

struct Decoded {
    source: Box<dyn Read + Send>,
    decoder: Decoder,
    raw: Vec<u8>,
    text: Vec<u8>,
    at: usize,
    over: bool,
}

impl Read for Decoded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() {
            if self.over {
                return Ok(0);
            }
            self.fill()?;
        }
        let count = into.len().min(self.text.len() - self.at);
        into[..count].copy_from_slice(&self.text[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl Decoded {
    fn fill(&mut self) -> io::Result<()> {
        self.raw.resize(BUFFER_BYTES, 0);
        let count = self.source.read(&mut self.raw)?;
        self.over = count == 0;
        self.text.clear();
        self.at = 0;
        let mut from = 0;
        loop {
            let room = self.decoder.max_utf8_buffer_length(count - from).unwrap_or(BUFFER_BYTES * 3).max(64);
            let old = self.text.len();
            self.text.resize(old + room, 0);
            let (result, read, written, _) =
                self.decoder.decode_to_utf8(&self.raw[from..count], &mut self.text[old..], self.over);
            from += read;
            self.text.truncate(old + written);
            if result == CoderResult::InputEmpty {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], forced: Option<&str>) -> (String, &'static str) {
        let forced = forced.map(|name| Encoding::parse(name).expect("a name"));
        let source: Box<dyn Read + Send> = Box::new(io::Cursor::new(bytes.to_vec()));
        let (mut source, encoding) = decoded(source, forced).expect("readable");
        let mut text = String::new();
        source.read_to_string(&mut text).expect("UTF-8");
        (text, encoding.name())
    }

    #[test]
    fn every_encoding_becomes_utf8() {
        let text = "email,name\nmüller@example.com,Jürgen Ω\n".repeat(4_000);
        let utf16 = |big: bool| -> Vec<u8> {
            text.encode_utf16()
                .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect()
        };
        let marked = |mark: &[u8], rest: Vec<u8>| [mark.to_vec(), rest].concat();
        assert_eq!(read(text.as_bytes(), None), (text.clone(), "UTF-8"));
        assert_eq!(read(&marked(b"\xef\xbb\xbf", text.clone().into_bytes()), None), (text.clone(), "UTF-8"));
        assert_eq!(read(&marked(b"\xff\xfe", utf16(false)), None), (text.clone(), "UTF-16LE"));
        assert_eq!(read(&marked(b"\xfe\xff", utf16(true)), None), (text.clone(), "UTF-16BE"));
        assert_eq!(read(&utf16(false), None), (text.clone(), "UTF-16LE"));
        assert_eq!(read(&utf16(true), None), (text, "UTF-16BE"));
        assert_eq!(read(b"m\xfcller", Some("latin1")), ("müller".into(), "windows-1252"));
    }
}
