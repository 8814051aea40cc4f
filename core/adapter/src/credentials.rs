//! Header values that hold a secret, for the gateway's own requests. They are marked as sensitive, so that nothing that
//! prints a request prints them. `None`: the secret holds what no header can.

use crate::sign;
use http::HeaderValue;

/// HTTP Basic (RFC 7617) of `user:password`.
pub fn basic(pair: &str) -> Option<HeaderValue> {
    secret(&format!("Basic {}", sign::to_base64(pair.as_bytes())))
}

/// A bearer token (RFC 6750).
pub fn bearer(token: &str) -> Option<HeaderValue> {
    secret(&format!("Bearer {token}"))
}

/// The text as it is: a key in a scheme or a field of the provider's own.
pub fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_printed() {
        assert_eq!(basic("a:b").as_ref().map(HeaderValue::as_bytes), Some(&b"Basic YTpi"[..]));
        assert_eq!(bearer("t").as_ref().map(HeaderValue::as_bytes), Some(&b"Bearer t"[..]));
        assert!(!format!("{:?}", bearer("hush")).contains("hush"));
        assert_eq!(secret("a\nb"), None);
    }
}
