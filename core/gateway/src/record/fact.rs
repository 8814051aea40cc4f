//! One thing that was judged, owned, on its way to the record's thread.

use crate::route::{Route, TenantRoute};
use dndgate_adapter::{
    AddressKind, Channel, Channels, Event, EventKind, Known, Recipient, Sending, Severity,
};
use dndgate_dnd::{Normalised, ReasonKind, Region, address};
use dndgate_policy::Policies;
use dndgate_store::record::{About, CodeAbout, Entry, MessageAbout, Outcome, SendAbout, Who};
use jiff::Timestamp;
use std::{borrow::Cow, sync::Arc};

/// One thing that was judged.
pub(crate) struct Fact {
    pub(crate) at: Timestamp,
    pub(crate) tenant: Arc<str>,
    region: Region,
    route: Arc<Route>,
    id: Id,
    kind: AddressKind,
    /// As the adapter read it.
    address: Box<str>,
    what: What,
    /// It is to be written down.
    pub(super) kept: bool,
}

/// A request's id, or a provider's of an event.
enum Id {
    Request(uuid::Uuid),
    Event(Box<str>),
}

enum What {
    Send(Arc<Sent>, Channels, Verdict),
    Message(Channel, Said, Arc<Policies>),
    Code(Box<Code>, Arc<Policies>),
    Unsubscribe(Channel, Arc<Policies>),
}

/// What the recipients of a send share.
pub(super) struct Sent {
    id: uuid::Uuid,
    at: Timestamp,
    kind: &'static str,
    sender: Box<str>,
    tags: Box<[Box<str>]>,
    scheduled: bool,
}

impl Sent {
    pub(super) fn new(sending: &Sending<'_>, id: uuid::Uuid, at: Timestamp) -> Sent {
        Sent {
            id,
            at,
            kind: sending.kind,
            sender: (&*sending.sender).into(),
            tags: sending.tags.iter().map(|tag| (&**tag).into()).collect(),
            scheduled: sending.scheduled,
        }
    }
}

/// The verdict on a send to one recipient.
pub(super) enum Verdict {
    Allowed,
    /// By a rule of the operator's.
    Ruled {
        rule: Box<str>,
        reason: Box<str>,
    },
    /// By Do-Not-Disturb, before any rule was asked.
    KeptBack(ReasonKind),
}

struct Said {
    texts: Box<[Box<str>]>,
    provider_meaning: Option<&'static str>,
}

struct Code {
    channel: Channel,
    code: Box<str>,
    severity: Severity,
    message: Box<str>,
    resumes: Option<bool>,
}

/// Rules are asked about a recipient whose address is known.
pub(super) fn is_named(recipient: &Recipient<'_>) -> bool {
    !matches!(recipient.known, Known::Unnamed(_) | Known::Unreadable(_))
}

impl Fact {
    pub(super) fn send(
        route: &Arc<Route>,
        tenant: &TenantRoute,
        sent: &Arc<Sent>,
        recipient: &Recipient<'_>,
        verdict: Verdict,
        kept: bool,
    ) -> Fact {
        Fact {
            at: sent.at,
            tenant: Arc::clone(&tenant.name),
            region: tenant.tenant.region,
            route: Arc::clone(route),
            id: Id::Request(sent.id),
            kind: recipient.kind,
            address: (&*recipient.address).into(),
            what: What::Send(Arc::clone(sent), recipient.channels, verdict),
            kept,
        }
    }

