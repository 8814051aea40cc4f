//! The parameters of a request, wherever they stand.

use super::loose;
use dndgate_adapter::{
    Head, Request, Unreadable, form,
    json::{self, Json, Value},
    multipart,
};
use http::Method;

/// Media types that hold parameters.
const MEDIA: [&str; 3] = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"];
/// Parameters that decide what a request is, whatever its path; and those by which a message names somebody.
const DECIDING: [&str; 4] = ["batch", "method", "recipient", "to"];

/// Parameters by name.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    all: Vec<(String, Field)>,
}

/// A parameter's value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Field {
    /// A text that is no JSON.
    Text(String),
    /// A JSON value, or a text that holds one. Numbers are texts, so that an id keeps all its digits.
    Json(serde_json::Value),
    /// A file.
    File,
    /// It stands there more than once, with different values.
    Unclear,
}

impl Field {
    /// A text or a number as text.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match self {
            Field::Text(text) | Field::Json(serde_json::Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Is it nothing: `null` or an empty text?
    fn is_empty(&self) -> bool {
        match self {
            Field::Text(text) => text.trim().is_empty(),
            Field::Json(value) => value.is_null(),
            Field::File | Field::Unclear => false,
        }
    }

    /// A text, or the JSON in it. What cannot be read with certainty stays a text: then it names nobody.
    fn from_text(text: &str) -> Field {
        let bare = text.trim();
        if !bare.starts_with(['{', '[']) {
            return Field::Text(text.to_owned());
        }
        let read = |text: &str| json::read(text.as_bytes()).map(|json| Field::Json(plain(&json))).ok();
        read(bare)
            .or_else(|| loose::strict(bare).and_then(|strict| read(&strict)))
            .unwrap_or_else(|| Field::Text(text.to_owned()))
    }
}

/// A value that was read with certainty, in serde_json's terms.
fn plain(json: &Json<'_>) -> serde_json::Value {
    match &json.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(bool) => (*bool).into(),
        Value::Number(number) => (*number).into(),
        Value::String(text) => text.as_ref().into(),
        Value::Array(elements) => elements.iter().map(plain).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|member| (member.key.to_string(), plain(&member.value)));
            serde_json::Value::Object(members.collect())
        }
    }
}

impl Fields {
    /// Reads query and body.
    ///
    /// # Errors
    /// When two readers could disagree about them.
    pub(crate) fn read(request: &Request<'_>) -> Result<Fields, Unreadable> {
        let mut fields = Fields::default();
        fields.add_form(request.head.query.unwrap_or_default().as_bytes())?;
        let body = request.body;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(fields);
        }
        match request.head.media_type().as_deref() {
            Some("application/json") => fields.add_json(body)?,
            Some("application/x-www-form-urlencoded") => fields.add_form(body)?,
            Some("multipart/form-data") => {
                let content_type = request.head.header("content-type").unwrap_or_default();
                for part in multipart::read(content_type, body)?.parts() {
                    let field = if part.is_file { Field::File } else { Field::from_text(part.text()?) };
                    fields.add(part.name, field);
                }
            }
            // Meta guesses: so do we, and whatever is neither is refused, or both.
            _ if body.trim_ascii_start().starts_with(b"{") => {
                if form::could_name(&String::from_utf8_lossy(body), names_somebody) {
                    return Err(Unreadable::new("the body is JSON and a form: name its media type"));
                }
                fields.add_json(body)?;
            }
            _ if !body.trim_ascii_start().starts_with(b"\xef\xbb\xbf") => fields.add_form(body)?,
            _ => return Err(Unreadable::new("the body begins with a byte order mark")),
        }
        Ok(fields)
    }

    fn add_form(&mut self, text: &[u8]) -> Result<(), Unreadable> {
        form::read(text)?.pairs().iter().for_each(|pair| self.add(&pair.name, Field::from_text(&pair.value)));
        Ok(())
    }

    fn add_json(&mut self, body: &[u8]) -> Result<(), Unreadable> {
        let read = json::read(body)?;
        for member in read.as_object().ok_or(Unreadable::new("the body is not a JSON object"))? {
            let field = match &member.value.value {
                Value::String(text) => Field::from_text(text),
                Value::Number(number) => Field::Text((*number).to_owned()),
                _ => Field::Json(plain(&member.value)),
            };
            self.add(&member.key, field);
        }
        Ok(())
    }

    /// `recipient[id]=1` is `recipient={"id":"1"}`. What stands there twice is taken for neither.
    fn add(&mut self, written: &str, field: Field) {
        let name = written.trim();
        let (base, keys) = match name.split_once('[') {
            None => (name, None),
            Some((base, keys)) => (base.trim_end(), Some(keys)),
        };
        let base = base.to_ascii_lowercase();
        let field = match keys {
            None => field,
            Some(keys) => nested(keys, field).map_or(Field::Unclear, Field::Json),
        };
        let Some((_, known)) = self.all.iter_mut().find(|(name, _)| *name == base) else {
            return self.all.push((base, field));
        };
        let fits = match (known.clone(), field, keys) {
            (Field::Json(mut have), Field::Json(more), Some(_)) => {
                let merged = merge(&mut have, more);
                *known = Field::Json(have);
                merged
            }
            (known, field, _) => known == field,
        };
        if !fits {
            *known = Field::Unclear;
        }
    }

    /// A parameter by its lower-case name, when there is something in it.
    pub(crate) fn get(&self, name: &str) -> Option<&Field> {
        self.all.iter().find(|(one, field)| one == name && !field.is_empty()).map(|(_, field)| field)
    }

    /// Is there something in that parameter?
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A parameter's text, lower-case: Graph's words come in both cases.
    ///
    /// # Errors
    /// When it holds something else, or several.
    pub(crate) fn word(&self, name: &str) -> Result<Option<String>, Unreadable> {
        let Some(field) = self.get(name) else { return Ok(None) };
        let text = field.scalar().ok_or_else(|| Unreadable::new(format!("{name} is not a word")))?;
        Ok(Some(text.trim().to_ascii_lowercase()))
    }
}

