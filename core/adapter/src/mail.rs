//! What must hold of a mail in JSON besides, for its recipients to be certain.
//!
//! Providers build the lines `To` and `Cc` from names and addresses as they come and read them again: a comma in a
//! name makes two recipients of one (sendgrid-python, issue 291). So a name must hold no address, and header fields
//! of the mail must be none that name people.

use crate::{
    Unreadable,
    json::{Json, Value},
    mailbox,
};

/// Header fields with which software sends, or that a provider takes orders from.
const NOT_HERE: [&str; 8] =
    ["to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc", "apparently-to", "x-smtpapi"];

/// The elements of a field, which must be a list.
///
/// # Errors
/// When it is something else.
pub fn list<'j, 'a>(object: &'j Json<'a>, field: &str) -> Result<&'j [Json<'a>], Unreadable> {
    match object.field(field)? {
        None => Ok(&[]),
        Some(value) if value.is_null() => Ok(&[]),
        Some(value) => value.as_array().ok_or_else(|| Unreadable::new(format!("{field} must be a list"))),
    }
}

/// A person of a mail, `{"email": …, "name": …}`: the name must hold no other address.
///
/// # Errors
/// When it could.
pub fn name(person: &Json<'_>) -> Result<(), Unreadable> {
    let Some(value) = person.field("name")?.filter(|name| !name.is_null()) else { return Ok(()) };
    let name = value.as_str().ok_or_else(|| Unreadable::new("a recipient's name must be text"))?;
    if name.chars().any(char::is_control) {
        return Err(Unreadable::new("a line break or control character stands in a recipient's name"));
    }
    let address = person.field("email")?.and_then(Json::as_str).unwrap_or_default();
    if hides_an_address(name, address) {
        return Err(Unreadable::new("another address stands in a recipient's name"));
    }
    Ok(())
}

/// Could a reader of `name <address>` find another address in it?
fn hides_an_address(name: &str, address: &str) -> bool {
    // An encoded word is undone by whoever reads the line again.
    if name.contains("=?") && mailbox::read(&format!("{name} <{address}>")).is_err() {
        return true;
    }
    if is_quoted(name.trim()) {
        return false;
    }
    let name = name.replace("%40", "@").replace(['\u{ff20}', '\u{fe6b}'], "@");
    let separates = |char: char| char.is_whitespace() || ",;<>()\"'[]:\\".contains(char);
    name.split(separates).any(|word| {
        let is_address = word.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && domain.contains(|char: char| char.is_alphanumeric())
        });
        is_address && !word.eq_ignore_ascii_case(address.trim())
    })
}

/// One quoted string from beginning to end, as the SDKs write names with a comma.
fn is_quoted(name: &str) -> bool {
    name.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .is_some_and(|inside| !inside.contains(['"', '\\']))
}

/// The header fields of a mail, `{"headers": {…}}`, must name nobody.
///
/// # Errors
/// When one could.
pub fn headers(object: &Json<'_>) -> Result<(), Unreadable> {
    let Some(fields) = object.field("headers")?.filter(|fields| !fields.is_null()) else { return Ok(()) };
    let fields = fields.as_object().ok_or_else(|| Unreadable::new("headers must be an object"))?;
    for field in fields {
        let name = field.key.trim();
        if NOT_HERE.iter().any(|one| name.eq_ignore_ascii_case(one)) {
            return Err(Unreadable::new("a header field that names recipients stands in headers"));
        }
        // RFC 5322, section 2.2: a name is of printable characters without the colon.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return Err(Unreadable::new("the name of a header field is none"));
        }
        let breaks = match &field.value.value {
            Value::String(text) => text.contains(['\r', '\n', '\0', '\u{2028}', '\u{2029}', '\u{85}']),
            _ => false,
        };
        if breaks {
            return Err(Unreadable::new("a line break stands in a header field"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_reader_could_take_for_an_address() {
        for name in [
            "ada@example.org",
            "Bob, ada@example.org",
            "ada@example.org; Bob",
            "Bob <ada@example.org>",
            "Bob\" <ada@example.org>, \"x",
            "\"Bob\" ada@example.org \"x\"",
            "\"a\\\" <ada@example.org>, \\\"b\"",
            "(ada@example.org)",
            "ada@example",
            "ada%40example.org, Bob",
            "ada\u{ff20}example.org, Bob",
            "=?utf-8?q?ada=40example.org?=, Bob",
        ] {
            assert!(hides_an_address(name, "bob@example.org"), "{name}");
        }
        for name in [
            "Bob",
            "Bob @ Acme",
            "=?utf-8?q?Bob_=C3=96?=",
            "Smith, Bob",
            "bob@example.org",
            "BOB@example.org",
            "@bob",
            "bob@",
            "\"ada@example.org, Bob\"",
            "a@!",
        ] {
            assert!(!hides_an_address(name, "bob@example.org"), "{name}");
        }
    }
}
