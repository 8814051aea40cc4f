//! JSON Web Tokens (RFC 7519) signed with a shared secret (HS256, HS384, HS512), as providers put them beside
//! their webhooks.
//!
//! A token of any other algorithm, `none` above all, is none.

use crate::{
    json::{self, Value},
    sign,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The longest token that is read, in bytes; providers' are below 1 KiB.
const BYTES_MAX: usize = 8 << 10;

/// A token, not proven yet.
#[derive(Debug)]
pub struct Token {
    /// Header and claims as they are signed.
    signed: String,
    algorithm: Algorithm,
    signature: Vec<u8>,
    claims: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
}

impl Algorithm {
    fn sign(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        match self {
            Algorithm::Hs256 => sign::hmac_sha256(key, message).to_vec(),
            Algorithm::Hs384 => sign::hmac_sha384(key, message).to_vec(),
            Algorithm::Hs512 => sign::hmac_sha512(key, message).to_vec(),
        }
    }
}

/// Takes a token apart. `None` when it is none, or of an algorithm without a shared secret.
pub fn read(text: &str) -> Option<Token> {
    if text.len() > BYTES_MAX {
        return None;
    }
    let (signed, signature) = text.trim().rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header = URL_SAFE_NO_PAD.decode(header).ok()?;
    let header = json::read(&header).ok()?;
    let algorithm = match header.get("alg")?.as_str()? {
        "HS256" => Algorithm::Hs256,
        "HS384" => Algorithm::Hs384,
        "HS512" => Algorithm::Hs512,
        _ => return None,
    };
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    json::read(&claims).ok()?.as_object()?;
    Some(Token {
        signed: signed.to_owned(),
        algorithm,
        signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        claims,
    })
}

/// What a token claims, whatever its algorithm and whoever signed it: for telling accounts apart, never for
/// trust.
pub fn claim_unproven(text: &str, name: &str) -> Option<String> {
    if text.len() > BYTES_MAX {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(text.trim().split('.').nth(1)?).ok()?;
    text_of(&claims, name)
}

/// Signs claims (a JSON object) with HS256.
pub fn sign(claims: &serde_json::Value, key: &[u8]) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed =
        format!("{}.{}", encode(br#"{"alg":"HS256","typ":"JWT"}"#), encode(claims.to_string().as_bytes()));
    let signature = sign::hmac_sha256(key, signed.as_bytes());
    format!("{signed}.{}", encode(&signature))
}

impl Token {
    /// Was it signed with one of these secrets? Compares with all of them, in constant time each.
    pub fn is_signed_with(&self, secrets: &[String]) -> bool {
        secrets.iter().filter(|secret| !secret.is_empty()).fold(false, |proven, secret| {
            let ours = self.algorithm.sign(secret.as_bytes(), self.signed.as_bytes());
            proven | sign::equal(&ours, &self.signature)
        })
    }

    /// A claim that is text.
    pub fn text(&self, name: &str) -> Option<String> {
        text_of(&self.claims, name)
    }

    /// A claim that is a time, in seconds since 1970; parts of a second are dropped.
    pub fn seconds(&self, name: &str) -> Option<i64> {
        let claims = json::read(&self.claims).ok()?;
        match claims.get(name)?.value {
            Value::Number(number) => number.split('.').next()?.parse().ok(),
            _ => None,
        }
    }

    /// Does the claim stand there, with any value but `null`?
    pub fn has(&self, name: &str) -> bool {
        json::read(&self.claims).is_ok_and(|claims| claims.get(name).is_some_and(|claim| !claim.is_null()))
    }

    /// All claims, as a JSON object.
    pub fn claims(&self) -> &[u8] {
        &self.claims
    }
}

fn text_of(claims: &[u8], name: &str) -> Option<String> {
    json::read(claims).ok()?.get(name)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 7515, appendix A.1.
    const VECTOR: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0\
                          dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    #[test]
    fn the_standards_own_token() {
        let token = read(VECTOR).expect("a token");
        assert_eq!((token.text("iss").as_deref(), token.seconds("exp")), (Some("joe"), Some(1_300_819_380)));
        let key = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .expect("base64");
        let ours = token.algorithm.sign(&key, token.signed.as_bytes());
        assert!(sign::equal(&ours, &token.signature));
    }

    #[test]
    fn who_has_another_secret_or_none_signed_nothing() {
        let text = sign(&serde_json::json!({ "iss": "us", "at": 1.5 }), b"secret");
        let token = read(&text).expect("a token");
        assert!(token.is_signed_with(&["other".into(), "secret".into()]));
        for secrets in [vec![], vec![String::new()], vec!["other".to_owned()]] {
            assert!(!token.is_signed_with(&secrets));
        }
        assert_eq!(token.seconds("at"), Some(1));
        assert_eq!(claim_unproven(&text, "iss").as_deref(), Some("us"));
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"RS256"}"#, r#"{"alg":"none","alg":"HS256"}"#, "{}"] {
            assert!(read(&format!("{}.{}.", part(header), part("{}"))).is_none(), "{header}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[A-Za-z0-9_.=-]{0,80}") {
            let _ = (read(&text), claim_unproven(&text, "iss"));
        }

        #[test]
        fn one_letter_changed_is_another_token(at in 0usize..120) {
            let text = sign(&serde_json::json!({ "iss": "us" }), b"secret");
            let at = at % text.len();
            let mut bytes = text.into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(bytes).expect("ASCII");
            prop_assert!(!read(&text).is_some_and(|token| token.is_signed_with(&["secret".into()])));
        }
    }
}
