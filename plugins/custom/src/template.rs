//! Texts with `{{names}}` in them, whose values are written as the text's media type wants it.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// How values are written in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Inside a JSON string.
    Json,
    /// In a form, a query or a path.
    Percent,
    /// In XML.
    Xml,
    /// As they are, but for control characters.
    Plain,
}

impl Escape {
    pub(crate) fn of(media_type: &str) -> Escape {
        let media = media_type.to_ascii_lowercase();
        if media.contains("json") {
            Escape::Json
        } else if media.contains("x-www-form-urlencoded") {
            Escape::Percent
        } else if media.contains("xml") || media.contains("html") {
            Escape::Xml
        } else {
            Escape::Plain
        }
    }

    fn write(self, value: &str, out: &mut String) {
        match self {
            Escape::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
            Escape::Percent => out.extend(utf8_percent_encode(value, NON_ALPHANUMERIC)),
            Escape::Xml => out.push_str(&dndgate_adapter::request::xml(value)),
            Escape::Plain => out.extend(value.chars().map(|char| if char.is_control() { ' ' } else { char })),
        }
    }
}

/// A text, and which of its names stands where.
#[derive(Debug)]
pub(crate) struct Template {
    parts: Vec<Part>,
    names: &'static [&'static str],
    escape: Escape,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Value(usize),
}

impl Template {
    /// Reads a text in which these names may stand.
    pub(crate) fn read(
        text: &str,
        names: &'static [&'static str],
        escape: Escape,
    ) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, behind)) = after.split_once("}}") else {
                return Err("a {{ has no }}".into());
            };
            let index = names.iter().position(|one| *one == name.trim()).ok_or_else(|| {
                let known: Vec<String> = names.iter().map(|one| format!("{{{{{one}}}}}")).collect();
                format!("there is no {{{{{}}}}} here; there are: {}", name.trim(), known.join(", "))
            })?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Value(index));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Template { parts, names, escape })
    }

    /// Does the name stand in it?
    pub(crate) fn has(&self, name: &str) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Value(index) if self.names[*index] == name))
    }

    /// The text with these values, in the order of the names.
    pub(crate) fn write(&self, values: &[&str]) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value(index) => {
                    self.escape.write(values.get(*index).copied().unwrap_or_default(), &mut out)
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_break_out() {
        let nasty = "a\"b&c<d>\r\ne";
        for (media, expected) in [
            ("application/json", "[a\\\"b&c<d>\\r\\ne]"),
            ("application/x-www-form-urlencoded", "[a%22b%26c%3Cd%3E%0D%0Ae]"),
            ("text/xml; charset=utf-8", "[a&quot;b&amp;c&lt;d&gt;\r\ne]"),
            ("text/plain", "[a\"b&c<d>  e]"),
        ] {
            let template = Template::read("[{{ x }}]", &["x"], Escape::of(media)).unwrap();
            assert_eq!(template.write(&[nasty]), expected, "{media}");
        }
        assert!(Template::read("{{y}}", &["x"], Escape::Plain).unwrap_err().contains("{{x}}"));
        assert!(Template::read("{{x", &["x"], Escape::Plain).is_err());
    }
}
