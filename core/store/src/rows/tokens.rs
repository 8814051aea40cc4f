//! API tokens.

use crate::{error::Result, tokens::Token};

/// API tokens.
pub trait TokenRows {
    /// Keeps a token by the hash of its text.
    fn put_token(&mut self, hash: &[u8; 32], token: &Token) -> Result<()>;
    /// A token by the hash of its text.
    fn token(&mut self, hash: &[u8; 32]) -> Result<Option<Token>>;
    /// Forgets a token.
    fn delete_token(&mut self, hash: &[u8; 32]) -> Result<()>;
}
