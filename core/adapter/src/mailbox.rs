//! Lists of mailboxes (RFC 5322, section 3.4) read with certainty, remembering where each stands.
//!
//! Mail software agrees on plain addresses and names in front of angle brackets, and on little else. What is
//! read here is the common ground: mailboxes separated by commas or semicolons (empty items allowed), names
//! of atoms, quoted strings, UTF-8 and encoded words, comments, quoted local parts, address literals.
//! Groups are read so that their members are seen, see [`Mailbox::in_group`]. All else is an error: control
//! characters and line breaks, white space inside an address, source routes, unquoted commas in a name,
//! characters that cannot be seen or that normalise to punctuation, encoded words that hide an address.
//!
//! ```
//! use dndgate_adapter::mailbox;
//!
//! let text = r#""Smith, Ann" <ann@example.com>; "bob"@example.com (home)"#;
//! let list = mailbox::read(text)?;
//! let addresses: Vec<_> = list.iter().map(|one| &*one.address).collect();
//! assert_eq!(addresses, ["ann@example.com", "bob@example.com"]);
//! assert_eq!(&text[list[1].at.clone()], r#""bob"@example.com (home)"#);
//! # Ok::<(), dndgate_adapter::Unreadable>(())
//! ```

use crate::outbound::Unreadable;
use base64::{Engine, engine::general_purpose::STANDARD};
use smallvec::SmallVec;
use std::{borrow::Cow, ops::Range};

/// The most mailboxes of a list.
pub const MAILBOXES_MAX: usize = 10_000;
/// The longest address, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 512;
/// The longest name of a mailbox, in bytes.
const NAME_BYTES_MAX: usize = 8 * 1024;
/// The deepest nesting of comments.
const COMMENT_DEPTH_MAX: usize = 8;

/// One mailbox of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox<'a> {
    /// Its bytes in the text: name, brackets and comments included.
    pub at: Range<usize>,
    /// The address alone: no comments, no quotes where none are needed.
    pub address: Cow<'a, str>,
    /// It stands inside a group (`name: a@x, b@x;`), which many readers refuse or read otherwise.
    pub in_group: bool,
}

/// Reads a list. An empty text is an empty list.
///
/// # Errors
/// When two readers could disagree about it. The sentence holds no part of the text.
pub fn read(text: &str) -> Result<SmallVec<[Mailbox<'_>; 1]>, Unreadable> {
    if text.chars().any(|char| char.is_control() || matches!(char, '\u{2028}' | '\u{2029}')) {
        return Err(bad("a line break or control character stands in it"));
    }
    let mut reader = Reader { text, at: 0, group: false };
    let mut list = SmallVec::new();
    loop {
        let group = reader.group;
        reader.skip_while(|byte| byte == b' ' || byte == b',' || (byte == b';' && !group));
        match reader.peek() {
            None if reader.group => return Err(bad("a group is not closed")),
            None => return Ok(list),
            Some(b';') => {
                reader.at += 1;
                reader.group = false;
            }
            Some(_) => {
                if list.len() == MAILBOXES_MAX {
                    return Err(bad("it names too many"));
                }
                list.extend(reader.item()?);
            }
        }
    }
}

/// An address that its owner recognises and nobody else learns.
pub fn masked(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first: String = local.trim_start_matches('"').chars().take(1).collect();
    format!("{first}***@{domain}")
}

