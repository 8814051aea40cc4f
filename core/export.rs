//! `dndgate export`: contacts with their DND states, or a provider's suppression list. Reads what is on disk, whether
//! or not the gateway runs.

use crate::{Failure, import, providers::ADAPTERS, say_error};
use clap::ValueEnum;
use dndgate_gateway::{
    Config,
    export::{self, What},
};
use dndgate_import::{Format, write::Syntax};
use dndgate_store::{Options, Store};
use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Layout {
    /// Values with commas between them.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The only tenant to write; all without it.
    #[arg(long)]
    tenant: Option<String>,
    /// How contacts are laid out; without it as the file's name says, else as CSV.
    #[arg(long, value_enum)]
    format: Option<Layout>,
    /// A provider's suppression list in its own format instead: mailgun, sendgrid or twilio for everybody who may
    /// not be reached there, or one of its lists, such as mailgun-bounces.
    #[arg(long, value_name = "LIST", conflicts_with = "format")]
    suppressions: Option<String>,
    /// Where to write; the standard output without it.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(path: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(path, ADAPTERS).map_err(Failure::wrong)?;
    let tenants = match &arguments.tenant {
        Some(name) => vec![import::known(&config, name)?],
        None => config.tenants.keys().cloned().collect(),
    };
    let what = what(arguments)?;
    let store = Store::open_read_only(&Options::new(&config.store.url)).map_err(Failure::wrong)?;
    // A file appears whole or not at all.
    let (done, to) = match &arguments.output {
        None => {
            (write(&store, &tenants, what, &config, io::stdout().lock())?, "the standard output".to_owned())
        }
        Some(output) => {
            let cannot =
                |error: io::Error| Failure::Wrong(format!("cannot write {}: {error}", output.display()));
            let folder =
                output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let file = tempfile::NamedTempFile::new_in(folder).map_err(cannot)?;
            let done = write(&store, &tenants, what, &config, file.as_file())?;
            file.as_file().sync_all().map_err(cannot)?;
            file.persist(output).map_err(|error| cannot(error.error))?;
            (done, output.display().to_string())
        }
    };
    say_error(&match what {
        What::Contacts(_) => {
            format!("{} contacts and {} addresses with DND written to {to}", done.contacts, done.addresses)
        }
        What::List(format) => format!("{} entries of {} written to {to}", done.addresses, format.name()),
    });
    if done.erased > 0 {
        say_error(&format!(
            "{} opt-outs of erased people stay in this store: only hashes of their addresses are kept",
            done.erased
        ));
    }
    Ok(())
}

fn what(arguments: &Arguments) -> Result<What, Failure> {
    if let Some(name) = &arguments.suppressions {
        return What::list(name).ok_or_else(|| {
            let lists = Format::ALL.into_iter().filter(|format| !format.holds_contacts()).map(Format::name);
            let lists: Vec<_> = ["mailgun", "sendgrid", "twilio"].into_iter().chain(lists).collect();
            Failure::Wrong(format!("{name:?} is no list; there are {}", lists.join(", ")))
        });
    }
    let named = arguments.output.as_ref().and_then(|file| file.extension());
    Ok(What::Contacts(match (arguments.format, named) {
        (Some(Layout::Ndjson), _) => Syntax::Ndjson,
        (None, Some(ending)) if ending == "ndjson" || ending == "jsonl" => Syntax::Ndjson,
        _ => Syntax::Csv,
    }))
}

fn write(
    store: &Store,
    tenants: &[String],
    what: What,
    config: &Config,
    to: impl Write,
) -> Result<export::Exported, Failure> {
    let mut to = BufWriter::new(to);
    let listed = dndgate_gateway::listed(config);
    let done = export::run(store, tenants, what, listed, &mut |text| to.write_all(text.as_bytes()));
    let done = done.map_err(Failure::wrong)?;
    to.flush().map_err(Failure::wrong)?;
    Ok(done)
}
