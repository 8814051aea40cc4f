//! What the provider's answers teach: codes that concern the one recipient, handles of what leaves later.

use crate::{
    describe::Fault,
    fields::{Fields, Part},
    file,
};
use dndgate_adapter::{Answer, Event, EventKind, Learned, Recipient, Scheduled, Sending, Severity, sign};
use http::StatusCode;
use std::borrow::Cow;
use toml::Spanned;

/// Described answers.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    code: Option<String>,
    message: Option<String>,
    no_error: Vec<String>,
    always: bool,
    handle: Option<file::Handle>,
}

pub(crate) fn describe(written: Option<Spanned<file::Answer>>) -> Result<Answers, Fault> {
    let Some(written) = written else { return Ok(Answers::default()) };
    let at = written.span().start;
    let file::Answer { code, message, no_error, always, handle } = written.into_inner();
    if code.is_none() && (message.is_some() || always || !no_error.is_empty()) {
        return Err((at, "answer: code is missing: where does the error code stand?".into()));
    }
    Ok(Answers { code, message, no_error, always, handle: handle.map(Spanned::into_inner) })
}

impl Answers {
    pub(crate) fn has_handle(&self) -> bool {
        self.handle.is_some()
    }

    pub(crate) fn wanted(&self, send: &Sending<'_>, status: StatusCode) -> bool {
        let codes = self.code.is_some() && (status.is_client_error() || self.always);
        codes || send.scheduled && self.has_handle()
    }

    pub(crate) fn learn(&self, send: &Sending<'_>, dropped: &[usize], answer: &Answer<'_>) -> Learned {
        let mut learned = Learned::default();
        let Ok(fields) = Fields::json(answer.body) else { return learned };
        let sent_to: Vec<&Recipient<'_>> = send
            .recipients
            .iter()
            .enumerate()
            .filter(|(index, _)| !dropped.contains(index))
            .map(|(_, one)| one)
            .collect();
        // An error names no recipient: it teaches something of the only one.
        if let [one] = &sent_to[..] {
            learned.events.extend(self.failure(one, &fields.whole(), answer.body));
        }
        if let (true, true, Some(handle)) = (send.scheduled, answer.status.is_success(), &self.handle) {
            for part in fields.each(handle.each.as_deref()) {
                let Some(id) = part.text(&handle.id) else { continue };
                let named = handle.address.as_deref().and_then(|trail| part.text(trail));
                let whose = named.and_then(|named| sent_to.iter().find(|one| same(&one.address, &named)));
                learned.scheduled.push(Scheduled {
                    id: id.into_owned(),
                    address: whose.map(|one| one.address.to_string()).unwrap_or_default(),
                    ..Scheduled::default()
                });
            }
        }
        learned
    }

    fn failure(&self, one: &Recipient<'_>, answer: &Part<'_, '_>, body: &[u8]) -> Option<Event<'static>> {
        let code = answer.text(self.code.as_deref()?)?;
        if matches!(&*code, "0" | "false") || self.no_error.iter().any(|fine| *fine == code) {
            return None;
        }
        let message = self.message.as_deref().and_then(|trail| answer.text(trail)).unwrap_or_default();
        Some(Event {
            id: sign::to_hex(&sign::sha256_of([one.address.as_bytes(), b"\n", body])).into(),
            account: None,
            at: None,
            kind: EventKind::Failure {
                channel: one.channels.first()?,
                to_kind: one.kind,
                to: Cow::Owned(one.address.to_string()),
                code: Cow::Owned(code.into_owned()),
                severity: Severity::Unsaid,
                message: Cow::Owned(message.into_owned()),
            },
        })
    }
}

/// Is that the same address, whatever stands around its digits?
fn same(one: &str, other: &str) -> bool {
    let bare = |text: &str| -> String {
        let kept = text.chars().filter(|char| !matches!(char, '+' | ' ' | '-' | '(' | ')' | '.'));
        kept.flat_map(char::to_lowercase).collect()
    };
    bare(one) == bare(other)
}
