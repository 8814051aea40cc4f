//! JSON as Graph takes it where it is not quite JSON: `{id:'1',}`. Meta's own samples write so.

/// The same value as JSON: single-quoted strings and bare keys get double quotes, a comma at the end goes. `None`
/// where that is not what stands there. Whether the outcome is JSON is for a reader of JSON to say.
pub(crate) fn strict(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let after = &rest[char.len_utf8()..];
        rest = match char {
            '"' | '\'' => string(after, char, &mut out)?,
            ',' => {
                // A comma at the end of a list or object says nothing.
                if !after.trim_start().starts_with(['}', ']']) {
                    out.push(',');
                }
                after
            }
            '{' | '}' | '[' | ']' | ':' => {
                out.push(char);
                after
            }
            char if char.is_ascii_whitespace() => after,
            _ => word(rest, &mut out)?,
        };
    }
    Some(out)
}

/// The rest behind a string whose opening quote is read.
fn string<'t>(text: &'t str, quote: char, out: &mut String) -> Option<&'t str> {
    out.push('"');
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            _ if char == quote => {
                out.push('"');
                return Some(&text[at + 1..]);
            }
            '\\' => match chars.next()?.1 {
                '\'' => out.push('\''),
                escaped => out.extend(['\\', escaped]),
            },
            '"' => out.push_str("\\\""),
            char => out.push(char),
        }
    }
    None
}

/// The rest behind a key, a number or a word such as `true`.
fn word<'t>(text: &'t str, out: &mut String) -> Option<&'t str> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || "_$+-.".contains(char);
    let (word, rest) = text.split_at(text.find(|char| !is_part(char)).unwrap_or(text.len()));
    if word.is_empty() {
        return None;
    }
    if rest.trim_start().starts_with(':') {
        out.extend(['"'].into_iter().chain(word.chars()).chain(['"']));
    } else {
        out.push_str(word);
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::strict;

    #[test]
    fn what_graph_takes_becomes_json() {
        for (loose, json) in [
            ("{'id':'1'}", r#"{"id":"1"}"#),
            ("{id:1,}", r#"{"id":1}"#),
            ("{ id : '1' , x:[1,2,] }", r#"{"id":"1","x":[1,2]}"#),
            (r"{'text':'it\'s \u0041 \'quoted\' '}", r#"{"text":"it's \u0041 'quoted' "}"#),
            (r#"{'text':'say "x"'}"#, r#"{"text":"say \"x\""}"#),
            (r#"{"id":"1"}"#, r#"{"id":"1"}"#),
            ("{true:true}", r#"{"true":true}"#),
        ] {
            assert_eq!(strict(loose).as_deref(), Some(json), "{loose}");
        }
        for broken in ["{'id", "{id:‘1’}", "{'id\\", "{id:;}"] {
            assert_eq!(strict(broken), None, "{broken}");
        }
    }
}
