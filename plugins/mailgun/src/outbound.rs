//! Whom a send reaches.

use crate::{
    fields::{Fields, Meaning, SCHEDULES, meaning, stands_in_header},
    lists,
    path::{self, SendPoint},
};
use dndgate_adapter::{
    AddressKind, Channel, Known, Outbound, Recipient, Request, Role, Sending, Unreadable, form, mailbox,
    mailbox::Mailbox, mime,
};
use smallvec::SmallVec;
use std::{borrow::Cow, collections::HashMap, ops::Range};

/// So many recipients are compared one by one; more are looked up.
const COMPARED_MAX: usize = 16;

/// A send, and where each of its recipients stands.
#[derive(Debug)]
pub(crate) struct Read<'a> {
    pub(crate) fields: Fields<'a>,
    pub(crate) people: People<'a>,
    pub(crate) entries: SmallVec<[Entry; 2]>,
    /// The `recipient-variables` fields.
    pub(crate) variables: SmallVec<[usize; 1]>,
    scheduled: bool,
    sender: Cow<'a, str>,
    tags: Vec<Cow<'a, str>>,
}

/// One mention of a recipient.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Which recipient.
    pub(crate) recipient: usize,
    /// In which field.
    pub(crate) field: usize,
    /// Where in its text.
    pub(crate) at: Range<usize>,
    pub(crate) home: Home,
}

/// What kind of field mentions a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// A field that Mailgun sends to. Not `exact`: only if Mailgun reads names leniently.
    Sent { role: Role, exact: bool },
    /// A header, believed to be shown only; nobody is taken out of it.
    Shown,
}

/// Reads a send's recipients.
pub(crate) fn read<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    if path::send_point(request.head.path).is_none() {
        return Ok(Outbound::Unrecognised);
    }
    let (sending, suspects) = send(request)?;
    Ok(match suspects.first() {
        Some(first) => Outbound::Ask(lists::ask(request.head.host, first)),
        None => Outbound::Send(sending),
    })
}

/// A send, and those of its addresses that may be mailing lists.
pub(crate) fn send<'a>(request: &Request<'a>) -> Result<(Sending<'a>, Vec<String>), Unreadable> {
    let point = path::send_point(request.head.path).ok_or(Unreadable::new("this is no send"))?;
    let read = Read::new(request, point)?;
    if read.entries.iter().all(|entry| entry.home == Home::Shown) {
        return Err(Unreadable::new("to parameter is missing"));
    }
    let own_domain = path::domain(request.head.path).unwrap_or_default();
    let suspects = lists::suspects(&read, &own_domain)?;
    let sending = Sending {
        kind: match point {
            SendPoint::Messages => "message",
            SendPoint::Mime => "mime",
            SendPoint::Resend => "resend",
        },
        recipients: read.people.list,
        callbacks: Vec::new(),
        scheduled: read.scheduled,
        sender: read.sender,
        tags: read.tags,
        ..Sending::default()
    };
    Ok((sending, suspects))
}

