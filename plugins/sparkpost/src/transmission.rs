//! Whom a transmission reaches: its recipients, the copied ones among them.

use crate::path::{self, LISTS, PUSH, Point};
use dndgate_adapter::{
    AddressKind, Channel, Channels, Known, Outbound, Recipient, Request, Role, Sending, Unreadable, form,
    json::{self, Json, Value},
    mailbox, mime,
};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    ops::Range,
};

/// What a transmission is called, in records and for `exempt`.
pub(crate) const KIND: &str = "message";
/// The most recipients that are read in one request.
const RECIPIENTS_MAX: usize = 100_000;
/// Where people stand. Whether SparkPost takes the last three is not known: they count.
const ARRAYS: [(&str, Role); 4] =
    [("recipients", Role::To), ("cc", Role::Cc), ("bcc", Role::Bcc), ("archive", Role::Bcc)];

/// What stands inside of them. Nothing of it belongs into a query.
const INSIDE: [&str; 6] = ["address", "email", "phone", "multichannel_addresses", "header_to", "list_id"];

/// One entry of an array of recipients.
#[derive(Debug)]
pub(crate) struct Entry<'b, 'a> {
    /// The array, and its place there.
    pub(crate) array: &'b Json<'a>,
    pub(crate) place: usize,
    /// The index of its first recipient in [`Sending::recipients`]; there are so many.
    pub(crate) first: usize,
    pub(crate) people: Vec<Recipient<'a>>,
    /// The array of its addresses on several channels, which are its recipients behind the one of `address`.
    pub(crate) channels: Option<&'b Json<'a>>,
    /// It has an `address` beside those.
    pub(crate) has_both: bool,
    /// Whom the header of the mail shows, where it is said.
    pub(crate) header_to: Option<Shown<'b, 'a>>,
}

impl Entry<'_, '_> {
    /// The indices of its recipients.
    pub(crate) fn indices(&self) -> Range<usize> {
        self.first..self.first + self.people.len()
    }

    /// Its part in the mail.
    pub(crate) fn role(&self) -> Role {
        self.people.first().map_or(Role::To, |one| one.role)
    }

    /// Its mail address.
    pub(crate) fn address(&self) -> &str {
        self.people.first().map_or("", |one| &one.address)
    }
}

/// A list of mailboxes that a header shows.
#[derive(Debug)]
pub(crate) struct Shown<'b, 'a> {
    pub(crate) value: &'b Json<'a>,
    pub(crate) text: Cow<'a, str>,
    /// Where each stands, and its address in small letters; none where it cannot be read.
    pub(crate) boxes: Option<Vec<(Range<usize>, String)>>,
}

impl<'b, 'a> Shown<'b, 'a> {
    fn new(value: &'b Json<'a>) -> Option<Shown<'b, 'a>> {
        let text = value.text()?;
        let boxes = mailbox::read(&text)
            .ok()
            .map(|list| list.into_iter().map(|one| (one.at, one.address.to_lowercase())).collect::<Vec<_>>());
        Some(Shown { value, text, boxes })
    }
}

/// Everything of a transmission that names people.
#[derive(Debug)]
pub(crate) struct Transmission<'b, 'a> {
    pub(crate) entries: Vec<Entry<'b, 'a>>,
    /// The header fields of its content, and the place among them of the copied who are shown.
    pub(crate) cc: Option<(&'b Json<'a>, usize, Shown<'b, 'a>)>,
}

/// See [`dndgate_adapter::Adapter::read`].
pub(crate) fn read<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    match path::point(&request.head)? {
        None => return Ok(Outbound::Unrecognised),
        Some(Point::Nobody) => return Ok(Outbound::Nobody),
        Some(Point::Verify) => return verification(request),
        Some(Point::Transmission) => {}
    }
    let body = body(request)?;
    if let Some(list) = body.field("recipients")?
        && list.as_object().is_some()
    {
        return stored(&body, list);
    }
    let transmission = transmission(&body)?;
    let mut sending = Sending { kind: KIND, ..Sending::default() };
    hidden_follow(&transmission.entries, &mut sending.follows);
    for entry in transmission.entries {
        sending.recipients.extend(entry.people);
    }
    describe(&body, &mut sending)?;
    Ok(Outbound::Send(sending))
}

