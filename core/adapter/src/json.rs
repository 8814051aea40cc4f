//! JSON read with certainty, remembering where each value stands.
//!
//! The grammar is that of RFC 8259, and whatever two readers could see differently is an error: a key that
//! stands in an object twice, bytes that are not UTF-8, a byte order mark, NUL, lone surrogates, anything
//! after the value. Nesting deeper than [`DEPTH_MAX`] is an error too.
//!
//! ```
//! use dndgate_adapter::{apply_edits, json};
//!
//! let body = br#"{"to": ["a", "b", "c"]}"#;
//! let value = json::read(body)?;
//! let to = value.field("to")?.expect("there");
//! assert_eq!(apply_edits(body, &to.without(&[0, 2])), br#"{"to": ["b"]}"#);
//! # Ok::<(), dndgate_adapter::Unreadable>(())
//! ```

use crate::{
    outbound::Unreadable,
    request::{Edit, Place, Quoting},
};
use std::{borrow::Cow, collections::HashSet, ops::Range};

/// The deepest nesting of arrays and objects that is read.
pub const DEPTH_MAX: usize = 64;
/// Objects of more members look for repeated keys in a hash set.
const MEMBERS_COMPARED: usize = 16;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Json<'a> {
    /// What it is.
    pub value: Value<'a>,
    /// Its bytes, quotes and brackets included.
    pub range: Range<usize>,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it is written.
    Number(&'a str),
    /// A string, its escapes undone.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object, its members in their order.
    Object(Vec<Member<'a>>),
}

/// One member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Member<'a> {
    /// Its key, escapes undone.
    pub key: Cow<'a, str>,
    /// Its value.
    pub value: Json<'a>,
    /// The bytes from the key's first quote to the value's end.
    pub whole: Range<usize>,
}

/// Reads a JSON text.
///
/// # Errors
/// When it is not JSON, or two readers could disagree about it.
pub fn read(body: &[u8]) -> Result<Json<'_>, Unreadable> {
    let text = std::str::from_utf8(body).map_err(|_| Unreadable::new("the JSON is not UTF-8"))?;
    let mut reader = Reader { text, at: 0 };
    reader.space();
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(Unreadable::new("something stands after the JSON value"));
    }
    Ok(value)
}

