//! SIP addresses (RFC 3261, section 19.1): a telephone often stands behind one.

use crate::outbound::Unreadable;
use percent_encoding::percent_decode_str;

/// Fewer digits are an extension inside.
const DIGITS_MIN: usize = 7;

/// The telephone number that a SIP or `tel:` address dials; `None` when its user is somebody inside, such as a
/// desk or a softphone.
///
/// # Errors
/// When two readers could see different addresses.
pub fn number(address: &str) -> Result<Option<String>, Unreadable> {
    let bad = || Unreadable::new("the recipient is not a SIP address that can be read with certainty");
    let address = address.trim();
    let scheme = address
        .split_once(':')
        .filter(|(scheme, _)| ["sip", "sips", "tel"].iter().any(|known| scheme.eq_ignore_ascii_case(known)));
    let rest = scheme.map_or(address, |(_, rest)| rest);
    if rest.is_empty()
        || rest.matches('@').count() > 1
        || rest.contains(|char: char| char.is_whitespace() || char.is_control() || "<>,\"\\".contains(char))
    {
        return Err(bad());
    }
    let user = rest.split(['@', ';', '?', ':']).next().unwrap_or(rest);
    let user = percent_decode_str(user).decode_utf8().map_err(|_| bad())?;
    let dialled = user.chars().all(|char| char.is_ascii_digit() || "+-.()".contains(char));
    let digits = user.chars().filter(char::is_ascii_digit).count();
    if user.chars().any(|char| char.is_numeric() && !char.is_ascii_digit()) {
        return Err(bad());
    }
    Ok((dialled && digits >= DIGITS_MIN).then(|| user.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_telephone_behind_a_sip_address_is_found() {
        for (address, number_behind) in [
            ("sip:+14155550100@example.com", Some("+14155550100")),
            ("SIP:14155550100@example.com;user=phone", Some("14155550100")),
            ("sips:%2B14155550100@example.com", Some("+14155550100")),
            ("sip:1-415-555-0100:secret@example.com", Some("1-415-555-0100")),
            ("tel:+14155550100", Some("+14155550100")),
            ("14155550100@example.com", Some("14155550100")),
            ("sip:agent@example.com", None),
            ("sip:201@pbx.example.com", None),
            ("sip:agent14155550100@example.com", None),
        ] {
            assert_eq!(number(address), Ok(number_behind.map(str::to_owned)), "{address}");
        }
        for address in [
            "",
            "sip:",
            "sip:a@b@c",
            "sip:1 415@x",
            "<sip:+14155550100@x>",
            "sip:%ff@x",
            "sip:１４１５５５５０１００@x",
        ] {
            assert!(number(address).is_err(), "{address}");
        }
    }
}
