//! Graph's paths: `/v25.0/{node}/{edge}`, the version optional.

use dndgate_adapter::{Unreadable, form};
use std::borrow::Cow;

/// A path's segments without the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path<'a>(Vec<Cow<'a, str>>);

impl<'a> Path<'a> {
    /// Decodes a path; empty segments, as Graph does, do not count.
    ///
    /// # Errors
    /// When servers could read it differently.
    pub(crate) fn read(path: &'a str) -> Result<Path<'a>, Unreadable> {
        let mut all = Vec::new();
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            // A plus in a path is a plus, and nobody's id holds one.
            if segment.contains(['+', ';', '\\']) {
                return Err(Unreadable::new("the path holds a sign that servers read differently"));
            }
            let decoded = form::decode(segment)?;
            let signs = ['/', '?', '#', '\\', ';', '%', '&', '[', ']', '{', '}', '<', '>', '"', '\''];
            let tricky = decoded.contains(signs) || decoded == "." || decoded == "..";
            if tricky || decoded.trim() != decoded || decoded.contains(char::is_control) {
                return Err(Unreadable::new("the path can be read in several ways"));
            }
            all.push(decoded);
        }
        if all.first().is_some_and(|first| is_version(first)) {
            all.remove(0);
        }
        Ok(Path(all))
    }

    /// How many segments.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The last segment in lower case.
    pub(crate) fn edge(&self) -> String {
        self.0.last().map_or_else(String::new, |last| last.to_ascii_lowercase())
    }

    /// The segment before the edge.
    pub(crate) fn node(&self) -> &str {
        self.0.len().checked_sub(2).map_or("", |at| &self.0[at])
    }

    /// The node, when it is a number: a page, a telephone number of the business.
    pub(crate) fn number(&self) -> Option<&str> {
        Some(self.node()).filter(|node| !node.is_empty() && node.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

fn is_version(text: &str) -> bool {
    let rest = text.strip_prefix(['v', 'V']).unwrap_or_default();
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::Path;

    #[test]
    fn versions_and_slashes_change_nothing() {
        for path in
            ["/v25.0/1/messages", "/1/Messages", "//v2.8//1//messages/", "/V3/1/%6Dessages", "1/messages"]
        {
            let read = Path::read(path).expect(path);
            assert_eq!((&*read.edge(), read.node(), read.len()), ("messages", "1", 2), "{path}");
        }
        for path in [
            "/1/../2/messages",
            "/1%2fmessages",
            "/1/messages%3f",
            "/1;a/messages",
            "/1/messages%20",
            "/%2e/x",
        ] {
            assert!(Path::read(path).is_err(), "{path}");
        }
    }
}
