//! How sizes, times, secrets and lists are written.

use serde::Deserialize;
use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

/// A number of bytes, written `60MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// A time, written `30s` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

impl Time {
    /// Reads a time; a day has 24 hours.
    pub fn parse(text: &str) -> Option<Time> {
        let span: jiff::Span = text.parse().ok()?;
        let time = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
        Duration::try_from(time).ok().map(Time)
    }

    /// As the rules count time.
    pub(crate) fn signed(self) -> jiff::SignedDuration {
        jiff::SignedDuration::try_from(self.0).unwrap_or(jiff::SignedDuration::MAX)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic() || char == ' ');
        let unit = match text[digits.len()..].trim() {
            "" | "B" => Some(1),
            "KiB" => Some(1 << 10),
            "MiB" => Some(1 << 20),
            "GiB" => Some(1 << 30),
            _ => None,
        };
        let bytes = unit.and_then(|unit: u64| digits.parse::<u64>().ok()?.checked_mul(unit));
        bytes
            .map(Size)
            .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not a size; write it as \"60MiB\"")))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = String::deserialize(deserializer)?;
        Time::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not a time; write it as \"30s\"")))
    }
}

/// A secret as it is written: `{ env = "NAME" }`, `{ file = "path" }` or a literal.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "a secret: { env = \"NAME\" }, { file = \"path\" } or a string")]
pub(super) enum Secret {
    Literal(String),
    Env(EnvSecret),
    File(FileSecret),
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvSecret {
    env: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSecret {
    file: PathBuf,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The secret itself; files are looked for from the folder.
    pub(super) fn value(&self, folder: &Path) -> Result<String, String> {
        let value = match self {
            Secret::Literal(value) => value.clone(),
            Secret::Env(EnvSecret { env }) => {
                std::env::var(env).map_err(|_| format!("the environment variable {env} is not set"))?
            }
            Secret::File(FileSecret { file }) => std::fs::read_to_string(folder.join(file))
                .map_err(|error| format!("cannot read {}: {error}", file.display()))?
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
        };
        if value.is_empty() { Err("the secret is empty".into()) } else { Ok(value) }
    }
}

/// One value or a list of them. The list is tried first: a list of one text could be read as a secret whose one
/// field it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    /// All of them.
    pub(super) fn into_vec(self) -> Vec<T> {
        match self {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_write_them() {
        for (text, seconds) in
            [("30s", 30), ("1h30m", 5_400), ("24h", 86_400), ("7d", 604_800), ("1w", 604_800)]
        {
            assert_eq!(Time::parse(text), Some(Time(Duration::from_secs(seconds))), "{text}");
        }
        for text in ["", "7", "soon", "-1h", "1 month"] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
