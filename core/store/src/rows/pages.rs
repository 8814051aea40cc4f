//! Everything, page by page: what an export reads.

use super::ContactRow;
use crate::error::Result;
use dndgate_dnd::AddressKey;
use jiff::Timestamp;

/// Everything, page by page.
pub trait PageRows {
    /// Contacts of a tenant in the order in which they were made, after one of them.
    fn contacts_after(
        &mut self,
        tenant: &str,
        after: Option<&(Timestamp, String)>,
        limit: usize,
    ) -> Result<Vec<ContactRow>>;
    /// Addresses on which a live reason stands, in the order of their kinds and keys, after one of them. Those of
    /// erased people are among them, under their hash.
    fn suppressed_after(
        &mut self,
        tenant: &str,
        after: Option<&AddressKey>,
        limit: usize,
    ) -> Result<Vec<AddressKey>>;
}
