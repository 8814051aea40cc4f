//! Unsubscribe links: their keys, and the short ones.

use crate::{error::Result, links::LinkKey};
use jiff::Timestamp;

/// A link under a short id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortLinkRow {
    /// The id.
    pub id: String,
    /// The token that it stands for: the address is in it, sealed.
    pub token: String,
    /// The keyed hash of the address, by which its links are forgotten (R5).
    pub subject: String,
    /// When it was made.
    pub made: Timestamp,
}

/// Unsubscribe links.
pub trait LinkRows {
    /// The keys, the oldest first.
    fn link_keys(&mut self) -> Result<Vec<LinkKey>>;
    /// Adds a key.
    fn put_link_key(&mut self, key: &LinkKey) -> Result<()>;
    /// Keeps a link under its id, unless the id is taken.
    fn put_short_link(&mut self, row: &ShortLinkRow) -> Result<()>;
    /// The token under an id.
    fn short_link(&mut self, id: &str) -> Result<Option<String>>;
    /// Forgets the links of an address.
    fn forget_short_links(&mut self, subject: &str) -> Result<()>;
}
