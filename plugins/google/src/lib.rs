//! Google's messages to businesses: Business Messages (`gmb`) and RCS for Business (`rbm`).
//!
//! Both are APIs of one make: the person stands in the path, errors are `google.rpc.Status`, `/batch` takes many
//! calls in one body. What differs is data, a [`Service`] each.
//!
//! Reading order: [`gmb`] and [`rbm`] (what their calls do, what their webhooks say), [`call`] (whom a call
//! reaches), [`batch`], [`refuse`], [`proof`]. What is understood and what is not is in the README.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod call;
mod gmb;
mod proof;
mod rbm;
mod refuse;
mod sandbox;

use call::{Act, Call};
use dndgate_adapter::{
    Adapter, AddressKind, Answer, Authentic, CannotTrim, Channel, Edit, Event, Forged, Head, Key, Learned,
    Look, Outbound, Profile, Proof, Refusal, Refused, Reply, Request, Secrets, Sending, Unreadable, Webhook,
    form,
};
use http::{Method, StatusCode};
use std::borrow::Cow;

/// One of the APIs, as data.
#[derive(Debug)]
struct Service {
    profile: &'static Profile,
    /// The channel, and the kind of address in the path.
    way: (Channel, AddressKind),
    /// The segment of a path behind which the person stands.
    people: &'static str,
    /// What calls do, by method and path as in [`dndgate_adapter::path::lookup`].
    calls: &'static [(Method, &'static str, Act)],
    /// The parameter that names the account.
    account: Option<&'static str>,
    /// The key with which webhooks are signed.
    key: &'static str,
    /// The signed bytes of a webhook.
    signed: fn(&[u8]) -> Option<Cow<'_, [u8]>>,
    /// What they say on that channel.
    says: fn(&[u8], Channel) -> Result<Vec<Event<'static>>, Unreadable>,
    /// Their stand-in.
    sandbox: &'static dyn dndgate_adapter::sandbox::Sandbox,
}

/// The adapter of one of the APIs.
#[derive(Debug, Clone, Copy)]
pub struct Google(&'static Service);

/// Google Business Messages.
pub static GMB: Google = Google(&gmb::SERVICE);
/// RCS for Business, on the channel SMS.
pub static RBM: Google = Google(&rbm::AS_SMS);
static RBM_AS_GMB: Google = Google(&rbm::AS_GMB);

/// The keys of [`rbm`].
pub static RBM_KEYS: &[Key] = &[Key {
    name: "channel",
    what: "the channel whose Do-Not-Disturb counts for RCS: \"SMS\" or \"GMB\"",
    for_webhooks: false,
}];

/// RCS for Business on the channel that the configuration names, SMS where it names none.
///
/// # Errors
/// When it names another one.
pub fn rbm(values: &Secrets) -> Result<&'static dyn Adapter, String> {
    match values.all("channel") {
        [] => Ok(&RBM),
        [one] => match Channel::parse(one) {
            Some(Channel::Sms) => Ok(&RBM),
            Some(Channel::Gmb) => Ok(&RBM_AS_GMB),
            _ => Err(format!("channel = {one:?}: write \"SMS\" (the default) or \"GMB\"")),
        },
        _ => Err("channel: name one channel, \"SMS\" (the default) or \"GMB\"".to_owned()),
    }
}

impl Adapter for Google {
    fn profile(&self) -> &'static Profile {
        self.0.profile
    }

    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        call::account(self.0, head.query?).ok()?
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        let call = Call::of(head, b"");
        call::refuse_override(head.query)?;
        call::refuse_other_protocols(head)?;
        if batch::is_one(&call) {
            return Ok(Look::Body);
        }
        Ok(match call::find(self.0, &call)? {
            Some(Act::Nobody) => Look::Nobody,
            Some(_) => {
                call::account(self.0, head.query.unwrap_or_default())?;
                Look::Body
            }
            None => Look::Unrecognised,
        })
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        let call = Call::of(&request.head, request.body);
        if batch::is_one(&call) {
            return batch::read(self.0, request);
        }
        call::read(self.0, &call)
    }

    fn trim(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        batch::trim(self.0, request, drop)
    }

    fn refuse(&self, _: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        refuse::refuse(refusal)
    }

    fn refuse_each(&self, request: &Request<'_>, _: &Sending<'_>, refused: &[Refused<'_>]) -> Option<Reply> {
        batch::refuse_each(self.0, request, refused)
    }

    fn learn(&self, _: &Request<'_>, send: &Sending<'_>, _: &[usize], answer: &Answer<'_>) -> Learned {
        refuse::learn(send, answer)
    }

    fn stitches(&self, send: &Sending<'_>) -> bool {
        send.kind == batch::KIND
    }

    fn stitch(
        &self,
        request: &Request<'_>,
        _: &Sending<'_>,
        refused: &[Refused<'_>],
        answer: &Answer<'_>,
    ) -> Option<Vec<u8>> {
        batch::stitch(self.0, request, refused, answer)
    }

    fn handshake(&self, webhook: &Webhook<'_>, secrets: &Secrets) -> Option<Reply> {
        proof::handshake(webhook, secrets.all(self.0.key))
    }

    fn verify(&self, webhook: &Webhook<'_>, secrets: &Secrets, _: jiff::Timestamp) -> Result<Proof, Forged> {
        proof::verify(webhook, (self.0.signed)(webhook.body), secrets.all(self.0.key))
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        let signed = (self.0.signed)(webhook.webhook().body)
            .ok_or_else(|| Unreadable::new("the webhook holds no event"))?;
        (self.0.says)(&signed, self.0.way.0)
    }

    fn acknowledge(&self, _: &Authentic<'_>) -> Reply {
        Reply::empty(StatusCode::OK)
    }

    fn sandbox(&self) -> Option<&'static dyn dndgate_adapter::sandbox::Sandbox> {
        Some(self.0.sandbox)
    }
}

/// The parameters of a query, which no two readers may see differently.
fn parameters(query: &str) -> Result<form::Form<'_>, Unreadable> {
    form::read(query.as_bytes())
}
