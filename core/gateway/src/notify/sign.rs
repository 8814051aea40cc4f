//! Signatures and secrets as Standard Webhooks has them.

use base64::{Engine, engine::general_purpose::STANDARD};
use dndgate_adapter::sign;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// The lengths of a key that Standard Webhooks allows, in bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// `v1,base64(HMAC-SHA256(secret, id.timestamp.body))` for each secret, separated by spaces; a secret may be written
/// `whsec_` and base64.
pub(crate) fn signatures<'a>(
    secrets: impl Iterator<Item = &'a str>,
    id: &str,
    timestamp: &str,
    body: &str,
) -> String {
    let signed = format!("{id}.{timestamp}.{body}");
    let one = |secret: &str| {
        let key = secret.strip_prefix(PREFIX).and_then(|encoded| STANDARD.decode(encoded).ok());
        let key = key.unwrap_or_else(|| secret.as_bytes().to_vec());
        format!("v1,{}", STANDARD.encode(sign::hmac_sha256(&key, signed.as_bytes())))
    };
    secrets.map(one).collect::<Vec<_>>().join(" ")
}

/// A new secret of 256 bits.
///
/// # Errors
/// When the system has no randomness.
pub(crate) fn fresh_secret() -> Result<String, getrandom::Error> {
    let mut key = [0u8; 32];
    getrandom::fill(&mut key)?;
    Ok(format!("{PREFIX}{}", STANDARD.encode(key)))
}

/// Is it a secret that an official library would take?
pub(crate) fn is_secret(text: &str) -> bool {
    let key = text.strip_prefix(PREFIX).and_then(|encoded| STANDARD.decode(encoded).ok());
    key.is_some_and(|key| KEY_BYTES.contains(&key.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's reference libraries.
    #[test]
    fn signs_as_the_specification_says() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = r#"{"test": 2432232314}"#;
        let signed = signatures([secret].into_iter(), "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both =
            signatures([secret, "another"].into_iter(), "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert!(both.starts_with(&format!("{signed} v1,")), "{both}");
    }

    #[test]
    fn knows_a_secret() {
        assert!(is_secret(&fresh_secret().expect("randomness")));
        for bad in
            ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64 at all !!"]
        {
            assert!(!is_secret(bad), "{bad}");
        }
    }
}
