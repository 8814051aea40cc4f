//! The header of a MIME message, read so that no reader sees a field that is not seen here.

/// Is it the name of a header field with recipients?
pub fn names_recipients(name: &str) -> bool {
    let name = name.trim();
    let bare = match name.get(.."resent-".len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case("resent-") => &name["resent-".len()..],
        _ => name,
    };
    ["to", "cc", "bcc", "apparently-to"].iter().any(|one| bare.eq_ignore_ascii_case(one))
}

/// Does a line of this value, but for the first, begin as a header field with recipients does? Whoever writes such
/// a value into a mail as it stands makes one of it.
pub fn breaks_into_recipients(value: &str) -> bool {
    let lines = value.split(['\r', '\n', '\u{2028}', '\u{2029}', '\u{85}']).skip(1);
    lines.filter_map(|line| line.split_once(':')).any(|(name, _)| names_recipients(name))
}

/// The header fields whose lower-case name is `wanted`, unfolded, in their order.
///
/// Lines may end in CRLF, LF or CR, and a line that is no field does not end the header: only a blank line
/// does, and blank lines in front do not count.
pub fn fields(message: &[u8], wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    // Does the value of the last one found go on?
    let mut open = false;
    for line in header(message).split(|byte| matches!(byte, b'\n' | b'\r')) {
        if line.is_empty() {
            continue;
        }
        let text = String::from_utf8_lossy(line);
        if text.starts_with([' ', '\t']) {
            if open && let Some((_, value)) = found.last_mut() {
                if !value.is_empty() {
                    value.push(' ');
                }
                value.push_str(text.replace('\t', " ").trim());
            }
            continue;
        }
        open = false;
        if let (Some(name), Some((_, value))) = (name_of(&text), text.split_once(':'))
            && wanted(&name)
        {
            found.push((name, value.replace('\t', " ").trim().to_owned()));
            open = true;
        }
    }
    found
}

/// The message without the header fields whose lower-case name is `unwanted`, continuation lines included.
pub fn without(message: &[u8], unwanted: impl Fn(&str) -> bool) -> Vec<u8> {
    let start = message.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(message.len());
    let end = start + header(message).len();
    let mut left = message[..start].to_vec();
    let mut goes = false;
    for line in message[start..end].split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        let text = String::from_utf8_lossy(line);
        // The second half of a line's end belongs to the line.
        let is_end = line.iter().all(|byte| matches!(byte, b'\n' | b'\r'));
        if !is_end && !text.starts_with([' ', '\t']) {
            goes = name_of(&text).is_some_and(|name| unwanted(&name));
        }
        if !goes {
            left.extend_from_slice(line);
        }
    }
    left.extend_from_slice(&message[end..]);
    left
}

/// The lower-case name of the field that begins on this line. Whatever is no part of a name is taken off by some
/// reader: white space, NUL, a byte order mark.
fn name_of(line: &str) -> Option<String> {
    let (name, _) = line.split_once(':')?;
    let name: String = name.chars().filter(char::is_ascii_graphic).collect();
    Some(name.to_ascii_lowercase())
}

/// What stands before the blank line.
fn header(message: &[u8]) -> &[u8] {
    let start = message.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(message.len());
    let message = &message[start..];
    let mut at = 0;
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            return &message[..at];
        }
        at += line.len();
    }
    message
}

/// Where the header ends (before the blank line), and how its lines end. `None` when no blank line ends it, or
/// its lines end in several ways.
pub fn end_of_header(message: &[u8]) -> Option<(usize, &'static str)> {
    let start = message.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let header = header(message);
    let at = start + header.len();
    let feeds = header.iter().filter(|byte| **byte == b'\n').count();
    let returns = header.windows(2).filter(|pair| pair == b"\r\n").count();
    let lone = header.iter().filter(|byte| **byte == b'\r').count() != returns;
    match (header.ends_with(b"\n") && at < message.len() && !lone, returns) {
        (true, 0) => Some((at, "\n")),
        (true, returns) if returns == feeds => Some((at, "\r\n")),
        _ => None,
    }
}

/// What stands after it.
pub fn body(message: &[u8]) -> &[u8] {
    let start = message.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(message.len());
    let rest = &message[start + header(message).len()..];
    let blank = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
    &rest[blank..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bcc(message: &str) -> Vec<String> {
        fields(message.as_bytes(), |name| name == "bcc").into_iter().map(|(_, value)| value).collect()
    }

    #[test]
    fn finds_fields_however_they_are_written() {
        for message in [
            "Bcc: a@x\r\n\r\nbody",
            "From: b@x\nbcc: a@x\n\nbody",
            "From: b@x\rBCC : a@x\r\rbody",
            "\r\n\r\nFrom: b@x\r\nBcc:\r\n\ta@x\r\n\r\n",
            "nonsense\r\nBcc: a@x",
            "X: y\r\n \r\nBcc: a@x\r\n\r\n",
            "\u{feff}Bcc: a@x\r\n\r\n",
            "X: y\r\nBcc\0: a@x\r\n\r\n",
        ] {
            assert_eq!(bcc(message), ["a@x"], "{message:?}");
        }
        assert_eq!(bcc("Bcc: a@x,\r\n b@x\r\nX: y\r\n z\r\nBcc: c@x\r\n\r\n"), ["a@x, b@x", "c@x"]);
        assert!(bcc("From: x\r\n\r\nBcc: a@x\r\n").is_empty(), "the body is no header");
        assert_eq!(body(b"A: b\r\n\r\ntext\n"), b"text\n");
        assert_eq!(body(b"A: b\n"), b"");
    }

    #[test]
    fn r10_a_value_that_breaks_into_recipients_is_found() {
        for value in
            ["a\r\nBcc: x", "a\ncc:x", "a\r\n\r\nTo : x", "a\u{2028}Resent-To: x", "a\n b\nRESENT-bcc: x"]
        {
            assert!(breaks_into_recipients(value), "{value:?}");
        }
        for value in
            ["", "Bcc: x", "a\r\n b", "a\nDate: x", "To: be or not", "a\n", "a\nto be: x", "resent-\nx"]
        {
            assert!(!breaks_into_recipients(value), "{value:?}");
        }
    }

    #[test]
    fn fields_go_with_their_lines() {
        let gone = |message: &str| {
            let left = without(message.as_bytes(), |name| name == "bcc");
            assert!(fields(&left, |name| name == "bcc").is_empty(), "{message:?}");
            String::from_utf8(left).expect("text")
        };
        assert_eq!(
            gone("A: b\r\nBcc: a@x,\r\n b@x\r\nC: d\r\n\r\nBcc: body"),
            "A: b\r\nC: d\r\n\r\nBcc: body"
        );
        assert_eq!(gone("Bcc: a@x\nA: b\nbcc : c@x\n\ntext"), "A: b\n\ntext");
        assert_eq!(gone("A: b\rBcc: a@x\rC: d"), "A: b\rC: d");
        assert_eq!(gone("A: b\r\nBcc: a@x"), "A: b\r\n");
    }

    #[test]
    fn the_end_of_a_header_is_where_one_more_line_belongs() {
        assert_eq!(end_of_header(b"A: b\r\nC: d\r\n\r\ntext"), Some((12, "\r\n")));
        assert_eq!(end_of_header(b"\nA: b\n\ntext"), Some((6, "\n")));
        for message in [&b"A: b\r\n"[..], b"A: b", b"A: b\nC: d\r\n\r\n", b"A: b\rC: d\n\n", b""] {
            assert_eq!(end_of_header(message), None, "{message:?}");
        }
    }
}
