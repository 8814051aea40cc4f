//! Taking recipients out of a described send (R11). Everything else keeps its bytes.

use super::{
    Send,
    mention::{self, Body, Mention, Place, Step},
    parallel,
};
use crate::{CannotTrim, Request, json::Json, outbound::Role, request::Edit};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

pub(super) fn trim(send: &Send, request: &Request<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
    let body = Body::read(send, request).map_err(|unreadable| CannotTrim(unreadable.message))?;
    let mentions = mention::all(send, &body).map_err(|unreadable| CannotTrim(unreadable.message))?;
    let mut trimming = Trimming {
        body: request.body,
        mentions: &mentions,
        drop,
        plan: Plan { dispensable: dispensable(send, &body), ..Plan::default() },
        promoted: Vec::new(),
    };
    let mails = mention::mails(&mentions);
    mails.iter().try_for_each(|mail| trimming.mail(mail))?;
    trimming.others(&mails.concat())?;
    let mut edits = trimming.finish()?;
    if let Body::Json(json) = &body {
        let gone: BTreeSet<String> =
            drop.iter().map(|index| bare(&mentions[*index].recipient.address)).collect();
        for at in send.keyed {
            edits.extend(keyed(json, at, &gone)?);
        }
    }
    for (at, separator) in send.parallel {
        edits.extend(parallel::without(&body, at, separator, mentions.len(), drop)?);
    }
    edits.sort_by_key(|edit| edit.range.start);
    Ok(edits)
}

/// Who goes, and what comes of it so far.
struct Trimming<'m, 'b, 'a> {
    body: &'m [u8],
    mentions: &'m [Mention<'b, 'a>],
    drop: &'m [usize],
    plan: Plan<'b, 'a>,
    /// Copied people who became addressees: they stand elsewhere now.
    promoted: Vec<usize>,
}

impl<'m, 'b, 'a> Trimming<'m, 'b, 'a> {
    fn goes(&self, index: usize) -> bool {
        self.drop.binary_search(&index).is_ok()
    }

    /// Takes people out of the fields of one mail that has copies. Without an addressee the first copied person
    /// becomes one; hidden copies cannot, whose addresses would show.
    fn mail(&mut self, mail: &[usize]) -> Result<(), CannotTrim> {
        let stay: Vec<usize> = mail.iter().copied().filter(|index| !self.goes(*index)).collect();
        if stay.len() == mail.len() {
            return Ok(());
        }
        if stay.is_empty() {
            return self.plan.take_out(self.mentions[mail[0]].around());
        }
        let all = self.mentions;
        let elements = mail.iter().filter_map(|index| all[*index].element());
        if mail.len() > 1 && elements.clone().collect::<BTreeSet<_>>().len() < elements.count() {
            return Err(CannotTrim(
                "addressees and copies stand together in what cannot be taken apart".into(),
            ));
        }
        let first = |among: &[usize], role: Role| {
            among.iter().copied().find(|index| all[*index].recipient.role == role)
        };
        let mut promoted = None;
        if let (Some(former), None) = (first(mail, Role::To), first(&stay, Role::To)) {
            let copied = first(&stay, Role::Cc).ok_or_else(|| {
                CannotTrim("only hidden copies would be left, whose addresses would have to be shown".into())
            })?;
            promoted = Some((copied, former));
        }
        let mut lists: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for index in mail {
            let field = all[*index].field.map_or(0, |field| field.value.range.start);
            lists.entry(field).or_default().push(*index);
        }
        for list in lists.values() {
            self.list(list, promoted)?;
        }
        self.promoted.extend(promoted.map(|(copied, _)| copied));
        Ok(())
    }

    /// What is left of one field of a mail.
    fn list(&mut self, list: &[usize], promoted: Option<(usize, usize)>) -> Result<(), CannotTrim> {
        let all = self.mentions;
        let (moved, former) = (promoted.map(|(copied, _)| copied), promoted.map(|(_, former)| former));
        let stays = |index: &usize| !self.goes(*index) && Some(*index) != moved;
        let left: Vec<usize> = list.iter().copied().filter(stays).collect();
        let Some(field) = all[list[0]].field else { return Ok(()) };
        if left.len() == list.len() {
            return Ok(());
        }
        if former.is_some_and(|former| list.contains(&former))
            && let Some(copied) = moved
        {
            self.plan.edits.push(addressee(self.body, field.value, &all[copied])?);
        } else if left.is_empty() {
            self.plan.member(field.holder, field.value);
        } else if field.value.as_array().is_some() {
            for step in
                list.iter().filter(|index| !left.contains(index)).filter_map(|index| all[*index].trail.last())
            {
                self.plan.elements(step.array).insert(step.index);
            }
        } else {
            let left: Vec<&Mention<'_, '_>> = left.iter().map(|index| &all[*index]).collect();
            self.plan.edits.push(rewritten(left[0], &left)?);
        }
        Ok(())
    }

