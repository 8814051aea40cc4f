//! Which endpoint a request is for.

use dndgate_adapter::{Head, Look, Unreadable, path};

/// Name of the sends whose recipient only Postmark knows: confirmations of a sender signature, sent again.
pub(crate) const CONFIRMATIONS: &str = "confirmations";

/// What requests to an endpoint do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// They contact nobody.
    Nobody,
    /// They send one message: the body.
    Message,
    /// They send the messages of the array that the body is.
    Batch,
    /// They send those under `Messages`.
    Messages,
    /// They send one text to those under `Messages`, whenever Postmark finds time.
    Bulk,
    /// They make Postmark itself write to the address in this field: what kind of mail, the field.
    Address(&'static str, &'static str),
    /// They make Postmark itself write to somebody it knows.
    Unnamed(&'static str),
}

impl Point {
    /// Do they hold several messages, each answered for itself?
    pub(crate) fn is_answered_by_position(self) -> bool {
        matches!(self, Point::Batch | Point::Messages)
    }
}

const ROWS: [(&str, Point); 18] = [
    ("email", Point::Message),
    ("email/withTemplate", Point::Message),
    ("email/batch", Point::Batch),
    ("email/batchWithTemplates", Point::Messages),
    ("email/bulk", Point::Bulk),
    ("senders", Point::Address("confirmation", "FromEmail")),
    ("senders/*/resend", Point::Unnamed(CONFIRMATIONS)),
    ("senders/**", Point::Nobody),
    // Postmark tells who asked for it when somebody's traces are gone.
    ("data-removals", Point::Address("notice", "RequestedBy")),
    ("bounces/**", Point::Nobody),
    ("domains/**", Point::Nobody),
    ("message-streams/**", Point::Nobody),
    // Inbound mail is given to a webhook again.
    ("messages/inbound/**", Point::Nobody),
    ("server", Point::Nobody),
    ("servers/**", Point::Nobody),
    ("templates/**", Point::Nobody),
    ("triggers/**", Point::Nobody),
    ("webhooks/**", Point::Nobody),
];

/// What a request does; `None` when it is not known.
///
/// # Errors
/// When the path could be read as another one. Postmark does not mind its case, so that a path that differs
/// in case only is refused rather than unknown.
pub(crate) fn point(head: &Head<'_>) -> Result<Option<Point>, Unreadable> {
    if path::is_read(head.method) {
        return Ok(Some(Point::Nobody));
    }
    // `/email/withTemplate/` is how Postmark itself writes it.
    let trimmed = head.path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(head.path);
    path::clean(trimmed)?;
    path::lookup(ROWS, &trimmed[1..])
}

/// See [`dndgate_adapter::Adapter::look`].
pub(crate) fn look(head: &Head<'_>) -> Result<Look, Unreadable> {
    Ok(match point(head)? {
        Some(Point::Nobody) => Look::Nobody,
        Some(_) => Look::Body,
        None => Look::Unrecognised,
    })
}
