//! One language: its classes of words and its patterns.

use super::{
    grammar::{CLAUSE_END, GUARD, GUESSED, JOIN, KEYWORD, Mask, NAMED, POLITE, Pattern, UNKNOWN},
    hints::Hints,
    normalise::{Break, Words},
    vocabulary::{Vocabulary, first_char},
};
use std::{collections::HashSet, ops::Range};

/// Longer messages are not parsed as requests; their sentences may still hold hints.
const WORDS_MAX: usize = 120;
/// The words that may stand, not understood, beside a clear request.
const WORDS_BESIDE_MAX: usize = 60;

/// In longer messages nobody looks for slips.
const MISSPELT_WORDS_MAX: usize = 10;
/// Longer clauses are not tried as two.
const HALVED_WORDS_MAX: usize = 16;
/// So many words may stand, not understood, beside a gist that goes across sentences.
const STRANGE_WORDS_ACROSS_MAX: usize = 12;
/// Longer sentences may have one more for so many of their words.
const SEGMENTS_PER_STRANGE_WORD: usize = 5;
/// Of so many characters is a word where words are not separated.
const WORD_CHARS: usize = 3;
/// In longer sentences a gist is chance.
const GIST_WORDS_MAX: usize = 40;
/// Shorter words are a slip away from many others: with one of them a request is a guess.
const SURE_BYTES_MIN: usize = 8;
/// Requests of so many words may have a guess among them.
const GUESSED_WORDS_MIN: usize = 3;

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
    /// Cores of requests, found amid other words.
    pub(crate) gists: Vec<Pattern>,
    /// Cores of sentences that are no request, though a gist is in them.
    pub(crate) harmless: Vec<Pattern>,
    /// Words that may stand within any phrase and change nothing.
    pub(crate) fillers: HashSet<Box<str>>,
    /// A gist counts beside so many words that are not understood.
    pub(crate) strange_words: usize,
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
    /// The core of a request amid other words.
    Gist(&'a Pattern, Mask),
    /// The core of a request, in a sentence that is none.
    Harmless,
    /// In doubt, and why.
    Doubt(&'a str),
}

/// A word or phrase of the vocabulary, or a word that it lacks.
#[derive(Debug, Clone, Copy)]
struct Segment {
    mask: Mask,
    after: Break,
}

/// Which phrases are taken for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phrases {
    All,
    /// Not those that are nothing but an opt-out as a whole message: beside other words, their own words say
    /// more ("keine Nachrichten" in "schicken Sie mir keine Nachrichten mehr").
    WithoutKeywords,
}

/// How words that are not in the vocabulary are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    AsItIs,
    /// They may be a slip away from one that is.
    Misspelt,
}

impl Segment {
    /// Is it an opt-out as a whole message, and nothing else?
    fn is_keyword(&self) -> bool {
        self.mask & KEYWORD != 0 && self.mask & !(KEYWORD | NAMED) == 0
    }
}

