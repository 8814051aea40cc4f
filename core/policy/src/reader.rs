//! Reads what a policy file returned, and says in an operator's words what is wrong with it, and where.

use crate::{
    At, PolicyError,
    node::{Key, Node},
};
use dndgate_adapter::{Channel, Channels};

/// A policy file's text, for finding lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

/// A value in a file, with the path that leads to it.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    source: Source<'a>,
    path: Vec<(&'a Key, &'a Node)>,
    node: &'a Node,
}

impl<'a> Reader<'a> {
    /// The table that a file returned.
    pub(crate) fn new(source: Source<'a>, node: &'a Node) -> Reader<'a> {
        Reader { source, path: Vec::new(), node }
    }

    /// The value itself.
    pub(crate) fn node(&self) -> &'a Node {
        self.node
    }

    /// An error about this value.
    pub(crate) fn error(&self, what: impl Into<String>) -> PolicyError {
        let key = if self.path.is_empty() { "the returned table".to_owned() } else { path_text(&self.path) };
        let place = At::found(self.source, self.position());
        PolicyError::Value { place, key, what: what.into() }
    }

    fn expected(&self, what: &str) -> PolicyError {
        self.error(format!("this has to be {what}, but it is {}", self.node.kind()))
    }

    /// The entries of a table.
    pub(crate) fn entries(
        &self,
    ) -> Result<impl Iterator<Item = (&'a Key, Reader<'a>)> + use<'a>, PolicyError> {
        let Node::Table(entries) = self.node else { return Err(self.expected("a table, `{ … }`")) };
        let (source, path) = (self.source, self.path.clone());
        Ok(entries.iter().map(move |(key, node)| {
            let mut path = path.clone();
            path.push((key, node));
            (key, Reader { source, path, node })
        }))
    }

    /// The entries of a table with names for keys.
    pub(crate) fn named(&self) -> Result<impl Iterator<Item = (String, Reader<'a>)> + use<'a>, PolicyError> {
        Ok(self.entries()?.map(|(key, reader)| {
            let name = match key {
                Key::Name(name) => name.clone(),
                Key::Position(position) => position.to_string(),
            };
            (name, reader)
        }))
    }

    /// The items of a list; a single text counts as a list of one.
    pub(crate) fn items(&self) -> Result<Vec<Reader<'a>>, PolicyError> {
        if matches!(self.node, Node::Text(_)) {
            return Ok(vec![self.clone()]);
        }
        self.entries()?
            .map(|(key, reader)| match key {
                Key::Position(_) => Ok(reader),
                Key::Name(name) => Err(reader.error(format!(
                    "this has to be a list, `{{ \"…\", \"…\" }}`, but it has the key \"{name}\""
                ))),
            })
            .collect()
    }

    /// Demands that a table has no other keys than these.
    pub(crate) fn only(&self, allowed: &[&str]) -> Result<(), PolicyError> {
        for (key, reader) in self.entries()? {
            match key {
                Key::Name(name) if allowed.contains(&name.as_str()) => {}
                Key::Name(name) => return Err(reader.error(unknown("key", name, allowed))),
                Key::Position(_) => {
                    let what = format!("a value without a key; the keys here are {}", allowed.join(", "));
                    return Err(reader.error(what));
                }
            }
        }
        Ok(())
    }

    /// The value under a key.
    pub(crate) fn get(&self, name: &str) -> Option<Reader<'a>> {
        let Node::Table(entries) = self.node else { return None };
        entries.iter().find(|(key, _)| matches!(key, Key::Name(key) if key == name)).map(|(key, node)| {
            let mut path = self.path.clone();
            path.push((key, node));
            Reader { source: self.source, path, node }
        })
    }

    /// A text.
    pub(crate) fn text(&self) -> Result<&'a str, PolicyError> {
        match self.node {
            Node::Text(text) => Ok(text),
            _ => Err(self.expected("a text in quotes, `\"…\"`")),
        }
    }

    /// The text under a key, if it is there.
    pub(crate) fn text_at(&self, name: &str) -> Result<Option<&'a str>, PolicyError> {
        self.get(name).map(|reader| reader.text()).transpose()
    }

    /// A list of texts.
    pub(crate) fn texts(&self) -> Result<Vec<&'a str>, PolicyError> {
        self.items()?.iter().map(Reader::text).collect()
    }

    /// The texts under a key; none when it is not there.
    pub(crate) fn texts_at(&self, name: &str) -> Result<Vec<&'a str>, PolicyError> {
        self.get(name).map_or(Ok(Vec::new()), |reader| reader.texts())
    }

    /// A whole number in a range.
    pub(crate) fn count(&self, max: usize) -> Result<usize, PolicyError> {
        match self.node {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "in range"
            )]
            Node::Number(number) if number.fract() == 0.0 && *number >= 0.0 && *number <= max as f64 => {
                Ok(*number as usize)
            }
            _ => Err(self.error(format!("this has to be a whole number from 0 to {max}"))),
        }
    }

    /// True or false.
    pub(crate) fn flag(&self) -> Result<bool, PolicyError> {
        match self.node {
            Node::Bool(flag) => Ok(*flag),
            _ => Err(self.expected("true or false")),
        }
    }

    /// Demands a function.
    pub(crate) fn function(&self) -> Result<(), PolicyError> {
        match self.node {
            Node::Function => Ok(()),
            _ => Err(self.expected("a function, `function(…) … end`")),
        }
    }

    /// One of a few names.
    pub(crate) fn choice<T>(
        &self,
        names: &[&str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, PolicyError> {
        let name = self.text()?;
        parse(name).ok_or_else(|| self.error(unknown("value", name, names)))
    }

    /// A channel's name.
    pub(crate) fn channel(&self) -> Result<Channel, PolicyError> {
        self.choice(&Channel::ALL.map(Channel::name), Channel::parse)
    }

    /// `"all"`, or a channel, or a list of channels.
    pub(crate) fn channels(&self) -> Result<Channels, PolicyError> {
        if matches!(self.node, Node::Text(text) if text == "all") {
            return Ok(Channels::ALL);
        }
        self.items()?.iter().map(Reader::channel).collect()
    }

    /// Where this value stands, as far as its keys can be found in the text.
    pub(crate) fn position(&self) -> Option<usize> {
        let text = self.source.text;
        let mut position = 0;
        let mut found = None;
        for (key, node) in &self.path {
            let at = match (key, node) {
                (Key::Name(name), _) => find_key(text, position, name),
                (Key::Position(_), Node::Text(value)) => find_text(text, position, value),
                // A table in a list is found by the first of its own texts.
                (Key::Position(_), Node::Table(entries)) => entries
                    .iter()
                    .filter_map(|(_, node)| if let Node::Text(value) = node { Some(value) } else { None })
                    .filter_map(|value| find_text(text, position, value))
                    .min()
                    .map(|at| {
                        let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
                        at - text[line..at].trim_start().len()
                    }),
                (Key::Position(_), _) => None,
            };
            if let Some(at) = at {
                position = at;
                found = Some(at);
            }
        }
        found
    }
}

/// The place of a quoted text after `from`.
pub(crate) fn find_text(text: &str, from: usize, value: &str) -> Option<usize> {
    let rest = text.get(from..)?;
    [format!("\"{value}\""), format!("'{value}'"), value.to_owned()]
        .iter()
        .find_map(|quoted| rest.find(quoted.as_str()))
        .map(|at| from + at)
}

fn find_key(text: &str, from: usize, name: &str) -> Option<usize> {
    let mut position = from;
    while let Some(at) = text.get(position..)?.find(name).map(|at| position + at) {
        let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let before = &text[line_start..at];
        let after = text[at + name.len()..].trim_start_matches(['"', '\'', ']']).trim_start();
        let starts = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if starts && after.starts_with('=') && !after.starts_with("==") && !before.contains("--") {
            return Some(at);
        }
        position = at + name.len();
    }
    None
}

fn path_text(path: &[(&Key, &Node)]) -> String {
    let mut text = String::new();
    for (key, _) in path {
        match key {
            Key::Position(position) => text.push_str(&format!("[{position}]")),
            Key::Name(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
        }
    }
    text
}

/// "there is no key "opt_outs"; did you mean "opt_out"?"
pub(crate) fn unknown(what: &str, name: &str, allowed: &[&str]) -> String {
    let near = allowed
        .iter()
        .map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min();
    match near {
        Some((_, candidate)) => format!("there is no {what} \"{name}\" here; did you mean \"{candidate}\"?"),
        None => format!("there is no {what} \"{name}\" here; it can be {}", allowed.join(", ")),
    }
}

/// The number of edits between two words, a transposition counting as one.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = usize::from(a[i - 1] != b[j - 1]);
                let mut least = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_nearest() {
        assert_eq!(distance("stpo", "stop"), 1);
        assert!(unknown("key", "opt_outs", &["opt_in", "opt_out"]).contains("did you mean \"opt_out\""));
        assert!(unknown("key", "colour", &["opt_in", "opt_out"]).contains("opt_in, opt_out"));
    }

    #[test]
    fn finds_the_line() {
        let text = "return {\n  -- words = 1\n  words = {\n    en = { \"a\",\n \"b\" },\n  },\n}\n";
        let node = Node::Table(vec![(
            Key::Name("words".into()),
            Node::Table(vec![(
                Key::Name("en".into()),
                Node::Table(vec![
                    (Key::Position(1), Node::Text("a".into())),
                    (Key::Position(2), Node::Text("b".into())),
                ]),
            )]),
        )]);
        let reader = Reader::new(Source { file: "x.lua", text }, &node);
        let en = reader.get("words").and_then(|words| words.get("en")).expect("en");
        assert_eq!(en.items().expect("items")[1].error("bad").to_string(), "x.lua:5: words.en[2]: bad");
        assert!(
            en.flag().expect_err("no flag").to_string().starts_with("x.lua:4: words.en: this has to be true")
        );
    }
}