/// A place in a text.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    group: bool,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_while(&mut self, mut skips: impl FnMut(u8) -> bool) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|byte| !skips(*byte)).unwrap_or(rest.len());
    }

    /// A mailbox, or the beginning of a group.
    fn item(&mut self) -> Result<Option<Mailbox<'a>>, Unreadable> {
        let start = self.at;
        let (special, stands) = self.special()?;
        if stands - start > NAME_BYTES_MAX {
            return Err(bad("a name is too long"));
        }
        let address = match special {
            Some(b':') => {
                let name = phrase(&self.text[start..stands])?;
                if self.group || name.has_at || self.text[start..stands].trim().is_empty() {
                    return Err(bad("a colon stands where none belongs"));
                }
                (self.group, self.at) = (true, stands + 1);
                return Ok(None);
            }
            Some(b'<') => {
                let name = &self.text[start..stands];
                let read = phrase(name)?;
                self.at = stands + 1;
                let address = self.address()?;
                self.comments(true)?;
                if self.peek() != Some(b'>') {
                    return Err(bad("something other than an address stands between angle brackets"));
                }
                self.at += 1;
                // `ann@x <ann@x>` reads the same whichever of the two counts.
                if read.has_at && !name.trim().eq_ignore_ascii_case(&address) {
                    return Err(bad("an unquoted name holds an @"));
                }
                if hides_address(name, &address) {
                    return Err(bad("an encoded name hides another address"));
                }
                address
            }
            _ => self.address()?,
        };
        let end = self.trailing()?;
        Ok(Some(Mailbox { at: start..end, address, in_group: self.group }))
    }

    /// The first character that decides what the item is (`<`, `:`, a separator, the end), not looking into
    /// quoted strings, comments and address literals.
    fn special(&self) -> Result<(Option<u8>, usize), Unreadable> {
        let mut ahead = Reader { text: self.text, at: self.at, group: false };
        loop {
            match ahead.peek() {
                Some(b'"') => {
                    ahead.quoted()?;
                }
                Some(b'(') => ahead.comment()?,
                Some(b'[') => {
                    ahead.literal()?;
                }
                Some(special @ (b'<' | b':' | b',' | b';')) => return Ok((Some(special), ahead.at)),
                Some(_) => ahead.at += 1,
                None => return Ok((None, ahead.at)),
            }
        }
    }

    /// Spaces and comments up to the next separator. Where the last comment ends.
    fn trailing(&mut self) -> Result<usize, Unreadable> {
        let mut end = self.at;
        loop {
            self.skip_while(|byte| byte == b' ');
            match self.peek() {
                Some(b'(') => {
                    self.comment()?;
                    end = self.at;
                }
                None | Some(b',' | b';') => return Ok(end),
                Some(_) => return Err(bad("something follows an address")),
            }
        }
    }

    /// An address, and comments around its parts.
    fn address(&mut self) -> Result<Cow<'a, str>, Unreadable> {
        self.comments(true)?;
        let start = self.at;
        let local = match self.peek() {
            Some(b'"') => self.quoted_local()?,
            _ => Cow::Borrowed(self.atom(is_local)),
        };
        let local_end = self.at;
        self.comments(false)?;
        if local.is_empty() || self.peek() != Some(b'@') {
            return Err(bad("it is not written as name@example.com"));
        }
        self.at += 1;
        let sign = self.at;
        self.comments(false)?;
        let domain_start = self.at;
        let domain = match self.peek() {
            Some(b'[') => self.literal()?,
            _ => self.atom(is_domain),
        };
        if domain.is_empty() || (!domain.starts_with('[') && domain.split('.').any(str::is_empty)) {
            return Err(bad("it is not written as name@example.com"));
        }
        let in_one_piece = matches!(local, Cow::Borrowed(_)) && local_end + 1 == sign && sign == domain_start;
        let address = if in_one_piece {
            Cow::Borrowed(&self.text[start..self.at])
        } else {
            Cow::Owned(format!("{local}@{domain}"))
        };
        if address.len() > ADDRESS_BYTES_MAX {
            return Err(bad("an address is too long"));
        }
        if address.split_once("=?").is_some_and(|(_, after)| after.contains("?=")) {
            return Err(bad("an address is an encoded word"));
        }
        if address.chars().any(is_deceptive) {
            return Err(bad("an address holds a character that cannot be seen or that stands for another"));
        }
        Ok(address)
    }

    fn comments(&mut self, and_spaces: bool) -> Result<(), Unreadable> {
        loop {
            if and_spaces {
                self.skip_while(|byte| byte == b' ');
            }
            if self.peek() != Some(b'(') {
                return Ok(());
            }
            self.comment()?;
        }
    }

    /// Characters up to the first that does not belong.
    fn atom(&mut self, belongs: fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.find(|char| !belongs(char)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// A quoted string; what stands between the quotes, escapes not undone.
    fn quoted(&mut self) -> Result<&'a str, Unreadable> {
        let start = self.at + 1;
        let mut escaped = false;
        for (index, byte) in self.text.bytes().enumerate().skip(start) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.at = index + 1;
                    return Ok(&self.text[start..index]);
                }
                _ => {}
            }
        }
        Err(bad("a quote is not closed"))
    }

    /// A quoted local part as it is compared: without quotes where it needs none.
    fn quoted_local(&mut self) -> Result<Cow<'a, str>, Unreadable> {
        let raw = self.quoted()?;
        let mut plain = String::with_capacity(raw.len());
        let mut escaped = false;
        for char in raw.chars() {
            if char == '\\' && !escaped {
                escaped = true;
            } else {
                plain.push(char);
                escaped = false;
            }
        }
        let is_dot_atom = plain.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_local));
        Ok(Cow::Owned(if is_dot_atom {
            plain
        } else {
            format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\""))
        }))
    }

    fn literal(&mut self) -> Result<&'a str, Unreadable> {
        let rest = &self.text[self.at..];
        let end = rest.find(']').ok_or_else(|| bad("a bracket is not closed"))?;
        let inside = &rest[1..end];
        if inside.is_empty()
            || !inside.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-".contains(&byte))
        {
            return Err(bad("a bracket holds no address literal"));
        }
        self.at += end + 1;
        Ok(&rest[..=end])
    }

    fn comment(&mut self) -> Result<(), Unreadable> {
        let (mut depth, mut escaped) = (0, false);
        for (index, byte) in self.text.bytes().enumerate().skip(self.at) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'(' => depth += 1,
                b')' => depth -= 1,
                // A reader that knows no comments would find an address in it.
                b'@' => return Err(bad("a comment holds an @")),
                _ => {}
            }
            if depth > COMMENT_DEPTH_MAX {
                break;
            }
            if depth == 0 {
                self.at = index + 1;
                return Ok(());
            }
        }
        Err(bad("a comment is not closed"))
    }
}

