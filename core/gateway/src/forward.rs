//! Header fields on their way through: hop-by-hop fields end here (RFC 9110, section 7.6.1), everything else
//! passes in its order and case.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Fields that concern one connection only.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Drops hop-by-hop fields and those that `Connection` names, keeping the order of the others.
pub(crate) fn drop_hop_by_hop(headers: &mut HeaderMap) {
    if !HOP_BY_HOP.iter().any(|name| headers.contains_key(name)) {
        return;
    }
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    retain(headers, |name| !HOP_BY_HOP.contains(name) && !named.contains(name));
}

/// Keeps the fields for which `keep` says so, in their order (`HeaderMap::remove` would move the last field).
pub(crate) fn retain(headers: &mut HeaderMap, keep: impl Fn(&HeaderName) -> bool) {
    let mut kept = HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers.iter().filter(|(name, _)| keep(name)) {
        kept.append(name, value.clone());
    }
    *headers = kept;
}

/// Fields that describe the bytes of a body that was changed (RFC 9110 section 8, RFC 9530).
pub(crate) fn drop_body_fields(headers: &mut HeaderMap) {
    const ABOUT_THE_BYTES: [HeaderName; 6] = [
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        HeaderName::from_static("content-md5"),
        HeaderName::from_static("digest"),
        HeaderName::from_static("content-digest"),
        HeaderName::from_static("repr-digest"),
    ];
    retain(headers, |name| !ABOUT_THE_BYTES.contains(name));
}

/// Writes the upstream's name into `Host`, in place.
pub(crate) fn set_host(headers: &mut HeaderMap, authority: &str) {
    if let Ok(value) = HeaderValue::from_str(authority) {
        headers.insert(header::HOST, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_by_hop_fields_end_here_and_the_order_stays() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "a"),
            ("connection", "keep-alive, X-Secret-Hop"),
            ("x-secret-hop", "1"),
            ("accept", "*/*"),
            ("te", "trailers"),
            ("x-last", "z"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        drop_hop_by_hop(&mut headers);
        let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["host", "accept", "x-last"]);
    }
}
