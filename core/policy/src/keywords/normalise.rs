//! Step 1: a text becomes words with one spelling each, and the places where clauses end.

use super::fold::{fold_into, has_look_alikes, is_apostrophe, is_latin, is_word, look_alike};

/// Nobody reads further than this.
const TEXT_BYTES_MAX: usize = 4096;

/// What stands after a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Break {
    /// A space, or nothing that counts.
    #[default]
    None,
    /// A comma, a dash, a bracket.
    Clause,
    /// A full stop, a line end.
    Sentence,
    /// A question mark.
    Question,
}

/// A word's place in [`Words::text`] and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) after: Break,
}

/// A text as words: folded, separated by single spaces.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) text: String,
    pub(crate) words: Vec<Word>,
    /// Writing systems without spaces that occur: the bits of [`Script`].
    pub(crate) scripts: u8,
}

/// Writing systems whose words are not separated by spaces (Korean: not reliably).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Script {
    Han = 1,
    Kana = 2,
    Hangul = 4,
    Thai = 8,
}

impl Words {
    /// Reads a text.
    pub(crate) fn of(text: &str) -> Words {
        let mut folded = String::with_capacity(text.len().min(TEXT_BYTES_MAX) + 8);
        fold_into(cap(text), &mut folded);
        let mut words = Words { text: String::with_capacity(folded.len()), ..Words::default() };
        words.split(&folded);
        words
    }

    fn split(&mut self, folded: &str) {
        let mut open: Option<usize> = None;
        let mut foreign = false;
        let mut latin = false;
        let mut chars = folded.chars().peekable();
        while let Some(c) = chars.next() {
            if is_word(c) {
                let start = *open.get_or_insert_with(|| {
                    if !self.text.is_empty() {
                        self.text.push(' ');
                    }
                    foreign = false;
                    latin = false;
                    self.text.len()
                });
                debug_assert!(start <= self.text.len());
                self.text.push(c);
                latin |= is_latin(c);
                foreign |= has_look_alikes(c);
                if !c.is_ascii() {
                    self.scripts |= script(c);
                }
                continue;
            }
            if is_apostrophe(c) && open.is_some() && chars.peek().is_some_and(|next| is_word(*next)) {
                continue;
            }
            if let Some(start) = open.take() {
                self.close(start, latin && foreign);
            }
            let after = break_of(c);
            if let Some(last) = self.words.last_mut()
                && after > last.after
                && !(c == '.' && chars.peek().is_some_and(|next| is_word(*next)))
            {
                last.after = after;
            }
        }
        if let Some(start) = open {
            self.close(start, latin && foreign);
        }
    }

    fn close(&mut self, start: usize, mixed: bool) {
        if mixed {
            let word: String = self.text[start..].chars().map(|c| look_alike(c).unwrap_or(c)).collect();
            self.text.truncate(start);
            self.text.push_str(&word);
        }
        let (start, end) = (small(start), small(self.text.len()));
        self.words.push(Word { start, end, after: Break::None });
    }

    /// The same without some words. `None` when none of them is there.
    pub(crate) fn without(&self, is_out: impl Fn(&str) -> bool) -> Option<Words> {
        if !(0..self.words.len()).any(|index| is_out(self.word(index))) {
            return None;
        }
        let mut rest = Words { scripts: self.scripts, ..Words::default() };
        for (index, word) in self.words.iter().enumerate() {
            let text = self.word(index);
            if is_out(text) {
                // What ended there ends before it.
                if let Some(last) = rest.words.last_mut() {
                    last.after = last.after.max(word.after);
                }
                continue;
            }
            if !rest.text.is_empty() {
                rest.text.push(' ');
            }
            let start = small(rest.text.len());
            rest.text.push_str(text);
            rest.words.push(Word { start, end: small(rest.text.len()), after: word.after });
        }
        Some(rest)
    }

    /// The text of a word.
    pub(crate) fn word(&self, index: usize) -> &str {
        self.span(index, index + 1)
    }

    /// The text of the words `from..to`.
    pub(crate) fn span(&self, from: usize, to: usize) -> &str {
        match (self.words.get(from), to.checked_sub(1).and_then(|last| self.words.get(last))) {
            (Some(first), Some(last)) if from < to => &self.text[first.start as usize..last.end as usize],
            _ => "",
        }
    }

    /// All words as one: S T O P, s.t.o.p, opt-out.
    pub(crate) fn joined(&self) -> String {
        self.text.chars().filter(|c| *c != ' ').collect()
    }

    /// Is it spelled out, letter by letter?
    pub(crate) fn is_spelled(&self) -> bool {
        self.words.len() > 2 && (0..self.words.len()).all(|index| self.word(index).chars().count() == 1)
    }

    /// The strongest break within or after the words.
    pub(crate) fn is_question(&self) -> bool {
        self.words.iter().any(|word| word.after == Break::Question)
    }
}

