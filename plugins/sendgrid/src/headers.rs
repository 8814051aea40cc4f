//! Header fields that the gateway adds to a mail to one person (`List-Unsubscribe` and its like). SendGrid signs the
//! mail after it has built it, so that these are under its signature.

use crate::sends::MAIL_SEND;
use dndgate_adapter::{
    CannotAdd, Edit, Request, Sending,
    json::{self, Json, Value},
};

/// See [`dndgate_adapter::Adapter::add_headers`].
pub(crate) fn add(
    request: &Request<'_>,
    send: &Sending<'_>,
    headers: &[(&str, &str)],
) -> Result<Vec<Edit>, CannotAdd> {
    if request.head.path.trim_end_matches('/') != MAIL_SEND || send.kind != "message" {
        return Err(CannotAdd::Unfit("it takes no header fields"));
    }
    let body = json::read(request.body).map_err(|_| CannotAdd::Unfit("it cannot be read"))?;
    let mails = body.get("personalizations").and_then(Json::as_array).unwrap_or_default();
    let is_own = |one: &Json<'_>| {
        let fields = one.get("headers").and_then(Json::as_object).unwrap_or_default();
        fields.iter().any(|field| headers.iter().any(|(name, _)| field.key.trim().eq_ignore_ascii_case(name)))
    };
    if is_own(&body) || mails.iter().any(is_own) || sendgrid_adds_its_own(&body) {
        return Err(CannotAdd::Own);
    }
    // Fields of a personalization stand in for those of the whole.
    let home = match mails.iter().filter(|mail| mail.get("headers").is_some()).count() {
        0 => &body,
        1 if mails.len() == 1 => &mails[0],
        _ => return Err(CannotAdd::Unfit("personalizations have header fields of their own")),
    };
    let lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
    Ok(vec![match home.get("headers") {
        Some(fields) if fields.as_object().is_some() => behind(fields, &lines.join(",")),
        // null, which is as good as none.
        Some(fields) => {
            Edit { range: fields.range.clone(), with: format!("{{{}}}", lines.join(",")).into_bytes() }
        }
        None => behind(home, &format!("\"headers\":{{{}}}", lines.join(","))),
    }])
}

/// With an unsubscribe group or its own tracking of subscriptions SendGrid writes a `List-Unsubscribe` itself.
fn sendgrid_adds_its_own(body: &Json<'_>) -> bool {
    let tracking = body.get("tracking_settings").and_then(|all| all.get("subscription_tracking"));
    let tracked = tracking.and_then(|one| one.get("enable")).is_some_and(|on| on.value == Value::Bool(true));
    tracked || body.get("asm").is_some_and(|group| !group.is_null())
}

/// The edit that adds members at the end of an object: those of trimming lie before it.
fn behind(object: &Json<'_>, members: &str) -> Edit {
    let at = object.range.end - 1;
    let comma = if object.as_object().unwrap_or_default().is_empty() { "" } else { "," };
    Edit { range: at..at, with: format!("{comma}{members}").into_bytes() }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
