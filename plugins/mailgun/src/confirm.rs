//! The one mail that confirms an opt-out by mail. Mailgun itself sends none.

use crate::{API_KEY, fields::Fields, inbound, outbound::address_of, webhook::head};
use dndgate_adapter::{Authentic, Event, EventKind, Secrets, credentials, outbound::Call};
use http::{HeaderValue, Method, header};
use percent_encoding::utf8_percent_encode;

/// The longest subject that is repeated, in characters.
const SUBJECT_CHARS_MAX: usize = 200;

/// Mail from a person can be answered; reports cannot.
pub(crate) fn confirms_itself(webhook: &Authentic<'_>) -> bool {
    let webhook = webhook.webhook();
    !Fields::read(&head(webhook), webhook.body).is_ok_and(|fields| inbound::is_inbound(&fields))
}

/// The request that sends it: from the address that the person wrote to, marked as automatic.
pub(crate) fn confirm_call(
    webhook: &Authentic<'_>,
    event: &Event<'_>,
    text: &str,
    secrets: &Secrets,
) -> Option<Call> {
    let EventKind::Message { from: person, .. } = &event.kind else { return None };
    let key = secrets.first(API_KEY)?;
    let webhook = webhook.webhook();
    let fields = Fields::read(&head(webhook), webhook.body).ok()?;
    let business = address_of(fields.first("recipient")?);
    let domain = event.account.as_deref().or_else(|| Some(business.rsplit_once('@')?.1))?;
    let subject = fields.first("subject").unwrap_or_default();
    let subject: String = subject.chars().filter(|char| !char.is_control()).take(SUBJECT_CHARS_MAX).collect();
    let subject =
        if subject.to_ascii_lowercase().starts_with("re:") { subject } else { format!("Re: {subject}") };
    let credentials = credentials::basic(&format!("api:{key}"))?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("from", &business).append_pair("to", person).append_pair("subject", &subject);
    form.append_pair("text", text).append_pair("h:Auto-Submitted", "auto-replied");
    form.append_pair("o:tracking", "no");
    if let Some(id) = fields.first("Message-Id").filter(|id| !id.chars().any(char::is_control)) {
        form.append_pair("h:In-Reply-To", &id);
    }
    Some(Call {
        method: Method::POST,
        host: None,
        path_and_query: format!("/v3/{}/messages", utf8_percent_encode(domain, crate::schedule::DOMAIN)),
        headers: vec![
            (header::AUTHORIZATION, credentials),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
        ],
        body: form.finish().into_bytes(),
    })
}
