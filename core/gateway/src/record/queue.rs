//! What waits for a thread, bounded in number and in bytes. Whoever puts something in never waits.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
    mpsc::{Receiver, SyncSender, sync_channel},
};

/// Where facts go in.
pub(super) struct Entrance<T> {
    items: SyncSender<(usize, T)>,
    bytes: Arc<AtomicUsize>,
    bytes_max: usize,
}

/// Where they come out.
pub(super) struct Exit<T> {
    items: Receiver<(usize, T)>,
    bytes: Arc<AtomicUsize>,
}

/// For so many items that weigh so much together.
pub(super) fn queue<T>(items_max: usize, bytes_max: usize) -> (Entrance<T>, Exit<T>) {
    let (sender, receiver) = sync_channel(items_max);
    let bytes = Arc::new(AtomicUsize::new(0));
    (Entrance { items: sender, bytes: Arc::clone(&bytes), bytes_max }, Exit { items: receiver, bytes })
}

impl<T> Entrance<T> {
    /// False when there is no room: then the item is dropped.
    #[must_use]
    pub(super) fn put(&self, item: T, bytes: usize) -> bool {
        let waiting = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = waiting + bytes <= self.bytes_max && self.items.try_send((bytes, item)).is_ok();
        if !fits {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }
}

impl<T> Exit<T> {
    /// Up to so many of what waits.
    pub(super) fn take(&self, items_max: usize) -> Vec<T> {
        let taken: Vec<(usize, T)> = self.items.try_iter().take(items_max).collect();
        self.bytes.fetch_sub(taken.iter().map(|(bytes, _)| bytes).sum(), Ordering::Relaxed);
        taken.into_iter().map(|(_, item)| item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_and_never_waits() {
        let (entrance, exit) = queue(3, 100);
        let put: Vec<bool> = (0..5).map(|number| entrance.put(number, 1)).collect();
        assert_eq!(put, [true, true, true, false, false], "nobody takes anything out, and nobody waited");
        assert_eq!(exit.take(2), [0, 1]);
        assert!(entrance.put(5, 1));
        assert_eq!(exit.take(10), [2, 5]);
    }

    #[test]
    fn heavy_items_are_bounded_by_their_bytes() {
        let (entrance, exit) = queue(100, 100);
        assert!(entrance.put("a", 60) && !entrance.put("b", 60) && entrance.put("c", 40));
        assert!(!entrance.put("d", 1));
        assert_eq!(exit.take(1), ["a"]);
        assert!(entrance.put("e", 60), "what was dropped weighs nothing any more");
        assert_eq!(exit.take(10), ["c", "e"]);
    }
}