/// The body, as SparkPost would read it.
///
/// # Errors
/// When it could be read in two ways.
pub(crate) fn body<'a>(request: &Request<'a>) -> Result<Json<'a>, Unreadable> {
    if request.head.media_type().as_deref() != Some("application/json") || !request.head.is_utf8() {
        return Err(Unreadable::new("send this as application/json, in UTF-8"));
    }
    for pair in form::read(request.head.query.unwrap_or_default().as_bytes())?.pairs() {
        let mut names = ARRAYS.iter().map(|(name, _)| *name).chain(INSIDE);
        if names.any(|name| form::same_field(&pair.name, name)) {
            return Err(Unreadable::new("a recipient stands in the query: put it into the body"));
        }
    }
    let body = json::read(request.body)?;
    if body.as_object().is_none() {
        return Err(Unreadable::new("the body must be an object"));
    }
    Ok(body)
}

/// A list that SparkPost keeps.
fn stored<'a>(body: &Json<'a>, list: &Json<'_>) -> Result<Outbound<'a>, Unreadable> {
    let only = list.as_object().is_some_and(|members| members.len() == 1);
    let names_list = list.field("list_id")?.is_some_and(|id| id.as_str().is_some());
    let alone = ARRAYS[1..].iter().all(|(name, _)| matches!(body.field(name), Ok(None)));
    if only && names_list && alone {
        Ok(Outbound::Unnamed(LISTS))
    } else {
        Err(Unreadable::new("recipients must be an array, or a list_id alone"))
    }
}

/// Whether SparkPost takes line breaks out of what it writes into a header is not known.
fn refuse_breaks(content: Option<&Json<'_>>) -> Result<(), Unreadable> {
    let Some(content) = content else { return Ok(()) };
    let name =
        |field: &str| content.get(field).map(|one| one.get("name").unwrap_or(one)).and_then(Json::as_str);
    let headers = content.get("headers").and_then(Json::as_object).unwrap_or_default();
    let fields = headers.iter().flat_map(|one| [Some(&*one.key), one.value.as_str()]);
    let texts = ["subject", "from", "reply_to"].map(name).into_iter().chain(fields);
    if texts.flatten().any(mime::breaks_into_recipients) {
        return Err(Unreadable::new(
            "a line of the subject, of a name or of a header field reads as a header field that names recipients",
        ));
    }
    Ok(())
}

/// The people of a transmission, in their order.
///
/// # Errors
/// When they cannot be read with certainty.
pub(crate) fn transmission<'b, 'a>(body: &'b Json<'a>) -> Result<Transmission<'b, 'a>, Unreadable> {
    let content = body.field("content")?;
    refuse_breaks(content)?;
    let headers = content.map(|content| content.field("headers")).transpose()?.flatten();
    let cc = headers.and_then(|headers| {
        let members = headers.as_object()?;
        let place = members.iter().position(|member| member.key.trim().eq_ignore_ascii_case("cc"))?;
        Some((headers, place, Shown::new(&members[place].value)?))
    });
    let copied: HashSet<&str> = cc
        .iter()
        .filter_map(|(_, _, shown)| shown.boxes.as_ref())
        .flatten()
        .map(|(_, address)| address.as_str())
        .collect();
    let mut entries: Vec<Entry<'b, 'a>> = Vec::new();
    let mut first = 0;
    for (name, role) in ARRAYS {
        let array = match body.field(name)? {
            None => continue,
            Some(value) if value.is_null() => continue,
            Some(array) => array,
        };
        let elements = array
            .as_array()
            .ok_or_else(|| Unreadable::new(format!("{name} must be an array of recipients")))?;
        for (place, element) in elements.iter().enumerate() {
            let entry = entry(array, place, element, role, &copied)?;
            let entry = Entry { first, ..entry };
            first = entry.indices().end;
            entries.push(entry);
        }
        if first > RECIPIENTS_MAX {
            return Err(Unreadable::new("more recipients than the gateway reads in one request (100,000)"));
        }
    }
    if first == 0 {
        return Err(Unreadable::new("recipients is missing: nobody is named whom this would reach"));
    }
    Ok(Transmission { entries, cc })
}

