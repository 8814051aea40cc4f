//! `dndgate ledger`

use crate::{Failure, providers::ADAPTERS, say, say_error};
use dndgate_gateway::Config;
use dndgate_store::{Options, Store, Verified, ledger};
use std::path::Path;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Checks the chain from the first entry to the last.
    Verify,
}

pub(crate) fn run(path: &Path, command: &Command) -> Result<(), Failure> {
    let Command::Verify = command;
    let config = Config::load(path, ADAPTERS).map_err(Failure::wrong)?;
    let store = Store::open_read_only(&Options::new(&config.store.url)).map_err(Failure::wrong)?;
    let progress = |entry: u64| {
        if entry.is_multiple_of(1_000_000) {
            say_error(&format!("{entry} entries …"));
        }
    };
    match ledger::verify(&store, progress).map_err(Failure::wrong)? {
        Verified::Whole(count) => {
            say(&format!("The ledger is whole: {count} entries, each as it was written."));
            Ok(())
        }
        Verified::Broken { seq, why } => {
            Err(Failure::No(format!("the ledger is broken at entry {seq}: {why}")))
        }
    }
}
