//! One slip of the finger in an opt-out word that is the whole message.

use super::{Word, normalise::collapsed, vocabulary::WordMap};
use std::collections::{HashMap, HashSet};

/// Shorter words have ordinary words for neighbours: only swapped and doubled letters count.
const EDITED_CHARS_MIN: usize = 5;
const SWAPPED_CHARS_MIN: usize = 4;
const CHARS_MAX: usize = 24;

/// Misspelt opt-out words.
#[derive(Debug, Clone, Default)]
pub(crate) struct Typos {
    /// A misspelling, or a word with one letter missing → the right words.
    near: WordMap<Vec<Box<str>>>,
    /// Runs of letters made single → the right word.
    collapsed: WordMap<Box<str>>,
    not: HashSet<String>,
}

impl Typos {
    /// Prepares for a list of words.
    pub(crate) fn new(whole: &WordMap<Word>, not: &HashSet<String>) -> Typos {
        let mut typos = Typos { not: not.clone(), ..Typos::default() };
        let mut right: Vec<&str> = whole
            .iter()
            .filter(|(text, word)| !word.opt_out.is_empty() && text.is_ascii())
            .map(|(text, _)| &**text)
            .collect();
        right.sort_unstable();
        for text in right {
            let word: String = text.chars().filter(|c| *c != ' ').collect();
            let length = word.chars().count();
            if !(SWAPPED_CHARS_MIN..=CHARS_MAX).contains(&length) {
                continue;
            }
            typos.collapsed.entry(collapsed(&word).into()).or_insert_with(|| text.into());
            for swapped in swaps(&word) {
                typos.near.entry(swapped.into()).or_default().push(text.into());
            }
            if length >= EDITED_CHARS_MIN {
                for missing in deletions(&word).chain([word.clone()]) {
                    typos.near.entry(missing.into()).or_default().push(text.into());
                }
            }
        }
        typos
    }

    /// The word that was meant.
    pub(crate) fn meant(&self, word: &str) -> Option<&str> {
        let length = word.len();
        if !word.is_ascii() || !(SWAPPED_CHARS_MIN..=CHARS_MAX).contains(&length) || self.not.contains(word) {
            return None;
        }
        if let Some(right) = self.near.get(word).and_then(|near| near.first()) {
            return Some(right);
        }
        if length >= EDITED_CHARS_MIN {
            let near = deletions(word).find_map(|missing| {
                let candidates = self.near.get(missing.as_str())?;
                candidates.iter().find(|right| {
                    let joined: String = right.chars().filter(|c| *c != ' ').collect();
                    joined.len() >= EDITED_CHARS_MIN && crate::reader::distance(word, &joined) <= 1
                })
            });
            if let Some(right) = near {
                return Some(right);
            }
        }
        let single = collapsed(word);
        (single.len() < length).then(|| self.collapsed.get(single.as_str()).map(|right| &**right)).flatten()
    }
}

/// Words with what they stand for.
type Entries<V> = Vec<(Box<str>, V)>;

/// The single words of a vocabulary, for what is a slip away from one of them.
#[derive(Debug, Clone)]
pub(crate) struct Near<V> {
    /// By first letter, which people do not miss, and length.
    alike: HashMap<(char, usize), Entries<V>>,
    /// Words that are what they are.
    not: HashSet<Box<str>>,
}

impl<V> Default for Near<V> {
    fn default() -> Self {
        Near { alike: HashMap::new(), not: HashSet::new() }
    }
}

impl<V: Copy> Near<V> {
    /// Adds a word that may be misspelt.
    pub(crate) fn add(&mut self, word: &str, value: V) {
        let length = word.chars().count();
        if let Some(first) = word.chars().next().filter(|_| length >= SWAPPED_CHARS_MIN) {
            self.alike.entry((first, length)).or_default().push((word.into(), value));
        }
    }

    /// Names the words that are not misspelt.
    pub(crate) fn except(&mut self, words: impl IntoIterator<Item = Box<str>>) {
        self.not.extend(words);
    }

