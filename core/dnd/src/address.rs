//! How addresses are compared (R8), in this one place.
//!
//! A *match key* is what two spellings of the same address share. Phones: `+` and the digits of E.164, with
//! WhatsApp's own spellings of Mexican, Argentine and Brazilian numbers folded together. Email: case-folded,
//! the domain in ASCII (IDNA, UTS #46), plus-tags and dots kept. Ids of other kinds: as they are.

use crate::reason::AddressKey;
use dndgate_adapter::AddressKind;
use phonenumber::Mode;
use smallvec::SmallVec;
use std::str::FromStr;
use unicode_normalization::UnicodeNormalization;

/// E.164 allows 15 digits; the shortest subscriber numbers in use with a country code have 7.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// RFC 5321, section 4.5.3.1: 64 octets of local part, `@`, 255 octets of domain.
const EMAIL_BYTES_MAX: usize = 320;
/// Longest opaque id of a provider; Meta's and Google's are far shorter.
const ID_BYTES_MAX: usize = 256;

type Buffer = SmallVec<[u8; 64]>;

/// The region by which national phone numbers are read (ISO 3166-1 alpha-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region(phonenumber::country::Id);

impl Region {
    /// The region of a business that names none.
    pub const US: Region = Region(phonenumber::country::Id::US);
}

impl Default for Region {
    fn default() -> Region {
        Region::US
    }
}

impl FromStr for Region {
    type Err = BadAddress;
    fn from_str(code: &str) -> Result<Region, BadAddress> {
        code.to_ascii_uppercase()
            .parse()
            .map(Region)
            .map_err(|_| BadAddress("not a region; write two letters such as US or DE"))
    }
}

/// A value that is no address of its kind. The sentence holds no part of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(pub &'static str);

/// An address as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// How it is shown: E.164, or the trimmed value.
    pub shown: String,
    /// How it is compared.
    pub key: AddressKey,
}

/// Normalises an address that somebody entered.
///
/// # Errors
/// When the value is no address of that kind.
pub fn normalise(kind: AddressKind, raw: &str, region: Region) -> Result<Normalised, BadAddress> {
    let raw = raw.trim();
    let shown = match kind {
        AddressKind::Phone => phone(raw, region)?,
        _ => raw.to_owned(),
    };
    let mut key = Buffer::new();
    match kind {
        AddressKind::Phone => push_phone_key(shown.as_bytes(), &mut key),
        AddressKind::Email => push_email_key(raw, &mut key)?,
        AddressKind::Gmb => push_conversation_key(raw, &mut key)?,
        AddressKind::Psid | AddressKind::Wa => push_id_key(raw, &mut key)?,
    }
    let key = String::from_utf8(key.to_vec()).map_err(|_| BadAddress("not UTF-8"))?;
    Ok(Normalised { shown, key: AddressKey { kind, key } })
}

/// The match key of an address as it is shown ([`Normalised::shown`]), without reading it anew; the address itself
/// where it has none.
pub fn key_of_shown(kind: AddressKind, shown: &str) -> String {
    let mut key = Buffer::new();
    let pushed = match kind {
        AddressKind::Phone => {
            push_phone_key(shown.as_bytes(), &mut key);
            Ok(())
        }
        AddressKind::Email => push_email_key(shown, &mut key),
        AddressKind::Gmb => push_conversation_key(shown, &mut key),
        AddressKind::Psid | AddressKind::Wa => push_id_key(shown, &mut key),
    };
    match (pushed, std::str::from_utf8(&key)) {
        (Ok(()), Ok(key)) => key.to_owned(),
        _ => shown.to_owned(),
    }
}

/// The digits by which a number in E.164 is dialled in its own country, for those who look for it so.
pub fn national(e164: &str) -> Option<String> {
    if is_plain_nanp(e164.as_bytes()) {
        return e164.get(2..).map(str::to_owned);
    }
    phonenumber::parse(None, e164).ok().map(|number| number.national().value().to_string())
}

