//! Which languages are worth trying on a message: a glance at its words, before any of them is parsed.

use super::{
    Keywords, Word,
    grammar::{CHANNEL_SHIFT, EVERYTHING, HINT, Mask, UNKNOWN},
    hints::Hint,
    normalise::Words,
    vocabulary::{Stems, WordMap},
};
use dndgate_adapter::Channels;
use std::cmp::Reverse;

/// One bit for each language.
pub(super) const LANGUAGES_MAX: usize = 64;
/// A language is tried when it knows one of so many words.
const SPOKEN_WORDS_PER_HIT: usize = 5;
/// In messages of so few words the telling one may be misspelt, if it is as long as this.
const MISSPELT_WORDS_MAX: usize = 6;
const MISSPELT_BYTES_MIN: usize = 5;

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
            for (stem, mask) in language.vocabulary.stems() {
                if let Some(languages) = self.glance.stems.entry(stem, Vec::new) {
                    languages.push((index, mask));
                }
            }
            for (phrase, mask) in language.vocabulary.phrases().chain(hints) {
                // What all languages share is noted once.
                let mask = mask & !self.glance.words.get(phrase).map_or(0, |known| known.shared);
                if mask == 0 {
                    continue;
                }
                let start = phrase.match_indices(' ').nth(1).map_or(phrase, |(end, _)| &phrase[..end]);
                if let Some((first, _)) = phrase.split_once(' ') {
                    self.glance.words.entry(first.into()).or_default().begins = true;
                }
                let languages = &mut self.glance.words.entry(start.into()).or_default().languages;
                match languages.iter_mut().find(|(known, _)| *known == index) {
                    Some((_, known)) => *known |= mask,
                    None => languages.push((index, mask)),
                }
            }
        }
    }

    /// The bits of the languages of which the message has the words for some pattern. Short words are words
    /// in many languages: only those that know the most of a message are tried.
    pub(super) fn candidates(&self, words: &Words) -> u64 {
        let mut seen = Seen::default();
        for index in 0..words.words.len() {
            let word = words.word(index);
            if let Some(known) = self.glance.words.get(word) {
                seen.note(&known.languages);
                seen.shared |= known.shared;
                if known.begins
                    && index + 1 < words.words.len()
                    && let Some(known) = self.glance.words.get(words.span(index, index + 2))
                {
                    seen.note(&known.languages);
                    seen.shared |= known.shared;
                }
            } else {
                seen.unknown |= word.len() >= MISSPELT_BYTES_MIN;
            }
            self.glance.stems.of(word).for_each(|languages| seen.note(languages));
        }
        let mut candidates = if words.scripts == 0 { 0 } else { self.unspaced };
        let best = usize::from(seen.best());
        // A telling word may be among the misspelt ones.
        let may_be_misspelt = words.words.len() <= MISSPELT_WORDS_MAX && seen.unknown;
        // Words that all languages share are as good in any.
        let mut any = seen.any;
        if any == 0 && candidates == 0 && (seen.shared != 0 || may_be_misspelt) {
            any = u64::from(!self.languages.is_empty());
        }
        while any != 0 {
            let index = any.trailing_zeros() as usize;
            any &= any - 1;
            let (language, masks) = (&self.languages[index], seen.masks[index] | seen.shared);
            let hits = usize::from(seen.hits[index]);
            let speaks = best == 0
                || (hits * 2 > best && hits * SPOKEN_WORDS_PER_HIT >= words.words.len())
                || seen.masks[index] & HINT != 0;
            let fits = || masks & language.telling != 0 && language.may_fit(masks | UNKNOWN);
            if speaks && (masks & HINT != 0 || may_be_misspelt || fits()) {
                candidates |= 1 << index;
            }
        }
        candidates
    }
}

/// Words, and the first two words of phrases, with the languages that have them.
#[derive(Debug, Clone, Default)]
pub(super) struct Glance {
    pub(super) words: WordMap<Known>,
    stems: Stems<Vec<(u8, Mask)>>,
}

/// What is known of a word at a glance.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// The classes that it has in every language.
    pub(super) shared: Mask,
    /// The languages that have it, and its classes there.
    languages: Vec<(u8, Mask)>,
    /// It is the first word of a phrase.
    begins: bool,
}

/// What a glance at a message has found.
struct Seen {
    any: u64,
    /// There is a longer word that no language has.
    unknown: bool,
    shared: Mask,
    masks: [Mask; LANGUAGES_MAX],
    hits: [u8; LANGUAGES_MAX],
}

impl Default for Seen {
    fn default() -> Self {
        Seen { any: 0, unknown: false, shared: 0, masks: [0; LANGUAGES_MAX], hits: [0; LANGUAGES_MAX] }
    }
}

impl Seen {
    fn note(&mut self, languages: &[(u8, Mask)]) {
        for (language, mask) in languages {
            let index = usize::from(*language);
            self.any |= 1 << language;
            self.masks[index] |= mask;
            self.hits[index] = self.hits[index].saturating_add(1);
        }
    }

    /// The most words that one language knows.
    fn best(&self) -> u8 {
        self.hits.iter().copied().max().unwrap_or_default()
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
