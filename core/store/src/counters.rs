//! What send rules count ([`Counters`]), in a mapped file: a count costs a look-up and a word written, outlives the
//! process, and is let go when its window is over. No address stands in it, keyed hashes do.
//!
//! A kill at any moment loses no count. A power cut may lose those that the system had not written yet, half a
//! minute's as a rule.

use crate::error::{Result, StoreError};
use dndgate_dnd::{
    Cap, Counters, Place, Taken, Tally,
    caps::{self, Change, MOMENTS},
};
use jiff::Timestamp;
use memmap2::{MmapMut, MmapOptions};
use siphasher::sip::SipHasher13;
use std::{
    fs::{self, File, OpenOptions},
    hash::Hasher,
    io::{self, Write},
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{Ordering, compiler_fence},
    },
};

/// What the file begins with: a name, and a version of what follows.
const MAGIC: &[u8; 16] = b"dndgate-count-1\n";
const HEADER_BYTES: u64 = 64;
/// Parts with a lock each, so that cores do not wait for each other.
const SHARDS: usize = 64;
/// A count's hash and end, and its tally.
const TAG_BYTES: usize = 16;
const TALLY_BYTES: usize = MOMENTS * 8;
const COUNT_BYTES: usize = TAG_BYTES + TALLY_BYTES;
/// How far from its place a count may stand. With the file four fifths full, fewer than one in a million finds no room.
const STEPS_MAX: usize = 128;

/// Counts of sends.
#[derive(Debug)]
pub struct SendCounts {
    shards: Vec<Mutex<Shard>>,
    key: [u8; 16],
}

#[derive(Debug)]
struct Shard {
    map: MmapMut,
    slots: usize,
}

/// What stands before a count.
#[derive(Clone, Copy)]
struct Tag {
    /// 0: nothing was ever counted here.
    hash: u64,
    /// When the window of its last send is over, in seconds since 1970.
    ends: u32,
}

impl SendCounts {
    /// Opens or makes the file, of about this many bytes; 112 make a count. What is counted in a file of another
    /// size is taken over. `key` keeps whoever reads it from guessing who was sent something.
    ///
    /// # Errors
    /// When it cannot be made or mapped, or has no room for what it holds.
    pub fn open(path: &Path, bytes: u64, key: [u8; 16]) -> Result<SendCounts> {
        let broken = |error: io::Error| StoreError::Unavailable(format!("{}: {error}", path.display()));
        let length = length(bytes);
        match fs::metadata(path) {
            Ok(found) if found.len() == length => {}
            Ok(_) => resize(path, length, key).map_err(broken)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(path, length).map_err(broken)?,
            Err(error) => return Err(broken(error)),
        }
        SendCounts::map(path, length, key).map_err(broken)
    }

    fn map(path: &Path, length: u64, key: [u8; 16]) -> io::Result<SendCounts> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut magic = [0; 16];
        io::Read::read_exact(&mut &file, &mut magic)?;
        if magic != *MAGIC {
            return Err(io::Error::other("this is no file of counted sends; move it away"));
        }
        let slots = (length - HEADER_BYTES) as usize / SHARDS / COUNT_BYTES;
        let shard = |index: usize| {
            let bytes = slots * COUNT_BYTES;
            let map = map(&file, HEADER_BYTES + (index * bytes) as u64, bytes)?;
            Ok(Mutex::new(Shard { map, slots }))
        };
        Ok(SendCounts { shards: (0..SHARDS).map(shard).collect::<io::Result<_>>()?, key })
    }

    /// How many counts are in use, and for how many there is room.
    pub fn room(&self, now: Timestamp) -> (usize, usize) {
        let now = caps::second(now);
        let mut used = 0;
        let mut all = 0;
        for shard in &self.shards {
            let shard = lock(shard);
            all += shard.slots;
            used += (0..shard.slots).filter(|slot| shard.tag(*slot).is_live(now)).count();
        }
        (used, all)
    }

    fn hash(&self, cap: &Cap<'_>) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        for part in [cap.tenant.as_bytes(), cap.key.as_bytes()] {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        hasher.write_u32(cap.window);
        hasher.finish().max(1)
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        lock(&self.shards[hash as usize % SHARDS])
    }
}

