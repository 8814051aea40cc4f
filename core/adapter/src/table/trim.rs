//! Taking recipients out of a described send (R11). Everything else keeps its bytes.

use super::{
    Send,
    mention::{self, Body, Mention, Place},
};
use crate::{CannotTrim, Request, json::Json, request::Edit};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

pub(super) fn trim(send: &Send, request: &Request<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
    if request.body.is_empty() {
        return Err(CannotTrim("nobody is taken out of a query".into()));
    }
    let body = Body::read(send, request).map_err(|unreadable| CannotTrim(unreadable.message))?;
    let mentions = mention::all(send, &body).map_err(|unreadable| CannotTrim(unreadable.message))?;
    let goes = |index: usize| drop.binary_search(&index).is_ok();
    let mut plan = Plan::default();
    let dispensable = match &body {
        Body::Json(json) => Dispensable::of(json, send.dispensable),
        Body::Form(_) => Dispensable::default(),
    };
    let mut texts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, mention) in mentions.iter().enumerate() {
        texts.entry(mention.value.start()).or_default().push(index);
    }
    for indices in texts.values() {
        let stay: Vec<&Mention<'_, '_>> =
            indices.iter().filter(|index| !goes(**index)).map(|index| &mentions[*index]).collect();
        if stay.len() == indices.len() {
            continue;
        }
        let first = &mentions[indices[0]];
        if stay.is_empty() {
            plan.take_out(&first.trail, &dispensable)?;
        } else {
            plan.edits.push(rewritten(first, &stay)?);
        }
    }
    let mut edits = plan.finish();
    for mention in mentions.iter().enumerate().filter(|(index, _)| !goes(*index)).map(|(_, one)| one) {
        if edits.iter().any(|edit| edit.with.is_empty() && edit.range.contains(&mention.value.start())) {
            return Err(CannotTrim(
                "who stays is named together with somebody who must not be reached".into(),
            ));
        }
    }
    if let Body::Json(json) = &body {
        let gone: BTreeSet<String> = mentions
            .iter()
            .enumerate()
            .filter(|(index, _)| goes(*index))
            .map(|(_, one)| bare(&one.recipient.address))
            .collect();
        for at in send.keyed {
            edits.extend(keyed(json, at, &gone)?);
        }
    }
    edits.sort_by_key(|edit| edit.range.start);
    Ok(edits)
}

impl Place<'_, '_> {
    /// Where it begins, by which it is told from others.
    fn start(&self) -> usize {
        match self {
            Place::Json(json) => json.range.start,
            Place::Pair(pair) => pair.at.start,
        }
    }
}

/// What is left of a text that holds several addresses.
fn rewritten(first: &Mention<'_, '_>, stay: &[&Mention<'_, '_>]) -> Result<Edit, CannotTrim> {
    let (text, place) = match first.value {
        Place::Json(json) => (json.text(), json.place()),
        Place::Pair(pair) => (Some(pair.value.clone()), Some(pair.place())),
    };
    let (Some(text), Some(place)) = (text, place) else {
        return Err(CannotTrim("several recipients stand in something that is no text".into()));
    };
    let left: Vec<&str> = stay.iter().map(|one| &text[one.part.clone()]).collect();
    Ok(place.replace(&left.join(first.joined)))
}

/// The edits that take each dispensable list out with its name, by where the list begins.
#[derive(Default)]
struct Dispensable(BTreeMap<usize, Vec<Edit>>);

impl Dispensable {
    fn of(root: &Json<'_>, names: &[&str]) -> Dispensable {
        let members = root.as_object().unwrap_or_default().iter().enumerate();
        let named = members.filter(|(_, member)| names.contains(&&*member.key));
        Dispensable(named.map(|(index, member)| (member.value.range.start, root.without(&[index]))).collect())
    }
}

/// Which elements of which arrays go, an array by where it begins.
#[derive(Default)]
struct Plan<'b, 'a> {
    arrays: BTreeMap<usize, (&'b Json<'a>, BTreeSet<usize>)>,
    edits: Vec<Edit>,
}

impl<'b, 'a> Plan<'b, 'a> {
    /// Takes the innermost element on this trail out; an array of which nothing is left goes as well.
    fn take_out(
        &mut self,
        trail: &[(&'b Json<'a>, usize)],
        dispensable: &Dispensable,
    ) -> Result<(), CannotTrim> {
        let Some(((array, index), outer)) = trail.split_last() else {
            return Err(CannotTrim("nobody would be left in a field that must name somebody".into()));
        };
        let (_, gone) = self.arrays.entry(array.range.start).or_insert_with(|| (array, BTreeSet::new()));
        gone.insert(*index);
        if gone.len() < array.as_array().map_or(0, <[_]>::len) {
            return Ok(());
        }
        self.arrays.remove(&array.range.start);
        if let (true, Some(whole)) = (outer.is_empty(), dispensable.0.get(&array.range.start)) {
            self.edits.extend(whole.iter().cloned());
            return Ok(());
        }
        self.take_out(outer, dispensable)
    }

    /// The edits, those of arrays inside what goes left out.
    fn finish(self) -> Vec<Edit> {
        let mut edits = self.edits;
        for (array, gone) in self.arrays.into_values() {
            edits.extend(array.without(&gone.into_iter().collect::<Vec<_>>()));
        }
        edits.sort_by_key(|edit| (edit.range.start, std::cmp::Reverse(edit.range.end)));
        let mut covered: Range<usize> = 0..0;
        edits.retain(|edit| {
            let inside =
                covered.start <= edit.range.start && edit.range.end <= covered.end && !covered.is_empty();
            if !inside && edit.with.is_empty() {
                covered = edit.range.clone();
            }
            !inside
        });
        edits
    }
}

/// The edits that take those who go out of objects that are keyed by recipient.
fn keyed(root: &Json<'_>, at: &str, gone: &BTreeSet<String>) -> Result<Vec<Edit>, CannotTrim> {
    let mut edits = Vec::new();
    let walked = mention::walk(root, at, &mut |found| {
        let members = found.value.as_object().unwrap_or_default().iter().enumerate();
        let drop: Vec<usize> =
            members.filter(|(_, member)| gone.contains(&bare(&member.key))).map(|(index, _)| index).collect();
        edits.extend(found.value.without(&drop));
        Ok(())
    });
    walked.map(|()| edits).map_err(|unreadable| CannotTrim(unreadable.message))
}

/// An address as a key: case and the separators of telephone numbers do not count.
fn bare(address: &str) -> String {
    let kept = address.chars().filter(|char| !matches!(char, '+' | ' ' | '-' | '(' | ')' | '.'));
    kept.flat_map(char::to_lowercase).collect()
}
