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
    /// Appends a ledger entry under its subjects and moves the head.
    fn append(&mut self, row: &LedgerRow, subjects: &[String]) -> Result<()>;
    /// The entries of these subjects, oldest first.
    fn entries_of(&mut self, subjects: &[String], limit: usize) -> Result<Vec<LedgerRow>>;
    /// Calls `each` for every entry in order, until it says false.
    fn each_entry(&mut self, each: &mut dyn FnMut(LedgerRow) -> bool) -> Result<()>;
    /// Forgets the personal part of a subject's entries (R5).
    fn forget(&mut self, subject: &str) -> Result<()>;
}
