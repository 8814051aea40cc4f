//! A second reader of requests, written without a look at the first: lenient in everything, it finds every name with
//! every value, whatever stands there twice, and compares addresses as a person would.

use percent_encoding::percent_decode_str;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// Every name, in lower case, with every value: of the query, and of the body in the form that its content type
/// claims, or in each if it claims none.
pub fn pairs(query: Option<&str>, content_type: Option<&str>, body: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    form(query.unwrap_or_default().as_bytes(), &mut found);
    let media = content_type.unwrap_or_default().to_lowercase();
    let claims_none = media.is_empty();
    if claims_none || media.contains("json") {
        json("", body, &mut found);
    }
    if claims_none || media.contains("form-urlencoded") {
        form(body, &mut found);
    }
    if media.contains("multipart") {
        let boundary = media.find("boundary=").map(|at| media[at + 9..].trim_matches('"'));
        parts(body, boundary.unwrap_or_default(), &mut found);
    }
    found
}

fn form(text: &[u8], found: &mut Vec<(String, String)>) {
    for (name, value) in form_urlencoded::parse(text) {
        let name = name.trim().to_lowercase();
        let bare = name.trim_end_matches(']').split('[').next().unwrap_or_default();
        field(bare, &value, found);
        if bare != name {
            field(&name, &value, found);
        }
    }
}

/// A field's value, or what is in it if that is JSON.
fn field(name: &str, value: &str, found: &mut Vec<(String, String)>) {
    if value.trim_start().starts_with(['{', '[']) && json(name, value.as_bytes(), found) {
        return;
    }
    found.push((name.to_owned(), value.to_owned()));
}

/// What is in a JSON text, each under all names on the way to it (`to.number`); in front of them the field that the
/// text stands in. A name means something where it stands, and elsewhere may be anything.
fn json(field: &str, text: &[u8], found: &mut Vec<(String, String)>) -> bool {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Value::deserialize(&mut reader);
    match value {
        Ok(value) if reader.end().is_ok() => value.flatten(field, found),
        _ => return false,
    }
    true
}

/// The parts of a multipart body by what stands before and after their blank line.
fn parts(body: &[u8], boundary: &str, found: &mut Vec<(String, String)>) {
    let text = format!("\n{}", String::from_utf8_lossy(body));
    // Lower-casing changes no place: only ASCII is asked for.
    let lower = text.to_ascii_lowercase();
    let delimiter = format!("\n--{boundary}");
    let begins: Vec<usize> = lower.match_indices(&delimiter).map(|(at, _)| at).collect();
    for (index, begin) in begins.iter().enumerate() {
        let part = &text[*begin + delimiter.len()..begins.get(index + 1).copied().unwrap_or(text.len())];
        let Some((head, value)) = part.split_once("\r\n\r\n").or_else(|| part.split_once("\n\n")) else {
            continue;
        };
        let lower = head.to_lowercase();
        let Some(at) = lower.find("name=") else { continue };
        let name = lower[at + 5..].trim_start_matches('"');
        let end = name.find(['"', ';', '\r', '\n']).unwrap_or(name.len());
        field(name[..end].trim(), value.trim(), found);
    }
}

