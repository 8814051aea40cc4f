//! Fills a store with suppressed numbers for measurements: `seed FILE COUNT`.
//!
//! Rows go in through SQL, not through the rules: a million ledger entries would measure something else.

use dndgate_store::{Options, Store};
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, count] = &arguments[..] else { panic!("seed FILE COUNT") };
    let count: u64 = count.parse().expect("a number of addresses");
    let url = format!("sqlite:{file}");
    drop(Store::open(&Options::new(&url)).expect("a store"));
    let mut connection = rusqlite::Connection::open(file).expect("the file");
    let transaction = connection.transaction().expect("a transaction");
    {
        let mut insert = transaction
            .prepare(
                "INSERT INTO reason VALUES (?1, 'default', NULL, 'phone', ?2, 'keyword', 'SMS', 'phone', ?2, 0, NULL,
                 '', 'seed', 'seed', 0, NULL, NULL, NULL)",
            )
            .expect("the schema");
        for number in 0..count {
            let phone = format!("+1415{number:07}");
            insert.execute([&format!("seed-{number:012}"), &phone]).expect("a row");
        }
    }
    transaction.commit().expect("the disk");
    let store = Store::open(&Options::new(&url)).expect("a store");
    let before = resident_bytes();
    let begun = Instant::now();
    let entries = store.fill_cache().expect("rows");
    let seconds = begun.elapsed().as_secs_f64();
    let grown = resident_bytes().saturating_sub(before) >> 20;
    eprintln!(
        "{entries} suppressed addresses: cache filled in {seconds:.2} s, {grown} MiB more memory in all"
    );
}

/// Resident memory of this process (proc(5), statm).
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}