/// Calls `each` with the match key of every reading that a provider could give this address: a number
/// without `+` is read as international and as national. A send is blocked when any reading is.
///
/// Does not allocate for phone numbers in E.164 with country code 1 and for ASCII email addresses.
///
/// # Errors
/// When the value is no address of that kind.
pub fn each_reading(
    kind: AddressKind,
    raw: &str,
    region: Region,
    mut each: impl FnMut(&[u8]),
) -> Result<(), BadAddress> {
    let mut key = Buffer::new();
    match kind {
        AddressKind::Phone => return each_phone_reading(raw.trim(), region, each),
        AddressKind::Email => push_email_key(raw.trim(), &mut key)?,
        AddressKind::Gmb => {
            push_conversation_key(raw.trim(), &mut key)?;
            // As it was kept before conversations were compared so.
            if key[..] != *raw.trim().as_bytes() {
                each(raw.trim().as_bytes());
            }
        }
        AddressKind::Psid | AddressKind::Wa => push_id_key(raw.trim(), &mut key)?,
    }
    each(&key);
    Ok(())
}

/// The digits of a written number, with a leading `+` when it had one. Separators that people write are
/// dropped; anything else is an error.
fn dial(raw: &str) -> Result<Buffer, BadAddress> {
    let mut digits = Buffer::new();
    for byte in raw.bytes() {
        match byte {
            b'0'..=b'9' => digits.push(byte),
            b'+' if digits.is_empty() => digits.push(byte),
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' => {}
            _ => return Err(BAD_PHONE),
        }
        if digits.len() > PHONE_DIGITS.end() + 3 {
            return Err(BadAddress("too long for a telephone number (15 digits at most)"));
        }
    }
    let count = digits.len() - usize::from(digits.first() == Some(&b'+'));
    if count < *PHONE_DIGITS.start() {
        return Err(BadAddress("too short for a telephone number"));
    }
    Ok(digits)
}

/// Country code 1 has 11 digits in all, no trunk prefix and no exceptions: read without the library.
fn is_plain_nanp(digits: &[u8]) -> bool {
    digits.len() == 12 && digits.starts_with(b"+1") && digits[2] >= b'2'
}

/// E.164 of an entered number: of all its readings the first that the library calls a valid number, else the
/// first.
fn phone(raw: &str, region: Region) -> Result<String, BadAddress> {
    let mut best: Option<(bool, String)> = None;
    each_e164(raw, region, |digits| {
        if best.as_ref().is_none_or(|(valid, _)| !valid) {
            let valid = is_plain_nanp(digits.as_bytes())
                || phonenumber::parse(None, digits).is_ok_and(|number| number.is_valid());
            if best.is_none() || valid {
                best = Some((valid, digits.to_owned()));
            }
        }
    })?;
    best.map(|(_, digits)| digits).ok_or(BAD_PHONE)
}

const BAD_PHONE: BadAddress = BadAddress("not a telephone number: write it as +14155550100");

/// Calls `each` with every way to read a number as E.164, the likeliest first. With `+` the digits stand as
/// they are (the library drops digits of some Argentine numbers), before that without what is dialled before
/// a country or an area code and left in by people; without `+` they are national first, then international.
fn each_e164(raw: &str, region: Region, mut each: impl FnMut(&str)) -> Result<(), BadAddress> {
    let digits = dial(raw)?;
    let mut found = false;
    let mut offer = |digits: &[u8]| {
        if PHONE_DIGITS.contains(&(digits.len() - 1))
            && let Ok(digits) = std::str::from_utf8(digits)
        {
            found = true;
            each(digits);
        }
    };
    let mut literal: Buffer = SmallVec::from_slice(b"+");
    literal.extend_from_slice(digits.strip_prefix(b"+").unwrap_or(&digits));
    if is_plain_nanp(&digits) {
        offer(&digits);
        return Ok(());
    }
    if digits[0] != b'+' {
        let national = phonenumber::parse(Some(region.0), String::from_utf8_lossy(&digits));
        if let Ok(national) = national.map(|number| number.format().mode(Mode::E164).to_string())
            && national.as_bytes() != &literal[..]
        {
            offer(national.as_bytes());
        }
    }
    // No country code begins with a zero: two stand before it where people dial them, as in 001 415 555 0100.
    let zeros = literal.iter().skip(1).take_while(|digit| **digit == b'0').count();
    if zeros > usize::from(digits[0] != b'+') {
        let mut without = literal.clone();
        without.drain(1..=zeros);
        offer(&without);
    }
    // Nor does an area code of country code 1 begin with the 1 that people there dial before it.
    if literal.starts_with(b"+11") {
        let mut without = literal.clone();
        without.remove(2);
        offer(&without);
    }
    if let Some(prefix) = trunk_prefix(&literal) {
        let mut without = literal.clone();
        without.drain(prefix);
        offer(&without);
    }
    offer(&literal);
    found.then_some(()).ok_or(BAD_PHONE)
}

