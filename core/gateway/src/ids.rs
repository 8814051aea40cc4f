//! Request ids: UUID version 7 (RFC 9562, section 5.7), without a system call for each.

use std::cell::Cell;

/// Makes the ids of one worker: time, the worker's random number, a count.
#[derive(Debug)]
pub(crate) struct RequestIds {
    worker: [u8; 4],
    count: Cell<u64>,
}

impl RequestIds {
    pub(crate) fn new() -> RequestIds {
        let mut worker = [0; 4];
        let mut count = [0; 8];
        // Without randomness ids of two processes could meet; nothing else depends on it.
        let _ = getrandom::fill(&mut worker);
        let _ = getrandom::fill(&mut count);
        RequestIds { worker, count: Cell::new(u64::from_ne_bytes(count)) }
    }

    pub(crate) fn next(&self) -> uuid::Uuid {
        let count = self.count.get().wrapping_add(1);
        self.count.set(count);
        let mut random = [0; 10];
        random[..4].copy_from_slice(&self.worker);
        random[4..].copy_from_slice(&count.to_be_bytes()[2..]);
        let millis = crate::clock::now().as_millisecond().unsigned_abs();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
