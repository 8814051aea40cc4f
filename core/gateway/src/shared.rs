//! What every part of the gateway shares, and what each worker has for itself.

use crate::{
    callback::Callbacks,
    config::{Config, Traffic},
    ids::RequestIds,
    metrics,
    question::Documents,
    route::Routes,
    unsubscribe::{Limit, Links},
    upstream::Pool,
};
use ::metrics::{Counter, Histogram};
use arc_swap::ArcSwap;
use dndgate_adapter::Channel;
use dndgate_dnd::ReasonKind;
use dndgate_policy::{Active, Limits};
use dndgate_store::{Decisions, SealKey, SendCounts, Store};
use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::HashMap,
    path::PathBuf,
    rc::Rc,
    sync::{Arc, atomic::AtomicUsize},
    time::{Duration, Instant},
};
use tokio::sync::{Notify, watch};

/// Shared by all workers, the admin listener and the background work.
pub(crate) struct Shared {
    pub(crate) traffic: Traffic,
    pub(crate) routes: ArcSwap<Routes>,
    pub(crate) config: ArcSwap<Config>,
    pub(crate) store: Store,
    /// Signs checkpoints of the ledger.
    pub(crate) seal_key: Arc<SealKey>,
    pub(crate) policies: Arc<Active>,
    pub(crate) policy_dir: PathBuf,
    pub(crate) policy_limits: Limits,
    /// Held by who changes policy files through the API.
    pub(crate) policy_edits: std::sync::Mutex<()>,
    pub(crate) decisions: Decisions,
    /// Writes down what policies judge.
    pub(crate) recorder: crate::record::Recorder,
    /// Judges beside the policies in force.
    pub(crate) shadow: crate::shadow::Shadow,
    /// What send rules count.
    pub(crate) send_counts: Arc<SendCounts>,
    pub(crate) callbacks: Callbacks,
    /// The secret of this installation.
    pub(crate) secret: [u8; 32],
    /// The keys of unsubscribe links.
    pub(crate) links: ArcSwap<Links>,
    /// How often links were used.
    pub(crate) link_uses: Limit,
    /// How often links were tried that are not ours.
    pub(crate) link_misses: Limit,
    /// What proofs of webhooks need.
    pub(crate) documents: Documents,
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) prometheus: metrics_exporter_prometheus::PrometheusHandle,
    pub(crate) adapters: &'static crate::Adapters,
    /// There is something to pass on or to cancel.
    pub(crate) work: Notify,
    /// DND changed: look at the event feed.
    pub(crate) news: Notify,
    /// Subscribers were added, changed or removed.
    pub(crate) subscribers_changed: Notify,
    pub(crate) connections: AtomicUsize,
    /// True once the gateway drains.
    pub(crate) draining: watch::Sender<bool>,
    pub(crate) health: crate::health::Health,
    pub(crate) kept_back: crate::kept_back::KeptBack,
    pub(crate) imports: crate::imports::Imports,
    /// Hands requests of the gateway's own to the background.
    pub(crate) errands: crate::errand::Errands,
    /// Their other end, until the background takes it.
    pub(crate) errands_to_run: std::sync::Mutex<Option<tokio::sync::mpsc::Receiver<crate::errand::Errand>>>,
}

/// One thread's own things: nothing here is locked.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pool: Rc<Pool>,
    pub(crate) ids: RequestIds,
    counters: RefCell<HashMap<CounterKey, Counter>>,
    upstream_seconds: RefCell<HashMap<usize, Histogram>>,
    overhead_seconds: OnceCell<Histogram>,
    /// Which providers worked when this worker last used them, and when it told so.
    working: RefCell<HashMap<usize, Instant>>,
    routes: RefCell<Arc<Routes>>,
    lines: LineBudget,
    /// Requests under way that end only with their answer, whether or not their client still waits.
    pub(crate) carried: Cell<usize>,
}

/// How often a worker tells that a provider still works.
pub(crate) const TOLD_EVERY: Duration = Duration::from_secs(1);
/// The most decisions a second that a worker logs one by one; a flood is summed up, and every decision is still
/// remembered for `dndgate why --request`.
const LINES_A_SECOND: u32 = 50;

/// Keeps a flood of refusals from becoming a flood of log lines.
#[derive(Default)]
struct LineBudget {
    second: Cell<i64>,
    written: Cell<u32>,
    left_out: Cell<u64>,
}

