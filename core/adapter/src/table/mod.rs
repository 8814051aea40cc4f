//! A provider's API described as data: which requests are sends, where their recipients stand, how they are
//! taken out.
//!
//! Most providers need nothing else for the way out: their adapter is a static [`Api`], and [`Api::look`],
//! [`Api::read`] and [`Api::trim`] do the rest. Reading is strict, as everywhere here: a field that stands
//! there twice or misspelt, a recipient in the query, a body of another media type are errors.
//!
//! Where a value stands is written as a *trail*: names joined by dots, `[]` behind a name whose value is an
//! array (a bare value counts as an array of one), `*` for every member of an object.
//!
//! ```text
//! to                       {"to": "+1…"}
//! to[]                     {"to": ["+1…", "+1…"]}
//! to[].phone               {"to": [{"phone": "+1…"}]}
//! []                       [ … ] the body itself is an array
//! failover[].to            {"failover": [{"to": "…"}, …]}
//! ```
//!
//! In a form a trail is a name, without `[]`. An address on WhatsApp that is a user id there and no number is
//! recognised as one; of a SIP address that is called the telephone number behind it counts, and without one it is
//! somebody inside, on no channel.

mod mention;
mod parallel;
mod read;
mod trim;

use crate::{
    Head, Look, Outbound, Request, Unreadable,
    outbound::{CallbackKind, CannotTrim, Role},
    path,
    request::{Edit, apply_edits},
    words::{AddressKind, Channel, Channels},
};

/// A provider's API.
#[derive(Debug)]
pub struct Api {
    /// The host of the main API: what is meant when a request's path names none.
    pub main_host: &'static str,
    /// The endpoints. The first whose host, method and path fit counts.
    pub endpoints: &'static [Endpoint],
    /// The provider takes a slash at a path's end and means the same.
    pub closing_slash: bool,
}

/// Requests to one path.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// The host, with `*` as in [`crate::Profile::hosts`].
    pub host: &'static str,
    /// The method; `*` is every method that is no read ([`path::is_read`]). Reads contact nobody unless an
    /// endpoint names their method.
    pub method: &'static str,
    /// The path as in [`path::lookup`].
    pub path: &'static str,
    /// What they do.
    pub act: Act,
}

/// What requests to an endpoint do.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    /// They contact nobody (R13).
    Nobody,
    /// They reach the people that they name.
    Send(&'static Send),
    /// They reach people whom nobody names to us: a name of [`crate::Profile::unnamed`].
    Unnamed(&'static str),
    /// They are not described: as a row behind others, for reads that may send.
    Unrecognised,
}

/// A send: where everything stands in it.
#[derive(Debug)]
pub struct Send {
    /// What it is in the provider's words, see [`crate::Sending::kind`].
    pub kind: &'static str,
    /// In which forms the provider takes it.
    pub forms: &'static [Form],
    /// Where its recipients stand. Without any in the request it is refused, unless [`Send::optional`]. No place at
    /// all: it names nobody, and only where it leads counts ([`Send::callbacks`]).
    pub to: &'static [To],
    /// A request that names nobody is one that contacts nobody.
    pub optional: bool,
    /// Fields that name people unknown to us (groups, lists), each with its name of
    /// [`crate::Profile::unnamed`].
    pub unnamed: &'static [(&'static str, &'static str)],
    /// Lists at the top of the request in which nobody need be left: such a list then goes as a whole.
    pub dispensable: &'static [&'static str],
    /// Objects that are keyed by recipient, out of which those who go are taken, too.
    pub keyed: &'static [&'static str],
    /// Fields with a value for each recipient, in their order, each with what stands between the values in one
    /// text. The values of those who go are taken out; a single one is everybody's.
    pub parallel: &'static [(&'static str, &'static str)],
    /// Addresses of the CRM for the provider to call.
    pub callbacks: &'static [(&'static str, CallbackKind)],
    /// Fields with which it leaves later.
    pub scheduled: &'static [&'static str],
    /// The field by which a send that leaves later can be cancelled. Where the request has none, it is refused as
    /// one that cannot be (`scheduled` in `allow_unnamed`). Empty: the provider gives a handle in its answer.
    pub handle: &'static str,
    /// What else must hold of a JSON body for its recipients to be certain.
    pub check: Option<Check>,
    /// Who sends.
    pub sender: &'static str,
    /// Tags, template or category.
    pub tags: &'static [&'static str],
}

/// See [`Send::check`].
pub type Check = fn(&crate::json::Json<'_>) -> Result<(), Unreadable>;

impl Send {
    /// A send of which nothing is said, to begin a description with.
    pub const NONE: Send = Send {
        kind: "message",
        forms: &[Form::Json],
        to: &[],
        optional: false,
        unnamed: &[],
        dispensable: &[],
        keyed: &[],
        parallel: &[],
        callbacks: &[],
        scheduled: &[],
        handle: "",
        check: None,
        sender: "",
        tags: &[],
    };
}

/// A form in which a provider takes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A JSON body.
    Json,
    /// An `application/x-www-form-urlencoded` body.
    Urlencoded,
    /// The query, with no body.
    Query,
}