/// What a clause is.
#[derive(Debug, Clone, Copy)]
enum Kind<'a> {
    Request(&'a Pattern),
    Doubt(&'a Pattern),
    Aside,
    /// The words of a request in a sentence that is none.
    Harmless,
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
    /// A request of few words has a misspelt one among them.
    guessed: bool,
    doubt: Option<&'a Pattern>,
    words_beside: usize,
}

impl<'a> Tally<'a> {
    fn note(&mut self, kind: Kind<'a>, segments: &[Segment]) {
        match kind {
            Kind::Other | Kind::Harmless => self.words_beside += segments.len(),
            Kind::Aside => {}
            Kind::Doubt(pattern) => self.doubt = self.doubt.or(Some(pattern)),
            Kind::Request(pattern) => {
                let asked = segments.iter().any(|segment| segment.after == Break::Question);
                self.questioned |= asked && !pattern.asked;
                self.guessed |= is_guess(segments);
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
        let phrases = || self.vocabulary.phrases().chain(self.vocabulary.stems());
        // Short words are the frequent ones.
        let weight = |phrase: &str| 1000 / phrase.len().pow(2).max(1) + 1;
        let size = |mask: Mask| {
            phrases().filter(|(_, class)| class & mask != 0).map(|(phrase, _)| weight(phrase)).sum()
        };
        let patterns = self.requests.iter().chain(&self.doubts).chain(&self.asides).chain(&self.gists);
        self.telling = patterns.filter_map(|pattern| pattern.telling(size)).fold(0, |all, mask| all | mask);
    }

    /// Judges a message.
    pub(crate) fn judge(&self, words: &Words) -> Option<Finding<'_>> {
        let rest = words.without(|word| self.fillers.contains(word)).filter(|rest| !rest.words.is_empty());
        let parts = rest.as_ref().unwrap_or(words);
        let mut found = self.parsed(parts, Spelling::AsItIs);
        if matches!(found, None | Some(Finding::Doubt(_)))
            && words.words.len() <= MISSPELT_WORDS_MAX
            && self.scripts == 0
        {
            found = self.parsed(parts, Spelling::Misspelt).or(found);
        }
        if matches!(found, None | Some(Finding::Harmless))
            && let Some(why) = self.hints.find(words, self.scripts != 0)
        {
            return Some(Finding::Doubt(why));
        }
        found
    }

    /// The core of a request amid words that are not understood. In one sentence it may count, across
    /// sentences it is for a person.
    fn gist(&self, words: &Words, segments: &[Segment], spelling: Spelling) -> Option<Finding<'_>> {
        let again = segments
            .iter()
            .any(Segment::is_keyword)
            .then(|| self.segments(words, Phrases::WithoutKeywords, spelling));
        let segments = again.as_deref().unwrap_or(segments);
        let all = segments.iter().fold(0, |all, segment| all | segment.mask);
        let mut doubt = None;
        let mut harmless = false;
        for range in Level::Sentences.split(segments) {
            let sentence = &segments[range];
            let (sure, gist) = self.gist_in(sentence, &mut harmless, |gist| {
                gist.clear && all & GUARD == 0 && self.is_sure(gist, sentence)
            });
            if let Some(gist) = sure {
                return Some(Finding::Gist(gist, all & !UNKNOWN));
            }
            doubt = doubt.or(gist);
        }
        // Whoever says in one sentence what changes nothing does not mean the opposite by two together.
        if !harmless {
            let (sure, gist) = self.gist_in(segments, &mut harmless, |gist| {
                gist.across && gist.clear && all & GUARD == 0 && self.is_sure(gist, segments)
            });
            if let Some(gist) = sure {
                return Some(Finding::Gist(gist, all & !UNKNOWN));
            }
            doubt = doubt.or(gist);
        }
        doubt.map(|gist| Finding::Doubt(&gist.name)).or(harmless.then_some(Finding::Harmless))
    }

    /// Does a gist count in these words?
    fn is_sure(&self, gist: &Pattern, segments: &[Segment]) -> bool {
        let strange_max = if gist.across {
            STRANGE_WORDS_ACROSS_MAX
        } else {
            let spaced = if self.scripts == 0 { segments.len() } else { 0 };
            self.strange_words + spaced / SEGMENTS_PER_STRANGE_WORD
        };
        let asked = segments.iter().any(|segment| segment.after == Break::Question);
        self.strange(segments) <= strange_max && (gist.asked || !asked) && !is_guess(segments)
    }

    /// The number of words that are not understood; where words are not separated, by their usual length.
    fn strange(&self, segments: &[Segment]) -> usize {
        let mut runs = segments.chunk_by(|a, b| (a.mask ^ b.mask) & UNKNOWN == 0);
        let of = |run: &[Segment]| if self.scripts == 0 { run.len() } else { run.len().div_ceil(WORD_CHARS) };
        runs.by_ref().filter(|run| run[0].mask & UNKNOWN != 0).map(of).sum()
    }

    /// The first gist of these words that counts, and the first that is there at all.
    fn gist_in(
        &self,
        segments: &[Segment],
        harmless: &mut bool,
        counts: impl Fn(&Pattern) -> bool,
    ) -> (Option<&Pattern>, Option<&Pattern>) {
        if segments.len() > GIST_WORDS_MAX {
            return (None, None);
        }
        let present = segments.iter().fold(0, |all, segment| all | segment.mask);
        // Where a clause ends stands something that only a gap goes over.
        let last = segments.len().saturating_sub(1);
        let masks = || {
            let words = segments.iter().enumerate().flat_map(move |(index, segment)| {
                let end = (segment.after != Break::None || index == last).then_some(CLAUSE_END);
                std::iter::once(segment.mask).chain(end)
            });
            std::iter::once(CLAUSE_END).chain(words)
        };
        let fits = |pattern: &&Pattern| pattern.possible(present) && pattern.fits(masks());
        let mut gists = self.gists.iter().filter(fits).peekable();
        let Some(first) = gists.peek().copied() else { return (None, None) };
        if self.harmless.iter().any(|pattern| fits(&pattern)) {
            *harmless = true;
            return (None, None);
        }
        (gists.find(|gist| counts(gist)), Some(first))
    }

    fn parsed(&self, words: &Words, spelling: Spelling) -> Option<Finding<'_>> {
        if words.words.len() > WORDS_MAX {
            return None;
        }
        let segments = self.segments(words, Phrases::All, spelling);
        let all = segments.iter().fold(0, |all, segment| all | segment.mask);
        if all & self.telling == 0 || !self.may_fit(all) {
            return None;
        }
        let mut tally = Tally::default();
        self.clauses(&segments, Level::Whole, &mut tally);
        if let Some(request) = tally.request {
            if tally.alone && tally.words_beside > 0 {
                return self.gist(words, &segments, spelling);
            }
            if tally.questioned {
                return Some(Finding::Doubt("a request put as a question"));
            }
            if tally.guessed {
                return Some(Finding::Doubt("a request, misspelt"));
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
            let gist = self.gist(words, &segments, spelling).filter(|gist| matches!(gist, Finding::Gist(..)));
            return gist.or(Some(Finding::Doubt("a request beside other words")));
        }
        let gist = self.gist(words, &segments, spelling);
        if let Some(doubt) = tally.doubt
            && tally.words_beside == 0
            && !matches!(gist, Some(Finding::Gist(..)))
        {
            return Some(Finding::Doubt(&doubt.name));
        }
        gist
    }

    fn clauses<'a>(&'a self, segments: &[Segment], level: Level, tally: &mut Tally<'a>) {
        let joins = segments.iter().take_while(|segment| segment.mask & JOIN != 0).count();
        let segments = &segments[joins..];
        let kind = self.kind(segments);
        let hopeless = segments.iter().all(|segment| segment.mask & self.telling == 0);
        let next = level.next().filter(|_| !hopeless);
        match (kind, next) {
            (Kind::Harmless, _) if level >= Level::Clauses => tally.note(kind, segments),
            (Kind::Other | Kind::Harmless, Some(next)) => {
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
            let understood = |kind: Kind<'_>| !matches!(kind, Kind::Other | Kind::Harmless);
            let says = |kind: Kind<'_>| !matches!(kind, Kind::Aside);
            (understood(first) && understood(second) && (says(first) || says(second)))
                .then_some((first, second, at))
        })
    }

    /// Could a request or a doubt be made of words with these classes?
    pub(crate) fn may_fit(&self, present: Mask) -> bool {
        let mut patterns = self.requests.iter().chain(&self.doubts).chain(&self.gists);
        patterns.any(|pattern| pattern.possible(present))
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
        // What counts beside other words, too, says more.
        let request = self.requests.iter().filter(|pattern| !pattern.alone).find(fits);
        if let Some(pattern) = request.or_else(|| self.requests.iter().find(fits)) {
            let harmless = |pattern: &Pattern| pattern.possible(present) && pattern.fits(words());
            if self.harmless.iter().any(harmless) {
                return Kind::Harmless;
            }
            return Kind::Request(pattern);
        }
        if self.asides.iter().any(|pattern| fits(&pattern)) {
            return Kind::Aside;
        }
        self.doubts.iter().find(fits).map_or(Kind::Other, Kind::Doubt)
    }

    fn segments(&self, words: &Words, phrases: Phrases, spelling: Spelling) -> Vec<Segment> {
        if self.scripts == 0 {
            self.segments_spaced(words, phrases, spelling)
        } else {
            self.segments_unspaced(words, phrases)
        }
    }

    /// Words and phrases, the longest first.
    fn segments_spaced(&self, words: &Words, phrases: Phrases, spelling: Spelling) -> Vec<Segment> {
        let count = words.words.len();
        let mut segments = Vec::with_capacity(count);
        let mut from = 0;
        while from < count {
            let mut keyword = None;
            let known = self.vocabulary.lengths(words.word(from)).find_map(|length| {
                let to = from + length;
                // A phrase does not go on behind the end of a sentence.
                let whole =
                    to <= count && words.words[from..to - 1].iter().all(|word| word.after < Break::Sentence);
                let mask = whole.then(|| self.vocabulary.get(words.span(from, to))).flatten()?;
                if phrases == Phrases::WithoutKeywords && length > 1 && mask & !(KEYWORD | NAMED) == 0 {
                    keyword = keyword.or(Some((mask, to)));
                    return None;
                }
                let stem = if length == 1 { self.vocabulary.stem(words.word(from)).unwrap_or(0) } else { 0 };
                Some((mask | stem, to))
            });
            let known = known.or(keyword);
            if known.is_none()
                && spelling == Spelling::Misspelt
                && let Some((first, second)) = self.vocabulary.run_together(words.word(from))
            {
                segments.push(Segment { mask: first, after: Break::None });
                segments.push(Segment { mask: second, after: words.words[from].after });
                from += 1;
                continue;
            }
            let (mask, to) = known.unwrap_or_else(|| (self.loosely(words.word(from), spelling), from + 1));
            segments.push(Segment { mask, after: words.words[to - 1].after });
            from = to;
        }
        segments
    }

    /// The classes of a word that the vocabulary has only the beginning of, or with a slip.
    fn loosely(&self, word: &str, spelling: Spelling) -> Mask {
        if let Some(mask) = self.vocabulary.stem(word) {
            return mask;
        }
        if spelling == Spelling::AsItIs {
            return UNKNOWN;
        }
        let guessed = if word.len() < SURE_BYTES_MIN { GUESSED } else { 0 };
        self.vocabulary.near(word).map_or(UNKNOWN, |mask| mask | guessed)
    }

    /// The same where words are not separated: spaces are as good as nothing.
    fn segments_unspaced(&self, words: &Words, phrases: Phrases) -> Vec<Segment> {
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
            let mut keyword = None;
            let known = self.vocabulary.lengths(first_char(rest)).find_map(|length| {
                let end = rest.char_indices().nth(length).map_or(rest.len(), |(at, _)| at);
                let mask = self.vocabulary.get(&rest[..end])?;
                if phrases == Phrases::WithoutKeywords && mask & !(KEYWORD | NAMED) == 0 {
                    keyword = keyword.or(Some((mask, end)));
                    return None;
                }
                Some((mask, end))
            });
            let known = known.or(keyword);
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

/// Is it a request of few words, one of them perhaps meant?
fn is_guess(segments: &[Segment]) -> bool {
    segments.iter().any(|segment| segment.mask & GUESSED != 0 && segment.mask & POLITE == 0)
        && segments.iter().filter(|segment| segment.mask & POLITE == 0).count() < GUESSED_WORDS_MIN
}

/// How finely a message is taken apart until its parts are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
