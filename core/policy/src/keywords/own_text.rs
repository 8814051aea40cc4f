//! Step 0: what the person wrote, without what programs added: quoted mail, signatures, our own footer.

/// The openings by which added text is known, in lower case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Added {
    /// Lines that open a quoted message: everything below belongs to it.
    pub(crate) quotes: Vec<String>,
    /// Ends of such lines ("… wrote:").
    pub(crate) quote_ends: Vec<String>,
    /// Lines that phones and mail programs add.
    pub(crate) signatures: Vec<String>,
    /// Words of our own footer, in a line that repeats them.
    pub(crate) footers: Vec<String>,
    /// Openings of reactions and automatic replies: such a message says nothing.
    pub(crate) reactions: Vec<String>,
}

/// Nobody writes more lines than this above a quote.
const LINES_MAX: usize = 200;

impl Added {
    /// The person's own text; empty for a reaction or an automatic reply.
    pub(crate) fn strip<'a>(&self, text: &'a str, room: &'a mut String) -> &'a str {
        let text = text.trim();
        let mut lower = None;
        if !self.reactions.is_empty() && could_react(text) {
            let lower = lower.get_or_insert_with(|| head(text).to_lowercase());
            if self.reactions.iter().any(|opening| lower.starts_with(opening.as_str())) {
                return "";
            }
        }
        // One line without any of our words is the usual case.
        if !text.contains('\n') && !text.contains('\r') {
            return if self.is_footer(text) { "" } else { text };
        }
        room.clear();
        for line in text.lines().take(LINES_MAX) {
            let line = line.trim();
            if line.starts_with('>') || line.starts_with('|') {
                continue;
            }
            let lower = head(line).to_lowercase();
            let opens_quote = self.quotes.iter().any(|opening| lower.starts_with(opening.as_str()))
                || (line.ends_with(':')
                    && self.quote_ends.iter().any(|end| line.to_lowercase().ends_with(end.as_str())))
                || (line.len() >= 3 && line.bytes().all(|byte| matches!(byte, b'_' | b'-' | b'=')));
            let signature =
                line == "--" || self.signatures.iter().any(|opening| lower.starts_with(opening.as_str()));
            if opens_quote || signature {
                // What stands below a quote's head is the quote, unless the person writes below it.
                if room.trim().is_empty() && opens_quote {
                    continue;
                }
                break;
            }
            if self.is_footer(line) {
                continue;
            }
            room.push_str(line);
            room.push('\n');
        }
        room.trim()
    }

    fn is_footer(&self, line: &str) -> bool {
        // A footer is a sentence; short lines are the person's.
        if line.len() < FOOTER_BYTES_MIN {
            return false;
        }
        self.footers.iter().any(|footer| contains_ignore_case(line, footer))
    }
}

const FOOTER_BYTES_MIN: usize = 16;

/// Enough of a line for any opening.
fn head(line: &str) -> &str {
    let mut end = line.len().min(80);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

/// Reactions quote the text they react to, and automatic replies say so with a colon.
fn could_react(text: &str) -> bool {
    text.contains(['“', '"', '«', '„', '”', ':', '「'])
}

fn contains_ignore_case(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    part.len() <= text.len() && text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip(text: &str) -> String {
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        let added = Added {
            quotes: list(&["-----original message", "from:"]),
            quote_ends: list(&["wrote:"]),
            signatures: list(&["sent from my"]),
            footers: list(&["reply stop"]),
            reactions: list(&["liked “", "automatic reply:"]),
        };
        let mut room = String::new();
        added.strip(text, &mut room).to_owned()
    }

    #[test]
    fn keeps_only_what_the_person_wrote() {
        assert_eq!(strip("STOP\n\nOn Mon, Jan 5, 2026 Acme wrote:\n> Hi! Don't stop now"), "STOP");
        assert_eq!(strip("> Reply STOP to end\nok, see you"), "ok, see you");
        assert_eq!(strip("Stop\nSent from my iPhone"), "Stop");
        assert_eq!(strip("Thanks\n--\nACME Unsubscribe"), "Thanks");
        assert_eq!(strip("Liked “Reply STOP to unsubscribe”"), "");
        assert_eq!(strip("Great deal! Reply STOP to opt out"), "");
        assert_eq!(strip("On Monday Acme wrote:\n> Hello\nunsubscribe"), "unsubscribe");
        assert_eq!(strip("please stop"), "please stop");
    }
}
