//! The last decisions that kept a request from going out as it was: a ring of fixed-size records in a mapped
//! file. A record costs a copy; it outlives a crash of the process, and other processes can read it.

use crate::error::{Result, StoreError};
use dndgate_adapter::Channel;
use jiff::Timestamp;
use memmap2::MmapMut;
use std::{fs::OpenOptions, path::Path, sync::Mutex};
use uuid::Uuid;

/// What the file begins with: a name, and a version of the record.
const MAGIC: &[u8; 16] = b"dndgate-ring-v1\n";
const HEADER_BYTES: usize = 64;
const RECORD_BYTES: usize = 384;
/// Fixed places in a record: number, time, request id, channel; then texts, each with its length in front.
const TEXTS_AT: usize = 40;

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// The request's id.
    pub request_id: Uuid,
    /// The tenant; empty when unknown.
    pub tenant: String,
    /// The provider.
    pub provider: String,
    /// The channel, when known.
    pub channel: Option<Channel>,
    /// `blocked`, `trimmed` or `refused`.
    pub verdict: String,
    /// The kind of DND reason, or why it was refused.
    pub reason: String,
    /// A hash of the recipient's address, or several.
    pub address_hash: String,
    /// In plain words. Long ones are cut.
    pub message: String,
}

/// The ring.
pub struct Decisions {
    map: Mutex<Ring>,
    capacity: usize,
}

struct Ring {
    map: MmapMut,
    next: u64,
}

impl std::fmt::Debug for Decisions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decisions").field("capacity", &self.capacity).finish()
    }
}

