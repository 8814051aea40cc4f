//! Call control objects (NCCO): what happens in a call, in a request or in the CRM's answer to a webhook. Whom they
//! reach, where they lead, and how somebody is taken out of them.

use crate::fields::scalar;
use dndgate_adapter::{
    AddressKind, Channel, Edit, Known, Place, Recipient, Role, Unreadable, json::Json, sip,
};
use std::{borrow::Cow, collections::BTreeMap};

/// Actions that reach nobody who is not in the call already.
const HARMLESS: &[&str] =
    &["conversation", "input", "notify", "pay", "record", "stream", "talk", "transfer", "wait"];

/// What an NCCO does.
#[derive(Debug)]
pub(crate) struct Ncco<'b, 'a> {
    actions: &'b Json<'a>,
    /// Whom it reaches.
    pub(crate) people: Vec<Person<'b, 'a>>,
    /// Addresses whose answers are NCCOs too.
    pub(crate) links: Vec<(Cow<'a, str>, Place)>,
}

/// One person whom an NCCO connects to.
#[derive(Debug)]
pub(crate) struct Person<'b, 'a> {
    pub(crate) recipient: Recipient<'a>,
    action: usize,
    endpoints: &'b Json<'a>,
    endpoint: usize,
}

/// Reads an NCCO.
///
/// # Errors
/// When it is none, or does something of which nobody knows whom it reaches.
pub(crate) fn read<'b, 'a>(actions: &'b Json<'a>) -> Result<Ncco<'b, 'a>, Unreadable> {
    let mut ncco = Ncco { actions, people: Vec::new(), links: Vec::new() };
    let list = actions.as_array().ok_or_else(|| Unreadable::new("an NCCO is a list of actions"))?;
    for (index, action) in list.iter().enumerate() {
        let name = action.field("action")?.and_then(Json::as_str);
        match name.ok_or_else(|| Unreadable::new("an action in the NCCO has no name"))? {
            "connect" => ncco.connect(index, action)?,
            name if HARMLESS.contains(&name) => {}
            _ => return Err(Unreadable::new("the NCCO holds an action that the gateway does not know")),
        }
        if let Some(url) = action.field("eventUrl")? {
            ncco.links.extend(texts(url));
        }
    }
    Ok(ncco)
}

impl<'b, 'a> Ncco<'b, 'a> {
    fn connect(&mut self, index: usize, action: &'b Json<'a>) -> Result<(), Unreadable> {
        let missing = || Unreadable::new("a connect action in the NCCO has no list of endpoints");
        let endpoints = action.field("endpoint")?.ok_or_else(missing)?;
        for (place, one) in endpoints.as_array().ok_or_else(missing)?.iter().enumerate() {
            if let Some(recipient) = endpoint(one)? {
                self.people.push(Person { recipient, action: index, endpoints, endpoint: place });
            }
            if let Some(url) = one.field("onAnswer")?.map(|answer| answer.field("url")).transpose()?.flatten()
            {
                self.links.extend(texts(url));
            }
        }
        Ok(())
    }

    /// The edits that take people out, by their indices, ascending. Nothing may be left: then the second value is
    /// false.
    pub(crate) fn without(&self, drop: &[usize]) -> (Vec<Edit>, bool) {
        let mut gone: BTreeMap<usize, (&Json<'a>, Vec<usize>)> = BTreeMap::new();
        for person in drop.iter().map(|index| &self.people[*index]) {
            gone.entry(person.action).or_insert((person.endpoints, Vec::new())).1.push(person.endpoint);
        }
        let is_empty =
            |endpoints: &Json<'_>, drop: &[usize]| endpoints.as_array().map_or(0, <[_]>::len) == drop.len();
        let actions: Vec<usize> = gone
            .iter()
            .filter(|(_, (endpoints, drop))| is_empty(endpoints, drop))
            .map(|(index, _)| *index)
            .collect();
        let mut edits = self.actions.without(&actions);
        for (endpoints, drop) in gone.values().filter(|(endpoints, drop)| !is_empty(endpoints, drop)) {
            edits.extend(endpoints.without(drop));
        }
        edits.sort_by_key(|edit| edit.range.start);
        (edits, actions.len() < self.actions.as_array().map_or(0, <[_]>::len))
    }
}

/// Whom an endpoint of a call is. `None`: nobody outside.
///
/// # Errors
/// When it is of no kind that is known, or its number is none.
pub(crate) fn endpoint<'a>(endpoint: &Json<'a>) -> Result<Option<Recipient<'a>>, Unreadable> {
    let text = |name: &str| -> Result<Cow<'a, str>, Unreadable> {
        let value = endpoint.field(name)?.and_then(scalar).filter(|value| !value.is_empty());
        value.ok_or_else(|| Unreadable::new(format!("an endpoint of the call has no {name}")))
    };
    match &*text("type")? {
        "phone" => Ok(Some(called(text("number")?))),
        "sip" => Ok(sip::number(&text("uri")?)?.map(|number| called(Cow::Owned(number)))),
        "websocket" | "app" | "vbc" => Ok(None),
        _ => Err(Unreadable::new("the gateway does not know this kind of endpoint")),
    }
}

/// Somebody who is called.
pub(crate) fn called(number: Cow<'_, str>) -> Recipient<'_> {
    Recipient {
        channels: Channel::Call.into(),
        kind: AddressKind::Phone,
        address: number,
        role: Role::To,
        known: Known::Address,
    }
}

/// A text, or each text of a list, and where it stands.
pub(crate) fn texts<'a>(json: &Json<'a>) -> Vec<(Cow<'a, str>, Place)> {
    let one = |json: &Json<'a>| Some((json.text()?, json.place()?));
    match json.as_array() {
        Some(all) => all.iter().filter_map(one).collect(),
        None => one(json).into_iter().collect(),
    }
}
