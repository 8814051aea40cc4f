//! Proof of a webhook. SendGrid signs with its private key: what is passed on is passed on byte for byte.

use crate::{INBOUND_SECRET, VERIFICATION_KEY};
use dndgate_adapter::{Forged, Head, Proof, Secrets, Webhook, sign};
use jiff::{SignedDuration, Timestamp};

/// The header fields of a signed webhook.
pub(crate) const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
pub(crate) const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";
/// How old a signature may be: SendGrid repeats a webhook for a day, and whether it then signs anew is not known. An
/// event that comes twice is known by its id.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(25);
/// How far its clock may be ahead of ours.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(10);

/// Is the webhook SendGrid's?
///
/// ECDSA over the time stamp and the body ("Getting Started with the Event Webhook Security Features"; the same for
/// Inbound Parse with a security policy). Mail that is not signed is believed when it bears the secret of its
/// address; events never are.
pub(crate) fn verify(webhook: &Webhook<'_>, secrets: &Secrets, now: Timestamp) -> Result<Proof, Forged> {
    let is_signed = [SIGNATURE, TIMESTAMP].iter().any(|name| webhook.headers.contains_key(*name));
    if is_inbound(webhook) && !is_signed {
        return if webhook.bears(secrets.all(INBOUND_SECRET), &[]) {
            Ok(Proof::default())
        } else {
            Err(Forged("it is not signed and bears no inbound_secret"))
        };
    }
    let head = head(webhook);
    let timestamp = head.header(TIMESTAMP).ok_or(Forged("it bears no time stamp"))?;
    let signature = head.header(SIGNATURE).ok_or(Forged("it bears no signature"))?;
    let signature = sign::from_base64(signature).ok_or(Forged("its signature is not base64"))?;
    let at = seconds(timestamp).ok_or(Forged("its time stamp is none"))?;
    let message = [timestamp.as_bytes(), webhook.body].concat();
    let mut proven = false;
    for key in secrets.all(VERIFICATION_KEY).iter().filter_map(|key| public_key(key)) {
        proven |= sign::ecdsa_p256(&key, &message, &signature);
    }
    if !proven {
        return Err(Forged("its signature is not SendGrid's"));
    }
    if now.duration_since(at) > AGE_MAX {
        return Err(Forged("its signature is too old"));
    }
    if at.duration_since(now) > AHEAD_MAX {
        return Err(Forged("its signature is from the future"));
    }
    Ok(Proof::default())
}

/// Is it mail that somebody wrote (Inbound Parse), and no report?
pub(crate) fn is_inbound(webhook: &Webhook<'_>) -> bool {
    head(webhook).media_type().as_deref() == Some("multipart/form-data")
}

/// A request's head made of a webhook's, for the readers of bodies.
pub(crate) fn head<'a>(webhook: &Webhook<'a>) -> Head<'a> {
    Head { method: webhook.method, host: None, path: "/", query: None, headers: webhook.headers }
}

fn seconds(text: &str) -> Option<Timestamp> {
    let digits = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    Timestamp::from_second(text.parse().ok().filter(|_| digits)?).ok()
}

/// The key as SendGrid shows it (SubjectPublicKeyInfo in base64), with the lines of PEM or without.
fn public_key(text: &str) -> Option<Vec<u8>> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("-----"));
    let bare: String = lines.flat_map(|line| line.chars().filter(|char| !char.is_whitespace())).collect();
    sign::from_base64(&bare)
}