/// Where the national prefix stands after the country code, when people left it in and no number begins with
/// it: the `0` of most countries, Hungary's `06`, Mexico's of before 2019 (`01`, and `044`, `045` before
/// mobiles), Russia's `8`.
fn trunk_prefix(e164: &[u8]) -> Option<std::ops::Range<usize>> {
    if let [b'+', b'7', b'8', rest @ ..] = e164
        && rest.len() == 10
    {
        return Some(2..3);
    }
    if !e164.iter().skip(2).take(3).any(|digit| *digit == b'0') {
        return None;
    }
    if let Some(national) = e164.strip_prefix(b"+52") {
        let dialled =
            [&b"01"[..], b"02", b"044", b"045"].into_iter().find(|prefix| national.starts_with(prefix));
        return dialled
            .filter(|prefix| national.len() == prefix.len() + 10)
            .map(|prefix| 3..3 + prefix.len());
    }
    let number = phonenumber::parse(None, String::from_utf8_lossy(e164)).ok()?;
    let at = 1 + number.country().code().to_string().len();
    let prefix = number.metadata(&phonenumber::metadata::DATABASE)?.national_prefix()?;
    (prefix.starts_with('0') && e164.get(at..)?.starts_with(prefix.as_bytes())).then(|| at..at + prefix.len())
}

fn each_phone_reading(raw: &str, region: Region, mut each: impl FnMut(&[u8])) -> Result<(), BadAddress> {
    let mut key = Buffer::new();
    each_e164(raw, region, |digits| {
        key.clear();
        push_phone_key(digits.as_bytes(), &mut key);
        each(&key);
    })
}

/// Folds WhatsApp's spellings of one number together (R8): Mexico's `1` after 52, Argentina's `9` after 54,
/// the ninth digit of Brazilian mobile numbers, which its older accounts lack.
fn push_phone_key(e164: &[u8], key: &mut Buffer) {
    match e164 {
        [b'+', b'5', b'2', b'1', rest @ ..] if rest.len() == 10 => {
            key.extend_from_slice(b"+52");
            key.extend_from_slice(rest);
        }
        [b'+', b'5', b'4', b'9', rest @ ..] if rest.len() == 10 => {
            key.extend_from_slice(b"+54");
            key.extend_from_slice(rest);
        }
        [b'+', b'5', b'5', area @ .., b'9', b'6'..=b'9', _, _, _, _, _, _, _] if area.len() == 2 => {
            key.extend_from_slice(b"+55");
            key.extend_from_slice(area);
            key.extend_from_slice(&e164[6..]);
        }
        other => key.extend_from_slice(other),
    }
}

