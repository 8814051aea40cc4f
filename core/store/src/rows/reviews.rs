//! Messages in doubt.

use crate::{error::Result, reviews::Review};
use dndgate_dnd::AddressKey;
use jiff::Timestamp;

/// Messages in doubt.
pub trait ReviewRows {
    /// Keeps a new one.
    fn put_review(&mut self, review: &Review) -> Result<()>;
    /// One of them.
    fn review(&mut self, id: &str) -> Result<Option<Review>>;
    /// Those that wait, or those that are decided, of one tenant or of all, in the order in which they came, after
    /// one of them.
    fn reviews(
        &mut self,
        tenant: Option<&str>,
        decided: bool,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Review>>;
    /// Keeps what was decided.
    fn decide_review(&mut self, id: &str, decision: &str, by: &str, at: Timestamp) -> Result<()>;
    /// Forgets those from an address.
    fn forget_reviews_of(&mut self, tenant: &str, address: &AddressKey) -> Result<()>;
    /// Forgets those decided before a time.
    fn forget_reviews(&mut self, before: Timestamp) -> Result<()>;
}
