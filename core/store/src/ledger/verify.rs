//! Is the ledger as it was written? Every entry, every personal part, every line of the index, the head, every tile
//! and every checkpoint, those kept elsewhere too.
//!
//! Entries are checked in parts on several threads, because each row carries its own hash: that a part begins where
//! the one before it ends is checked when they are put together, in order.

mod index;
mod part;
mod whole;

pub(super) use part::erased_by;

use super::{
    note::{Checkpoint, PublicKey},
    seal,
};
use crate::{engine::Store, error::Result};
use whole::{Whole, unexplained};

/// Faults that are told one by one.
const FAULTS_MAX: usize = 20;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The entry's number, or the last that it concerns.
    pub seq: u64,
    /// What is wrong.
    pub why: String,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Entries.
    pub entries: u64,
    /// Entries whose personal part was erased (R5).
    pub erased: u64,
    /// Checkpoints that agree with the entries.
    pub checkpoints: u64,
    /// The entries up to this one stand under a signature.
    pub sealed: u64,
    /// What is wrong, the first places first; at most twenty.
    pub faults: Vec<Fault>,
}

/// Whose signatures are believed, and what was kept elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Keys that may have signed checkpoints.
    pub keys: Vec<PublicKey>,
    /// Checkpoints kept elsewhere, with where.
    pub outside: Vec<(String, Checkpoint)>,
}

/// Checks everything.
///
/// # Errors
/// When the store cannot be read.
pub fn verify(store: &Store, trust: Trust, progress: impl Fn(u64) + Send) -> Result<Verified> {
    let ((last, head), notes, origin) = store.read_blocking(|tx| {
        let notes = tx.rows.checkpoints(0, false, usize::MAX)?;
        Ok((tx.rows.head()?, notes, seal::origin(tx)?))
    })?;
    let mut found = Verified { entries: last, ..Verified::default() };
    let mut keyed = [0u8; 16];
    getrandom::fill(&mut keyed).map_err(|error| crate::StoreError::Unavailable(error.to_string()))?;
    let (checkpoints, mut faults) = read_checkpoints(&notes, &origin, &trust);
    let index = std::thread::scope(|threads| {
        let index = threads.spawn(|| index::sums(store, last, keyed));
        let mut whole = Whole::new(checkpoints, store)?;
        part::each(store, last, keyed, |part| {
            whole.add(part);
            progress(whole.edge.size());
        })?;
        faults.extend(whole.end(last, &head));
        found.erased = whole.erased.len() as u64;
        (found.checkpoints, found.sealed) = (whole.agreeing, whole.sealed);
        faults.extend(unexplained(store, last, &whole)?);
        let index = index.join().unwrap_or_else(|_| Ok(Vec::new()))?;
        Ok::<_, crate::StoreError>((index, whole.sums))
    })?;
    faults.extend(index::faults(store, last, &index.0, &index.1)?);
    faults.sort();
    faults.dedup();
    faults.truncate(FAULTS_MAX);
    found.faults = faults;
    Ok(found)
}

/// The checkpoints in the order of what they cover, each with where it is kept, and what is wrong with any of them.
fn read_checkpoints(
    notes: &[(u64, String)],
    origin: &str,
    trust: &Trust,
) -> (Vec<(String, Checkpoint)>, Vec<Fault>) {
    let (mut all, mut faults) = (Vec::new(), Vec::new());
    let mut covered = 0;
    for (index, (number, note)) in notes.iter().enumerate() {
        let place = format!("checkpoint {number}");
        let expected = index as u64 + 1;
        match Checkpoint::read(note) {
            Err(why) => faults.push(Fault { seq: covered, why: format!("{place}: {why}") }),
            Ok(one) => {
                if one.number != *number || *number != expected || one.size < covered {
                    let why = format!("checkpoint {expected} is missing, or {place} stands in its place");
                    faults.push(Fault { seq: one.size, why });
                }
                covered = covered.max(one.size);
                all.push((place, one));
            }
        }
    }
    all.extend(trust.outside.iter().cloned());
    all.retain(|(place, one)| {
        let why = if one.origin != origin {
            format!("{place}: it is of another ledger ({}, this is {origin})", one.origin)
        } else if trust.keys.iter().any(|key| key.signed(one)) {
            return true;
        } else {
            format!(
                "{place}: its signature is not of a key that is known here (ledger.key, ledger.former_keys)"
            )
        };
        faults.push(Fault { seq: one.size, why });
        false
    });
    all.sort_by_key(|(_, one)| one.size);
    (all, faults)
}
