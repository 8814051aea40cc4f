//! Taking people out of a form (R11). Lists are counted from one again; everything else keeps its bytes.

use super::{Act, Mention, Read, entries, entry_of, is_destination};
use crate::{
    people::{Left, left},
    raw::Raw,
};
use dndgate_adapter::{CannotTrim, Edit, Request, Role, Unreadable, form::Form};
use std::{borrow::Cow, collections::BTreeMap};

/// See [`dndgate_adapter::Adapter::trim`].
pub(crate) fn trim(request: &Request<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
    let cannot = |why: Unreadable| CannotTrim(why.message);
    if drop.is_empty() {
        return Ok(Vec::new());
    }
    let read = Read::new(request).map_err(cannot)?;
    let mentions = read.mentions().map_err(cannot)?;
    let goes = |index: usize| drop.binary_search(&index).is_ok();
    if let Some(raw) = &read.raw
        && (mentions.is_empty() || raw.has_hidden())
    {
        return trim_raw(&read.form, &mentions, raw, goes);
    }
    let mut plan = Plan::new(&read.form);
    let mut first = 0;
    for (shift, entry) in entries(&mentions).into_iter().enumerate() {
        let mail = &mentions[first..first + entry.1];
        let roles: Vec<Role> = mail.iter().map(|one| one.role).collect();
        match left(&roles, |person| goes(first + person))? {
            Left::Nobody => plan.entries_gone.push(entry.0),
            Left::Whole => plan.keep(mail, shift - plan.entries_gone.len(), |_| false, None),
            Left::Some { promoted } => {
                plan.keep(mail, shift - plan.entries_gone.len(), |person| goes(first + person), promoted);
            }
        }
        first += entry.1;
    }
    Ok(plan.finish(read.act == Some(Act::Bulk)))
}

/// Renames and removes parameters so that the lists are counted from one again.
struct Plan<'f, 'a> {
    form: &'f Form<'a>,
    /// New names, by where a pair begins; `None`: it goes.
    names: BTreeMap<usize, Option<String>>,
    entries_gone: Vec<usize>,
    /// New numbers of mails.
    renumbered: BTreeMap<usize, usize>,
}

impl<'f, 'a> Plan<'f, 'a> {
    fn new(form: &'f Form<'a>) -> Plan<'f, 'a> {
        Plan { form, names: BTreeMap::new(), entries_gone: Vec::new(), renumbered: BTreeMap::new() }
    }

    /// Numbers the people of a mail who stay anew; the mail becomes the one behind `before` others.
    fn keep(
        &mut self,
        mail: &[Mention<'_, '_>],
        before: usize,
        goes: impl Fn(usize) -> bool,
        promoted: Option<usize>,
    ) {
        let Some(entry) = mail.first().map(|one| one.entry) else { return };
        let number = if entry == 0 { 0 } else { before + 1 };
        self.renumbered.insert(entry, number);
        let mut counts = [0; 3];
        for (person, one) in mail.iter().enumerate() {
            if goes(person) {
                self.names.insert(one.pair.whole.start, None);
                continue;
            }
            let role = if Some(person) == promoted { Role::To } else { one.role };
            counts[role as usize] += 1;
            let name = renamed(&one.pair.name, number, role, counts[role as usize]);
            self.names.insert(one.pair.whole.start, Some(name));
        }
    }

    fn finish(mut self, is_bulk: bool) -> Vec<Edit> {
        let mut edits: Vec<Edit> = Vec::new();
        for pair in self.form.pairs() {
            let entry = entry_of(&pair.name).filter(|_| is_bulk);
            let name = match (self.names.remove(&pair.whole.start), entry) {
                (Some(name), _) => name,
                (None, Some(entry)) if self.entries_gone.contains(&entry) => None,
                (None, Some(entry)) => {
                    let number = self.renumbered.get(&entry).copied().unwrap_or(entry);
                    let rest = pair.name.splitn(4, '.').nth(3).unwrap_or_default();
                    Some(format!("Destinations.member.{number}.{rest}"))
                }
                (None, None) => continue,
            };
            match name {
                None => edits.push(self.form.remove(pair)),
                Some(name) if name == pair.name => {}
                Some(name) => {
                    let end = pair.whole.start.max(pair.at.start.saturating_sub(1));
                    edits.push(Edit { range: pair.whole.start..end, with: name.into_bytes() });
                }
            }
        }
        merged(edits)
    }
}

/// A name with another number, list and place.
fn renamed(name: &str, entry: usize, role: Role, place: usize) -> String {
    let list = match role {
        Role::To => "ToAddresses",
        Role::Cc => "CcAddresses",
        Role::Bcc => "BccAddresses",
    };
    if entry > 0 {
        format!("Destinations.member.{entry}.Destination.{list}.member.{place}")
    } else if name.starts_with("Destinations.") {
        format!("Destinations.member.{place}")
    } else {
        format!("Destination.{list}.member.{place}")
    }
}

/// Neighbouring removals share a separator: together they take one range.
fn merged(edits: Vec<Edit>) -> Vec<Edit> {
    let mut all: Vec<Edit> = Vec::with_capacity(edits.len());
    for edit in edits {
        match all.last_mut() {
            Some(last)
                if edit.range.start < last.range.end && last.with.is_empty() && edit.with.is_empty() =>
            {
                last.range.end = last.range.end.max(edit.range.end);
            }
            _ => all.push(edit),
        }
    }
    all
}

/// A raw mail whose header names the recipients, or some of them, gets `Destinations` with those who stay.
fn trim_raw(
    form: &Form<'_>,
    mentions: &[Mention<'_, '_>],
    raw: &Raw,
    goes: impl Fn(usize) -> bool,
) -> Result<Vec<Edit>, CannotTrim> {
    let mut all: Vec<(Cow<'_, str>, Role)> =
        mentions.iter().map(|one| (Cow::Borrowed(&*one.address), one.role)).collect();
    raw.add_people(&mut all);
    let roles: Vec<Role> = all.iter().map(|(_, role)| *role).collect();
    match left(&roles, &goes)? {
        Left::Whole => return Ok(Vec::new()),
        Left::Nobody => return Err(CannotTrim("nobody would be left".into())),
        Left::Some { .. } => {}
    }
    let cannot = |why: Unreadable| CannotTrim(why.message);
    let data = form.one("RawMessage.Data").map_err(cannot)?;
    let data = data.ok_or_else(|| CannotTrim("there is no raw message".into()))?;
    let message = if raw.has_hidden() { Some(raw.without_hidden()?) } else { None };
    // The form is written anew but for what it said beside: few raw sends name their people in two ways.
    let mut out = String::new();
    let mut push = |name: &str, value: &str| {
        let encoded = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(&format!("{}={}", encoded(name), encoded(value)));
    };
    let mut from_end = 0;
    for pair in form.pairs() {
        from_end = from_end.max(pair.whole.end);
        if is_destination(&pair.name) {
            continue;
        }
        let is_message = pair.whole == data.whole;
        push(&pair.name, message.as_deref().filter(|_| is_message).unwrap_or(&pair.value));
    }
    let stay = all.iter().enumerate().filter(|(index, _)| !goes(*index));
    for (place, (_, (address, _))) in stay.enumerate() {
        push(&format!("Destinations.member.{}", place + 1), address);
    }
    Ok(vec![Edit { range: 0..from_end, with: out.into_bytes() }])
}
