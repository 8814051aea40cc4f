//! Paths and hosts of a provider's API, matched with certainty.
//!
//! A path that some server could take for another one only after decoding, folding or resolving it is an
//! error: no client writes one.

use crate::outbound::Unreadable;
use http::Method;

/// Refuses what two readers of a path see differently: empty and dot segments, escaped letters, dots and
/// slashes, parameters of a segment.
///
/// # Errors
/// When it stands there in such a way.
pub fn clean(path: &str) -> Result<(), Unreadable> {
    let bytes = path.as_bytes();
    let tricky =
        || Unreadable::new("the path must stand there plainly: no //, no dot segments, no escaped letters");
    let mut previous = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let plain = match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'~' => true,
            b'.' | b'/' => previous != b'/',
            b'%' => is_needed_escape(&bytes[at + 1..]),
            b'+' | b'@' | b':' | b',' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'=' => true,
            _ => false,
        };
        if !plain {
            return Err(tricky());
        }
        previous = byte;
    }
    if previous == b'/' || !path.starts_with('/') { Err(tricky()) } else { Ok(()) }
}

/// Does an escape stand for a byte that cannot stand in a path by itself?
fn is_needed_escape(after: &[u8]) -> bool {
    let digit = |index: usize| after.get(index).and_then(|byte| char::from(*byte).to_digit(16));
    let (Some(high), Some(low)) = (digit(0), digit(1)) else { return false };
    let byte = (high << 4 | low) as u8;
    !(byte.is_ascii_alphanumeric() || byte.is_ascii_control() || b"-_.~/\\;%".contains(&byte))
}

/// Methods that contact nobody wherever a provider's API follows the meaning of HTTP (R13).
pub fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE | Method::TRACE)
}

/// The first of these patterns that a path fits, with what stands beside it. A pattern is a path without its
/// first slash, in which `*` is one segment and `**` any number.
///
/// # Errors
/// When the path fits a pattern but for case, or for something after a dot in a segment.
pub fn lookup<T: Copy>(
    rows: impl IntoIterator<Item = (&'static str, T)>,
    path: &str,
) -> Result<Option<T>, Unreadable> {
    for (pattern, found) in rows {
        match fits(pattern, path) {
            Fit::Exactly => return Ok(Some(found)),
            Fit::Misspelt => {
                return Err(Unreadable::new("the path is misspelt: mind its case and its ending"));
            }
            Fit::Not => {}
        }
    }
    Ok(None)
}

enum Fit {
    Exactly,
    /// But for case, or something after a dot.
    Misspelt,
    Not,
}

fn fits(pattern: &str, path: &str) -> Fit {
    let mut fit = Fit::Exactly;
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        if wanted == "**" {
            return fit;
        }
        let Some(segment) = segments.next() else { return Fit::Not };
        if wanted == "*" || segment == wanted {
            continue;
        }
        let bare = |text: &str| text.split('.').next().unwrap_or(text).to_ascii_lowercase();
        if bare(segment) != bare(wanted) {
            return Fit::Not;
        }
        fit = Fit::Misspelt;
    }
    if segments.next().is_some() { Fit::Not } else { fit }
}

/// Does a host fit a pattern of [`crate::Profile::hosts`]? A `*` stands for one or more characters of one label.
pub fn host_fits(pattern: &str, host: &str) -> bool {
    let mut theirs = host.split('.');
    let mut ours = pattern.split('.');
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return true,
            (Some(pattern), Some(label)) if label_fits(pattern, label) => {}
            _ => return false,
        }
    }
}

fn label_fits(pattern: &str, label: &str) -> bool {
    let Some((start, end)) = pattern.split_once('*') else { return pattern == label };
    label.len() > start.len() + end.len()
        && label.starts_with(start)
        && label.ends_with(end)
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tricky_paths_are_errors() {
        for path in
            ["", "a", "//a", "/a//b", "/a/./b", "/a/../b", "/a%2fb", "/%61", "/a;b", "/a/", "/a%2", "/a%00"]
        {
            assert!(clean(path).is_err(), "{path}");
        }
        for path in ["/a", "/a/b.json", "/a/messages:send", "/a/x%40y", "/a/+1", "/a/caf%C3%A9"] {
            assert!(clean(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn the_first_pattern_that_fits_counts() {
        let rows = [("v2/messages", 1), ("v2/messages/*", 2), ("v2/**", 3)];
        let found = |path| lookup(rows, path);
        assert_eq!(found("v2/messages"), Ok(Some(1)));
        assert_eq!(found("v2/messages/x"), Ok(Some(2)));
        assert_eq!(found("v2/messages/x/y"), Ok(Some(3)));
        assert_eq!(found("v1/messages"), Ok(None));
        for misspelt in ["v2/Messages", "v2/messages.json", "V2/messages"] {
            assert!(found(misspelt).is_err(), "{misspelt}");
        }
    }

    #[test]
    fn host_patterns() {
        assert!(host_fits("conversations.twilio.com", "conversations.twilio.com"));
        assert!(host_fits("storage-*.api.mailgun.net", "storage-us-east4.api.mailgun.net"));
        for host in [
            "evil.example",
            "storage-.api.mailgun.net",
            "storage-x.evil.api.mailgun.net",
            "storage-x@y.api.mailgun.net",
            "x",
        ] {
            assert!(!host_fits("storage-*.api.mailgun.net", host), "{host}");
        }
    }
}