    /// What the word that was meant stands for.
    pub(crate) fn meant(&self, word: &str) -> Option<V> {
        let (first, length) = (word.chars().next()?, word.chars().count());
        if length < SWAPPED_CHARS_MIN {
            return None;
        }
        let slip = if length < EDITED_CHARS_MIN { is_swapped } else { is_one_slip };
        let mut near = [length, length + 1, length - 1]
            .into_iter()
            .filter_map(|length| self.alike.get(&(first, length)));
        let found = near.find_map(|near| near.iter().find(|(known, _)| slip(word, known)))?;
        (!self.not.contains(word)).then_some(found.1)
    }
}

/// One letter more, less or other, or two swapped.
fn is_one_slip(typed: &str, meant: &str) -> bool {
    let (typed, meant) = unlike(typed, meant);
    let after = |text: &str| text.chars().next().map_or(0, char::len_utf8);
    let (typed_1, meant_1) = (&typed[after(typed)..], &meant[after(meant)..]);
    typed_1 == meant_1 || typed_1 == meant || typed == meant_1 || are_swapped(typed, meant)
}

/// Two letters swapped.
fn is_swapped(typed: &str, meant: &str) -> bool {
    let (typed, meant) = unlike(typed, meant);
    are_swapped(typed, meant)
}

fn are_swapped(typed: &str, meant: &str) -> bool {
    let (mut a, mut b) = (typed.chars(), meant.chars());
    let (a1, a2, b1, b2) = (a.next(), a.next(), b.next(), b.next());
    a1.is_some() && a1 == b2 && a2 == b1 && a.as_str() == b.as_str()
}

/// What is left of two words behind the letters with which both begin.
fn unlike<'a>(typed: &'a str, meant: &'a str) -> (&'a str, &'a str) {
    let same = typed.chars().zip(meant.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    (&typed[same..], &meant[same..])
}

fn deletions(word: &str) -> impl Iterator<Item = String> {
    word.char_indices().map(|(at, c)| format!("{}{}", &word[..at], &word[at + c.len_utf8()..]))
}

fn swaps(word: &str) -> Vec<String> {
    let chars: Vec<char> = word.chars().collect();
    (1..chars.len())
        .filter(|index| chars[index - 1] != chars[*index])
        .map(|index| {
            let mut swapped = chars.clone();
            swapped.swap(index - 1, index);
            swapped.into_iter().collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dndgate_adapter::Channels;

    #[test]
    fn one_slip_is_one_slip() {
        let mut near = Near::default();
        for word in ["texting", "remove", "texts", "приклад"] {
            near.add(word, word);
        }
        near.except([Box::from("tests")]);
        for (typed, meant) in [
            ("textng", "texting"),
            ("textting", "texting"),
            ("remvoe", "remove"),
            ("texst", "texts"),
            ("прклад", "приклад"),
        ] {
            assert_eq!(near.meant(typed), Some(meant), "{typed}");
        }
        for other in ["txtng", "tests", "move", "texas mail", "rem", ""] {
            assert_eq!(near.meant(other), None, "{other}");
        }
    }

    #[test]
    fn slips_are_understood_and_neighbours_are_not() {
        let whole = ["stop", "unsubscribe", "opt out", "basta"]
            .into_iter()
            .map(|text| (text.into(), Word { opt_out: Channels::ALL, ..Word::new("en") }))
            .collect();
        let typos = Typos::new(&whole, &HashSet::from(["pasta".to_owned()]));
        for (typed, meant) in [
            ("stpo", "stop"),
            ("sotp", "stop"),
            ("stoop", "stop"),
            ("stoppp", "stop"),
            ("unsubcribe", "unsubscribe"),
            ("unsubscrbie", "unsubscribe"),
            ("unsubscribed", "unsubscribe"),
            ("umsubscribe", "unsubscribe"),
            ("optoutt", "opt out"),
        ] {
            assert_eq!(typos.meant(typed), Some(meant), "{typed}");
        }
        for ordinary in ["shop", "step", "top", "stops", "pasta", "stock", "subscribe"] {
            assert_eq!(typos.meant(ordinary), None, "{ordinary}");
        }
    }
}
