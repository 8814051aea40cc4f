//! Which request is which.
//!
//! The paths are those of the service model of SES v2 (2019-09-27) as AWS's own SDKs carry it. The older API has one
//! path, `/`, and says in a form what it is about: see [`crate::v1`].

use dndgate_adapter::{Head, Look, Unreadable, path};
use http::Method;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// `SendEmail`
    Email,
    /// `SendBulkEmail`
    Bulk,
    /// `SendCustomVerificationEmail`: SES writes to one address.
    Verification,
    /// `CreateEmailIdentity`: SES writes to it when it is an address.
    Identity,
    /// The API of 2010.
    Query,
    /// Reaches people whom nobody names to us.
    Unnamed(&'static str),
    /// Contacts nobody.
    Nobody,
}

/// Mailboxes of AWS's own by which it tries how mail arrives.
pub(crate) const INBOX_TESTS: &str = "inbox tests";

const POSTS: &[(&str, Point)] = &[
    ("v2/email/outbound-emails", Point::Email),
    ("v2/email/outbound-bulk-emails", Point::Bulk),
    ("v2/email/outbound-custom-verification-emails", Point::Verification),
    ("v2/email/identities", Point::Identity),
    ("v2/email/identities/*/policies/*", Point::Nobody),
    ("v2/email/deliverability-dashboard/test", Point::Unnamed(INBOX_TESTS)),
    ("v2/email/account/details", Point::Nobody),
    ("v2/email/configuration-sets", Point::Nobody),
    ("v2/email/configuration-sets/*/event-destinations", Point::Nobody),
    ("v2/email/contact-lists", Point::Nobody),
    ("v2/email/contact-lists/*/contacts", Point::Nobody),
    ("v2/email/contact-lists/*/contacts/list", Point::Nobody),
    ("v2/email/custom-verification-email-templates", Point::Nobody),
    ("v2/email/dedicated-ip-pools", Point::Nobody),
    ("v2/email/email-address-insights", Point::Nobody),
    ("v2/email/export-jobs", Point::Nobody),
    ("v2/email/identity/certificates", Point::Nobody),
    ("v2/email/identity/certificates/*", Point::Nobody),
    ("v2/email/import-jobs", Point::Nobody),
    ("v2/email/import-jobs/list", Point::Nobody),
    ("v2/email/list-configuration-sets", Point::Nobody),
    ("v2/email/list-export-jobs", Point::Nobody),
    ("v2/email/list-identities", Point::Nobody),
    ("v2/email/metrics/batch", Point::Nobody),
    ("v2/email/multi-region-endpoints", Point::Nobody),
    ("v2/email/reputation/entities", Point::Nobody),
    ("v2/email/resources/tenants/list", Point::Nobody),
    ("v2/email/tags", Point::Nobody),
    ("v2/email/templates", Point::Nobody),
    ("v2/email/templates/*/render", Point::Nobody),
    ("v2/email/tenant/suppression", Point::Nobody),
    ("v2/email/tenants", Point::Nobody),
    ("v2/email/tenants/**", Point::Nobody),
    ("v2/email/update-configuration-sets", Point::Nobody),
    ("v2/email/vdm/recommendations", Point::Nobody),
];

const PUTS: &[(&str, Point)] = &[
    ("v2/email/account/**", Point::Nobody),
    ("v2/email/configuration-sets/**", Point::Nobody),
    ("v2/email/contact-lists/**", Point::Nobody),
    ("v2/email/custom-verification-email-templates/*", Point::Nobody),
    ("v2/email/dedicated-ip-pools/**", Point::Nobody),
    ("v2/email/dedicated-ips/**", Point::Nobody),
    ("v2/email/deliverability-dashboard", Point::Nobody),
    ("v2/email/export-jobs/*/cancel", Point::Nobody),
    ("v2/email/identities/*/**", Point::Nobody),
    ("v2/email/reputation/entities/**", Point::Nobody),
    ("v2/email/suppression/addresses", Point::Nobody),
    ("v2/email/templates/*", Point::Nobody),
];

/// What a request's head asks for; `None` when it is not known.
///
/// # Errors
/// When the path could be read as another one, or the host serves no mail.
pub(crate) fn point(head: &Head<'_>) -> Result<Option<Point>, Unreadable> {
    if head.host.is_some_and(|host| host.starts_with("sns.")) {
        return Err(Unreadable::new("the gateway asks Amazon SNS for certificates only; call SNS itself"));
    }
    if matches!(head.path, "" | "/") {
        return Ok(Some(Point::Query));
    }
    let is_read = path::is_read(head.method);
    let rows = match *head.method {
        Method::POST => POSTS,
        Method::PUT => PUTS,
        _ => &[],
    };
    let bare = head.path.strip_suffix('/').filter(|bare| !bare.is_empty()).unwrap_or(head.path);
    match path::clean(bare) {
        Err(_) if is_read => Ok(Some(Point::Nobody)),
        Err(tricky) => Err(tricky),
        Ok(()) if is_read => Ok(Some(Point::Nobody)),
        Ok(()) => path::lookup(rows.iter().copied(), &bare[1..]),
    }
}

/// See [`dndgate_adapter::Adapter::look`].
pub(crate) fn look(head: &Head<'_>) -> Result<Look, Unreadable> {
    Ok(match point(head)? {
        Some(Point::Nobody) => Look::Nobody,
        Some(_) => Look::Body,
        None => Look::Unrecognised,
    })
}
