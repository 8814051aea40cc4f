//! Everything of a tenant, page by page: memory stays the same however much there is, and no page keeps others
//! waiting.

use crate::{
    contacts::all_reasons,
    error::{Result, StoreError},
    rows::Subject,
    tx::Tx,
};
use dndgate_adapter::AddressKind;
use dndgate_dnd::{AddressKey, Reason};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// A contact with what stands on it.
#[derive(Debug, Clone)]
pub struct Contact {
    /// Its id.
    pub id: String,
    /// Everything but addresses and DND.
    pub fields: Map<String, Value>,
    /// Its addresses as they are shown and compared, the main one of each kind first.
    pub addresses: Vec<(AddressKind, String, AddressKey)>,
    /// Its own live reasons.
    pub own: Vec<Reason>,
    /// Its own and its addresses' live reasons.
    pub all: Vec<Reason>,
    /// When it was made.
    pub created: Timestamp,
}

impl Contact {
    /// Where the next page begins.
    pub fn cursor(&self) -> (Timestamp, String) {
        (self.created, self.id.clone())
    }
}

/// An address with the live reasons that stand on it.
#[derive(Debug, Clone)]
pub struct Address {
    /// The address. That of an erased person is a hash that means nothing elsewhere (R5).
    pub key: AddressKey,
    /// Its live reasons.
    pub live: Vec<Reason>,
    /// Some contact holds it.
    pub held: bool,
}

impl Address {
    /// Is it that of an erased person?
    pub fn is_erased(&self) -> bool {
        self.key.key.starts_with("h:")
    }
}

fn live(reasons: Vec<Reason>) -> Vec<Reason> {
    reasons.into_iter().filter(Reason::is_live).collect()
}

/// The next contacts of a tenant.
///
/// # Errors
/// When the store cannot be read.
pub fn contacts(
    tx: &mut Tx<'_>,
    tenant: &str,
    after: Option<&(Timestamp, String)>,
    limit: usize,
) -> Result<Vec<Contact>> {
    let rows = tx.rows.contacts_after(tenant, after, limit)?;
    let mut page = Vec::with_capacity(rows.len());
    for row in rows {
        let addresses = tx.rows.addresses(&row.id)?;
        page.push(Contact {
            fields: serde_json::from_str(&row.fields)
                .map_err(|error| StoreError::Corrupt(error.to_string()))?,
            addresses: addresses.into_iter().map(|one| (one.key.kind, one.shown, one.key)).collect(),
            own: live(tx.reasons(tenant, &Subject::Contact(row.id.clone()))?),
            all: live(all_reasons(tx, tenant, &row.id)?),
            created: row.created,
            id: row.id,
        });
    }
    Ok(page)
}

/// The next addresses of a tenant on which something stands.
///
/// # Errors
/// When the store cannot be read.
pub fn addresses(
    tx: &mut Tx<'_>,
    tenant: &str,
    after: Option<&AddressKey>,
    limit: usize,
) -> Result<Vec<Address>> {
    let keys = tx.rows.suppressed_after(tenant, after, limit)?;
    let mut page = Vec::with_capacity(keys.len());
    for key in keys {
        let live = live(tx.reasons(tenant, &Subject::Address(key.clone()))?);
        let held = !tx.rows.holders(tenant, &key)?.is_empty();
        page.push(Address { key, live, held });
    }
    Ok(page)
}

/// Does this contact tell of an address that several hold? One of them does, so that no list names it twice.
///
/// # Errors
/// When the store cannot be read.
pub fn speaks_for(tx: &mut Tx<'_>, tenant: &str, contact: &str, address: &AddressKey) -> Result<bool> {
    Ok(tx.rows.holders(tenant, address)?.iter().min().is_some_and(|first| first == contact))
}

/// The live reasons on an address and on every contact that holds it.
///
/// # Errors
/// When the store cannot be read.
pub fn blocking(tx: &mut Tx<'_>, tenant: &str, address: &AddressKey) -> Result<Vec<Reason>> {
    let mut all = live(tx.reasons(tenant, &Subject::Address(address.clone()))?);
    for contact in tx.rows.holders(tenant, address)? {
        all.extend(live(tx.reasons(tenant, &Subject::Contact(contact))?));
    }
    Ok(all)
}
