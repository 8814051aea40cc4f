//! WhatsApp (Cloud API) and Messenger (Send API), both through Meta's Graph API.
//!
//! Reads top to bottom: how Graph reads a request and its batches (`graph`), what is a send and whom it reaches
//! (`sends`), what webhooks say (`events`), the two products and how each says no (`product`), the adapter itself,
//! and stand-ins for the demo (`sandbox`).

mod events;
mod graph;
mod product;
mod sandbox;
mod sends;

use dndgate_adapter::{
    Adapter, Answer, Authentic, CannotTrim, Channel, Channels, Edit, Event, EventKind, Forged, Head, Key,
    Known, Learned, Look, Outbound, Profile, Proof, Refusal, Refused, Reply, Request, Secrets, Sending,
    Severity, Unreadable, Webhook, sandbox::Sandbox,
};
use graph::{Path, answers, batch, proof, refuse, trim};
use http::StatusCode;
use product::Product;
use std::{borrow::Cow, time::Duration};

/// WhatsApp.
pub static WHATSAPP: Meta = Meta(Product::WhatsApp);
/// Facebook Messenger and Instagram Direct.
pub static MESSENGER: Meta = Meta(Product::Messenger);

/// See [`WHATSAPP`] and [`MESSENGER`].
#[derive(Debug)]
pub struct Meta(Product);

static WHATSAPP_PROFILE: Profile =
    Profile { name: "whatsapp", title: "WhatsApp", channels: Channels::of(Channel::WhatsApp), ..USUAL };

static MESSENGER_PROFILE: Profile =
    Profile { name: "messenger", title: "Messenger", channels: Channels::of(Channel::Fb), ..USUAL };

const USUAL: Profile = Profile {
    upstream: "https://graph.facebook.com",
    hosts: graph::HOSTS,
    keys: &[
        Key {
            name: "app_secret",
            what: "the app's secret, with which Meta signs webhooks",
            for_webhooks: true,
        },
        Key {
            name: "verify_token",
            what: "the token that Meta sends when the webhook's address is set up",
            for_webhooks: false,
        },
    ],
    // A document of WhatsApp has 100 MB.
    body_bytes_max: 110 << 20,
    // Meta waits for 20 seconds, and asks for an answer within 5.
    webhook_timeout: Duration::from_secs(7),
    unnamed: &["comment replies", "tokens", "conversations", "audiences", "groups"],
    ..Profile::USUAL
};

impl Adapter for Meta {
    fn profile(&self) -> &'static Profile {
        match self.0 {
            Product::WhatsApp => &WHATSAPP_PROFILE,
            Product::Messenger => &MESSENGER_PROFILE,
        }
    }

    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        self.0.account(&Path::read(head.path).ok()?).map(Cow::Owned)
    }

    /// A batch may be posted to any path, and `method` may make a read of a POST or the other way round.
    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        Ok(if graph::is_read(head) { Look::Nobody } else { Look::Body })
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        batch::read(self.0, request)
    }

    fn trim(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        trim::trim(self.0, request, drop)
    }

    fn trim_query(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Option<String> {
        trim::trim_query(self.0, request, drop)
    }

    fn refuse(&self, head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        refuse::reply(refusal.cause, &self.0.error(head.path, refusal))
    }

    fn refuse_each(
        &self,
        request: &Request<'_>,
        send: &Sending<'_>,
        refused: &[Refused<'_>],
    ) -> Option<Reply> {
        (send.kind == batch::KIND).then(|| answers::refuse_each(self.0, request, refused)).flatten()
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
        answers::stitch(self.0, request, refused, answer)
    }

    /// Messenger reports failures in answers alone, and there, too, whose a handle is.
    fn wants_answer(&self, send: &Sending<'_>, status: StatusCode) -> bool {
        let handle = send.recipients.iter().any(|one| matches!(one.known, Known::Handle(_)));
        status.is_client_error() || send.kind == batch::KIND || handle
    }

    fn learn(
        &self,
        request: &Request<'_>,
        send: &Sending<'_>,
        dropped: &[usize],
        answer: &Answer<'_>,
    ) -> Learned {
        let mut learned = Learned::default();
        for (index, body) in answers::told(self.0, request, send, dropped, answer) {
            let Some(recipient) = send.recipients.get(index) else { continue };
            if let Known::Handle(_) = recipient.known {
                learned.events.extend(events::owner(&recipient.address, &body));
            }
            let Some(error) = answers::error_of(&body) else { continue };
            // A call names two channels; what Meta says concerns its own.
            let channels = [Channel::WhatsApp, Channel::Fb].into_iter();
            let channel = channels.clone().find(|one| recipient.channels.has(*one));
            learned.events.push(Event {
                id: format!("answer:{}:{}", error.code, error.trace).into(),
                account: None,
                at: None,
                kind: EventKind::Failure {
                    channel: channel.unwrap_or(Channel::WhatsApp),
                    to_kind: recipient.kind,
                    to: recipient.address.to_string().into(),
                    code: error.code.into(),
                    severity: Severity::Unsaid,
                    message: error.message.into(),
                },
            });
        }
        learned
    }

    fn handshake(&self, webhook: &Webhook<'_>, secrets: &Secrets) -> Option<Reply> {
        proof::handshake(webhook, secrets)
    }

    fn verify(&self, webhook: &Webhook<'_>, secrets: &Secrets, _: jiff::Timestamp) -> Result<Proof, Forged> {
        proof::verify(webhook, secrets)
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        events::read(webhook.webhook().body)
    }

    fn acknowledge(&self, _: &Authentic<'_>) -> Reply {
        Reply::new(StatusCode::OK, "text/plain; charset=utf-8", "EVENT_RECEIVED")
    }

    fn sandbox(&self) -> Option<&'static dyn Sandbox> {
        Some(match self.0 {
            Product::WhatsApp => &sandbox::WhatsApp,
            Product::Messenger => &sandbox::Messenger,
        })
    }
}
