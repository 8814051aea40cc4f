//! Webhook signatures: `hex(HMAC-SHA256(key, timestamp + token))`. They bind neither body nor address, so that
//! a token may be used for one body only ([`Once`]).

use dndgate_adapter::{
    Edit, Forged, Once, Place, Proof, Resigned, Secrets, Unreadable, Webhook, form, json, multipart, sign,
};
use jiff::Timestamp;
use std::borrow::Cow;

/// Mailgun repeats a webhook for 8 hours; whether with the same time stamp is not known.
const AGE_SECONDS_MAX: i64 = 9 * 3600;
/// How far Mailgun's clock may be ahead.
const AHEAD_SECONDS_MAX: i64 = 600;

/// The parts of a signature and where they stand.
struct Signed<'a> {
    timestamp: Cow<'a, str>,
    timestamp_at: Place,
    token: Cow<'a, str>,
    signature: Cow<'a, str>,
    signature_at: Place,
    parent: Option<(Cow<'a, str>, Place)>,
    /// A digest of everything that the token vouches for.
    digest: [u8; 32],
}

pub(crate) fn verify(webhook: &Webhook<'_>, secrets: &Secrets, now: Timestamp) -> Result<Proof, Forged> {
    let keys = secrets.all("signing_key");
    if keys.is_empty() {
        return Err(Forged("no signing_key is configured, so that webhooks cannot be verified"));
    }
    let signed = read(webhook).map_err(|_| Forged("the webhook carries no signature that can be read"))?;
    let message = [signed.timestamp.as_bytes(), signed.token.as_bytes()].concat();
    let holds = |claimed: &str| {
        keys.iter().any(|key| {
            let expected = sign::to_hex(&sign::hmac_sha256(key.as_bytes(), &message));
            sign::equal(expected.as_bytes(), claimed.to_ascii_lowercase().as_bytes())
        })
    };
    if !holds(&signed.signature) && !signed.parent.as_ref().is_some_and(|(parent, _)| holds(parent)) {
        return Err(Forged("the signature does not hold"));
    }
    let seconds: i64 = signed.timestamp.parse().map_err(|_| Forged("the time stamp is no number"))?;
    let age = now.as_second() - seconds;
    if !(-AHEAD_SECONDS_MAX..=AGE_SECONDS_MAX).contains(&age) {
        return Err(Forged("the signature is too old"));
    }
    if signed.token.len() < 16 {
        return Err(Forged("the token is too short"));
    }
    Ok(Proof { once: Some(Once { token: signed.token.into_owned(), digest: signed.digest }) })
}

/// Signs anew with a fresh time stamp: official verifiers take 15 seconds to 15 minutes. The token stays,
/// because CRMs know events by it.
pub(crate) fn renew(webhook: &Webhook<'_>, secrets: &Secrets, now: Timestamp) -> Option<Resigned> {
    let key = secrets.first("signing_key")?;
    let signed = read(webhook).ok()?;
    let timestamp = now.as_second().to_string();
    let message = [timestamp.as_bytes(), signed.token.as_bytes()].concat();
    let signature = sign::to_hex(&sign::hmac_sha256(key.as_bytes(), &message));
    let mut edits: Vec<Edit> =
        vec![signed.timestamp_at.replace(&timestamp), signed.signature_at.replace(&signature)];
    // The parent's key is not ours as a rule; a signature of ours in its place would be a lie.
    edits.extend(signed.parent.map(|(_, place)| place.replace("")));
    edits.sort_by_key(|edit| edit.range.start);
    Some(Resigned { headers: Vec::new(), edits })
}

fn missing() -> Unreadable {
    Unreadable::new("the signature is missing")
}

fn read<'a>(webhook: &Webhook<'a>) -> Result<Signed<'a>, Unreadable> {
    let media =
        webhook.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = media.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => from_json(webhook.body),
        "application/x-www-form-urlencoded" => {
            let form = form::read(webhook.body)?;
            let fields =
                form.pairs().iter().map(|pair| (pair.name.clone(), pair.value.clone(), pair.place()));
            from_fields(fields.collect())
        }
        "multipart/form-data" => {
            let parts = multipart::read(media, webhook.body)?;
            let fields = parts.parts().iter().map(|part| {
                let value = part.text().unwrap_or_default();
                (Cow::Borrowed(part.name), Cow::Borrowed(value), part.place())
            });
            from_fields(fields.collect())
        }
        _ => Err(Unreadable::new("the webhook is neither JSON nor a form")),
    }
}

fn from_json(body: &[u8]) -> Result<Signed<'_>, Unreadable> {
    let whole = json::read(body)?;
    let signature = whole.get("signature").ok_or_else(missing)?;
    let text = |name: &str| {
        let value = signature.get(name)?;
        Some((value.text()?, value.place()?))
    };
    let (timestamp, timestamp_at) = text("timestamp").ok_or_else(missing)?;
    let (token, _) = text("token").ok_or_else(missing)?;
    let (claimed, signature_at) = text("signature").ok_or_else(missing)?;
    let vouched = whole.get("event-data").ok_or_else(missing)?;
    Ok(Signed {
        timestamp,
        timestamp_at,
        token,
        signature: claimed,
        signature_at,
        parent: text("parent-signature"),
        digest: sign::sha256(&body[vouched.range.clone()]),
    })
}

/// A sender's own variables share the namespace of old webhooks: the last of each name is Mailgun's.
fn from_fields<'a>(fields: Vec<(Cow<'a, str>, Cow<'a, str>, Place)>) -> Result<Signed<'a>, Unreadable> {
    let last = |name: &str| fields.iter().rev().find(|(field, ..)| field == name).cloned();
    let (_, timestamp, timestamp_at) = last("timestamp").ok_or_else(missing)?;
    let (_, token, _) = last("token").ok_or_else(missing)?;
    let (_, signature, signature_at) = last("signature").ok_or_else(missing)?;
    let mut vouched = Vec::new();
    for (name, value, _) in
        fields.iter().filter(|(name, ..)| !["timestamp", "token", "signature"].contains(&&**name))
    {
        for part in [name, value] {
            vouched.extend_from_slice(&(part.len() as u64).to_be_bytes());
            vouched.extend_from_slice(part.as_bytes());
        }
    }
    let digest = sign::sha256(&vouched);
    Ok(Signed { timestamp, timestamp_at, token, signature, signature_at, parent: None, digest })
}
