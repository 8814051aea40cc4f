//! The Do-Not-Disturb cache: a keyed 64-bit hash for each suppressed address, and what it is protected from.
//!
//! Two addresses with one hash would be blocked together, at odds below one in 10¹¹ for a send with 100
//! million entries. The key is secret, so that nobody can make them meet.

use dashmap::DashMap;
use dndgate_adapter::AddressKind;
use dndgate_dnd::Suppressed;
use siphasher::sip::SipHasher13;
use std::{
    hash::{BuildHasherDefault, Hasher},
    sync::atomic::{AtomicBool, Ordering},
};

/// The keys are hashes already.
#[derive(Default, Clone, Copy)]
struct AsIs(u64);

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
        }
    }

    /// What an address is protected from. Does not allocate.
    pub fn get(&self, tenant: &str, kind: AddressKind, key: &[u8]) -> Suppressed {
        let hash = self.hash(tenant, kind, key);
        self.entries.get(&hash).map_or(Suppressed::NONE, |bits| Suppressed::from_bits(*bits))
    }

    /// The keyed hash of an address.
    pub fn hash(&self, tenant: &str, kind: AddressKind, key: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        if !self.global.load(Ordering::Relaxed) {
            hasher.write(tenant.as_bytes());
        }
        // No tenant's name holds this byte, so that names and kinds cannot run together.
        hasher.write(&[0xff, kind as u8]);
        hasher.write(key);
        hasher.finish()
    }

    /// Makes DND of one tenant count in all (`suppression_scope = "global"`). To be set before it is filled.
    pub fn set_global(&self, global: bool) {
        self.global.store(global, Ordering::Relaxed);
    }

    pub(crate) fn is_global(&self) -> bool {
        self.global.load(Ordering::Relaxed)
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
