//! Whether a webhook is Sinch's. Each product proves it in its own way:
//!
//! - SMS and Conversation sign with the webhook's secret ("Webhooks", documentation), where one is set; otherwise
//!   they can be told credentials for the callback address;
//! - Voice and Verification sign with the application's (or service's) secret over method, body, type, time and path.

use crate::{APPLICATION, WEBHOOK_SECRET};
use dndgate_adapter::{Forged, Proof, Resigned, Secrets, Webhook, sign};
use http::{HeaderName, HeaderValue, header};
use jiff::Timestamp;

/// How old the signature of a call's event may be: nobody waits longer for instructions.
const CALL_SECONDS_MAX: i64 = 300;
/// How old that of a message's webhook may be. Sinch's SDKs set no limit, and whether a retry is signed anew is not
/// documented: the last one comes after 22 hours and three quarters. A repetition is known by its id.
const SECONDS_MAX: i64 = 24 * 3600;
/// How far a time stamp may lie ahead.
const AHEAD_SECONDS_MAX: i64 = 300;

pub(crate) const SIGNATURE: &str = "x-sinch-webhook-signature";
pub(crate) const NONCE: &str = "x-sinch-webhook-signature-nonce";
pub(crate) const TIMESTAMP: &str = "x-sinch-webhook-signature-timestamp";
const CALL_TIMESTAMP: &str = "x-timestamp";

pub(crate) fn verify(webhook: &Webhook<'_>, secrets: &Secrets, now: Timestamp) -> Result<Proof, Forged> {
    let scheme = only(webhook, "authorization").and_then(|value| value.split_once(' '));
    if let Some((scheme, credentials)) = scheme
        && (scheme.eq_ignore_ascii_case("application") || scheme.eq_ignore_ascii_case("service"))
    {
        return by_application(webhook, credentials, secrets, now);
    }
    let keys = secrets.all(WEBHOOK_SECRET);
    if keys.is_empty() {
        return Err(Forged("no webhook_secret is configured: it cannot be proven"));
    }
    // A signed webhook is proven by its signature only.
    if webhook.headers.contains_key(SIGNATURE) {
        return by_signature(webhook, keys, now);
    }
    // Reports come to the address that the gateway put into the send, which no credentials can be given for.
    if webhook.bears(keys, &[]) || webhook.is_callback() {
        return Ok(Proof::default());
    }
    Err(Forged("it is not signed, and bears no credentials"))
}

fn by_signature(webhook: &Webhook<'_>, keys: &[String], now: Timestamp) -> Result<Proof, Forged> {
    let shown = only(webhook, SIGNATURE).and_then(sign::from_base64);
    let shown = shown.ok_or(Forged("its signature is not base64, or stands there twice"))?;
    let nonce = only(webhook, NONCE).ok_or(Forged("its signature has no nonce"))?;
    let stamp = only(webhook, TIMESTAMP).ok_or(Forged("its signature has no time stamp"))?;
    fresh(stamp, now, SECONDS_MAX)?;
    let message = signed(webhook.body, nonce, stamp);
    let mut proven = false;
    for key in keys.iter().filter(|key| !key.is_empty()) {
        proven |= sign::equal(&sign::hmac_sha256(key.as_bytes(), &message), &shown);
    }
    if proven { Ok(Proof::default()) } else { Err(Forged("its signature is not Sinch's")) }
}

/// What the webhook's secret signs.
fn signed(body: &[u8], nonce: &str, stamp: &str) -> Vec<u8> {
    [body, b".", nonce.as_bytes(), b".", stamp.as_bytes()].concat()
}

/// The signature of a webhook, for the stand-in.
pub(crate) fn sign_body(secret: &str, body: &[u8], nonce: &str, stamp: &str) -> String {
    sign::to_base64(&sign::hmac_sha256(secret.as_bytes(), &signed(body, nonce, stamp)))
}

