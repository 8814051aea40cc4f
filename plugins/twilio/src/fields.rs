//! Parameters of a request: read by name, each at most once where a verdict depends on it.

use dndgate_adapter::{
    Callback, CallbackKind, Edit, Head, Unreadable,
    form::{self, Form, Pair},
};
use std::borrow::Cow;

/// Every parameter that names a recipient or what reaches one, at any endpoint. Twilio's reading of them in
/// the query of a POST is not known.
const TELLING: &[&str] = &[
    "To",
    "Called",
    "Twiml",
    "Url",
    "PhoneNumber",
    "Channel",
    "CallTo",
    "DequeueTo",
    "Identifier",
    "Identity",
    "MessagingBinding.Address",
    "MessagingBinding.ProjectedAddress",
    "Participant",
    "Participants",
    "Segment",
    "Tag",
    "ToBinding",
    "SendAt",
    "ScheduleType",
    "StatusCallback",
];

/// The media types of bodies that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Form,
    Json,
}

/// Refuses a head whose body could be read in two ways.
pub(crate) fn check_head(head: &Head<'_>, media: Media) -> Result<(), Unreadable> {
    let wanted = match media {
        Media::Form => "application/x-www-form-urlencoded",
        Media::Json => "application/json",
    };
    if head.media_type().as_deref() != Some(wanted) || !is_utf8(head) {
        return Err(Unreadable::new(format!("the body must be {wanted} in UTF-8, said in one Content-Type")));
    }
    let Some(query) = head.query.filter(|query| !query.is_empty()) else { return Ok(()) };
    let telling = |name: &str| TELLING.iter().any(|one| one.eq_ignore_ascii_case(name));
    if form::query_could_name(query, telling) {
        return Err(Unreadable::new("parameters of a send belong in the body, not in the query"));
    }
    Ok(())
}

/// Does the content type name no charset but UTF-8?
fn is_utf8(head: &Head<'_>) -> bool {
    let Some(value) = head.header("content-type") else { return false };
    value.split(';').skip(1).all(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

/// Reads the form of a send. Its names are plain ASCII, and none stands behind a `;`, which some readers take
/// for a separator too.
///
/// # Errors
/// When two readers could disagree about it.
pub(crate) fn form(body: &[u8]) -> Result<Form<'_>, Unreadable> {
    let form = form::read(body)?;
    if form.pairs().iter().any(|pair| !pair.name.bytes().all(|byte| matches!(byte, b' '..=b'~'))) {
        return Err(Unreadable::new("a parameter's name is not plain ASCII"));
    }
    for piece in body.split(|byte| *byte == b';').skip(1) {
        let name = piece.split(|byte| matches!(byte, b'=' | b'&')).next().unwrap_or(piece);
        let name =
            std::str::from_utf8(name).ok().and_then(|name| form::decode(name).ok()).unwrap_or_default();
        if TELLING.iter().any(|telling| form::same_field(&name, telling)) {
            return Err(Unreadable::new(
                "escape the ; in the form as %3B: some readers take it for a separator",
            ));
        }
    }
    Ok(form)
}

/// The pairs of these names, each at most once, in one pass.
///
/// # Errors
/// When one stands there twice, or misspelt so that a lenient reader would take it for one of them.
pub(crate) fn pick<'f, 'a, const N: usize>(
    form: &'f Form<'a>,
    names: [&'static str; N],
) -> Result<[Option<&'f Pair<'a>>; N], Unreadable> {
    let mut found = [None; N];
    for pair in form.pairs() {
        // A plain name can only resemble one of its own length.
        let is_plain = pair.name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        for (place, name) in found.iter_mut().zip(names) {
            let resembles = if is_plain {
                pair.name.len() == name.len() && pair.name.eq_ignore_ascii_case(name)
            } else {
                form::same_field(&pair.name, name)
            };
            if !resembles {
                continue;
            }
            if pair.name != name || place.is_some() {
                return Err(Unreadable::new(format!("{name} stands there more than once or misspelt")));
            }
            *place = Some(pair);
        }
    }
    Ok(found)
}

/// Every pair of a name that may repeat, with its place among all pairs.
///
/// # Errors
/// When a name resembles it.
pub(crate) fn repeated<'f, 'a>(
    form: &'f Form<'a>,
    name: &str,
) -> Result<Vec<(usize, &'f Pair<'a>)>, Unreadable> {
    let mut found = Vec::new();
    for (index, pair) in form.pairs().iter().enumerate() {
        if pair.name == name {
            found.push((index, pair));
        } else if form::same_field(&pair.name, name) {
            return Err(Unreadable::new(format!("{name} is misspelt")));
        }
    }
    Ok(found)
}

/// The edits that take pairs out of a form, each with one separator. `drop` holds places among all pairs,
/// ascending.
pub(crate) fn without(form: &Form<'_>, drop: &[usize]) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    for index in drop {
        let edit = form.remove(&form.pairs()[*index]);
        match edits.last_mut() {
            // A run that reaches the end takes the separator in front of it, any other the one behind.
            Some(last) if edit.range.start < last.range.end => {
                last.range = last.range.start.saturating_sub(1)..edit.range.end;
            }
            Some(last) if edit.range.start == last.range.end => last.range.end = edit.range.end,
            _ => edits.push(edit),
        }
    }
    edits
}

/// The CRM's addresses among the parameters.
pub(crate) fn callbacks<'a>(
    form: &Form<'a>,
    names: &[(&str, CallbackKind)],
) -> Result<Vec<Callback<'a>>, Unreadable> {
    let mut found = Vec::new();
    for (name, kind) in names {
        if let Some(pair) = form.one(name)?.filter(|pair| !pair.value.is_empty()) {
            found.push(Callback { url: web(&pair.value), place: pair.place(), kind: *kind });
        }
    }
    Ok(found)
}

