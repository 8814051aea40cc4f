//! The proof and the handshake of Meta's webhooks.

use dndgate_adapter::{Forged, Proof, Reply, Secrets, Webhook, form, sign};
use http::{Method, StatusCode};

/// `X-Hub-Signature-256: sha256=` and 64 digits: HMAC-SHA256 of the raw bytes with the app's secret. It covers no
/// time and no address, so that it stays right when the webhook is passed on, however late.
///
/// # Errors
/// When it is not proven.
pub(crate) fn verify(webhook: &Webhook<'_>, secrets: &Secrets) -> Result<Proof, Forged> {
    if *webhook.method != Method::POST {
        return Err(Forged("webhooks of Meta are POST requests"));
    }
    let mut values = webhook.headers.get_all("x-hub-signature-256").iter();
    let value = values.next().ok_or(Forged("X-Hub-Signature-256 is missing"))?;
    if values.next().is_some() {
        return Err(Forged("X-Hub-Signature-256 stands there more than once"));
    }
    let keys = secrets.all("app_secret");
    if keys.is_empty() {
        return Err(Forged("no app_secret is configured, so that nothing can be proven"));
    }
    let proven = keys.iter().any(|key| {
        let signature = format!("sha256={}", sign::to_hex(&sign::hmac_sha256(key.as_bytes(), webhook.body)));
        sign::equal(signature.as_bytes(), value.as_bytes())
    });
    if proven { Ok(Proof::default()) } else { Err(Forged("X-Hub-Signature-256 does not fit the body")) }
}

/// `GET …?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…`: the challenge, for who knows the token.
pub(crate) fn handshake(webhook: &Webhook<'_>, secrets: &Secrets) -> Option<Reply> {
    if *webhook.method != Method::GET {
        return None;
    }
    let query = form::read(webhook.query()?.as_bytes()).ok()?;
    let one = |name: &str| query.one(name).ok().flatten().map(|pair| pair.value.to_string());
    let challenge = one("hub.challenge")?;
    let token = one("hub.verify_token").unwrap_or_default();
    let known = secrets.all("verify_token").iter().any(|one| sign::equal(one.as_bytes(), token.as_bytes()));
    const TEXT: &str = "text/plain; charset=utf-8";
    Some(if known && one("hub.mode").as_deref() == Some("subscribe") {
        Reply::new(StatusCode::OK, TEXT, challenge)
    } else {
        Reply::new(StatusCode::FORBIDDEN, TEXT, "hub.verify_token is not the configured verify_token")
    })
}
