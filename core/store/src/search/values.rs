//! Values by which contacts are filtered, each as a word of its own beside those that people type: who has a certain
//! tag is then found as quickly as who is called Ada. Such a word is a hash. It says which contacts to look at;
//! whether one has the value is read from its record.

use crate::rows::{Column, Scalar};
use serde_json::{Map, Value};
use siphasher::sip::SipHasher13;
use std::{borrow::Cow, hash::Hasher};

/// Members that have columns of their own.
const NAMES: [&str; 2] = ["firstName", "lastName"];
/// The list of custom fields, and what their names and values are called in it, the first that is there counting.
const CUSTOM: &str = "customFields";
const CUSTOM_NAMES: [&str; 2] = ["id", "key"];
const CUSTOM_VALUES: [&str; 3] = ["value", "field_value", "fieldValue"];

/// The words of a record's values.
pub(super) fn of(tenant: &str, fields: &Map<String, Value>) -> Vec<String> {
    let mut words = Vec::new();
    for (name, value) in fields.iter().filter(|(name, _)| !NAMES.contains(&name.as_str())) {
        words.extend(within(value).into_iter().filter_map(|one| hashed(tenant, 'm', name, &scalar(one)?)));
    }
    for one in fields.get(CUSTOM).map(within).unwrap_or_default() {
        let Some(value) =
            CUSTOM_VALUES.iter().filter_map(|name| one.get(name)).find(|value| !value.is_null())
        else {
            continue;
        };
        let value = scalar(value).unwrap_or_else(|| Scalar::Text(value.to_string()));
        for name in CUSTOM_NAMES.iter().filter_map(|name| one.get(name).and_then(Value::as_str)) {
            words.extend(hashed(tenant, 'c', name, &value));
        }
    }
    words
}

/// The word that every contact has whose value this is; `None` where there is no such word.
pub(crate) fn word(tenant: &str, column: &Column, value: &Scalar) -> Option<String> {
    match column {
        // As a path to a member is written.
        Column::Member(name) if NAMES.contains(&name.as_str()) || name.contains('"') => None,
        Column::Member(name) => hashed(tenant, 'm', name, value),
        Column::Custom(name) => hashed(tenant, 'c', name, value),
        _ => None,
    }
}

/// A value, or those of a list.
fn within(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(object) => object.values().collect(),
        one => vec![one],
    }
}

fn scalar(value: &Value) -> Option<Scalar> {
    Some(match value {
        Value::String(text) => Scalar::Text(text.clone()),
        Value::Bool(yes) => Scalar::Whole(i64::from(*yes)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Scalar::Whole(whole),
            None => Scalar::Real(number.as_f64()?),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    })
}

/// Three characters: too short for the index of beginnings, and of a kind that no typed word begins with.
fn hashed(tenant: &str, kind: char, name: &str, value: &Scalar) -> Option<String> {
    // Equal is what SQL calls so: text in whatever ASCII case, 3 and 3.0.
    let (sort, text): (u8, Cow<'_, str>) = match value {
        Scalar::Text(text) if text.is_empty() => return None,
        Scalar::Text(text) => (b't', text.to_ascii_lowercase().into()),
        Scalar::Whole(whole) => (b'n', real(*whole as f64).into()),
        Scalar::Real(one) => (b'n', real(*one).into()),
    };
    let mut hasher = SipHasher13::new();
    for part in [tenant.as_bytes(), &[kind as u8, sort], name.as_bytes(), text.as_bytes()] {
        hasher.write(part);
        hasher.write(&[0xff]);
    }
    let hash = hasher.finish();
    let char = |place: u32| char::from_u32(0x1_0000 + (hash >> (20 * place)) as u32 % 0x10_0000);
    (0..3).map(char).collect()
}

fn real(number: f64) -> String {
    // No zero is below another.
    if number == 0.0 { "0".into() } else { number.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_asked_for_is_among_what_a_record_has() {
        let Value::Object(fields) = json!({
            "tags": ["VIP", "news"], "score": 3, "ratio": 2.5, "active": true, "city": "Oslo", "none": null, "empty": "",
            "customFields": [{ "id": "a", "key": "plan", "value": "gold" }, { "id": "b", "field_value": 7 }],
            "businessHours": { "mon": "9-5" }
        }) else {
            unreachable!()
        };
        let have = of("one", &fields);
        assert!(have.iter().all(|word| word.chars().count() == 3 && !word.is_ascii()), "{have:?}");
        let (text, member) =
            (|text: &str| Scalar::Text(text.into()), |name: &str| Column::Member(name.into()));
        let custom = |name: &str| Column::Custom(name.into());
        for (column, value, found) in [
            (member("tags"), text("vip"), true),
            (member("tags"), text("gold"), false),
            (member("score"), Scalar::Real(3.0), true),
            (member("score"), text("3"), false),
            (member("ratio"), Scalar::Real(2.5), true),
            (member("active"), Scalar::Whole(1), true),
            (member("city"), text("OSLO"), true),
            (member("town"), text("Oslo"), false),
            (member("businessHours"), text("9-5"), true),
            (custom("plan"), text("gold"), true),
            (custom("a"), text("Gold"), true),
            (custom("b"), Scalar::Whole(7), true),
            (custom("city"), text("Oslo"), false),
        ] {
            let word = word("one", &column, &value).expect("a word");
            assert_eq!(have.contains(&word), found, "{column:?} {value:?}");
        }
        assert_eq!(word("one", &member("empty"), &text("")), None);
        assert_ne!(word("one", &member("tags"), &text("vip")), word("two", &member("tags"), &text("vip")));
    }
}
