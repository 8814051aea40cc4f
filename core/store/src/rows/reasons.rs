//! Reasons of Do-Not-Disturb, live and ended.

use crate::error::Result;
use dndgate_adapter::AddressKind;
use dndgate_dnd::{AddressKey, Blocks, Ended, Reason, ReasonKind};
use jiff::Timestamp;

/// Whom a reason is kept on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A contact, by its id.
    Contact(String),
    /// An address.
    Address(AddressKey),
}

/// Reasons of Do-Not-Disturb, live and ended.
pub trait ReasonRows {
    /// All reasons on a subject, ended ones too. Those of an erased address are found by its plain key.
    fn reasons(&mut self, tenant: &str, subject: &Subject, erased: &str) -> Result<Vec<Reason>>;
    /// Adds a reason.
    fn insert_reason(&mut self, tenant: &str, subject: &Subject, reason: &Reason) -> Result<()>;
    /// Ends a reason.
    fn end_reason(&mut self, id: &str, ended: &Ended) -> Result<()>;
    /// The same was said again, later or for longer.
    fn repeat_reason(&mut self, id: &str, at: Timestamp, expires: Option<Timestamp>) -> Result<()>;
    /// Live reasons that are over by now, with tenants and whom they are on, the longest over first.
    fn expired(&mut self, now: Timestamp, limit: usize) -> Result<Vec<(String, Subject, Reason)>>;
    /// Ends all rights to a contact's reasons and takes plain addresses out of those on an address (R5). Nobody can
    /// ask by the hash whether more stands on the address, so that what is left there does not expire.
    fn erase_address(&mut self, tenant: &str, address: &AddressKey, erased: &str) -> Result<()>;
    /// Removes the reasons on a contact (R5).
    fn delete_reasons(&mut self, contact: &str) -> Result<()>;
    /// Calls `each` for every live reason and every address that it blocks.
    fn each_live(&mut self, each: &mut dyn FnMut(&str, AddressKind, &str, Blocks, ReasonKind)) -> Result<()>;
    /// A reason by its id, with its tenant and whom it is on.
    fn reason(&mut self, id: &str) -> Result<Option<(String, Subject, Reason)>>;
    /// The live reasons on addresses of one tenant, ordered by address and id, after such a place.
    fn live_on_addresses(
        &mut self,
        tenant: &str,
        after: &(AddressKey, String),
        limit: usize,
    ) -> Result<Vec<(AddressKey, Reason)>>;
    /// Makes the reasons on one contact another's, ended ones too.
    fn move_reasons(&mut self, from: &str, to: &str) -> Result<()>;
    /// The tenants that have contacts or live reasons on addresses.
    fn scopes(&mut self) -> Result<Vec<String>>;
    /// About how many addresses are suppressed, to size the cache.
    fn live_count(&mut self) -> Result<u64>;
}
