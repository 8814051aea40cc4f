//! A run of entries, checked by itself: each row carries its own hash, so that runs are checked side by side.

use super::{FAULTS_MAX, Fault};
use crate::{
    engine::Store,
    error::Result,
    ledger::{
        ERASE, chained, commitment,
        merkle::{self, Hash, TILE},
    },
    rows::LedgerRow,
    tx::Tx,
};
use serde::Deserialize;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::{
    collections::BTreeMap,
    hash::Hasher,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::sync_channel,
    },
};

/// Entries in a part: whole tiles.
const PART: u64 = 16 * TILE;
/// Parts that wait to be put together, for each thread.
const PARTS_WAITING: usize = 4;

/// What one thread found out about a run of entries.
pub(super) struct Part {
    /// The hash before the first.
    before: Option<Hash>,
    pub(super) hashes: Vec<Hash>,
    /// Roots of its tiles; the last may be incomplete and is then not among them.
    pub(super) tiles: Vec<Hash>,
    /// For each tile a sum over what the index must hold.
    pub(super) sums: Vec<u128>,
    /// Entries without a personal part: number and about whom.
    pub(super) erased: Vec<(u64, Vec<u64>)>,
    /// Who was erased, by which entry.
    pub(super) erasures: Vec<(u64, u64)>,
    pub(super) faults: Vec<Fault>,
}

/// Has every part checked, on as many threads as there are processors, and puts them together in order.
pub(super) fn each(store: &Store, last: u64, keyed: [u8; 16], mut take: impl FnMut(Part)) -> Result<()> {
    let parts = last.div_ceil(PART);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|threads| {
        let (done, all) = sync_channel::<(u64, Result<Part>)>(workers * PARTS_WAITING);
        for _ in 0..workers {
            let (done, next, failed) = (done.clone(), &next, &failed);
            threads.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= parts || failed.load(Ordering::Relaxed) {
                        return;
                    }
                    let (from, to) = (number * PART + 1, ((number + 1) * PART).min(last));
                    let part = store.read_blocking(move |tx| check(tx, from, to, keyed));
                    failed.fetch_or(part.is_err(), Ordering::Relaxed);
                    if done.send((number, part)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        let (mut waiting, mut turn) = (BTreeMap::new(), 0);
        for (number, part) in all {
            waiting.insert(number, part?);
            while let Some(part) = waiting.remove(&turn) {
                take(part);
                turn += 1;
            }
        }
        Ok(())
    })
}

/// What is read of an entry's text; the rest is bound by its hash.
#[derive(Deserialize)]
pub(super) struct Said<'a> {
    seq: u64,
    change: &'a str,
    #[serde(borrow, default)]
    pub(super) about: Vec<&'a str>,
    personal: &'a str,
}

/// The part of an erasing entry that names who was erased.
#[derive(Deserialize)]
struct Erasing {
    more: Erased,
}

#[derive(Deserialize)]
struct Erased {
    #[serde(default)]
    erased: Vec<String>,
}

fn token_hash(keyed: [u8; 16], token: &str) -> u64 {
    let mut hasher = SipHasher13::new_with_key(&keyed);
    hasher.write(token.as_bytes());
    hasher.finish()
}

/// A line of the index as a number that nobody can foresee: sums of them tell sets apart.
pub(super) fn line_hash(keyed: [u8; 16], token: &str, seq: u64) -> u128 {
    let mut hasher = SipHasher13::new_with_key(&keyed);
    hasher.write_u64(seq);
    hasher.write(token.as_bytes());
    hasher.finish128().as_u128()
}

fn check(tx: &mut Tx<'_>, from: u64, to: u64, keyed: [u8; 16]) -> Result<Part> {
    let length = usize::try_from(to - from + 1).unwrap_or_default();
    let mut part = Part {
        before: if from == 1 { Some([0; 32]) } else { tx.rows.entry_hashes(from - 1, from - 1)?.pop() },
        hashes: Vec::with_capacity(length),
        tiles: Vec::new(),
        sums: Vec::new(),
        erased: Vec::new(),
        erasures: Vec::new(),
        faults: Vec::new(),
    };
    let (mut expected, mut previous) = (from, part.before);
    tx.rows.each_entry(from, to, &mut |row| {
        if row.seq > expected {
            part.gap(expected, row.seq - 1);
            // What the first behind a gap is chained to is gone.
            previous = None;
        }
        part.entry(&row, previous.as_ref(), keyed);
        previous = Some(row.hash);
        expected = row.seq + 1;
    })?;
    if expected <= to {
        part.gap(expected, to);
    }
    let tile_entries = usize::try_from(TILE).unwrap_or(usize::MAX);
    part.tiles = part.hashes.chunks_exact(tile_entries).map(merkle::tile).collect();
    Ok(part)
}

impl Part {
    fn fault(&mut self, seq: u64, why: impl Into<String>) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { seq, why: why.into() });
        }
    }

    fn gap(&mut self, from: u64, to: u64) {
        let why = if from == to {
            format!("entry {from} is missing")
        } else {
            format!("the entries {from} to {to} are missing")
        };
        self.fault(from, why);
        for _ in from..=to {
            self.place(0);
            self.hashes.push([0; 32]);
        }
    }

    /// Adds to the sum of the tile to which the next entry belongs.
    fn place(&mut self, sum: u128) {
        if (self.hashes.len() as u64).is_multiple_of(TILE) {
            self.sums.push(0);
        }
        if let Some(tile) = self.sums.last_mut() {
            *tile = tile.wrapping_add(sum);
        }
    }

    fn entry(&mut self, row: &LedgerRow, previous: Option<&Hash>, keyed: [u8; 16]) {
        let seq = row.seq;
        if previous.is_some_and(|previous| chained(previous, &row.entry) != row.hash) {
            self.fault(seq, format!("entry {seq} was changed, or the one before it was"));
        }
        match serde_json::from_str::<Said<'_>>(&row.entry) {
            Err(_) => {
                self.fault(seq, format!("entry {seq} cannot be read"));
                self.place(0);
            }
            Ok(said) => {
                if said.seq != seq {
                    self.fault(seq, format!("entry {seq} stands in the place of entry {}", said.seq));
                }
                let lines = said.about.iter().map(|token| line_hash(keyed, token, seq));
                self.place(lines.fold(0, u128::wrapping_add));
                match &row.personal {
                    Some((salt, data)) if said.personal != commitment(salt, data) => {
                        self.fault(seq, format!("the personal part of entry {seq} was changed"));
                    }
                    Some(_) => {}
                    None => {
                        let about = said.about.iter().map(|token| token_hash(keyed, token)).collect();
                        self.erased.push((seq, about));
                    }
                }
                if said.change == ERASE {
                    self.erasures.extend(erased_by(row).iter().map(|token| (token_hash(keyed, token), seq)));
                }
            }
        }
        self.hashes.push(row.hash);
    }
}

/// Who was erased by an entry, as its index names them.
pub(in crate::ledger) fn erased_by(row: &LedgerRow) -> Vec<String> {
    serde_json::from_str::<Erasing>(&row.entry).map(|entry| entry.more.erased).unwrap_or_default()
}
