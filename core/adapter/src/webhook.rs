//! What a provider tells: webhooks, and the events in them.

use crate::{
    Adapter,
    outbound::{Answer, Recipient},
    request::Edit,
    sign,
    words::{AddressKind, Channel, Secrets},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::borrow::Cow;

/// A request that claims to come from the provider.
#[derive(Debug, Clone, Copy)]
pub struct Webhook<'a> {
    /// The method.
    pub method: &'a Method,
    /// The whole URL that the provider called, built from the configured `public_url`, query included.
    pub url: &'a str,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
    /// The document that [`Adapter::proof_document`] asked for, once the gateway has it.
    pub document: Option<&'a [u8]>,
}

impl<'a> Webhook<'a> {
    /// The query of the URL, without `?`.
    pub fn query(&self) -> Option<&'a str> {
        self.url.split_once('?').map(|(_, query)| query)
    }

    /// Does it bear one of these secrets? For providers that sign nothing and can only be told a secret: as the
    /// password or as `user:password` of HTTP Basic, as a Bearer token, or as the value of one of these header
    /// fields. Compared in constant time; a field that stands there twice, and an empty secret, prove nothing.
    pub fn bears(&self, secrets: &[String], fields: &[&str]) -> bool {
        let once = |name: &str| {
            let mut values = self.headers.get_all(name).iter();
            let value = values.next()?.as_bytes();
            values.next().is_none().then_some(value)
        };
        let mut offered: Vec<Vec<u8>> =
            fields.iter().filter_map(|name| once(name)).map(<[u8]>::to_vec).collect();
        let authorization = once("authorization").and_then(|value| std::str::from_utf8(value).ok());
        if let Some((scheme, rest)) = authorization.and_then(|value| value.split_once(' ')) {
            if scheme.eq_ignore_ascii_case("basic") {
                let pair = sign::from_base64(rest).unwrap_or_default();
                if let Some(colon) = pair.iter().position(|byte| *byte == b':') {
                    offered.push(pair[colon + 1..].to_vec());
                    offered.push(pair);
                }
            } else if scheme.eq_ignore_ascii_case("bearer") {
                offered.push(rest.trim().as_bytes().to_vec());
            }
        }
        let mut proven = false;
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            for one in &offered {
                proven |= sign::equal(secret.as_bytes(), one);
            }
        }
        proven
    }

    /// Does it come to an address that the gateway itself put into a send (see [`crate::Callback`])? Such an
    /// address holds a sealed token, which the gateway has opened before it asks for a proof, and only the provider
    /// was given it. It is the proof where a provider signs nothing and calls an address as the send names it.
    pub fn is_callback(&self) -> bool {
        let path = self.url.split(['?', '#']).next().unwrap_or_default();
        // The first place counts: what stands before it is the gateway's own `public_url`, which holds no such
        // segment; all behind it is the caller's.
        let after = path.split_once("/hooks/").and_then(|(_, after)| after.split_once('/'));
        after.is_some_and(|(_, rest)| rest.strip_prefix("cb/").is_some_and(|token| !token.is_empty()))
    }

    /// The only way to an [`Authentic`] webhook: the adapter has to verify it.
    ///
    /// # Errors
    /// When the adapter says that it is forged.
    pub fn prove(
        self,
        adapter: &dyn Adapter,
        secrets: &Secrets,
        now: jiff::Timestamp,
    ) -> Result<Authentic<'a>, Forged> {
        adapter.verify(&self, secrets, now).map(|proof| Authentic { webhook: self, proof })
    }
}

/// A webhook that is proven to be the provider's.
#[derive(Debug, Clone)]
pub struct Authentic<'a> {
    webhook: Webhook<'a>,
    proof: Proof,
}

impl<'a> Authentic<'a> {
    /// The webhook.
    pub fn webhook(&self) -> &Webhook<'a> {
        &self.webhook
    }
    /// How it was proven.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }
    /// A webhook of this gateway's own spool, proven when it came in.
    ///
    /// Only for passing on what [`Webhook::prove`] accepted earlier; never for what came over a wire.
    pub fn from_spool(webhook: Webhook<'a>) -> Authentic<'a> {
        Authentic { webhook, proof: Proof::default() }
    }
}