fn entry<'b, 'a>(
    array: &'b Json<'a>,
    place: usize,
    element: &'b Json<'a>,
    role: Role,
    copied: &HashSet<&str>,
) -> Result<Entry<'b, 'a>, Unreadable> {
    if element.as_object().is_none() {
        return Err(Unreadable::new("a recipient must be an object"));
    }
    if ARRAYS[1..].iter().any(|(name, _)| !matches!(element.field(name), Ok(None))) {
        return Err(Unreadable::new("name each of the copied as a recipient of its own"));
    }
    let address = element.field("address")?.filter(|value| !value.is_null());
    let channels = element.field("multichannel_addresses")?.filter(|value| !value.is_null());
    let mut people = Vec::new();
    let mut header_to = None;
    if let Some(address) = address {
        let (mail, shown) = match &address.value {
            Value::Object(_) => (address.field("email")?, address.field("header_to")?),
            _ => (Some(address), None),
        };
        header_to = shown.and_then(Shown::new);
        let mail = mail_address(mail)?;
        let role = if role == Role::To { role_of(&mail, header_to.as_ref(), copied) } else { role };
        people.push(person(Channels::of(Channel::Email), AddressKind::Email, mail, role, Known::Address));
    }
    if let Some(list) = channels {
        let list =
            list.as_array().ok_or_else(|| Unreadable::new("multichannel_addresses must be an array"))?;
        for one in list {
            people.push(by_channel(one, role)?);
        }
    }
    if people.is_empty() {
        return Err(Unreadable::new("a recipient has no address"));
    }
    let has_both = address.is_some() && channels.is_some();
    Ok(Entry { array, place, first: 0, people, channels, has_both, header_to })
}

/// One of a recipient's addresses on several channels.
fn by_channel<'a>(one: &Json<'a>, role: Role) -> Result<Recipient<'a>, Unreadable> {
    let channel = one.field("channel")?.and_then(Json::as_str);
    let (mail, phone) = (one.field("email")?, one.field("phone")?);
    if mail.is_some() && channel != Some("email") || phone.is_some() && channel != Some("sms") {
        return Err(Unreadable::new("an address of another channel stands in multichannel_addresses"));
    }
    match channel {
        Some("email") => {
            let mail = mail_address(mail)?;
            Ok(person(Channels::of(Channel::Email), AddressKind::Email, mail, role, Known::Address))
        }
        Some("sms") => {
            let phone = phone.and_then(Json::text);
            let phone = phone.ok_or_else(|| Unreadable::new("phone must be text"))?;
            Ok(person(Channels::of(Channel::Sms), AddressKind::Phone, phone, role, Known::Address))
        }
        // A token of somebody's app: no channel of ours, and nobody's address.
        Some("gcm" | "apns" | "fcm" | "push") => Ok(person(
            Channels::of(Channel::Email),
            AddressKind::Email,
            "".into(),
            role,
            Known::Unnamed(PUSH),
        )),
        _ => Err(Unreadable::new("the gateway does not know this channel of multichannel_addresses")),
    }
}

fn mail_address<'a>(value: Option<&Json<'a>>) -> Result<Cow<'a, str>, Unreadable> {
    let text =
        value.and_then(Json::text).ok_or_else(|| Unreadable::new("a recipient's address must be text"))?;
    if text.contains("{{") {
        return Err(Unreadable::new("a variable stands in an address"));
    }
    fn one(text: &str) -> Result<Cow<'_, str>, Unreadable> {
        let mut list = mailbox::read(text)?;
        match (list.pop(), list.is_empty()) {
            (Some(one), true) if !one.in_group => Ok(one.address),
            _ => Err(Unreadable::new("each recipient must have one address")),
        }
    }
    match text {
        Cow::Borrowed(text) => one(text),
        Cow::Owned(text) => one(&text).map(|address| Cow::Owned(address.into_owned())),
    }
}

