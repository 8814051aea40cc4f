//! Which endpoint a request is for.

use dndgate_adapter::{Head, Look, Unreadable, path};
use percent_encoding::percent_decode_str;

/// The API host of accounts in the EU.
pub(crate) const EU: &str = "api.eu.sparkpost.com";
/// Name of the sends to a stored recipient list.
pub(crate) const LISTS: &str = "lists";
/// Name of the recipients who are reached through an app.
pub(crate) const PUSH: &str = "push";

/// What requests to an endpoint do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// They contact nobody.
    Nobody,
    /// They send.
    Transmission,
    /// They may have SparkPost write to a mailbox of a domain, which the path names.
    Verify,
}

const NOBODY: Point = Point::Nobody;
const ROWS: [(&str, Point); 28] = [
    ("api/v1/transmissions", Point::Transmission),
    ("api/v1/sending-domains/*/verify", Point::Verify),
    ("api/v1/sending-domains/**", NOBODY),
    ("api/v1/tracking-domains/**", NOBODY),
    ("api/v1/bounce-domains/**", NOBODY),
    ("api/v1/inbound-domains/**", NOBODY),
    ("api/v1/recipient-lists/**", NOBODY),
    ("api/v1/recipient-validation/**", NOBODY),
    ("api/v1/suppression-list/**", NOBODY),
    ("api/v1/templates/**", NOBODY),
    ("api/v1/snippets/**", NOBODY),
    ("api/v1/utils/**", NOBODY),
    ("api/v1/ab-test/**", NOBODY),
    ("api/v1/webhooks/**", NOBODY),
    ("api/v1/relay-webhooks/**", NOBODY),
    ("api/v1/subaccounts/**", NOBODY),
    ("api/v1/ip-pools/**", NOBODY),
    ("api/v1/sending-ips/**", NOBODY),
    ("api/v1/dkim/**", NOBODY),
    ("api/v1/seed-list/**", NOBODY),
    ("api/v1/inline-seeds/**", NOBODY),
    ("api/v1/data-privacy/**", NOBODY),
    ("api/v1/metrics/**", NOBODY),
    ("api/v1/events/**", NOBODY),
    ("api/v1/message-events/**", NOBODY),
    ("api/v1/blocklist-monitors/**", NOBODY),
    ("api/v1/account", NOBODY),
    ("api/v1/account/**", NOBODY),
];

/// What a request does; `None` when it is not known.
///
/// # Errors
/// When the path could be read as another one.
pub(crate) fn point(head: &Head<'_>) -> Result<Option<Point>, Unreadable> {
    if path::is_read(head.method) {
        return Ok(Some(Point::Nobody));
    }
    let path = bare(head.path);
    path::clean(path)?;
    path::lookup(ROWS, &path[1..])
}

/// Without the slash at its end, which django-anymail writes.
fn bare(path: &str) -> &str {
    path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path)
}

/// See [`dndgate_adapter::Adapter::look`].
pub(crate) fn look(head: &Head<'_>) -> Result<Look, Unreadable> {
    Ok(match point(head)? {
        Some(Point::Nobody) => Look::Nobody,
        Some(_) => Look::Body,
        None => Look::Unrecognised,
    })
}

/// The domain in the path of [`Point::Verify`].
pub(crate) fn domain(head: &Head<'_>) -> Option<String> {
    let segment = bare(head.path).split('/').nth(4)?;
    percent_decode_str(segment).decode_utf8().ok().map(|domain| domain.into_owned())
}
