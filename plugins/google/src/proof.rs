//! Whether a webhook is Google's.

use dndgate_adapter::{Forged, Proof, Reply, Webhook, json, sign};
use http::{Method, StatusCode};
use std::borrow::Cow;

/// The longest challenge that is given back, in bytes.
const CHALLENGE_BYTES_MAX: usize = 256;

/// `X-Goog-Signature`: HMAC-SHA512 over what the API signs, in base64 ("Verify incoming messages", documentation).
pub(crate) fn verify(
    webhook: &Webhook<'_>,
    signed: Option<Cow<'_, [u8]>>,
    keys: &[String],
) -> Result<Proof, Forged> {
    let mut values = webhook.headers.get_all("x-goog-signature").iter();
    let signature = values.next().and_then(|value| value.to_str().ok());
    let signature = signature.ok_or(Forged("it has no X-Goog-Signature"))?;
    if values.next().is_some() {
        return Err(Forged("it has more than one X-Goog-Signature"));
    }
    let signature = sign::from_base64(signature).ok_or(Forged("its signature is not base64"))?;
    let signed = signed.ok_or(Forged("it holds nothing that could be signed"))?;
    let mut proven = false;
    for key in keys.iter().filter(|key| !key.is_empty()) {
        proven |= sign::equal(&sign::hmac_sha512(key.as_bytes(), &signed), &signature);
    }
    if proven { Ok(Proof::default()) } else { Err(Forged("its signature is not Google's")) }
}

/// When a webhook is set, Google posts its token and a challenge, unsigned. Nothing but the challenge goes back.
pub(crate) fn handshake(webhook: &Webhook<'_>, keys: &[String]) -> Option<Reply> {
    if *webhook.method != Method::POST || webhook.headers.contains_key("x-goog-signature") {
        return None;
    }
    let body = json::read(webhook.body).ok()?;
    let token = body.field("clientToken").ok()??.as_str()?;
    let secret = body.field("secret").ok()??.as_str()?;
    let mut ours = false;
    for key in keys.iter().filter(|key| !key.is_empty()) {
        ours |= sign::equal(key.as_bytes(), token.as_bytes());
    }
    let is_plain = !secret.is_empty()
        && secret.len() <= CHALLENGE_BYTES_MAX
        && secret.bytes().all(|byte| byte.is_ascii_graphic());
    (ours && is_plain).then(|| Reply::new(StatusCode::OK, "text/plain; charset=utf-8", secret))
}