    /// Takes people out of everything but those mails.
    fn others(&mut self, mails: &[usize]) -> Result<(), CannotTrim> {
        let mut texts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, mention) in self.mentions.iter().enumerate().filter(|(index, _)| !mails.contains(index)) {
            texts.entry(mention.value.start()).or_default().push(index);
        }
        for indices in texts.values() {
            let stay: Vec<&Mention<'_, '_>> = indices
                .iter()
                .filter(|index| !self.goes(**index))
                .map(|index| &self.mentions[*index])
                .collect();
            if stay.len() == indices.len() {
                continue;
            }
            let first = &self.mentions[indices[0]];
            if stay.is_empty() {
                self.plan.take_out(&first.trail)?;
            } else {
                self.plan.edits.push(rewritten(first, &stay)?);
            }
        }
        Ok(())
    }

    /// The edits. Nobody who stays may stand in what goes.
    fn finish(self) -> Result<Vec<Edit>, CannotTrim> {
        let edits = self.plan.finish();
        let moves = |index: &usize| self.drop.binary_search(index).is_ok() || self.promoted.contains(index);
        for index in (0..self.mentions.len()).filter(|index| !moves(index)) {
            let start = self.mentions[index].value.start();
            if edits.iter().any(|edit| edit.with.is_empty() && edit.range.contains(&start)) {
                return Err(CannotTrim(
                    "who stays is named together with somebody who must not be reached".into(),
                ));
            }
        }
        Ok(edits)
    }
}

/// The edit that makes a copied person the only one in this field.
fn addressee(body: &[u8], to: &Json<'_>, copied: &Mention<'_, '_>) -> Result<Edit, CannotTrim> {
    let cannot = || CannotTrim("the copied person cannot be made the addressee".into());
    let from = copied.field.ok_or_else(cannot)?.value;
    if let (Some([first, ..]), Some(all), Some(step)) = (to.as_array(), from.as_array(), copied.trail.last())
    {
        let last = to.as_array().and_then(<[_]>::last).unwrap_or(first);
        let with = body[all[step.index].range.clone()].to_vec();
        return Ok(Edit { range: first.range.start..last.range.end, with });
    }
    let (place, text) = (to.place().ok_or_else(cannot)?, from.text().ok_or_else(cannot)?);
    Ok(place.replace(&text[copied.part.clone()]))
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

fn dispensable(send: &Send, body: &Body<'_>) -> BTreeSet<usize> {
    let Body::Json(json) = body else { return BTreeSet::new() };
    send.dispensable.iter().filter_map(|name| json.get(name)).map(|list| list.range.start).collect()
}

/// Which elements of which arrays go, and which members of which objects; each by where it begins.
#[derive(Default)]
struct Plan<'b, 'a> {
    gone: BTreeMap<usize, (&'b Json<'a>, BTreeSet<usize>)>,
    edits: Vec<Edit>,
    /// Lists at the top of the request in which nobody need be left, by where they begin.
    dispensable: BTreeSet<usize>,
}

impl<'b, 'a> Plan<'b, 'a> {
    /// What goes of an array or an object, by index.
    fn elements(&mut self, of: &'b Json<'a>) -> &mut BTreeSet<usize> {
        &mut self.gone.entry(of.range.start).or_insert_with(|| (of, BTreeSet::new())).1
    }

    /// Takes the member with this value out of an object.
    fn member(&mut self, object: &'b Json<'a>, value: &Json<'_>) {
        let members = object.as_object().unwrap_or_default();
        if let Some(index) = members.iter().position(|one| one.value.range == value.range) {
            self.elements(object).insert(index);
        }
    }

    /// Takes the innermost element on this trail out; an array of which nothing is left goes as well.
    fn take_out(&mut self, trail: &[Step<'b, 'a>]) -> Result<(), CannotTrim> {
        let Some((step, outer)) = trail.split_last() else {
            return Err(CannotTrim("nobody would be left in a field that must name somebody".into()));
        };
        let gone = self.elements(step.array);
        gone.insert(step.index);
        if gone.len() < step.array.as_array().map_or(0, <[_]>::len) {
            return Ok(());
        }
        self.gone.remove(&step.array.range.start);
        if self.dispensable.contains(&step.array.range.start) {
            self.member(step.holder, step.array);
            return Ok(());
        }
        self.take_out(outer)
    }

    /// The edits, those inside of what goes left out.
    fn finish(self) -> Vec<Edit> {
        let mut edits = self.edits;
        for (of, gone) in self.gone.into_values() {
            edits.extend(of.without(&gone.into_iter().collect::<Vec<_>>()));
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
