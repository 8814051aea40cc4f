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
    heads: WordMap<Head>,
}

/// What begins with a word (a character, where words are not separated).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Head {
    /// The classes of all that begins so.
    pub(crate) any: Mask,
    /// The length of the longest of them, in words or characters.
    pub(crate) longest: usize,
}

impl Vocabulary {
    /// From phrases; `spaced` says whether words are separated.
    pub(crate) fn new(entries: impl IntoIterator<Item = (Box<str>, Mask)>, spaced: bool) -> Vocabulary {
        let mut vocabulary = Vocabulary::default();
        for (phrase, mask) in entries {
            let (first, length) = if spaced {
                (phrase.split(' ').next().unwrap_or(&phrase), phrase.split(' ').count())
            } else {
                (&phrase[..phrase.chars().next().map_or(0, char::len_utf8)], phrase.chars().count())
            };
            let head = vocabulary.heads.entry(first.into()).or_default();
            head.any |= mask;
            head.longest = head.longest.max(length);
            *vocabulary.phrases.entry(phrase).or_default() |= mask;
        }
        vocabulary
    }

    /// The classes of a phrase.
    pub(crate) fn get(&self, phrase: &str) -> Option<Mask> {
        self.phrases.get(phrase).copied()
    }

    /// The length of the longest phrase that begins with a word; 0 when none does.
    pub(crate) fn longest(&self, first: &str) -> usize {
        self.heads.get(first).map_or(0, |head| head.longest)
    }

    /// All first words.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (&str, Head)> {
        self.heads.iter().map(|(first, head)| (&**first, *head))
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
