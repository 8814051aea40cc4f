//! What can be wrong with a policy, in words for an operator who is no programmer.

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
}

impl At {
    /// A line of a file.
    pub fn new(file: &str, line: Option<usize>) -> At {
        At { file: file.to_owned(), line }
    }
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
        match self.0.len().saturating_sub(CASES_SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more cases"),
        }
    }
}
