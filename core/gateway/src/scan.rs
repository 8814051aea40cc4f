//! The check of requests that an adapter does not know (`unrecognised = "scan"`): does a suppressed address
//! of the tenant stand in it, in whatever spelling?

use crate::route::TenantRoute;
use dndgate_adapter::{AddressKind, Channel, Channels, Head};
use dndgate_dnd::{ReasonKind, address};
use dndgate_store::Cache;
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// The largest body that is scanned, in bytes. Nobody is contacted by more than this in one request of an
/// endpoint that no adapter knows.
const BYTES_MAX: usize = 4 << 20;
/// The longest part of a mailbox before or after its `@`, in bytes (RFC 5321 allows 64 and 255).
const MAILBOX_BYTES_MAX: usize = 320;

/// The first suppressed address found, by channel and reason.
///
/// # Errors
/// When the request is too large to be scanned.
pub(crate) fn suppressed(
    cache: &Cache,
    tenant: &TenantRoute,
    head: &Head<'_>,
    body: &[u8],
) -> Result<Option<(Channel, ReasonKind)>, &'static str> {
    if body.len() > BYTES_MAX {
        return Err(
            "the gateway does not know this endpoint, and the body is too large to look for addresses in it",
        );
    }
    let mut found = None;
    let mut look = |kind: AddressKind, raw: &str| {
        if found.is_none() {
            let _ = address::each_reading(kind, raw, tenant.tenant.region, |key| {
                if found.is_none() {
                    found = cache.get(&tenant.name, kind, key).verdict(Channels::ALL);
                }
            });
        }
    };
    for text in [head.path.as_bytes(), head.query.unwrap_or_default().as_bytes(), body] {
        for spelling in spellings(text) {
            candidates(&spelling, &mut look);
        }
    }
    Ok(found)
}

/// The text as it stands, percent-decoded (twice, for values inside values), and with JSON's escapes undone.
fn spellings(text: &[u8]) -> Vec<Cow<'_, str>> {
    let plain = String::from_utf8_lossy(text);
    let mut all = Vec::new();
    if text.contains(&b'+') {
        // In a form it stands for a space.
        let spaced = String::from_utf8_lossy(text).replace('+', " ");
        all.push(Cow::Owned(String::from_utf8_lossy(&percent_decoded(spaced.as_bytes())).into_owned()));
    }
    if text.contains(&b'%') || text.contains(&b'+') {
        let once = percent_decoded(text);
        if once.contains(&b'%') {
            all.push(Cow::Owned(String::from_utf8_lossy(&percent_decoded(&once)).into_owned()));
        }
        all.push(Cow::Owned(String::from_utf8_lossy(&once).into_owned()));
    }
    if text.contains(&b'\\') {
        all.push(Cow::Owned(unescaped(&plain)));
    }
    all.push(plain);
    // Full-width letters and digits, and what else compatibility folds (a lenient reader's digits).
    let folded: Vec<_> = all
        .iter()
        .filter(|spelling| !spelling.is_ascii())
        .map(|spelling| Cow::Owned(spelling.nfkc().collect::<String>()))
        .collect();
    all.extend(folded);
    all
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(text).collect()
}

/// `\u002b` and `\/`, as JSON readers undo them.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('u') => {
                let hex: String = chars.by_ref().take(4).collect();
                out.push(u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}'));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

