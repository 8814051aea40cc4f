//! `dndgate ledger`

use crate::{Failure, providers::ADAPTERS, say, say_error};
use clap::ValueEnum;
use dndgate_gateway::{Config, dossier_page, whom};
use dndgate_store::{
    Checkpoint, Options, PublicKey, SealKey, Store, StoreError, Trust,
    ledger::{
        self,
        dossier::{self, Whom},
        seal,
    },
};
use std::path::{Path, PathBuf};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Checks every entry, the index, the head and all checkpoints.
    Verify(Verify),
    /// Everything about one person, with proof, to hand out.
    Export(Export),
    /// The newest checkpoint, to be kept where nobody who can write the database can.
    Checkpoint,
    /// The public key that checks checkpoints and exports.
    Key,
}

#[derive(clap::Args)]
pub(crate) struct Verify {
    /// A checkpoint that was kept elsewhere: the ledger must still begin as it says. May be given several times.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Another public key to believe.
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// Checks a JSON export instead, for which no database is needed when --key is given.
    #[arg(long, value_name = "FILE", conflicts_with = "checkpoint")]
    export: Option<PathBuf>,
}

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("person").args(["contact", "address"]).required(true)))]
pub(crate) struct Export {
    /// Whose: a contact's id.
    #[arg(long, value_name = "ID")]
    contact: Option<String>,
    /// Whose: a phone number, an email address or a provider's id.
    #[arg(long)]
    address: Option<String>,
    /// The address's kind: phone, email, psid, gmb, wa. Guessed when absent.
    #[arg(long, requires = "address")]
    kind: Option<String>,
    /// The tenant, where there are several.
    #[arg(long)]
    tenant: Option<String>,
    /// For programs and for proof, or for people.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Where to; printed when absent.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// With proofs.
    Json,
    /// A page to read and print.
    Html,
}

pub(crate) fn run(path: &Path, command: &Command) -> Result<(), Failure> {
    if let Command::Verify(Verify { export: Some(export), key, .. }) = command
        && !key.is_empty()
    {
        return check_export(export, &keys(key)?);
    }
    let config = Config::load(path, ADAPTERS).map_err(Failure::wrong)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // One more reads the index meanwhile.
    let options = Options { readers: cores + 1, ..Options::new(&config.store.url) };
    let store = Store::open_read_only(&options).map_err(Failure::wrong)?;
    match command {
        Command::Verify(verify) => verify_all(&config, &store, verify),
        Command::Export(asked) => export(&config, &store, asked),
        Command::Checkpoint => {
            let latest = store.read_blocking(seal::latest).map_err(Failure::wrong)?;
            let latest = latest.ok_or_else(|| Failure::No("there is no checkpoint yet".into()))?;
            say(latest.note.trim_end());
            Ok(())
        }
        Command::Key => {
            say(&own_key(&config, &store)?.to_string());
            Ok(())
        }
    }
}

fn keys(texts: &[String]) -> Result<Vec<PublicKey>, Failure> {
    let read = |text: &String| {
        PublicKey::parse(text).ok_or_else(|| {
            Failure::Wrong(format!("--key: {text:?} is no public key; dndgate ledger key prints one"))
        })
    };
    texts.iter().map(read).collect()
}

/// The key of this installation, which is not made here.
fn seal_key(config: &Config) -> Result<SealKey, Failure> {
    if !config.ledger.key.exists() {
        return Err(Failure::Wrong(format!(
            "ledger.key: {} is not there; dndgate serve makes it at its first start",
            config.ledger.key.display()
        )));
    }
    SealKey::open(&config.ledger.key).map_err(Failure::wrong)
}

fn own_key(config: &Config, store: &Store) -> Result<PublicKey, Failure> {
    let origin = store.read_blocking(seal::origin).map_err(Failure::wrong)?;
    Ok(seal_key(config)?.public(&origin))
}

