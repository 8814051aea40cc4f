//! A raw mail: MIME in base64, whose header names the recipients where the request does not.

use crate::people::{header_role, no_hidden_header};
use dndgate_adapter::{CannotTrim, Role, Unreadable, mailbox, mime, sign};
use std::borrow::Cow;

/// A raw mail.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) message: Vec<u8>,
    /// Whom its header names, and in which part.
    pub(crate) people: Vec<(String, Role)>,
}

impl Raw {
    /// Reads the base64 of a request.
    ///
    /// # Errors
    /// When it is none, or the header does not name its people with certainty.
    pub(crate) fn read(data: &str) -> Result<Raw, Unreadable> {
        let packed: String = data.chars().filter(|char| !matches!(char, '\r' | '\n')).collect();
        let message = sign::from_base64(&packed)
            .ok_or_else(|| Unreadable::new("the raw message is not base64 (RFC 4648, section 4)"))?;
        let mut people = Vec::new();
        for (name, value) in mime::fields(&message, |name| header_role(name).is_some()) {
            let Some(role) = header_role(&name) else { continue };
            let bad = |why: Unreadable| {
                Unreadable::new(format!(
                    "the {name} header of the raw message cannot be read ({})",
                    why.message
                ))
            };
            no_hidden_header(&value)?;
            if value.contains('\u{fffd}') {
                return Err(Unreadable::new(format!("the {name} header of the raw message is not UTF-8")));
            }
            for one in mailbox::read(&value).map_err(bad)? {
                // The members of a group are reached like everybody else ("RawMessage", API reference).
                people.push((one.address.into_owned(), role));
            }
        }
        Ok(Raw { message, people })
    }

    /// Adds people whom only its header names. Beside a Destination the header is believed for hidden copies alone:
    /// what SES does with those is not documented.
    pub(crate) fn add_people(&self, all: &mut Vec<(Cow<'_, str>, Role)>) {
        let alone = all.is_empty();
        for (address, role) in &self.people {
            let is_known = all.iter().any(|(known, _)| known.eq_ignore_ascii_case(address));
            if !is_known && (alone || *role == Role::Bcc) {
                all.push((Cow::Owned(address.clone()), *role));
            }
        }
    }

    /// Does its header name people who get hidden copies?
    pub(crate) fn has_hidden(&self) -> bool {
        self.people.iter().any(|(_, role)| *role == Role::Bcc)
    }

    /// The base64 of it without its hidden copies, which the request names from now on.
    ///
    /// # Errors
    /// When it is signed and would not be true to its signature.
    pub(crate) fn without_hidden(&self) -> Result<String, CannotTrim> {
        if !mime::fields(&self.message, |name| name == "dkim-signature").is_empty() {
            return Err(CannotTrim(
                "the raw message is signed (DKIM), and somebody would have to be taken out of its Bcc header"
                    .into(),
            ));
        }
        let left = mime::without(&self.message, |name| header_role(name) == Some(Role::Bcc));
        Ok(sign::to_base64(&left))
    }
}