/// An address of the web with its scheme in lower case, as the gateway knows it.
pub(crate) fn web<'a>(url: &Cow<'a, str>) -> Cow<'a, str> {
    let bare = url.trim();
    match bare.split_once("://") {
        Some((scheme, rest))
            if bare.len() < url.len() || scheme.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            Cow::Owned(format!("{}://{rest}", scheme.to_ascii_lowercase()))
        }
        _ => url.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dndgate_adapter::apply_edits;

    #[test]
    fn r10_a_field_that_readers_see_differently_is_refused() {
        for body in
            ["To=1&To=2", "to=1", "To=1&TO=2", "To[]=1", "To%5B0%5D=1", "+To=1", "To+=1", "T%6F=1&To=2"]
        {
            let form = form::read(body.as_bytes()).expect("a form");
            assert!(pick(&form, ["From", "To"]).is_err(), "{body}");
        }
        let form = form::read(b"T%6F=1&Top=2&Body=To%3D3%26To%3D4").expect("a form");
        let [to] = pick(&form, ["To"]).expect("clear");
        assert_eq!(to.map(|pair| &*pair.value), Some("1"));
    }

    #[test]
    fn r10_a_form_that_other_separators_split_otherwise_is_refused() {
        for body in [
            "To=1&Body=x;To=2",
            "Body=x;+to=2",
            "Body=x;To%5B%5D=2",
            "Body=x;Twiml",
            "\u{feff}To=1&To=2",
            "T\u{200b}o=1",
        ] {
            assert!(super::form(body.as_bytes()).is_err(), "{body}");
        }
        for body in ["To=1&Body=x;y", "Body=a;b;Tomorrow=c", "Body=%3BTo=2", "To=1;npdi"] {
            assert!(super::form(body.as_bytes()).is_ok(), "{body}");
        }
    }

    #[test]
    fn addresses_of_the_web_are_known_in_any_case() {
        for (url, known) in [(" HTTP://X/Y ", "http://X/Y"), ("https://x/Y", "https://x/Y"), ("AP1", "AP1")] {
            assert_eq!(web(&Cow::Borrowed(url)), known);
        }
    }

    #[test]
    fn pairs_go_with_their_separators() {
        let body = b"A=1&B=2&C=3&D=4";
        let form = form::read(body).expect("a form");
        for (drop, left) in [
            (&[0][..], "B=2&C=3&D=4"),
            (&[3], "A=1&B=2&C=3"),
            (&[2, 3], "A=1&B=2"),
            (&[0, 3], "B=2&C=3"),
            (&[1, 2, 3], "A=1"),
            (&[0, 1, 2], "D=4"),
        ] {
            assert_eq!(String::from_utf8_lossy(&apply_edits(body, &without(&form, drop))), left);
        }
    }
}
