//! The Do-Not-Disturb cache: a keyed 64-bit hash for each suppressed address, and what it is protected from.
//!
//! Two addresses with one hash would be blocked together, at odds below one in 10¹¹ for a send with 100
//! million entries. The key is secret, so that nobody can make them meet.
//!
//! An entry's hash is the hash of the address, combined with that of the scope in which it counts: a tenant, or
//! the agency above them all. With `suppression_scope = "global"` all scopes are one.

use dashmap::DashMap;
use dndgate_adapter::AddressKind;
use dndgate_dnd::Suppressed;
use siphasher::sip::SipHasher13;
use std::{
    hash::{BuildHasherDefault, Hasher},
    sync::atomic::{AtomicBool, Ordering},
};

/// The scope above the tenants: the agency's own suppression list, which counts in each of them. No tenant can
/// be called so.
pub const AGENCY: &str = "@agency";

/// The keys are hashes already.
#[derive(Default, Clone, Copy)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("the cache is keyed by u64 alone")
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// The cache.
pub struct Cache {
    entries: DashMap<u64, u32, BuildHasherDefault<AsIs>>,
    key: [u8; 16],
    complete: AtomicBool,
    global: AtomicBool,
    /// The agency's list was used: only then is a second look needed.
    agency: AtomicBool,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("entries", &self.entries.len()).finish()
    }
}

impl Cache {
    /// An empty cache with the installation's key, sized for `entries`.
    pub fn new(key: [u8; 16], entries: usize) -> Cache {
        Cache {
            entries: DashMap::with_capacity_and_hasher(entries, BuildHasherDefault::default()),
            key,
            complete: AtomicBool::new(false),
            global: AtomicBool::new(false),
            agency: AtomicBool::new(false),
        }
    }

    /// What an address is protected from in a tenant, by the tenant's own DND and by the agency's list. Does
    /// not allocate.
    pub fn get(&self, tenant: &str, kind: AddressKind, key: &[u8]) -> Suppressed {
        let address = self.address(kind, key);
        let own = self.entry(self.place(tenant, address));
        if self.agency.load(Ordering::Acquire) {
            own.with(self.entry(self.place(AGENCY, address)))
        } else {
            own
        }
    }

    fn entry(&self, hash: u64) -> Suppressed {
        self.entries.get(&hash).map_or(Suppressed::NONE, |bits| Suppressed::from_bits(*bits))
    }

    /// The keyed hash of an address, the same in every scope.
    pub(crate) fn address(&self, kind: AddressKind, key: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        // The first byte keeps addresses and scopes apart.
        hasher.write(&[0xff, kind as u8]);
        hasher.write(key);
        hasher.finish()
    }

    /// The hash of an address in one scope, whatever the configuration makes of scopes.
    pub(crate) fn scoped(&self, scope: &str, address: u64) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(&[0xfe]);
        hasher.write(scope.as_bytes());
        address ^ hasher.finish()
    }

    /// Where the cache keeps an address of a scope.
    pub(crate) fn place(&self, scope: &str, address: u64) -> u64 {
        if self.is_global() { address } else { self.scoped(scope, address) }
    }

    /// Makes DND of one tenant count in all (`suppression_scope = "global"`). To be set before it is filled.
    pub fn set_global(&self, global: bool) {
        self.global.store(global, Ordering::Relaxed);
    }

    pub(crate) fn is_global(&self) -> bool {
        self.global.load(Ordering::Relaxed)
    }

    /// From now on the agency's list is looked at too.
    pub(crate) fn use_agency(&self) {
        self.agency.store(true, Ordering::Release);
    }

    pub(crate) fn add(&self, hash: u64, more: Suppressed) {
        if more.is_none() {
            return;
        }
        self.entries
            .entry(hash)
            .and_modify(|bits| *bits = Suppressed::from_bits(*bits).with(more).bits())
            .or_insert(more.bits());
    }

    pub(crate) fn set(&self, hash: u64, exactly: Suppressed) {
        if exactly.is_none() {
            self.entries.remove(&hash);
        } else {
            self.entries.insert(hash, exactly.bits());
        }
    }

    pub(crate) fn finish(&self) {
        self.complete.store(true, Ordering::Release);
    }

    /// Suppressed addresses.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Nobody is suppressed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Everything in the store is in it.
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }
}
