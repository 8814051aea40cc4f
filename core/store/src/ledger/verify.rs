//! Is the ledger as it was written? Every entry, every personal part, every line of the index, the head, every tile
//! and every checkpoint, those kept elsewhere too.
//!
//! Entries are checked in parts on several threads, because each row carries its own hash: that a part begins where
//! the one before it ends is checked when they are put together, in order.

use super::{
    ERASE, chained, commitment,
    merkle::{self, Edge, Hash, TILE},
    note::{Checkpoint, PublicKey},
    seal,
};
use crate::{engine::Store, error::Result, rows::LedgerRow, tx::Tx};
use serde::Deserialize;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hasher,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::sync_channel,
    },
};

/// Entries in a part: whole tiles.
const PART: u64 = 16 * TILE;
/// Faults that are told one by one.
const FAULTS_MAX: usize = 20;
/// Parts that wait to be put together, for each thread.
const PARTS_WAITING: usize = 4;

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
        let index = threads.spawn(|| index_sums(store, last, keyed));
        let mut whole = Whole::new(checkpoints, store)?;
        each_part(store, last, keyed, |part| {
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
    faults.extend(index_faults(store, last, &index.0, &index.1)?);
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

/// What one thread found out about a run of entries.
struct Part {
    /// The hash before the first.
    before: Option<Hash>,
    hashes: Vec<Hash>,
    /// Roots of its tiles; the last may be incomplete and is then not among them.
    tiles: Vec<Hash>,
    /// For each tile a sum over what the index must hold.
    sums: Vec<u128>,
    /// Entries without a personal part: number and about whom.
    erased: Vec<(u64, Vec<u64>)>,
    /// Who was erased, by which entry.
    erasures: Vec<(u64, u64)>,
    faults: Vec<Fault>,
}

/// Has every part checked, on as many threads as there are processors, and puts them together in order.
fn each_part(store: &Store, last: u64, keyed: [u8; 16], mut each: impl FnMut(Part)) -> Result<()> {
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
                each(part);
                turn += 1;
            }
        }
        Ok(())
    })
}

/// What is read of an entry's text; the rest is bound by its hash.
#[derive(Deserialize)]
struct Said<'a> {
    seq: u64,
    change: &'a str,
    #[serde(borrow, default)]
    about: Vec<&'a str>,
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
fn line_hash(keyed: [u8; 16], token: &str, seq: u64) -> u128 {
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

pub(super) fn erased_by(row: &LedgerRow) -> Vec<String> {
    serde_json::from_str::<Erasing>(&row.entry).map(|entry| entry.more.erased).unwrap_or_default()
}

/// The parts put together.
struct Whole {
    edge: Edge,
    last: Hash,
    /// Kept roots of tiles.
    kept: Vec<Hash>,
    checkpoints: std::vec::IntoIter<(String, Checkpoint)>,
    next: Option<(String, Checkpoint)>,
    agreeing: u64,
    sealed: u64,
    sums: Vec<u128>,
    erased: Vec<(u64, Vec<u64>)>,
    erasures: HashMap<u64, u64>,
    faults: Vec<Fault>,
}

impl Whole {
    fn new(checkpoints: Vec<(String, Checkpoint)>, store: &Store) -> Result<Whole> {
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

    fn add(&mut self, part: Part) {
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
    fn end(&mut self, last: u64, head: &Hash) -> Vec<Fault> {
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
fn unexplained(store: &Store, last: u64, whole: &Whole) -> Result<Vec<Fault>> {
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

/// The tile of an entry; of 0, which no entry has, one that no tile is.
const fn tile_of(seq: u64) -> u64 {
    seq.wrapping_sub(1) / TILE
}

/// For each tile a sum over what the index holds.
fn index_sums(store: &Store, last: u64, keyed: [u8; 16]) -> Result<Vec<u128>> {
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
fn index_faults(store: &Store, last: u64, have: &[u128], want: &[u128]) -> Result<Vec<Fault>> {
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
