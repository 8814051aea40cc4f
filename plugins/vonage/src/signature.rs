//! Is a webhook Vonage's? The Messages, Voice and Verify APIs sign with a token, the SMS API with a hash of all
//! parameters.

use crate::{SIGNATURE_SECRET, fields::Fields};
use dndgate_adapter::{Forged, Head, Once, Proof, Resigned, Secrets, Webhook, jwt, sign};
use http::{HeaderValue, Method, header};
use jiff::Timestamp;

/// How old a signature may be. A webhook that was not taken is sent again for 24 hours, with the signature that it
/// had; what is said twice is known by its id.
const SECONDS_MAX: i64 = 25 * 3600;
/// How far Vonage's clock may be ahead.
const AHEAD_SECONDS_MAX: i64 = 300;

pub(crate) fn verify(webhook: &Webhook<'_>, secrets: &[String], now: Timestamp) -> Result<Proof, Forged> {
    if webhook.headers.contains_key(header::AUTHORIZATION) {
        return token(webhook, secrets, now);
    }
    parameters(webhook, secrets, now)
}

fn bearer<'a>(webhook: &Webhook<'a>) -> Option<&'a str> {
    let head = Head { method: &Method::POST, host: None, path: "/", query: None, headers: webhook.headers };
    let (scheme, token) = head.header(header::AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// A token (HS256) over a hash of the body. A webhook without a body is known by its token alone, which therefore
/// proves one address only.
fn token(webhook: &Webhook<'_>, secrets: &[String], now: Timestamp) -> Result<Proof, Forged> {
    let text = bearer(webhook).ok_or(Forged("its Authorization holds no token"))?;
    let token = jwt::read(text).ok_or(Forged("its token is none that a secret signs"))?;
    if !token.is_signed_with(secrets) {
        return Err(Forged("its signature is not Vonage's"));
    }
    let issued = token.seconds("iat").ok_or(Forged("its token does not say when it was made"))?;
    is_recent(issued, now)?;
    if token.seconds("exp").is_some_and(|end| end < now.as_second()) {
        return Err(Forged("its token is not valid any more"));
    }
    let hash = token.text("payload_hash");
    let covers = |hash: &String| hash.eq_ignore_ascii_case(&sign::to_hex(&sign::sha256(webhook.body)));
    if !hash.as_ref().is_none_or(covers) {
        return Err(Forged("its body is not the one that was signed"));
    }
    if webhook.body.is_empty() {
        let token = sign::to_hex(&sign::sha256(text.as_bytes()));
        return Ok(Proof { once: Some(Once { token, digest: sign::sha256(webhook.url.as_bytes()) }) });
    }
    if hash.is_none() {
        return Err(Forged("its token does not cover its body"));
    }
    Ok(Proof::default())
}

/// A hash over all parameters in the order of their names, with the secret: MD5 over both, or an HMAC.
fn parameters(webhook: &Webhook<'_>, secrets: &[String], now: Timestamp) -> Result<Proof, Forged> {
    let unreadable = |_| Forged("its parameters cannot be read");
    let fields = Fields::said(webhook).map_err(unreadable)?;
    let given = fields.text("sig").map_err(unreadable)?.ok_or(Forged("it has no signature"))?;
    let given: Vec<u8> = decode_hex(&given).ok_or(Forged("its signature is not hexadecimal"))?;
    let message = canonical(&fields).ok_or(Forged("its parameters cannot be read"))?;
    let proven = secrets.iter().filter(|secret| !secret.is_empty()).fold(false, |proven, secret| {
        proven | signatures(&message, secret).iter().any(|ours| sign::equal(ours, &given))
    });
    if !proven {
        return Err(Forged("its signature is not Vonage's"));
    }
    let at = ["timestamp", "message-timestamp"].iter().find_map(|name| time(&fields.said_as(name)?));
    is_recent(at.ok_or(Forged("it does not say when it was made"))?.as_second(), now)?;
    Ok(Proof::default())
}

fn is_recent(at: i64, now: Timestamp) -> Result<(), Forged> {
    let age = now.as_second().saturating_sub(at);
    if (-AHEAD_SECONDS_MAX..=SECONDS_MAX).contains(&age) {
        return Ok(());
    }
    Err(Forged("its time stamp is too old, or from the future"))
}

/// `&name=value` for each but `sig`, sorted; `&` and `=` in values become `_`. `None` when a name stands there twice.
fn canonical(fields: &Fields<'_>) -> Option<String> {
    let mut all = fields.all()?;
    all.retain(|(name, _)| name != "sig");
    all.sort();
    if all.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return None;
    }
    Some(all.iter().map(|(name, value)| format!("&{name}={}", value.replace(['&', '='], "_"))).collect())
}

/// One signature for each method that an account may choose.
fn signatures(message: &str, secret: &str) -> [Vec<u8>; 5] {
    let (key, message) = (secret.as_bytes(), message.as_bytes());
    [
        sign::md5(&[message, key].concat()).to_vec(),
        sign::hmac_md5(key, message).to_vec(),
        sign::hmac_sha1(key, message).to_vec(),
        sign::hmac_sha256(key, message).to_vec(),
        sign::hmac_sha512(key, message).to_vec(),
    ]
}

/// Signs the parameters of a webhook as an account that chose HMAC-SHA256.
pub(crate) fn sign_parameters(parameters: &[(&str, String)], secret: &str) -> String {
    let mut all = parameters.to_vec();
    all.sort();
    let message: String =
        all.iter().map(|(name, value)| format!("&{name}={}", value.replace(['&', '='], "_"))).collect();
    sign::to_hex(&sign::hmac_sha256(secret.as_bytes(), message.as_bytes()))
}

/// `2026-11-24 10:00:00` (UTC), or seconds since 1970.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Timestamp::from_second(seconds).ok();
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let civil: jiff::civil::DateTime = text.get(..19)?.parse().ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|char| char.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// A token made anew, for a CRM that looks at its age.
pub(crate) fn resign(webhook: &Webhook<'_>, secrets: &Secrets, now: Timestamp) -> Option<Resigned> {
    let token = jwt::read(bearer(webhook)?)?;
    let mut claims: serde_json::Value = serde_json::from_slice(token.claims()).ok()?;
    let lifetime = token.seconds("exp").zip(token.seconds("iat")).map(|(end, begin)| end - begin);
    claims["iat"] = now.as_second().into();
    if let Some(lifetime) = lifetime {
        claims["exp"] = now.as_second().saturating_add(lifetime).into();
    }
    let signed = jwt::sign(&claims, secrets.first(SIGNATURE_SECRET)?.as_bytes());
    let value = HeaderValue::try_from(format!("Bearer {signed}")).ok()?;
    Some(Resigned { headers: vec![(header::AUTHORIZATION, value)], edits: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_vonage_writes_them() {
        for text in
            ["2026-11-24 10:00:00", "1795514400", "2026-11-24T10:00:00.000Z", "2026-11-24 10:00:00 +0000"]
        {
            assert_eq!(time(text).map(|at| at.as_second()), Some(1_795_514_400), "{text}");
        }
        assert_eq!(time("yesterday"), None);
    }
}