impl Decisions {
    /// Opens or makes the file, for so many decisions.
    ///
    /// # Errors
    /// When it cannot be made or mapped.
    pub fn open(path: &Path, capacity: usize) -> Result<Decisions> {
        let broken = |error: std::io::Error| StoreError::Unavailable(format!("{}: {error}", path.display()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(broken)?;
        let length = (HEADER_BYTES + capacity * RECORD_BYTES) as u64;
        if file.metadata().map_err(broken)?.len() != length {
            // Another size: begin anew. Allocated, so that a full disk is an error here and no fault later.
            file.set_len(0).map_err(broken)?;
            allocate(&file, length).map_err(broken)?;
        }
        let mut map = map(&file).map_err(broken)?;
        if &map[..16] != MAGIC {
            map.fill(0);
            map[..16].copy_from_slice(MAGIC);
        }
        let next = (0..capacity).map(|slot| number(&map, slot)).max().unwrap_or(0) + 1;
        Ok(Decisions { map: Mutex::new(Ring { map, next }), capacity })
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.map.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Remembers a decision.
    pub fn append(&self, decision: &Decision) {
        let mut record = [0u8; RECORD_BYTES];
        record[8..16].copy_from_slice(&decision.at.as_microsecond().to_le_bytes());
        record[16..32].copy_from_slice(decision.request_id.as_bytes());
        record[32] = decision.channel.map_or(0, |channel| channel as u8 + 1);
        let mut at = TEXTS_AT;
        let texts = [
            &decision.verdict,
            &decision.reason,
            &decision.provider,
            &decision.tenant,
            &decision.address_hash,
            &decision.message,
        ];
        for text in texts {
            let room = RECORD_BYTES - at - 1;
            let mut length = text.len().min(room).min(255);
            while !text.is_char_boundary(length) {
                length -= 1;
            }
            record[at] = length as u8;
            record[at + 1..at + 1 + length].copy_from_slice(&text.as_bytes()[..length]);
            at = (at + 1 + length).min(RECORD_BYTES - 1);
        }
        let mut ring = self.ring();
        record[..8].copy_from_slice(&ring.next.to_le_bytes());
        let slot = HEADER_BYTES + (ring.next as usize % self.capacity) * RECORD_BYTES;
        ring.map[slot..slot + RECORD_BYTES].copy_from_slice(&record);
        ring.next += 1;
    }

    /// The last decisions, newest first.
    pub fn last(&self, limit: usize) -> Vec<Decision> {
        let ring = self.ring();
        let newest = ring.next - 1;
        (0..newest.min(limit.min(self.capacity) as u64))
            .filter_map(|back| read(&ring.map, (newest - back) as usize % self.capacity))
            .collect()
    }

    /// The number of the newest decision; 0 when there is none. Numbers grow by one.
    pub fn newest(&self) -> u64 {
        self.ring().next - 1
    }

    /// The decisions after the one of that number, with their numbers, the oldest first. What the ring has lost by
    /// then is left out.
    pub fn since(&self, number: u64, limit: usize) -> Vec<(u64, Decision)> {
        let ring = self.ring();
        let oldest = ring.next.saturating_sub(self.capacity as u64).max(number.saturating_add(1));
        (oldest..ring.next)
            .take(limit)
            .filter_map(|number| Some((number, read(&ring.map, number as usize % self.capacity)?)))
            .collect()
    }

    /// The decision on a request.
    pub fn find(&self, request_id: Uuid) -> Option<Decision> {
        let ring = self.ring();
        (0..self.capacity)
            .find(|slot| {
                number(&ring.map, *slot) != 0 && bytes(&ring.map, *slot)[16..32] == *request_id.as_bytes()
            })
            .and_then(|slot| read(&ring.map, slot))
    }
}

#[allow(unsafe_code)]
fn map(file: &std::fs::File) -> std::io::Result<MmapMut> {
    // SAFETY: the file is this program's own; it is never truncated while mapped. Another process may write
    // records meanwhile: they are bytes of any value, and readers take them as such.
    unsafe { MmapMut::map_mut(file) }
}

fn allocate(mut file: &std::fs::File, length: u64) -> std::io::Result<()> {
    use std::io::Write;
    let zeros = [0u8; 1 << 16];
    let mut left = length;
    while left > 0 {
        let piece = left.min(zeros.len() as u64) as usize;
        file.write_all(&zeros[..piece])?;
        left -= piece as u64;
    }
    Ok(())
}

fn bytes(map: &[u8], slot: usize) -> &[u8] {
    &map[HEADER_BYTES + slot * RECORD_BYTES..][..RECORD_BYTES]
}

fn number(map: &[u8], slot: usize) -> u64 {
    let record = bytes(map, slot);
    u64::from_le_bytes(std::array::from_fn(|index| record[index]))
}

fn read(map: &[u8], slot: usize) -> Option<Decision> {
    let record = bytes(map, slot);
    let micros = i64::from_le_bytes(std::array::from_fn(|index| record[8 + index]));
    let request_id = Uuid::from_bytes(std::array::from_fn(|index| record[16 + index]));
    let channel = Channel::ALL.into_iter().find(|channel| *channel as u8 + 1 == record[32]);
    let mut at = TEXTS_AT;
    let mut text = || {
        let length = usize::from(*record.get(at)?);
        let text = record.get(at + 1..at + 1 + length)?;
        at = (at + 1 + length).min(RECORD_BYTES - 1);
        Some(String::from_utf8_lossy(text).into_owned())
    };
    if number(map, slot) == 0 {
        return None;
    }
    Some(Decision {
        at: Timestamp::from_microsecond(micros).ok()?,
        request_id,
        verdict: text()?,
        reason: text()?,
        provider: text()?,
        tenant: text()?,
        address_hash: text()?,
        message: text()?,
        channel,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(index: u128) -> Decision {
        Decision {
            at: Timestamp::from_second(1_800_000_000).expect("in range"),
            request_id: Uuid::from_u128(index + 1),
            tenant: "acme".into(),
            provider: "twilio".into(),
            channel: Some(Channel::Sms),
            verdict: "blocked".into(),
            reason: "keyword".into(),
            address_hash: "0123456789abcdef".into(),
            message: "the recipient does not want to be contacted (keyword)".into(),
        }
    }

    #[test]
    fn remembers_the_last_and_survives_reopening() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("ring");
        {
            let ring = Decisions::open(&path, 8).expect("opens");
            (0..20).for_each(|index| ring.append(&decision(index)));
        }
        let ring = Decisions::open(&path, 8).expect("opens again");
        assert_eq!(ring.last(3), [decision(19), decision(18), decision(17)]);
        assert_eq!(ring.last(100).len(), 8);
        assert_eq!(ring.find(Uuid::from_u128(13)), Some(decision(12)));
        assert_eq!(ring.find(Uuid::from_u128(3)), None, "overwritten");
        ring.append(&decision(20));
        assert_eq!(ring.last(1), [decision(20)]);
    }

    #[test]
    fn whoever_follows_sees_each_once() {
        let folder = tempfile::tempdir().expect("folder");
        let ring = Decisions::open(&folder.path().join("ring"), 8).expect("opens");
        assert_eq!((ring.newest(), ring.since(0, 10)), (0, Vec::new()));
        (0..3).for_each(|index| ring.append(&decision(index)));
        assert_eq!(ring.since(0, 2), [(1, decision(0)), (2, decision(1))]);
        assert_eq!(ring.since(2, 2), [(3, decision(2))]);
        assert!(ring.since(ring.newest(), 2).is_empty());
        (3..20).for_each(|index| ring.append(&decision(index)));
        let seen: Vec<u64> = ring.since(3, 100).into_iter().map(|(number, _)| number).collect();
        assert_eq!(seen, (13..=20).collect::<Vec<u64>>(), "the others are overwritten");
    }

    #[test]
    fn long_texts_are_cut() {
        let folder = tempfile::tempdir().expect("folder");
        let ring = Decisions::open(&folder.path().join("ring"), 2).expect("opens");
        ring.append(&Decision { message: "ü".repeat(1000), tenant: "t".repeat(500), ..decision(1) });
        let found = ring.last(1).pop().expect("there");
        assert!("t".repeat(500).starts_with(&found.tenant) && "ü".repeat(1000).starts_with(&found.message));
    }
}