fn push_email_key(raw: &str, key: &mut Buffer) -> Result<(), BadAddress> {
    let bad = BadAddress("not an email address: write it as name@example.com");
    if raw.len() > EMAIL_BYTES_MAX {
        return Err(BadAddress("too long for an email address (320 bytes at most)"));
    }
    let at = raw.rfind('@').ok_or(bad)?;
    let (local, domain) = (&raw[..at], &raw[at + 1..]);
    let local = unquoted(local);
    if local.is_empty() || domain.is_empty() || domain.starts_with('.') || domain.ends_with('.') {
        return Err(bad);
    }
    let quoted = local.starts_with('"');
    if !quoted && local.contains('@')
        || raw.chars().any(|char| char.is_control() || (!quoted && char.is_whitespace()))
        || domain.contains([' ', '<', '>', ',', ';', '"', '('])
    {
        return Err(bad);
    }
    if raw.is_ascii() && !domain.contains("xn--") {
        key.extend(local.bytes().map(|byte| byte.to_ascii_lowercase()));
        key.push(b'@');
        key.extend(domain.bytes().map(|byte| byte.to_ascii_lowercase()));
        return Ok(());
    }
    let folded: String = local.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    key.extend_from_slice(folded.as_bytes());
    key.push(b'@');
    let domain = idna::domain_to_ascii(domain).map_err(|_| bad)?;
    key.extend_from_slice(domain.to_ascii_lowercase().as_bytes());
    Ok(())
}

/// `"bob"@x` is the mailbox `bob@x` (RFC 5321, section 4.1.2).
fn unquoted(local: &str) -> &str {
    let inner = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner)
            if !inner.is_empty()
                && inner.split('.').all(|atom| {
                    !atom.is_empty()
                        && atom
                            .chars()
                            .all(|char| char.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char))
                }) =>
        {
            inner
        }
        _ => local,
    }
}

/// Google's conversations are UUIDs, which some who pass them on write without dashes, or in capitals.
fn push_conversation_key(raw: &str, key: &mut Buffer) -> Result<(), BadAddress> {
    push_id_key(raw, key)?;
    let digits = || raw.bytes().filter(|byte| *byte != b'-');
    if digits().count() == 32 && digits().all(|byte| byte.is_ascii_hexdigit()) {
        key.clear();
        key.extend(digits().map(|byte| byte.to_ascii_lowercase()));
    }
    Ok(())
}

