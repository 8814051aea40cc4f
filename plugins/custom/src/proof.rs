//! Whether a webhook is the provider's.

use crate::{
    describe::{Fault, SECRET},
    file::{self, Algorithm, Encoding, How},
    template::{Escape, Template},
};
use dndgate_adapter::{Forged, Proof, Resigned, Secrets, Webhook, sign};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use std::time::Duration;
use toml::Spanned;

/// What may stand in `over`.
const NAMES: &[&str] = &["body", "timestamp", "nonce", "url", "method"];
/// How old a signature may be when the description does not say.
const TOLERANCE: Duration = Duration::from_secs(300);

/// How webhooks are proven.
#[derive(Debug)]
pub(crate) enum Proofs {
    /// A keyed signature.
    Hmac(Hmac),
    /// A shared secret in a header field.
    Header(HeaderName),
    /// `user:password`.
    Basic,
    /// A shared secret in the query.
    Query(String),
}

/// A keyed signature.
#[derive(Debug)]
pub(crate) struct Hmac {
    header: HeaderName,
    prefix: String,
    algorithm: Algorithm,
    encoding: Encoding,
    over: Vec<Over>,
    timestamp: Option<HeaderName>,
    nonce: Option<HeaderName>,
    tolerance: Duration,
}

/// A piece of what is signed. The body may be no text: pieces are bytes.
#[derive(Debug, PartialEq, Eq)]
enum Over {
    Text(String),
    Body,
    Timestamp,
    Nonce,
    Url,
    Method,
}

impl Proofs {
    pub(crate) fn describe(written: Spanned<file::Proof>) -> Result<Proofs, Fault> {
        let at = written.span().start;
        let written = written.into_inner();
        let wrong = |why: &str| (at, format!("webhook.proof: {why}"));
        let signs = written.algorithm.is_some() || written.encoding.is_some() || written.over.is_some();
        let signs =
            signs || written.timestamp.is_some() || written.nonce.is_some() || written.prefix.is_some();
        if written.how != How::Hmac && (signs || written.tolerance_seconds.is_some()) {
            return Err(wrong(
                "algorithm, encoding, prefix, over, timestamp, nonce, tolerance_seconds are for hmac",
            ));
        }
        match (written.how, &written.header, &written.field) {
            (How::Hmac, _, None) => Hmac::describe(&written, &wrong).map(Proofs::Hmac),
            (How::Header, header, None) => {
                header_name(header.as_ref(), "header").map(Proofs::Header).map_err(|why| wrong(&why))
            }
            (How::Basic, None, None) => Ok(Proofs::Basic),
            (How::Query, None, Some(field)) if !field.is_empty() => Ok(Proofs::Query(field.clone())),
            (How::Query, ..) => Err(wrong("a secret in the query needs field, and no header")),
            _ => Err(wrong("header is for hmac and header, field is for query")),
        }
    }

