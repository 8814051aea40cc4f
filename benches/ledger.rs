//! What the ledger costs as it grows, and how long its check takes: `ledger FILE COUNT`.
//!
//! Opt-outs go through the store's own door, as a webhook's do: batches of a thousand until the file holds COUNT
//! entries, and at each mark some hundreds one by one, each durable before the next. Then the ledger is sealed and
//! checked. A file that holds entries already is gone on with.

use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::{AddressKey, Blocks, Cause, ReasonKind};
use dndgate_store::{
    Options, SealKey, Store, Trust, events,
    ledger::{self, seal},
    opt,
};
use jiff::Timestamp;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Opt-outs in one commit.
const BATCH: u64 = 1_000;
/// Where the cost of single ones is taken, too.
const MARKS: [u64; 6] = [10_000, 100_000, 1_000_000, 3_000_000, 6_000_000, 10_000_000];
/// The entries before a mark over which the batches' cost is taken.
const WINDOW: u64 = 100_000;
/// Single ones at a mark.
const SINGLES: u64 = 300;

fn stop(number: u64) -> Cause {
    let address = AddressKey { kind: AddressKind::Phone, key: format!("+1{:010}", 2_000_000_000 + number) };
    Cause {
        kind: ReasonKind::Keyword,
        blocks: Blocks::Channel(Channel::Sms),
        origin: Some(address),
        permanent: true,
        code: None,
        message: "STOP".into(),
        source: format!("twilio:SM{number:032x}"),
        actor: "person".into(),
        at: Timestamp::now(),
        expires: None,
    }
}

fn append(store: &Store, from: u64, count: u64) -> Duration {
    let begun = Instant::now();
    let stops = move |tx: &mut dndgate_store::Tx<'_>| {
        (from..from + count).try_for_each(|number| opt::record(tx, "default", &[stop(number)]).map(drop))
    };
    store.write_blocking(stops).expect("the disk");
    begun.elapsed()
}

/// The processor time of this process, in steps of 10 ms: what others do beside is not in it. None where the system has
/// no `/proc`.
fn processor() -> Duration {
    let about = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, which may hold anything, ends with the last parenthesis.
    let ticks = about.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    Duration::from_millis(ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, count] = &arguments[..] else { panic!("ledger FILE COUNT") };
    let count: u64 = count.parse().expect("a number of entries");
    let store = Store::open(&Options::new(&format!("sqlite:{file}"))).expect("a store");
    store.fill_cache().expect("rows");
    let mut have = store.read_blocking(|tx| tx.rows().head()).expect("a head").0;
    eprintln!("entries     in batches, each     of that processor time     one by one, each (median)");
    let begun = have;
    for mark in MARKS.into_iter().filter(|mark| *mark <= count && *mark > begun) {
        let mut batches: Vec<(u64, Duration, Duration)> = Vec::new();
        while have + SINGLES < mark {
            let size = BATCH.min(mark - SINGLES - have);
            let before = processor();
            let took = append(&store, have, size);
            batches.push((have, took, processor() - before));
            // What is measured is the ledger: events go as they do after their retention.
            store.write_blocking(|tx| events::forget(tx, Timestamp::now())).expect("the disk");
            have += size;
        }
        let window: Vec<_> = batches.iter().filter(|(at, ..)| at + WINDOW >= mark).collect();
        let entries = window.first().map_or(1, |(from, ..)| have - from).max(1) as f64;
        let each = |all: Duration| all.as_secs_f64() * 1e6 / entries;
        let (wall, busy) = (
            window.iter().map(|one| one.1).sum::<Duration>(),
            window.iter().map(|one| one.2).sum::<Duration>(),
        );
        let singles: Vec<Duration> = (have..mark).map(|number| append(&store, number, 1)).collect();
        have = mark;
        eprintln!(
            "{mark:>10}  {:>12.1} µs     {:>18.1} µs     {:>18.1} µs",
            each(wall),
            each(busy),
            median(singles).as_secs_f64() * 1e6
        );
    }
    sealed(&store, file);
    let bytes = std::fs::metadata(file).map_or(0, |about| about.len());
    eprintln!("the file has {} MiB", bytes >> 20);
}

fn sealed(store: &Store, file: &str) {
    let begun = Instant::now();
    while store.write_blocking(seal::tile_on).expect("tiles") {}
    let key = Arc::new(SealKey::open(format!("{file}.key").as_ref()).expect("a key"));
    let signer = Arc::clone(&key);
    store.write_blocking(move |tx| seal::seal(tx, &signer, Timestamp::now())).expect("a checkpoint");
    eprintln!("sealed in {:.1} s", begun.elapsed().as_secs_f64());
    let url = format!("sqlite:{file}");
    let readers = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    let reading = Store::open_read_only(&Options { readers, ..Options::new(&url) }).expect("a store");
    let public = key.public(&reading.read_blocking(seal::origin).expect("a name"));
    let trust = Trust { keys: vec![public], outside: Vec::new() };
    let begun = Instant::now();
    let found = ledger::verify(&reading, trust, |_| ()).expect("rows");
    assert!(found.faults.is_empty(), "{found:?}");
    eprintln!("{} entries verified in {:.1} s", found.entries, begun.elapsed().as_secs_f64());
}
