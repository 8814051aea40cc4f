//! SES v2: JSON.

use crate::{
    path::Point,
    people::{self, Left, PEOPLE_MAX, Person, ROLES, left, no_hidden_header},
    raw::Raw,
};
use dndgate_adapter::{
    CannotTrim, Edit, Outbound, Request, Role, Sending, Unreadable,
    json::{self, Json},
    mime,
};
use std::borrow::Cow;

/// A request that was read.
#[derive(Debug)]
pub(crate) struct Read<'a> {
    pub(crate) json: Json<'a>,
    pub(crate) raw: Option<Raw>,
}

/// One `Destination`.
#[derive(Debug)]
struct Mail<'b, 'a> {
    /// The object, where it names somebody.
    destination: Option<&'b Json<'a>>,
    people: Vec<Person<'a>>,
}

fn key(role: Role) -> &'static str {
    match role {
        Role::To => "ToAddresses",
        Role::Cc => "CcAddresses",
        Role::Bcc => "BccAddresses",
    }
}

impl<'a> Read<'a> {
    pub(crate) fn new(request: &Request<'a>) -> Result<Read<'a>, Unreadable> {
        if !request.head.is_utf8() {
            return Err(Unreadable::new("the JSON is in a charset other than UTF-8"));
        }
        let json = json::read(request.body)?;
        if json.as_object().is_none() {
            return Err(Unreadable::new("the body must be a JSON object"));
        }
        let raw = match json.field("Content")?.map(|content| content.field("Raw")).transpose()?.flatten() {
            Some(raw) if !raw.is_null() => {
                let data = raw.field("Data")?.and_then(Json::as_str);
                Some(Raw::read(data.ok_or_else(|| Unreadable::new("Content.Raw.Data must be text"))?)?)
            }
            _ => None,
        };
        Ok(Read { json, raw })
    }

    /// The entries of a bulk send.
    pub(crate) fn entries(&self) -> Result<&[Json<'a>], Unreadable> {
        let entries = self.json.field("BulkEmailEntries")?.and_then(Json::as_array);
        entries.ok_or_else(|| Unreadable::new("BulkEmailEntries must be a list"))
    }
}

/// Whom a request reaches.
pub(crate) fn read<'a>(request: &Request<'a>, point: Point) -> Result<Outbound<'a>, Unreadable> {
    if request.head.query.is_some_and(|query| !query.is_empty()) {
        return Err(Unreadable::new("no send takes a query: put everything into the body"));
    }
    let read = Read::new(request)?;
    let mut send = Sending::default();
    match point {
        Point::Email => {
            send.kind = "message";
            let mail = mail(&read.json)?;
            let mut all: Vec<(Cow<'a, str>, Role)> =
                mail.people.into_iter().map(|one| (one.address, one.role)).collect();
            if let Some(raw) = &read.raw {
                raw.add_people(&mut all);
            }
            if all.is_empty() {
                return Err(Unreadable::new("Destination is missing: nobody is named whom this would reach"));
            }
            people::add(&mut send, all);
            headers(read.json.field("Content")?)?;
        }
        Point::Bulk => {
            send.kind = "bulk";
            for entry in read.entries()? {
                let mail = mail(entry)?;
                if mail.people.is_empty() {
                    return Err(Unreadable::new("an entry of BulkEmailEntries has no Destination"));
                }
                people::add(&mut send, mail.people.into_iter().map(|one| (one.address, one.role)));
                header_list(entry.field("ReplacementHeaders")?)?;
            }
            if send.recipients.is_empty() {
                return Err(Unreadable::new("BulkEmailEntries is empty"));
            }
            headers(read.json.field("DefaultContent")?)?;
        }
        Point::Verification | Point::Identity => {
            let name = if point == Point::Identity { "EmailIdentity" } else { "EmailAddress" };
            let text = read.json.field(name)?.and_then(Json::text);
            let text = text.ok_or_else(|| Unreadable::new(format!("{name} must be text")))?;
            let is_domain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
            if point == Point::Identity && is_domain {
                // A domain is verified by its DNS.
                return Ok(Outbound::Nobody);
            }
            send.kind = "verify";
            people::add(&mut send, [(people::address(text)?, Role::To)]);
        }
        _ => return Ok(Outbound::Unrecognised),
    }
    if send.recipients.len() > PEOPLE_MAX {
        return Err(Unreadable::new("more recipients than the gateway reads in one request (10,000)"));
    }
    for name in ["FromEmailAddress", "FeedbackForwardingEmailAddress"] {
        read.json.field(name)?.and_then(Json::as_str).map_or(Ok(()), no_hidden_header)?;
    }
    if let Some(from) = read.json.field("FromEmailAddress")?.and_then(Json::text) {
        send.sender = from;
    }
    for name in ["EmailTags", "DefaultEmailTags"] {
        let tags = read.json.get(name).and_then(Json::as_array).unwrap_or_default();
        send.tags.extend(tags.iter().filter_map(|tag| tag.get("Value")?.text()));
    }
    let content = read.json.get("Content").or_else(|| read.json.get("DefaultContent"));
    send.tags.extend(content.and_then(|content| content.get("Template")?.get("TemplateName")?.text()));
    Ok(Outbound::Send(send))
}