/// How a webhook was proven.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proof {
    /// Set where the signature covers no body: its token may prove one body only.
    pub once: Option<Once>,
}

/// A token that may prove one body only. The same token with another digest is a forgery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The token.
    pub token: String,
    /// A digest of what it was used for.
    pub digest: [u8; 32],
}

/// Why a webhook is not believed. The sentence holds no secret and no value from the webhook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Forged(pub &'static str);

/// One thing that a webhook or an answer says.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// The provider's id for it, by which a repetition is known (R30). Unique for the provider and account.
    pub id: Cow<'a, str>,
    /// The provider account, when it is named.
    pub account: Option<Cow<'a, str>>,
    /// When it happened, by the provider's clock.
    pub at: Option<jiff::Timestamp>,
    /// What happened.
    pub kind: EventKind<'a>,
}

impl Event<'static> {
    /// That the provider's answer to a send to this one person tells of a failure, without saying how final it is.
    /// `None`: the person is reached on no channel.
    pub fn of_answer(
        answer: &Answer<'_>,
        person: &Recipient<'_>,
        code: String,
        message: String,
    ) -> Option<Event<'static>> {
        let kind = EventKind::Failure {
            channel: person.channels.first()?,
            to_kind: person.kind,
            to: Cow::Owned(person.address.to_string()),
            code: code.into(),
            severity: Severity::Unsaid,
            message: message.into(),
        };
        Some(Event { id: sign::to_hex(&sign::sha256(answer.body)).into(), account: None, at: None, kind })
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind<'a> {
    /// A person wrote.
    Message {
        /// On this channel.
        channel: Channel,
        /// From this kind of address …
        from_kind: AddressKind,
        /// … and this address, as in [`Recipient::address`].
        from: Cow<'a, str>,
        /// What the person wrote or pressed.
        spoken: Spoken<'a>,
    },
    /// A person calls.
    InboundCall {
        /// From this number.
        from: Cow<'a, str>,
    },
    /// A send failed.
    Failure {
        /// On this channel.
        channel: Channel,
        /// The person's kind of address …
        to_kind: AddressKind,
        /// … and address.
        to: Cow<'a, str>,
        /// The provider's code, as `error_codes.lua` names it.
        code: Cow<'a, str>,
        /// What the provider says of its finality.
        severity: Severity,
        /// The provider's words, for the record.
        message: Cow<'a, str>,
    },
    /// A person used the provider's unsubscribe link or button (R17).
    Unsubscribe {
        /// On this channel.
        channel: Channel,
        /// The person's kind of address …
        kind: AddressKind,
        /// … and address.
        address: Cow<'a, str>,
    },
    /// A person marked a message as spam (R18).
    Complaint {
        /// On this channel.
        channel: Channel,
        /// The person's kind of address …
        kind: AddressKind,
        /// … and address.
        address: Cow<'a, str>,
    },
    /// A person used the provider's own button to stop messages, or to have them again.
    Preference {
        /// On this channel.
        channel: Channel,
        /// The person's kind of address …
        kind: AddressKind,
        /// … and address.
        address: Cow<'a, str>,
        /// The person wants messages again.
        resumes: bool,
        /// What was pressed, as `error_codes.lua` names it: the policy says what it means. A stop that no policy
        /// knows is an opt-out on the channel; a resumption that none knows changes nothing.
        code: Cow<'a, str>,
    },
    /// Two addresses are one person's, by the provider's word: what the person said from one holds for both.
    Same {
        /// One kind of address …
        kind: AddressKind,
        /// … and address, or a handle (see [`crate::Known::Handle`]).
        address: Cow<'a, str>,
        /// The other kind …
        other_kind: AddressKind,
        /// … and address.
        other: Cow<'a, str>,
    },
    /// A person's address gave way to another: what holds for the old one holds for the new one too. The old one
    /// may be somebody else's one day.
    Moved {
        /// The kind of the old address …
        kind: AddressKind,
        /// … and the old address.
        from: Cow<'a, str>,
        /// The kind of the new one …
        to_kind: AddressKind,
        /// … and the new address.
        to: Cow<'a, str>,
    },
    /// Anything else (delivered, opened, what the business itself wrote, …); the name is for metrics and must be one of few.
    Other(&'static str),
}

