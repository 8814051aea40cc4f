//! Named values, wherever a request or webhook of the old APIs has them: in JSON, a form or the query.

use dndgate_adapter::{
    Head, Request, Unreadable, Webhook,
    form::{self, Form},
    json::{self, Json, Value},
};
use http::{HeaderMap, Method};
use std::borrow::Cow;

/// Values by name.
#[derive(Debug)]
pub(crate) enum Fields<'a> {
    Json(Json<'a>),
    Form(Form<'a>),
}

impl<'a> Fields<'a> {
    /// Those of a request.
    pub(crate) fn of(request: &Request<'a>) -> Result<Fields<'a>, Unreadable> {
        Fields::read(request.head.media_type().as_deref(), request.head.query, request.body)
    }

    /// Those of a webhook.
    pub(crate) fn said(webhook: &Webhook<'a>) -> Result<Fields<'a>, Unreadable> {
        let headers: &HeaderMap = webhook.headers;
        let head = Head { method: &Method::POST, host: None, path: "/", query: None, headers };
        Fields::read(head.media_type().as_deref(), webhook.query(), webhook.body)
    }

    fn read(media: Option<&str>, query: Option<&'a str>, body: &'a [u8]) -> Result<Fields<'a>, Unreadable> {
        Ok(match media {
            _ if body.is_empty() => Fields::Form(form::read(query.unwrap_or_default().as_bytes())?),
            Some("application/json") => Fields::Json(json::read(body)?),
            _ => Fields::Form(form::read(body)?),
        })
    }

    /// A value as text. `None` when it is not there, or neither text nor a number.
    ///
    /// # Errors
    /// When it stands there twice or misspelt.
    pub(crate) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Unreadable> {
        Ok(match self {
            Fields::Json(json) => json.field(name)?.and_then(scalar),
            Fields::Form(form) => form.one(name)?.map(|pair| pair.value.clone()),
        })
    }

    /// As [`Fields::text`], for what a verdict does not depend on.
    pub(crate) fn said_as(&self, name: &str) -> Option<Cow<'a, str>> {
        self.text(name).ok().flatten().filter(|text| !text.is_empty())
    }

    /// The JSON, where it is some.
    pub(crate) fn json(&self) -> Option<&Json<'a>> {
        match self {
            Fields::Json(json) => Some(json),
            Fields::Form(_) => None,
        }
    }

    /// All of them. `None` when one is no plain value.
    pub(crate) fn all(&self) -> Option<Vec<(Cow<'_, str>, Cow<'a, str>)>> {
        match self {
            Fields::Form(form) => {
                let pairs = form.pairs().iter();
                Some(pairs.map(|pair| (Cow::Borrowed(&*pair.name), pair.value.clone())).collect())
            }
            Fields::Json(json) => {
                let members = json.as_object()?.iter();
                members.map(|member| Some((Cow::Borrowed(&*member.key), scalar(&member.value)?))).collect()
            }
        }
    }
}

/// Text, or a number as it is written.
pub(crate) fn scalar<'a>(json: &Json<'a>) -> Option<Cow<'a, str>> {
    match &json.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(Cow::Borrowed(number)),
        Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        _ => None,
    }
}
