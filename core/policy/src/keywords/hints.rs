//! Step 4: words that a person should look at when nothing fits.

use super::{normalise::Words, vocabulary::WordMap};

/// How much a phrase hints at an opt-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hint {
    /// In a message of any length.
    Strong,
    /// In a message of a few words.
    Weak,
    /// Not at all: it holds a word that otherwise would ("bus stop").
    Not,
}

/// The hints of a language.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hints {
    pub(crate) phrases: WordMap<Hint>,
    /// The longest phrase, in words.
    pub(crate) longest: usize,
    /// A weak hint counts in messages of no more words than this.
    pub(crate) short_words_max: usize,
}

impl Hints {
    /// Why a person should look at this, if one should.
    pub(crate) fn find(&self, words: &Words, unspaced: bool) -> Option<&'static str> {
        if self.phrases.is_empty() {
            return None;
        }
        let (mut strong, mut weak) = (false, false);
        let mut note = |hint: Hint| match hint {
            Hint::Strong => strong = true,
            Hint::Weak => weak = true,
            Hint::Not => {}
        };
        if unspaced {
            let text = words.joined();
            self.phrases
                .iter()
                .filter(|(phrase, _)| text.contains(&***phrase))
                .for_each(|(_, hint)| note(*hint));
        } else {
            let count = words.words.len();
            let mut from = 0;
            while from < count {
                let longest = (from + self.longest).min(count);
                let found = (from + 1..=longest)
                    .rev()
                    .find_map(|to| self.phrases.get(words.span(from, to)).map(|hint| (*hint, to)));
                if let Some((hint, _)) = found {
                    note(hint);
                }
                from = found.map_or(from + 1, |(_, to)| to);
            }
        }
        if strong {
            return Some("words of a request");
        }
        (weak && words.words.len() <= self.short_words_max).then_some("a short message with an opt-out word")
    }
}