/// What a person said, every form of it that the provider gave, the most telling first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spoken<'a> {
    /// The text, then a pressed button's title and payload.
    pub texts: Vec<Cow<'a, str>>,
    /// What the provider itself took it for, where it says so (`opt_out`, `opt_in`, `help`).
    pub provider_meaning: Option<&'static str>,
}

/// How final a failure is by the provider's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Severity {
    /// It does not say.
    #[default]
    Unsaid,
    /// It will not be tried again and would fail again.
    Permanent,
    /// It may work later.
    Temporary,
}

/// Judges what stands in the CRM's answer to a webhook.
pub trait ReplyGate {
    /// May this person be reached?
    fn allows(&mut self, recipient: &Recipient<'_>) -> bool;
    /// The address that the provider shall call instead of `url` (which may be relative to the CRM's).
    fn link(&mut self, url: &str, kind: ReplyLink) -> String;
}

/// What stands behind a link in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyLink {
    /// A further document of instructions: must lead through the gateway.
    Document,
    /// A status callback.
    Status,
    /// A file to play or send: only made absolute.
    Media,
}

/// What to change so that the CRM's own verifier accepts a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resigned {
    /// Header fields that replace those of the same name.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Edits to the body.
    pub edits: Vec<Edit>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bears(fields: &[(&str, &str)], secret: &str) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                name.parse::<HeaderName>().expect("a name"),
                value.parse::<HeaderValue>().expect("a value"),
            );
        }
        let webhook = Webhook {
            method: &Method::POST,
            url: "https://x/",
            headers: &headers,
            body: b"",
            document: None,
        };
        webhook.bears(&["old".to_owned(), secret.to_owned()], &["x-token"])
    }

    #[test]
    fn a_secret_is_borne_in_one_of_four_ways() {
        let basic = format!("Basic {}", sign::to_base64(b"postmark:s3:cret"));
        for (value, secret) in [(&*basic, "s3:cret"), (&basic, "postmark:s3:cret"), ("bearer s3", "s3")] {
            assert!(bears(&[("authorization", value)], secret), "{value}");
        }
        assert!(bears(&[("x-token", "s3")], "s3"));
        for fields in [
            &[("authorization", &*basic)][..],
            &[("authorization", "Basic czM=")],
            &[("authorization", "s3")],
            &[("x-token", "s3"), ("x-token", "s3")],
            &[("x-other", "s3")],
            &[],
        ] {
            assert!(!bears(fields, "s3"), "{fields:?}");
        }
        assert!(!bears(&[("x-token", "")], ""), "an empty secret is none");
    }

    #[test]
    fn only_the_gateways_own_addresses_are_callbacks() {
        let is = |url: &str| {
            let headers = HeaderMap::new();
            Webhook { method: &Method::GET, url, headers: &headers, body: b"", document: None }.is_callback()
        };
        for url in
            ["https://g.example/hooks/acme/cb/AbC?status=1", "https://g.example/base/hooks/acme/cb/AbC"]
        {
            assert!(is(url), "{url}");
        }
        for url in [
            "https://g.example/hooks/acme",
            "https://g.example/hooks/acme/cb/",
            "https://g.example/hooks/acme/x/cb/AbC",
            "https://g.example/hooks/acme/x/hooks/acme/cb/AbC",
            "https://g.example/hooks/acme?x=/hooks/acme/cb/AbC",
            "https://g.example/hooks/cb/AbC",
        ] {
            assert!(!is(url), "{url}");
        }
    }
}