/// Where recipients stand.
#[derive(Debug, Clone, Copy)]
pub struct To {
    /// The trail to their address.
    pub at: &'static str,
    /// What stands between several addresses in one text; empty: there is one.
    pub joined: &'static str,
    /// On which channel, by which kind of address.
    pub way: Way,
    /// Their part in the send.
    pub role: Role,
}

/// On which channel a recipient is reached, and by which kind of address.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// Always the same.
    Always(Channels, AddressKind),
    /// As a field beside the address says: its name, and what its values mean. Other values are refused.
    Beside(&'static str, &'static [(&'static str, Channels, AddressKind)]),
}

impl To {
    /// A telephone number that gets a message.
    pub const fn sms(at: &'static str) -> To {
        To::always(at, Channel::Sms, AddressKind::Phone)
    }
    /// A telephone number that is called.
    pub const fn call(at: &'static str) -> To {
        To::always(at, Channel::Call, AddressKind::Phone)
    }
    /// A mailbox.
    pub const fn email(at: &'static str, role: Role) -> To {
        To { role, ..To::always(at, Channel::Email, AddressKind::Email) }
    }
    /// An address of one kind on one channel.
    pub const fn always(at: &'static str, channel: Channel, kind: AddressKind) -> To {
        To { at, joined: "", way: Way::Always(Channels::of(channel), kind), role: Role::To }
    }
    /// Several of them, joined by this.
    #[must_use]
    pub const fn joined(self, separator: &'static str) -> To {
        To { joined: separator, ..self }
    }
}

impl Api {
    /// [`crate::Adapter::look`].
    ///
    /// # Errors
    /// When the path could be read as another one.
    pub fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        Ok(match self.find(head)? {
            Some(Act::Nobody) => Look::Nobody,
            Some(Act::Send(_) | Act::Unnamed(_)) => Look::Body,
            Some(Act::Unrecognised) | None => Look::Unrecognised,
        })
    }

    /// [`crate::Adapter::read`].
    ///
    /// # Errors
    /// When the recipients cannot be read with certainty.
    pub fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        match self.find(&request.head)? {
            Some(Act::Nobody) => Ok(Outbound::Nobody),
            Some(Act::Unnamed(name)) => Ok(Outbound::Unnamed(name)),
            Some(Act::Send(send)) => read::read(send, request),
            Some(Act::Unrecognised) | None => Ok(Outbound::Unrecognised),
        }
    }

    /// [`crate::Adapter::trim`].
    ///
    /// # Errors
    /// When the others alone cannot be sent to.
    pub fn trim(&self, request: &Request<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        let edits = self.edits(request, drop)?;
        Ok(if in_query(request) { Vec::new() } else { edits })
    }

    /// [`crate::Adapter::trim_query`]: for providers that take [`Form::Query`].
    pub fn trim_query(&self, request: &Request<'_>, drop: &[usize]) -> Option<String> {
        let query = request.head.query.filter(|_| in_query(request))?;
        let edits = self.edits(request, drop).ok()?;
        String::from_utf8(apply_edits(query.as_bytes(), &edits)).ok()
    }

    /// The edits to where the request names its recipients: its body, or its query when it has none.
    fn edits(&self, request: &Request<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        match self.find(&request.head) {
            Ok(Some(Act::Send(send))) => trim::trim(send, request, drop),
            _ => Err(CannotTrim("this is no send".into())),
        }
    }

    /// What a request's head asks for.
    fn find(&self, head: &Head<'_>) -> Result<Option<Act>, Unreadable> {
        let host = head.host.unwrap_or(self.main_host);
        let method = head.method.as_str();
        let is_read = path::is_read(head.method);
        let fitting = self.endpoints.iter().filter(|one| {
            (one.method == method || one.method == "*" && !is_read) && path::host_fits(one.host, host)
        });
        let rows = fitting.map(|one| (one.path, one.act));
        let trailed = if self.closing_slash { head.path.strip_suffix('/') } else { None };
        let path = trailed.filter(|path| !path.is_empty()).unwrap_or(head.path);
        match path::clean(path) {
            // What is merely looked at may be written in any way, unless it could be a read that sends.
            Err(tricky) if !is_read || rows.clone().next().is_some() => Err(tricky),
            Err(_) => Ok(Some(Act::Nobody)),
            Ok(()) => match path::lookup(rows, &path[1..])? {
                None if is_read => Ok(Some(Act::Nobody)),
                found => Ok(found),
            },
        }
    }
}

/// A request without a body names its recipients in the query.
fn in_query(request: &Request<'_>) -> bool {
    request.body.is_empty()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