/// Somebody whom the header does not show is copied; if the copied of the header do not show it either, hidden.
fn role_of(address: &str, header_to: Option<&Shown<'_, '_>>, copied: &HashSet<&str>) -> Role {
    let Some(boxes) = header_to.and_then(|shown| shown.boxes.as_ref()) else { return Role::To };
    let address = address.to_lowercase();
    if boxes.is_empty() || boxes.iter().any(|(_, shown)| *shown == address) {
        Role::To
    } else if copied.contains(address.as_str()) {
        Role::Cc
    } else {
        Role::Bcc
    }
}

fn person(
    channels: Channels,
    kind: AddressKind,
    address: Cow<'_, str>,
    role: Role,
    known: Known,
) -> Recipient<'_> {
    Recipient { channels, kind, address, role, known }
}

/// Somebody hidden behind one addressee alone goes with the addressee: nobody else could take that place.
fn hidden_follow(entries: &[Entry<'_, '_>], follows: &mut Vec<(usize, usize)>) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut copied: HashSet<&str> = HashSet::new();
    for entry in entries {
        match (entry.role(), &entry.header_to) {
            (Role::To, _) => {
                seen.entry(entry.address().to_lowercase()).or_insert(entry.first);
            }
            (Role::Cc, Some(shown)) => {
                copied.insert(&shown.text);
            }
            _ => {}
        }
    }
    for entry in entries.iter().filter(|entry| entry.role() == Role::Bcc) {
        if let Some(shown) = &entry.header_to
            && let Some([(_, only)]) = shown.boxes.as_deref()
            && !copied.contains(&*shown.text)
            && let Some(addressee) = seen.get(only)
        {
            follows.push((entry.first, *addressee));
        }
    }
}

/// Time, sender and tags.
fn describe<'a>(body: &Json<'a>, sending: &mut Sending<'a>) -> Result<(), Unreadable> {
    let inside = |name: &str, field: &str| match body.field(name)? {
        Some(object) => object.field(field),
        None => Ok(None),
    };
    sending.scheduled = inside("options", "start_time")?.is_some_and(|time| match &time.value {
        Value::Null => false,
        Value::String(time) => !matches!(time.trim(), "" | "now"),
        _ => true,
    });
    if let Some(from) = inside("content", "from")? {
        let address = if from.as_object().is_some() { from.field("email")? } else { Some(from) };
        sending.sender = address.and_then(Json::text).unwrap_or_default();
    }
    let tags = [body.field("campaign_id")?, inside("content", "template_id")?];
    sending.tags.extend(tags.into_iter().flatten().filter_map(Json::text).filter(|tag| !tag.is_empty()));
    Ok(())
}

/// SparkPost writes to a mailbox of the domain that is to be verified.
fn verification<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let body = body(request)?;
    let domain = path::domain(&request.head).unwrap_or_default();
    let mut mailboxes: Vec<String> = Vec::new();
    for (field, mailbox) in [("postmaster_at_verify", "postmaster"), ("abuse_at_verify", "abuse")] {
        if body.field(field)?.is_some_and(|flag| !matches!(flag.value, Value::Bool(false) | Value::Null)) {
            mailboxes.push(mailbox.to_owned());
        }
    }
    let named = body.field("verification_mailbox")?.and_then(Json::as_str);
    mailboxes.extend(named.map(str::to_owned));
    if body.field("verification_mailbox_verify")?.is_some_and(|flag| flag.value == Value::Bool(true))
        && named.is_none()
    {
        return Err(Unreadable::new(
            "verification_mailbox is missing: nobody knows to whom SparkPost would write",
        ));
    }
    if mailboxes.is_empty() {
        return Ok(Outbound::Nobody);
    }
    let people = mailboxes.into_iter().map(|local| {
        let address = Cow::Owned(format!("{local}@{domain}"));
        person(Channels::of(Channel::Email), AddressKind::Email, address, Role::To, Known::Address)
    });
    Ok(Outbound::Send(Sending { kind: "verification", recipients: people.collect(), ..Sending::default() }))
}
