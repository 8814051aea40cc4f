//! Collections of messages: the ones written for these tests, and ordinary talk where it is at hand.

use dndgate_adapter::{Channel, Spoken};
use dndgate_policy::{Meaning, Policies, Said, Understood};
use std::{borrow::Cow, fs, path::Path};

/// A reply with what it should be understood as.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) language: String,
    pub(crate) expected: String,
    pub(crate) kind: String,
    pub(crate) text: String,
}

/// The two halves of a collection: rules are made for one and measured on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Design,
    HeldOut,
}

/// The half of a text: a bit of its FNV-1a hash.
pub(crate) fn half(text: &str) -> Half {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    if hash >> 32 & 1 == 0 { Half::Design } else { Half::HeldOut }
}

/// The lines of a file under `tests/data`, without its comments, as fields.
pub(crate) fn lines(name: &str) -> Vec<Vec<String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let fields = |line: &str| line.split('\t').map(unescaped).collect();
    text.lines().filter(|line| !line.starts_with("# ")).map(fields).collect()
}

/// Real ordinary messages: `shared/data/ordinary-messages.tsv` in a folder above this one; `None` where the
/// collection is not at hand.
pub(crate) fn ordinary() -> Option<Vec<String>> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let text = above
        .map(|folder| folder.join("shared/data/ordinary-messages.tsv"))
        .find_map(|file| fs::read_to_string(file).ok())?;
    let lines = text.lines().filter(|line| !line.starts_with("# "));
    Some(lines.filter_map(|line| line.split('\t').next()).map(unescaped).collect())
}

/// What a message on SMS means.
pub(crate) fn understood(policies: &Policies, text: &str) -> Understood {
    let spoken = Spoken { texts: vec![Cow::Borrowed(text)], provider_meaning: None };
    policies.understand(&Said { channel: Channel::Sms, spoken: &spoken })
}

/// How many of a kind were read how.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) all: u32,
    pub(crate) opt_out: u32,
    pub(crate) review: u32,
    pub(crate) opt_in: u32,
}

impl Count {
    pub(crate) fn note(&mut self, meaning: Meaning) {
        self.all += 1;
        match meaning {
            Meaning::OptOut => self.opt_out += 1,
            Meaning::Review => self.review += 1,
            Meaning::OptIn => self.opt_in += 1,
            Meaning::Help | Meaning::None => {}
        }
    }

    /// Acted on, of a hundred.
    pub(crate) fn acted(&self) -> f64 {
        f64::from(self.opt_out) * 100.0 / f64::from(self.all.max(1))
    }

    /// Acted on or put to a person, of a hundred.
    pub(crate) fn seen(&self) -> f64 {
        f64::from(self.opt_out + self.review) * 100.0 / f64::from(self.all.max(1))
    }
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let code: String = chars.by_ref().take(4).collect();
                out.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}
