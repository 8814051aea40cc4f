//! How a script fails.

use std::{fmt, time::Duration};

/// Longer messages are cut: a script can raise a megabyte.
const MESSAGE_CHARS_MAX: usize = 300;

/// Why a run gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It took too long.
    Time(Duration),
    /// It took too many steps.
    Steps(u64),
    /// It took too much memory.
    Memory,
    /// It is not Lua, raised an error, or answered with something else than it should.
    Script {
        /// The line in the file, where it is known.
        line: Option<usize>,
        /// What is wrong.
        what: String,
    },
}

impl Fault {
    /// Was it stopped, rather than wrong?
    pub(crate) fn is_stop(&self) -> bool {
        !matches!(self, Fault::Script { .. })
    }

    /// From an error of the engine.
    pub(crate) fn of(error: &mlua::Error) -> Fault {
        match error {
            mlua::Error::MemoryError(_) => Fault::Memory,
            mlua::Error::CallbackError { cause, .. } => Fault::of(cause),
            mlua::Error::SyntaxError { message, .. } | mlua::Error::RuntimeError(message) => {
                Fault::told(message)
            }
            other => Fault::told(&other.to_string()),
        }
    }

    /// From a message as the engine writes it, `file:line: what`.
    pub(crate) fn told(message: &str) -> Fault {
        // "not enough memory" arrives as text when it was raised inside a protected call.
        if message.contains("not enough memory") {
            return Fault::Memory;
        }
        let first = message.lines().next().unwrap_or_default().trim_start_matches("runtime error: ");
        let (line, what) = split_line(first).map_or((None, first), |(line, what)| (Some(line), what));
        Fault::Script { line, what: shortened(what, MESSAGE_CHARS_MAX) }
    }

    /// The line, where there is one.
    pub(crate) fn line(&self) -> Option<usize> {
        match self {
            Fault::Script { line, .. } => *line,
            Fault::Time(_) | Fault::Steps(_) | Fault::Memory => None,
        }
    }
}

/// `keywords.lua:12: what` → (12, `what`).
fn split_line(message: &str) -> Option<(usize, &str)> {
    let (place, what) = message.split_once(": ")?;
    let (_, line) = place.rsplit_once(':')?;
    Some((line.parse().ok()?, what))
}

/// The first characters of a text.
pub(crate) fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Time(limit) => {
                write!(
                    f,
                    "it took longer than {} ms, which is all it may take, and was stopped",
                    limit.as_millis()
                )
            }
            Fault::Steps(max) => {
                write!(f, "it took more than {max} steps, which is all it may take, and was stopped")
            }
            Fault::Memory => f.write_str("it took more memory than it may have, and was stopped"),
            Fault::Script { what, .. } => f.write_str(what),
        }
    }
}
