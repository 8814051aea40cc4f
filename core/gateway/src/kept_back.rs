//! Whom the last requests that were kept back would have reached, so that an operator is led from a decision to the
//! contact and its ledger. In memory alone: what is on disk names nobody.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// Requests that are remembered.
const REQUESTS_MAX: usize = 10_000;
/// Recipients of one that are remembered.
const RECIPIENTS_MAX: usize = 20;

/// The last requests that were kept back, with their recipients as they stood there.
#[derive(Debug, Default)]
pub(crate) struct KeptBack(Mutex<VecDeque<Request>>);

#[derive(Debug)]
struct Request {
    id: Uuid,
    recipients: Box<[Box<str>]>,
}

impl KeptBack {
    /// Remembers one.
    pub(crate) fn put<'a>(&self, id: Uuid, recipients: impl Iterator<Item = &'a str>) {
        let recipients: Box<[Box<str>]> = recipients.take(RECIPIENTS_MAX).map(Box::from).collect();
        if recipients.is_empty() {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REQUESTS_MAX {
            all.pop_front();
        }
        all.push_back(Request { id, recipients });
    }

    /// Forgets all: somebody was erased, and may be among them.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whom it would have reached. Empty: it is forgotten, or named nobody.
    pub(crate) fn of(&self, request: Uuid) -> Vec<Box<str>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().rev().find(|one| one.id == request).map(|one| one.recipients.to_vec()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_the_last_and_no_more() {
        let kept = KeptBack::default();
        for index in 0..=REQUESTS_MAX as u128 {
            kept.put(Uuid::from_u128(index), ["+14155550101", "+14155550102"].into_iter());
        }
        kept.put(Uuid::from_u128(1 << 64), std::iter::empty());
        assert!(kept.of(Uuid::from_u128(0)).is_empty(), "the oldest is forgotten");
        assert_eq!(&*kept.of(Uuid::from_u128(1))[1], "+14155550102");
        assert!(kept.of(Uuid::from_u128(1 << 64)).is_empty());
    }
}