struct Phrase {
    has_at: bool,
}

/// Checks a name in front of angle brackets or of a group.
fn phrase(text: &str) -> Result<Phrase, Unreadable> {
    let mut reader = Reader { text, at: 0, group: false };
    let mut has_at = false;
    loop {
        match reader.peek() {
            None => return Ok(Phrase { has_at }),
            Some(b'"') => {
                reader.quoted()?;
            }
            Some(b'(') => reader.comment()?,
            Some(b' ') => reader.at += 1,
            Some(b'@') => {
                has_at = true;
                reader.at += 1;
            }
            Some(_) if reader.atom(is_local).is_empty() => {
                return Err(bad("a name holds a character that must be quoted"));
            }
            Some(_) => {}
        }
    }
}

/// `atext` of RFC 5322 and RFC 6532, and the dot.
fn is_local(char: char) -> bool {
    char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(char) || !char.is_ascii()
}

fn is_domain(char: char) -> bool {
    char.is_ascii_alphanumeric() || "-_.".contains(char) || !char.is_ascii()
}

/// Characters that some software drops, takes for a space, or normalises to punctuation.
fn is_deceptive(char: char) -> bool {
    (!char.is_ascii() && char.is_whitespace())
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2024}'..='\u{2026}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{fe10}'..='\u{fe19}' | '\u{fe50}'..='\u{fe6f}' | '\u{feff}' | '\u{ff00}'..='\u{ffef}'
            | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Would a reader that decodes RFC 2047 words before it looks for addresses find another one in a name?
fn hides_address(name: &str, address: &str) -> bool {
    if !name.contains("=?") {
        return false;
    }
    let decoded = decode_words(name);
    let separates = |char: char| char.is_whitespace() || "<>,;:\"()".contains(char);
    decoded.contains(['<', '>', ',', ';'])
        && decoded.split(separates).any(|word| {
            let inner = word.find('@').is_some_and(|at| at > 0 && at + 1 < word.len());
            inner && !word.eq_ignore_ascii_case(address)
        })
}