impl Counters for SendCounts {
    fn take(&self, cap: &Cap<'_>, now: Timestamp) -> Taken {
        let (hash, at) = (self.hash(cap), caps::second(now));
        let mut shard = self.shard(hash);
        let found = shard.find(hash, at);
        let tally = match found {
            Found::Count(slot) => shard.tally(slot),
            Found::Room(_) => Tally::default(),
            Found::Nothing => return Taken::NoRoom,
        };
        let Some(change) = tally.take(cap.limit, cap.window, at) else { return Taken::Full };
        match found {
            Found::Count(slot) => {
                shard.extend(slot, at.saturating_add(cap.window));
                shard.change(slot, change);
            }
            Found::Room(slot) => shard.begin(slot, hash, at.saturating_add(cap.window), change),
            Found::Nothing => {}
        }
        Taken::Place(Place { count: hash, at, window: cap.window })
    }

    fn give_back(&self, place: Place) {
        let mut shard = self.shard(place.count);
        if let Found::Count(slot) = shard.find(place.count, place.at)
            && let Some(change) = shard.tally(slot).give_back(place.window, place.at)
        {
            shard.change(slot, change);
            if shard.tally(slot).is_empty() {
                shard.ends(slot, 0);
            }
        }
    }

    fn count(&self, cap: &Cap<'_>, now: Timestamp) -> u64 {
        let (hash, at) = (self.hash(cap), caps::second(now));
        let shard = self.shard(hash);
        match shard.find(hash, at) {
            Found::Count(slot) => shard.tally(slot).count(cap.window, at),
            Found::Room(_) | Found::Nothing => 0,
        }
    }
}

#[derive(Clone, Copy)]
enum Found {
    Count(usize),
    /// No such count, and a slot that it may have.
    Room(usize),
    /// Neither.
    Nothing,
}

impl Tag {
    fn is_live(self, now: u32) -> bool {
        self.hash != 0 && self.ends >= now
    }
}

impl Shard {
    /// A slot in which something was counted once is never empty again, so that what stands behind it stays found.
    fn find(&self, hash: u64, now: u32) -> Found {
        let first = (hash >> 16) as usize % self.slots;
        let mut room = Found::Nothing;
        for step in 0..STEPS_MAX.min(self.slots) {
            let slot = (first + step) % self.slots;
            let tag = self.tag(slot);
            if tag.hash == hash {
                return Found::Count(slot);
            }
            if !tag.is_live(now) && matches!(room, Found::Nothing) {
                room = Found::Room(slot);
            }
            if tag.hash == 0 {
                break;
            }
        }
        room
    }

    fn tag(&self, slot: usize) -> Tag {
        let at = slot * TAG_BYTES;
        let ends = u32::from_le_bytes(std::array::from_fn(|byte| self.map[at + 8 + byte]));
        Tag { hash: self.word(at), ends }
    }

    fn tally(&self, slot: usize) -> Tally {
        let at = self.tally_at(slot);
        Tally(std::array::from_fn(|moment| self.word(at + moment * 8)))
    }

    fn tally_at(&self, slot: usize) -> usize {
        self.slots * TAG_BYTES + slot * TALLY_BYTES
    }

    fn word(&self, at: usize) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|byte| self.map[at + byte]))
    }

    fn extend(&mut self, slot: usize, ends: u32) {
        self.ends(slot, ends.max(self.tag(slot).ends));
    }

    fn ends(&mut self, slot: usize, ends: u32) {
        let at = slot * TAG_BYTES + 8;
        self.map[at..at + 4].copy_from_slice(&ends.to_le_bytes());
        in_this_order();
    }

    fn change(&mut self, slot: usize, change: Change) {
        let at = self.tally_at(slot) + change.index * 8;
        self.map[at..at + 8].copy_from_slice(&change.word.to_le_bytes());
    }

    /// A new count in a slot whose own is over. The hash comes last: until then it is the old count, which nobody
    /// asks for any more.
    fn begin(&mut self, slot: usize, hash: u64, ends: u32, change: Change) {
        let at = self.tally_at(slot);
        self.map[at..at + TALLY_BYTES].fill(0);
        self.extend(slot, ends);
        self.change(slot, change);
        in_this_order();
        let at = slot * TAG_BYTES;
        self.map[at..at + 8].copy_from_slice(&hash.to_le_bytes());
    }
}

