//! `dndgate reconcile`

use crate::{Failure, providers::ADAPTERS, say};
use clap::ValueEnum;
use dndgate_gateway::{
    Config,
    reconcile::{plan, run_here},
};
use dndgate_store::{Options, Repair, Run, RunState, Store, StoreError, reconciliation};
use serde_json::json;
use std::{path::Path, time::Duration};

/// How often a run that the gateway does is looked at.
const LOOK: Duration = Duration::from_millis(200);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// One provider; all that keep suppression lists when absent.
    #[arg(long)]
    provider: Option<String>,
    /// One tenant; all when absent.
    #[arg(long)]
    tenant: Option<String>,
    /// What to put in order: here (what the provider refuses becomes known) and there (what is blocked here is put
    /// on its list). Nothing when absent. Nothing is ever lifted.
    #[arg(long, value_enum, value_delimiter = ',')]
    repair: Vec<Side>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    Here,
    There,
}

/// Exit code 0: both sides agree, or were put in order. 1: they differ, or a comparison failed.
pub(crate) fn run(path: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(path, ADAPTERS).map_err(Failure::wrong)?;
    let repair = Repair {
        here: arguments.repair.contains(&Side::Here),
        there: arguments.repair.contains(&Side::There),
    };
    let runs =
        plan(&config, arguments.provider.as_deref(), arguments.tenant.as_deref(), repair, "command line");
    let runs = runs.map_err(Failure::Wrong)?;
    let options = Options::new(&config.store.url);
    // A running gateway does them, because its cache must know at once what becomes known.
    let (store, alone) = match Store::open_alone(&options) {
        Ok(store) => (store, true),
        Err(StoreError::Held(_)) => (Store::open(&options).map_err(Failure::wrong)?, false),
        Err(error) => return Err(Failure::wrong(error)),
    };
    let ids: Vec<String> = runs.iter().map(|run| run.id.clone()).collect();
    let put =
        move |tx: &mut dndgate_store::Tx<'_>| runs.iter().try_for_each(|run| reconciliation::put(tx, run));
    store.write_blocking(put).map_err(Failure::wrong)?;
    if alone {
        run_here(&config, &store, &ids).map_err(Failure::Wrong)?;
    }
    let mut agree = true;
    for id in ids {
        let run = wait(&store, &id)?;
        agree &= run.state == RunState::Done
            && run.found.theirs == run.found.theirs_repaired
            && run.found.ours == run.found.ours_repaired;
        tell(&run, arguments.json);
    }
    if agree { Ok(()) } else { Err(Failure::No(String::new())) }
}

fn wait(store: &Store, id: &str) -> Result<Run, Failure> {
    loop {
        let wanted = id.to_owned();
        let run = store.read_blocking(move |tx| reconciliation::get(tx, &wanted)).map_err(Failure::wrong)?;
        let run = run.ok_or_else(|| Failure::No("the run has gone".into()))?;
        if run.is_over() {
            return Ok(run);
        }
        std::thread::sleep(LOOK);
    }
}

fn tell(run: &Run, as_json: bool) {
    if as_json {
        say(&json!({ "id": run.id, "provider": run.provider, "tenant": run.tenant, "state": run.state,
                     "found": run.found, "error": run.error })
        .to_string());
        return;
    }
    let found = &run.found;
    say(&format!("{} for {}, run {}: {} entries read.", run.provider, run.tenant, run.id, found.entries));
    say(&format!("  in theirs, not in ours: {} ({} taken over)", found.theirs, found.theirs_repaired));
    say(&format!("  in ours, not in theirs: {} ({} put there)", found.ours, found.ours_repaired));
    for (count, what) in [
        (found.partial, "hold for a tag or group only: left alone"),
        (found.unreadable, "cannot be read: left alone"),
        (
            found.stale,
            "were put there by the gateway for somebody who is free again: take them off at the provider",
        ),
    ] {
        if count > 0 {
            say(&format!("  {count} {what}"));
        }
    }
    if let (RunState::Failed, Some(error)) = (run.state, &run.error) {
        say(&format!("  given up: {error}"));
    }
}