fn by_application(
    webhook: &Webhook<'_>,
    credentials: &str,
    secrets: &Secrets,
    now: Timestamp,
) -> Result<Proof, Forged> {
    let (key, shown) =
        credentials.split_once(':').ok_or(Forged("its credentials are no key and signature"))?;
    let shown = sign::from_base64(shown).ok_or(Forged("its signature is not base64"))?;
    let stamp = only(webhook, CALL_TIMESTAMP).ok_or(Forged("it has no x-timestamp"))?;
    fresh(stamp, now, CALL_SECONDS_MAX)?;
    let message = of_call(webhook, webhook.url).ok_or(Forged("it has no media type, or more than one"))?;
    let mut proven = false;
    for (own, secret) in applications(secrets) {
        proven |= own == key && sign::equal(&sign::hmac_sha256(&secret, message.as_bytes()), &shown);
    }
    if proven {
        Ok(Proof::default())
    } else {
        Err(Forged("its signature is not that of a configured application"))
    }
}

/// Key and secret of each application.
fn applications(secrets: &Secrets) -> impl Iterator<Item = (&str, Vec<u8>)> {
    secrets.all(APPLICATION).iter().filter_map(|pair| {
        let (key, secret) = pair.split_once(':')?;
        Some((key, sign::from_base64(secret).filter(|secret| !secret.is_empty())?))
    })
}

/// What an application's secret signs of a webhook that is called at `url`.
fn of_call(webhook: &Webhook<'_>, url: &str) -> Option<String> {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after.find('/').map_or("/", |at| &after[at..]);
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let media = only(webhook, header::CONTENT_TYPE.as_str())?;
    let stamp = only(webhook, CALL_TIMESTAMP)?;
    let digest = sign::to_base64(&sign::md5(webhook.body));
    Some(format!("{}\n{digest}\n{media}\n{CALL_TIMESTAMP}:{stamp}\n{path}", webhook.method.as_str()))
}

/// A signature that the CRM's own verifier accepts: that of a call covers the path, others a time stamp.
pub(crate) fn resign(
    webhook: &Webhook<'_>,
    url: &str,
    secrets: &Secrets,
    now: Timestamp,
    late: bool,
) -> Option<Resigned> {
    let mut changed = Vec::new();
    let mut set = |name: &'static str, value: String| -> Option<()> {
        changed.push((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?));
        Some(())
    };
    if let Some((scheme, credentials)) =
        only(webhook, "authorization").and_then(|value| value.split_once(' '))
        && let Some((key, _)) = credentials.split_once(':')
        && let Some((_, secret)) = applications(secrets).find(|(own, _)| *own == key)
    {
        let stamp = if late { now.to_string() } else { only(webhook, CALL_TIMESTAMP)?.to_owned() };
        let mut headers = webhook.headers.clone();
        headers.insert(CALL_TIMESTAMP, HeaderValue::try_from(&stamp).ok()?);
        let message = of_call(&Webhook { headers: &headers, ..*webhook }, url)?;
        let signature = sign::to_base64(&sign::hmac_sha256(&secret, message.as_bytes()));
        set(CALL_TIMESTAMP, stamp)?;
        set("authorization", format!("{scheme} {key}:{signature}"))?;
    } else if late && webhook.headers.contains_key(SIGNATURE) {
        let secret = secrets.first(WEBHOOK_SECRET)?;
        let stamp = now.as_second().to_string();
        set(SIGNATURE, sign_body(secret, webhook.body, only(webhook, NONCE)?, &stamp))?;
        set(TIMESTAMP, stamp)?;
    } else {
        return None;
    }
    Some(Resigned { headers: changed, edits: Vec::new() })
}

fn fresh(stamp: &str, now: Timestamp, seconds_max: i64) -> Result<(), Forged> {
    let at = match stamp.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).ok(),
        Err(_) => stamp.parse().ok(),
    };
    let at = at.ok_or(Forged("its time stamp is no time"))?;
    let age = now.duration_since(at).as_secs();
    if age > seconds_max || age < -AHEAD_SECONDS_MAX {
        return Err(Forged("its time stamp is too old, or from the future"));
    }
    Ok(())
}

/// A header field's value, if it stands there exactly once.
fn only<'a>(webhook: &Webhook<'a>, name: &str) -> Option<&'a str> {
    let mut values = webhook.headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
