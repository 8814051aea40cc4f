//! Turns what `keywords.lua` returned into what [`super::Keywords`] matches with.

use super::{
    Doubt, Keywords, Scope, Word,
    grammar::{
        ALONE, CHANNEL_SHIFT, Classes, EVERYTHING, GUARD, HINT, Item, JOIN, KEYWORD, Mask, OWN_MAX, POLITE,
        Pattern,
    },
    hints::{Hint, Hints},
    index::LANGUAGES_MAX,
    language::Language,
    normalise::{Script, Words, signs},
    own_text::Added,
    typos::Typos,
    vocabulary::{STEM, STEM_CHARS_MIN, Vocabulary, WordMap},
};
use crate::{PolicyError, confirmation::Confirmation, reader::Reader};
use dndgate_adapter::{Channel, Channels};
use std::collections::{BTreeMap, HashSet};

const KEYS: [&str; 11] = [
    "scope",
    "on_doubt",
    "speaks",
    "trust_provider",
    "added_text",
    "not_typos",
    "channels",
    "languages",
    "classify",
    "confirmation",
    "cases",
];
const LANGUAGE_KEYS: [&str; 25] = [
    "opt_out",
    "opt_out_whole",
    "opt_out_local",
    "everything",
    "opt_in",
    "opt_in_local",
    "help",
    "polite",
    "fillers",
    "join",
    "guard",
    "words",
    "channel_words",
    "requests",
    "doubts",
    "asides",
    "gists",
    "harmless",
    "strange_words",
    "gap",
    "hints",
    "short_hints",
    "no_hints",
    "short_words",
    "unspaced",
];
const PATTERN_KEYS: [&str; 7] = ["name", "says", "clear", "asked", "alone", "across", "except"];
/// The section whose words and patterns hold in every language.
const ANY: &str = "any";
/// A gist counts beside so many words that are not understood, and `..` stands for so many words (where they
/// are not separated: characters), unless the file says otherwise.
const STRANGE_WORDS: usize = 2;
const GAP: usize = 3;
/// A hint of the weaker kind counts in messages of so many words, unless the file says otherwise.
const SHORT_WORDS: usize = 4;

/// Compiles the table that `keywords.lua` returned.
pub(crate) fn compile(root: &Reader<'_>) -> Result<Keywords, PolicyError> {
    root.only(&KEYS)?;
    let mut keywords = Keywords {
        scope: scope(root)?,
        on_doubt: match root.get("on_doubt") {
            Some(reader) => reader.choice(&["review", "block", "none"], Doubt::parse)?,
            None => Doubt::Review,
        },
        trust_provider: root.get("trust_provider").map_or(Ok(true), |reader| reader.flag())?,
        added: root.get("added_text").map_or(Ok(Added::default()), |reader| added(&reader))?,
        confirmation: root
            .get("confirmation")
            .map_or(Ok(Confirmation::default()), |section| Confirmation::compile(&section))?,
        classifies: root.get("classify").map(|reader| reader.function()).transpose()?.is_some(),
        ..Keywords::default()
    };
    let languages = root.get("languages").ok_or_else(|| root.error("the key \"languages\" is missing"))?;
    let speaks = speaks(root, &languages)?;
    let shared = languages.get(ANY);
    if let Some(shared) = &shared {
        shared.only(&LANGUAGE_KEYS)?;
        whole_words(shared, ANY, true, &mut keywords.whole)?;
    }
    let classes = classes(&languages)?;
    if let Some(shared) = &shared {
        let mut words = BTreeMap::new();
        collect(shared, false, false, &classes, &mut words)?;
        for (phrase, mask) in words {
            keywords.glance.words.entry(phrase).or_default().shared = mask;
        }
        let mut hints = Hints::default();
        collect_hints(shared, &mut hints)?;
        for (phrase, _) in hints.phrases.into_iter().filter(|(_, hint)| *hint != Hint::Not) {
            keywords.glance.words.entry(phrase).or_default().shared |= HINT;
        }
    }
    let not_typos = root.texts_at("not_typos")?.into_iter().map(|word| Words::of(word).joined()).collect();
    for (tag, section) in languages.named()? {
        let listed = speaks.as_ref().is_some_and(|speaks| speaks.contains(&tag));
        if tag == ANY || (speaks.is_some() && !listed) {
            continue;
        }
        section.only(&LANGUAGE_KEYS)?;
        whole_words(&section, &tag, listed, &mut keywords.whole)?;
        let language = language(&tag, &section, shared.as_ref(), listed, &classes, &not_typos)?;
        keywords.languages.push(language);
    }
    if keywords.languages.len() > LANGUAGES_MAX {
        return Err(languages.error(format!("there are more than {LANGUAGES_MAX} languages")));
    }
    if let Some(channels) = root.get("channels") {
        channel_words(&channels, &mut keywords.whole)?;
    }
    keywords.typos = Typos::new(&keywords.whole, &not_typos);
    keywords.index();
    Ok(keywords)
}