/// Reads the `Destination` of an object.
fn mail<'b, 'a>(holder: &'b Json<'a>) -> Result<Mail<'b, 'a>, Unreadable> {
    let mut mail = Mail { destination: None, people: Vec::new() };
    let Some(destination) = holder.field("Destination")?.filter(|one| !one.is_null()) else {
        return Ok(mail);
    };
    if destination.as_object().is_none() {
        return Err(Unreadable::new("Destination must be an object"));
    }
    for role in ROLES {
        let Some(list) = destination.field(key(role))?.filter(|list| !list.is_null()) else { continue };
        let list = list.as_array().ok_or_else(|| Unreadable::new(format!("{} must be a list", key(role))))?;
        for (place, element) in list.iter().enumerate() {
            let text = element.text().ok_or_else(|| Unreadable::new("an address must be text"))?;
            mail.people.push(Person { address: people::address(text)?, role, place });
        }
    }
    mail.destination = (!mail.people.is_empty()).then_some(destination);
    Ok(mail)
}

/// Header fields that the request adds to a mail must not name recipients.
fn headers(content: Option<&Json<'_>>) -> Result<(), Unreadable> {
    let Some(content) = content else { return Ok(()) };
    for form in ["Simple", "Template"] {
        let Some(form) = content.field(form)? else { continue };
        header_list(form.field("Headers")?)?;
        let subject = form.field("Subject")?.and_then(|subject| subject.get("Data")?.as_str());
        subject.map_or(Ok(()), no_hidden_header)?;
    }
    Ok(())
}

fn header_list(list: Option<&Json<'_>>) -> Result<(), Unreadable> {
    for header in list.and_then(Json::as_array).unwrap_or_default() {
        let name = header.field("Name")?.and_then(Json::as_str).unwrap_or_default();
        if mime::names_recipients(name) || name.contains(['\r', '\n', ':']) {
            return Err(Unreadable::new(
                "Headers must not name recipients: they belong into the Destination",
            ));
        }
        header.field("Value")?.and_then(Json::as_str).map_or(Ok(()), no_hidden_header)?;
    }
    Ok(())
}

/// See [`dndgate_adapter::Adapter::trim`].
pub(crate) fn trim(request: &Request<'_>, point: Point, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
    let cannot = |why: Unreadable| CannotTrim(why.message);
    let read = Read::new(request).map_err(cannot)?;
    let goes = |index: usize| drop.binary_search(&index).is_ok();
    match point {
        Point::Email => {
            let mail = mail(&read.json).map_err(cannot)?;
            match &read.raw {
                Some(raw) if mail.destination.is_none() || raw.has_hidden() => {
                    trim_raw(&read.json, &mail, raw, goes)
                }
                _ => Ok(trim_mail(request.body, &mail, goes)?.unwrap_or_default()),
            }
        }
        Point::Bulk => {
            let entries = read.json.field("BulkEmailEntries").map_err(cannot)?;
            let entries = entries.ok_or_else(|| CannotTrim("there is no BulkEmailEntries".into()))?;
            let (mut edits, mut gone, mut first) = (Vec::new(), Vec::new(), 0);
            for (index, entry) in entries.as_array().unwrap_or_default().iter().enumerate() {
                let mail = mail(entry).map_err(cannot)?;
                match trim_mail(request.body, &mail, |person| goes(first + person))? {
                    Some(some) => edits.extend(some),
                    None => gone.push(index),
                }
                first += mail.people.len();
            }
            edits.extend(entries.without(&gone));
            edits.sort_by_key(|edit| edit.range.start);
            Ok(edits)
        }
        _ => Err(CannotTrim("this reaches one person".into())),
    }
}

