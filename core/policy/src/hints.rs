//! What Lua's own error messages mean to somebody who does not program.

/// The engine's message, and a hint where there is one; `line` is the text of the line that it is about.
pub(crate) fn explained(message: &str, line: &str) -> String {
    let by_line = || {
        let hint = IN_LINES.iter().find(|(part, fits, _)| message.contains(part) && fits(line.trim()));
        hint.map(|(_, _, hint)| (*hint).to_owned())
    };
    let by_message = || {
        let hint = HINTS.iter().find(|(part, _)| message.contains(part));
        hint.map(|(_, hint)| (*hint).to_owned())
    };
    let hint = unclosed(message, line).or_else(|| key(message, line)).or_else(by_line).or_else(by_message);
    hint.map_or_else(|| message.to_owned(), |hint| format!("{message} ({hint})"))
}

/// A text that ends at the next one's beginning, so that Lua stumbles later.
fn unclosed(message: &str, line: &str) -> Option<String> {
    let odd = line.matches('"').count() % 2 == 1 && !line.contains(['\\', '\'']);
    (message.contains("got ") && odd).then(|| "a text on this line lacks one of its quotes".to_owned())
}

/// A key that Lua does not take as it is written.
fn key(message: &str, line: &str) -> Option<String> {
    if !message.contains("got '='") || !message.contains("to close '{'") {
        return None;
    }
    let (before, _) = line.split_once('=')?;
    let written = before.trim().rsplit(['{', ',']).next()?.trim();
    let name = written.trim_matches(['"', '\'']);
    let is_name = |name: &str| {
        name.chars().all(|char| char.is_alphanumeric() || char == '_')
            && !name.starts_with(|char: char| char.is_ascii_digit())
    };
    let odd = !name.is_empty() && !name.contains(['[', '(', '}']) && (name != written || !is_name(name));
    odd.then(|| format!("write this key in brackets and quotes: [\"{name}\"] = …"))
}

type Fits = fn(&str) -> bool;

/// What is told by the message and the line together.
const IN_LINES: [(&str, Fits, &str); 4] = [
    (
        "Expected identifier when parsing expression",
        |line| line.starts_with('{'),
        "a file begins with `return {`",
    ),
    ("got '#'", |line| line.starts_with('#'), "a remark begins with `--`"),
    ("got '//'", |line| line.starts_with("//"), "a remark begins with `--`"),
    ("Expected 'then'", |line| line.contains('='), "to compare, write `==`; an `if` has a `then`"),
];

const HINTS: [(&str, &str); 19] = [
    ("Expected 'then'", "an `if` has a `then` behind its condition"),
    ("U+201c", STRAIGHT),
    ("U+201d", STRAIGHT),
    ("U+201e", STRAIGHT),
    ("U+2018", STRAIGHT),
    ("U+2019", STRAIGHT),
    ("method name", "between a key and its value stands a `=`, not a `:`"),
    ("define a table", "a table has curly braces, `{ … }`"),
    ("defining a table", "a table has curly braces, `{ … }`"),
    (
        "Expected <eof>",
        "there is one `}`, `)` or `end` too many before this, or something stands behind the end",
    ),
    ("Expected ','", "a comma is missing between two entries"),
    ("Expected '}'", "often a comma is missing between two entries, or a `}` at the end of a table"),
    ("Malformed string", "a text lacks its closing quote"),
    ("Expected 'end'", "a function or an `if` lacks its `end`"),
    (
        "Expected identifier",
        "a name is missing, or a key with other characters than letters, digits and _ has to be written [\"so\"]",
    ),
    ("Incomplete statement", "a table begins with `return {` at the top of the file"),
    ("readonly table", "scripts may not keep anything between runs: use `local`"),
    ("attempt to yield", "`coroutine.yield` has to stand in a function that `coroutine.wrap` runs"),
    (
        "attempt to call a nil value",
        "there is no function of that name here; policies have no files, network, time of day, chance or print",
    ),
];
const STRAIGHT: &str = "write straight quotes, \"…\"; word processors make curly ones of them";

#[cfg(test)]
mod tests {
    use super::explained;

    #[test]
    fn common_slips_are_explained() {
        let close = "Expected '}' (to close '{' at line 3), got";
        assert!(explained(&format!("{close} 'x'"), "x").contains("comma is missing"));
        assert!(explained(&format!("{close} '='"), "{ \"30003\" = 1 }").contains("[\"30003\"]"));
        assert!(explained(&format!("{close} '='"), "on-send = 1").contains("[\"on-send\"]"));
        assert!(explained(&format!("{close} '='"), "mailgun = {").contains("comma is missing"));
        assert_eq!(explained("something else", ""), "something else");
    }
}
