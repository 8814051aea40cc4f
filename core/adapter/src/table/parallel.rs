//! Values that stand beside recipients, one for each in their order: taking somebody out takes the value out.

use super::mention::{self, Body};
use crate::{CannotTrim, Unreadable, request::Edit};

/// The edits that take the values of those who go out of a field with a value for each recipient.
pub(super) fn without(
    body: &Body<'_>,
    at: &str,
    separator: &str,
    count: usize,
    drop: &[usize],
) -> Result<Vec<Edit>, CannotTrim> {
    let mut edits = Vec::new();
    // A single value is everybody's; of another number nobody can tell whose they are.
    let each_has_one = |values: usize| match values {
        0 | 1 => Ok(false),
        values if values == count => Ok(true),
        _ => Err(Unreadable::new(format!("{at} has not as many values as there are recipients"))),
    };
    let in_text = |text: &str, place: crate::Place| {
        let values: Vec<&str> =
            if separator.is_empty() { vec![text] } else { text.split(separator).collect() };
        if !each_has_one(values.len())? {
            return Ok(None);
        }
        let stay = values.iter().enumerate().filter(|(index, _)| drop.binary_search(index).is_err());
        Ok(Some(place.replace(&stay.map(|(_, value)| *value).collect::<Vec<_>>().join(separator))))
    };
    let found = match body {
        _ if drop.is_empty() => Ok(()),
        Body::Form(form) => form.one(at).and_then(|pair| {
            if let Some(pair) = pair {
                edits.extend(in_text(&pair.value, pair.place())?);
            }
            Ok(())
        }),
        Body::Json(json) => mention::walk(json, at, &mut |found| {
            if let Some(elements) = found.value.as_array() {
                if each_has_one(elements.len())? {
                    edits.extend(found.value.without(drop));
                }
            } else if let (Some(text), Some(place)) = (found.value.text(), found.value.place()) {
                edits.extend(in_text(&text, place)?);
            }
            Ok(())
        }),
    };
    found.map(|()| edits).map_err(|unreadable| CannotTrim(unreadable.message))
}
