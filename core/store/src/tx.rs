//! A transaction: rows, and what it will mean for cache and feed once it is durable.

use crate::{
    cache::Cache,
    error::Result,
    rows::{Rows, Subject},
};
use dndgate_adapter::Channels;
use dndgate_dnd::{AddressKey, Reason, Suppressed};
use jiff::Timestamp;
use std::collections::HashSet;

/// A transaction in progress. The operations of this crate take one.
pub struct Tx<'a> {
    pub(crate) rows: &'a mut dyn Rows,
    pub(crate) cache: &'a Cache,
    pub(crate) listed: Channels,
    pub(crate) touched: HashSet<(String, AddressKey)>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(rows: &'a mut dyn Rows, cache: &'a Cache, listed: Channels) -> Tx<'a> {
        Tx { rows, cache, listed, touched: HashSet::new() }
    }

    /// The database's own rows.
    pub fn rows(&mut self) -> &mut dyn Rows {
        self.rows
    }

    /// How an erased address stands in the store (R5).
    pub(crate) fn erased(&self, tenant: &str, address: &AddressKey) -> String {
        format!("h:{:016x}", self.cache.hash(tenant, address.kind, address.key.as_bytes()))
    }

    /// How ledger entries are found by an address without holding it.
    pub(crate) fn address_subject(&self, tenant: &str, address: &AddressKey) -> String {
        format!("a:{:016x}", self.cache.hash(tenant, address.kind, address.key.as_bytes()))
    }

    /// All reasons on a subject, ended ones too.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn reasons(&mut self, tenant: &str, subject: &Subject) -> Result<Vec<Reason>> {
        let erased = match subject {
            Subject::Address(address) => self.erased(tenant, address),
            Subject::Contact(_) => String::new(),
        };
        self.rows.reasons(tenant, subject, &erased)
    }

    /// The cache must look at this address again.
    pub(crate) fn touch(&mut self, tenant: &str, address: &AddressKey) {
        self.touched.insert((tenant.to_owned(), address.clone()));
    }

    pub(crate) fn touch_contact(&mut self, tenant: &str, contact: &str) -> Result<()> {
        for address in self.rows.addresses(contact)? {
            self.touch(tenant, &address.key);
        }
        Ok(())
    }

    /// What an address is protected from: by itself, and by every contact that holds it (R6).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn suppressed(&mut self, tenant: &str, address: &AddressKey) -> Result<Suppressed> {
        let mut all = Suppressed::by(&self.reasons(tenant, &Subject::Address(address.clone()))?);
        for contact in self.rows.holders(tenant, address)? {
            all = all.with(Suppressed::by(&self.reasons(tenant, &Subject::Contact(contact))?));
        }
        Ok(all)
    }
}

/// Now, for what is kept.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
