//! The one text that confirms an opt-out, by language: `confirmation` in `keywords.lua`.

use crate::{PolicyError, reader::Reader};
use std::collections::BTreeMap;

/// What fits into two text messages of the plain alphabet.
const CHARS_MAX: usize = 306;
/// What makes a link of a text. Links are for marketing, and no confirmation needs one.
const LINKS: [&str; 3] = ["://", "www.", "%recipient"];

/// The texts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Confirmation {
    default_language: String,
    texts: BTreeMap<String, String>,
}

impl Confirmation {
    /// Compiles `{ default_language = "en", texts = { en = "…" } }`.
    pub(crate) fn compile(section: &Reader<'_>) -> Result<Confirmation, PolicyError> {
        section.only(&["default_language", "texts"])?;
        let default_language = section.text_at("default_language")?.unwrap_or("en").to_ascii_lowercase();
        let texts = section
            .get("texts")
            .ok_or_else(|| section.error("the key \"texts\" is missing: the text, by language"))?;
        let mut by_language = BTreeMap::new();
        for (tag, text) in texts.named()? {
            let words = text.text()?.trim();
            if words.is_empty() || words.chars().count() > CHARS_MAX {
                return Err(text.error(format!("a confirmation has 1 to {CHARS_MAX} characters")));
            }
            if LINKS.iter().any(|link| words.to_lowercase().contains(link)) {
                return Err(text.error("a confirmation holds no link: it is for nothing but confirming"));
            }
            by_language.insert(tag.to_ascii_lowercase(), words.to_owned());
        }
        if !by_language.contains_key(&default_language) {
            return Err(
                texts.error(format!("there is no text for the default language \"{default_language}\""))
            );
        }
        Ok(Confirmation { default_language, texts: by_language })
    }

    /// The text in a language, else in the default one. `None` when the file has no texts.
    pub(crate) fn text(&self, language: Option<&str>) -> Option<&str> {
        let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or(tag).to_ascii_lowercase();
        language
            .and_then(|tag| self.texts.get(&primary(tag)))
            .or_else(|| self.texts.get(&self.default_language))
            .map(String::as_str)
    }
}
