//! From a message to its meaning: the four steps in order.

use super::{
    Doubt, Keywords, Meaning, Said, Understood, Word,
    grammar::{EVERYTHING, Mask, POLITE},
    index::named,
    language::Finding,
    normalise::{Script, Words, as_latin, collapsed, signs, undisguised},
};
use crate::sandbox::shortened;
use dndgate_adapter::{Channel, Channels};

/// Only messages up to this length are tried as a keyword in disguise.
const DISGUISE_BYTES_MAX: usize = 48;
/// Words beyond this do not make one keyword with gaps ("un sub scribe").
const JOINED_WORDS_MAX: usize = 3;
/// In shorter words a doubled letter makes another word.
const DOUBLED_CHARS_MIN: usize = 4;
/// As much of a message stands in the record.
const SHOWN_CHARS_MAX: usize = 80;

impl Keywords {
    /// What a reply means by these words and patterns alone, without the file's function.
    pub(crate) fn understand(&self, said: &Said<'_>) -> Understood {
        let mut best = Understood::default();
        for text in &said.spoken.texts {
            let found = self.text(said.channel, text);
            if rank(found.meaning) > rank(best.meaning) {
                best = found;
            }
        }
        if self.trust_provider
            && let Some(meaning) = said.spoken.provider_meaning.and_then(Meaning::parse)
        {
            best = self.by_provider(said, meaning, best);
        }
        if best.meaning == Meaning::Review {
            match self.on_doubt {
                Doubt::Review => {}
                Doubt::Block => {
                    best =
                        Understood { meaning: Meaning::OptOut, ..self.opt_out(said.channel, best.rule, 0) };
                }
                Doubt::Ignore => best = Understood::default(),
            }
        }
        best
    }

    /// The provider's own reading counts for an opt-out and for help. It counts for an opt-in only where
    /// there are no words (an event), since providers take YES for one.
    fn by_provider(&self, said: &Said<'_>, meaning: Meaning, ours: Understood) -> Understood {
        let rule = || format!("the provider says {}", meaning.name());
        match meaning {
            Meaning::OptOut if ours.meaning != Meaning::OptOut => self.opt_out(said.channel, rule(), 0),
            Meaning::OptIn if said.spoken.texts.iter().all(|text| text.trim().is_empty()) => {
                Understood { meaning, rule: rule(), channels: said.channel.into(), all_channels: false }
            }
            Meaning::OptIn if matches!(ours.meaning, Meaning::None) => {
                let rule = format!("{}, but the words are not ours for it", rule());
                Understood { meaning: Meaning::Review, rule, ..Understood::default() }
            }
            Meaning::Help if matches!(ours.meaning, Meaning::None | Meaning::Review) => {
                Understood { meaning, rule: rule(), ..Understood::default() }
            }
            _ => ours,
        }
    }

    fn text(&self, channel: Channel, text: &str) -> Understood {
        let mut room = String::new();
        let own = self.added.strip(text, &mut room);
        if own.is_empty() {
            return Understood::default();
        }
        let words = Words::of(own);
        if words.words.is_empty() {
            let words = Words { text: signs(own), ..words };
            let word = self.whole.get(words.text.as_str());
            return word.and_then(|word| self.whole_message(channel, word, &words)).unwrap_or_default();
        }
        if let Some(word) = self.whole.get(words.text.as_str())
            && let Some(found) = self.whole_message(channel, word, &words)
        {
            return found;
        }
        if own.len() <= DISGUISE_BYTES_MAX
            && let Some(word) = self.amid_courtesies(channel, &words)
        {
            return self.whole_message(channel, word, &words).unwrap_or_default();
        }
        if own.len() <= DISGUISE_BYTES_MAX
            && let Some(found) = self.disguised(channel, own, &words)
        {
            return found;
        }
        self.request(channel, &words).unwrap_or_default()
    }

    /// An opt-out word or phrase with nothing beside it but words of courtesy.
    fn amid_courtesies(&self, channel: Channel, words: &Words) -> Option<&Word> {
        let polite = |index: &usize| {
            self.glance.words.get(words.word(*index)).is_some_and(|known| known.shared & POLITE != 0)
        };
        let count = words.words.len();
        let from = (0..count).take_while(polite).count();
        let to = count - (from..count).rev().take_while(polite).count();
        let word = (to - from < count).then(|| self.whole.get(words.span(from, to))).flatten();
        word.filter(|word| word.opt_out.has(channel))
    }

    fn whole_message(&self, channel: Channel, word: &Word, words: &Words) -> Option<Understood> {
        let rule = format!("keyword \"{}\" ({})", words.text, word.section);
        if word.opt_out.has(channel) {
            if words.is_question() {
                return Some(in_doubt(format!("{rule} put as a question")));
            }
            return Some(self.opt_out(channel, rule, word.mask()));
        }
        if word.help.has(channel) {
            return Some(Understood { meaning: Meaning::Help, rule, ..Understood::default() });
        }
        if word.opt_in.has(channel) {
            if words.is_question() {
                return Some(in_doubt(format!("{rule} put as a question")));
            }
            return Some(Understood {
                meaning: Meaning::OptIn,
                rule,
                channels: channel.into(),
                all_channels: false,
            });
        }
        None
    }

