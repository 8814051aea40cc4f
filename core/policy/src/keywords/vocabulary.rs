//! The words and phrases of a language, found from their first word.

use super::grammar::Mask;
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

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    fn finish(&self) -> u64 {
        // The map takes its bits from both ends.
        self.0 ^ (self.0 >> 32)
    }
}

/// Words and phrases with their classes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vocabulary {
    phrases: WordMap<Mask>,
    /// First word (character, where words are not separated) → lengths of what begins with it, in words
    /// (characters), a bit each.
    lengths: WordMap<u32>,
}

/// Longer phrases are not found; none of use is as long.
const LENGTH_MAX: usize = 31;

impl Vocabulary {
    /// From phrases; `spaced` says whether words are separated.
    pub(crate) fn new(entries: impl IntoIterator<Item = (Box<str>, Mask)>, spaced: bool) -> Vocabulary {
        let mut vocabulary = Vocabulary::default();
        for (phrase, mask) in entries {
            let (first, length) = if spaced {
                (phrase.split(' ').next().unwrap_or(&phrase), phrase.split(' ').count())
            } else {
                (first_char(&phrase), phrase.chars().count())
            };
            *vocabulary.lengths.entry(first.into()).or_default() |= 1 << length.min(LENGTH_MAX);
            *vocabulary.phrases.entry(phrase).or_default() |= mask;
        }
        vocabulary
    }

    /// The classes of a phrase.
    pub(crate) fn get(&self, phrase: &str) -> Option<Mask> {
        self.phrases.get(phrase).copied()
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
    fn phrases_are_found_from_their_first_word() {
        let entries = ["stop", "stop by", "my phone number"].map(|phrase| (Box::from(phrase), 1));
        let vocabulary = Vocabulary::new(entries, true);
        assert_eq!(vocabulary.lengths("stop").collect::<Vec<_>>(), [2, 1]);
        assert_eq!(vocabulary.lengths("my").collect::<Vec<_>>(), [3]);
        assert_eq!(vocabulary.lengths("by").count(), 0);
        let unspaced = Vocabulary::new([("退订".into(), 1)], false);
        assert_eq!(unspaced.lengths("退").collect::<Vec<_>>(), [2]);
    }
}
