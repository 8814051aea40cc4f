//! What a replay found.

use super::judge::unquoted;
use dndgate_store::record::{About, Entry, Outcome, Who};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// What kind of thing was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Send,
    Message,
    Code,
    Unsubscribe,
}

impl Kind {
    pub(crate) fn of(about: &About<'_>) -> Kind {
        match about {
            About::Send(_) => Kind::Send,
            About::Message(_) => Kind::Message,
            About::Code(_) => Kind::Code,
            About::Unsubscribe(_) => Kind::Unsubscribe,
        }
    }

    /// The name on the API and in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Send => "send",
            Kind::Message => "message",
            Kind::Code => "code",
            Kind::Unsubscribe => "unsubscribe",
        }
    }
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// From when on entries were judged.
    pub since: Timestamp,
    /// The times of the first and the last entry that was judged.
    pub first: Option<Timestamp>,
    /// See [`Report::first`].
    pub last: Option<Timestamp>,
    /// Entries that were judged.
    pub judged: u64,
    /// Of these, how many the candidate judges otherwise than the policies in force.
    pub different: u64,
    /// Of these, how many the policies in force judge otherwise than those did that were in force then.
    pub otherwise_then: u64,
    /// Lines of the record that this version cannot read.
    pub unreadable: u64,
    /// Everything was judged; otherwise it took too long.
    pub complete: bool,
    /// By kind.
    pub counts: Counts,
    /// How often what became what, the most frequent first.
    pub changes: Vec<Change>,
    /// The newest differences, the oldest of them first.
    pub differences: VecDeque<Difference>,
}

/// Counts by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Sends to one recipient.
    pub sends: Count,
    /// Replies.
    pub messages: Count,
    /// Error codes and buttons.
    pub codes: Count,
    /// Unsubscribe events.
    pub unsubscribes: Count,
}

/// Counts of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// Judged.
    pub judged: u64,
    /// Judged otherwise by the candidate.
    pub different: u64,
    /// Sends that Do-Not-Disturb kept back: no rule is asked about these.
    #[serde(skip_serializing_if = "is_zero")]
    pub kept_back: u64,
    /// Sends that were recorded at a time when only those of a share of all people were: there were more.
    #[serde(skip_serializing_if = "is_zero")]
    pub thinned: u64,
    /// Replies whose words are not kept: these cannot be judged.
    #[serde(skip_serializing_if = "is_zero")]
    pub without_text: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How often what became what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `send`, `message`, `code` or `unsubscribe`.
    pub kind: &'static str,
    /// What the policies in force make of it.
    pub from: String,
    /// What the candidate makes of it.
    pub to: String,
    /// How often.
    pub count: u64,
}

/// One entry that the candidate judges otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// `send`, `message`, `code` or `unsubscribe`.
    pub kind: &'static str,
    /// When it was judged.
    pub at: Timestamp,
    /// The tenant.
    pub tenant: String,
    /// The provider.
    pub provider: String,
    /// The channel.
    pub channel: Option<&'static str>,
    /// The request's id of a send; the provider's id of an event.
    pub id: String,
    /// Who, told apart from others and not named.
    pub person: Who,
    /// The kind of a send, or the code.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// What the policies in force make of it …
    pub from: String,
    /// … and by which rule.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from_rule: String,
    /// What the candidate makes of it …
    pub to: String,
    /// … and by which rule.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to_rule: String,
    /// What was made of it then, where that was something else than `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// What the person wrote, where that is kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<String>,
}

impl Difference {
    pub(crate) fn of(entry: &Entry<'_>, from: Outcome<'static>, to: Outcome<'static>) -> Difference {
        let (subject, texts) = match &entry.about {
            About::Send(send) => (send.kind.clone().into_owned(), Vec::new()),
            About::Message(message) => {
                let texts = message.texts.iter().flatten().map(|text| text.to_string()).collect();
                (String::new(), texts)
            }
            About::Code(code) => (format!("{} {}", code.adapter, code.code), Vec::new()),
            About::Unsubscribe(_) => (String::new(), Vec::new()),
        };
        let was = (entry.was.what != from.what && !entry.was.what.is_empty())
            .then(|| entry.was.what.clone().into_owned());
        Difference {
            kind: Kind::of(&entry.about).name(),
            at: entry.at,
            tenant: entry.tenant.clone().into_owned(),
            provider: entry.provider.clone().into_owned(),
            channel: entry.about.channel().map(|channel| channel.name()),
            id: entry.id.clone().into_owned(),
            person: entry.who,
            subject,
            from: from.what.into_owned(),
            from_rule: from.rule.into_owned(),
            to: to.what.into_owned(),
            to_rule: to.rule.into_owned(),
            was,
            texts,
        }
    }

    /// Without what the person wrote.
    pub(crate) fn without_words(mut self) -> Difference {
        if !self.texts.is_empty() {
            self.from_rule = unquoted(&self.from_rule);
            self.to_rule = unquoted(&self.to_rule);
            self.texts.clear();
        }
        self
    }
}

impl Counts {
    fn all(&self) -> [Count; 4] {
        [self.sends, self.messages, self.codes, self.unsubscribes]
    }

    pub(crate) fn judged(&self) -> u64 {
        self.all().iter().map(|count| count.judged).sum()
    }

    pub(crate) fn different(&self) -> u64 {
        self.all().iter().map(|count| count.different).sum()
    }

    pub(crate) fn of(&mut self, kind: Kind) -> &mut Count {
        match kind {
            Kind::Send => &mut self.sends,
            Kind::Message => &mut self.messages,
            Kind::Code => &mut self.codes,
            Kind::Unsubscribe => &mut self.unsubscribes,
        }
    }
}

/// The most different changes that are told apart: policies can give any number of channels and reasons, but
/// hardly so many.
const CHANGES_MAX: usize = 1_000;

/// What has been judged so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) counts: Counts,
    changes: BTreeMap<(&'static str, String, String), u64>,
    /// The newest differences, the oldest of them first.
    pub(crate) newest: VecDeque<Difference>,
}

impl Tally {
    pub(crate) fn judged(&mut self, kind: Kind) {
        self.counts.of(kind).judged += 1;
    }

    /// Counts a difference and keeps so many of the newest.
    pub(crate) fn differs(&mut self, kind: Kind, difference: Difference, keep: usize) {
        self.counts.of(kind).different += 1;
        let change = (difference.kind, difference.from.clone(), difference.to.clone());
        let room = self.changes.len() < CHANGES_MAX;
        match self.changes.get_mut(&change) {
            Some(count) => *count += 1,
            None if room => drop(self.changes.insert(change, 1)),
            None => {}
        }
        if keep > 0 {
            while self.newest.len() >= keep {
                self.newest.pop_front();
            }
            self.newest.push_back(difference);
        }
    }

    /// How often what became what, the most frequent first.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let told = self.changes.iter().map(|((kind, from, to), count)| Change {
            kind,
            from: from.clone(),
            to: to.clone(),
            count: *count,
        });
        let mut told: Vec<Change> = told.collect();
        told.sort_by_key(|change| std::cmp::Reverse(change.count));
        told
    }
}
