//! Which requests send (sheet: `messages`, `messages.mime`, resend), and which contact nobody.

use dndgate_adapter::{Head, Look, Unreadable, form};
use http::Method;

/// What a path sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `POST /v3/{domain}/messages`
    Messages,
    /// `POST /v3/{domain}/messages.mime`
    Mime,
    /// `POST /v3/domains/{domain}/messages/{storage key}`: a stored message goes out again.
    Resend,
}

impl Endpoint {
    /// The name for `exempt` and records.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Endpoint::Messages => "message",
            Endpoint::Mime => "mime",
            Endpoint::Resend => "resend",
        }
    }
}

/// The endpoint of exactly this path.
pub(crate) fn endpoint(path: &str) -> Option<Endpoint> {
    let mut segments = path.strip_prefix("/v3/")?.split('/');
    match (segments.next()?, segments.next()?, segments.next(), segments.next(), segments.next()) {
        (domain, "messages", None, ..) if is_domain(domain) => Some(Endpoint::Messages),
        (domain, "messages.mime", None, ..) if is_domain(domain) => Some(Endpoint::Mime),
        ("domains", domain, Some("messages"), Some(key), None) if is_domain(domain) && !key.is_empty() => {
            Some(Endpoint::Resend)
        }
        _ => None,
    }
}

fn is_domain(segment: &str) -> bool {
    segment.contains('.')
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' || byte == b'_')
}

/// The sending domain in a path.
pub(crate) fn domain(path: &str) -> Option<&str> {
    let mut segments = path.trim_start_matches('/').split('/').skip(1);
    let first = segments.next()?;
    let domain = if first == "domains" { segments.next()? } else { first };
    is_domain(domain).then_some(domain)
}

/// Collections below a domain, and at the top, whose changes contact nobody. An address in them is data.
const HARMLESS_OF_A_DOMAIN: [&str; 18] = [
    "bounces",
    "unsubscribes",
    "complaints",
    "whitelists",
    "templates",
    "tags",
    "tag",
    "webhooks",
    "events",
    "stats",
    "limits",
    "credentials",
    "connection",
    "tracking",
    "dkim_authority",
    "dkim_selector",
    "web_prefix",
    "ips",
];
const HARMLESS_AT_THE_TOP: [&str; 16] = [
    "domains",
    "routes",
    "webhooks",
    "ips",
    "ip_pools",
    "lists",
    "accounts",
    "keys",
    "templates",
    "analytics",
    "users",
    "sandbox",
    "address",
    "dkim",
    "dynamic_pools",
    "alerts",
];

pub(crate) fn look(head: &Head<'_>) -> Result<Look, Unreadable> {
    if matches!(*head.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE) {
        return Ok(Look::Nobody);
    }
    if endpoint(head.path).is_some() {
        if *head.method != Method::POST {
            return Err(Unreadable::new("mail is sent with POST"));
        }
        check_query(head.query)?;
        return Ok(Look::Body);
    }
    if resembles_send(head.path) {
        return Err(Unreadable::new(
            "this path looks like a send and is not spelt like one: write /v3/{domain}/messages",
        ));
    }
    let mut segments = head.path.split('/').skip(2);
    let harmless = match (segments.next(), segments.next()) {
        (Some(top), _) if HARMLESS_AT_THE_TOP.contains(&top) => true,
        (Some(domain), Some(collection)) => is_domain(domain) && HARMLESS_OF_A_DOMAIN.contains(&collection),
        _ => false,
    };
    Ok(if harmless { Look::Nobody } else { Look::Unrecognised })
}

/// Whether Mailgun merges recipients of the query with those of the body is not known: refused.
fn check_query(query: Option<&str>) -> Result<(), Unreadable> {
    let Some(query) = query else { return Ok(()) };
    for pair in form::read(query.as_bytes())?.pairs() {
        if ["to", "cc", "bcc"].iter().any(|name| form::same_field(&pair.name, name)) {
            return Err(Unreadable::new("recipients stand in the query: send them in the body"));
        }
    }
    Ok(())
}

/// Could a lenient server take this path for a send: escapes, case, doubled or trailing slashes, dots?
fn resembles_send(path: &str) -> bool {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy().to_ascii_lowercase();
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split(['/', '\\']) {
        match segment.split(';').next().unwrap_or_default().trim() {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let is_version =
        |segment: &&str| segment.strip_prefix('v').is_some_and(|number| number.parse::<u8>().is_ok());
    match segments.as_slice() {
        [version, _, "messages" | "messages.mime"] => is_version(version),
        [version, "domains", _, "messages", ..] => is_version(version),
        [_, "messages" | "messages.mime"] => true,
        _ => false,
    }
}
