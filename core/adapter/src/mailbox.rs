//! Lists of mailboxes (RFC 5322, section 3.4) as mail providers take them, read with certainty.
//!
//! Items are separated by commas or semicolons. A mailbox is an address, or a display name and an address in
//! angle brackets; comments are allowed and ignored. Groups, source routes and whatever else readers see
//! differently are errors.

use crate::outbound::Unreadable;
use std::{borrow::Cow, ops::Range};

/// Longer addresses do not exist (RFC 5321, section 4.5.3.1), but providers differ in what they cut.
const ADDRESS_BYTES_MAX: usize = 512;

/// One mailbox of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox<'a> {
    /// The address without display name and comments, its local part unquoted where it needs no quotes.
    pub address: Cow<'a, str>,
    /// Its bytes in the list, display name included.
    pub at: Range<usize>,
}

fn bad() -> Unreadable {
    Unreadable::new("an address list cannot be read with certainty: write it as Name <name@example.com>, other@example.com")
}

/// Reads a list. Empty items are ignored.
///
/// # Errors
/// When readers could see it differently.
pub fn list(text: &str) -> Result<Vec<Mailbox<'_>>, Unreadable> {
    if text.chars().any(|char| char.is_control() && char != '\t') || text.contains(['\u{feff}', '\u{200b}', '\u{2028}', '\u{2029}']) {
        return Err(bad());
    }
    let mut all = Vec::new();
    for item in items(text)? {
        let start = item.start + (text[item.clone()].len() - text[item.clone()].trim_start().len());
        let end = start + text[start..item.end].trim_end().len();
        if start < end {
            all.push(Mailbox { address: address(&text[start..end])?, at: start..end });
        }
    }
    Ok(all)
}

/// What stands between separators outside quotes, comments and angle brackets.
fn items(text: &str) -> Result<Vec<Range<usize>>, Unreadable> {
    let mut all = Vec::new();
    let (mut start, mut quoted, mut depth, mut angle, mut escaped) = (0, false, 0usize, false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted || depth > 0 => escaped = true,
            b'"' if depth == 0 => quoted = !quoted,
            _ if quoted => {}
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1).ok_or_else(bad)?,
            _ if depth > 0 => {}
            b'<' if angle => return Err(bad()),
            b'<' => angle = true,
            b'>' if !angle => return Err(bad()),
            b'>' => angle = false,
            // A group, a source route, or a scheme: never an address.
            b':' => return Err(bad()),
            b',' | b';' if !angle => {
                all.push(start..index);
                start = index + 1;
            }
            _ => {}
        }
    }
    if quoted || depth > 0 || angle || escaped {
        return Err(bad());
    }
    all.push(start..text.len());
    Ok(all)
}

/// The address of one mailbox.
fn address(item: &str) -> Result<Cow<'_, str>, Unreadable> {
    let plain = without_comments(item);
    let spec = match &plain {
        Cow::Borrowed(plain) => Cow::Borrowed(in_brackets(plain)?),
        Cow::Owned(plain) => Cow::Owned(in_brackets(plain)?.to_owned()),
    };
    match spec {
        Cow::Borrowed(spec) => addr_spec(spec),
        Cow::Owned(spec) => Ok(Cow::Owned(addr_spec(&spec)?.into_owned())),
    }
}

fn without_comments(item: &str) -> Cow<'_, str> {
    if !item.contains('(') {
        return Cow::Borrowed(item);
    }
    let mut out = String::with_capacity(item.len());
    let (mut quoted, mut depth, mut escaped) = (false, 0usize, false);
    for char in item.chars() {
        let in_comment = depth > 0;
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => {
                depth = depth.saturating_sub(1);
                continue;
            }
            _ => {}
        }
        if !in_comment && depth == 0 {
            out.push(char);
        }
    }
    Cow::Owned(out)
}

/// What stands in angle brackets behind a display name, or the whole.
fn in_brackets(plain: &str) -> Result<&str, Unreadable> {
    let plain = plain.trim();
    let Some(open) = unquoted_find(plain, b'<') else { return Ok(plain) };
    let (name, rest) = plain.split_at(open);
    let spec = rest[1..].strip_suffix('>').ok_or_else(bad)?;
    // "a@x <b@y>": some send to the one, some to the other.
    if unquoted_find(name, b'@').is_some() {
        return Err(bad());
    }
    Ok(spec.trim())
}