    /// `None` for what no policy judges.
    pub(super) fn event(
        route: &Arc<Route>,
        tenant: &TenantRoute,
        event: &Event<'_>,
        policies: &Arc<Policies>,
        at: Timestamp,
    ) -> Option<Fact> {
        let policies = Arc::clone(policies);
        let (kind, address, what) = match &event.kind {
            EventKind::Message { channel, from_kind, from, spoken } => {
                let texts = spoken.texts.iter().map(|text| (&**text).into()).collect();
                let said = Said { texts, provider_meaning: spoken.provider_meaning };
                (*from_kind, from, What::Message(*channel, said, policies))
            }
            EventKind::Failure { channel, to_kind, to, code, severity, message } => {
                let code = Code {
                    channel: *channel,
                    code: (&**code).into(),
                    severity: *severity,
                    message: (&**message).into(),
                    resumes: None,
                };
                (*to_kind, to, What::Code(Box::new(code), policies))
            }
            EventKind::Preference { channel, kind, address, resumes, code } => {
                let code = Code {
                    channel: *channel,
                    code: (&**code).into(),
                    severity: Severity::Unsaid,
                    message: "".into(),
                    resumes: Some(*resumes),
                };
                (*kind, address, What::Code(Box::new(code), policies))
            }
            EventKind::Unsubscribe { channel, kind, address } => {
                (*kind, address, What::Unsubscribe(*channel, policies))
            }
            EventKind::InboundCall { .. }
            | EventKind::Complaint { .. }
            | EventKind::Same { .. }
            | EventKind::Moved { .. }
            | EventKind::Other(_) => return None,
        };
        Some(Fact {
            at,
            tenant: Arc::clone(&tenant.name),
            region: tenant.tenant.region,
            route: Arc::clone(route),
            id: Id::Event((&*event.id).into()),
            kind,
            address: (&**address).into(),
            what,
            kept: true,
        })
    }

    /// What its texts weigh.
    pub(super) fn bytes(&self) -> usize {
        let what = match &self.what {
            What::Send(sent, ..) => sent.sender.len() + sent.tags.iter().map(|tag| tag.len()).sum::<usize>(),
            What::Message(_, said, _) => said.texts.iter().map(|text| text.len()).sum(),
            What::Code(code, _) => code.code.len() + code.message.len(),
            What::Unsubscribe(..) => 0,
        };
        self.address.len() + what
    }

    /// Whom it concerns; `None` when the address is none, so that nothing was judged either.
    pub(super) fn person(&self) -> Option<Normalised> {
        address::normalise(self.kind, &self.address, self.region).ok()
    }

    /// The policies that judged it, but for a send, whose verdict it knows.
    pub(super) fn policies(&self) -> Option<&Policies> {
        match &self.what {
            What::Send(..) => None,
            What::Message(_, _, policies) | What::Code(_, policies) | What::Unsubscribe(_, policies) => {
                Some(policies)
            }
        }
    }

    /// What the gate made of a send.
    pub(super) fn verdict(&self) -> Option<Outcome<'static>> {
        let What::Send(_, _, verdict) = &self.what else { return None };
        Some(match verdict {
            Verdict::Allowed => crate::replay::allowed(),
            Verdict::KeptBack(kind) => crate::replay::kept_back(*kind),
            Verdict::Ruled { rule, reason } => crate::replay::blocked(rule, reason),
        })
    }

    /// As a line of the record, with all that is known of it.
    pub(crate) fn entry<'a>(&'a self, who: Who, person: &'a Normalised, was: Outcome<'a>) -> Entry<'a> {
        let texts = |texts: &'a [Box<str>]| texts.iter().map(|text| Cow::Borrowed(&**text)).collect();
        let about = match &self.what {
            What::Send(sent, channels, verdict) => About::Send(SendAbout {
                channels: *channels,
                kind: sent.kind.into(),
                address_kind: self.kind,
                address: person.shown.as_str().into(),
                sender: (&*sent.sender).into(),
                tags: texts(&sent.tags),
                scheduled: sent.scheduled,
                thinned: false,
                kept_back: match verdict {
                    Verdict::KeptBack(kind) => Some(kind.name().into()),
                    _ => None,
                },
            }),
            What::Message(channel, said, _) => About::Message(MessageAbout {
                channel: *channel,
                texts: Some(texts(&said.texts)),
                provider_meaning: said.provider_meaning.map(Cow::Borrowed),
            }),
            What::Code(code, _) => About::Code(CodeAbout {
                channel: code.channel,
                adapter: self.route.provider.adapter.profile().name.into(),
                code: (&*code.code).into(),
                severity: code.severity,
                message: (&*code.message).into(),
                resumes: code.resumes,
            }),
            What::Unsubscribe(channel, _) => About::Unsubscribe(*channel),
        };
        let id = match &self.id {
            Id::Request(id) => Cow::Owned(id.to_string()),
            Id::Event(id) => Cow::Borrowed(&**id),
        };
        let (tenant, provider) = ((&*self.tenant).into(), self.route.provider.name.as_str().into());
        Entry { who, at: self.at, tenant, provider, id, about, was }
    }
}
