//! Header fields that the gateway adds to a mail to one person (`List-Unsubscribe` and its like). SES signs the mail
//! after it has built it, so that these are under its signature.

use crate::{
    path::{Point, point},
    v2::Read,
};
use dndgate_adapter::{CannotAdd, Edit, Request, json::Json, mime, sign};

/// See [`dndgate_adapter::Adapter::add_headers`].
pub(crate) fn add(request: &Request<'_>, headers: &[(&str, &str)]) -> Result<Vec<Edit>, CannotAdd> {
    if !matches!(point(&request.head), Ok(Some(Point::Email))) {
        return Err(CannotAdd::Unfit("header fields have no place in this kind of send"));
    }
    let read = Read::new(request).map_err(|_| CannotAdd::Unfit("it cannot be read"))?;
    // SES adds its own then.
    if read.json.get("ListManagementOptions").is_some_and(|options| !options.is_null()) {
        return Err(CannotAdd::Own);
    }
    let is_own = |name: &str| headers.iter().any(|(own, _)| name.trim().eq_ignore_ascii_case(own));
    let content = read.json.get("Content").ok_or(CannotAdd::Unfit("it has no Content"))?;
    if let Some(raw) = &read.raw {
        if raw.has_hidden() {
            return Err(CannotAdd::Unfit("its Bcc header may have to go as well"));
        }
        let data = content.get("Raw").and_then(|raw| raw.get("Data")?.place());
        let data = data.ok_or(CannotAdd::Unfit("it has no raw message"))?;
        return Ok(vec![data.replace(&sign::to_base64(&into_mime(&raw.message, headers, is_own)?))]);
    }
    let form =
        ["Simple", "Template"].iter().find_map(|form| content.get(form).filter(|form| !form.is_null()));
    let form = form.ok_or(CannotAdd::Unfit("its Content is of an unknown kind"))?;
    let written: Vec<String> = headers
        .iter()
        .map(|(name, value)| serde_json::json!({ "Name": name, "Value": value }).to_string())
        .collect();
    let written = written.join(",");
    match form.get("Headers") {
        None => {
            let at = form.range.start + 1;
            let comma = if form.as_object().is_some_and(<[_]>::is_empty) { "" } else { "," };
            Ok(vec![Edit { range: at..at, with: format!("\"Headers\":[{written}]{comma}").into_bytes() }])
        }
        Some(list) => {
            let all = list.as_array().ok_or(CannotAdd::Unfit("its Headers are no list"))?;
            if all.iter().any(|header| header.get("Name").and_then(Json::as_str).is_some_and(is_own)) {
                return Err(CannotAdd::Own);
            }
            let at = list.range.end - 1;
            let comma = if all.is_empty() { "" } else { "," };
            Ok(vec![Edit { range: at..at, with: format!("{comma}{written}").into_bytes() }])
        }
    }
}

/// At the end of the message's own header.
fn into_mime(
    message: &[u8],
    headers: &[(&str, &str)],
    is_own: impl Fn(&str) -> bool,
) -> Result<Vec<u8>, CannotAdd> {
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
    Ok([&message[..at], lines.as_bytes(), &message[at..]].concat())
}