impl<'a> Read<'a> {
    pub(crate) fn new(request: &Request<'a>, point: SendPoint) -> Result<Read<'a>, Unreadable> {
        refuse_query(request.head.query)?;
        let mut read = Read {
            fields: Fields::read(&request.head, request.body)?,
            people: People::default(),
            entries: SmallVec::new(),
            variables: SmallVec::new(),
            scheduled: false,
            sender: Cow::Borrowed(""),
            tags: Vec::new(),
        };
        let mut mime = None;
        for field in 0..read.fields.len() {
            read.refuse_break(field)?;
            match meaning(read.fields.name(field))? {
                Meaning::Recipients { role, .. } if point != SendPoint::Messages && role != Role::To => {
                    return Err(Unreadable::new(
                        "this endpoint takes all its recipients in the to parameter",
                    ));
                }
                Meaning::Recipients { role, exact } => read.recipients(field, role, exact)?,
                Meaning::Header(role) => read.header(field, role)?,
                Meaning::Variables => read.variables.push(field),
                Meaning::Schedule => read.scheduled |= !read.fields.bytes(field).trim_ascii().is_empty(),
                Meaning::Tag => read.tags.push(read.fields.text(field)?),
                Meaning::From if read.sender.is_empty() => read.sender = address_of(read.fields.text(field)?),
                Meaning::Mime if point == SendPoint::Mime && mime.replace(field).is_some() => {
                    return Err(Unreadable::new("the message parameter stands there more than once"));
                }
                Meaning::Mime | Meaning::From | Meaning::Other => {}
            }
        }
        if let Some(field) = mime {
            read.mime(field)?;
        }
        Ok(read)
    }

    /// Whether Mailgun takes line breaks out of what it writes into a header is not known.
    fn refuse_break(&self, field: usize) -> Result<(), Unreadable> {
        if stands_in_header(self.fields.name(field))
            && mime::breaks_into_recipients(&String::from_utf8_lossy(self.fields.bytes(field)))
        {
            return Err(Unreadable::new(
                "a line of a header field reads as one that names recipients: put them into to, cc or bcc",
            ));
        }
        Ok(())
    }

    fn recipients(&mut self, field: usize, role: Role, exact: bool) -> Result<(), Unreadable> {
        let name = match role {
            Role::To => "to",
            Role::Cc => "cc",
            Role::Bcc => "bcc",
        };
        let home = Home::Sent { role, exact };
        let invalid = |why: Unreadable| {
            Unreadable::new(format!(
                "{name} parameter is not a valid address. please check documentation ({})",
                why.message
            ))
        };
        let text = self.fields.text(field).map_err(invalid)?;
        self.list(text, field, role, home).map_err(invalid)
    }

    /// A header field such as `h:To`. Without an address in it (`%recipient%`) it is nobody's.
    fn header(&mut self, field: usize, role: Role) -> Result<(), Unreadable> {
        let text = self.fields.text(field)?;
        if role == Role::Bcc && text.contains('%') && text.trim() != "%recipient%" {
            return Err(Unreadable::new("a Bcc header with variables in it could name anybody"));
        }
        if !text.contains('@') {
            return Ok(());
        }
        self.list(text, field, role, Home::Shown).map_err(|why| {
            Unreadable::new(format!("the addresses of an h: header cannot be read ({})", why.message))
        })
    }

    fn list(&mut self, text: Cow<'a, str>, field: usize, role: Role, home: Home) -> Result<(), Unreadable> {
        match text {
            Cow::Borrowed(text) => {
                for one in mailbox::read(text)? {
                    let Mailbox { at, address, in_group } = one;
                    self.mention(at, address, in_group, field, role, home)?;
                }
            }
            Cow::Owned(text) => {
                for one in mailbox::read(&text)? {
                    let address = Cow::Owned(one.address.into_owned());
                    self.mention(one.at, address, one.in_group, field, role, home)?;
                }
            }
        }
        Ok(())
    }

    fn mention(
        &mut self,
        at: Range<usize>,
        address: Cow<'a, str>,
        in_group: bool,
        field: usize,
        role: Role,
        home: Home,
    ) -> Result<(), Unreadable> {
        if in_group && home != Home::Shown {
            return Err(Unreadable::new("a group of addresses stands in it: write its members one by one"));
        }
        if address.contains("%recipient") {
            return Err(Unreadable::new("a variable stands in an address"));
        }
        if self.entries.len() >= mailbox::MAILBOXES_MAX {
            return Err(Unreadable::new("Too many recipients, max is 1000"));
        }
        let recipient = self.people.add(address, role);
        self.entries.push(Entry { recipient, field, at, home });
        Ok(())
    }

    /// Hidden recipients in the MIME header: whether Mailgun sends to them is not known, so they must be free,
    /// and nobody is taken out of a MIME.
    fn mime(&mut self, field: usize) -> Result<(), Unreadable> {
        let wanted = |name: &str| matches!(name, "bcc" | "resent-bcc") || SCHEDULES.contains(&name);
        for (name, value) in mime::fields(self.fields.bytes(field), wanted) {
            if SCHEDULES.contains(&name.as_str()) {
                self.scheduled |= !value.is_empty();
                continue;
            }
            self.list(Cow::Owned(value), field, Role::Bcc, Home::Shown).map_err(|why| {
                Unreadable::new(format!(
                    "the Bcc header of the MIME message cannot be read ({})",
                    why.message
                ))
            })?;
        }
        Ok(())
    }
}

/// The recipients, each once.
#[derive(Debug, Default)]
pub(crate) struct People<'a> {
    pub(crate) list: SmallVec<[Recipient<'a>; 1]>,
    index: HashMap<String, usize>,
}

impl<'a> People<'a> {
    /// The index of the recipient with that address. Of several spellings the least is kept, whatever their
    /// order, so that it does not change when another mention is taken out.
    fn add(&mut self, address: Cow<'a, str>, role: Role) -> usize {
        let known = self.find(&address);
        if let Some(index) = known {
            let one = &mut self.list[index];
            if address < one.address {
                one.address = address;
            }
            if (role as u8) < one.role as u8 {
                one.role = role;
            }
            return index;
        }
        let index = self.list.len();
        if index >= COMPARED_MAX {
            if self.index.is_empty() {
                let keys = self
                    .list
                    .iter()
                    .enumerate()
                    .map(|(index, one)| (one.address.to_ascii_lowercase(), index));
                self.index = keys.collect();
            }
            self.index.insert(address.to_ascii_lowercase(), index);
        }
        self.list.push(Recipient {
            channels: Channel::Email.into(),
            kind: AddressKind::Email,
            address,
            role,
            known: Known::Address,
        });
        index
    }

    fn find(&self, address: &str) -> Option<usize> {
        if self.index.is_empty() {
            self.list.iter().position(|one| one.address.eq_ignore_ascii_case(address))
        } else {
            self.index.get(&address.to_ascii_lowercase()).copied()
        }
    }
}

/// Whether Mailgun merges the query into the fields of a `POST` is not known.
fn refuse_query(query: Option<&str>) -> Result<(), Unreadable> {
    let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(()) };
    if form::query_could_name(query, |name| meaning(name) != Ok(Meaning::Other)) {
        return Err(Unreadable::new("a field of the message stands in the query: put it into the body"));
    }
    Ok(())
}

/// The address of a `From`, or what stands for it.
pub(crate) fn address_of(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => mailbox::read(text)
            .ok()
            .and_then(|list| list.into_iter().next())
            .map_or(Cow::Borrowed(text), |one| one.address),
        Cow::Owned(text) => {
            let address = mailbox::read(&text).ok().and_then(|list| Some(list.first()?.address.to_string()));
            Cow::Owned(address.unwrap_or(text))
        }
    }
}
