//! Two names of one address.

use crate::error::Result;
use dndgate_dnd::AddressKey;
use jiff::Timestamp;

/// Addresses that are one.
pub trait NameRows {
    /// Keeps that two addresses are one, both ways. Said again, it is as young as then.
    fn put_same(&mut self, tenant: &str, one: &AddressKey, other: &AddressKey, at: Timestamp) -> Result<()>;
    /// The other names of an address.
    fn same_as(&mut self, tenant: &str, address: &AddressKey) -> Result<Vec<AddressKey>>;
    /// Calls `each` for every address that has another name in a scope.
    fn each_same(&mut self, scope: &str, each: &mut dyn FnMut(AddressKey)) -> Result<()>;
    /// Forgets every name of an address (R5).
    fn forget_same(&mut self, tenant: &str, address: &AddressKey) -> Result<()>;
    /// Forgets handles (written `what:id`) that were told before a time. Ties of addresses stay.
    fn forget_handles(&mut self, before: Timestamp) -> Result<()>;
}
