//! Refusals as the provider would write them.

use crate::{
    describe::{Fault, leak},
    file,
    template::{Escape, Template},
};
use dndgate_adapter::{Channel, Refusal, RefusalCause, Reply};
use http::StatusCode;
use toml::Spanned;

/// What may stand in a refusal.
const NAMES: &[&str] = &["message", "channel", "reason", "address", "request"];

/// A refusal for each cause.
#[derive(Debug)]
pub(crate) struct Refusals {
    media: &'static str,
    blocked: (StatusCode, Template),
    unreadable: (StatusCode, Template),
    account: (StatusCode, Template),
    failure: Template,
}

impl Refusals {
    pub(crate) fn describe(written: Spanned<file::Refusal>) -> Result<Refusals, Fault> {
        let at = written.span().start;
        let file::Refusal { status, media, body, unreadable, account, failure } = written.into_inner();
        let wrong = |why: String| (at, format!("refusal: {why}"));
        if http::HeaderValue::from_str(&media).is_err() || !media.contains('/') {
            return Err(wrong(format!("type {media:?} is no media type; write it as application/json")));
        }
        let escape = Escape::of(&media);
        let one = |other: &file::Other| {
            let text = other.body.as_ref().unwrap_or(&body);
            let template = Template::read(text, NAMES, escape).map_err(wrong)?;
            let sample = template.write(&["a \"message\" & so on", "sms", "keyword", "+14155550100", "0199"]);
            if escape == Escape::Json && serde_json::from_str::<serde_json::Value>(&sample).is_err() {
                return Err(wrong("a body is no JSON: {{names}} stand inside quotes".into()));
            }
            Ok((final_status(other.status.unwrap_or(status)).map_err(wrong)?, template))
        };
        if failure.status.is_some() {
            return Err(wrong("failure has no status: it is 502, 503 or 504".into()));
        }
        Ok(Refusals {
            blocked: one(&file::Other::default())?,
            unreadable: one(&unreadable)?,
            account: one(&account)?,
            failure: one(&failure)?.1,
            media: leak(&media),
        })
    }

    pub(crate) fn render(&self, refusal: &Refusal<'_>) -> Reply {
        let (status, template) = match refusal.cause {
            RefusalCause::Blocked => (self.blocked.0, &self.blocked.1),
            RefusalCause::Unreadable => (self.unreadable.0, &self.unreadable.1),
            RefusalCause::Account | RefusalCause::Signature => (self.account.0, &self.account.1),
            RefusalCause::TooLarge => (refusal.cause.status(), &self.unreadable.1),
            _ => (refusal.cause.status(), &self.failure),
        };
        let message = format!("{} [Do-Not-Disturb gateway, request {}]", refusal.message, refusal.request_id);
        let channel = refusal.channel.map(Channel::label).unwrap_or_default();
        let values = [
            &*message,
            channel,
            refusal.reason.unwrap_or_default(),
            refusal.address.unwrap_or_default(),
            refusal.request_id,
        ];
        Reply::new(status, self.media, template.write(&values))
    }
}

/// A status that no client takes for success and none repeats (R12).
fn final_status(status: u16) -> Result<StatusCode, String> {
    StatusCode::from_u16(status)
        .ok()
        .filter(|status| status.is_client_error() && !matches!(status.as_u16(), 408 | 429))
        .ok_or_else(|| {
            format!("status {status} would be taken for success or tried again: use one from 400 to 499, but not 408 or 429")
        })
}
