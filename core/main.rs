//! `dndgate`: the one gate in front of messaging providers.

mod check;
mod demo;
mod export;
mod import;
mod import_serving;
mod ledger;
mod password;
mod policy;
mod progress;
mod providers;
mod reconcile;
mod replay;
mod serve;
mod token;
mod why;

use clap::{Parser, Subcommand, ValueEnum};
use std::{path::PathBuf, process::ExitCode};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A proxy in front of messaging providers that honours Do-Not-Disturb on every send.
#[derive(Parser)]
#[command(name = "dndgate", version, about, max_term_width = 100)]
struct Arguments {
    /// The configuration file.
    #[arg(short = 'c', long = "config", global = true, default_value = "dndgate.toml", value_name = "FILE")]
    config: PathBuf,
    /// How the log is written.
    #[arg(long, global = true, value_enum, default_value_t = Log::Human)]
    log: Log,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Log {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything on loopback with no set-up, sandbox providers included, and prints a tour.
    Demo(demo::Arguments),
    /// Runs the gateway.
    Serve,
    /// Reads configuration and policies as `serve` would and says whether they are good.
    Check,
    /// Says whether a send would go out now, and why not.
    Why(why::Arguments),
    /// Brings contacts with their DND states, or a provider's suppressions, in from a file.
    Import(import::Arguments),
    /// Writes contacts with their DND states, or a provider's suppressions, into a file.
    Export(export::Arguments),
    /// Compares what is known here with the suppression lists of providers.
    Reconcile(reconcile::Arguments),
    /// The policies.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Reads a password and prints its hash, for a user of the console.
    Password,
    /// API tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// The append-only record of DND changes.
    #[command(subcommand)]
    Ledger(ledger::Command),
}

/// How a command ends when it does not succeed.
#[derive(Debug)]
enum Failure {
    /// The answer is "no", or a check failed.
    No(String),
    /// Wrong use or configuration.
    Wrong(String),
}

impl Failure {
    fn wrong(error: impl std::fmt::Display) -> Failure {
        Failure::Wrong(error.to_string())
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(arguments.log);
    let config = &arguments.config;
    let outcome = match &arguments.command {
        Command::Demo(demo) => demo::run(demo),
        Command::Serve => serve::run(config),
        Command::Check => check::run(config),
        Command::Why(why) => why::run(config, why),
        Command::Import(import) => import::run(config, import),
        Command::Export(export) => export::run(config, export),
        Command::Reconcile(reconcile) => reconcile::run(config, reconcile),
        Command::Policy(policy) => policy::run(config, policy),
        Command::Password => password::run(),
        Command::Token(token) => token::run(config, token),
        Command::Ledger(ledger) => ledger::run(config, ledger),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::No(message)) => fail(&message, 1),
        Err(Failure::Wrong(message)) => fail(&message, 2),
    }
}

fn fail(message: &str, code: u8) -> ExitCode {
    if !message.is_empty() {
        say_error(&format!("dndgate: {message}"));
    }
    ExitCode::from(code)
}

/// Prints a line for the person who ran the command.
#[allow(clippy::print_stdout)]
fn say(line: &str) {
    println!("{line}");
}

#[allow(clippy::print_stderr)]
fn say_error(line: &str) {
    eprintln!("{line}");
}

/// The log: `info` and above unless `DNDGATE_LOG` says otherwise (`debug`, `dndgate_gateway=trace`, …).
fn log_to_stderr(log: Log) {
    use std::io::IsTerminal;
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_from_env("DNDGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match log {
        Log::Human => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        Log::Json => builder.json().flatten_event(true).init(),
    }
}