fn scope(root: &Reader<'_>) -> Result<Scope, PolicyError> {
    let Some(scope) = root.get("scope") else { return Ok(Scope::default()) };
    let one = |reader: &Reader<'_>| match reader.node() {
        crate::node::Node::Text(text) if text == "channel" => Ok(Channels::NONE),
        _ => reader.channels(),
    };
    let is_map = scope
        .entries()
        .is_ok_and(|mut entries| entries.any(|(key, _)| matches!(key, crate::node::Key::Name(_))));
    let mut added = [Channels::NONE; 6];
    if is_map {
        scope.only(&Channel::ALL.map(Channel::name))?;
        for channel in Channel::ALL {
            if let Some(reader) = scope.get(channel.name()) {
                added[channel as usize] = one(&reader)?;
            }
        }
    } else {
        added = [one(&scope)?; 6];
    }
    Ok(Scope(added))
}

/// The languages of `speaks`; none for "all".
fn speaks(root: &Reader<'_>, languages: &Reader<'_>) -> Result<Option<Vec<String>>, PolicyError> {
    let Some(speaks) = root.get("speaks") else { return Ok(None) };
    if matches!(speaks.node(), crate::node::Node::Text(text) if text == "all") {
        return Ok(None);
    }
    let known: Vec<String> = languages.named()?.map(|(tag, _)| tag).filter(|tag| tag != ANY).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let tags = speaks.items()?;
    let tag = |reader: &Reader<'_>| reader.choice(&known, |tag| known.contains(&tag).then(|| tag.to_owned()));
    tags.iter().map(tag).collect::<Result<_, _>>().map(Some)
}

fn added(reader: &Reader<'_>) -> Result<Added, PolicyError> {
    reader.only(&["quotes", "quote_ends", "signatures", "footers", "reactions"])?;
    let list = |name: &str| -> Result<Vec<String>, PolicyError> {
        Ok(reader.texts_at(name)?.into_iter().map(str::to_lowercase).collect())
    };
    Ok(Added {
        quotes: list("quotes")?,
        quote_ends: list("quote_ends")?,
        signatures: list("signatures")?,
        footers: list("footers")?,
        reactions: list("reactions")?,
    })
}

/// The words that count as a whole message.
fn whole_words(
    section: &Reader<'_>,
    tag: &str,
    listed: bool,
    whole: &mut WordMap<Word>,
) -> Result<(), PolicyError> {
    let mut add = |name: &str, set: &dyn Fn(&mut Word)| -> Result<(), PolicyError> {
        for item in section.get(name).map_or(Ok(Vec::new()), |reader| reader.items())? {
            let word = whole.entry(normal(&item)?).or_insert_with(|| Word::new(tag));
            set(word);
        }
        Ok(())
    };
    add("opt_out", &|word| word.opt_out = Channels::ALL)?;
    add("opt_out_whole", &|word| word.opt_out = Channels::ALL)?;
    if listed {
        add("opt_out_local", &|word| word.opt_out = Channels::ALL)?;
        add("opt_in_local", &|word| word.opt_in = Channels::ALL)?;
    }
    add("everything", &|word| {
        word.opt_out = Channels::ALL;
        word.everything = true;
    })?;
    add("opt_in", &|word| word.opt_in = Channels::ALL)?;
    add("help", &|word| word.help = Channels::ALL)
}

/// Words that count, or do not, on one channel.
fn channel_words(channels: &Reader<'_>, whole: &mut WordMap<Word>) -> Result<(), PolicyError> {
    channels.only(&Channel::ALL.map(Channel::name))?;
    for channel in Channel::ALL {
        let Some(section) = channels.get(channel.name()) else { continue };
        section.only(&["opt_out", "opt_in", "help", "without"])?;
        let this = Channels::of(channel);
        let others = Channels::from_bits(!this.bits());
        let mut each = |name: &str, set: &dyn Fn(&mut Word)| -> Result<(), PolicyError> {
            for item in section.get(name).map_or(Ok(Vec::new()), |reader| reader.items())? {
                set(whole.entry(normal(&item)?).or_insert_with(|| Word::new(channel.name())));
            }
            Ok(())
        };
        each("without", &|word| {
            word.opt_out = word.opt_out.common(others);
            word.opt_in = word.opt_in.common(others);
            word.help = word.help.common(others);
        })?;
        each("opt_out", &|word| word.opt_out = word.opt_out.with(this))?;
        each("opt_in", &|word| word.opt_in = word.opt_in.with(this))?;
        each("help", &|word| word.help = word.help.with(this))?;
    }
    Ok(())
}

