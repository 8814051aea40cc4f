//! Proof of a webhook, and signing anew what is passed on late.
//!
//! The signature covers a time stamp and a token, nothing else: whoever saw one could put it on any event.
//! So a token proves one body only (see [`Once`]), and only for a while.

use crate::{SIGNING_KEY, fields::Fields};
use dndgate_adapter::{
    Edit, Forged, Head, Once, Proof, Resigned, Secrets, Unreadable, Webhook,
    json::{self, Json, Value},
    sign,
};
use jiff::{SignedDuration, Timestamp};
use std::{borrow::Cow, ops::Range};

/// How old a signature may be: Mailgun repeats a webhook for eight hours, and whether it then signs anew is
/// not known.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(9);
/// How far its clock may be ahead of ours.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(10);
/// Digits of a time stamp. Fixed, because nothing separates it from the token in what is signed: digits moved
/// from one to the other would leave the signature good.
const TIMESTAMP_DIGITS: usize = 10;
/// Bytes of a token: Mailgun's have 50.
const TOKEN_BYTES: std::ops::RangeInclusive<usize> = 16..=256;

/// Is the webhook Mailgun's?
pub(crate) fn verify(webhook: &Webhook<'_>, secrets: &Secrets, now: Timestamp) -> Result<Proof, Forged> {
    let said = Said::read(webhook).ok_or(Forged("the webhook bears no signature"))?;
    let signature = &said.signature;
    let at = signature.at().ok_or(Forged("the signature's time stamp or token is not one"))?;
    if !signature.is_good(secrets) {
        return Err(Forged("the signature is wrong"));
    }
    if now.duration_since(at) > AGE_MAX {
        return Err(Forged("the signature is too old"));
    }
    if at.duration_since(now) > AHEAD_MAX {
        return Err(Forged("the signature is from the future"));
    }
    let digest = said.digest(webhook.body);
    Ok(Proof { once: Some(Once { token: signature.token.to_string(), digest }) })
}

/// What to change so that the CRM's verifier takes it as fresh.
pub(crate) fn resign(webhook: &Webhook<'_>, secrets: &Secrets, now: Timestamp) -> Option<Resigned> {
    let said = Said::read(webhook)?;
    let old = &said.signature;
    let keys = secrets.all(SIGNING_KEY);
    let verifies = |key: &&String, signature: &str| old.matches(key, signature);
    let key = keys.iter().find(|key| verifies(key, &old.signature)).or(keys.first())?;
    let parent = old.parent.as_deref().and_then(|parent| keys.iter().find(|key| verifies(key, parent)));
    let timestamp = now.as_second().to_string();
    let fresh = Fresh {
        signature: signed(key, &timestamp, &old.token),
        parent: parent.map(|key| signed(key, &timestamp, &old.token)),
        timestamp,
    };
    let mut edits = match &said.body {
        Body::Json { signature } => {
            let value = json::read(&webhook.body[signature.clone()]).ok()?;
            vec![Edit {
                range: signature.clone(),
                with: fresh.object(&webhook.body[signature.clone()], &value),
            }]
        }
        Body::Fields { fields, timestamp, signature } => {
            vec![fields.replace(*timestamp, &fresh.timestamp)?, fields.replace(*signature, &fresh.signature)?]
        }
    };
    edits.sort_by_key(|edit| edit.range.start);
    Some(Resigned { headers: Vec::new(), edits })
}

/// The signature of a time stamp and a token, as Mailgun writes it.
pub(crate) fn signed(key: &str, timestamp: &str, token: &str) -> String {
    sign::to_hex(&sign::hmac_sha256(key.as_bytes(), format!("{timestamp}{token}").as_bytes()))
}

/// A request's head made of a webhook's, for the readers of bodies.
pub(crate) fn head<'a>(webhook: &Webhook<'a>) -> Head<'a> {
    Head { method: webhook.method, host: None, path: "/", query: None, headers: webhook.headers }
}

/// Is the body meant to be JSON?
pub(crate) fn is_json(webhook: &Webhook<'_>) -> bool {
    match head(webhook).media_type() {
        Some(media) => media == "application/json",
        None => webhook.body.trim_ascii_start().starts_with(b"{"),
    }
}

/// A webhook's signature and where it stands.
struct Said<'a> {
    signature: Signature<'a>,
    body: Body<'a>,
}

enum Body<'a> {
    Json { signature: Range<usize> },
    Fields { fields: Fields<'a>, timestamp: usize, signature: usize },
}

struct Signature<'a> {
    timestamp: Cow<'a, str>,
    token: Cow<'a, str>,
    signature: Cow<'a, str>,
    parent: Option<Cow<'a, str>>,
}

