//! Merkle trees as RFC 6962, section 2.1, has them: a root binds all entries, and a short path proves that one entry
//! is among them without showing the others.
//!
//! A leaf is an entry's chained hash. Every [`TILE`] leaves make a tile, whose root is kept, so that neither a
//! checkpoint nor a proof reads the whole ledger.

use crate::{
    error::{Result, StoreError},
    rows::Rows,
};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// A SHA-256 value.
pub(crate) type Hash = [u8; 32];

/// Leaves in a tile; a power of two.
pub(crate) const TILE: u64 = 256;

/// The hash of a leaf.
pub(crate) fn leaf(entry: &Hash) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of two subtrees.
pub(crate) fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a whole tile, of its entries' hashes.
pub(crate) fn tile(entries: &[Hash]) -> Hash {
    let mut level: Vec<Hash> = entries.iter().map(leaf).collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| node(&pair[0], &pair[1])).collect();
    }
    level[0]
}

/// The right edge of a growing tree: the roots of its whole subtrees, the largest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edge {
    size: u64,
    peaks: Vec<Hash>,
}

impl Edge {
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Adds an entry.
    pub(crate) fn push(&mut self, entry: &Hash) {
        self.grow(leaf(entry), 1);
    }

    /// Adds a whole tile by its root; the tree must end at a tile's end.
    pub(crate) fn push_tile(&mut self, root: Hash) {
        self.grow(root, TILE);
    }

    fn grow(&mut self, mut root: Hash, leaves: u64) {
        // A subtree of equal size at the edge becomes the left half of one twice as large.
        let mut bit = leaves;
        while self.size & bit != 0 {
            if let Some(left) = self.peaks.pop() {
                root = node(&left, &root);
            }
            bit <<= 1;
        }
        self.peaks.push(root);
        self.size += leaves;
    }

    /// The root of the whole tree.
    pub(crate) fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => Sha256::digest([]).into(),
            Some(last) => peaks.fold(*last, |right, left| node(left, &right)),
        }
    }
}

/// The largest power of two below a size.
fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// The tree over the first entries of a ledger, for proofs.
pub(crate) struct Tree {
    size: u64,
    tiles: Vec<Hash>,
    known: HashMap<(u64, u64), Hash>,
}

impl Tree {
    /// Over so many entries.
    pub(crate) fn new<R: Rows + ?Sized>(rows: &mut R, size: u64) -> Result<Tree> {
        Ok(Tree { size, tiles: rows.tiles(0)?, known: HashMap::new() })
    }

    /// The root.
    pub(crate) fn root<R: Rows + ?Sized>(&mut self, rows: &mut R) -> Result<Hash> {
        if self.size == 0 { Ok(Edge::default().root()) } else { self.hash(rows, 0, self.size) }
    }

    /// The path that proves the entry with this number (from 1), from the leaf upwards.
    pub(crate) fn path<R: Rows + ?Sized>(&mut self, rows: &mut R, seq: u64) -> Result<Vec<Hash>> {
        let leaf = seq - 1;
        let (mut start, mut end, mut path) = (0, self.size, Vec::new());
        while end - start > 1 {
            let middle = start + split(end - start);
            if leaf < middle {
                path.push(self.hash(rows, middle, end)?);
                end = middle;
            } else {
                path.push(self.hash(rows, start, middle)?);
                start = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// The root over some leaves.
    fn hash<R: Rows + ?Sized>(&mut self, rows: &mut R, start: u64, end: u64) -> Result<Hash> {
        if let Some(found) = self.known.get(&(start, end)) {
            return Ok(*found);
        }
        let length = end - start;
        let kept = (length == TILE && start.is_multiple_of(TILE))
            .then(|| usize::try_from(start / TILE).ok().and_then(|at| self.tiles.get(at)).copied())
            .flatten();
        let found = match kept {
            Some(root) => root,
            None if length <= TILE => {
                let entries = rows.entry_hashes(start + 1, end)?;
                if entries.len() as u64 != length {
                    return Err(StoreError::Corrupt("entries of the ledger are missing".into()));
                }
                let mut edge = Edge::default();
                entries.iter().for_each(|entry| edge.push(entry));
                edge.root()
            }
            None => {
                let middle = start + split(length);
                let left = self.hash(rows, start, middle)?;
                node(&left, &self.hash(rows, middle, end)?)
            }
        };
        self.known.insert((start, end), found);
        Ok(found)
    }
}

/// The root that a path leads to (RFC 9162, section 2.1.3.2); none when the path is too long or too short.
pub(crate) fn root_of(entry: &Hash, seq: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let (mut at, mut last) = (seq.checked_sub(1)?, size.checked_sub(1)?);
    if at > last {
        return None;
    }
    let mut found = leaf(entry);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            found = node(sibling, &found);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            found = node(&found, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> Hash {
        Sha256::digest(number.to_be_bytes()).into()
    }

    /// The definition, word for word.
    fn defined(entries: &[Hash]) -> Hash {
        match entries.len() {
            0 => Sha256::digest([]).into(),
            1 => leaf(&entries[0]),
            count => {
                let middle = usize::try_from(split(count as u64)).expect("small");
                node(&defined(&entries[..middle]), &defined(&entries[middle..]))
            }
        }
    }

    #[test]
    fn an_edge_has_the_root_of_the_definition() {
        let entries: Vec<Hash> = (0..1_100).map(entry).collect();
        let mut edge = Edge::default();
        for size in 0..entries.len() {
            assert_eq!(edge.root(), defined(&entries[..size]), "{size}");
            edge.push(&entries[size]);
        }
        let mut tiled = Edge::default();
        entries[..1_024].chunks(256).for_each(|part| tiled.push_tile(tile(part)));
        entries[1_024..].iter().for_each(|one| tiled.push(one));
        assert_eq!((tiled.size(), tiled.root()), (edge.size(), edge.root()));
    }

    #[test]
    fn nothing_but_the_path_leads_to_the_root() {
        let entries: Vec<Hash> = (0..37).map(entry).collect();
        let root = defined(&entries);
        fn path(entries: &[Hash], at: usize) -> Vec<Hash> {
            if entries.len() <= 1 {
                return Vec::new();
            }
            let middle = usize::try_from(split(entries.len() as u64)).expect("small");
            let (left, right) = entries.split_at(middle);
            let (mut below, sibling) = if at < middle {
                (path(left, at), defined(right))
            } else {
                (path(right, at - middle), defined(left))
            };
            below.push(sibling);
            below
        }
        for (at, one) in entries.iter().enumerate() {
            let (seq, way) = (at as u64 + 1, path(&entries, at));
            assert_eq!(root_of(one, seq, 37, &way), Some(root), "{seq}");
            assert_ne!(root_of(&entry(99), seq, 37, &way), Some(root));
            assert_ne!(root_of(one, seq % 37 + 1, 37, &way), Some(root));
            assert_ne!(root_of(one, seq, 37, &way[1..]), Some(root));
        }
    }
}
