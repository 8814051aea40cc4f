//! `keywords.lua`: what a person's reply means (R16, R23).

mod compile;
mod fold;
mod grammar;
mod hints;
mod index;
mod language;
mod normalise;
mod own_text;
mod typos;
mod understand;
mod vocabulary;

pub(crate) use compile::compile;

use crate::confirmation::Confirmation;
use dndgate_adapter::{Channel, Channels, Spoken};
use index::Glance;
use language::Language;
use own_text::Added;
use typos::Typos;
use vocabulary::WordMap;

/// What a person said, and where.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The channel.
    pub channel: Channel,
    /// The words.
    pub spoken: &'a Spoken<'a>,
}

/// What a reply means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Meaning {
    /// The person wants no more.
    OptOut,
    /// The person wants to be reached again.
    OptIn,
    /// The person asks for help; changes nothing.
    Help,
    /// In doubt: for a person to decide; changes nothing by itself.
    Review,
    /// Ordinary talk.
    #[default]
    None,
}

impl Meaning {
    /// All meanings.
    pub const ALL: [Meaning; 5] =
        [Meaning::OptOut, Meaning::OptIn, Meaning::Help, Meaning::Review, Meaning::None];

    /// The name in policies and on the API.
    pub const fn name(self) -> &'static str {
        match self {
            Meaning::OptOut => "opt_out",
            Meaning::OptIn => "opt_in",
            Meaning::Help => "help",
            Meaning::Review => "review",
            Meaning::None => "none",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Meaning> {
        Meaning::ALL.into_iter().find(|meaning| meaning.name() == name)
    }
}

/// How a reply was understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Understood {
    /// What it means.
    pub meaning: Meaning,
    /// The rule that decided and the words it matched, for the ledger; empty for ordinary talk.
    pub rule: String,
    /// For an opt-out or opt-in: the channels it is said for. The one on which it was said, and those that
    /// the words or the policy's scope add.
    pub channels: Channels,
    /// It was said for every channel, those integrated later too.
    pub all_channels: bool,
}

/// `keywords.lua`, compiled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keywords {
    /// Folded words and phrases that mean something as a whole message.
    whole: WordMap<Word>,
    typos: Typos,
    languages: Vec<Language>,
    /// Which languages a message may be in.
    glance: Glance,
    /// Languages whose words are not separated.
    unspaced: u64,
    scope: Scope,
    on_doubt: Doubt,
    trust_provider: bool,
    added: Added,
    /// The text that confirms an opt-out.
    pub(crate) confirmation: Confirmation,
    /// The file has a function that has the last word.
    pub(crate) classifies: bool,
}

/// What a whole message means, and on which channels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Word {
    opt_out: Channels,
    opt_in: Channels,
    help: Channels,
    /// An opt-out from everything.
    everything: bool,
    /// The channels that its words name.
    named: Channels,
    /// The section it stands in.
    section: Box<str>,
}

impl Word {
    fn new(section: &str) -> Word {
        Word { section: section.into(), ..Word::default() }
    }
}

/// The channels that an opt-out covers besides the one on which it was said, by that channel.
#[derive(Debug, Clone, Copy, Default)]
struct Scope([Channels; 6]);

/// What to make of a message in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Doubt {
    /// A person decides.
    #[default]
    Review,
    /// It counts as an opt-out.
    Block,
    /// Nothing.
    Ignore,
}

impl Doubt {
    fn parse(name: &str) -> Option<Doubt> {
        match name {
            "review" => Some(Doubt::Review),
            "block" => Some(Doubt::Block),
            "none" => Some(Doubt::Ignore),
            _ => None,
        }
    }
}
