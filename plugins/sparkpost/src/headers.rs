//! Header fields that the gateway adds to a mail to one person (`List-Unsubscribe` and its like), before SparkPost
//! signs it.

use crate::{
    path::{self, Point},
    transmission,
};
use dndgate_adapter::{
    CannotAdd, Edit, Request, Unreadable,
    json::{Json, Member},
};
use serde_json::Value;

/// See [`dndgate_adapter::Adapter::add_headers`].
pub(crate) fn add(request: &Request<'_>, headers: &[(&str, &str)]) -> Result<Vec<Edit>, CannotAdd> {
    let unread = |_: Unreadable| CannotAdd::Unfit("it cannot be read");
    if path::point(&request.head).map_err(unread)? != Some(Point::Transmission) {
        return Err(CannotAdd::Unfit("this is no transmission"));
    }
    let body = transmission::body(request).map_err(unread)?;
    let content = body.field("content").map_err(unread)?.filter(|content| content.as_object().is_some());
    let content = content.ok_or(CannotAdd::Unfit("it has no content"))?;
    for (field, why) in [
        ("email_rfc822", "a finished message keeps its header"),
        ("template_id", "SparkPost takes no header fields beside a template"),
        ("ab_test_id", "SparkPost takes no header fields beside a test"),
    ] {
        if content.field(field).map_err(unread)?.is_some() {
            return Err(CannotAdd::Unfit(why));
        }
    }
    let own = content.field("headers").map_err(unread)?;
    let there = own.and_then(Json::as_object).unwrap_or_default();
    let named = |member: &Member<'_>, name: &str| member.key.trim().eq_ignore_ascii_case(name);
    if there.iter().any(|member| headers.iter().any(|(name, _)| named(member, name))) {
        return Err(CannotAdd::Own);
    }
    if let [only] = there
        && named(only, "cc")
    {
        return Err(CannotAdd::Unfit("its only header field shows who was copied, and may be taken out"));
    }
    let quoted = |text: &str| Value::from(text).to_string();
    let added = headers.iter().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value)));
    let added = added.collect::<Vec<_>>().join(",");
    let behind = |object: &Json<'_>, with: String| {
        let end = object.range.end - 1;
        let comma = if object.as_object().is_some_and(|members| !members.is_empty()) { "," } else { "" };
        Edit { range: end..end, with: format!("{comma}{with}").into_bytes() }
    };
    Ok(vec![match own {
        Some(own) if own.as_object().is_some() => behind(own, added),
        Some(own) if own.is_null() => {
            Edit { range: own.range.clone(), with: format!("{{{added}}}").into_bytes() }
        }
        Some(_) => return Err(CannotAdd::Unfit("its header fields are no object")),
        None => behind(content, format!("\"headers\":{{{added}}}")),
    }])
}
