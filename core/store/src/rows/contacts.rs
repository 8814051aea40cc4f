//! Contacts and their addresses.

use crate::error::Result;
use dndgate_adapter::AddressKind;
use dndgate_dnd::AddressKey;
use jiff::Timestamp;

/// A contact's own row.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactRow {
    /// Its id.
    pub id: String,
    /// Its tenant.
    pub tenant: String,
    /// What the API client sent of it, as JSON.
    pub fields: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

/// One address of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRow {
    /// How it is compared.
    pub key: AddressKey,
    /// How it is shown.
    pub shown: String,
}

/// Contacts and their addresses.
pub trait ContactRows {
    /// A contact.
    fn contact(&mut self, id: &str) -> Result<Option<ContactRow>>;
    /// Is there anything of a contact with this id, or of these addresses, each with the key under which it stands once
    /// it was erased? Asked of each of many that mostly are new.
    fn is_known(
        &mut self,
        tenant: &str,
        id: Option<&str>,
        addresses: &[(&AddressKey, String)],
    ) -> Result<bool>;
    /// Inserts a contact, or replaces its fields and time of change.
    fn put_contact(&mut self, contact: &ContactRow) -> Result<()>;
    /// Removes a contact, its addresses, its evidence and the ids that lead to it.
    fn delete_contact(&mut self, id: &str) -> Result<()>;
    /// A contact's addresses, in their order.
    fn addresses(&mut self, contact: &str) -> Result<Vec<AddressRow>>;
    /// Replaces a contact's addresses of one kind.
    fn put_addresses(
        &mut self,
        tenant: &str,
        contact: &str,
        kind: AddressKind,
        all: &[AddressRow],
    ) -> Result<()>;
    /// Gives a contact addresses of one kind, of which it has none yet.
    fn add_addresses(
        &mut self,
        tenant: &str,
        contact: &str,
        kind: AddressKind,
        all: &[AddressRow],
    ) -> Result<()>;
    /// Ids of the contacts that hold an address.
    fn holders(&mut self, tenant: &str, address: &AddressKey) -> Result<Vec<String>>;
    /// From now on this id leads to that contact, and so does whatever led to it.
    fn put_merged(&mut self, id: &str, contact: &str) -> Result<()>;
    /// The contact to which the id of another leads.
    fn merged(&mut self, id: &str) -> Result<Option<String>>;
    /// The ids that lead to a contact.
    fn merged_into(&mut self, contact: &str) -> Result<Vec<String>>;
}
