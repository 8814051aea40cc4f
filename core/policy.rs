//! `dndgate policy`

use crate::{Failure, providers::ADAPTERS, replay, say};
use dndgate_gateway::Config;
use dndgate_policy::{Book, EDITOR_FILES};
use std::path::{Path, PathBuf};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Runs the operator's cases and says which fail, with file and line.
    Test {
        /// Another folder than `policies.dir` of the configuration.
        #[arg(long)]
        policies: Option<PathBuf>,
    },
    /// Writes type definitions beside the policies, by which editors complete and check them.
    Types,
    /// Judges recorded traffic by other policies and says what would differ. Changes nothing.
    Replay(replay::Arguments),
}

pub(crate) fn run(path: &Path, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Test { policies } => test(path, policies.as_deref()),
        Command::Types => types(path),
        Command::Replay(arguments) => replay::run(path, arguments),
    }
}

fn types(path: &Path) -> Result<(), Failure> {
    let config = Config::load(path, ADAPTERS).map_err(Failure::wrong)?;
    for (name, text) in EDITOR_FILES {
        let file = config.policies.dir.join(name);
        let folder = file.parent().unwrap_or(&config.policies.dir);
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&file, text));
        written.map_err(|error| Failure::Wrong(format!("cannot write {}: {error}", file.display())))?;
        say(&format!("wrote {}", file.display()));
    }
    Ok(())
}

fn test(path: &Path, policies: Option<&Path>) -> Result<(), Failure> {
    let config = Config::load(path, ADAPTERS).map_err(Failure::wrong)?;
    let dir = policies.unwrap_or(&config.policies.dir);
    let exists = dir.is_dir();
    if policies.is_some() && !exists {
        return Err(Failure::Wrong(format!("{} is no folder", dir.display())));
    }
    let shown = if exists { dir.display().to_string() } else { "the shipped policies".into() };
    let limits = dndgate_gateway::limits(&config);
    let book = Book::load_with(exists.then_some(dir), &[], limits, None);
    let book = book.map_err(|error| Failure::No(format!("{shown}:\n{}", error.explained())))?;
    say(&format!("{shown}: {} cases in {} files pass.", book.cases(), book.files()));
    for (tenant, files) in book.own_files() {
        say(&format!("  {tenant}: {} cases with its own {}", book.of(tenant).cases(), files.join(", ")));
    }
    for note in book.notes(|tenant| config.tenants.contains_key(tenant)) {
        say(&format!("note: {note}"));
    }
    Ok(())
}
