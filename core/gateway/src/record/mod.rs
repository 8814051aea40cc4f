//! What the policies judge is written down, so that other policies can judge it anew (`dndgate policy replay`), and
//! shown to a candidate (`policies.shadow`).
//!
//! Whoever judges something hands a [`Fact`] over and goes on: no lock, no disk, no waiting. A thread of its own
//! writes them; when it cannot keep up they are dropped and counted.

mod fact;
mod queue;
mod share;
mod writer;

pub(crate) use fact::Fact;

use crate::{
    clock,
    config::Config,
    metrics,
    out::Out,
    route::{Route, TenantRoute},
    shared::Shared,
};
use ::metrics::Counter;
use dndgate_adapter::Event;
use dndgate_dnd::AddressKey;
use dndgate_policy::Policies;
use dndgate_store::record::Who;
use fact::{Sent, Verdict};
use jiff::Timestamp;
use queue::{Entrance, Exit, queue};
use share::Share;
use std::{
    collections::HashSet,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{JoinHandle, Thread},
};
use tokio::sync::oneshot;

/// The most facts that wait for the thread.
const WAITING_MAX: usize = 16_384;
/// The most bytes of their texts that wait.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// Takes facts, and orders for the record's files.
pub(crate) struct Recorder {
    dir: PathBuf,
    secret: [u8; 32],
    /// Does anybody want facts?
    wanted: AtomicBool,
    /// Do shadow policies want them all?
    shadowed: AtomicBool,
    /// Whose sends are written down.
    share: Share,
    facts: Entrance<Fact>,
    dropped: Counter,
    /// `None`: the thread has ended.
    orders: Mutex<Option<Vec<Order>>>,
    thread: OnceLock<Thread>,
    /// The other end, until the thread takes it.
    to_write: Mutex<Option<Exit<Fact>>>,
}

/// What the thread is told to do beside writing.
enum Order {
    /// Write what is there.
    Flush(oneshot::Sender<()>),
    /// Take all lines of these people away.
    Forget(HashSet<Who>, oneshot::Sender<io::Result<()>>),
    /// Write what is there and end.
    Stop,
}

impl Recorder {
    /// For the record in that folder.
    pub(crate) fn new(dir: PathBuf, secret: [u8; 32], config: &Config) -> Recorder {
        let (facts, to_write) = queue(WAITING_MAX, WAITING_BYTES_MAX);
        let recorder = Recorder {
            dir,
            secret,
            wanted: AtomicBool::new(false),
            shadowed: AtomicBool::new(false),
            share: Share::default(),
            facts,
            dropped: metrics::record_dropped("full"),
            orders: Mutex::new(Some(Vec::new())),
            thread: OnceLock::new(),
            to_write: Mutex::new(Some(to_write)),
        };
        recorder.configure(config);
        recorder
    }

    /// Takes another configuration into account.
    pub(crate) fn configure(&self, config: &Config) {
        let shadowed = config.policies.shadow.is_some();
        self.shadowed.store(shadowed, Ordering::Relaxed);
        self.wanted.store(config.record.on || shadowed, Ordering::Relaxed);
        self.share.set(if config.record.on { config.record.sends } else { 0.0 });
    }

    /// The folder of the record.
    pub(crate) fn dir(&self) -> &std::path::Path {
        &self.dir
    }

    /// A send was judged.
    pub(crate) fn send(&self, route: &Arc<Route>, tenant: &TenantRoute, out: &Out<'_, '_>, id: uuid::Uuid) {
        if !self.wanted.load(Ordering::Relaxed) {
            return;
        }
        let shadowed = self.shadowed.load(Ordering::Relaxed);
        let sending = out.sending;
        let mut shared: Option<Arc<Sent>> = None;
        for (index, recipient) in sending.recipients.iter().enumerate() {
            let kept = self.share.holds(&recipient.address);
            if !kept && !shadowed {
                continue;
            }
            let verdict = if let Some(one) = out.blocked.iter().find(|one| one.index == index) {
                Verdict::KeptBack(one.reason)
            } else if out.uncertain.iter().any(|one| one.0 == index) || !fact::is_named(recipient) {
                continue;
            } else if let Some(one) = out.ruled.iter().find(|one| one.index == index) {
                Verdict::Ruled { rule: one.rule.as_str().into(), reason: one.reason.as_str().into() }
            } else {
                Verdict::Allowed
            };
            let sent = shared.get_or_insert_with(|| Arc::new(Sent::new(sending, id, clock::now())));
            self.take(Fact::send(route, tenant, sent, recipient, verdict, kept));
        }
    }

    /// An event was judged by these policies, and kept.
    pub(crate) fn event(
        &self,
        route: &Arc<Route>,
        tenant: &TenantRoute,
        event: &Event<'_>,
        policies: &Arc<Policies>,
        at: Timestamp,
    ) {
        if self.wanted.load(Ordering::Relaxed)
            && let Some(fact) = Fact::event(route, tenant, event, policies, at)
        {
            self.take(fact);
        }
    }

    fn take(&self, fact: Fact) {
        let bytes = fact.bytes();
        if !self.facts.put(fact, bytes) {
            self.dropped.increment(1);
        }
    }

    /// Has everything written that was judged so far.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        self.order(Order::Flush(done));
        let _ = wait.await;
    }

    /// Takes everything about people out of the record, by their addresses (R5).
    ///
    /// # Errors
    /// When a file of the record can neither be changed nor removed.
    pub(crate) async fn forget(&self, tenant: &str, addresses: &[AddressKey]) -> io::Result<()> {
        let people = addresses.iter().map(|address| Who::new(&self.secret, tenant, address)).collect();
        let (done, wait) = oneshot::channel();
        self.order(Order::Forget(people, done));
        wait.await.unwrap_or_else(|_| Err(io::Error::other("the record's thread has ended")))
    }

    fn order(&self, order: Order) {
        // Whoever waits for an order that nobody takes any more is told so by its end.
        if let Some(orders) = &mut *self.orders.lock().unwrap_or_else(PoisonError::into_inner) {
            orders.push(order);
        }
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn orders(&self) -> Vec<Order> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(shared: &Arc<Shared>) -> io::Result<JoinHandle<()>> {
        let recorder = &shared.recorder;
        let facts = recorder.to_write.lock().unwrap_or_else(PoisonError::into_inner).take();
        let facts = facts.ok_or_else(|| io::Error::other("the record is written already"))?;
        let own = Arc::clone(shared);
        let thread = std::thread::Builder::new().name("record".into()).spawn(move || {
            let _end = End(&own.recorder);
            writer::Writer::new(&own, facts).run();
        })?;
        let _ = recorder.thread.set(thread.thread().clone());
        // What was ordered before is looked at now.
        thread.thread().unpark();
        Ok(thread)
    }

    /// Has what is there written and ends the thread.
    pub(crate) fn stop(&self, thread: JoinHandle<()>) {
        self.order(Order::Stop);
        let _ = thread.join();
    }
}

/// The thread's end, also by a panic: from then on no order is taken.
struct End<'a>(&'a Recorder);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.wanted.store(false, Ordering::Relaxed);
        *self.0.orders.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