fn push_id_key(raw: &str, key: &mut Buffer) -> Result<(), BadAddress> {
    if raw.is_empty()
        || raw.len() > ID_BYTES_MAX
        || raw.chars().any(|char| char.is_control() || char.is_whitespace())
    {
        return Err(BadAddress("not an id of this provider"));
    }
    key.extend_from_slice(raw.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(kind: AddressKind, raw: &str) -> String {
        normalise(kind, raw, Region::US).expect("good address").key.key
    }

    #[test]
    fn r8_a_conversation_is_the_same_with_and_without_dashes() {
        let dashed = "77DE1414-1f0a-4c1b-9a3e-0123456789ab";
        let bare = "77de14141f0a4c1b9a3e0123456789ab";
        assert_eq!(key(AddressKind::Gmb, dashed), bare);
        let mut all = Vec::new();
        each_reading(AddressKind::Gmb, dashed, Region::US, |key| all.push(key.to_vec())).expect("an id");
        assert_eq!(all, [dashed.as_bytes(), bare.as_bytes()]);
        for other in
            ["c-77DE1414", "77de14141f0a4c1b9a3e0123456789abc", "77DE1414-1f0a-4c1b-9a3e-0123456789aX"]
        {
            assert_eq!(key(AddressKind::Gmb, other), other, "not a UUID: as it stands");
        }
    }

    fn readings(raw: &str, region: &str) -> Vec<String> {
        let mut all = Vec::new();
        each_reading(AddressKind::Phone, raw, region.parse().expect("region"), |key| {
            all.push(String::from_utf8_lossy(key).into_owned());
        })
        .expect("good address");
        all
    }

    #[test]
    fn r8_phones_compare_as_e164() {
        for raw in ["+14155550100", "+1 (415) 555-0100", "415-555-0100", "1 415 555 0100", "+1.415.555.0100"]
        {
            assert_eq!(key(AddressKind::Phone, raw), "+14155550100", "{raw}");
        }
        assert_eq!(key(AddressKind::Phone, "+44 (0)20 7946 0958"), "+442079460958");
        let german =
            normalise(AddressKind::Phone, "030 123456", "DE".parse().expect("region")).expect("number");
        assert_eq!(german.shown, "+4930123456");
    }

    #[test]
    fn r8_whatsapp_spellings_are_one_person() {
        for (one, other) in [
            ("+5215512345678", "+525512345678"),
            ("+5491123456789", "+541123456789"),
            ("+5551987654321", "+555187654321"),
        ] {
            assert_eq!(key(AddressKind::Phone, one), key(AddressKind::Phone, other));
        }
        // A Brazilian landline is somebody else.
        assert_ne!(key(AddressKind::Phone, "+5551932654321"), key(AddressKind::Phone, "+555132654321"));
    }

    #[test]
    fn r8_a_number_without_plus_has_two_readings() {
        assert_eq!(readings("12134077416", "US"), ["+12134077416"]);
        assert_eq!(readings("2134077416", "US"), ["+12134077416", "+2134077416"]);
        assert_eq!(readings("447911123456", "GB"), ["+447911123456"]);
        assert_eq!(readings("07911123456", "GB"), ["+447911123456", "+07911123456"]);
        assert_eq!(readings("+4407911123456", "US"), ["+447911123456", "+4407911123456"]);
        for dialled in ["+52 01 55 1234 5678", "+52 044 55 1234 5678", "+52 045 55 1234 5678"] {
            assert!(readings(dialled, "US").contains(&"+525512345678".to_owned()), "{dialled}");
        }
        assert!(readings("+78 916 123 45 67", "US").contains(&"+79161234567".to_owned()));
        assert!(readings("+36 06 30 123 4567", "US").contains(&"+36301234567".to_owned()));
        assert_eq!(readings("+78001234567", "US"), ["+78001234567"]);
        assert_eq!(readings("+1 1 213 407 7416", "US"), ["+12134077416", "+112134077416"]);
        assert_eq!(readings("+01 213 407 7416", "US"), ["+12134077416", "+012134077416"]);
        assert!(readings("0012134077416", "US").contains(&"+12134077416".to_owned()));
    }

    #[test]
    fn r8_email_folds_case_and_domain() {
        assert_eq!(key(AddressKind::Email, " Joan.Doe+news@EXAMPLE.com "), "joan.doe+news@example.com");
        assert_eq!(key(AddressKind::Email, "a@Exämple.com"), "a@xn--exmple-cua.com");
        assert_eq!(key(AddressKind::Email, "\"bob\"@x.com"), "bob@x.com");
    }

    #[test]
    fn what_is_no_address_is_an_error() {
        for (kind, raw) in [
            (AddressKind::Phone, "12345"),
            (AddressKind::Phone, "+1415555010O"),
            (AddressKind::Phone, "１４１５５５５０１００"),
            (AddressKind::Phone, "+1234567890123456789"),
            (AddressKind::Email, "nobody"),
            (AddressKind::Email, "a@b@c.com"),
            (AddressKind::Email, "a b@c.com"),
            (AddressKind::Email, "a@"),
            (AddressKind::Psid, ""),
        ] {
            assert!(normalise(kind, raw, Region::US).is_err(), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn what_is_entered_is_among_the_readings(raw in "\\+?[0-9 ()-]{7,18}") {
            if let Ok(entered) = normalise(AddressKind::Phone, &raw, Region::US) {
                let mut found = false;
                each_reading(AddressKind::Phone, &raw, Region::US, |key| found |= key == entered.key.key.as_bytes())
                    .expect("readable");
                prop_assert!(found, "{raw} was kept as {}", entered.key.key);
            }
        }

        #[test]
        fn the_fast_path_agrees_with_the_library(digits in "\\+1[2-9][0-9]{9}") {
            let slow = phonenumber::parse(None, &digits).expect("number").format().mode(Mode::E164).to_string();
            prop_assert_eq!(phone(&digits, Region::US).expect("number"), slow);
        }

        #[test]
        fn normalising_is_idempotent(local in "[A-Za-z0-9.+_-]{1,10}", domain in "[a-zäöA-Z]{1,8}\\.[a-z]{2,4}") {
            if let Ok(once) = normalise(AddressKind::Email, &format!("{local}@{domain}"), Region::US) {
                let twice = normalise(AddressKind::Email, &once.key.key, Region::US).expect("still an address");
                prop_assert_eq!(once.key, twice.key);
            }
        }
    }
}
