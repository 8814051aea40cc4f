//! Checkpoints in the making: tiles of the Merkle tree are kept as entries come, and every now and then what the
//! ledger holds is signed.

use super::{
    merkle::{self, Edge, TILE, Tree},
    note::{Checkpoint, SealKey},
};
use crate::{
    error::{Result, StoreError},
    rows::Rows,
    tx::Tx,
};
use jiff::Timestamp;

/// Tiles made at a time, so that nobody waits long for the writer.
const TILES_MAX: u64 = 64;

/// What this ledger is called in checkpoints.
///
/// # Errors
/// When the store was never opened for writing.
pub fn origin(tx: &mut Tx<'_>) -> Result<String> {
    let name = tx.rows.meta(super::NAME)?;
    let name =
        name.ok_or_else(|| StoreError::Corrupt("the ledger has no name; start dndgate serve once".into()))?;
    Ok(format!("dndgate-ledger/{}", hex::encode(&name[..name.len().min(8)])))
}

/// How many entries no checkpoint covers yet.
///
/// # Errors
/// When the store cannot be read.
pub fn unsealed(tx: &mut Tx<'_>) -> Result<u64> {
    let sealed = latest(tx)?.map_or(0, |last| last.size);
    Ok(tx.rows.head()?.0.saturating_sub(sealed))
}

/// The newest checkpoint.
///
/// # Errors
/// When the store cannot be read.
pub fn latest(tx: &mut Tx<'_>) -> Result<Option<Checkpoint>> {
    let Some((_, note)) = tx.rows.checkpoints(0, true, 1)?.pop() else { return Ok(None) };
    Checkpoint::read(&note)
        .map(Some)
        .map_err(|why| StoreError::Corrupt(format!("the newest checkpoint: {why}")))
}

/// The newest checkpoints, oldest first, as they were signed.
///
/// # Errors
/// When the store cannot be read.
pub fn newest(tx: &mut Tx<'_>, limit: usize) -> Result<Vec<String>> {
    let mut all: Vec<String> =
        tx.rows.checkpoints(0, true, limit)?.into_iter().map(|(_, note)| note).collect();
    all.reverse();
    Ok(all)
}

/// Keeps the roots of tiles that have become whole, a part at a time. True: there are more.
///
/// # Errors
/// When the store cannot be written.
pub fn tile_on(tx: &mut Tx<'_>) -> Result<bool> {
    let (size, _) = tx.rows.head()?;
    let (have, whole) = (tx.rows.tile_count()?, size / TILE);
    for tile in have..whole.min(have + TILES_MAX) {
        let entries = tx.rows.entry_hashes(tile * TILE + 1, (tile + 1) * TILE)?;
        if entries.len() as u64 != TILE {
            return Err(missing());
        }
        tx.rows.put_tile(tile, &merkle::tile(&entries))?;
    }
    Ok(whole > have + TILES_MAX)
}

fn missing() -> StoreError {
    StoreError::Corrupt("entries of the ledger are missing; run dndgate ledger verify".into())
}

/// Signs how the ledger stands now and keeps it; none when nothing came since the last time.
///
/// # Errors
/// When the ledger is not what it was at the last checkpoint: then nothing is signed. Or the store cannot be written.
pub fn seal(tx: &mut Tx<'_>, key: &SealKey, now: Timestamp) -> Result<Option<Checkpoint>> {
    let (size, chain) = tx.rows.head()?;
    let last = latest(tx)?;
    if let Some(last) = &last {
        if size == last.size && chain == last.chain {
            return Ok(None);
        }
        let then = if last.size == 0 { None } else { tx.rows.entry_hashes(last.size, last.size)?.pop() };
        if size < last.size || then != Some(last.chain) {
            return Err(StoreError::Corrupt(format!(
                "the ledger is not what checkpoint {} says of its {} entries; run dndgate ledger verify",
                last.number, last.size
            )));
        }
    } else if size == 0 {
        return Ok(None);
    }
    let mut edge = Edge::default();
    tx.rows.tiles(0)?.into_iter().for_each(|root| edge.push_tile(root));
    let rest = tx.rows.entry_hashes(edge.size() + 1, size)?;
    rest.iter().for_each(|entry| edge.push(entry));
    if edge.size() != size {
        return Err(missing());
    }
    let checkpoint = key.seal(Checkpoint {
        origin: origin(tx)?,
        size,
        root: edge.root(),
        number: last.map_or(1, |last| last.number + 1),
        chain,
        at: now,
        note: String::new(),
    });
    tx.rows.put_checkpoint(checkpoint.number, &checkpoint.note)?;
    Ok(Some(checkpoint))
}

/// Signs how the ledger stands now without keeping it, for a proof. Its number is that of the next checkpoint.
pub(super) fn sealed_now(tx: &mut Tx<'_>, key: &SealKey, now: Timestamp) -> Result<(Checkpoint, Tree)> {
    let (size, chain) = tx.rows.head()?;
    let mut tree = Tree::new(tx.rows, size)?;
    let root = tree.root(tx.rows)?;
    let number = latest(tx)?.map_or(1, |last| last.number + 1);
    let checkpoint =
        Checkpoint { origin: origin(tx)?, size, root, number, chain, at: now, note: String::new() };
    Ok((key.seal(checkpoint), tree))
}

/// The name of the ledger, made with the store.
pub(crate) fn name<R: Rows + ?Sized>(rows: &mut R) -> Result<()> {
    crate::meta::secret_of(rows, super::NAME).map(drop)
}
