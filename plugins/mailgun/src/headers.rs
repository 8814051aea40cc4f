//! Header fields that the gateway adds to a mail to one person (`List-Unsubscribe` and its like). Mailgun signs
//! the mail after it has built it, so that these are under its signature.

use crate::{
    fields::Fields,
    path::{self, SendPoint},
};
use dndgate_adapter::{CannotAdd, Edit, Request, mime};

/// See [`dndgate_adapter::Adapter::add_headers`].
pub(crate) fn add(request: &Request<'_>, headers: &[(&str, &str)]) -> Result<Vec<Edit>, CannotAdd> {
    let point = path::send_point(request.head.path).ok_or(CannotAdd::Unfit("this is no send"))?;
    let fields =
        Fields::read(&request.head, request.body).map_err(|_| CannotAdd::Unfit("it cannot be read"))?;
    let is_own = |name: &str| headers.iter().any(|(own, _)| name.trim().eq_ignore_ascii_case(own));
    let has_field = (0..fields.len()).any(|field| {
        let name = fields.name(field).split_once(':');
        name.is_some_and(|(prefix, name)| prefix.trim().eq_ignore_ascii_case("h") && is_own(name))
    });
    if has_field {
        return Err(CannotAdd::Own);
    }
    match point {
        SendPoint::Messages => {
            let edits = headers.iter().map(|(name, value)| fields.append(&format!("h:{name}"), value));
            edits.collect::<Option<_>>().ok_or(CannotAdd::Unfit("the boundary would stand in a value"))
        }
        SendPoint::Mime => into_mime(&fields, headers, is_own),
        SendPoint::Resend => Err(CannotAdd::Unfit("the mail is at Mailgun already")),
    }
}

/// At the end of the message's own header.
fn into_mime(
    fields: &Fields<'_>,
    headers: &[(&str, &str)],
    is_own: impl Fn(&str) -> bool,
) -> Result<Vec<Edit>, CannotAdd> {
    let field = fields.last("message").ok_or(CannotAdd::Unfit("there is no message parameter"))?;
    let message = fields.bytes(field);
    let there = mime::fields(message, |name| is_own(name) || name == "dkim-signature");
    match there.first() {
        Some((name, _)) if name == "dkim-signature" => {
            return Err(CannotAdd::Unfit("it is signed already, and would not be true to its signature"));
        }
        Some(_) => return Err(CannotAdd::Own),
        None => {}
    }
    let (at, line_end) = mime::end_of_header(message).ok_or(CannotAdd::Unfit("its header has no end"))?;
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}{line_end}")).collect();
    fields.insert(field, at, &lines).map(|edit| vec![edit]).ok_or(CannotAdd::Unfit("it is no multipart"))
}
