//! Addresses as Twilio writes them: a number, or a prefix that names the channel and what it calls its people.

use dndgate_adapter::{AddressKind, Channel, Channels, Known, Recipient, Role, Unreadable};
use percent_encoding::percent_decode_str;
use std::{borrow::Cow, ops::Range};

/// E.164 allows 15 digits; what has fewer than 7 is a short code, which is no person.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Page-scoped ids have about 16 digits.
const ID_BYTES_MAX: usize = 128;

/// What the address is used for: it decides the channel of a plain number, and which prefixes make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A message.
    Message,
    /// A call.
    Call,
    /// A message or a call, as something inside Twilio decides later.
    Either,
}

impl Way {
    /// The channels of a plain number.
    const fn plain(self) -> Channels {
        match self {
            Way::Message => Channels::of(Channel::Sms),
            Way::Call => Channels::of(Channel::Call),
            Way::Either => Channels::of(Channel::Sms).with(Channels::of(Channel::Call)),
        }
    }

    /// The channels of an address that has the prefix of a chat channel.
    const fn chat(self, channel: Channel) -> Channels {
        match self {
            Way::Message => Channels::of(channel),
            Way::Call | Way::Either => Channels::of(channel).with(Channels::of(Channel::Call)),
        }
    }

    /// What is wrong with an address, with Twilio's own code for it.
    pub(crate) fn unreadable(self, message: &'static str) -> Unreadable {
        match self {
            Way::Message => Unreadable::new(message).with_code(21211),
            Way::Call => Unreadable::new(message).with_code(21217),
            Way::Either => Unreadable::new(message),
        }
    }
}

const NO_PHONE: &str = "the recipient is not a telephone number that can be read with certainty: write it as \
                        +14155550100, without letters or extension";
const NO_PREFIX: &str = "the recipient's address has a prefix that the gateway does not know here";

/// Reads an address. `None`: nobody outside (a softphone, a TwiML app, a SIP extension).
///
/// # Errors
/// When Twilio could read it in another way, or nobody knows how.
pub(crate) fn read<'a>(value: &Cow<'a, str>, way: Way) -> Result<Option<Recipient<'a>>, Unreadable> {
    let text = trimmed(value, 0);
    let Some(colon) = value[text.clone()].find(':') else {
        return phone(value, text, way).map(Some);
    };
    let prefix = &value[text.start..text.start + colon];
    let after = text.start + colon + 1;
    let is = |name: &str| prefix.eq_ignore_ascii_case(name);
    if is("whatsapp") {
        return spaced_phone(value, after, way.chat(Channel::WhatsApp), way).map(Some);
    }
    if is("rcs") && way != Way::Call {
        return spaced_phone(value, after, way.plain(), way).map(Some);
    }
    if is("messenger") {
        let id = trimmed(value, after);
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if id.is_empty() || id.len() > ID_BYTES_MAX || !value[id.clone()].bytes().all(known) {
            return Err(way.unreadable("the recipient is not a Messenger id"));
        }
        return Ok(Some(recipient(way.chat(Channel::Fb), AddressKind::Psid, cut(value, id))));
    }
    if way == Way::Message {
        return Err(way.unreadable(NO_PREFIX));
    }
    if is("sip") || is("sips") {
        return sip(&value[after..text.end], way);
    }
    // Prefixes of the tenant's own people; in another case Twilio might take them for vanity numbers.
    if matches!(prefix, "client" | "app") && after < text.end {
        return Ok(None);
    }
    Err(way.unreadable(NO_PREFIX))
}

/// Reads a SIP address without its `sip:`. A user part that is a telephone number is one.
pub(crate) fn sip<'a>(rest: &str, way: Way) -> Result<Option<Recipient<'a>>, Unreadable> {
    let bad = || way.unreadable("the recipient is not a SIP address that can be read with certainty");
    let rest = rest.trim();
    if rest.is_empty() || rest.matches('@').count() > 1 || rest.contains([' ', '<', '>', ',']) {
        return Err(bad());
    }
    let user = rest.split(['@', ';', '?', ':']).next().unwrap_or(rest);
    let user = percent_decode_str(user).decode_utf8().map_err(|_| bad())?;
    let digits = user.bytes().filter(u8::is_ascii_digit).count();
    let is_dialled = user.bytes().all(|byte| byte.is_ascii_digit() || b"+-.()".contains(&byte));
    if !is_dialled || digits < *PHONE_DIGITS.start() {
        return Ok(None);
    }
    let user: Cow<'a, str> = Cow::Owned(user.into_owned());
    let whole = 0..user.len();
    phone_on(&user, whole, Way::Call.plain(), way).map(Some)
}

