//! `dndgate import`: contacts and suppressions from a file. Straight into the store while nothing serves it; through
//! the running gateway otherwise, so that its cache misses nothing.

use crate::{Failure, import_serving, progress::Progress, providers::ADAPTERS, say, serve};
use dndgate_gateway::{
    Config,
    import::{self, Copy, Plan, Summary, Watch},
};
use dndgate_import::{Encoding, Format, Options, Tenants};
use dndgate_store::{Change, Store, StoreError};
use serde_json::Value;
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Rows that were left out, told one by one on a terminal; all of them go into the file of `--rejects`.
const TOLD_MAX: u64 = 10;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// CSV or NDJSON: contacts (our own export, HighLevel's), or a suppression list of Mailgun, SendGrid or Twilio.
    pub(crate) file: PathBuf,
    /// What it is, where its header does not tell: contacts, highlevel, mailgun-bounces, …
    #[arg(long)]
    pub(crate) format: Option<String>,
    /// Its encoding, where it is not UTF-8 or UTF-16: windows-1252 (Latin-1), …
    #[arg(long)]
    pub(crate) encoding: Option<String>,
    /// The tenant that all rows go to; without it the row's locationId says, or there is only one.
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Every address goes onto the agency's list, above the tenants: on the channels that the row blocks, on all
    /// where it says nothing of DND.
    #[arg(long, conflicts_with = "tenant")]
    pub(crate) agency: bool,
    /// How telephone numbers without country code are read (US, DE, …); without it the tenant's default region.
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// Says what would change; touches nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Writes every row that was left out into this file: its line, and why.
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Writes every row that changes something into this file: its line, and what.
    #[arg(long, value_name = "FILE")]
    pub(crate) changes: Option<PathBuf>,
    /// The result for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Exit code 0: every row is in. 1: some were left out, wholly or in part. 2: it could not be done.
pub(crate) fn run(path: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(path, ADAPTERS).map_err(Failure::wrong)?;
    let policies = serve::policies(&config)?;
    let options = options(&config, arguments, &policies)?;
    let source = File::open(&arguments.file)
        .map_err(|error| Failure::Wrong(format!("cannot read {}: {error}", arguments.file.display())))?;
    let size = source.metadata().map(|about| about.len()).unwrap_or_default();
    let mut report = Report::new(arguments, size)?;
    let source = Box::new(report.progress.counting(source));
    let plan = Plan {
        options,
        agency: arguments.agency,
        actor: "cli".into(),
        at: jiff::Timestamp::now(),
        pace: import::Pace::ALONE,
    };
    let outcome = if arguments.dry_run {
        let copy = Copy::of(&config.store.url).map_err(Failure::wrong)?;
        copy.store().set_listed(dndgate_gateway::listed(&config));
        import::run(source, plan, copy.store(), &mut report)
    } else {
        let mut store = dndgate_store::Options::new(&config.store.url);
        store.bulk = true;
        match Store::open_alone(&store) {
            Ok(store) => {
                store.set_listed(dndgate_gateway::listed(&config));
                let outcome = import::run(source, plan, &store, &mut report);
                store.close();
                outcome
            }
            Err(StoreError::Held(_)) => {
                drop(source);
                report.progress.finish();
                return import_serving::run(&config, arguments);
            }
            Err(error) => return Err(Failure::wrong(error)),
        }
    };
    report.progress.finish();
    report.flush()?;
    let summary = outcome.map_err(|error| match error {
        import::ImportError::Cancelled => Failure::No(error.to_string()),
        error => Failure::Wrong(format!("{}: {error}", arguments.file.display())),
    })?;
    tell(arguments, &summary.to_json())
}

fn options(
    config: &Config,
    arguments: &Arguments,
    policies: &dndgate_policy::Book,
) -> Result<Options, Failure> {
    let format = arguments.format.as_deref().map(|name| {
        let names: Vec<_> = Format::ALL.into_iter().map(Format::name).collect();
        Format::parse(name)
            .ok_or_else(|| Failure::Wrong(format!("{name:?} is no format; there are {}", names.join(", "))))
    });
    let encoding = arguments.encoding.as_deref().map(|name| {
        Encoding::parse(name)
            .ok_or_else(|| Failure::Wrong(format!("{name:?} is no encoding; write utf-8, windows-1252, …")))
    });
    let region = arguments
        .region
        .as_deref()
        .map(|code| code.parse().map_err(|bad| Failure::Wrong(format!("--region {code:?} is {bad}"))));
    let fixed = arguments.tenant.as_deref().map(|name| known(config, name)).transpose()?;
    let region = region.transpose()?;
    let tenants = if arguments.agency {
        import::agency_tenants(config.tenants.values().map(|one| one.region), region)
            .map_err(|why| Failure::Wrong(format!("--region: {why}")))?
    } else {
        Tenants { fixed, all: config.tenants.iter().map(|(name, one)| (name.clone(), one.region)).collect() }
    };
    Ok(Options {
        file: file_name(&arguments.file),
        format: format.transpose()?,
        encoding: encoding.transpose()?,
        tenants,
        region,
        unsubscribe: policies.general().unsubscribe().scope,
        unsubscribe_of: policies.unsubscribe_scopes(),
    })
}