/// Whatever was written before is in the file before what is written after, wherever the process is killed.
fn in_this_order() {
    compiler_fence(Ordering::SeqCst);
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The length of a file of about this many bytes: every shard as large.
fn length(bytes: u64) -> u64 {
    let slots = (bytes as usize / SHARDS / COUNT_BYTES).max(STEPS_MAX);
    HEADER_BYTES + (SHARDS * slots * COUNT_BYTES) as u64
}

/// Allocated, so that a full disk is an error here and no fault later; complete before it has its name.
fn make(path: &Path, length: u64) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(MAGIC)?;
    let zeros = [0u8; 1 << 16];
    let mut left = length - MAGIC.len() as u64;
    while left > 0 {
        let piece = left.min(zeros.len() as u64) as usize;
        file.write_all(&zeros[..piece])?;
        left -= piece as u64;
    }
    file.sync_all()?;
    fs::rename(&beside, path)
}

/// Takes what is counted over into a file of another size.
fn resize(path: &Path, length: u64, key: [u8; 16]) -> io::Result<()> {
    let old = SendCounts::map(path, fs::metadata(path)?.len(), key)?;
    let beside = path.with_extension("resized");
    make(&beside, length)?;
    let new = SendCounts::map(&beside, length, key)?;
    let now = caps::second(Timestamp::now());
    for shard in &old.shards {
        let shard = lock(shard);
        for slot in 0..shard.slots {
            let tag = shard.tag(slot);
            if !tag.is_live(now) {
                continue;
            }
            let mut into = new.shard(tag.hash);
            let Found::Room(place) = into.find(tag.hash, now) else {
                return Err(io::Error::other(
                    "it holds more counts than fit into the size that counters says under [policies]",
                ));
            };
            let tally = shard.tally(slot);
            for (index, word) in tally.0.into_iter().enumerate() {
                into.begin_or_change(place, tag, Change { index, word });
            }
        }
    }
    fs::rename(&beside, path)
}

impl Shard {
    fn begin_or_change(&mut self, slot: usize, tag: Tag, change: Change) {
        if self.tag(slot).hash == tag.hash {
            self.change(slot, change);
        } else {
            self.begin(slot, tag.hash, tag.ends, change);
        }
    }
}