impl<'a> Said<'a> {
    fn read(webhook: &Webhook<'a>) -> Option<Said<'a>> {
        if is_json(webhook) {
            let range = signature_object(webhook.body)?;
            let value = json::read(&webhook.body[range.clone()]).ok()?;
            let text = |name: &str| value.get(name).and_then(scalar);
            let signature = Signature {
                timestamp: text("timestamp")?,
                token: text("token")?,
                signature: text("signature")?,
                parent: text("parent-signature"),
            };
            return Some(Said { signature, body: Body::Json { signature: range } });
        }
        let fields = Fields::read(&head(webhook), webhook.body).ok()?;
        // A sender's variables and a mail's own header fields stand among the others: Mailgun's come last.
        let (timestamp, token, signature) =
            (fields.last("timestamp")?, fields.last("token")?, fields.last("signature")?);
        let texts = [timestamp, token, signature].map(|field| fields.text(field).ok());
        let [Some(timestamp_text), Some(token), Some(signature_text)] = texts else { return None };
        let read = Signature { timestamp: timestamp_text, token, signature: signature_text, parent: None };
        Some(Said { signature: read, body: Body::Fields { fields, timestamp, signature } })
    }

    /// A digest of everything but the signature, the same when it is sent again with another boundary.
    fn digest(&self, body: &[u8]) -> [u8; 32] {
        match &self.body {
            Body::Json { signature } => {
                sign::sha256(&[&body[..signature.start], &body[signature.end..]].concat())
            }
            Body::Fields { fields, timestamp, signature } => {
                let mut digests = Vec::new();
                for field in (0..fields.len()).filter(|field| field != timestamp && field != signature) {
                    digests.extend(sign::sha256(fields.name(field).as_bytes()));
                    digests.extend(sign::sha256(fields.bytes(field)));
                }
                sign::sha256(&digests)
            }
        }
    }
}

impl Signature<'_> {
    /// Its time, when time stamp and token look as Mailgun's do.
    fn at(&self) -> Option<Timestamp> {
        let digits = self.timestamp.len() == TIMESTAMP_DIGITS
            && self.timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let token = TOKEN_BYTES.contains(&self.token.len())
            && self.token.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if digits && token { Timestamp::from_second(self.timestamp.parse().ok()?).ok() } else { None }
    }

    fn is_good(&self, secrets: &Secrets) -> bool {
        let signatures = [Some(&self.signature), self.parent.as_ref()];
        let mut good = false;
        for key in secrets.all(SIGNING_KEY).iter().filter(|key| !key.is_empty()) {
            for signature in signatures.into_iter().flatten() {
                good |= self.matches(key, signature);
            }
        }
        good
    }

    fn matches(&self, key: &str, signature: &str) -> bool {
        sign::equal(signed(key, &self.timestamp, &self.token).as_bytes(), signature.as_bytes())
    }
}

/// A fresh signature.
struct Fresh {
    timestamp: String,
    signature: String,
    parent: Option<String>,
}

impl Fresh {
    /// The signature object with the new values; whatever else stands in it stays.
    fn object(&self, bytes: &[u8], old: &Json<'_>) -> Vec<u8> {
        let mut out = Vec::from(b"{");
        for member in old.as_object().unwrap_or_default() {
            let written = match &*member.key {
                "timestamp" if matches!(member.value.value, Value::Number(_)) => self.timestamp.clone(),
                "timestamp" => quoted(&self.timestamp),
                "signature" => quoted(&self.signature),
                "parent-signature" => match &self.parent {
                    Some(parent) => quoted(parent),
                    // Of a key that is not known here: it would be wrong now.
                    None => continue,
                },
                _ => String::from_utf8_lossy(&bytes[member.value.range.clone()]).into_owned(),
            };
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend(format!("{}:{written}", quoted(&member.key)).bytes());
        }
        out.push(b'}');
        out
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A string or a number, as text.
pub(crate) fn scalar<'a>(value: &Json<'a>) -> Option<Cow<'a, str>> {
    match value.value {
        Value::Number(digits) => Some(Cow::Borrowed(digits)),
        _ => value.text(),
    }
}

/// Where the signature object stands. Also found in JSON that is broken elsewhere: what is proven but cannot
/// be read is passed on all the same.
fn signature_object(body: &[u8]) -> Option<Range<usize>> {
    const KEY: &[u8] = b"\"signature\"";
    if let Ok(value) = json::read(body) {
        let signature = value.get("signature")?;
        return signature.as_object().map(|_| signature.range.clone());
    }
    let key_end = body.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let start =
        key_end + body[key_end..].iter().position(|byte| !byte.is_ascii_whitespace() && *byte != b':')?;
    let end = start + body[start..].iter().position(|byte| *byte == b'}')? + 1;
    let object: Result<Json<'_>, Unreadable> = json::read(&body[start..end]);
    object.ok()?.as_object().map(|_| start..end)
}