/// The name of a file without its folder: it stands in the record of what begins.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A tenant's name, if there is one of that name.
pub(crate) fn known(config: &Config, name: &str) -> Result<String, Failure> {
    if config.tenants.contains_key(name) {
        return Ok(name.to_owned());
    }
    let all: Vec<_> = config.tenants.keys().map(String::as_str).collect();
    Err(Failure::Wrong(format!("there is no tenant {name:?}; there are: {}", all.join(", "))))
}

/// Says what came of it, from a summary as the API gives it.
pub(crate) fn tell(arguments: &Arguments, summary: &Value) -> Result<(), Failure> {
    let number = |name: &str| summary[name].as_u64().unwrap_or_default();
    if arguments.json {
        let mut body = summary.clone();
        body["dryRun"] = arguments.dry_run.into();
        say(&body.to_string());
    } else {
        let (would, verb) = if arguments.dry_run { ("would be ", "would begin") } else { ("", "began") };
        let idle = match number("noOptOut") {
            0 => String::new(),
            some => format!(", {some} no opt-out"),
        };
        say(&format!(
            "{} rows: {} contacts {would}new, {} {would}changed, {} with a change of DND, {} there already{idle}.",
            number("rows"),
            number("contactsNew"),
            number("contactsChanged"),
            number("dndChanged"),
            number("unchanged"),
        ));
        for one in summary["began"].as_array().into_iter().flatten() {
            let text = |name: &str| one[name].as_str().unwrap_or_default();
            say(&format!("  DND {verb}: {} ({}) {}", text("channel"), text("reason"), one["count"]));
        }
        if arguments.dry_run {
            say("Nothing was changed: this was a dry run.");
        }
    }
    let (rejected, incomplete) = (number("rejected"), number("incomplete"));
    if rejected + incomplete == 0 {
        return Ok(());
    }
    let hint = if arguments.rejects.is_none() { "; --rejects FILE lists them all" } else { "" };
    Err(Failure::No(format!("{rejected} rows were left out, {incomplete} are in without a part{hint}")))
}

/// Follows an import for the person who started it.
struct Report {
    progress: Progress,
    rejects: Option<BufWriter<File>>,
    changes: Option<BufWriter<File>>,
    told: u64,
    failed: Option<std::io::Error>,
    interrupted: Arc<AtomicBool>,
}

impl Report {
    fn new(arguments: &Arguments, size: u64) -> Result<Report, Failure> {
        let created = |path: &Option<PathBuf>, header: &str| -> Result<Option<BufWriter<File>>, Failure> {
            let Some(path) = path else { return Ok(None) };
            let cannot = |error| Failure::Wrong(format!("cannot write {}: {error}", path.display()));
            let mut file = BufWriter::new(File::create(path).map_err(cannot)?);
            file.write_all(header.as_bytes()).map_err(cannot)?;
            Ok(Some(file))
        };
        Ok(Report {
            progress: Progress::new(size),
            rejects: created(&arguments.rejects, "line,why\n")?,
            changes: created(&arguments.changes, "line,contact,record,dnd\n")?,
            told: 0,
            failed: None,
            interrupted: interruption()?,
        })
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let flushed = self.rejects.iter_mut().chain(&mut self.changes).try_for_each(Write::flush);
        match self.failed.take().map_or(flushed, Err) {
            Ok(()) => Ok(()),
            Err(error) => Err(Failure::Wrong(format!("the report cannot be written: {error}"))),
        }
    }
}

/// Set by Ctrl-C: the batch under way is finished, then the import stops.
pub(crate) fn interruption() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::wrong)?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                set.store(true, Ordering::Relaxed);
            }
        });
    });
    Ok(flag)
}

impl Watch for Report {
    fn left_out(&mut self, line: u64, why: &str) {
        if let Some(file) = &mut self.rejects {
            let row = dndgate_import::write::row(vec![line.to_string(), why.to_owned()]);
            self.failed = self.failed.take().or(file.write_all(row.as_bytes()).err());
        }
        self.told += 1;
        if self.told <= TOLD_MAX {
            self.progress.aside(&format!("line {line}: {why}"));
        } else if self.told == TOLD_MAX + 1 {
            self.progress.aside("more rows are left out; --rejects FILE lists them all");
        }
    }

    fn took(&mut self, line: u64, what: &dndgate_store::import::Taken) {
        let Some(file) = &mut self.changes else { return };
        let record = if what.new {
            "new"
        } else if what.edited {
            "changed"
        } else {
            ""
        };
        let begun: Vec<String> = what
            .change
            .iter()
            .flat_map(Change::reasons)
            .map(|(blocks, kind, _)| format!("{} ({kind})", blocks.name()))
            .collect();
        if record.is_empty() && begun.is_empty() {
            return;
        }
        let contact = what.contact.clone().filter(|_| !what.new).unwrap_or_default();
        let row =
            dndgate_import::write::row(vec![line.to_string(), contact, record.into(), begun.join(", ")]);
        self.failed = self.failed.take().or(file.write_all(row.as_bytes()).err());
    }

    fn batch(&mut self, so_far: &Summary, _changes: &[Change]) {
        self.progress.at(so_far.rows, so_far.rejected);
    }

    fn is_cancelled(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
