//! A transaction: rows, and what it will mean for cache and feed once it is durable.

use crate::{
    cache::{AGENCY, Cache},
    error::Result,
    rows::{Rows, Subject},
};
use dndgate_adapter::Channels;
use dndgate_dnd::{AddressKey, Reason, Suppressed};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

/// A transaction in progress. The operations of this crate take one.
pub struct Tx<'a> {
    pub(crate) rows: &'a mut dyn Rows,
    pub(crate) cache: &'a Cache,
    pub(crate) listed: Channels,
    /// Addresses at which the cache must look again.
    pub(crate) touched: HashSet<(String, AddressKey)>,
    /// Contacts whose DND changed, and whether more of them did: what search finds them by.
    pub(crate) changed: HashMap<String, bool>,
    /// What was only added to: the cache need not ask the rows.
    pub(crate) blocked: Vec<(String, AddressKey, Suppressed)>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(rows: &'a mut dyn Rows, cache: &'a Cache, listed: Channels) -> Tx<'a> {
        Tx { rows, cache, listed, touched: HashSet::new(), changed: HashMap::new(), blocked: Vec::new() }
    }

    /// The database's own rows.
    pub fn rows(&mut self) -> &mut dyn Rows {
        self.rows
    }

    fn hash(&self, address: &AddressKey) -> u64 {
        self.cache.address(address.kind, address.key.as_bytes())
    }

    /// How an erased address stands in the store (R5). Without its tenant, so that the place in the cache can
    /// be found from it in every scope.
    pub(crate) fn erased(&self, address: &AddressKey) -> String {
        format!("h:{:016x}", self.hash(address))
    }

    /// An erased address, as what came from it remembers it.
    pub(crate) fn erased_key(&self, address: &AddressKey) -> AddressKey {
        AddressKey { kind: address.kind, key: self.erased(address) }
    }

    /// How ledger entries are found by an address without holding it; each tenant's are its own.
    pub(crate) fn address_subject(&self, tenant: &str, address: &AddressKey) -> String {
        format!("a:{:016x}", self.cache.scoped(tenant, self.hash(address)))
    }

    /// Where the cache keeps an address.
    pub(crate) fn place(&self, tenant: &str, address: &AddressKey) -> u64 {
        self.cache.place(tenant, self.hash(address))
    }

    /// All reasons on a subject, ended ones too.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn reasons(&mut self, tenant: &str, subject: &Subject) -> Result<Vec<Reason>> {
        let erased = match subject {
            Subject::Address(address) => self.erased(address),
            Subject::Contact(_) => String::new(),
        };
        let mut all = self.rows.reasons(tenant, subject, &erased)?;
        if let Subject::Address(address) = subject {
            // Who asks by the address knows it: what stands under its hash came from it (R5, R23).
            for origin in all.iter_mut().filter_map(|reason| reason.origin.as_mut()) {
                if origin.kind == address.kind && origin.key == erased {
                    origin.key.clone_from(&address.key);
                }
            }
        }
        Ok(all)
    }

    /// The cache must look at this address again.
    pub(crate) fn touch(&mut self, tenant: &str, address: &AddressKey) {
        self.touched.insert((tenant.to_owned(), address.clone()));
    }

    /// Search must look at this contact again; `wholly` when more than its DND changed.
    pub(crate) fn change(&mut self, contact: &str, wholly: bool) {
        *self.changed.entry(contact.to_owned()).or_default() |= wholly;
    }

    /// The cache must block this address for these reasons as well. Cheaper than [`Tx::touch`], where nothing ended.
    pub(crate) fn block(&mut self, tenant: &str, address: &AddressKey, more: Suppressed) {
        self.blocked.push((tenant.to_owned(), address.clone(), more));
    }

    pub(crate) fn touch_contact(&mut self, tenant: &str, contact: &str) -> Result<()> {
        self.change(contact, false);
        for address in self.rows.addresses(contact)? {
            self.touch(tenant, &address.key);
        }
        Ok(())
    }

    /// An address and its other names (see [`crate::names`]). Where DND of one tenant counts in all, so does what
    /// one was told of names.
    pub(crate) fn names(&mut self, tenant: &str, address: &AddressKey) -> Result<Vec<AddressKey>> {
        let scope = if self.cache.is_global() { AGENCY } else { tenant };
        let mut all = self.rows.same_as(scope, address)?;
        all.insert(0, address.clone());
        Ok(all)
    }

    /// The contacts that hold an address under any of its names.
    pub(crate) fn holders(&mut self, tenant: &str, address: &AddressKey) -> Result<Vec<String>> {
        let mut all: Vec<String> = Vec::new();
        for name in self.names(tenant, address)? {
            for contact in self.rows.holders(tenant, &name)? {
                if !all.contains(&contact) {
                    all.push(contact);
                }
            }
        }
        Ok(all)
    }

    /// Every name of every address of a contact.
    pub(crate) fn names_of(&mut self, tenant: &str, contact: &str) -> Result<Vec<AddressKey>> {
        let mut all: Vec<AddressKey> = Vec::new();
        for address in self.rows.addresses(contact)? {
            for name in self.names(tenant, &address.key)? {
                if !all.contains(&name) {
                    all.push(name);
                }
            }
        }
        Ok(all)
    }

    /// What an address is protected from in one scope: by itself under each of its names, and by every contact
    /// that holds it (R6).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn suppressed(&mut self, tenant: &str, address: &AddressKey) -> Result<Suppressed> {
        let mut all = Suppressed::NONE;
        for name in self.names(tenant, address)? {
            let holders = self.rows.holders(tenant, &name)?;
            for subject in
                std::iter::once(Subject::Address(name)).chain(holders.into_iter().map(Subject::Contact))
            {
                all = all.with(Suppressed::by(&self.reasons(tenant, &subject)?));
            }
        }
        Ok(all)
    }

    /// What an address is protected from in a tenant, whoever says so: the tenant itself, the agency's list,
    /// and with `suppression_scope = "global"` every tenant.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn in_force(&mut self, tenant: &str, address: &AddressKey) -> Result<Suppressed> {
        let scopes = if self.cache.is_global() {
            self.rows.scopes()?
        } else {
            vec![tenant.to_owned(), AGENCY.to_owned()]
        };
        let mut all = Suppressed::NONE;
        for scope in scopes {
            all = all.with(self.suppressed(&scope, address)?);
        }
        Ok(all)
    }

    /// What the cache should say of an address.
    pub(crate) fn cacheable(&mut self, tenant: &str, address: &AddressKey) -> Result<Suppressed> {
        if self.cache.is_global() { self.in_force(tenant, address) } else { self.suppressed(tenant, address) }
    }

    /// Whatever waits at a provider for this address on these channels is to be cancelled (R14), in every
    /// tenant in which the block counts.
    pub(crate) fn cancel(&mut self, tenant: &str, address: &AddressKey, channels: Channels) -> Result<()> {
        let everywhere = tenant == AGENCY || self.cache.is_global();
        self.rows.mark_scheduled((!everywhere).then_some(tenant), address, channels, now())
    }
}

/// Now, for what is kept.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