    /// Step 2 beyond the plain word: spelled out, with digits for letters, in foreign letters, misspelt,
    /// repeated. Opt-out words only: an opt-in is never guessed.
    fn disguised(&self, channel: Channel, own: &str, words: &Words) -> Option<Understood> {
        let is_short = words.words.len() <= JOINED_WORDS_MAX || words.is_spelled();
        let joined = is_short.then(|| words.joined());
        let plain = undisguised(&own.to_lowercase()).map(|plain| Words::of(&plain).joined());
        let latin = as_latin(&words.text);
        let candidates = [joined.as_deref(), plain.as_deref(), latin.as_deref()];
        let exact = candidates
            .into_iter()
            .flatten()
            .find_map(|text| self.opt_out_word(channel, text).map(|word| (text, word)));
        let (meant, word) = exact.or_else(|| self.repeated(channel, words)).or_else(|| {
            // Several words may be one with gaps ("opt outtt"), but hardly one with gaps and misspelt.
            let one = words.words.len() == 1
                || words.is_spelled()
                || (words.words.len() == 2 && words.text.len() < 12);
            let meant =
                candidates.into_iter().flatten().filter(|_| one).find_map(|text| self.typos.meant(text))?;
            self.opt_out_word(channel, meant).map(|word| (meant, word))
        })?;
        let rule = format!("keyword \"{meant}\" ({}) in \"{}\"", word.section, shown(&words.text));
        if words.is_question() {
            return Some(in_doubt(format!("{rule} put as a question")));
        }
        Some(self.opt_out(channel, rule, word.mask()))
    }

    /// STOP STOP STOP, stopstop, stoppp stop.
    fn repeated<'a>(&'a self, channel: Channel, words: &'a Words) -> Option<(&'a str, &'a Word)> {
        let first = words.word(0);
        let single = collapsed(first);
        let word = self
            .opt_out_word(channel, first)
            .map(|word| (first, word))
            .or_else(|| {
                let known =
                    self.whole.get_key_value(single.as_str()).filter(|_| single.len() >= DOUBLED_CHARS_MIN);
                known.map(|(text, word)| (&**text, word))
            })
            .or_else(|| {
                // One word that is a keyword written several times.
                (2..=4).find_map(|times| {
                    let part = first.get(..first.len() / times).filter(|part| part.len() > 2)?;
                    (part.repeat(times) == first)
                        .then(|| self.opt_out_word(channel, part).map(|word| (part, word)))?
                })
            })
            .filter(|(_, word)| word.opt_out.has(channel))?;
        let same = |index: usize| words.word(index) == first || collapsed(words.word(index)) == single;
        (1..words.words.len()).all(same).then_some(word)
    }

    fn opt_out_word(&self, channel: Channel, text: &str) -> Option<&Word> {
        self.whole.get(text).filter(|word| word.opt_out.has(channel))
    }

    /// Steps 3 and 4, in every language of which the message has a telling word.
    fn request(&self, channel: Channel, words: &Words) -> Option<Understood> {
        let mut candidates = self.candidates(words);
        let mut doubt = None;
        let mut gist = None;
        let mut harmless = false;
        while candidates != 0 {
            let language = &self.languages[candidates.trailing_zeros() as usize];
            candidates &= candidates - 1;
            // Chinese has no kana: where they stand, the Chinese characters are Japanese.
            let foreign = language.scripts == Script::Han as u8 && words.scripts & Script::Kana as u8 != 0;
            if language.scripts != 0 && (language.scripts & words.scripts == 0 || foreign) {
                continue;
            }
            match language.judge(words) {
                Some(Finding::Request(pattern, mask)) => {
                    let rule = format!("{}: {} in \"{}\"", language.tag, pattern.name, shown(&words.text));
                    return Some(self.opt_out(channel, rule, mask));
                }
                Some(Finding::Gist(pattern, mask)) if gist.is_none() => {
                    gist = Some((language, pattern, mask))
                }
                Some(Finding::Harmless) => harmless = true,
                Some(Finding::Doubt(why)) if doubt.is_none() => {
                    doubt = Some(in_doubt(format!("{}: {why} in \"{}\"", language.tag, shown(&words.text))));
                }
                _ => {}
            }
        }
        if let Some((language, pattern, mask)) = gist {
            let rule = format!("{}: {} in \"{}\"", language.tag, pattern.name, shown(&words.text));
            // Languages have words in common: what is no request in one of them is none for sure.
            return Some(if harmless { in_doubt(rule) } else { self.opt_out(channel, rule, mask) });
        }
        doubt
    }

    fn opt_out(&self, channel: Channel, rule: String, mask: Mask) -> Understood {
        let named = named(mask);
        let scope = self.scope.0[channel as usize];
        let all_channels = mask & EVERYTHING != 0 || scope == Channels::ALL;
        let channels = if all_channels { Channels::ALL } else { scope.with(named).with(channel.into()) };
        Understood { meaning: Meaning::OptOut, rule, channels, all_channels }
    }
}

fn in_doubt(rule: String) -> Understood {
    Understood { meaning: Meaning::Review, rule, ..Understood::default() }
}

fn shown(text: &str) -> String {
    shortened(text, SHOWN_CHARS_MAX)
}

/// The order of meanings when several fit.
fn rank(meaning: Meaning) -> u8 {
    match meaning {
        Meaning::None => 0,
        Meaning::Review => 1,
        Meaning::OptIn => 2,
        Meaning::Help => 3,
        Meaning::OptOut => 4,
    }
}
