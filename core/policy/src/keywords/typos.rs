//! One slip of the finger in an opt-out word that is the whole message.

use super::{Word, normalise::collapsed, vocabulary::WordMap};
use std::collections::HashSet;

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
