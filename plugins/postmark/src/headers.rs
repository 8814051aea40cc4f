//! Header fields that the gateway adds to a mail to one person (`List-Unsubscribe` and its like), before Postmark
//! signs it.

use crate::{
    message::{self, Part},
    path::{self, Point},
};
use dndgate_adapter::{CannotAdd, Edit, Request, Unreadable, json::Json};
use serde_json::json;

/// The stream that every server has for mail that nobody subscribed to. To the mail of broadcast streams Postmark
/// adds such fields itself.
const TRANSACTIONAL: &str = "outbound";

/// See [`dndgate_adapter::Adapter::add_headers`].
pub(crate) fn add(request: &Request<'_>, headers: &[(&str, &str)]) -> Result<Vec<Edit>, CannotAdd> {
    let unread = |_: Unreadable| CannotAdd::Unfit("it cannot be read");
    let point = path::point(&request.head).map_err(unread)?;
    let point = point.filter(|point| matches!(point, Point::Message | Point::Batch | Point::Messages));
    let point = point.ok_or(CannotAdd::Unfit("Postmark adds its own to bulk mail"))?;
    let body = message::body(request).map_err(unread)?;
    let parts = message::parts(point, &body).map_err(unread)?;
    let [Part { json, .. }] = &parts[..] else {
        return Err(CannotAdd::Unfit("the request holds several messages"));
    };
    let stream =
        json.field_in_any_case("MessageStream").map_err(unread)?.and_then(|(_, stream)| stream.as_str());
    if stream.is_some_and(|stream| !stream.is_empty() && stream != TRANSACTIONAL) {
        return Err(CannotAdd::Unfit("Postmark adds its own to the mail of broadcast streams"));
    }
    let own = json.field_in_any_case("Headers").map_err(unread)?;
    let list = own.and_then(|(_, list)| list.as_array()).unwrap_or_default();
    let named = |header: &Json<'_>| {
        let name = header.field_in_any_case("Name").ok().flatten().and_then(|(_, name)| name.as_str());
        name.is_some_and(|name| headers.iter().any(|(one, _)| one.eq_ignore_ascii_case(name.trim())))
    };
    if list.iter().any(named) {
        return Err(CannotAdd::Own);
    }
    let added = headers.iter().map(|(name, value)| json!({ "Name": name, "Value": value }).to_string());
    let added = added.collect::<Vec<_>>().join(",");
    let edit = match own {
        Some((_, list)) if list.is_null() => {
            Edit { range: list.range.clone(), with: format!("[{added}]").into_bytes() }
        }
        Some((_, array)) => {
            let comma = if list.is_empty() { "" } else { "," };
            let end = array.range.end - 1;
            Edit { range: end..end, with: format!("{comma}{added}").into_bytes() }
        }
        // Behind the message's other members: it has some, because it names somebody.
        None => {
            let end = json.range.end - 1;
            Edit { range: end..end, with: format!(",\"Headers\":[{added}]").into_bytes() }
        }
    };
    Ok(vec![edit])
}
