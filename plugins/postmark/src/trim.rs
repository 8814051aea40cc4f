//! Taking people out of a send (R11). Everything else keeps its bytes.

use crate::{
    message::{self, Field, Part},
    path::{self, Point},
};
use dndgate_adapter::{CannotTrim, Edit, Request, Role, Unreadable};

/// See [`dndgate_adapter::Adapter::trim`].
pub(crate) fn trim(request: &Request<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
    let cannot = |why: Unreadable| CannotTrim(why.message);
    let point = path::point(&request.head).map_err(cannot)?;
    let Some(point) = point.filter(|point| !matches!(point, Point::Address(..) | Point::Unnamed(_))) else {
        return Err(CannotTrim("it names one person only".into()));
    };
    let body = message::body(request).map_err(cannot)?;
    let parts = message::parts(point, &body).map_err(cannot)?;
    let goes = |index: usize| drop.binary_search(&index).is_ok();
    let whole: Vec<usize> = parts
        .iter()
        .enumerate()
        .filter(|(_, part)| part.indices().all(goes))
        .map(|(place, _)| place)
        .collect();
    let mut edits = Vec::new();
    if !whole.is_empty() {
        let list = match point {
            Point::Message => return Err(CannotTrim("nobody would be left".into())),
            Point::Batch => &body,
            _ => body.field_in_any_case("Messages").map_err(cannot)?.map_or(&body, |(_, messages)| messages),
        };
        edits.extend(list.without(&whole));
    }
    for part in parts.iter().filter(|part| part.indices().any(goes) && !part.indices().all(goes)) {
        edits.extend(lighter(part, goes)?);
    }
    edits.sort_by_key(|edit| edit.range.start);
    Ok(edits)
}

/// A message without some of its recipients. When no addressee is left, the first of the copied takes the place.
fn lighter(part: &Part<'_, '_>, goes: impl Fn(usize) -> bool) -> Result<Vec<Edit>, CannotTrim> {
    let Ok(fields) = &part.fields else { return Ok(Vec::new()) };
    let mut index = part.first;
    let mut stay: Vec<(&Field<'_, '_>, Vec<&str>)> = Vec::new();
    for field in fields {
        let boxes = field.boxes.iter().filter_map(|(at, _)| {
            index += 1;
            (!goes(index - 1)).then(|| &field.text[at.clone()])
        });
        stay.push((field, boxes.collect()));
    }
    if let Some(to) = stay.iter().position(|(field, left)| field.role == Role::To && left.is_empty()) {
        let cc = stay.iter().position(|(field, left)| field.role == Role::Cc && !left.is_empty());
        let cc = cc.ok_or(CannotTrim("only hidden recipients (Bcc) would be left, and be shown".into()))?;
        let first = stay[cc].1.remove(0);
        stay[to].1.push(first);
    }
    let (mut edits, mut gone) = (Vec::new(), Vec::new());
    for (field, left) in stay {
        if left.is_empty() {
            gone.push(field.member);
            continue;
        }
        let place = field.value.place().ok_or(CannotTrim("a recipient stands in what is no text".into()))?;
        let unchanged = left.len() == field.boxes.len()
            && left.iter().zip(&field.boxes).all(|(one, (at, _))| *one == &field.text[at.clone()]);
        if !unchanged {
            edits.push(place.replace(&left.join(", ")));
        }
    }
    gone.sort_unstable();
    edits.extend(part.json.without(&gone));
    Ok(edits)
}
