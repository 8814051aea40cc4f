//! Which endpoint a path names.
//!
//! Paths are read as they are written. A path that some server could take for a sending endpoint only after
//! decoding, folding or resolving it is refused: no client writes one.

use dndgate_adapter::{Head, Look, Unreadable};
use http::Method;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// An endpoint that sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendPoint {
    /// `/v3/{domain}/messages`
    Messages,
    /// `/v3/{domain}/messages.mime`
    Mime,
    /// `/v3/domains/{domain}/messages/{storage_key}`
    Resend,
}

/// First segments after the version that name no domain and contact nobody.
const ROOTS: &[&str] = &[
    "accounts",
    "address",
    "analytics",
    "bounce-classification",
    "dkim",
    "dkim_management",
    "domains",
    "dynamic_pools",
    "ip_pools",
    "ip_warmups",
    "ip_whitelist",
    "ips",
    "keys",
    "lists",
    "routes",
    "thresholds",
    "x509",
];
/// What stands after a domain and contacts nobody.
const RESOURCES: &[&str] = &[
    "bounces",
    "complaints",
    "credentials",
    "events",
    "stats",
    "tag",
    "tags",
    "templates",
    "unsubscribes",
    "webhooks",
    "whitelists",
];
/// Fields by which some servers replace the method.
const METHOD_OVERRIDES: &[&str] = &["x-http-method-override", "x-http-method", "x-method-override"];
/// How often a path may be percent-decoded on its way through servers.
const DECODINGS: usize = 3;

pub(crate) fn look(head: &Head<'_>) -> Result<Look, Unreadable> {
    if METHOD_OVERRIDES.iter().any(|name| head.headers.contains_key(*name)) {
        return Err(Unreadable::new(
            "a header field that replaces the method cannot be honoured: leave it out",
        ));
    }
    if matches!(*head.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE) {
        return Ok(Look::Nobody);
    }
    let sends = send_point(head.path);
    if sends.is_some() {
        return if *head.method == Method::POST {
            Ok(Look::Body)
        } else {
            Err(Unreadable::new("messages are sent with POST"))
        };
    }
    if resembles_send(head.path) || has_dots(head.path) {
        return Err(Unreadable::new("write the path plainly, as in /v3/example.com/messages"));
    }
    let segments: Vec<&str> = head.path.trim_end_matches('/').split('/').skip(1).collect();
    let harmless = match segments[..] {
        [version, root, ref below @ ..] if is_version(version) && ROOTS.contains(&root) => {
            !below.contains(&"messages") && !below.contains(&"messages.mime")
        }
        [version, domain, resource, ..] => {
            is_version(version) && domain.contains('.') && RESOURCES.contains(&resource)
        }
        _ => false,
    };
    Ok(if harmless { Look::Nobody } else { Look::Unrecognised })
}

/// The sending endpoint that a path names, exactly as written.
pub(crate) fn send_point(path: &str) -> Option<SendPoint> {
    parts(path).map(|(point, _)| point)
}

/// The sending domain that a path names, in lower case.
pub(crate) fn domain(path: &str) -> Option<Cow<'_, str>> {
    let domain = match parts(path) {
        Some((_, domain)) => domain,
        None => {
            let mut segments = path.split('/').skip(2).filter(|segment| *segment != "domains");
            segments.next().filter(|segment| segment.contains('.') && is_domain(segment))?
        }
    };
    Some(if domain.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(domain.to_ascii_lowercase())
    } else {
        Cow::Borrowed(domain)
    })
}

fn parts(path: &str) -> Option<(SendPoint, &str)> {
    let inside = path.strip_prefix('/')?;
    let mut segments = inside.strip_suffix('/').unwrap_or(inside).split('/');
    let mut next = || segments.next();
    let (version, first, second, third, fourth, more) = (next()?, next()?, next()?, next(), next(), next());
    if !is_version(version) || more.is_some() {
        return None;
    }
    let (point, domain) = match (first, second, third, fourth) {
        ("domains", domain, Some("messages"), key) => {
            (if key.is_some() { SendPoint::Resend } else { SendPoint::Messages }, domain)
        }
        (domain, "messages", None, None) => (SendPoint::Messages, domain),
        (domain, "messages.mime", None, None) => (SendPoint::Mime, domain),
        (domain, "messages", Some(_), None) => (SendPoint::Resend, domain),
        _ => return None,
    };
    let key_is_plain = fourth.or(third).is_none_or(|key| !key.is_empty() && key.bytes().all(is_plain));
    (is_domain(domain) && key_is_plain).then_some((point, domain))
}

/// `v3`, and the older and newer ones.
fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_domain(segment: &str) -> bool {
    !segment.is_empty()
        && !segment.starts_with('.')
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// What a storage key is made of.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~=+:,@".contains(&byte)
}

