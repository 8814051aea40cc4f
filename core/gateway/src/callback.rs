//! Addresses of the gateway that lead to an address of the CRM: `/hooks/{provider}/cb/{token}`.
//!
//! The token is the CRM's address, sealed with a key of this installation: nothing is stored for it, and
//! nobody can make one that leads elsewhere.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use dndgate_adapter::sign;

const NONCE_BYTES: usize = 12;

/// Seals and opens callback tokens.
pub(crate) struct Callbacks {
    cipher: ChaCha20Poly1305,
    nonce_key: [u8; 32],
    public_url: String,
}

impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Callbacks")
    }
}

impl Callbacks {
    /// With the installation's key.
    pub(crate) fn new(key: &[u8; 32], public_url: &str) -> Callbacks {
        let sealing = sign::hmac_sha256(key, b"callback sealing");
        Callbacks {
            cipher: ChaCha20Poly1305::new(&sealing.into()),
            nonce_key: sign::hmac_sha256(key, b"callback nonces"),
            public_url: public_url.to_owned(),
        }
    }

    /// The gateway's address that leads to `url`. The same for the same `url`, so that a CRM which compares
    /// addresses sees the same one again. A fragment (Twilio's connection settings) stays on the outside.
    pub(crate) fn wrap(&self, provider: &str, url: &str) -> String {
        let (inner, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
        if inner.starts_with(&format!("{}/hooks/", self.public_url)) {
            return url.to_owned();
        }
        let mac = sign::hmac_sha256(&self.nonce_key, inner.as_bytes());
        let nonce: [u8; NONCE_BYTES] = std::array::from_fn(|index| mac[index]);
        let payload = Payload { msg: inner.as_bytes(), aad: provider.as_bytes() };
        let Ok(sealed) = self.cipher.encrypt(&nonce.into(), payload) else { return url.to_owned() };
        let token = URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat());
        format!("{}/hooks/{provider}/cb/{token}{fragment}", self.public_url)
    }

    /// Where a token leads, if this installation made it for this provider.
    pub(crate) fn open(&self, provider: &str, token: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        let url =
            self.cipher.decrypt(&nonce.into(), Payload { msg: sealed, aad: provider.as_bytes() }).ok()?;
        String::from_utf8(url).ok()
    }
}

/// Makes a link absolute that stands in a document at `base` (RFC 3986, section 5.2, for the forms that
/// people write: absolute, `//host`, `/path`, `?query`, `relative`).
pub(crate) fn resolve(base: &str, link: &str) -> String {
    if link.contains("://") {
        return link.to_owned();
    }
    let base = base.split(['?', '#']).next().unwrap_or(base);
    let scheme_end = base.find("://").map_or(0, |at| at + 3);
    let authority_end = base[scheme_end..].find('/').map_or(base.len(), |at| at + scheme_end);
    if let Some(rest) = link.strip_prefix("//") {
        return format!("{}{rest}", &base[..scheme_end]);
    }
    if link.starts_with('/') {
        return format!("{}{link}", &base[..authority_end]);
    }
    if link.is_empty() || link.starts_with(['?', '#']) {
        return format!("{base}{link}");
    }
    let mut folder =
        base[authority_end..].rfind('/').map_or("", |at| &base[authority_end..=authority_end + at]);
    let mut link = link;
    loop {
        if let Some(rest) = link.strip_prefix("./") {
            link = rest;
        } else if let Some(rest) = link.strip_prefix("../") {
            link = rest;
            let bare = folder.trim_end_matches('/');
            folder = bare.rfind('/').map_or("/", |at| &folder[..=at]);
        } else {
            break;
        }
    }
    let folder = if folder.is_empty() { "/" } else { folder };
    format!("{}{folder}{link}", &base[..authority_end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_where_it_was_made_for() {
        let callbacks = Callbacks::new(&[7; 32], "https://gate.example.com");
        let wrapped = callbacks.wrap("twilio", "https://crm.example.com/status?id=1#rc=5");
        assert!(wrapped.ends_with("#rc=5"), "{wrapped}");
        let token = wrapped.trim_end_matches("#rc=5").rsplit('/').next().expect("token");
        let opened = callbacks.open("twilio", token);
        assert_eq!(opened.as_deref(), Some("https://crm.example.com/status?id=1"));
        assert_eq!(callbacks.open("mailgun", token), None, "made for another provider");
        assert_eq!(Callbacks::new(&[8; 32], "https://gate.example.com").open("twilio", token), None);
        assert_eq!(callbacks.open("twilio", &token[1..]), None);
        assert_eq!(callbacks.wrap("twilio", &wrapped), wrapped, "not wrapped twice");
    }

    #[test]
    fn links_resolve_as_browsers_do() {
        let base = "https://crm.example.com/voice/in?x=1";
        for (link, whole) in [
            ("https://other.example/a", "https://other.example/a"),
            ("//other.example/a", "https://other.example/a"),
            ("/next", "https://crm.example.com/next"),
            ("next", "https://crm.example.com/voice/next"),
            ("../next?y=2", "https://crm.example.com/next?y=2"),
            ("?y=2", "https://crm.example.com/voice/in?y=2"),
            ("", "https://crm.example.com/voice/in"),
        ] {
            assert_eq!(resolve(base, link), whole, "{link}");
        }
        assert_eq!(resolve("https://crm.example.com", "next"), "https://crm.example.com/next");
    }
}
