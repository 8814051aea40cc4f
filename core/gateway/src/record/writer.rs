//! The record's thread.

use super::{Fact, Order, queue::Exit, share};
use crate::{clock, config, metrics, replay, shadow::Shown, shared::Shared};
use ::metrics::{Counter, Gauge};
use dndgate_store::record::{About, Outcome, Segments, Who};
use std::{
    collections::HashSet,
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How often it looks at what came. Nobody wakes it: that would cost a send a system call.
const LOOK: Duration = Duration::from_millis(50);
/// How often old files are removed.
const PRUNE: Duration = Duration::from_secs(10);
/// How often the log says that the record cannot be written.
const COMPLAIN: Duration = Duration::from_secs(60);
/// Facts that are written at a time.
const BATCH: usize = 1_024;

pub(super) struct Writer<'a> {
    shared: &'a Arc<Shared>,
    facts: Exit<Fact>,
    segments: Option<Segments>,
    lines: Vec<u8>,
    line_count: u64,
    /// When the time began for which is counted what is written.
    counted_from: Instant,
    written: u64,
    /// The share of all people whose sends are written down.
    share: f64,
    pruned: Option<Instant>,
    complained: Option<Instant>,
    lost: Counter,
    bytes: Gauge,
    shares: Gauge,
}

impl<'a> Writer<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>, facts: Exit<Fact>) -> Writer<'a> {
        Writer {
            shared,
            facts,
            segments: None,
            lines: Vec::new(),
            line_count: 0,
            counted_from: clock::tick(),
            written: 0,
            share: 1.0,
            pruned: None,
            complained: None,
            lost: metrics::record_dropped("unwritable"),
            bytes: metrics::record_bytes(),
            shares: metrics::record_share(),
        }
    }

    /// Runs until it is told to stop.
    pub(super) fn run(mut self) {
        // What a policy does wrong was logged when it judged.
        let silent = tracing::subscriber::NoSubscriber::new();
        loop {
            let orders = self.shared.recorder.orders();
            let config = self.shared.config.load_full();
            while self.batch(&config.record, &silent) == BATCH {}
            self.thin(&config.record);
            self.prune(&config.record);
            let mut stops = false;
            for order in orders {
                match order {
                    Order::Flush(done) => drop(done.send(())),
                    Order::Forget(people, done) => drop(done.send(self.forget(&people))),
                    Order::Stop => stops = true,
                }
            }
            if stops {
                return;
            }
            thread::park_timeout(LOOK);
        }
    }

    /// Writes what came, up to a batch of it. How many facts.
    fn batch(&mut self, config: &config::Record, silent: &tracing::subscriber::NoSubscriber) -> usize {
        let facts = self.facts.take(BATCH);
        let count = facts.len();
        tracing::subscriber::with_default(*silent, || {
            for fact in facts {
                self.fact(fact, config);
            }
        });
        self.write(config);
        count
    }

    fn fact(&mut self, fact: Fact, config: &config::Record) {
        let Some(person) = fact.person() else { return };
        let who = Who::new(&self.shared.recorder.secret, &fact.tenant, &person.key);
        let mut entry = fact.entry(who, &person, Outcome::default());
        let was = match fact.policies() {
            // Sends come with their verdict: nothing is counted here.
            Some(policies) => replay::judge(policies, &replay::counters(), &entry),
            None => fact.verdict(),
        };
        let was = was.unwrap_or_default();
        entry.was = was.clone();
        if config.on && fact.kept {
            if let About::Send(send) = &mut entry.about {
                send.thinned = self.share < 1.0;
            }
            if !config.bodies {
                replay::without_words(&mut entry);
            }
            let length = self.lines.len();
            if serde_json::to_writer(&mut self.lines, &entry).is_ok() {
                self.lines.push(b'\n');
                self.line_count += 1;
            } else {
                self.lines.truncate(length);
            }
        }
        self.shared.shadow.show(Shown { fact, person, who, was });
    }

    fn write(&mut self, config: &config::Record) {
        if self.lines.is_empty() {
            return;
        }
        let lines = std::mem::take(&mut self.lines);
        self.written += lines.len() as u64;
        let written =
            self.segments().and_then(|segments| segments.append(&lines, clock::now(), config.limits()));
        if let Err(error) = written {
            self.lost.increment(self.line_count);
            if self.complained.is_none_or(|at| at.elapsed() > COMPLAIN) {
                self.complained = Some(clock::tick());
                tracing::error!(%error, "the record of what policies judged cannot be written; the gate goes on without it");
            }
        }
        self.lines = lines;
        self.lines.clear();
        self.line_count = 0;
    }

    /// The record's files, opened when first needed.
    fn segments(&mut self) -> io::Result<&mut Segments> {
        if self.segments.is_none() {
            self.segments = Some(Segments::open(&self.shared.recorder.dir)?);
        }
        self.segments.as_mut().ok_or_else(|| io::Error::other("no record"))
    }

    /// Sees to it that the record lasts as long as it should.
    fn thin(&mut self, config: &config::Record) {
        let limits = config.limits();
        if self.counted_from.elapsed() > limits.span().unsigned_abs() {
            self.counted_from = clock::tick();
            self.written = 0;
        }
        self.share = if config.on {
            config.sends * share::thinned(self.written, limits.bytes_per_span())
        } else {
            0.0
        };
        self.shared.recorder.share.set(self.share);
        self.shares.set(self.share);
    }

    fn prune(&mut self, config: &config::Record) {
        let pause = PRUNE.min(config.keep.0 / 4);
        if self.pruned.is_some_and(|at| at.elapsed() < pause) || !self.shared.recorder.dir.is_dir() {
            return;
        }
        self.pruned = Some(clock::tick());
        let limits = config.limits();
        match self.segments().and_then(|segments| segments.prune(clock::now(), limits)) {
            Ok(bytes) => self.bytes.set(bytes as f64),
            Err(error) => tracing::warn!(%error, "old files of the record cannot be removed"),
        }
    }

    fn forget(&mut self, people: &HashSet<Who>) -> io::Result<()> {
        self.shared.shadow.forget(people);
        if !self.shared.recorder.dir.is_dir() {
            return Ok(());
        }
        self.segments()?.forget(people).map(drop)
    }
}
