//! Which languages are worth trying on a message: a glance at its words, before any of them is parsed.

use super::{
    Keywords, Word,
    grammar::{CHANNEL_SHIFT, EVERYTHING, HINT, Mask, UNKNOWN},
    hints::Hint,
    normalise::Words,
};
use dndgate_adapter::Channels;
use std::cmp::Reverse;

/// One bit for each language.
pub(super) const LANGUAGES_MAX: usize = 64;

impl Keywords {
    /// Prepares the glance. Called once, when all languages are there.
    pub(super) fn index(&mut self) {
        // The richest language first: it names the rule when several fit.
        self.languages.sort_by_key(|language| Reverse(language.vocabulary.len()));
        for (text, word) in &mut self.whole {
            let language = self.languages.iter().find(|language| *language.tag == *word.section);
            let masks = text
                .split(' ')
                .filter_map(|part| language.and_then(|language| language.vocabulary.get(part)));
            word.named = named(masks.fold(0, |all, mask| all | mask));
        }
        for (index, language) in (0_u8..).zip(&mut self.languages) {
            language.index();
            if language.scripts != 0 {
                self.unspaced |= 1 << index;
                continue;
            }
            let hints = language.hints.phrases.iter().filter(|(_, hint)| **hint != Hint::Not);
            let hints = hints.map(|(phrase, _)| (&**phrase, HINT));
            for (phrase, mask) in language.vocabulary.phrases().chain(hints) {
                let start = phrase.match_indices(' ').nth(1).map_or(phrase, |(end, _)| &phrase[..end]);
                let languages = self.glance.entry(start.into()).or_default();
                match languages.iter_mut().find(|(known, _)| *known == index) {
                    Some((_, known)) => *known |= mask,
                    None => languages.push((index, mask)),
                }
            }
        }
    }

    /// The bits of the languages of which the message has the words for some pattern.
    pub(super) fn candidates(&self, words: &Words) -> u64 {
        let mut seen = [0; LANGUAGES_MAX];
        let mut any = 0_u64;
        let mut note = |text: &str| {
            for (language, mask) in self.glance.get(text).into_iter().flatten() {
                seen[usize::from(*language)] |= mask;
                any |= 1 << language;
            }
        };
        for index in 0..words.words.len() {
            note(words.word(index));
            note(words.span(index, index + 2));
        }
        let mut candidates = if words.scripts == 0 { 0 } else { self.unspaced };
        while any != 0 {
            let index = any.trailing_zeros() as usize;
            any &= any - 1;
            let (language, seen) = (&self.languages[index], seen[index]);
            if seen & HINT != 0 || (seen & language.telling != 0 && language.may_fit(seen | UNKNOWN)) {
                candidates |= 1 << index;
            }
        }
        candidates
    }
}

impl Word {
    /// What its words say beyond the opt-out.
    pub(super) fn mask(&self) -> Mask {
        Mask::from(self.named.bits()) << CHANNEL_SHIFT | if self.everything { EVERYTHING } else { 0 }
    }
}

/// The channels that words name.
pub(super) fn named(mask: Mask) -> Channels {
    Channels::from_bits(u8::try_from((mask >> CHANNEL_SHIFT) & 0b0011_1111).unwrap_or(0))
}