/// The entries of a bulk send of which nobody is left.
pub(crate) fn gone(request: &Request<'_>, drop: &[usize]) -> Result<(usize, Vec<usize>), Unreadable> {
    let read = Read::new(request)?;
    let (mut gone, mut first) = (Vec::new(), 0);
    let entries = read.entries()?;
    for (index, entry) in entries.iter().enumerate() {
        let people = mail(entry)?.people.len();
        if (first..first + people).all(|person| drop.binary_search(&person).is_ok()) {
            gone.push(index);
        }
        first += people;
    }
    Ok((entries.len(), gone))
}

/// How many people each mail of a bulk send names.
pub(crate) fn mails(read: &Read<'_>) -> Vec<usize> {
    let entries = read.entries().unwrap_or_default().iter();
    entries.map(|entry| mail(entry).map(|mail| mail.people.len()).unwrap_or_default()).collect()
}

/// The edits inside one `Destination`; `None` when nobody is left in it.
fn trim_mail(
    body: &[u8],
    mail: &Mail<'_, '_>,
    goes: impl Fn(usize) -> bool,
) -> Result<Option<Vec<Edit>>, CannotTrim> {
    let roles: Vec<Role> = mail.people.iter().map(|one| one.role).collect();
    let promoted = match left(&roles, &goes)? {
        Left::Whole => return Ok(Some(Vec::new())),
        Left::Nobody => return Ok(None),
        Left::Some { promoted } => promoted,
    };
    let Some(destination) = mail.destination else {
        return Err(CannotTrim("there is no Destination".into()));
    };
    let (mut edits, mut empty) = (Vec::new(), Vec::new());
    for (index, member) in destination.as_object().unwrap_or_default().iter().enumerate() {
        let Some(role) = ROLES.into_iter().find(|role| key(*role) == member.key) else { continue };
        let list = &member.value;
        let here = mail.people.iter().enumerate().filter(|(_, one)| one.role == role);
        let all = here.clone().count();
        let out: Vec<usize> = here
            .filter(|(person, _)| goes(*person) || Some(*person) == promoted)
            .map(|(_, one)| one.place)
            .collect();
        match (role, promoted) {
            (Role::To, Some(promoted)) => {
                let cc = destination.get(key(Role::Cc)).and_then(Json::as_array).unwrap_or_default();
                let text = &body[cc[mail.people[promoted].place].range.clone()];
                edits.push(Edit { range: list.range.clone(), with: [b"[", text, b"]"].concat() });
            }
            _ if all > 0 && out.len() == all => empty.push(index),
            _ => edits.extend(list.without(&out)),
        }
    }
    edits.extend(destination.without(&empty));
    edits.sort_by_key(|edit| edit.range.start);
    Ok(Some(edits))
}

/// A raw mail whose header names the recipients, or some of them, gets a Destination with those who stay.
fn trim_raw(
    root: &Json<'_>,
    mail: &Mail<'_, '_>,
    raw: &Raw,
    goes: impl Fn(usize) -> bool,
) -> Result<Vec<Edit>, CannotTrim> {
    let mut all: Vec<(Cow<'_, str>, Role)> =
        mail.people.iter().map(|one| (Cow::Borrowed(&*one.address), one.role)).collect();
    raw.add_people(&mut all);
    let roles: Vec<Role> = all.iter().map(|(_, role)| *role).collect();
    let promoted = match left(&roles, &goes)? {
        Left::Whole => return Ok(Vec::new()),
        Left::Nobody => return Err(CannotTrim("nobody would be left".into())),
        Left::Some { promoted } => promoted,
    };
    let mut lists = serde_json::Map::new();
    for (index, (address, role)) in all.iter().enumerate().filter(|(index, _)| !goes(*index)) {
        let role = if Some(index) == promoted { Role::To } else { *role };
        let list = lists.entry(key(role)).or_insert_with(|| serde_json::json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(serde_json::Value::from(&**address));
        }
    }
    let object = serde_json::Value::Object(lists).to_string();
    let mut edits = Vec::new();
    match root.get("Destination") {
        Some(old) => edits.push(Edit { range: old.range.clone(), with: object.into_bytes() }),
        None => {
            let at = root.range.start + 1;
            edits.push(Edit { range: at..at, with: format!("\"Destination\":{object},").into_bytes() });
        }
    }
    if raw.has_hidden() {
        let data = root.get("Content").and_then(|content| content.get("Raw")?.get("Data")?.place());
        let data = data.ok_or_else(|| CannotTrim("there is no raw message".into()))?;
        edits.push(data.replace(&raw.without_hidden()?));
    }
    edits.sort_by_key(|edit| edit.range.start);
    Ok(edits)
}
