//! The words and phrases of a language, found from their first word.

use super::{grammar::Mask, typos::Near};
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A map with words for keys. It is filled from the operator's files and only read afterwards, so that
/// nobody can fill it with keys that collide.
pub(crate) type WordMap<V> = HashMap<Box<str>, V, BuildHasherDefault<WordHasher>>;

/// A fast hash of short texts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WordHasher(u64);

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl WordHasher {
    fn mix(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(MULTIPLIER);
    }
}

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut eight = [0; 8];
            eight.copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(eight));
        }
        let mut rest = [0; 8];
        let tail = chunks.remainder();
        rest[..tail.len()].copy_from_slice(tail);
        self.mix(u64::from_le_bytes(rest) ^ (bytes.len() as u64) << 56);
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    fn finish(&self) -> u64 {
        // The map takes its bits from both ends.
        self.0 ^ (self.0 >> 32)
    }
}

type ByStart<V> = HashMap<u64, Vec<(Box<str>, V)>, BuildHasherDefault<WordHasher>>;

/// Beginnings of words, found from a word that begins so.
#[derive(Debug, Clone)]
pub(crate) struct Stems<V> {
    /// The first characters of a stem → the stems that begin with them, the longest first.
    by_start: ByStart<V>,
}

impl<V> Default for Stems<V> {
    fn default() -> Self {
        Stems { by_start: HashMap::default() }
    }
}

/// A stem has as many characters at least: shorter ones begin too many words.
pub(crate) const STEM_CHARS_MIN: usize = 3;

impl<V> Stems<V> {
    /// The value of a stem, a new one when it is new. `None` when it is too short for one.
    pub(crate) fn entry(&mut self, stem: &str, new: impl FnOnce() -> V) -> Option<&mut V> {
        let stems = self.by_start.entry(start(stem)?).or_default();
        let index = match stems.iter().position(|(known, _)| **known == *stem) {
            Some(index) => index,
            None => {
                let index = stems.partition_point(|(known, _)| known.len() >= stem.len());
                stems.insert(index, (stem.into(), new()));
                index
            }
        };
        stems.get_mut(index).map(|(_, value)| value)
    }

    /// The values of all stems that a word begins with, the longest first.
    pub(crate) fn of<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a V> {
        let stems = if self.by_start.is_empty() {
            None
        } else {
            start(word).and_then(|start| self.by_start.get(&start))
        };
        stems.into_iter().flatten().filter(|(stem, _)| word.starts_with(&**stem)).map(|(_, value)| value)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.by_start.values().flatten().map(|(stem, value)| (&**stem, value))
    }
}

/// The first characters of a word as one number.
fn start(word: &str) -> Option<u64> {
    let mut chars = word.chars();
    let mut start = 0;
    for _ in 0..STEM_CHARS_MIN {
        start = start << 21 | u64::from(u32::from(chars.next()?));
    }
    Some(start)
}

/// Words and phrases with their classes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vocabulary {
    phrases: WordMap<Mask>,
    stems: Stems<Mask>,
    near: Near<Mask>,
    /// First word (character, where words are not separated) → lengths of what begins with it, in words
    /// (characters), a bit each.
    lengths: WordMap<u32>,
}

/// Behind the beginning of a word.
pub(crate) const STEM: char = '*';

/// Each of two words written as one has so many characters at least.
const PART_CHARS_MIN: usize = 4;

/// Longer phrases are not found; none of use is as long.
const LENGTH_MAX: usize = 31;

