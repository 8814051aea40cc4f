//! `unsubscribe.lua`: what an unsubscribe switches off (R17), and the texts of its page.

use crate::{PolicyError, node::Node, reader::Reader};
use dndgate_adapter::{Channel, Channels};
use std::collections::BTreeMap;

/// Scope and texts of an unsubscribe.
#[derive(Debug, Clone)]
pub struct Unsubscribe {
    /// The channels it switches off, besides the one on which it happened.
    pub scope: Channels,
    /// The language for people whose own is not among the texts.
    pub default_language: String,
    /// Texts by language, lower-case primary tags such as `en`.
    pub texts: BTreeMap<String, PageTexts>,
}

/// The texts of the unsubscribe page in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageTexts {
    /// Title and heading.
    pub title: String,
    /// Before the act; `{address}` is the masked address, `{tenant}` the business.
    pub question: String,
    /// Above the channels, all of them chosen: to keep one is to take it out.
    pub choose: String,
    /// The button that stops the chosen channels.
    pub button: String,
    /// After the act; `{channels}` names what stopped.
    pub done: String,
    /// When there was nothing left to stop.
    pub already: String,
    /// That the page may be come back to.
    pub again: String,
    /// Above the channels that are switched off.
    pub off: String,
    /// Offers to switch channels back on.
    pub undo: String,
    /// The button for that.
    pub undo_button: String,
    /// After that; `{channels}` names what is on again.
    pub resumed: String,
    /// When that may not be: something else than this link switched it off.
    pub kept_off: String,
    /// Beside SMS when only a START reply ends it (R22).
    pub sms_locked: String,
    /// For a link that is not ours or damaged.
    pub bad_link: String,
    /// When the act could not be stored just now.
    pub unavailable: String,
    /// When the link was used too often in a minute.
    pub busy: String,
    /// In front of how the business is reached.
    pub reach: String,
    /// The channel Email.
    pub email: String,
    /// The channel Call.
    pub call: String,
}

impl Unsubscribe {
    /// The channels to switch off for an unsubscribe that happened on `channel`.
    pub fn channels(&self, channel: Channel) -> Channels {
        self.scope.with(channel.into())
    }

    /// The texts for the first language of an `Accept-Language` value that there are texts for, and its tag; then
    /// for the person's own language as far as it is known, then for the default.
    pub fn texts_for(&self, accept_language: &str, own: Option<&str>) -> (&str, &PageTexts) {
        let mut wanted: Vec<(&str, f32)> = accept_language
            .split(',')
            .take(LANGUAGES_READ_MAX)
            .filter_map(|entry| {
                let (tag, parameters) = entry.split_once(';').unwrap_or((entry, ""));
                let weight = match parameters.trim().strip_prefix("q=") {
                    Some(weight) => weight.trim().parse().ok()?,
                    None => 1.0,
                };
                (weight > 0.0).then_some((tag.trim(), weight))
            })
            .collect();
        wanted.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut tags = wanted.into_iter().map(|(tag, _)| tag).chain(own).chain([&*self.default_language]);
        let found = tags.find_map(|tag| {
            let primary = tag.split(['-', '_']).next().unwrap_or(tag).to_ascii_lowercase();
            self.texts.get_key_value(primary.as_str())
        });
        found.map_or(("en", &NO_TEXTS), |(tag, texts)| (tag.as_str(), texts))
    }
}

const TEXT_KEYS: [&str; 19] = [
    "title",
    "question",
    "choose",
    "button",
    "done",
    "already",
    "again",
    "off",
    "undo",
    "undo_button",
    "resumed",
    "kept_off",
    "sms_locked",
    "bad_link",
    "unavailable",
    "busy",
    "reach",
    "email",
    "call",
];

impl Unsubscribe {
    /// Compiles the table that the file returned.
    pub(crate) fn compile(root: &Reader<'_>) -> Result<Unsubscribe, PolicyError> {
        root.only(&["scope", "default_language", "texts", "cases"])?;
        let scope = match root.get("scope") {
            None => Channels::ALL,
            Some(scope) if matches!(scope.node(), Node::Text(text) if text == "channel") => Channels::NONE,
            Some(scope) => scope.channels()?,
        };
        let default_language = root.text_at("default_language")?.unwrap_or("en").to_ascii_lowercase();
        let texts = root
            .get("texts")
            .ok_or_else(|| root.error("the key \"texts\" is missing: the texts of the page, by language"))?;
        let mut by_language = BTreeMap::new();
        for (tag, section) in texts.named()? {
            by_language.insert(tag.to_ascii_lowercase(), PageTexts::compile(&section)?);
        }
        if !by_language.contains_key(&default_language) {
            return Err(
                texts.error(format!("there are no texts for the default language \"{default_language}\""))
            );
        }
        Ok(Unsubscribe { scope, default_language, texts: by_language })
    }
}

impl PageTexts {
    fn compile(section: &Reader<'_>) -> Result<PageTexts, PolicyError> {
        section.only(&TEXT_KEYS)?;
        let text = |key: &str| -> Result<String, PolicyError> {
            let text = section
                .text_at(key)?
                .ok_or_else(|| section.error(format!("the text \"{key}\" is missing")))?;
            Ok(text.to_owned())
        };
        Ok(PageTexts {
            title: text("title")?,
            question: text("question")?,
            choose: text("choose")?,
            button: text("button")?,
            done: text("done")?,
            already: text("already")?,
            again: text("again")?,
            off: text("off")?,
            undo: text("undo")?,
            undo_button: text("undo_button")?,
            resumed: text("resumed")?,
            kept_off: text("kept_off")?,
            sms_locked: text("sms_locked")?,
            bad_link: text("bad_link")?,
            unavailable: text("unavailable")?,
            busy: text("busy")?,
            reach: text("reach")?,
            email: text("email")?,
            call: text("call")?,
        })
    }
}

/// Nobody names more languages than this.
const LANGUAGES_READ_MAX: usize = 32;

/// Never shown: a set without texts for its default language does not load.
static NO_TEXTS: PageTexts = PageTexts {
    title: String::new(),
    question: String::new(),
    choose: String::new(),
    button: String::new(),
    done: String::new(),
    already: String::new(),
    again: String::new(),
    off: String::new(),
    undo: String::new(),
    undo_button: String::new(),
    resumed: String::new(),
    kept_off: String::new(),
    sms_locked: String::new(),
    bad_link: String::new(),
    unavailable: String::new(),
    busy: String::new(),
    reach: String::new(),
    email: String::new(),
    call: String::new(),
};