/// The text with its encoded words (RFC 2047) decoded as far as they can be: for comparison, not for show.
fn decode_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("=?") {
        out.push_str(&rest[..start]);
        let mut fields = rest[start + 2..].splitn(3, '?');
        let (_, encoding, after) = (fields.next(), fields.next().unwrap_or(""), fields.next().unwrap_or(""));
        let (word, left) = match after.split_once("?=") {
            Some(split) => split,
            None => {
                out.push_str("=?");
                rest = &rest[start + 2..];
                continue;
            }
        };
        match encoding {
            "b" | "B" => {
                out.push_str(&String::from_utf8_lossy(&STANDARD.decode(word).unwrap_or_default()));
            }
            _ => {
                let spaced = word.replace('_', " ").replace('=', "%");
                out.push_str(&percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy());
            }
        }
        rest = left;
    }
    out.push_str(rest);
    out
}

fn bad(why: &'static str) -> Unreadable {
    Unreadable::new(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn addresses(text: &str) -> Vec<String> {
        let list = read(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        list.into_iter().map(|one| one.address.into_owned()).collect()
    }

    #[test]
    fn reads_what_people_write() {
        for (text, expected) in [
            ("", vec![]),
            ("bob@example.com", vec!["bob@example.com"]),
            (" bob@example.com ", vec!["bob@example.com"]),
            ("<bob@example.com>", vec!["bob@example.com"]),
            ("Bob <bob@example.com>", vec!["bob@example.com"]),
            ("Bob Ö <bob+tag@example.com>", vec!["bob+tag@example.com"]),
            ("Dr. Bob Q. O'Neil < bob@example.com >", vec!["bob@example.com"]),
            ("\"Smith, Bob; \\\"B\\\" <x@y>\" <bob@example.com>", vec!["bob@example.com"]),
            ("=?utf-8?q?Smith=2C_Bob?= <bob@example.com>", vec!["bob@example.com"]),
            ("=?UTF-8?B?QsO2Yg==?= <bob@example.com>", vec!["bob@example.com"]),
            ("bob@example.com <Bob@example.com>", vec!["Bob@example.com"]),
            ("a@x.com,b@x.com", vec!["a@x.com", "b@x.com"]),
            ("a@x.com ; b@x.com;", vec!["a@x.com", "b@x.com"]),
            ("a@x,,b@x,", vec!["a@x", "b@x"]),
            ("bob@example.com (note, with; a (nested) one)", vec!["bob@example.com"]),
            ("(c) Bob (d) <(e)bob@example.com(f)> (g)", vec!["bob@example.com"]),
            ("bob(c)@(d)example.com", vec!["bob@example.com"]),
            ("\"bob\"@example.com", vec!["bob@example.com"]),
            ("\"b\\ob\"@example.com", vec!["bob@example.com"]),
            ("\"bob smith\"@example.com", vec!["\"bob smith\"@example.com"]),
            ("\"a@b\\\"\"@example.com", vec!["\"a@b\\\"\"@example.com"]),
            ("bob@[192.0.2.1], bob@[IPv6:2001:db8::1]", vec!["bob@[192.0.2.1]", "bob@[IPv6:2001:db8::1]"]),
            ("a@exämple.com", vec!["a@exämple.com"]),
            ("пользователь@пример.рф", vec!["пользователь@пример.рф"]),
            ("a..b.@docomo.example", vec!["a..b.@docomo.example"]),
            ("!#$%&'*+-/=?^_`{|}~@x", vec!["!#$%&'*+-/=?^_`{|}~@x"]),
        ] {
            assert_eq!(addresses(text), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_readers_see_differently() {
        for text in [
            "bob",
            "@example.com",
            "bob@",
            "bob@x.com.",
            "bob@.x.com",
            "bob@x..com",
            "bob @x.com",
            "bob@ x.com",
            "a@x.com b@x.com",
            "a@x.com\nb@x.com",
            "a@x.com\r\n b@x.com",
            "a@x.com\tb@x.com",
            "a@x.com\u{2028}b@x.com",
            "a\0@x.com",
            "Smith, J <j@x.com>",
            "b@y.com <j@x.com>",
            "b@y.com, c <j@x.com",
            "j@x.com>",
            "<j@x.com> Bob",
            "<j@x.com> <k@x.com>",
            "<<j@x.com>>",
            "<>",
            "<@relay:j@x.com>",
            "mailto:j@x.com",
            "a@b@x.com",
            "Bob [Sales] <j@x.com>",
            "Bob \\\" <j@x.com>",
            "\"bob@x.com",
            "(bob@x.com",
            "bob@x.com (",
            "\"a\".\"b\"@x.com",
            "\"a\"b@x.com",
            "bob@x.com%2e",
            "bob@[x",
            "bob@[]",
            "bob@[1.2.3.4]x",
            "=?utf-8?q?blocked=40x.com?=",
            "=?utf-8?q?blocked?=@x.com",
            "=?utf-8?q?blocked=40x.com=2C?= <j@x.com>",
            "=?utf-8?b?YmxvY2tlZEB4LmNvbSw=?= <j@x.com>",
            "bo\u{200b}b@x.com",
            "bob\u{a0}@x.com",
            "bob\u{ff20}x.com@y.com",
            "bob@x.com\u{ff0c}",
            "Group: a@x.com",
            "Group: Inner: a@x.com;;",
            ": a@x.com;",
            "a@x: b@x;",
        ] {
            assert!(read(text).is_err(), "{text:?} was read as {:?}", read(text));
        }
        assert!(read(&format!("{}@x.com", "a".repeat(ADDRESS_BYTES_MAX))).is_err());
        assert!(read(&"a@x,".repeat(MAILBOXES_MAX + 1)).is_err());
    }

    #[test]
    fn members_of_groups_are_seen() {
        assert!(addresses("undisclosed-recipients:;").is_empty());
        let list = read("Team: a@x.com, B <b@x.com>; c@x.com").expect("good");
        let seen: Vec<_> = list.iter().map(|one| (&*one.address, one.in_group)).collect();
        assert_eq!(seen, [("a@x.com", true), ("b@x.com", true), ("c@x.com", false)]);
    }

    #[test]
    fn places_are_exact() {
        let text = " Bob <bob@x.com> (c) , \"Ann\" <ann@x.com>;c@x.com , d@x.com(e)";
        let list = read(text).expect("good");
        let places: Vec<_> = list.iter().map(|one| &text[one.at.clone()]).collect();
        assert_eq!(places, ["Bob <bob@x.com> (c)", "\"Ann\" <ann@x.com>", "c@x.com", "d@x.com(e)"]);
    }

    #[test]
    fn plain_addresses_are_not_copied() {
        for text in ["bob@x.com", "Bob <bob@x.com> (c)", "(c)bob@x.com"] {
            assert!(matches!(read(text).expect("good")[0].address, Cow::Borrowed("bob@x.com")), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}") {
            let _ = read(&text);
        }

        #[test]
        fn never_panics_on_specials(text in "[a@<>,;:\"\\\\() \\[\\]=?.é]{0,24}") {
            let _ = read(&text);
        }

        /// Whatever is read can be taken apart and put together again.
        #[test]
        fn joining_the_pieces_reads_the_same(text in "[ab@<>,;\"\\\\() \\[\\]=?.é]{0,24}") {
            if let Ok(list) = read(&text) {
                let joined = list.iter().map(|one| &text[one.at.clone()]).collect::<Vec<_>>().join(", ");
                let again = addresses(&joined);
                prop_assert_eq!(again, list.iter().map(|one| one.address.to_string()).collect::<Vec<_>>());
            }
        }

        #[test]
        fn generated_lists_are_read(people in prop::collection::vec(
            ("[a-z][a-z0-9.+_-]{0,10}", "[a-z]{1,8}\\.[a-z]{2,3}", prop::option::of("[^\\p{C}\"\\\\\u{2028}\u{2029}]{0,12}"), "[,;] {0,2}"), 0..9,
        )) {
            let mut text = String::new();
            let mut expected = Vec::new();
            for (local, domain, name, separator) in &people {
                let address = format!("{local}@{domain}");
                match name {
                    Some(name) => text += &format!("\"{name}\" <{address}>{separator}"),
                    None => text += &format!("{address}{separator}"),
                }
                expected.push(address);
            }
            prop_assert_eq!(addresses(&text), expected);
        }
    }
}
