//! The ledger and its chain.

use crate::error::Result;

/// An entry of the ledger as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerRow {
    /// Its number; the first is 1.
    pub seq: u64,
    /// SHA-256 of the previous hash and `entry`.
    pub hash: [u8; 32],
    /// The entry, JSON without personal data.
    pub entry: String,
    /// The personal part, while it is kept: salt and JSON.
    pub personal: Option<(Vec<u8>, String)>,
}

/// The ledger and its chain.
pub trait LedgerRows {
    /// Number and hash of the last ledger entry; locks them until the transaction ends.
    fn head(&mut self) -> Result<(u64, [u8; 32])>;
    /// Appends a ledger entry and moves the head. It is found by those whom its text names in `about`.
    fn append(&mut self, row: &LedgerRow) -> Result<()>;
    /// The entries of these subjects, oldest first.
    fn entries_of(&mut self, subjects: &[String], limit: usize) -> Result<Vec<LedgerRow>>;
    /// Calls `each` for the entries from one number to another, in order.
    fn each_entry(&mut self, from: u64, to: u64, each: &mut dyn FnMut(LedgerRow)) -> Result<()>;
    /// The hashes of the entries from one number to another, in order; those that are missing are left out.
    fn entry_hashes(&mut self, from: u64, to: u64) -> Result<Vec<[u8; 32]>>;
    /// Calls `each` for every line of the index: by whom an entry is found, and its number.
    fn each_subject(&mut self, each: &mut dyn FnMut(&str, u64)) -> Result<()>;
    /// Forgets the personal part of a subject's entries (R5).
    fn forget(&mut self, subject: &str) -> Result<()>;

    /// How many roots of tiles are kept.
    fn tile_count(&mut self) -> Result<u64>;
    /// The kept roots from a tile on, in order.
    fn tiles(&mut self, from: u64) -> Result<Vec<[u8; 32]>>;
    /// Keeps the root of a tile.
    fn put_tile(&mut self, tile: u64, root: &[u8; 32]) -> Result<()>;
    /// Keeps a checkpoint under its number.
    fn put_checkpoint(&mut self, number: u64, note: &str) -> Result<()>;
    /// Checkpoints after a number, or the newest first.
    fn checkpoints(&mut self, after: u64, newest_first: bool, limit: usize) -> Result<Vec<(u64, String)>>;
}