/// The classes of all languages: a shared pattern may name one that some language has no words for.
fn classes(languages: &Reader<'_>) -> Result<Classes, PolicyError> {
    let mut classes = Classes::new();
    for (_, section) in languages.named()? {
        for (name, list) in section.get("words").map(|words| words.named()).transpose()?.into_iter().flatten()
        {
            if classes.bit(&name).is_none() {
                return Err(list.error(format!("there are more than {OWN_MAX} classes of words")));
            }
        }
    }
    Ok(classes)
}

fn language(
    tag: &str,
    section: &Reader<'_>,
    shared: Option<&Reader<'_>>,
    listed: bool,
    classes: &Classes,
    not_typos: &HashSet<String>,
) -> Result<Language, PolicyError> {
    let mut scripts = 0;
    for item in section.get("unspaced").map_or(Ok(Vec::new()), |reader| reader.items())? {
        scripts |= item.choice(&["Han", "Kana", "Hangul", "Thai"], |name| match name {
            "Han" => Some(Script::Han as u8),
            "Kana" => Some(Script::Kana as u8),
            "Hangul" => Some(Script::Hangul as u8),
            "Thai" => Some(Script::Thai as u8),
            _ => None,
        })?;
    }
    let mut vocabulary = BTreeMap::new();
    for section in shared.into_iter().chain([section]) {
        collect(section, listed, scripts != 0, classes, &mut vocabulary)?;
    }
    let present = vocabulary.values().fold(0, |all, mask| all | mask);
    let mut requests = Vec::new();
    let mut doubts = Vec::new();
    let mut asides = Vec::new();
    let mut gists = Vec::new();
    let mut harmless = Vec::new();
    let count = |name: &str, default: usize| -> Result<usize, PolicyError> {
        let own = section.get(name).or_else(|| shared.and_then(|shared| shared.get(name)));
        own.map_or(Ok(default), |reader| reader.count(10))
    };
    let fillers = section.get("fillers").map_or(Ok(Vec::new()), |list| list.items())?;
    let fillers = fillers.iter().map(normal).collect::<Result<_, _>>()?;
    let gap = count("gap", GAP)?;
    let strange_words = count("strange_words", STRANGE_WORDS)?;
    let mut hints = Hints { short_words_max: SHORT_WORDS, ..Hints::default() };
    for section in [Some(section), shared].into_iter().flatten() {
        patterns(section, tag, "requests", classes, gap, Pattern::new, &mut requests)?;
        patterns(section, tag, "doubts", classes, gap, Pattern::new, &mut doubts)?;
        patterns(section, tag, "asides", classes, gap, Pattern::new, &mut asides)?;
        patterns(section, tag, "gists", classes, gap, Pattern::floating, &mut gists)?;
        patterns(section, tag, "harmless", classes, gap, Pattern::floating, &mut harmless)?;
        collect_hints(section, &mut hints)?;
    }
    // What the language has no words for can never fit.
    // Where several gists fit, the clear one says more.
    gists.sort_by_key(|gist: &Pattern| !gist.clear);
    for patterns in [&mut requests, &mut doubts, &mut asides, &mut gists, &mut harmless] {
        patterns.retain(|pattern| pattern.possible(present));
    }
    let vocabulary =
        Vocabulary::new(vocabulary, scripts == 0, not_typos.iter().map(|word| word.as_str().into()));
    Ok(Language {
        tag: tag.to_owned(),
        scripts,
        vocabulary,
        requests,
        doubts,
        asides,
        gists,
        harmless,
        fillers,
        strange_words,
        hints,
        telling: 0,
    })
}

fn collect_hints(section: &Reader<'_>, hints: &mut Hints) -> Result<(), PolicyError> {
    for (list, hint) in [("hints", Hint::Strong), ("short_hints", Hint::Weak), ("no_hints", Hint::Not)] {
        for item in section.get(list).map_or(Ok(Vec::new()), |reader| reader.items())? {
            let phrase = normal(&item)?;
            hints.longest = hints.longest.max(phrase.split(' ').count());
            hints.phrases.entry(phrase).or_insert(hint);
        }
    }
    if let Some(words) = section.get("short_words") {
        hints.short_words_max = words.count(20)?;
    }
    Ok(())
}