/// Could a lenient server take the path for a sending endpoint?
fn resembles_send(path: &str) -> bool {
    let lenient = lenient(path);
    let segments: Vec<&str> = lenient
        .split('/')
        .map(|segment| segment.split(';').next().unwrap_or(segment).trim())
        .filter(|segment| !segment.is_empty() && *segment != ".")
        .collect();
    let mut resolved: Vec<&str> = Vec::new();
    for segment in &segments {
        if *segment == ".." {
            resolved.pop();
        } else {
            resolved.push(segment);
        }
    }
    let sends = |segments: &[&str]| match segments {
        [_, "domains", _, what, ..] | [_, _, what, ..] => matches!(*what, "messages" | "messages.mime"),
        _ => false,
    };
    sends(&segments) || sends(&resolved)
}

fn has_dots(path: &str) -> bool {
    let lenient = lenient(path);
    lenient.split('/').any(|segment| matches!(segment, "." | ".."))
        || path.contains(['\\', ';'])
        || path.contains("//")
}

fn lenient(path: &str) -> String {
    let mut text = path.to_owned();
    for _ in 0..DECODINGS {
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if decoded == text {
            break;
        }
        text = decoded;
    }
    text.to_ascii_lowercase().replace('\\', "/").replace(|char: char| char.is_control(), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn looked(method: &Method, path: &str) -> Result<Look, Unreadable> {
        look(&Head { method, host: None, path, query: None, headers: &HeaderMap::new() })
    }

    #[test]
    fn sending_endpoints() {
        for (path, point) in [
            ("/v3/mg.acme.com/messages", SendPoint::Messages),
            ("/v3/mg.acme.com/messages/", SendPoint::Messages),
            ("/v2/mg.acme.com/messages", SendPoint::Messages),
            ("/v3/mg.acme.com/messages.mime", SendPoint::Mime),
            ("/v3/domains/mg.acme.com/messages/BAABAQWkWSfv=", SendPoint::Resend),
            ("/v3/mg.acme.com/messages/BAABAQ", SendPoint::Resend),
        ] {
            assert_eq!(send_point(path), Some(point), "{path}");
            assert_eq!(domain(path).as_deref(), Some("mg.acme.com"), "{path}");
            assert_eq!(looked(&Method::POST, path), Ok(Look::Body), "{path}");
            assert_eq!(looked(&Method::GET, path), Ok(Look::Nobody), "{path}");
            assert_eq!(looked(&Method::DELETE, path), Ok(Look::Nobody), "{path}");
            assert!(looked(&Method::PUT, path).is_err(), "{path}");
            assert!(looked(&Method::from_bytes(b"post").unwrap(), path).is_err(), "{path}");
        }
        assert_eq!(domain("/v3/MG.Acme.com/messages").as_deref(), Some("mg.acme.com"));
        assert_eq!(domain("/v3/mg.acme.com/unsubscribes").as_deref(), Some("mg.acme.com"));
        assert_eq!(domain("/v3/domains/mg.acme.com/tracking").as_deref(), Some("mg.acme.com"));
        assert_eq!(domain("/v3/lists"), None);
    }

    #[test]
    fn odd_spellings_of_them_are_refused() {
        for path in [
            "/v3/mg.acme.com/Messages",
            "/V3/mg.acme.com/messages",
            "/v3/mg.acme.com/messages//",
            "/v3//mg.acme.com/messages",
            "//v3/mg.acme.com/messages",
            "/v3/mg.acme.com/mess%61ges",
            "/v3/mg.acme.com/mess%2561ges",
            "/v3/mg%2Eacme.com/messages",
            "/v3/mg.acme.com%2Fmessages",
            "/v3/mg.acme.com/x/../messages",
            "/v3/mg.acme.com/./messages",
            "/v3/mg.acme.com/%2e/messages",
            "/v3/mg.acme.com\\messages",
            "/v3/mg.acme.com/messages;x=1",
            "/v3/mg.acme.com/messages%00",
            "/v3/mg.acme.com/messages%20",
            "/v3/mg.acme.com/messages/../messages",
            "/v3/domains/mg.acme.com/messages/a%2Fb",
            "/v3/mg.acme.com/tags/../messages",
            "/v3/lists/../mg.acme.com/messages",
        ] {
            assert!(looked(&Method::POST, path).is_err(), "{path}");
        }
    }

    #[test]
    fn other_endpoints() {
        for path in [
            "/v3/mg.acme.com/unsubscribes",
            "/v3/mg.acme.com/bounces/bob%2Bx%40example.com",
            "/v3/mg.acme.com/templates/messages",
            "/v3/lists/team%40mg.acme.com/members",
            "/v3/routes",
            "/v4/domains",
            "/v4/address/validate",
            "/v5/accounts/http_signing_key",
            "/v1/analytics/metrics",
        ] {
            assert_eq!(looked(&Method::POST, path), Ok(Look::Nobody), "{path}");
        }
        for path in [
            "/v3/lists/team@mg.acme.com/messages",
            "/v3/mg.acme.com/envelopes",
            "/v5/sandbox/auth_recipients",
            "/v3/mg.acme.com/newsletters",
            "/",
            "/v3",
            "/v5/users/invite",
        ] {
            assert_eq!(looked(&Method::POST, path), Ok(Look::Unrecognised), "{path}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("x-http-method-override", "POST".parse().unwrap());
        let head =
            Head { method: &Method::GET, host: None, path: "/v3/x/messages", query: None, headers: &headers };
        assert!(look(&head).is_err());
    }
}