    /// Compares with every secret, in constant time.
    pub(crate) fn verify(
        &self,
        webhook: &Webhook<'_>,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Result<Proof, Forged> {
        let secrets = secrets.all(SECRET);
        if secrets.is_empty() {
            return Err(Forged("no secret is configured: it cannot be proven"));
        }
        // An address that the gateway itself made holds a secret of its own, and the provider can add none.
        if webhook.is_callback() && !matches!(self, Proofs::Hmac(_)) {
            return Ok(Proof::default());
        }
        let shown = match self {
            Proofs::Hmac(hmac) => return hmac.verify(webhook, secrets, now),
            Proofs::Header(header) => only(webhook, header).map(str::as_bytes).map(<[u8]>::to_vec),
            Proofs::Basic => only(webhook, &http::header::AUTHORIZATION)
                .and_then(|value| {
                    value.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case("basic ")).and(value.get(6..))
                })
                .and_then(sign::from_base64),
            Proofs::Query(field) => {
                let query = webhook.query().unwrap_or_default().as_bytes();
                let mut found = form_urlencoded::parse(query).filter(|(name, _)| name == field);
                let first = found.next().map(|(_, value)| value.into_owned().into_bytes());
                if found.next().is_none() { first } else { None }
            }
        };
        let shown = shown.ok_or(Forged("it has no secret, or more than one"))?;
        let mut proven = false;
        for secret in secrets {
            proven |= sign::equal(secret.as_bytes(), &shown);
        }
        if proven { Ok(Proof::default()) } else { Err(Forged("its secret is not the configured one")) }
    }

    /// A signature that the CRM's own verifier accepts, where it covers what is different there.
    pub(crate) fn resign(
        &self,
        webhook: &Webhook<'_>,
        url: &str,
        secrets: &Secrets,
        now: Timestamp,
        late: bool,
    ) -> Option<Resigned> {
        let Proofs::Hmac(hmac) = self else { return None };
        let fresh = hmac.timestamp.as_ref().filter(|_| late);
        if fresh.is_none() && !hmac.over.contains(&Over::Url) {
            return None;
        }
        let mut headers = webhook.headers.clone();
        let mut changed = Vec::new();
        if let Some(name) = fresh {
            // As it was written: seconds, milliseconds or a date.
            let as_it_was = only(webhook, name)?;
            let text = match as_it_was.parse::<i64>() {
                Ok(number) if number.unsigned_abs() > MILLISECONDS_FROM => now.as_millisecond().to_string(),
                Ok(_) => now.as_second().to_string(),
                Err(_) => now.to_string(),
            };
            let value = HeaderValue::try_from(text).ok()?;
            headers.insert(name, value.clone());
            changed.push((name.clone(), value));
        }
        let webhook = Webhook { url, headers: &headers, ..*webhook };
        let signature = hmac.sign(&webhook, secrets.first(SECRET)?.as_bytes())?;
        changed.push((hmac.header.clone(), HeaderValue::try_from(signature).ok()?));
        Some(Resigned { headers: changed, edits: Vec::new() })
    }

    /// Signs as the provider would, for tests.
    #[doc(hidden)]
    pub(crate) fn sign(&self, webhook: &Webhook<'_>, secret: &str) -> Option<(HeaderName, String)> {
        match self {
            Proofs::Hmac(hmac) => {
                hmac.sign(webhook, secret.as_bytes()).map(|text| (hmac.header.clone(), text))
            }
            _ => None,
        }
    }
}

/// The name of a header field, from that key.
fn header_name(name: Option<&String>, key: &str) -> Result<HeaderName, String> {
    let name = name.ok_or_else(|| format!("{key} is missing: in which header field?"))?;
    name.parse().map_err(|_| format!("{key}: {name:?} is no name of a header field"))
}

/// Unix times beyond this are milliseconds: as seconds they would lie in the year 5138.
pub(crate) const MILLISECONDS_FROM: u64 = 100_000_000_000;

/// A header field's value, if it stands there exactly once.
fn only<'a>(webhook: &Webhook<'a>, name: &HeaderName) -> Option<&'a str> {
    let mut values = webhook.headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

impl Hmac {
    fn describe(written: &file::Proof, wrong: &dyn Fn(&str) -> Fault) -> Result<Hmac, Fault> {
        let name = |name: Option<&String>, key: &str| header_name(name, key).map_err(|why| wrong(&why));
        let optional = |field: &Option<String>, key: &str| match field {
            Some(field) => name(Some(field), key).map(Some),
            None => Ok(None),
        };
        let timestamp = optional(&written.timestamp, "timestamp")?;
        let nonce = optional(&written.nonce, "nonce")?;
        let text = written.over.as_deref().unwrap_or("{{body}}");
        // The template's own check of names; the pieces are taken apart here.
        Template::read(text, NAMES, Escape::Plain).map_err(|why| wrong(&format!("over: {why}")))?;
        let over = pieces(text);
        let has = |piece: Over| over.contains(&piece);
        if !has(Over::Body) {
            return Err(wrong("over: {{body}} is missing: a signature that leaves it out proves nothing"));
        }
        if has(Over::Timestamp) != timestamp.is_some() {
            return Err(wrong(
                "timestamp names the header field of the time that stands as {{timestamp}} in over: both or none",
            ));
        }
        if has(Over::Nonce) != nonce.is_some() {
            return Err(wrong(
                "nonce names the header field of what stands as {{nonce}} in over: both or none",
            ));
        }
        if written.tolerance_seconds.is_some() && timestamp.is_none() {
            return Err(wrong("tolerance_seconds needs timestamp"));
        }
        Ok(Hmac {
            header: name(written.header.as_ref(), "header")?,
            prefix: written.prefix.clone().unwrap_or_default(),
            algorithm: written.algorithm.unwrap_or(Algorithm::Sha256),
            encoding: written.encoding.unwrap_or(Encoding::Hex),
            over,
            timestamp,
            nonce,
            tolerance: crate::describe::seconds(written.tolerance_seconds, TOLERANCE),
        })
    }