fn unquoted_find(text: &str, wanted: u8) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.bytes().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            other => return !quoted && other == wanted,
        }
        false
    })
}

fn atom(char: char) -> bool {
    char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(char) || (!char.is_ascii() && !char.is_whitespace())
}

fn addr_spec(spec: &str) -> Result<Cow<'_, str>, Unreadable> {
    if spec.len() > ADDRESS_BYTES_MAX {
        return Err(bad());
    }
    let at = spec.rfind('@').ok_or_else(bad)?;
    let (local, domain) = (&spec[..at], &spec[at + 1..]);
    let literal = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let labels = |domain: &str| {
        domain.split('.').all(|label| {
            !label.is_empty() && label.chars().all(|char| char.is_ascii_alphanumeric() || char == '-' || char == '_' || !char.is_ascii())
        })
    };
    let good_domain = match literal {
        Some(inner) => inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)),
        None => labels(domain) && !domain.chars().any(char::is_whitespace),
    };
    if !good_domain {
        return Err(bad());
    }
    if let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        let bare: String = unescaped(inner).ok_or_else(bad)?;
        let needs_none = !bare.is_empty() && bare.chars().all(atom);
        return Ok(if needs_none { Cow::Owned(format!("{bare}@{domain}")) } else { Cow::Borrowed(spec) });
    }
    if local.is_empty() || !local.chars().all(atom) {
        return Err(bad());
    }
    Ok(Cow::Borrowed(spec))
}

/// A quoted string's content; `None` when a quote stands in it bare.
fn unescaped(inner: &str) -> Option<String> {
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => out.push(chars.next()?),
            '"' => return None,
            char => out.push(char),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn addresses(text: &str) -> Vec<String> {
        list(text).expect("good list").into_iter().map(|one| one.address.into_owned()).collect()
    }

    #[test]
    fn reads_what_providers_read() {
        for (text, expected) in [
            ("a@x.com", vec!["a@x.com"]),
            ("a@x.com,,b@x.com,", vec!["a@x.com", "b@x.com"]),
            ("a@x.com; b@x.com", vec!["a@x.com", "b@x.com"]),
            ("Bob <b@x.com>", vec!["b@x.com"]),
            (r#""Smith, J. \"x\"" <j@x.com>, k@x.com"#, vec!["j@x.com", "k@x.com"]),
            ("bob@x.com (note, with comma)", vec!["bob@x.com"]),
            ("(c) bob@x.com", vec!["bob@x.com"]),
            (r#""bob"@x.com"#, vec!["bob@x.com"]),
            (r#""b ob"@x.com"#, vec![r#""b ob"@x.com"#]),
            ("Bob Ö <b+tag@exämple.com>", vec!["b+tag@exämple.com"]),
            ("=?utf-8?Q?B=C3=B6b?= <b@x.com>", vec!["b@x.com"]),
            ("a@[192.0.2.1]", vec!["a@[192.0.2.1]"]),
            (" <a@x.com> ", vec!["a@x.com"]),
            ("", vec![]),
        ] {
            assert_eq!(addresses(text), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_readers_see_differently() {
        for text in [
            "a@x.com b@x.com",
            "a@x.com\r\nBcc: b@x.com",
            "Friends: a@x.com, b@x.com;",
            "<@relay.com:a@x.com>",
            "mailto:a@x.com",
            "a@x.com <b@x.com>",
            "a@x.com.",
            "a @x.com",
            "<a@x.com",
            "a@x.com>",
            "\"a@x.com",
            "a@x.com (open",
            "Bob",
            "a@x.com\0",
            "<a@x.com> <b@x.com>",
        ] {
            assert!(list(text).is_err(), "{text}");
        }
    }

    #[test]
    fn places_hold_the_whole_mailbox() {
        let text = "  Bob <b@x.com> , c@x.com";
        let read = list(text).expect("good");
        assert_eq!(&text[read[0].at.clone()], "Bob <b@x.com>");
        assert_eq!(&text[read[1].at.clone()], "c@x.com");
    }

    proptest! {
        #[test]
        fn never_panics_and_places_are_inside(text: String) {
            for one in list(&text).unwrap_or_default() {
                prop_assert!(list(&text[one.at.clone()]).is_ok_and(|again| again.len() == 1 && again[0].address == one.address));
            }
        }
    }
}