impl Vocabulary {
    /// From phrases; `spaced` says whether words are separated, `right` are words that are not misspelt.
    pub(crate) fn new(
        entries: impl IntoIterator<Item = (Box<str>, Mask)>,
        spaced: bool,
        right: impl IntoIterator<Item = Box<str>>,
    ) -> Vocabulary {
        let mut vocabulary = Vocabulary::default();
        vocabulary.near.except(right);
        for (phrase, mask) in entries {
            if let Some(stem) = phrase.strip_suffix(STEM) {
                if let Some(known) = vocabulary.stems.entry(stem, || 0) {
                    *known |= mask;
                }
                continue;
            }
            let (first, length) = if spaced {
                (phrase.split(' ').next().unwrap_or(&phrase), phrase.split(' ').count())
            } else {
                (first_char(&phrase), phrase.chars().count())
            };
            *vocabulary.lengths.entry(first.into()).or_default() |= 1 << length.min(LENGTH_MAX);
            if spaced && length == 1 {
                vocabulary.near.add(&phrase, mask);
            }
            *vocabulary.phrases.entry(phrase).or_default() |= mask;
        }
        vocabulary
    }

    /// The classes of a phrase.
    pub(crate) fn get(&self, phrase: &str) -> Option<Mask> {
        self.phrases.get(phrase).copied()
    }

    /// The classes of a word that is not in the vocabulary, but begins like one of its stems.
    pub(crate) fn stem(&self, word: &str) -> Option<Mask> {
        self.stems.of(word).next().copied()
    }

    /// All stems.
    pub(crate) fn stems(&self) -> impl Iterator<Item = (&str, Mask)> {
        self.stems.iter().map(|(stem, mask)| (stem, *mask))
    }

    /// The classes of the one word that this one is a slip away from.
    pub(crate) fn near(&self, word: &str) -> Option<Mask> {
        self.near.meant(word)
    }

    /// The classes of two words that are written as one.
    pub(crate) fn run_together(&self, word: &str) -> Option<(Mask, Mask)> {
        let cuts = word.char_indices().map(|(at, _)| at).skip(PART_CHARS_MIN);
        cuts.map(|at| word.split_at(at))
            .filter(|(_, second)| second.chars().nth(PART_CHARS_MIN - 1).is_some())
            .find_map(|(first, second)| Some((self.get(first)?, self.get(second)?)))
    }

    /// The lengths of the phrases that begin with a word, the longest first.
    pub(crate) fn lengths(&self, first: &str) -> impl Iterator<Item = usize> + use<> {
        let mut lengths = self.lengths.get(first).copied().unwrap_or_default();
        std::iter::from_fn(move || {
            let length = lengths.checked_ilog2()?;
            lengths &= !(1 << length);
            Some(length as usize)
        })
    }

    /// All phrases.
    pub(crate) fn phrases(&self) -> impl Iterator<Item = (&str, Mask)> {
        self.phrases.iter().map(|(phrase, mask)| (&**phrase, *mask))
    }

    /// The number of phrases.
    pub(crate) fn len(&self) -> usize {
        self.phrases.len()
    }
}

/// The first character of a text, as text.
pub(crate) fn first_char(text: &str) -> &str {
    &text[..text.chars().next().map_or(0, char::len_utf8)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_stem_counts() {
        let entries =
            [("отпис*", 1), ("отписк*", 2), ("стоп", 4)].map(|(text, mask)| (Box::from(text), mask));
        let vocabulary = Vocabulary::new(entries, true, []);
        assert_eq!(vocabulary.stem("отписаться"), Some(1));
        assert_eq!(vocabulary.stem("отписки"), Some(2));
        assert_eq!(vocabulary.stem("стопка"), None);
        assert_eq!(vocabulary.stem("от"), None);
    }

    #[test]
    fn phrases_are_found_from_their_first_word() {
        let entries = ["stop", "stop by", "my phone number"].map(|phrase| (Box::from(phrase), 1));
        let vocabulary = Vocabulary::new(entries, true, []);
        assert_eq!(vocabulary.lengths("stop").collect::<Vec<_>>(), [2, 1]);
        assert_eq!(vocabulary.lengths("my").collect::<Vec<_>>(), [3]);
        assert_eq!(vocabulary.lengths("by").count(), 0);
        let unspaced = Vocabulary::new([("退订".into(), 1)], false, []);
        assert_eq!(unspaced.lengths("退").collect::<Vec<_>>(), [2]);
    }
}
