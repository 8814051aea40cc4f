//! The fields of a webhook or an answer, by the trail to them.

use dndgate_adapter::{
    Unreadable,
    json::{self, Json, Value},
};
use std::borrow::Cow;

/// Everything that it says.
#[derive(Debug)]
pub(crate) enum Fields<'a> {
    Json(Json<'a>),
    /// A form or a query: names and values, read as leniently as their sender writes them.
    Pairs(Vec<(Cow<'a, str>, Cow<'a, str>)>),
}

/// A part of it: an element of a list, or all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'f, 'a> {
    all: &'f Fields<'a>,
    element: Option<&'f Json<'a>>,
}

impl<'a> Fields<'a> {
    pub(crate) fn json(body: &'a [u8]) -> Result<Fields<'a>, Unreadable> {
        json::read(body).map(Fields::Json)
    }

    pub(crate) fn pairs(text: &'a [u8]) -> Fields<'a> {
        Fields::Pairs(form_urlencoded::parse(text).collect())
    }

    pub(crate) fn whole(&self) -> Part<'_, 'a> {
        Part { all: self, element: None }
    }

    /// The elements of the list at a trail; without a trail, the whole.
    pub(crate) fn each(&self, trail: Option<&str>) -> Vec<Part<'_, 'a>> {
        let Some(trail) = trail else { return vec![self.whole()] };
        let Fields::Json(root) = self else { return Vec::new() };
        let found = follow(root, trail.trim_end_matches("[]"));
        match found.map(|json| &json.value) {
            Some(Value::Array(elements)) => {
                elements.iter().map(|one| Part { all: self, element: Some(one) }).collect()
            }
            Some(Value::Object(_)) => vec![Part { all: self, element: found }],
            _ => Vec::new(),
        }
    }
}

fn follow<'f, 'a>(from: &'f Json<'a>, trail: &str) -> Option<&'f Json<'a>> {
    let mut here = from;
    for name in trail.split('.').filter(|name| !name.is_empty()) {
        here = match (&here.value, name.parse::<usize>()) {
            (Value::Array(elements), Ok(index)) => elements.get(index)?,
            _ => here.get(name)?,
        };
    }
    Some(here)
}

impl<'a> Part<'_, 'a> {
    /// The text at a trail, that of a number too. A trail that begins with `/` begins at the whole. `None` when
    /// there is none, or it is empty.
    pub(crate) fn text(&self, trail: &str) -> Option<Cow<'a, str>> {
        let text = match self.all {
            Fields::Pairs(pairs) => {
                let name = trail.trim_start_matches('/');
                pairs.iter().find(|(one, _)| one == name).map(|(_, value)| value.clone())
            }
            Fields::Json(root) => {
                let (from, trail) = match (self.element, trail.strip_prefix('/')) {
                    (Some(element), None) => (element, trail),
                    (_, rest) => (root, rest.unwrap_or(trail)),
                };
                follow(from, trail).and_then(text_of)
            }
        };
        text.filter(|text| !text.trim().is_empty())
    }

    /// Every text of that name: a form may hold it several times.
    pub(crate) fn texts(&self, trail: &str) -> Vec<Cow<'a, str>> {
        match self.all {
            Fields::Pairs(pairs) => {
                let found = pairs.iter().filter(|(one, _)| one == trail.trim_start_matches('/'));
                found.map(|(_, value)| value.clone()).collect()
            }
            Fields::Json(_) => self.text(trail).into_iter().collect(),
        }
    }
}

fn text_of<'a>(json: &Json<'a>) -> Option<Cow<'a, str>> {
    match &json.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(digits) => Some(Cow::Borrowed(digits)),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        _ => None,
    }
}
