//! Taking people out of a transmission (R11): out of its recipients, and out of what the header shows to those who
//! stay. Everything else keeps its bytes.

use crate::{
    path::{self, Point},
    transmission::{self, Entry, Shown},
};
use dndgate_adapter::{CannotTrim, Edit, Request, Role, Unreadable, json::Json};
use std::collections::{BTreeMap, HashMap, HashSet};

/// See [`dndgate_adapter::Adapter::trim`].
pub(crate) fn trim(request: &Request<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
    let cannot = |why: Unreadable| CannotTrim(why.message);
    if path::point(&request.head).map_err(cannot)? != Some(Point::Transmission) {
        return Err(CannotTrim("it is no transmission".into()));
    }
    if drop.is_empty() {
        return Ok(Vec::new());
    }
    let body = transmission::body(request).map_err(cannot)?;
    let read = transmission::transmission(&body).map_err(cannot)?;
    let goes = |index: usize| drop.binary_search(&index).is_ok();
    let (mut edits, stay) = without(&read.entries, goes)?;
    let kept: HashSet<String> = stay.iter().map(|entry| entry.address().to_lowercase()).collect();
    let people = || read.entries.iter().flat_map(|entry| entry.indices().zip(&entry.people));
    let gone: HashSet<String> = people()
        .filter(|(index, _)| goes(*index))
        .map(|(_, one)| one.address.to_lowercase())
        .filter(|address| !address.is_empty() && !kept.contains(address))
        .collect();
    let mut risen = HashSet::new();
    edits.extend(shown_to(&stay, &gone, &mut risen)?);
    if let Some((headers, place, shown)) = &read.cc {
        let out: HashSet<String> = gone.union(&risen).cloned().collect();
        match left(shown, &out)? {
            None => {}
            Some(text) if text.is_empty() => edits.extend(headers.without(&[*place])),
            Some(text) => edits.push(rewritten(shown, &text)?),
        }
    }
    edits.sort_by_key(|edit| edit.range.start);
    Ok(edits)
}

/// The edits that take entries, and addresses on one of several channels, out of their arrays; who stays.
fn without<'r, 'b, 'a>(
    entries: &'r [Entry<'b, 'a>],
    goes: impl Fn(usize) -> bool,
) -> Result<(Vec<Edit>, Vec<&'r Entry<'b, 'a>>), CannotTrim> {
    let mut arrays: BTreeMap<usize, (&Json<'_>, Vec<usize>)> = BTreeMap::new();
    let (mut edits, mut stay) = (Vec::new(), Vec::new());
    for entry in entries {
        let out: Vec<usize> = entry.indices().filter(|index| goes(*index)).collect();
        if out.len() == entry.people.len() {
            let (_, places) = arrays.entry(entry.array.range.start).or_insert((entry.array, Vec::new()));
            places.push(entry.place);
            continue;
        }
        if !out.is_empty() {
            // Which of the two SparkPost would use once a part of them is gone is not known.
            if entry.has_both {
                return Err(CannotTrim(
                    "a recipient has address and multichannel_addresses: give one".into(),
                ));
            }
            let places: Vec<usize> = out.iter().map(|index| index - entry.first).collect();
            edits.extend(entry.channels.map(|channels| channels.without(&places)).unwrap_or_default());
        }
        stay.push(entry);
    }
    if !stay.iter().any(|entry| entry.role() != Role::Bcc) {
        return Err(CannotTrim("only hidden recipients would be left, and be shown".into()));
    }
    for (array, places) in arrays.into_values() {
        edits.extend(array.without(&places));
    }
    Ok((edits, stay))
}

/// The edits that take those who go out of what is shown to those who stay. Where nobody would be shown, the first
/// of the copied is, and rises to addressee.
fn shown_to(
    stay: &[&Entry<'_, '_>],
    gone: &HashSet<String>,
    risen: &mut HashSet<String>,
) -> Result<Vec<Edit>, CannotTrim> {
    let mut first_copied: HashMap<&str, &str> = HashMap::new();
    for entry in stay.iter().filter(|entry| entry.role() == Role::Cc) {
        if let Some(shown) = &entry.header_to {
            first_copied.entry(&shown.text).or_insert(entry.address());
        }
    }
    let mut edits = Vec::new();
    for entry in stay {
        let Some(shown) = &entry.header_to else { continue };
        let Some(mut text) = left(shown, gone)? else { continue };
        if text.is_empty() {
            let next = first_copied.get(&*shown.text).copied();
            let next = next.ok_or(CannotTrim("only hidden recipients would be left, and be shown".into()))?;
            risen.insert(next.to_lowercase());
            text = next.to_owned();
        }
        edits.push(rewritten(shown, &text)?);
    }
    Ok(edits)
}

/// What is left of a list that is shown; `None` when nobody of it goes.
fn left(shown: &Shown<'_, '_>, gone: &HashSet<String>) -> Result<Option<String>, CannotTrim> {
    let Some(boxes) = &shown.boxes else {
        let text = shown.text.to_lowercase();
        let named = gone.iter().any(|address| text.contains(address.as_str()));
        return if named {
            Err(CannotTrim("a header that shows somebody who is taken out cannot be read".into()))
        } else {
            Ok(None)
        };
    };
    if !boxes.iter().any(|(_, address)| gone.contains(address)) {
        return Ok(None);
    }
    let stays = boxes.iter().filter(|(_, address)| !gone.contains(address));
    Ok(Some(stays.map(|(at, _)| &shown.text[at.clone()]).collect::<Vec<_>>().join(", ")))
}

fn rewritten(shown: &Shown<'_, '_>, text: &str) -> Result<Edit, CannotTrim> {
    let place = shown.value.place().ok_or(CannotTrim("a header is no text".into()))?;
    Ok(place.replace(text))
}
