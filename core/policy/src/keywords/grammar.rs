//! Step 3: the structure of a request. A pattern is a row of word classes that has to fit a clause from its
//! first word to its last, so that one word too many is one too many.

use std::collections::HashMap;

/// The classes that a word belongs to, one bit each.
pub(crate) type Mask = u64;

/// A word that no class knows.
pub(crate) const UNKNOWN: Mask = 1 << 63;
/// Words of courtesy and noise; they may stand anywhere.
pub(crate) const POLITE: Mask = 1;
/// The opt-out words of step 2.
pub(crate) const KEYWORD: Mask = 1 << 1;
/// Words that mean every channel.
pub(crate) const EVERYTHING: Mask = 1 << 2;
/// Words that join two clauses.
pub(crate) const JOIN: Mask = 1 << 3;
/// Words beside which a request is in doubt: times, conditions, exceptions.
pub(crate) const GUARD: Mask = 1 << 4;
/// In the index of first words: begins a hint.
pub(crate) const HINT: Mask = 1 << 62;
/// The first bit of the six that name channels.
pub(crate) const CHANNEL_SHIFT: u32 = 5;
/// All six.
pub(crate) const NAMED: Mask = 0b11_1111 << CHANNEL_SHIFT;
/// Opt-out words that count only alone.
pub(crate) const ALONE: Mask = 1 << 11;
/// Between two words: a clause ends there.
pub(crate) const CLAUSE_END: Mask = 1 << 60;
/// In a word's mask beside others: it is misspelt, and what it means is a guess.
pub(crate) const GUESSED: Mask = 1 << 61;
/// The first bit for a file's own classes, and how many there may be.
const OWN_SHIFT: u32 = 12;
pub(crate) const OWN_MAX: usize = 48;

/// Classes that every language has, whatever its file says.
const FIXED: [(&str, Mask); 7] = [
    ("polite", POLITE),
    ("opt_out", KEYWORD),
    ("opt_out_whole", ALONE),
    ("everything", EVERYTHING),
    ("join", JOIN),
    ("guard", GUARD),
    ("end", CLAUSE_END),
];

/// The names of the classes of a language.
#[derive(Debug, Clone, Default)]
pub(crate) struct Classes(HashMap<String, Mask>);

impl Classes {
    /// The fixed ones.
    pub(crate) fn new() -> Classes {
        Classes(FIXED.iter().map(|(name, mask)| ((*name).to_owned(), *mask)).collect())
    }

    /// The bit of a class, a new one when it is new. `None` when there are too many.
    pub(crate) fn bit(&mut self, name: &str) -> Option<Mask> {
        if let Some(mask) = self.0.get(name) {
            return Some(*mask);
        }
        let own = self.0.len() - FIXED.len();
        if own >= OWN_MAX {
            return None;
        }
        let mask = 1 << (OWN_SHIFT + u32::try_from(own).unwrap_or(0));
        self.0.insert(name.to_owned(), mask);
        Some(mask)
    }

    /// The bit of a class that exists.
    pub(crate) fn known(&self, name: &str) -> Option<Mask> {
        self.0.get(name).copied()
    }

    /// All names.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

/// One place of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) mask: Mask,
    pub(crate) optional: bool,
    pub(crate) repeats: bool,
}

/// A pattern with its name and what it is good for.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    /// For the record.
    pub(crate) name: String,
    items: Vec<Item>,
    /// The classes of the parts that may not be missing: without one of each nothing fits.
    required: Vec<Mask>,
    /// The classes of all parts: with any other word nothing fits.
    allowed: Mask,
    /// So clear that it counts beside sentences that are not understood.
    pub(crate) clear: bool,
    /// May be put as a question ("can you stop texting me?").
    pub(crate) asked: bool,
    /// Counts only when nothing stands beside it: its words are ordinary in other sentences, or it says
    /// nothing by itself.
    pub(crate) alone: bool,
    /// A gist that goes from one sentence to another.
    pub(crate) across: bool,
}

/// More places than this have no bit.
const ITEMS_MAX: usize = 32;

impl Pattern {
    /// Reads the places of a pattern: class names, several with `|`, each with `?` (may be missing), `+`
    /// (once or more) or `*` (any number); `_` stands for any word, `..` for up to `gap` of them and
    /// ends of clauses, `_*` for any number.
    pub(crate) fn items(says: &str, classes: &Classes, gap: usize) -> Result<Vec<Item>, String> {
        let mut items = Vec::new();
        for place in says.split_whitespace() {
            if place == ".." {
                items.extend(std::iter::repeat_n(
                    Item { mask: Mask::MAX, optional: true, repeats: false },
                    gap,
                ));
                continue;
            }
            let (names, optional, repeats) = match place.as_bytes().last() {
                Some(b'?') => (&place[..place.len() - 1], true, false),
                Some(b'*') => (&place[..place.len() - 1], true, true),
                Some(b'+') => (&place[..place.len() - 1], false, true),
                _ => (place, false, false),
            };
            let mut mask = 0;
            for name in names.split('|') {
                mask |= match name {
                    "_" if place == "_*" => Mask::MAX,
                    "_" => !CLAUSE_END,
                    name => classes
                        .known(name)
                        .ok_or_else(|| crate::reader::unknown("class of words", name, &classes.names()))?,
                };
            }
            items.push(Item { mask, optional, repeats });
        }
        match items.len() {
            0 => Err("a pattern needs at least one class of words, such as \"cease contact me\"".to_owned()),
            1..=ITEMS_MAX if items.iter().all(|item| item.optional) => {
                Err("every part of this pattern may be missing, so it would fit everything".to_owned())
            }
            1..=ITEMS_MAX => Ok(items),
            _ => Err(format!("a pattern may have {ITEMS_MAX} parts at most")),
        }
    }

