//! What Lua's own error messages mean to somebody who does not program.

/// The engine's message, and a hint where there is one.
pub(crate) fn explained(message: &str) -> String {
    let hint = HINTS.iter().find(|(part, _)| message.contains(part)).map(|(_, hint)| hint);
    hint.map_or_else(|| message.to_owned(), |hint| format!("{message} ({hint})"))
}

const HINTS: [(&str, &str); 9] = [
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
    (
        "attempt to call a nil value",
        "there is no function of that name here; policies have no files, network, time of day or print",
    ),
    ("attempt to index nil", "what stands left of the dot does not exist here"),
];

#[cfg(test)]
mod tests {
    #[test]
    fn common_slips_are_explained() {
        assert!(
            super::explained("Expected '}' (to close '{' at line 3), got 'x'").contains("comma is missing")
        );
        assert_eq!(super::explained("something else"), "something else");
    }
}