/// Reads a WhatsApp number that may lack its prefix, where the channel is known (`<Dial><WhatsApp>`).
pub(crate) fn whatsapp_call<'a>(value: &Cow<'a, str>) -> Result<Option<Recipient<'a>>, Unreadable> {
    if value.contains(':') {
        return read(value, Way::Call);
    }
    spaced_phone(value, 0, Way::Call.chat(Channel::WhatsApp), Way::Call).map(Some)
}

/// An email address. Whether it is one, the gateway sees when it normalises it.
pub(crate) fn email<'a>(value: &Cow<'a, str>, role: Role) -> Recipient<'a> {
    let address = cut(value, trimmed(value, 0));
    Recipient { role, ..recipient(Channel::Email.into(), AddressKind::Email, address) }
}

fn phone<'a>(value: &Cow<'a, str>, range: Range<usize>, way: Way) -> Result<Recipient<'a>, Unreadable> {
    phone_on(value, range, way.plain(), way)
}

/// A number after a prefix. A space in front of it is a `+` that a form reader decoded (section 3 of the
/// provider's own habit: `whatsapp:+1…` sent without escaping).
fn spaced_phone<'a>(
    value: &Cow<'a, str>,
    after: usize,
    channels: Channels,
    way: Way,
) -> Result<Recipient<'a>, Unreadable> {
    let range = trimmed(value, after);
    if value[after..].starts_with(' ') && value[range.clone()].starts_with(|char: char| char.is_ascii_digit())
    {
        let plus: Cow<'a, str> = Cow::Owned(format!("+{}", &value[range]));
        let whole = 0..plus.len();
        return phone_on(&plus, whole, channels, way);
    }
    phone_on(value, range, channels, way)
}

fn phone_on<'a>(
    value: &Cow<'a, str>,
    range: Range<usize>,
    channels: Channels,
    way: Way,
) -> Result<Recipient<'a>, Unreadable> {
    if !is_phone(&value[range.clone()]) {
        return Err(way.unreadable(NO_PHONE));
    }
    Ok(recipient(channels, AddressKind::Phone, cut(value, range)))
}

/// Digits with the separators that people write, and a `+` in front or none. A number that begins with an
/// international dialling prefix instead of a `+` is none: which one it is depends on who reads it.
fn is_phone(text: &str) -> bool {
    let (mut digits, mut plus, mut head) = (0usize, false, [0u8; 3]);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                if let Some(place) = head.get_mut(digits) {
                    *place = byte;
                }
                digits += 1;
            }
            b'+' if digits == 0 && !plus => plus = true,
            b' ' | b'-' | b'.' | b'(' | b')' => {}
            _ => return false,
        }
    }
    let prefixed =
        if plus { head[0] == b'0' } else { head.starts_with(b"00") || (&head == b"011" && digits >= 12) };
    PHONE_DIGITS.contains(&digits) && !prefixed
}