    /// A pattern that may begin and end anywhere.
    pub(crate) fn floating(name: &str, mut items: Vec<Item>) -> Pattern {
        let any = Item { mask: Mask::MAX, optional: true, repeats: true };
        items.insert(0, any);
        items.push(any);
        Pattern::new(name, items)
    }

    /// A pattern of these parts.
    pub(crate) fn new(name: &str, items: Vec<Item>) -> Pattern {
        // The ends of clauses are in no word.
        let required = items.iter().filter(|item| !item.optional && item.mask != CLAUSE_END);
        let required = required.map(|item| item.mask).collect();
        let allowed = items.iter().fold(POLITE, |all, item| all | item.mask);
        Pattern {
            name: name.to_owned(),
            items,
            required,
            allowed,
            clear: false,
            asked: false,
            alone: false,
            across: false,
        }
    }

    /// Could it fit words that have these classes between them?
    pub(crate) fn possible(&self, present: Mask) -> bool {
        self.required.iter().all(|mask| mask & present != 0)
    }

    /// Does every word belong to it somewhere? `present` are the classes of the words together.
    pub(crate) fn allows(&self, present: Mask, mut words: impl Iterator<Item = Mask>) -> bool {
        (present & UNKNOWN == 0 || self.allowed & UNKNOWN != 0) && words.all(|word| word & self.allowed != 0)
    }

    /// The smallest of its required classes, by a measure.
    pub(crate) fn telling(&self, size: impl Fn(Mask) -> usize) -> Option<Mask> {
        self.required.iter().copied().filter(|mask| mask & UNKNOWN == 0).min_by_key(|mask| size(*mask))
    }

    /// Does it fit these words from first to last?
    pub(crate) fn fits(&self, words: impl Iterator<Item = Mask>) -> bool {
        let mut states = self.open(1);
        for word in words {
            let mut next = if word & POLITE != 0 { states } else { 0 };
            let mut rest = states;
            while rest != 0 {
                let index = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                if let Some(item) = self.items.get(index)
                    && item.mask & word != 0
                {
                    next |= 1 << (index + 1);
                    if item.repeats {
                        next |= 1 << index;
                    }
                }
            }
            if next == 0 {
                return false;
            }
            states = self.open(next);
        }
        states & (1 << self.items.len()) != 0
    }

    /// The states that are reached without a further word.
    fn open(&self, mut states: u64) -> u64 {
        for (index, item) in self.items.iter().enumerate() {
            if item.optional && states & (1 << index) != 0 {
                states |= 1 << (index + 1);
            }
        }
        states
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(says: &str) -> (Pattern, Classes) {
        let mut classes = Classes::new();
        for name in ["cease", "contact", "me", "more"] {
            classes.bit(name).expect("room");
        }
        let items = Pattern::items(says, &classes, 3).expect("good");
        (Pattern::new(says, items), classes)
    }

    #[test]
    fn fits_whole_clauses_only() {
        let (pattern, classes) = pattern("cease contact+ me? more*");
        let fits =
            |names: &[&str]| pattern.fits(names.iter().map(|name| classes.known(name).unwrap_or(UNKNOWN)));
        assert!(fits(&["cease", "contact"]));
        assert!(fits(&["polite", "cease", "polite", "contact", "contact", "me", "more", "more", "polite"]));
        assert!(!fits(&["cease"]));
        assert!(!fits(&["cease", "contact", "me", "me"]));
        assert!(!fits(&["cease", "contact", "me", "stranger"]));
        assert!(!fits(&[]));
    }

    #[test]
    fn a_gist_is_found_amid_other_words() {
        let (_, classes) = pattern("cease");
        let items = Pattern::items("cease .. contact", &classes, 2).expect("good");
        let pattern = Pattern::floating("gist", items);
        let fits =
            |names: &[&str]| pattern.fits(names.iter().map(|name| classes.known(name).unwrap_or(UNKNOWN)));
        assert!(fits(&["x", "y", "cease", "x", "contact", "z", "me"]));
        assert!(fits(&["cease", "contact"]));
        assert!(!fits(&["cease", "x", "x", "x", "contact"]));
        assert!(!fits(&["contact", "cease"]));
    }

    #[test]
    fn bad_patterns_are_explained() {
        let classes = Classes::new();
        assert!(Pattern::items("polite?", &classes, 3).expect_err("open").contains("fit everything"));
        assert!(Pattern::items("polit", &classes, 3).expect_err("typo").contains("did you mean \"polite\""));
    }
}
