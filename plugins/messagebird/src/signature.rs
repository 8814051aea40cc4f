//! Is a webhook MessageBird's? A token over address and body, or a signature over time, address and body.

use dndgate_adapter::{Forged, Head, Proof, Resigned, Webhook, form, jwt, sign};
use http::{HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use serde_json::json;

const TOKEN: &str = "messagebird-signature-jwt";
const SIGNATURE: &str = "messagebird-signature";
const STAMP: &str = "messagebird-request-timestamp";

/// How far clocks may differ where a token says from when until when it holds; what the SDKs allow.
const LEEWAY_SECONDS: i64 = 1;
/// How old a signature may be.
const SECONDS_MAX: u64 = 300;
/// How long a token of the gateway's own holds.
const LIFETIME_SECONDS: i64 = 60;

pub(crate) fn verify(webhook: &Webhook<'_>, keys: &[String], now: Timestamp) -> Result<Proof, Forged> {
    if webhook.headers.contains_key(TOKEN) {
        return token(webhook, keys, now);
    }
    let given = field(webhook, SIGNATURE).ok_or(Forged("it has no signature"))?;
    let given = sign::from_base64(given).ok_or(Forged("its signature is not base64"))?;
    let stamp = field(webhook, STAMP).ok_or(Forged("it has no time stamp"))?;
    let seconds: i64 = stamp.parse().map_err(|_| Forged("its time stamp is no number"))?;
    if seconds.abs_diff(now.as_second()) > SECONDS_MAX {
        return Err(Forged("its time stamp is too old, or from the future"));
    }
    let messages = messages(webhook, stamp, webhook.url).ok_or(Forged("its query cannot be read"))?;
    let proven = keys.iter().filter(|key| !key.is_empty()).fold(false, |proven, key| {
        let signs = |message: &Vec<u8>| sign::equal(&sign::hmac_sha256(key.as_bytes(), message), &given);
        proven | messages.iter().fold(false, |proven, message| proven | signs(message))
    });
    if proven { Ok(Proof::default()) } else { Err(Forged("its signature is not MessageBird's")) }
}

fn field<'a>(webhook: &Webhook<'a>, name: &str) -> Option<&'a str> {
    let head = Head { method: &Method::POST, host: None, path: "/", query: None, headers: webhook.headers };
    head.header(name)
}

fn token(webhook: &Webhook<'_>, keys: &[String], now: Timestamp) -> Result<Proof, Forged> {
    let text = field(webhook, TOKEN).ok_or(Forged("it has more than one token"))?;
    let token = jwt::read(text).ok_or(Forged("its token is none that a secret signs"))?;
    if !token.is_signed_with(keys) || token.text("iss").as_deref() != Some("MessageBird") {
        return Err(Forged("its signature is not MessageBird's"));
    }
    let now = now.as_second();
    let begin = token.seconds("nbf").ok_or(Forged("its token does not say from when it holds"))?;
    let end = token.seconds("exp").ok_or(Forged("its token does not say until when it holds"))?;
    if begin > now + LEEWAY_SECONDS || end < now - LEEWAY_SECONDS {
        return Err(Forged("its token holds at another time"));
    }
    let is_hash_of = |claim: &str, bytes: &[u8]| {
        let hash = sign::to_hex(&sign::sha256(bytes));
        token.text(claim).is_some_and(|claimed| claimed.eq_ignore_ascii_case(&hash))
    };
    if !is_hash_of("url_hash", webhook.url.as_bytes()) {
        return Err(Forged("its token is for another address"));
    }
    let covered = match webhook.body.is_empty() {
        true => !token.has("payload_hash"),
        false => is_hash_of("payload_hash", webhook.body),
    };
    if covered { Ok(Proof::default()) } else { Err(Forged("its body is not the one that was signed")) }
}

/// What the two kinds of signature cover: the older one the sorted query, Bird's the address; both the time and a
/// hash of the body.
fn messages(webhook: &Webhook<'_>, stamp: &str, url: &str) -> Option<[Vec<u8>; 2]> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = form::read(query.as_bytes()).ok()?;
    let mut pairs: Vec<(&str, &str)> = query.pairs().iter().map(|pair| (&*pair.name, &*pair.value)).collect();
    pairs.sort_by_key(|(name, _)| *name);
    let encode = |text: &str| form_encoded(text);
    let sorted: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let hash = sign::sha256(webhook.body);
    let message = |middle: &str| [stamp.as_bytes(), b"\n", middle.as_bytes(), b"\n", &hash].concat();
    Some([message(&sorted.join("&")), message(url)])
}

/// As Python's `urlencode` writes it.
fn form_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Signed anew for the CRM's address, in the way in which it was signed.
pub(crate) fn resign(webhook: &Webhook<'_>, url: &str, key: &str, now: Timestamp) -> Option<Resigned> {
    let mut headers = Vec::new();
    let mut put = |name: &'static str, value: String| {
        headers.extend(HeaderValue::try_from(value).ok().map(|value| (HeaderName::from_static(name), value)));
    };
    if webhook.headers.contains_key(TOKEN) {
        let id = field(webhook, TOKEN).and_then(jwt::read).and_then(|token| token.text("jti"));
        put(TOKEN, sign_token(webhook.body, url, key, now, id.as_deref().unwrap_or_default()));
    } else {
        let stamp = now.as_second().to_string();
        let [older, newer] = messages(webhook, &stamp, url)?;
        let given = sign::from_base64(field(webhook, SIGNATURE)?)?;
        // The way of the signature that it came with.
        let was_newer = messages(webhook, field(webhook, STAMP)?, webhook.url)
            .is_some_and(|[_, newer]| sign::equal(&sign::hmac_sha256(key.as_bytes(), &newer), &given));
        let message = if was_newer { newer } else { older };
        put(SIGNATURE, sign::to_base64(&sign::hmac_sha256(key.as_bytes(), &message)));
        put(STAMP, stamp);
    }
    Some(Resigned { headers, edits: Vec::new() })
}

/// A token as MessageBird makes it.
pub(crate) fn sign_token(body: &[u8], url: &str, key: &str, now: Timestamp, id: &str) -> String {
    let mut claims = json!({
        "iss": "MessageBird",
        "nbf": now.as_second(),
        "exp": now.as_second() + LIFETIME_SECONDS,
        "jti": id,
        "url_hash": sign::to_hex(&sign::sha256(url.as_bytes())),
    });
    if !body.is_empty() {
        claims["payload_hash"] = sign::to_hex(&sign::sha256(body)).into();
    }
    jwt::sign(&claims, key.as_bytes())
}

/// The header field of a token.
pub(crate) const fn token_field() -> HeaderName {
    HeaderName::from_static(TOKEN)
}