fn recipient(channels: Channels, kind: AddressKind, address: Cow<'_, str>) -> Recipient<'_> {
    Recipient { channels, kind, address, role: Role::To, known: Known::Address }
}

/// Where the value stands without spaces around it, from a position on.
fn trimmed(value: &str, from: usize) -> Range<usize> {
    let rest = &value[from..];
    let start = from + (rest.len() - rest.trim_start_matches(' ').len());
    start..start.max(from + rest.trim_end_matches(' ').len())
}

/// A part of a value, as long-lived as the value is.
fn cut<'a>(value: &Cow<'a, str>, range: Range<usize>) -> Cow<'a, str> {
    match value {
        Cow::Borrowed(text) => Cow::Borrowed(&text[range]),
        Cow::Owned(text) => Cow::Owned(text[range].to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reading(value: &str, way: Way) -> Option<(Vec<Channel>, AddressKind, String)> {
        let one = read(&Cow::Borrowed(value), way).expect("readable")?;
        Some((one.channels.iter().collect(), one.kind, one.address.into_owned()))
    }

    #[test]
    fn r9_each_form_of_address_has_its_channels() {
        use AddressKind::{Phone, Psid};
        use Channel::{Call, Fb, Sms, WhatsApp};
        let some =
            |channels: &[Channel], kind, address: &str| Some((channels.to_vec(), kind, address.to_owned()));
        assert_eq!(reading("+14155550100", Way::Message), some(&[Sms], Phone, "+14155550100"));
        assert_eq!(reading("+14155550100", Way::Call), some(&[Call], Phone, "+14155550100"));
        assert_eq!(reading("+14155550100", Way::Either), some(&[Sms, Call], Phone, "+14155550100"));
        assert_eq!(reading("whatsapp:+14155550100", Way::Message), some(&[WhatsApp], Phone, "+14155550100"));
        assert_eq!(reading("WhatsApp:+14155550100", Way::Message), some(&[WhatsApp], Phone, "+14155550100"));
        assert_eq!(
            reading("whatsapp:+14155550100", Way::Call),
            some(&[Call, WhatsApp], Phone, "+14155550100")
        );
        assert_eq!(reading("rcs:+14155550100", Way::Message), some(&[Sms], Phone, "+14155550100"));
        assert_eq!(reading("messenger:1234567890", Way::Message), some(&[Fb], Psid, "1234567890"));
        assert_eq!(reading("messenger:1234567890", Way::Call), some(&[Call, Fb], Psid, "1234567890"));
        for nobody in
            ["client:joe", "client:+14155550100", "app:AP123", "sip:joe@pbx.example.com", "sip:1001@pbx"]
        {
            assert_eq!(reading(nobody, Way::Call), None, "{nobody}");
        }
        for sip in [
            "sip:+14155550100@pstn.example.com",
            "SIP:%2B14155550100@x",
            "sips:+14155550100;npdi=yes@x?a=b",
            "sip:+14155550100:secret@x",
            "sip:+14155550100",
        ] {
            assert_eq!(reading(sip, Way::Call), some(&[Call], Phone, "+14155550100"), "{sip}");
        }
    }

    #[test]
    fn lenient_spellings_are_read_as_twilio_reads_them() {
        assert_eq!(reading("12134077416", Way::Message).map(|one| one.2).as_deref(), Some("12134077416"));
        assert_eq!(reading(" 12134077416 ", Way::Message).map(|one| one.2).as_deref(), Some("12134077416"));
        assert_eq!(
            reading("+1 (213) 407-7416", Way::Call).map(|one| one.2).as_deref(),
            Some("+1 (213) 407-7416")
        );
        assert_eq!(
            reading("whatsapp: 14155550100", Way::Message).map(|one| one.2).as_deref(),
            Some("+14155550100")
        );
        assert_eq!(
            reading("whatsapp:14155550100", Way::Message).map(|one| one.2).as_deref(),
            Some("14155550100")
        );
    }

    #[test]
    fn r10_what_cannot_be_read_with_certainty_is_refused_with_twilios_code() {
        for bad in [
            "",
            " ",
            "+",
            "12345",
            "+1800FLOWERS",
            "+1415555010O",
            "１４１５５５５０１００",
            "+1415\u{200b}5550100",
            "+14155550100;ext=5",
            "+14155550100,+14155550101",
            "+14155550100x5",
            "++14155550100",
            "+1415+5550100",
            "0014155550100",
            "+0014155550100",
            "01144207946095",
            "+1234567890123456",
            "fax:+14155550100",
            "whatsapp:",
            "whatsapp:joe",
            "whatsapp:whatsapp:+14155550100",
            "messenger:",
            "messenger:a b",
            "+14155550100\n",
            "tel:+14155550100",
            "Client:+14155550100",
            "a@b.example",
        ] {
            for (way, code) in [(Way::Message, Some(21211)), (Way::Call, Some(21217)), (Way::Either, None)] {
                let error = read(&Cow::Borrowed(bad), way).expect_err(bad);
                assert_eq!(error.code, code, "{bad}");
                assert!(bad.len() < 3 || !error.message.contains(bad), "the sentence leaks a value");
            }
        }
        for not_messages in ["client:joe", "app:AP1", "sip:joe@x"] {
            assert!(read(&Cow::Borrowed(not_messages), Way::Message).is_err(), "{not_messages}");
        }
        for sip in ["sip:", "sip:a@b@c", "sip:+14155550100 @x", "sip:%ff@x"] {
            assert!(read(&Cow::Borrowed(sip), Way::Call).is_err(), "{sip}");
        }
    }

    proptest! {
        #[test]
        fn calm(value in "\\PC{0,24}") {
            for way in [Way::Message, Way::Call, Way::Either] {
                let _ = read(&Cow::Borrowed(&value), way);
            }
        }

        #[test]
        fn borrowed_and_owned_read_alike(value in "(whatsapp:|rcs:|messenger:|sip:|client:| )?\\+?[0-9 ().-]{0,18}") {
            for way in [Way::Message, Way::Call, Way::Either] {
                prop_assert_eq!(read(&Cow::Borrowed(&value), way), read(&Cow::Owned(value.clone()), way));
            }
        }
    }
}
