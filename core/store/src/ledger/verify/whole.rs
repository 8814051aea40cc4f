//! The parts put together: chain from part to part, tiles, checkpoints, head, and whether every erasure is explained.

use super::{
    FAULTS_MAX, Fault,
    part::{Part, Said, erased_by},
};
use crate::{
    engine::Store,
    error::Result,
    ledger::{
        merkle::{Edge, Hash, TILE},
        note::Checkpoint,
    },
    tx::Tx,
};
use std::collections::{HashMap, HashSet};

/// The parts put together.
pub(super) struct Whole {
    pub(super) edge: Edge,
    last: Hash,
    /// Kept roots of tiles.
    kept: Vec<Hash>,
    checkpoints: std::vec::IntoIter<(String, Checkpoint)>,
    next: Option<(String, Checkpoint)>,
    pub(super) agreeing: u64,
    pub(super) sealed: u64,
    pub(super) sums: Vec<u128>,
    pub(super) erased: Vec<(u64, Vec<u64>)>,
    erasures: HashMap<u64, u64>,
    faults: Vec<Fault>,
}

impl Whole {
    pub(super) fn new(checkpoints: Vec<(String, Checkpoint)>, store: &Store) -> Result<Whole> {
        let mut checkpoints = checkpoints.into_iter();
        Ok(Whole {
            edge: Edge::default(),
            last: [0; 32],
            kept: store.read_blocking(|tx| tx.rows.tiles(0))?,
            next: checkpoints.next(),
            checkpoints,
            agreeing: 0,
            sealed: 0,
            sums: Vec::new(),
            erased: Vec::new(),
            erasures: HashMap::new(),
            faults: Vec::new(),
        })
    }

    pub(super) fn add(&mut self, part: Part) {
        self.faults.extend(part.faults);
        self.sums.extend(part.sums);
        self.erased.extend(part.erased);
        for (token, seq) in part.erasures {
            let newest = self.erasures.entry(token).or_default();
            *newest = seq.max(*newest);
        }
        let tile_entries = usize::try_from(TILE).unwrap_or(usize::MAX);
        for (index, entries) in part.hashes.chunks(tile_entries).enumerate() {
            let start = self.edge.size();
            self.compare(start, entries);
            match part.tiles.get(index) {
                Some(root) => {
                    let kept = usize::try_from(start / TILE).ok().and_then(|at| self.kept.get(at));
                    if kept.is_some_and(|kept| kept != root) {
                        let why = format!(
                            "the entries {} to {} are not those that were written",
                            start + 1,
                            start + TILE
                        );
                        self.faults.push(Fault { seq: start + 1, why });
                    }
                    self.edge.push_tile(*root);
                }
                None => entries.iter().for_each(|entry| self.edge.push(entry)),
            }
            self.last = entries.last().copied().unwrap_or(self.last);
        }
    }

    /// Compares the checkpoints that end among these entries.
    fn compare(&mut self, start: u64, entries: &[Hash]) {
        while let Some((place, one)) = self.next.take_if(|(_, one)| one.size <= start + entries.len() as u64)
        {
            let length = usize::try_from(one.size - start).unwrap_or_default();
            let mut edge = self.edge.clone();
            entries[..length].iter().for_each(|entry| edge.push(entry));
            let chain = length.checked_sub(1).map_or(self.last, |at| entries[at]);
            if edge.root() == one.root && chain == one.chain {
                self.agreeing += 1;
                self.sealed = self.sealed.max(one.size);
            } else {
                let why = format!(
                    "{place}, signed at {}: entries after {} and up to {} are not those that it was signed over",
                    one.at, self.sealed, one.size
                );
                self.faults.push(Fault { seq: self.sealed + 1, why });
            }
            self.next = self.checkpoints.next();
        }
    }

    /// What is wrong, once everything was added.
    pub(super) fn end(&mut self, last: u64, head: &Hash) -> Vec<Fault> {
        while let Some((place, one)) = self.next.take() {
            let why = format!(
                "{place}, signed at {}: the ledger had {} entries, now it has {last}: its end was cut off",
                one.at, one.size
            );
            self.faults.push(Fault { seq: last + 1, why });
            self.next = self.checkpoints.next();
        }
        if self.last != *head {
            let why = format!(
                "the head does not name entry {last} as the last one: entries were removed or replaced"
            );
            self.faults.push(Fault { seq: last, why });
        }
        if self.kept.len() as u64 > last / TILE {
            let why = "there were more entries once: the end was cut off".into();
            self.faults.push(Fault { seq: last + 1, why });
        }
        std::mem::take(&mut self.faults)
    }
}

/// Entries without a personal part that no erasure explains, and entries behind the last one.
pub(super) fn unexplained(store: &Store, last: u64, whole: &Whole) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    let explained = |seq: u64, about: &[u64]| {
        about.iter().any(|token| whole.erasures.get(token).is_some_and(|by| *by >= seq))
    };
    let open: Vec<u64> =
        whole.erased.iter().filter(|(seq, about)| !explained(*seq, about)).map(|(seq, _)| *seq).collect();
    // Somebody may have been erased while this ran: those entries are behind the last one that was checked.
    let (head, late, beyond) = store.read_blocking(move |tx| {
        let head = tx.rows.head()?.0;
        let (mut late, mut beyond) = (HashSet::new(), None);
        tx.rows.each_entry(last + 1, u64::MAX, &mut |row| {
            late.extend(erased_by(&row));
            if row.seq > head {
                beyond = beyond.or(Some(row.seq));
            }
        })?;
        Ok((head, late, beyond))
    })?;
    if let Some(seq) = beyond {
        let why = format!("entry {seq} stands behind the last one, which is {head}: it was put there");
        faults.push(Fault { seq, why });
    }
    for seq in open.into_iter().take(FAULTS_MAX) {
        let about = store.read_blocking(move |tx| about(tx, seq))?;
        if !about.iter().any(|token| late.contains(token)) {
            let why = format!("the personal part of entry {seq} is missing, and nobody in it was erased");
            faults.push(Fault { seq, why });
        }
    }
    Ok(faults)
}

/// Whom an entry says it is about.
fn about(tx: &mut Tx<'_>, seq: u64) -> Result<Vec<String>> {
    let mut about = Vec::new();
    tx.rows.each_entry(seq, seq, &mut |row| {
        if let Ok(said) = serde_json::from_str::<Said<'_>>(&row.entry) {
            about.extend(said.about.iter().map(ToString::to_string));
        }
    })?;
    Ok(about)
}
