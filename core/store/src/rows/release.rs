//! Releases of addresses that were marked as spam.

use crate::error::Result;
use dndgate_dnd::AddressKey;

/// Releases of addresses that were marked as spam (R21).
pub trait ReleaseRows {
    /// What is known of an address's release, JSON.
    fn release_of(&mut self, tenant: &str, address: &AddressKey) -> Result<Option<String>>;
    /// Keeps what is known of it.
    fn put_release(&mut self, tenant: &str, address: &AddressKey, state: &str) -> Result<()>;
    /// Forgets it; whether there was one.
    fn delete_release(&mut self, tenant: &str, address: &AddressKey) -> Result<bool>;
}