impl<'a> Json<'a> {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a string, as long-lived as the body where it needs no unescaping.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match &self.value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The elements of an array.
    pub fn as_array(&self) -> Option<&[Json<'a>]> {
        match &self.value {
            Value::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The members of an object.
    pub fn as_object(&self) -> Option<&[Member<'a>]> {
        match &self.value {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Is it `null`?
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// The member of exactly that key. `None` too when this is no object.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        self.as_object()?.iter().find(|member| member.key == key).map(|member| &member.value)
    }

    /// The member of that key, for what a verdict depends on. `None` too when this is no object.
    ///
    /// # Errors
    /// When a key stands there that equals it but for case, `_`, `-` or surrounding white space: readers
    /// disagree about whether it counts.
    pub fn field(&self, key: &str) -> Result<Option<&Json<'a>>, Unreadable> {
        let mut found = None;
        for member in self.as_object().unwrap_or_default() {
            if member.key == key {
                found = Some(&member.value);
            } else if resembles(&member.key, key) {
                return Err(Unreadable::new(format!("{key} is misspelt in the JSON")));
            }
        }
        Ok(found)
    }

    /// The member of that key for a provider that does not mind the case of keys, and its place among the members.
    ///
    /// # Errors
    /// When two keys are the same but for case, or one equals it but for `_`, `-` or surrounding white space.
    pub fn field_in_any_case(&self, key: &str) -> Result<Option<(usize, &Json<'a>)>, Unreadable> {
        let mut found = None;
        for (index, member) in self.as_object().unwrap_or_default().iter().enumerate() {
            if member.key.eq_ignore_ascii_case(key) && found.is_none() {
                found = Some((index, &member.value));
            } else if resembles(&member.key, key) {
                return Err(Unreadable::new(format!("{key} stands in the JSON twice, or is misspelt")));
            }
        }
        Ok(found)
    }

    /// Where a string's text stands, quotes not included. `None` when this is no string.
    pub fn place(&self) -> Option<Place> {
        self.as_str()?;
        Some(Place { range: self.range.start + 1..self.range.end - 1, quoting: Quoting::Json })
    }

    /// The edits that take elements out of an array, or members out of an object, with their commas.
    /// `drop` holds indices, ascending. All may go.
    ///
    /// # Panics
    /// When an index lies outside.
    pub fn without(&self, drop: &[usize]) -> Vec<Edit> {
        let ranges: Vec<&Range<usize>> = match &self.value {
            Value::Array(elements) => elements.iter().map(|element| &element.range).collect(),
            Value::Object(members) => members.iter().map(|member| &member.whole).collect(),
            _ => Vec::new(),
        };
        let mut edits = Vec::new();
        let mut drop = drop.iter().copied().peekable();
        while let Some(first) = drop.next() {
            let mut last = first;
            while drop.next_if_eq(&(last + 1)).is_some() {
                last += 1;
            }
            let range = match ranges.get(last + 1) {
                // From the first that goes to the next that stays, whose comma in front goes along …
                Some(next) if first == 0 => ranges[first].start..next.start,
                // … or, after one that stays, from that one's end.
                _ if first > 0 => ranges[first - 1].end..ranges[last].end,
                _ => ranges[first].start..ranges[last].end,
            };
            edits.push(Edit { range, with: Vec::new() });
        }
        edits
    }
}

/// Do two keys differ only in what a lenient reader ignores?
fn resembles(written: &str, key: &str) -> bool {
    let bare = |text: &str| -> Vec<u8> {
        let letters = text.trim().bytes().filter(|byte| !matches!(byte, b'_' | b'-'));
        letters.map(|byte| byte.to_ascii_lowercase()).collect()
    };
    bare(written) == bare(key)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Unreadable> {
        if self.peek() != Some(byte) {
            return Err(broken());
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, Unreadable> {
        if depth > DEPTH_MAX {
            return Err(Unreadable::new("the JSON is nested too deeply"));
        }
        let start = self.at;
        let value = match self.peek().ok_or_else(broken)? {
            b'{' => Value::Object(self.object(depth)?),
            b'[' => Value::Array(self.array(depth)?),
            b'"' => Value::String(self.string()?),
            b't' => self.word("true", Value::Bool(true))?,
            b'f' => self.word("false", Value::Bool(false))?,
            b'n' => self.word("null", Value::Null)?,
            _ => Value::Number(self.number()?),
        };
        Ok(Json { value, range: start..self.at })
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, Unreadable> {
        if !self.text[self.at..].starts_with(word) {
            return Err(broken());
        }
        self.at += word.len();
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Json<'a>>, Unreadable> {
        self.expect(b'[')?;
        let mut elements = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(elements);
        }
        loop {
            self.space();
            elements.push(self.value(depth + 1)?);
            self.space();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(elements);
            }
            self.expect(b',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Vec<Member<'a>>, Unreadable> {
        self.expect(b'{')?;
        let mut members: Vec<Member<'a>> = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(members);
        }
        loop {
            self.space();
            let start = self.at;
            let key = self.string()?;
            self.space();
            self.expect(b':')?;
            self.space();
            let value = self.value(depth + 1)?;
            members.push(Member { key, value, whole: start..self.at });
            self.space();
            if self.peek() == Some(b'}') {
                self.at += 1;
                return no_key_twice(members);
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Unreadable> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.peek().ok_or_else(broken)? {
                b'"' => {
                    self.at += 1;
                    return Ok(Cow::Borrowed(&self.text[start..self.at - 1]));
                }
                b'\\' => break,
                0..=0x1f => return Err(broken()),
                _ => self.at += 1,
            }
        }
        let mut out = self.text[start..self.at].to_owned();
        loop {
            let run = self.at;
            while !matches!(self.peek().ok_or_else(broken)?, b'"' | b'\\' | 0..=0x1f) {
                self.at += 1;
            }
            out.push_str(&self.text[run..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(out));
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                _ => return Err(broken()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Unreadable> {
        let byte = self.peek().ok_or_else(broken)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode()?,
            _ => return Err(broken()),
        })
    }

    fn unicode(&mut self) -> Result<char, Unreadable> {
        let high = self.four_digits()?;
        let code = if (0xd800..0xdc00).contains(&high) {
            self.expect(b'\\')?;
            self.expect(b'u')?;
            let low = self.four_digits()?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err(Unreadable::new("the JSON holds half a surrogate pair"));
            }
            0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
        } else {
            high
        };
        match char::from_u32(code) {
            Some('\0') => Err(Unreadable::new("the JSON holds a NUL byte")),
            Some(char) => Ok(char),
            None => Err(Unreadable::new("the JSON holds half a surrogate pair")),
        }
    }

    fn four_digits(&mut self) -> Result<u32, Unreadable> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16)).ok_or_else(broken)?;
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<&'a str, Unreadable> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.digits()?;
        if whole > 1 && self.text.as_bytes()[self.at - whole] == b'0' {
            return Err(broken());
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Result<usize, Unreadable> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(broken()) } else { Ok(self.at - start) }
    }
}

fn no_key_twice(members: Vec<Member<'_>>) -> Result<Vec<Member<'_>>, Unreadable> {
    let twice = if members.len() <= MEMBERS_COMPARED {
        members
            .iter()
            .enumerate()
            .any(|(index, one)| members[..index].iter().any(|other| other.key == one.key))
    } else {
        let mut seen = HashSet::with_capacity(members.len());
        !members.iter().all(|member| seen.insert(&*member.key))
    };
    if twice { Err(Unreadable::new("the JSON has a key twice in one object")) } else { Ok(members) }
}

fn broken() -> Unreadable {
    Unreadable::new("the body is not JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::apply_edits;
    use proptest::prelude::*;

    /// The same value in serde_json's terms.
    fn plain(json: &Json<'_>) -> serde_json::Value {
        match &json.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(bool) => (*bool).into(),
            Value::Number(number) => serde_json::from_str(number).expect("a number"),
            Value::String(text) => text.as_ref().into(),
            Value::Array(elements) => elements.iter().map(plain).collect(),
            Value::Object(members) => {
                members.iter().map(|member| (member.key.to_string(), plain(&member.value))).collect()
            }
        }
    }

    #[test]
    fn reads_values_and_their_places() {
        let body = br#" {"a": [1, "x\u00e9\ud83d\udc4d\n", null], "to": "old", "t": true} "#;
        let json = read(body).expect("good JSON");
        assert_eq!(plain(&json), serde_json::from_slice::<serde_json::Value>(body).expect("good JSON"));
        let to = json.get("to").expect("there");
        assert_eq!(&body[to.range.clone()], br#""old""#);
        let edited = apply_edits(body, &[to.place().expect("a string").replace("n\"e\\w")]);
        assert_eq!(read(&edited).expect("still JSON").get("to").and_then(Json::as_str), Some("n\"e\\w"));
        assert!(json.place().is_none());
    }

    #[test]
    fn refuses_what_readers_see_differently() {
        let deep = format!("{}{}", "[".repeat(DEPTH_MAX + 2), "]".repeat(DEPTH_MAX + 2));
        for body in [
            &br#"{"to":1,"to":2}"#[..],
            br#"{"to":1,"t\u006f":2}"#,
            br#"[{"a":{"to":1,"x":2,"to":2}}]"#,
            b"\xef\xbb\xbf{}",
            b"\"\xff\"",
            b"{} {}",
            b"{},",
            br#""\ud800""#,
            br#""\udc00x""#,
            br#""\u0000""#,
            b"\"\x00\"",
            b"\"a\nb\"",
            b"01",
            b"1.",
            b"+1",
            b"[1,]",
            br#"{"a":1,}"#,
            b"{a:1}",
            b"'a'",
            b"NaN",
            b"// comment\n1",
            b"",
            b" ",
            b"[",
            b"\"",
            b"\"\\",
            deep.as_bytes(),
        ] {
            assert!(read(body).is_err(), "{}", String::from_utf8_lossy(body));
        }
        let many = (0..100).map(|n| format!("\"k{n}\":0")).collect::<Vec<_>>().join(",");
        assert!(read(format!("{{{many}}}").as_bytes()).is_ok());
        assert!(read(format!("{{{many},\"k7\":1}}").as_bytes()).is_err());
    }

    #[test]
    fn a_key_that_resembles_another_is_an_error() {
        let json = read(br#"{"messages":[],"TO":1,"send_at":2}"#).expect("good JSON");
        assert!(json.field("messages").expect("clear").is_some());
        assert!(json.field("from").expect("clear").is_none());
        assert!(json.field("to").is_err());
        assert!(json.field("sendAt").is_err());
    }

    #[test]
    fn keys_of_any_case_are_the_same_key() {
        let json = read(br#"{"to":1,"Cc":2,"CC":3,"b_cc":4}"#).expect("good JSON");
        assert_eq!(json.field_in_any_case("To").expect("clear").map(|(at, _)| at), Some(0));
        assert!(json.field_in_any_case("Cc").is_err());
        assert!(json.field_in_any_case("Bcc").is_err());
        assert!(json.field_in_any_case("From").expect("clear").is_none());
    }

    #[test]
    fn elements_go_with_their_commas() {
        let body = b"[ 1 , 2 , 3 ]";
        let json = read(body).expect("good JSON");
        for (drop, left) in [
            (&[][..], "[ 1 , 2 , 3 ]"),
            (&[0], "[ 2 , 3 ]"),
            (&[1], "[ 1 , 3 ]"),
            (&[2], "[ 1 , 2 ]"),
            (&[0, 1], "[ 3 ]"),
            (&[0, 2], "[ 2 ]"),
            (&[1, 2], "[ 1 ]"),
            (&[0, 1, 2], "[  ]"),
        ] {
            assert_eq!(String::from_utf8_lossy(&apply_edits(body, &json.without(drop))), left);
        }
        let body = br#"{"a":1,"b":{"c":2},"d":3}"#;
        let json = read(body).expect("good JSON");
        assert_eq!(apply_edits(body, &json.without(&[1])), br#"{"a":1,"d":3}"#);
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[^\\x00]{0,8}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
                prop::collection::hash_map("[^\\x00]{0,4}", inner, 0..6)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn never_panics(body: Vec<u8>) {
            let _ = read(&body);
        }

        #[test]
        fn what_is_read_is_what_serde_reads(body in "[\\[\\]{}:,\"\\\\a0-9.eE+\\- tru]{0,24}") {
            if let Ok(json) = read(body.as_bytes()) {
                let theirs = serde_json::from_str::<serde_json::Value>(&body);
                // Numbers beyond a double's range are the one thing that only serde refuses.
                if let Ok(theirs) = theirs {
                    prop_assert_eq!(plain(&json), theirs);
                } else {
                    prop_assert!(body.contains(['e', 'E']), "{}", body);
                }
            }
        }

        #[test]
        fn reads_all_that_serde_writes(value in any_json(), pretty: bool) {
            let body = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let body = body.expect("written");
            prop_assert_eq!(plain(&read(body.as_bytes()).expect("good JSON")), value);
        }

        #[test]
        fn what_is_taken_out_is_gone_and_nothing_else(
            elements in prop::collection::vec(any_json(), 1..8),
            gone in prop::collection::vec(any::<bool>(), 8),
            pretty: bool,
        ) {
            let value = serde_json::Value::from(elements.clone());
            let body = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let body = body.expect("written");
            let json = read(body.as_bytes()).expect("good JSON");
            let drop: Vec<usize> = (0..elements.len()).filter(|index| gone[*index]).collect();
            let left = apply_edits(body.as_bytes(), &json.without(&drop));
            let expected: Vec<_> =
                elements.into_iter().enumerate().filter(|(index, _)| !gone[*index]).map(|(_, one)| one).collect();
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&left).expect("JSON"), serde_json::Value::from(expected));
        }
    }
}
