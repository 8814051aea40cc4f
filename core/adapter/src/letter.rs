//! Mail that a person writes to the business: what of it is the person's own.

/// Was it written by no person? `fields` are its header fields, and its `Return-Path` among them where it is known.
pub fn is_automatic<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
    fields.into_iter().any(|(name, value)| {
        let value = value.trim().to_ascii_lowercase();
        match name.trim().to_ascii_lowercase().as_str() {
            // RFC 3834, section 5.
            "auto-submitted" => !value.is_empty() && !value.starts_with("no"),
            "precedence" => matches!(value.as_str(), "bulk" | "auto_reply" | "auto-reply" | "junk"),
            "x-autoreply" | "x-autorespond" => !matches!(value.as_str(), "" | "no"),
            "return-path" => matches!(value.as_str(), "" | "<>"),
            _ => false,
        }
    })
}

/// A text without the lines that it quotes: the business's own words are not the person's.
pub fn unquoted(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let begins =
        |line: &str| line.starts_with("-----Original Message") || line.starts_with("________________");
    let whole = lines.iter().position(|line| begins(line)).filter(|at| *at > 0).unwrap_or(lines.len());
    let own = |at: &usize| {
        let introduces = |line: &str| line.ends_with("wrote:");
        let line = lines[*at];
        // Long introductions are broken into two lines.
        let begun = line.starts_with("On ") && lines.get(at + 1).is_some_and(|next| introduces(next));
        let ended = introduces(line) && *at > 0 && lines[at - 1].starts_with("On ");
        !(line.starts_with('>') || begun || ended || line.starts_with("On ") && introduces(line))
    };
    (0..whole).filter(own).map(|at| lines[at]).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The words of a page, where a mail has no text: without tags and styles, a line for each piece.
pub fn words(html: &str) -> String {
    let mut pieces = Vec::new();
    let mut shown = true;
    for piece in html.split('<') {
        let (tag, text) = piece.split_once('>').unwrap_or(("", piece));
        let tag = tag.trim_start().to_ascii_lowercase();
        for unseen in ["style", "script", "title"] {
            if tag.starts_with(unseen) {
                shown = false;
            } else if tag.strip_prefix('/').is_some_and(|tag| tag.starts_with(unseen)) {
                shown = true;
            }
        }
        let text = text.trim();
        if shown && !text.is_empty() {
            pieces.push(text);
        }
    }
    pieces.join("\n").replace("&nbsp;", " ").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_wrote_what_says_so() {
        for field in [
            ("Auto-Submitted", "auto-replied"),
            ("PRECEDENCE", " bulk "),
            ("X-Autoreply", "yes"),
            ("Return-Path", "<>"),
        ] {
            assert!(is_automatic([("From", "a@b.c"), field]), "{field:?}");
        }
        assert!(!is_automatic([
            ("Auto-Submitted", "no"),
            ("Precedence", "list"),
            ("Return-Path", "<a@b.c>")
        ]));
    }

    #[test]
    fn the_persons_own_words_are_left() {
        assert_eq!(unquoted("STOP\r\n\r\nOn Mon, Team wrote:\r\n> unsubscribe here\r\n"), "STOP");
        assert_eq!(
            unquoted("STOP\n\nOn Mon, 2 Nov 2026, The Shop\n<shop@example.com> wrote:\n\n> hello"),
            "STOP"
        );
        assert_eq!(unquoted("yes\n\n-----Original Message-----\nFrom: x"), "yes");
        assert_eq!(unquoted("> you said\n\nOn second thought: stop"), "On second thought: stop");
        assert_eq!(words("<style>p > a {}</style><p>Stop&nbsp;it<br>please</p>"), "Stop it\nplease");
    }
}
