//! What can be wrong with a policy, in words for an operator who is no programmer.

use crate::{reader::Source, sandbox::shortened};
use std::{fmt, path::PathBuf};

/// Why a set of policies was not taken. The running set stays.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// There is no policy file of that name.
    #[error(
        "there is no policy file \"{0}\"; the files are keywords.lua, error_codes.lua, sends.lua, unsubscribe.lua and tests/*.lua, and those of a tenant under tenants/NAME/"
    )]
    UnknownFile(String),
    /// A file is not Lua, or it failed while it was read.
    #[error("{place}: {what}")]
    Script {
        /// Where.
        place: At,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A value is not what the policy needs.
    #[error("{place}: {key}: {what}")]
    Value {
        /// Where.
        place: At,
        /// The path of the key, such as `opt_out.en[3]`.
        key: String,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// Cases are judged otherwise than they say.
    #[error("{}", DisplayCases(.0))]
    Cases(Vec<FailedCase>),
    /// The folder cannot be watched.
    #[error("cannot watch {path} for changes: {what}", path = path.display())]
    Watch {
        /// The folder.
        path: PathBuf,
        /// Why not.
        what: String,
    },
}

/// A place in a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The file, as the operator knows it.
    pub file: String,
    /// The line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// The character in the line, counted from 1, where it is known.
    pub column: Option<usize>,
    /// The text of the line, cut to what fits on a screen.
    pub text: Box<str>,
}

/// A longer line is shown in part.
const LINE_CHARS_SHOWN_MAX: usize = 160;

impl At {
    /// A line of a file.
    pub fn new(file: &str, line: Option<usize>) -> At {
        At { file: file.to_owned(), line, column: None, text: Box::default() }
    }

    /// A place in a file's text, by its byte.
    pub(crate) fn found(source: Source<'_>, position: Option<usize>) -> At {
        let Some(position) = position.filter(|at| source.text.is_char_boundary(*at)) else {
            return At::new(source.file, None);
        };
        let before = &source.text[..position];
        let begins = before.rfind('\n').map_or(0, |newline| newline + 1);
        At {
            line: Some(before.matches('\n').count() + 1),
            column: Some(before[begins..].chars().count() + 1),
            text: shown(source.text[begins..].lines().next().unwrap_or_default()),
            file: source.file.to_owned(),
        }
    }

    /// A line of a file, where Lua says no more, and in it what it stumbled over.
    pub(crate) fn stumbled(source: Source<'_>, line: Option<usize>, what: &str) -> At {
        let Some(text) = line.and_then(|line| source.text.lines().nth(line.checked_sub(1)?)) else {
            return At::new(source.file, line);
        };
        let column = stumbling_block(what, text).map(|at| text[..at].chars().count() + 1);
        At { file: source.file.to_owned(), line, column, text: shown(text) }
    }

    /// The line itself with a mark below the character, for a person at a terminal; empty where it is not known.
    pub fn excerpt(&self) -> String {
        let (Some(line), false) = (self.line, self.text.trim().is_empty()) else { return String::new() };
        let number = line.to_string();
        let mark = self.column.filter(|column| *column <= self.text.chars().count() + 1).map(|column| {
            let before = self.text.chars().take(column - 1);
            let blank: String = before.map(|char| if char == '\t' { '\t' } else { ' ' }).collect();
            format!("\n{} | {blank}^ column {column}", " ".repeat(number.len() + 1))
        });
        format!(" {number} | {}{}", self.text, mark.unwrap_or_default())
    }
}

fn shown(line: &str) -> Box<str> {
    shortened(line.trim_end(), LINE_CHARS_SHOWN_MAX).into()
}

/// Where in its line Lua stumbled: at the word that it names, or at a quote that is not closed.
fn stumbling_block(what: &str, line: &str) -> Option<usize> {
    if what.contains("Expected ','") {
        // The entry behind the comma that is missing.
        return Some(line.len() - line.trim_start().len());
    }
    if what.contains("Malformed string") {
        return open_quote(line);
    }
    let named = ["got ", "near ", "Unexpected "]
        .iter()
        .find_map(|word| what.rsplit_once(word))
        .map(|(_, named)| named);
    let named = named?.trim_start_matches(['\'', '"', '<']);
    let end = named.find(['\'', '"', '>', ' ', ',']).filter(|end| *end > 0).unwrap_or(named.len());
    let word = named.get(..end).filter(|word| !word.is_empty())?;
    let is_name = |char: char| char.is_alphanumeric() || char == '_';
    line.match_indices(word).map(|(at, _)| at).find(|at| {
        let beside = |char: Option<char>| char.is_some_and(is_name) && word.chars().all(is_name);
        !beside(line[..*at].chars().next_back()) && !beside(line[*at + word.len()..].chars().next())
    })
}

fn open_quote(line: &str) -> Option<usize> {
    let mut open = None;
    let mut escaped = false;
    for (at, char) in line.char_indices() {
        match (open, char) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (None, '"' | '\'') => open = Some((at, char)),
            (None, '-') if line[at..].starts_with("--") => return None,
            (Some((_, quote)), char) if quote == char => open = None,
            _ => {}
        }
    }
    open.map(|(at, _)| at)
}

impl PolicyError {
    /// The error with the lines that it is about, for a person at a terminal.
    pub fn explained(&self) -> String {
        match self {
            PolicyError::Script { place, .. } | PolicyError::Value { place, .. } => with_line(self, place),
            PolicyError::Cases(cases) => {
                let shown = cases.iter().take(CASES_SHOWN_MAX);
                let mut lines: Vec<String> = shown
                    .map(|case| with_line(&format!("{}: {}", case.place, case.what), &case.place))
                    .collect();
                lines.extend(more_cases(cases.len()));
                lines.join("\n")
            }
            other => other.to_string(),
        }
    }
}

fn with_line(what: &dyn fmt::Display, place: &At) -> String {
    match place.excerpt() {
        none if none.is_empty() => what.to_string(),
        excerpt => format!("{what}\n{excerpt}"),
    }
}

fn more_cases(all: usize) -> Option<String> {
    let more = all.checked_sub(CASES_SHOWN_MAX).filter(|more| *more > 0)?;
    Some(format!("and {more} more cases"))
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// A case that was judged otherwise than it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCase {
    /// Where it stands.
    pub place: At,
    /// What it says and what came out.
    pub what: String,
}

/// More failures than this are counted, not listed.
const CASES_SHOWN_MAX: usize = 20;

struct DisplayCases<'a>(&'a [FailedCase]);

impl fmt::Display for DisplayCases<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, case) in self.0.iter().take(CASES_SHOWN_MAX).enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{}: {}", case.place, case.what)?;
        }
        more_cases(self.0.len()).map_or(Ok(()), |more| write!(f, "\n{more}"))
    }
}
