//! `dndgate password`: the hash of a password, for `[[admin.user]]`.

use crate::{Failure, say, say_error};
use argon2::{Argon2, PasswordHasher, password_hash::SaltString};
use std::io::{IsTerminal, stdin};

/// The shortest password, in characters (NIST SP 800-63B asks for at least 8, and advises longer ones).
const CHARS_MIN: usize = 12;

/// Reads a password from standard input and prints its hash.
pub(crate) fn run() -> Result<(), Failure> {
    if stdin().is_terminal() {
        say_error("Type the password and press Enter (it is shown as you type; pipe it in to avoid that):");
    }
    let mut line = String::new();
    stdin()
        .read_line(&mut line)
        .map_err(|error| Failure::Wrong(format!("the password cannot be read: {error}")))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.chars().count() < CHARS_MIN {
        return Err(Failure::Wrong(format!("a password has at least {CHARS_MIN} characters")));
    }
    let mut salt = [0u8; 16];
    let wrong =
        |error: &dyn std::fmt::Display| Failure::Wrong(format!("the password cannot be hashed: {error}"));
    getrandom::fill(&mut salt).map_err(|error| wrong(&error))?;
    let salt = SaltString::encode_b64(&salt).map_err(|error| wrong(&error))?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(|error| wrong(&error))?;
    say(&hash.to_string());
    Ok(())
}
