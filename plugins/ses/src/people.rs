//! One mail and whom it reaches, whichever API takes it.

use dndgate_adapter::{
    AddressKind, CannotTrim, Channel, Copies, Known, Recipient, Role, Sending, Unreadable, mailbox, mime,
};
use std::borrow::Cow;

/// The most recipients that one request may name; SES takes 50 a mail and 50 mails.
pub(crate) const PEOPLE_MAX: usize = 10_000;

/// The roles in which a mail names people, in the order in which SES lists them.
pub(crate) const ROLES: [Role; 3] = [Role::To, Role::Cc, Role::Bcc];

/// Where a mail names somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person<'a> {
    pub(crate) address: Cow<'a, str>,
    pub(crate) role: Role,
    /// Its place in the list of its role.
    pub(crate) place: usize,
}

/// The one address that stands in a text of its own.
///
/// # Errors
/// When there is none, or more than one, or it cannot be read with certainty.
pub(crate) fn address<'a>(text: Cow<'a, str>) -> Result<Cow<'a, str>, Unreadable> {
    let one = |list: &[mailbox::Mailbox<'_>]| match list {
        [one] if !one.in_group => Ok(()),
        _ => Err(Unreadable::new("an address of the Destination is not one address: write each on its own")),
    };
    match text {
        Cow::Borrowed(text) => {
            let mut list = mailbox::read(text)?;
            one(&list)?;
            Ok(list.remove(0).address)
        }
        Cow::Owned(text) => {
            let mut list = mailbox::read(&text)?;
            one(&list)?;
            Ok(Cow::Owned(list.remove(0).address.into_owned()))
        }
    }
}

/// Adds the people of one mail to a send. Hidden copies go when nobody else is left.
pub(crate) fn add<'a>(send: &mut Sending<'a>, people: impl IntoIterator<Item = (Cow<'a, str>, Role)>) {
    let (mut who, mut of) = (Vec::new(), Vec::new());
    for (address, role) in people {
        if role == Role::Bcc { &mut who } else { &mut of }.push(send.recipients.len());
        send.recipients.push(Recipient {
            channels: Channel::Email.into(),
            kind: AddressKind::Email,
            address,
            role,
            known: Known::Address,
        });
    }
    if !who.is_empty() && !of.is_empty() {
        send.copies.push(Copies { who, of });
    }
}

/// What becomes of a mail out of which people are taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing: everybody stays.
    Whole,
    /// Nobody stays.
    Nobody,
    /// Some stay. The first copied person becomes the addressee where none is left.
    Some { promoted: Option<usize> },
}

/// What becomes of a mail with people in these roles when some of them go.
///
/// # Errors
/// When hidden copies would be left alone: they would have to be shown.
pub(crate) fn left(roles: &[Role], goes: impl Fn(usize) -> bool) -> Result<Left, CannotTrim> {
    let stay: Vec<usize> = (0..roles.len()).filter(|index| !goes(*index)).collect();
    if stay.len() == roles.len() {
        return Ok(Left::Whole);
    }
    if stay.is_empty() {
        return Ok(Left::Nobody);
    }
    let has = |role: Role| roles.contains(&role);
    let first = |role: Role| stay.iter().copied().find(|index| roles[*index] == role);
    if (has(Role::To) || has(Role::Cc)) && first(Role::To).is_none() && first(Role::Cc).is_none() {
        return Err(CannotTrim(
            "only hidden copies would be left, whose addresses would have to be shown".into(),
        ));
    }
    let promoted = if has(Role::To) && first(Role::To).is_none() { first(Role::Cc) } else { None };
    Ok(Left::Some { promoted })
}

/// Does a header field of this name make a mail reach somebody, with that role?
pub(crate) fn header_role(name: &str) -> Option<Role> {
    match name {
        "to" | "resent-to" | "apparently-to" => Some(Role::To),
        "cc" | "resent-cc" => Some(Role::Cc),
        "bcc" | "resent-bcc" => Some(Role::Bcc),
        _ => None,
    }
}

/// Refuses a text that would begin a header field of its own with people in it.
///
/// # Errors
/// When a line break in it is followed by the name of such a field.
pub(crate) fn no_hidden_header(text: &str) -> Result<(), Unreadable> {
    if mime::breaks_into_recipients(text) {
        return Err(Unreadable::new("a header field with recipients is hidden in a text"));
    }
    Ok(())
}