/// JSON in which a name may stand twice.
enum Value {
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    fn flatten(self, here: &str, found: &mut Vec<(String, String)>) {
        match self {
            // A request in a batch: a form once more.
            Value::Text(text) if here == "batch.body" || here == "batch.relative_url" => {
                let parameters = text.split_once('?').map_or(&*text, |(_, query)| query);
                for (name, value) in form_urlencoded::parse(parameters.as_bytes()) {
                    let name =
                        name.trim().trim_end_matches(']').to_lowercase().replace("][", ".").replace('[', ".");
                    field(&format!("{here}.{name}"), &value, found);
                }
            }
            Value::Text(text) => field(here, &text, found),
            Value::List(all) => all.into_iter().for_each(|one| one.flatten(here, found)),
            Value::Object(all) => all.into_iter().for_each(|(name, one)| {
                let name = name.trim().to_lowercase();
                let name = if here.is_empty() { name } else { format!("{here}.{name}") };
                one.flatten(&name, found);
            }),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Text(value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Text(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(Value::Text(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Text(value.to_string()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(Value::Text(value.to_owned()))
            }
            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Text(String::new()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Value, A::Error> {
                let mut list = Vec::new();
                while let Some(one) = all.next_element()? {
                    list.push(one);
                }
                Ok(Value::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Value, A::Error> {
                let mut object = Vec::new();
                while let Some(one) = all.next_entry()? {
                    object.push(one);
                }
                Ok(Value::Object(object))
            }
        }
        from.deserialize_any(Any)
    }
}

/// Does this value name that address, as it stands or percent-encoded once more, alone or among others?
pub fn names(value: &str, address: &str) -> bool {
    let again = percent_decode_str(value).decode_utf8_lossy();
    let compared = plain(address);
    [value, &again].into_iter().any(|text| {
        let text = plain(text);
        if compared.contains('@') {
            return text.split([',', ';', '\n']).any(|one| mail(bracketed(one)) == compared);
        }
        text.split([',', ';', '<', '>', '|', '"', '\n']).any(|one| number(one) == number(&compared))
    })
}

/// A mailbox without its display name.
fn bracketed(text: &str) -> &str {
    let Some((_, inside)) = text.rsplit_once('<') else { return text };
    inside.split('>').next().unwrap_or(inside)
}

/// Compatibility forms, case and what nobody sees.
fn plain(text: &str) -> String {
    let unseen =
        |char: &char| !matches!(char, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\0');
    text.nfkc().filter(unseen).collect::<String>().to_lowercase()
}

/// A mailbox without comments and spaces.
fn mail(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|char| {
            match char {
                '(' => depth += 1,
                ')' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0 && !char.is_whitespace()
        })
        .collect()
}

/// A number's digits, whatever it begins with. Empty when it is none, so that it is compared as text.
fn number(text: &str) -> String {
    let text = text.trim();
    let bare = text.rsplit(':').next().unwrap_or(text);
    let is_number = bare
        .chars()
        .all(|char| char.is_ascii_digit() || matches!(char, '+' | ' ' | '-' | '.' | '(' | ')' | '/'));
    let digits: String = bare.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches("00").to_owned();
    if is_number && digits.len() >= 6 { digits } else { text.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_name_whatever_stands_twice() {
        let body = br#"{"to":"a","To ":["b",{"x":"c"}],"to":"d"}"#;
        let found = pairs(Some("to=e&to%5B%5D=f"), Some("application/json"), body);
        let of_to: Vec<&str> =
            found.iter().filter(|(name, _)| name == "to").map(|(_, value)| &**value).collect();
        assert_eq!(of_to, ["e", "f", "a", "b", "d"]);
        let body = b"--b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\na@b.c\r\n--b--";
        assert!(
            pairs(None, Some("multipart/form-data; boundary=b"), body)
                .contains(&("to".into(), "a@b.c".into()))
        );
    }

    #[test]
    fn compares_as_a_person_would() {
        for spelt in [
            "+1 (415) 555-0100",
            "0014155550100",
            "whatsapp:+14155550100",
            "\u{ff0b}\u{ff11}4155550100",
            "%2B14155550100",
            "x,14155550100",
        ] {
            assert!(names(spelt, "+14155550100"), "{spelt}");
        }
        for spelt in ["Ada <ADA@Example.org>", "ada(comment)@example.org", "bob@b.c, ada@example.org"] {
            assert!(names(spelt, "ada@example.org"), "{spelt}");
        }
        assert!(!names("+141555501001", "+14155550100") && !names("xada@example.org", "ada@example.org"));
    }
}