/// The value with the keys of `id][x]` around it. `None`: the brackets do not close.
fn nested(path: &str, field: Field) -> Option<serde_json::Value> {
    let value = match field {
        Field::Json(value) => value,
        Field::Text(text) => text.into(),
        Field::File | Field::Unclear => return None,
    };
    let keys = path.trim_end().strip_suffix(']')?.rsplit("][");
    Some(keys.fold(value, |value, key| serde_json::json!({ key.trim(): value })))
}

/// Adds what is new; false when something else stands there already.
fn merge(have: &mut serde_json::Value, more: serde_json::Value) -> bool {
    let (serde_json::Value::Object(have), serde_json::Value::Object(more)) = (have, more) else {
        return false;
    };
    more.into_iter().all(|(key, value)| match have.get_mut(&key) {
        None => {
            have.insert(key, value);
            true
        }
        Some(there) => merge(there, value),
    })
}

/// By its head alone, does this request only read? Not with a `method` that says otherwise, nor with a body, nor when
/// it names somebody.
pub(crate) fn is_read(head: &Head<'_>) -> bool {
    let reads = matches!(*head.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let body = head.headers.contains_key("transfer-encoding")
        || head.headers.get_all("content-length").iter().any(|length| length.as_bytes() != b"0");
    reads && !body && !decides(head)
}

/// Is the body a file's bytes, so that what is asked stands in path and query alone?
pub(super) fn is_file(request: &Request<'_>) -> bool {
    let Some(media) = request.head.media_type() else { return false };
    // An upload's bytes may be text.
    let uploads = request.head.path.contains("/upload:");
    if MEDIA.contains(&&*media) || media.starts_with("text/") && !uploads || media.ends_with("+json") {
        return false;
    }
    // A reader that does not mind the media type finds no parameters in it either.
    !std::str::from_utf8(request.body)
        .is_ok_and(|text| text.trim_start().starts_with('{') || form::could_name(text, names_somebody))
}

/// Could the query say that the request is another one than method and path say?
fn decides(head: &Head<'_>) -> bool {
    head.query.is_some_and(|query| form::could_name(query, names_somebody))
}

/// Is it one of the parameters that decide?
fn names_somebody(name: &str) -> bool {
    DECIDING.iter().any(|one| name.eq_ignore_ascii_case(one))
}
