//! One language: its classes of words and its patterns.

use super::{
    grammar::{GUARD, JOIN, Mask, POLITE, Pattern, UNKNOWN},
    hints::Hints,
    normalise::{Break, Words},
    vocabulary::{Vocabulary, first_char},
};
use std::ops::Range;

/// Longer messages are not parsed as requests; their sentences may still hold hints.
const WORDS_MAX: usize = 120;
/// The words that may stand, not understood, beside a clear request.
const WORDS_BESIDE_MAX: usize = 60;

/// Longer clauses are not tried as two.
const HALVED_WORDS_MAX: usize = 16;

/// A language, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Language {
    /// Its tag, such as `en`.
    pub(crate) tag: String,
    /// Writing systems without spaces in which it is written; 0 when its words are separated.
    pub(crate) scripts: u8,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) requests: Vec<Pattern>,
    /// Sentences that say nothing against a request beside them and are in doubt alone.
    pub(crate) doubts: Vec<Pattern>,
    /// Sentences that say nothing against a request beside them, and nothing alone.
    pub(crate) asides: Vec<Pattern>,
    pub(crate) hints: Hints,
    /// For each pattern the required classes that the fewest words belong to, together: a text without
    /// one of them fits nothing.
    pub(crate) telling: Mask,
}

/// What a language makes of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Finding<'a> {
    /// A request; the masks of its words together.
    Request(&'a Pattern, Mask),
    /// In doubt, and why.
    Doubt(&'a str),
}

/// A word or phrase of the vocabulary, or a word that it lacks.
#[derive(Debug, Clone, Copy)]
struct Segment {
    mask: Mask,
    after: Break,
}

/// What a clause is.
#[derive(Debug, Clone, Copy)]
enum Kind<'a> {
    Request(&'a Pattern),
    Doubt(&'a Pattern),
    Aside,
    Other,
}

/// What the clauses of a message are, together.
#[derive(Debug, Default)]
struct Tally<'a> {
    request: Option<&'a Pattern>,
    clear: bool,
    /// A request was put as a question that is none of those usually put so.
    questioned: bool,
    /// All requests are of the kind that counts alone only.
    alone: bool,
    doubt: Option<&'a Pattern>,
    words_beside: usize,
}

impl<'a> Tally<'a> {
    fn note(&mut self, kind: Kind<'a>, segments: &[Segment]) {
        match kind {
            Kind::Other => self.words_beside += segments.len(),
            Kind::Aside => {}
            Kind::Doubt(pattern) => self.doubt = self.doubt.or(Some(pattern)),
            Kind::Request(pattern) => {
                let asked = segments.iter().any(|segment| segment.after == Break::Question);
                self.questioned |= asked && !pattern.asked;
                self.alone = pattern.alone && (self.request.is_none() || self.alone);
                self.request = self.request.filter(|known| known.clear).or(Some(pattern));
                self.clear |= pattern.clear;
            }
        }
    }
}

impl Language {
    /// Finds the telling classes. Called once, when all is there.
    pub(crate) fn index(&mut self) {
        let size = |mask: Mask| self.vocabulary.phrases().filter(|(_, class)| class & mask != 0).count();
        let patterns = self.requests.iter().chain(&self.doubts).chain(&self.asides);
        self.telling = patterns.filter_map(|pattern| pattern.telling(size)).fold(0, |all, mask| all | mask);
    }

    /// Judges a message.
    pub(crate) fn judge(&self, words: &Words) -> Option<Finding<'_>> {
        self.parsed(words).or_else(|| self.hints.find(words, self.scripts != 0).map(Finding::Doubt))
    }

    fn parsed(&self, words: &Words) -> Option<Finding<'_>> {
        if words.words.len() > WORDS_MAX {
            return None;
        }
        let segments = if self.scripts == 0 { self.segments(words) } else { self.segments_unspaced(words) };
        let all = segments.iter().fold(0, |all, segment| all | segment.mask);
        if !self.may_fit(all) {
            return None;
        }
        let mut tally = Tally::default();
        self.clauses(&segments, Level::Whole, &mut tally);
        if let Some(request) = tally.request {
            if tally.alone && tally.words_beside > 0 {
                return None;
            }
            if tally.questioned {
                return Some(Finding::Doubt("a request put as a question"));
            }
            if tally.words_beside == 0 {
                return Some(Finding::Request(request, all & !UNKNOWN));
            }
            if all & GUARD != 0 {
                return Some(Finding::Doubt("a request with a condition"));
            }
            if tally.clear && tally.words_beside <= WORDS_BESIDE_MAX {
                return Some(Finding::Request(request, all & !UNKNOWN));
            }
            return Some(Finding::Doubt("a request beside other words"));
        }
        if let Some(doubt) = tally.doubt
            && tally.words_beside == 0
        {
            return Some(Finding::Doubt(&doubt.name));
        }
        None
    }

    fn clauses<'a>(&'a self, segments: &[Segment], level: Level, tally: &mut Tally<'a>) {
        let joins = segments.iter().take_while(|segment| segment.mask & JOIN != 0).count();
        let segments = &segments[joins..];
        let kind = self.kind(segments);
        let hopeless = segments.iter().all(|segment| segment.mask & self.telling == 0);
        let next = level.next().filter(|_| !hopeless);
        match (kind, next) {
            (Kind::Other, Some(next)) => {
                for range in next.split(segments) {
                    self.clauses(&segments[range], next, tally);
                }
            }
            (Kind::Other, None) if hopeless => tally.note(kind, segments),
            (Kind::Other, None) => match self.halves(segments) {
                Some((first, second, at)) => {
                    tally.note(first, &segments[..at]);
                    tally.note(second, &segments[at..]);
                }
                None => tally.note(Kind::Other, segments),
            },
            (kind, _) => tally.note(kind, segments),
        }
    }

    /// Two clauses without anything between them: "wrong number please stop texting".
    fn halves(&self, segments: &[Segment]) -> Option<(Kind<'_>, Kind<'_>, usize)> {
        if segments.len() > HALVED_WORDS_MAX {
            return None;
        }
        (1..segments.len()).find_map(|at| {
            let (first, second) = (self.kind(&segments[..at]), self.kind(&segments[at..]));
            let understood = |kind: Kind<'_>| !matches!(kind, Kind::Other);
            let says = |kind: Kind<'_>| !matches!(kind, Kind::Aside);
            (understood(first) && understood(second) && (says(first) || says(second)))
                .then_some((first, second, at))
        })
    }

    /// Could a request or a doubt be made of words with these classes?
    pub(crate) fn may_fit(&self, present: Mask) -> bool {
        self.requests.iter().chain(&self.doubts).any(|pattern| pattern.possible(present))
    }

    fn kind(&self, segments: &[Segment]) -> Kind<'_> {
        let present = segments.iter().fold(0, |all, segment| all | segment.mask);
        if segments.iter().all(|segment| segment.mask & POLITE != 0) {
            return Kind::Aside;
        }
        if present & self.telling == 0 {
            return Kind::Other;
        }
        let words = || segments.iter().map(|segment| segment.mask);
        let fits = |pattern: &&Pattern| {
            pattern.possible(present) && pattern.allows(present, words()) && pattern.fits(words())
        };
        if let Some(pattern) = self.requests.iter().find(fits) {
            return Kind::Request(pattern);
        }
        if self.asides.iter().any(|pattern| fits(&pattern)) {
            return Kind::Aside;
        }
        self.doubts.iter().find(fits).map_or(Kind::Other, Kind::Doubt)
    }

    /// Words and phrases, the longest first.
    fn segments(&self, words: &Words) -> Vec<Segment> {
        let count = words.words.len();
        let mut segments = Vec::with_capacity(count);
        let mut from = 0;
        while from < count {
            let known = self.vocabulary.lengths(words.word(from)).find_map(|length| {
                let to = from + length;
                // A phrase does not go on behind the end of a sentence.
                let whole =
                    to <= count && words.words[from..to - 1].iter().all(|word| word.after < Break::Sentence);
                let mask = whole.then(|| self.vocabulary.get(words.span(from, to))).flatten()?;
                Some((mask, to))
            });
            let (mask, to) = known.unwrap_or((UNKNOWN, from + 1));
            segments.push(Segment { mask, after: words.words[to - 1].after });
            from = to;
        }
        segments
    }

    /// The same where words are not separated: spaces are as good as nothing.
    fn segments_unspaced(&self, words: &Words) -> Vec<Segment> {
        let mut text = String::with_capacity(words.text.len());
        let mut breaks = Vec::with_capacity(words.words.len());
        for (index, word) in words.words.iter().enumerate() {
            text.push_str(words.word(index));
            breaks.push((text.len(), word.after));
        }
        let mut segments = Vec::new();
        let mut from = 0;
        let mut word = 0;
        while from < text.len() {
            while breaks[word].0 <= from {
                word += 1;
            }
            let sentence_end = breaks[word..].iter().find(|(_, after)| *after >= Break::Sentence);
            let rest = &text[from..sentence_end.map_or(text.len(), |(end, _)| *end)];
            let known = self.vocabulary.lengths(first_char(rest)).find_map(|length| {
                let end = rest.char_indices().nth(length).map_or(rest.len(), |(at, _)| at);
                self.vocabulary.get(&rest[..end]).map(|mask| (mask, end))
            });
            // An unknown word in Latin letters is one word, not one for each letter.
            let (mask, length) = known.unwrap_or_else(|| {
                let plain =
                    rest.bytes().take_while(u8::is_ascii_alphanumeric).count().min(breaks[word].0 - from);
                (UNKNOWN, plain.max(first_char(rest).len()))
            });
            from += length;
            let passed = breaks[word..].iter().take_while(|(end, _)| *end <= from);
            segments.push(Segment { mask, after: passed.map(|(_, after)| *after).max().unwrap_or_default() });
        }
        segments
    }
}

/// How finely a message is taken apart until its parts are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Whole,
    Sentences,
    Clauses,
    Joins,
}

impl Level {
    fn next(self) -> Option<Level> {
        match self {
            Level::Whole => Some(Level::Sentences),
            Level::Sentences => Some(Level::Clauses),
            Level::Clauses => Some(Level::Joins),
            Level::Joins => None,
        }
    }

    fn split(self, segments: &[Segment]) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let mut from = 0;
        for (index, segment) in segments.iter().enumerate() {
            let ends = match self {
                Level::Whole => false,
                Level::Sentences => segment.after >= Break::Sentence,
                Level::Clauses => segment.after >= Break::Clause,
                Level::Joins => segments.get(index + 1).is_some_and(|next| next.mask & JOIN != 0),
            };
            if ends && index + 1 < segments.len() {
                parts.push(from..index + 1);
                from = index + 1;
            }
        }
        parts.push(from..segments.len());
        parts
    }
}