    fn verify(&self, webhook: &Webhook<'_>, secrets: &[String], now: Timestamp) -> Result<Proof, Forged> {
        if webhook.body.is_empty() && !self.over.contains(&Over::Url) {
            return Err(Forged("what it says is not signed: the signature covers a body, and there is none"));
        }
        if let Some(name) = &self.timestamp {
            let shown = only(webhook, name).ok_or(Forged("it has no time stamp"))?;
            let at = time(shown).ok_or(Forged("its time stamp is no time"))?;
            if now.duration_since(at).unsigned_abs() > self.tolerance {
                return Err(Forged("its time stamp is too old, or from the future"));
            }
        }
        let shown = only(webhook, &self.header).ok_or(Forged("it has no signature, or more than one"))?;
        let shown =
            shown.strip_prefix(&self.prefix).ok_or(Forged("its signature has not the agreed prefix"))?;
        let shown = match self.encoding {
            Encoding::Hex => from_hex(shown.trim()),
            Encoding::Base64 => sign::from_base64(shown),
        };
        let shown = shown.ok_or(Forged("its signature is not in the agreed encoding"))?;
        let message = self.message(webhook).ok_or(Forged("it has no nonce, or more than one"))?;
        let mut proven = false;
        for secret in secrets {
            proven |= sign::equal(&self.digest(secret.as_bytes(), &message), &shown);
        }
        if proven { Ok(Proof::default()) } else { Err(Forged("its signature is not the provider's")) }
    }

    fn message(&self, webhook: &Webhook<'_>) -> Option<Vec<u8>> {
        let field = |name: &Option<HeaderName>| name.as_ref().and_then(|name| only(webhook, name));
        let mut message = Vec::with_capacity(webhook.body.len() + 64);
        for piece in &self.over {
            message.extend_from_slice(match piece {
                Over::Text(text) => text.as_bytes(),
                Over::Body => webhook.body,
                Over::Timestamp => field(&self.timestamp)?.as_bytes(),
                Over::Nonce => field(&self.nonce)?.as_bytes(),
                Over::Url => webhook.url.as_bytes(),
                Over::Method => webhook.method.as_str().as_bytes(),
            });
        }
        Some(message)
    }

    fn digest(&self, secret: &[u8], message: &[u8]) -> Vec<u8> {
        match self.algorithm {
            Algorithm::Sha1 => sign::hmac_sha1(secret, message).to_vec(),
            Algorithm::Sha256 => sign::hmac_sha256(secret, message).to_vec(),
            Algorithm::Sha512 => sign::hmac_sha512(secret, message).to_vec(),
        }
    }

    fn sign(&self, webhook: &Webhook<'_>, secret: &[u8]) -> Option<String> {
        let digest = self.digest(secret, &self.message(webhook)?);
        let text = match self.encoding {
            Encoding::Hex => sign::to_hex(&digest),
            Encoding::Base64 => sign::to_base64(&digest),
        };
        Some(format!("{}{text}", self.prefix))
    }
}

fn pieces(text: &str) -> Vec<Over> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").unwrap_or((after, ""));
        if !before.is_empty() {
            all.push(Over::Text(before.to_owned()));
        }
        all.push(match name.trim() {
            "body" => Over::Body,
            "timestamp" => Over::Timestamp,
            "nonce" => Over::Nonce,
            "url" => Over::Url,
            _ => Over::Method,
        });
        rest = behind;
    }
    if !rest.is_empty() {
        all.push(Over::Text(rest.to_owned()));
    }
    all
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|char| char.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Unix seconds or milliseconds, or a date and time with its offset (RFC 3339).
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    match text.parse::<i64>() {
        Ok(number) if number.unsigned_abs() > MILLISECONDS_FROM => Timestamp::from_millisecond(number).ok(),
        Ok(number) => Timestamp::from_second(number).ok(),
        Err(_) => text.parse().ok(),
    }
}