fn read_checkpoint(path: &Path) -> Result<(String, Checkpoint), Failure> {
    let wrong = |why: String| Failure::Wrong(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let checkpoint = Checkpoint::read(&text).map_err(|why| wrong(why.to_owned()))?;
    Ok((format!("the checkpoint in {}", path.display()), checkpoint))
}

fn verify_all(config: &Config, store: &Store, verify: &Verify) -> Result<(), Failure> {
    let mut trust = Trust { keys: keys(&verify.key)?, outside: Vec::new() };
    trust.keys.extend(config.ledger.former_keys.iter().cloned());
    if config.ledger.key.exists() {
        trust.keys.push(own_key(config, store)?);
    }
    if let Some(export) = &verify.export {
        return check_export(export, &trust.keys);
    }
    let kept = Some(&config.ledger.checkpoint).filter(|path| path.exists());
    for path in verify.checkpoint.iter().chain(kept) {
        trust.outside.push(read_checkpoint(path)?);
    }
    let mut told = 0;
    let progress = std::sync::Mutex::new(&mut told);
    let found = ledger::verify(store, trust, |entry| {
        let mut told = progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if entry >= **told + 1_000_000 {
            **told = entry;
            say_error(&format!("{entry} entries …"));
        }
    });
    let found = found.map_err(Failure::wrong)?;
    if let Some(first) = found.faults.first() {
        for fault in &found.faults {
            say_error(&format!("at entry {}: {}", fault.seq, fault.why));
        }
        return Err(Failure::No(format!("the ledger is broken at entry {}: {}", first.seq, first.why)));
    }
    say(&format!(
        "The ledger is whole: {} entries, each as it was written; personal parts erased: {}; {} checkpoints agree, \
         the last over {} entries.",
        found.entries, found.erased, found.checkpoints, found.sealed
    ));
    Ok(())
}

fn check_export(path: &Path, keys: &[PublicKey]) -> Result<(), Failure> {
    let wrong = |why: String| Failure::Wrong(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let export = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let mut why = "no public key is known: name one with --key".to_owned();
    for key in keys {
        match dossier::check(&export, key) {
            Ok(count) => {
                say(&format!("The export is genuine: {count} entries, each proven to stand in the ledger."));
                return Ok(());
            }
            Err(reason) => why = reason,
        }
    }
    Err(Failure::No(format!("{}: {why}", path.display())))
}

fn export(config: &Config, store: &Store, asked: &Export) -> Result<(), Failure> {
    let (tenant, region) = match (&asked.tenant, config.tenants.len()) {
        (Some(name), _) => match config.tenants.get(name) {
            Some(tenant) => (name.clone(), tenant.region),
            None => return Err(Failure::Wrong(format!("there is no tenant {name:?}"))),
        },
        (None, 1) => {
            config.tenants.iter().map(|(name, one)| (name.clone(), one.region)).next().unwrap_or_default()
        }
        (None, _) => return Err(Failure::Wrong("there are several tenants: name one with --tenant".into())),
    };
    let person = match (&asked.contact, &asked.address) {
        (Some(id), _) => Whom::Contact(id.clone()),
        (None, raw) => {
            let raw = raw.as_deref().unwrap_or_default();
            whom(raw, asked.kind.as_deref(), region).map_err(Failure::Wrong)?
        }
    };
    let key = seal_key(config)?;
    let found =
        store.read_blocking(move |tx| dossier::collect(tx, &tenant, &person, &key, jiff::Timestamp::now()));
    let found = found.map_err(|error| match error {
        StoreError::NotFound => Failure::No("the ledger holds nothing about this person".into()),
        other => Failure::wrong(other),
    })?;
    let text = match asked.format {
        Format::Json => serde_json::to_string_pretty(&dossier::to_json(&found)).map_err(Failure::wrong)?,
        Format::Html => dossier_page(&found),
    };
    match &asked.output {
        None => say(&text),
        Some(path) => {
            std::fs::write(path, text)
                .map_err(|error| Failure::Wrong(format!("{}: {error}", path.display())))?;
            say_error(&format!("{} entries written to {}", found.pieces.len(), path.display()));
        }
    }
    Ok(())
}