#[derive(PartialEq, Eq, Hash)]
enum CounterKey {
    Send {
        tenant: usize,
        provider: usize,
        channel: Channel,
        verdict: &'static str,
        reason: Option<ReasonKind>,
    },
    Request {
        provider: usize,
        kind: &'static str,
        status: u16,
    },
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>) -> Worker {
        Worker {
            pool: Rc::new(Pool::new(Arc::clone(&shared.tls), shared.traffic.connect_timeout.0)),
            routes: RefCell::new(shared.routes.load_full()),
            working: RefCell::default(),
            lines: LineBudget::default(),
            carried: Cell::new(0),
            shared,
            ids: RequestIds::new(),
            counters: RefCell::default(),
            upstream_seconds: RefCell::default(),
            overhead_seconds: OnceCell::new(),
        }
    }

    /// Counts a send. `verdict` is one of `allowed`, `blocked`, `trimmed`, `refused`.
    pub(crate) fn count_send(
        &self,
        tenant: (usize, &str),
        provider: (usize, &str),
        channel: Channel,
        verdict: &'static str,
        reason: Option<ReasonKind>,
    ) {
        let key = CounterKey::Send { tenant: tenant.0, provider: provider.0, channel, verdict, reason };
        self.counters
            .borrow_mut()
            .entry(key)
            .or_insert_with(|| {
                let reason = reason.map_or("", ReasonKind::name);
                metrics::sends(tenant.1, provider.1, channel.label(), verdict, reason)
            })
            .increment(1);
    }

    /// Counts a request. `kind` is one of `send`, `other`, `webhook`.
    pub(crate) fn count_request(&self, provider: (usize, &str), kind: &'static str, status: u16) {
        let key = CounterKey::Request { provider: provider.0, kind, status };
        self.counters
            .borrow_mut()
            .entry(key)
            .or_insert_with(|| metrics::requests(provider.1, kind, status))
            .increment(1);
    }

    pub(crate) fn observe_upstream(&self, provider: (usize, &str), seconds: f64) {
        self.upstream_seconds
            .borrow_mut()
            .entry(provider.0)
            .or_insert_with(|| metrics::upstream(provider.1))
            .record(seconds);
    }

    pub(crate) fn observe_overhead(&self, seconds: f64) {
        self.overhead_seconds.get_or_init(metrics::overhead).record(seconds);
    }

    /// May a line about a decision be logged now? Those left out are counted in a line of their own.
    pub(crate) fn may_log(&self, now: jiff::Timestamp) -> bool {
        let lines = &self.lines;
        if lines.second.replace(now.as_second()) != now.as_second() {
            lines.written.set(0);
            let left_out = lines.left_out.take();
            if left_out > 0 {
                tracing::info!(left_out, "more decisions than fit into the log; see GET /v1/decisions");
            }
        }
        let written = lines.written.get();
        if written < LINES_A_SECOND {
            lines.written.set(written + 1);
            return true;
        }
        lines.left_out.set(lines.left_out.get() + 1);
        false
    }

    /// The configuration's routes as of now. Places in them are what counters are held by.
    pub(crate) fn routes(&self) -> Arc<Routes> {
        let now = self.shared.routes.load();
        let mut held = self.routes.borrow_mut();
        if !Arc::ptr_eq(&held, &now) {
            *held = Arc::clone(&now);
            self.counters.borrow_mut().clear();
            self.upstream_seconds.borrow_mut().clear();
            self.working.borrow_mut().clear();
        }
        Arc::clone(&held)
    }

    /// A provider answered. Tells the others when that is news, and now and then when it is not.
    pub(crate) fn works(&self, provider: (usize, &str)) {
        let now = crate::clock::tick();
        let mut working = self.working.borrow_mut();
        if working.get(&provider.0).is_none_or(|told| now.duration_since(*told) >= TOLD_EVERY) {
            working.insert(provider.0, now);
            self.shared.health.works(provider.1);
        }
    }

    /// A provider did not answer as it should.
    pub(crate) fn fails(&self, provider: (usize, &str), what: &'static str) {
        self.working.borrow_mut().remove(&provider.0);
        self.shared.health.fails(provider.1, what);
    }
}
