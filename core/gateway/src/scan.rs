//! The check of requests that an adapter does not know (`unrecognised = "scan"`): does a suppressed address
//! of the tenant stand in it, in whatever spelling?

use crate::route::TenantRoute;
use dndgate_adapter::{AddressKind, Channel, Channels, Head};
use dndgate_dnd::{ReasonKind, address};
use dndgate_store::Cache;
use std::borrow::Cow;

/// The largest body that is scanned, in bytes. Nobody is contacted by more than this in one request of an
/// endpoint that no adapter knows.
const BYTES_MAX: usize = 4 << 20;

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
    }
    // Mailboxes: what stands around each @.
    let ends =
        |char: char| char.is_whitespace() || char.is_control() || "<>,;\"'()[]{}:=&?/\\".contains(char);
    for (at, _) in text.match_indices('@') {
        let start = text[..at]
            .rfind(ends)
            .map_or(0, |index| index + text[index..].chars().next().map_or(1, char::len_utf8));
        let end = text[at..].find(ends).map_or(text.len(), |index| at + index);
        look(AddressKind::Email, text[start..end].trim_end_matches('.'));
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
    fn finds_addresses_in_every_spelling() {
        for text in [
            "to=%2B14155550100&x=1",
            "to=+14155550100",
            r#"{"to":"+1 (415) 555-0100"}"#,
            r#"{"to":"\u002b14155550100"}"#,
            "list=1,+14155550100,2",
            "a=%252B14155550100",
            "{\"n\":14155550100}",
        ] {
            assert!(found(text).contains(&"+14155550100".to_owned()), "{text}: {:?}", found(text));
        }
        for text in [
            "to=joan%40example.com",
            "\"Joan\" <Joan@Example.com>",
            r#"{"to":"joan\u0040example.com"}"#,
            "x:joan@example.com.",
        ] {
            assert!(found(text).contains(&"joan@example.com".to_owned()), "{text}: {:?}", found(text));
        }
    }
}
