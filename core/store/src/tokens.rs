//! API tokens: shown once, kept as a hash.

use crate::{
    error::{Result, StoreError},
    tx::Tx,
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// What tokens begin with, so that leaked ones are recognised by scanners.
const PREFIX: &str = "dndgate_";

/// What a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// A name for the ledger.
    pub name: String,
    /// `read`, `crm` or `operator`.
    pub role: String,
    /// The only tenant that it may see; none: all.
    pub tenant: Option<String>,
    /// When it was made.
    pub created: Timestamp,
}

/// Makes a token. The text is returned and never kept: 256 bits need no slow hash.
///
/// # Errors
/// When the store cannot be written.
pub fn create(tx: &mut Tx<'_>, token: &Token) -> Result<String> {
    let mut random = [0u8; 32];
    getrandom::fill(&mut random).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let text = format!("{PREFIX}{}", hex::encode(random));
    tx.rows.put_token(&Sha256::digest(&text).into(), token)?;
    Ok(text)
}

/// What a token stands for, if it is known.
///
/// # Errors
/// When the store cannot be read.
pub fn find(tx: &mut Tx<'_>, text: &str) -> Result<Option<Token>> {
    of_hash(tx, &hash(text))
}

/// What a token is known by.
pub fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// What the token of this hash stands for, if it is known.
///
/// # Errors
/// When the store cannot be read.
pub fn of_hash(tx: &mut Tx<'_>, hash: &[u8; 32]) -> Result<Option<Token>> {
    tx.rows.token(hash)
}

/// Forgets a token: from now on it is not known.
///
/// # Errors
/// When the store cannot be written.
pub fn revoke(tx: &mut Tx<'_>, text: &str) -> Result<()> {
    tx.rows.delete_token(&Sha256::digest(text).into())
}