/// Calls `look` with everything in the text that could be an address.
fn candidates(text: &str, look: &mut impl FnMut(AddressKind, &str)) {
    // Numbers: runs of digits with the separators that people write, and each run of digits alone.
    let is_number = |char: char| char.is_ascii_digit() || "+-.() ".contains(char);
    for run in text.split(|char| !is_number(char)) {
        if run.bytes().filter(u8::is_ascii_digit).count() < 7 {
            continue;
        }
        look(AddressKind::Phone, run);
        for part in run.split([' ', '.', '(', ')']).filter(|part| part.len() >= 7 && *part != run) {
            look(AddressKind::Phone, part);
        }
        // What begins at a +, or follows a date or an id: every run of digits on its own, and all from it on.
        for (at, _) in run.match_indices(|char: char| char.is_ascii_digit() || char == '+') {
            let begins = at == 0 || !run.as_bytes()[at - 1].is_ascii_digit();
            let rest = &run[at..];
            if begins && rest.len() < run.len() {
                look(AddressKind::Phone, rest);
                let end = rest
                    .bytes()
                    .skip(1)
                    .position(|byte| !byte.is_ascii_digit())
                    .map_or(rest.len(), |end| end + 1);
                look(AddressKind::Phone, &rest[..end]);
            }
        }
    }
    // Mailboxes: what stands around each @. No address is longer, and the look stays linear.
    let ends =
        |char: char| char.is_whitespace() || char.is_control() || "@<>,;\"'()[]{}:=&?/\\".contains(char);
    for (at, _) in text.match_indices('@') {
        let before = &text[boundary(text, at.saturating_sub(MAILBOX_BYTES_MAX))..at];
        let after = &text[at..boundary(text, at + MAILBOX_BYTES_MAX)];
        let domain = after[1..].find(ends).map_or(after, |end| &after[..=end]).trim_end_matches('.');
        let local = before.rfind(ends).map_or(before, |index| before[index..].trim_start_matches(ends));
        look(AddressKind::Email, &format!("{local}{domain}"));
        // A quoted local part ends in a quote, and begins with one.
        let quoted = before.strip_suffix('"').and_then(|inner| inner.rfind('"'));
        if let Some(open) = quoted {
            look(AddressKind::Email, &format!("{}{domain}", &before[open..]));
        }
    }
    // Ids of other kinds: whole words.
    for word in text.split(|char: char| !(char.is_ascii_alphanumeric() || "._-".contains(char))) {
        if (8..=128).contains(&word.len()) {
            look(AddressKind::Psid, word);
            look(AddressKind::Wa, word);
            look(AddressKind::Gmb, word);
        }
    }
}

/// The nearest place at or before `at` where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        for spelling in spellings(text.as_bytes()) {
            candidates(&spelling, &mut |kind, raw| {
                if matches!(kind, AddressKind::Phone | AddressKind::Email)
                    && let Ok(one) = address::normalise(kind, raw, dndgate_dnd::Region::US)
                {
                    all.push(one.key.key);
                }
            });
        }
        all
    }

    #[test]
    fn a_hostile_body_is_scanned_in_linear_time() {
        let began = std::time::Instant::now();
        for piece in ["@", "a@", "\"@", "1", "1-", "+1 ", "\\u0040", "%2540"] {
            for spelling in spellings(piece.repeat((128 << 10) / piece.len()).as_bytes()) {
                candidates(&spelling, &mut |kind, raw| {
                    drop(address::normalise(kind, raw, dndgate_dnd::Region::US))
                });
            }
        }
        assert!(began.elapsed().as_secs() < 20, "took {:?}", began.elapsed());
    }

    #[test]
    fn r10_finds_addresses_in_every_spelling() {
        for text in [
            "to=%2B14155550100&x=1",
            "to=+14155550100",
            r#"{"to":"+1 (415) 555-0100"}"#,
            r#"{"to":"\u002b14155550100"}"#,
            "list=1,+14155550100,2",
            "a=%252B14155550100",
            "{\"n\":14155550100}",
            "to=1+415+555+0100",
            "id=2026-01-01-14155550100",
            "id=2026-01-01-+14155550100",
            "7-7-7+14155550100",
            "to=tel-+1-415-555-0100",
            "１４１５５５５０１００",
        ] {
            assert!(found(text).contains(&"+14155550100".to_owned()), "{text}: {:?}", found(text));
        }
        for text in [
            "to=joan%40example.com",
            "\"Joan\" <Joan@Example.com>",
            r#"{"to":"joan\u0040example.com"}"#,
            "x:joan@example.com.",
            r#""joan"@example.com"#,
            r#"{"to":"\"joan\"@example.com"}"#,
        ] {
            assert!(found(text).contains(&"joan@example.com".to_owned()), "{text}: {:?}", found(text));
        }
    }
}
