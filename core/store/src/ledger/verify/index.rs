//! The index of the ledger, by whom entries are found: it leads to every entry, and to none that is not about them.

use super::{
    FAULTS_MAX, Fault,
    part::{Said, line_hash},
};
use crate::{engine::Store, error::Result, ledger::merkle::TILE};
use std::{collections::HashSet, sync::Arc};

/// The tile of an entry; of 0, which no entry has, one that no tile is.
const fn tile_of(seq: u64) -> u64 {
    seq.wrapping_sub(1) / TILE
}

/// For each tile a sum over what the index holds.
pub(super) fn sums(store: &Store, last: u64, keyed: [u8; 16]) -> Result<Vec<u128>> {
    let tiles = usize::try_from(last.div_ceil(TILE)).unwrap_or_default();
    store.read_blocking(move |tx| {
        // Lines of numbers that no entry has are counted at the end.
        let mut sums = vec![0u128; tiles + 1];
        tx.rows.each_subject(&mut |token, seq| {
            if seq > last {
                return;
            }
            let tile = usize::try_from(tile_of(seq)).unwrap_or(tiles).min(tiles);
            sums[tile] = sums[tile].wrapping_add(line_hash(keyed, token, seq));
        })?;
        Ok(sums)
    })
}

/// Where index and entries disagree.
pub(super) fn faults(store: &Store, last: u64, have: &[u128], want: &[u128]) -> Result<Vec<Fault>> {
    let tiles = want.len().max(have.len());
    let sum = |sums: &[u128], tile: usize| sums.get(tile).copied().unwrap_or(0);
    let wrong: HashSet<u64> =
        (0..tiles).filter(|tile| sum(have, *tile) != sum(want, *tile)).map(|tile| tile as u64).collect();
    if wrong.is_empty() {
        return Ok(Vec::new());
    }
    let wrong = Arc::new(wrong);
    store.read_blocking(move |tx| {
        let mut lines: HashSet<(u64, String)> = HashSet::new();
        tx.rows.each_subject(&mut |token, seq| {
            if seq <= last && (wrong.contains(&tile_of(seq)) || seq == 0) {
                lines.insert((seq, token.to_owned()));
            }
        })?;
        let mut faults = Vec::new();
        for tile in wrong.iter() {
            tx.rows.each_entry(tile * TILE + 1, ((tile + 1) * TILE).min(last), &mut |row| {
                let Ok(said) = serde_json::from_str::<Said<'_>>(&row.entry) else { return };
                for token in said.about {
                    if !lines.remove(&(row.seq, token.to_owned())) {
                        let why = format!("the index does not lead from {token} to entry {}", row.seq);
                        faults.push(Fault { seq: row.seq, why });
                    }
                }
            })?;
        }
        let extra = lines.into_iter().map(|(seq, token)| {
            let why = format!("the index leads from {token} to entry {seq}, which is not about it");
            Fault { seq, why }
        });
        faults.extend(extra);
        faults.sort();
        faults.truncate(FAULTS_MAX);
        Ok(faults)
    })
}