/// Adds the words of a section to a language's vocabulary.
fn collect(
    section: &Reader<'_>,
    listed: bool,
    unspaced: bool,
    classes: &Classes,
    vocabulary: &mut BTreeMap<Box<str>, Mask>,
) -> Result<(), PolicyError> {
    let mut add = |list: Option<Reader<'_>>, mask: Mask| -> Result<(), PolicyError> {
        for item in list.map_or(Ok(Vec::new()), |list| list.items())? {
            let mut phrase = normal(&item)?;
            if item.text()?.ends_with(STEM) {
                phrase = stem(&item, &phrase, unspaced)?;
            }
            if unspaced {
                phrase = phrase.chars().filter(|c| *c != ' ').collect();
            }
            *vocabulary.entry(phrase).or_default() |= mask;
        }
        Ok(())
    };
    add(section.get("opt_out"), KEYWORD)?;
    if listed {
        add(section.get("opt_out_local"), KEYWORD)?;
    }
    add(section.get("everything"), KEYWORD | EVERYTHING)?;
    add(section.get("polite"), POLITE)?;
    add(section.get("join"), JOIN)?;
    add(section.get("guard"), GUARD)?;
    if let Some(words) = section.get("words") {
        for (name, list) in words.named()? {
            add(Some(list), classes.known(&name).unwrap_or_default())?;
        }
    }
    if let Some(named) = section.get("channel_words") {
        named.only(&Channel::ALL.map(Channel::name))?;
        for channel in Channel::ALL {
            add(named.get(channel.name()), 1 << (CHANNEL_SHIFT + channel as u32))?;
        }
    }
    // Longer ones are made of words that have classes of their own.
    let alone = section.get("opt_out_whole").map_or(Ok(Vec::new()), |list| list.items())?;
    for item in alone {
        let phrase = normal(&item)?;
        if unspaced || !phrase.contains(' ') {
            *vocabulary.entry(phrase).or_default() |= ALONE;
        }
    }
    Ok(())
}

fn patterns(
    section: &Reader<'_>,
    tag: &str,
    list: &str,
    classes: &Classes,
    gap: usize,
    new: fn(&str, Vec<Item>) -> Pattern,
    out: &mut Vec<Pattern>,
) -> Result<(), PolicyError> {
    for item in section.get(list).map_or(Ok(Vec::new()), |reader| reader.items())? {
        if let crate::node::Node::Text(says) = item.node() {
            let items = Pattern::items(says, classes, gap).map_err(|what| item.error(what))?;
            out.push(new(says, items));
            continue;
        }
        item.only(&PATTERN_KEYS)?;
        if item.texts_at("except")?.contains(&tag) {
            continue;
        }
        let flag = |name: &str| item.get(name).map_or(Ok(false), |reader| reader.flag());
        let flags = (flag("clear")?, flag("asked")?, flag("alone")?, flag("across")?);
        let says = item.get("says").ok_or_else(|| item.error("the key \"says\" is missing: the pattern"))?;
        for says in says.items()? {
            let items = Pattern::items(says.text()?, classes, gap).map_err(|what| says.error(what))?;
            let name = item.text_at("name")?.unwrap_or(says.text()?);
            let mut pattern = new(name, items);
            (pattern.clear, pattern.asked, pattern.alone, pattern.across) = flags;
            out.push(pattern);
        }
    }
    Ok(())
}

/// A word's beginning, as the vocabulary knows it: `unsubscrib*`.
fn stem(item: &Reader<'_>, phrase: &str, unspaced: bool) -> Result<Box<str>, PolicyError> {
    if unspaced {
        return Err(item.error("where words are not separated, every word is a beginning: leave the * out"));
    }
    if phrase.contains(' ') || phrase.chars().count() < STEM_CHARS_MIN {
        let what = format!("a beginning (…*) is one word of {STEM_CHARS_MIN} letters or more");
        return Err(item.error(what));
    }
    Ok(format!("{phrase}{STEM}").into())
}

fn normal(item: &Reader<'_>) -> Result<Box<str>, PolicyError> {
    let text = item.text()?;
    let words = Words::of(text);
    let word = if words.text.is_empty() { signs(text) } else { words.text };
    if word.is_empty() {
        return Err(item.error("there is no letter, digit or sign in this"));
    }
    Ok(word.into())
}