#[allow(unsafe_code)]
fn map(file: &File, offset: u64, length: usize) -> io::Result<MmapMut> {
    // SAFETY: the file is this program's own, which holds the store's lock; it is never truncated while mapped.
    // Whatever bytes it holds are numbers.
    unsafe { MmapOptions::new().offset(offset).len(length).map_mut(file) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{collections::HashMap, path::PathBuf, thread};

    const KEY: [u8; 16] = *b"0123456789abcdef";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    fn cap<'a>(key: &'a str, limit: u32, window: u32) -> Cap<'a> {
        Cap { tenant: "acme", key, limit, window }
    }

    fn open(bytes: u64) -> (tempfile::TempDir, PathBuf, SendCounts) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("counts");
        let counts = SendCounts::open(&path, bytes, KEY).expect("opens");
        (folder, path, counts)
    }

    fn takes(counts: &SendCounts, cap: &Cap<'_>, now: Timestamp) -> bool {
        matches!(counts.take(cap, now), Taken::Place(_))
    }

    #[test]
    fn counts_outlive_the_process_and_a_change_of_size() {
        let (_folder, path, counts) = open(1 << 20);
        // Windows from now on: a change of size leaves out what is over.
        let now = Timestamp::now();
        for number in 0..500 {
            assert!(takes(&counts, &cap(&format!("{number}"), 2, 3600), now));
        }
        drop(counts);
        for bytes in [1 << 20, 4 << 20, 1 << 20] {
            let counts = SendCounts::open(&path, bytes, KEY).expect("opens again");
            for number in 0..500 {
                assert_eq!(counts.count(&cap(&format!("{number}"), 2, 3600), now), 1, "{number}");
            }
            assert_eq!(counts.room(now).0, 500);
        }
        let counts = SendCounts::open(&path, 1 << 20, KEY).expect("opens again");
        assert!(takes(&counts, &cap("7", 2, 3600), now) && !takes(&counts, &cap("7", 2, 3600), now));
    }

    #[test]
    fn tenants_windows_and_keys_are_apart() {
        let (_folder, _, counts) = open(1 << 20);
        let ours = cap("a", 1, 60);
        assert!(takes(&counts, &ours, at(0)) && !takes(&counts, &ours, at(1)));
        for other in [Cap { tenant: "other", ..ours }, Cap { window: 61, ..ours }, Cap { key: "b", ..ours }] {
            assert!(takes(&counts, &other, at(1)), "{other:?}");
        }
        assert!(takes(&counts, &Cap { tenant: "ab", key: "c", ..ours }, at(1)));
        assert!(takes(&counts, &Cap { tenant: "a", key: "bc", ..ours }, at(1)));
    }

    #[test]
    fn when_all_is_full_no_more_are_counted_until_some_are_over() {
        let (_folder, _, counts) = open(0);
        let (_, room) = counts.room(at(0));
        let mut taken = 0;
        let mut refused = 0;
        for number in 0..room * 2 {
            match counts.take(&cap(&format!("{number}"), 5, 60), at(0)) {
                Taken::Place(_) => taken += 1,
                Taken::NoRoom => refused += 1,
                Taken::Full => panic!("nothing was sent"),
            }
        }
        assert_eq!((taken, refused), (room, room), "every slot is used");
        assert!(takes(&counts, &cap("0", 5, 60), at(1)), "who has a count goes on");
        assert_eq!(counts.count(&cap("1", 5, 60), at(1)), 1, "nothing was thrown out");
        for number in 0..room / 2 {
            assert!(takes(&counts, &cap(&format!("new {number}"), 5, 60), at(100)));
        }
        assert_eq!(counts.room(at(100)).0, room / 2);
    }

    #[test]
    fn what_is_given_back_makes_room_at_once() {
        let (_folder, _, counts) = open(0);
        let (_, room) = counts.room(at(0));
        for number in 0..room * 3 {
            let Taken::Place(place) = counts.take(&cap(&format!("{number}"), 5, 60), at(0)) else {
                panic!("there is room");
            };
            counts.give_back(place);
        }
        assert_eq!(counts.room(at(0)).0, 0);
    }

    #[test]
    fn another_file_is_not_taken_for_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("counts");
        fs::write(&path, "something that somebody wants to keep").expect("written");
        let refused = SendCounts::open(&path, 1 << 20, KEY).expect_err("not ours").to_string();
        assert!(refused.contains("no file of counted sends"), "{refused}");
        assert_eq!(fs::read(&path).expect("there"), b"something that somebody wants to keep");
    }

    #[test]
    fn threads_never_take_more_places_than_there_are() {
        let (_folder, _, counts) = open(1 << 20);
        let limits = [1u32, 3, 12, 40];
        let taken: Vec<HashMap<u32, u32>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut taken = HashMap::new();
                        for round in 0..2000 {
                            let limit = limits[round % limits.len()];
                            let cap = cap("same", limit, 3600 + limit);
                            match counts.take(&cap, at(round as i64 / 100)) {
                                Taken::Place(place) if round % 5 == 0 => counts.give_back(place),
                                Taken::Place(_) => *taken.entry(limit).or_default() += 1,
                                Taken::Full => {}
                                Taken::NoRoom => panic!("there is room"),
                            }
                        }
                        taken
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
        });
        for limit in limits {
            let all: u32 = taken.iter().filter_map(|one| one.get(&limit)).sum();
            assert_eq!(all, limit, "of {limit}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// The file says what a plain list of sends says, through reopening too.
        #[test]
        fn the_file_counts_what_happened(
            steps in proptest::collection::vec((0u8..40, 1u32..6, 0i64..30, 0u8..20), 1..200),
        ) {
            let (_folder, path, mut counts) = open(0);
            let (mut now, mut sent) = (0, HashMap::<String, Vec<i64>>::new());
            for (who, limit, pause, event) in steps {
                now += pause;
                if event == 0 {
                    drop(counts);
                    counts = SendCounts::open(&path, 0, KEY).expect("opens again");
                }
                let key = who.to_string();
                let times = sent.entry(key.clone()).or_default();
                let before = times.iter().filter(|at| **at + 60 >= now).count();
                prop_assert_eq!(counts.count(&cap(&key, limit, 60), at(now)), before as u64);
                match counts.take(&cap(&key, limit, 60), at(now)) {
                    Taken::Place(place) if event == 1 => counts.give_back(place),
                    Taken::Place(_) => {
                        prop_assert!(before < limit as usize);
                        times.push(now);
                    }
                    Taken::Full => prop_assert!(before >= limit as usize),
                    Taken::NoRoom => prop_assert!(false, "there is room"),
                }
            }
        }
    }
}