/// Positions fit because of [`TEXT_BYTES_MAX`].
fn small(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn cap(text: &str) -> &str {
    if text.len() <= TEXT_BYTES_MAX {
        return text;
    }
    let mut end = TEXT_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn break_of(c: char) -> Break {
    match c {
        '?' | '؟' | '¿' | '⸮' => Break::Question,
        '.' | '!' | ';' | '\n' | '\r' | '。' | '｡' | '।' | '॥' | '؛' | '…' | ':' | '¡' => {
            Break::Sentence
        }
        ',' | '、' | '،' | '(' | ')' | '-' | '–' | '—' | '"' | '/' | '|' | '~' | '*' => Break::Clause,
        _ => Break::None,
    }
}

fn script(c: char) -> u8 {
    match c {
        '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => Script::Han as u8,
        '\u{3040}'..='\u{30ff}' => Script::Kana as u8,
        '\u{ac00}'..='\u{d7af}' | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' => Script::Hangul as u8,
        '\u{e00}'..='\u{e7f}' => Script::Thai as u8,
        _ => 0,
    }
}

/// The pictures of a text, a row of the same as one: what somebody says without any word.
pub(crate) fn signs(text: &str) -> String {
    let mut signs = String::new();
    for c in cap(text).chars() {
        let is_picture = matches!(c,
            '\u{23e9}'..='\u{23fa}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}');
        if is_picture && !signs.ends_with(c) {
            signs.push(c);
        }
    }
    signs
}

/// Digits and signs in place of letters: ST0P, $top, un5ubscribe. `None` when there are none of them
/// beside letters.
pub(crate) fn undisguised(text: &str) -> Option<String> {
    let mut letters = false;
    let mut signs = false;
    let plain: String = text
        .chars()
        .map(|c| {
            let letter = match c {
                '0' => 'o',
                '1' | '!' | '|' => 'i',
                '3' | '€' => 'e',
                '4' | '@' => 'a',
                '5' | '$' => 's',
                '7' => 't',
                '8' => 'b',
                _ => {
                    letters |= c.is_alphabetic();
                    return c;
                }
            };
            signs = true;
            letter
        })
        .collect();
    (letters && signs).then_some(plain)
}

/// Runs of one letter as one: stooop, STOPPP.
pub(crate) fn collapsed(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        if !out.ends_with(c) || !c.is_alphabetic() {
            out.push(c);
        }
    }
    out
}

/// A word of Cyrillic or Greek letters alone, read as the Latin one it looks like.
pub(crate) fn as_latin(word: &str) -> Option<String> {
    if word.is_ascii() {
        return None;
    }
    word.chars().map(|c| if c == ' ' || is_latin(c) { Some(c) } else { look_alike(c) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_for_every_disguise() {
        for disguise in [
            "STOP",
            " stop ",
            "Stop.",
            "«Stop»",
            "“STOP!!!”",
            "ＳＴＯＰ",
            "𝐒𝐓𝐎𝐏",
            "ⓢⓣⓞⓟ",
            "🅢🅣🅞🅟",
            "S\u{200b}T\u{ad}OP",
            "🛑 STOP 🛑",
            "*stop*",
            "STОP",
            "ꜱᴛᴏᴘ",
            "stóp",
            "\u{feff}stop\u{fe0f}",
        ] {
            assert_eq!(Words::of(disguise).text, "stop", "{disguise}");
        }
        assert_eq!(Words::of("S.T.O.P").joined(), "stop");
        assert!(Words::of("s t o p").is_spelled());
        assert_eq!(Words::of("Don’t  stop").text, "dont stop");
        assert_eq!(Words::of("ΔΙΑΚΟΠΉ").text, Words::of("διακοπη").text);
        assert_eq!(Words::of("İPTAL").text, "iptal");
        assert_eq!(undisguised("st0p").as_deref(), Some("stop"));
        assert_eq!(undisguised("5"), None);
        assert_eq!(collapsed("stoooppp"), "stop");
        assert_eq!(as_latin("ѕтор").as_deref(), Some("stop"));
    }

    #[test]
    fn clauses_end_where_people_end_them() {
        let words = Words::of("No. Stop, please? at 5.30 ok");
        let after: Vec<_> = words.words.iter().map(|word| word.after).collect();
        use Break::{Clause, None, Question, Sentence};
        assert_eq!(after, [Sentence, Clause, Question, None, None, None, None]);
    }

    #[test]
    fn words_are_left_out_and_breaks_stay() {
        let words = Words::of("I just want it to stop now, please");
        let rest = words.without(|word| word == "just" || word == "now").expect("there");
        assert_eq!(rest.text, "i want it to stop please");
        assert_eq!(rest.words[4].after, Break::Clause);
        assert!(words.without(|word| word == "never").is_none());
    }

    #[test]
    fn long_texts_are_capped_at_a_character() {
        let words = Words::of(&"ж".repeat(5000));
        assert!(words.text.len() <= TEXT_BYTES_MAX);
    }
}
