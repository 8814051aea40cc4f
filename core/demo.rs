//! `dndgate demo`: everything on loopback, with no set-up.

// Beside this file, not in a folder: every folder in `core/` is a crate of the workspace.
#[path = "demo_client.rs"]
mod client;
#[path = "demo_crm.rs"]
mod crm;
#[path = "demo_page.rs"]
mod page;
#[path = "demo_sandbox.rs"]
mod sandbox;
#[path = "demo_seed.rs"]
mod seed;
#[path = "demo_tour.rs"]
mod tour;

use crate::{Failure, providers::ADAPTERS, say, serve};
use crm::Crm;
use dndgate_gateway::{Config, Handle};
use dndgate_policy::{Active, Book, Limits, Policies, Watcher};
use sandbox::Station;
use std::{
    fmt::Write,
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The CRM's port, counted from the base.
const CRM: u16 = 9;
/// The first sandbox provider's port, counted from the base.
const SANDBOXES: u16 = 10;
/// The configuration that the demo writes into its folder, so that `dndgate -c … why` finds its store.
const CONFIG_FILE: &str = "demo.toml";
const DATABASE_FILE: &str = "dndgate.db";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The first port: traffic on N, the admin API on N+1, the CRM on N+9, sandbox providers from N+10 on.
    #[arg(long, default_value_t = 8080, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=65_000))]
    port_base: u16,
    /// Where contacts, ledger and policies are kept; without it a temporary folder, removed at the end.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Runs until Ctrl-C.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    serve::runtime()?.block_on(demo(arguments))
}

async fn demo(arguments: &Arguments) -> Result<(), Failure> {
    // Ctrl-C is ours before the first file is written: a temporary folder never stays behind.
    let mut stop = Stop::listen()?;
    let ports = Ports { base: arguments.port_base };
    ports.probe(0, "traffic")?;
    ports.probe(1, "the admin API")?;
    let crm_listener = ports.bind(CRM, "the CRM")?;
    let mut listeners = Vec::new();
    for (index, name) in sandboxed().enumerate() {
        listeners.push(ports.bind(SANDBOXES + index as u16, name)?);
    }

    let folder = Folder::open(arguments.data.as_deref())?;
    let fresh = !folder.path.join(DATABASE_FILE).exists();
    write_policies(&folder.path.join("policies"))?;
    let config = configure(&folder.path, ports)?;
    let stations: Vec<Arc<Station>> = config
        .providers
        .iter()
        .filter_map(|one| Station::new(one, &config.traffic.public_url))
        .map(Arc::new)
        .collect();
    for (station, listener) in stations.iter().zip(listeners) {
        tokio::spawn(sandbox::serve(Arc::clone(station), listener));
    }
    tokio::spawn(crm::serve(Arc::new(Crm::default()), crm_listener));

    let (limits, policies_dir) = (dndgate_gateway::limits(&config), config.policies.dir.clone());
    let active = Arc::new(Active::new(Book::load(&policies_dir, limits).map_err(Failure::wrong)?));
    let prometheus = dndgate_gateway::install_metrics().map_err(Failure::wrong)?;
    let gateway = serve::assemble(config, Arc::clone(&active), prometheus).await?;
    let handle = gateway.handle();
    let watching = watch(policies_dir, limits, &active, &handle)?;

    let guide = async {
        let opened = open_doors(ports, fresh, &stations, &folder.path).await;
        if opened.is_ok() {
            stop.wait().await;
        }
        drop(watching);
        handle.drain();
        opened
    };
    let (served, guided) = tokio::join!(gateway.serve(), guide);
    served.map_err(Failure::wrong).and(guided)?;
    folder.close()
}

/// Waits until the gateway is ready, puts a few people into a new store, and shows what there is.
async fn open_doors(
    ports: Ports,
    fresh: bool,
    stations: &[Arc<Station>],
    folder: &Path,
) -> Result<(), Failure> {
    let admin = ports.at(1);
    client::until_ready(&admin).await.map_err(Failure::No)?;
    if fresh {
        seed::seed(&admin, stations).await.map_err(Failure::No)?;
    }
    say(&tour::text(ports, stations, folder));
    Ok(())
}

/// The names of the providers that have a sandbox.
fn sandboxed() -> impl Iterator<Item = &'static str> {
    ADAPTERS.fixed.iter().filter(|adapter| adapter.sandbox().is_some()).map(|adapter| adapter.profile().name)
}

/// Writes the configuration into the folder and reads it as `serve` would.
fn configure(folder: &Path, ports: Ports) -> Result<Config, Failure> {
    let path = folder.join(CONFIG_FILE);
    let text = configuration(ports);
    write(&path, &text)?;
    let mut config = Config::read(&text, &path, ADAPTERS).map_err(Failure::wrong)?;
    config.admin.open = true;
    Ok(config)
}

/// A provider's keys get values that only the sandbox shares.
fn configuration(ports: Ports) -> String {
    let traffic = ports.at(0);
    let mut text = format!(
        "# Written by `dndgate demo` at each start.\n\n[traffic]\nlisten = \"{traffic}\"\npublic_url = \"http://{traffic}\"\n\
         drain_timeout = \"2s\"\n\n[admin]\nlisten = \"{}\"\n\n[store]\nurl = \"sqlite:{DATABASE_FILE}\"\n\n\
         [policies]\ndir = \"policies\"\n",
        ports.at(1)
    );
    let adapters = ADAPTERS.fixed.iter().filter(|adapter| adapter.sandbox().is_some());
    for (index, adapter) in adapters.enumerate() {
        let profile = adapter.profile();
        let _ = write!(
            text,
            "\n[[provider]]\nname = \"{0}\"\nadapter = \"{0}\"\nupstream = \"http://{1}\"\ncrm_webhook = \"http://{2}/{0}\"\n",
            profile.name,
            ports.at(SANDBOXES + index as u16),
            ports.at(CRM),
        );
        // Of several ways to sign webhooks the sandbox knows the first.
        let signs = profile.keys.iter().find(|key| key.for_webhooks);
        for key in signs.into_iter().chain(profile.keys.iter().filter(|key| !key.for_webhooks)) {
            let own = adapter.sandbox().and_then(|sandbox| sandbox.key(key.name));
            let value = own.unwrap_or_else(|| format!("demo-{}", key.name.replace('_', "-")));
            let _ = writeln!(text, "{} = \"{value}\"", key.name);
        }
    }
    text
}

/// Writes the shipped policies where they are not there yet.
fn write_policies(dir: &Path) -> Result<(), Failure> {
    let shipped = Policies::load_with(None, &[], Limits::default()).map_err(Failure::wrong)?;
    fs::create_dir_all(dir.join("tests")).map_err(|error| unwritable(dir, &error))?;
    for name in shipped.files() {
        let path = dir.join(name);
        if let Some(text) = shipped.source(name).filter(|_| !path.exists()) {
            write(&path, text)?;
        }
    }
    Ok(())
}

fn watch(dir: PathBuf, limits: Limits, active: &Arc<Active>, handle: &Handle) -> Result<Watcher, Failure> {
    let handle = handle.clone();
    let report = move |outcome: &Result<(), _>| handle.policies_reloaded(outcome);
    dndgate_policy::watch(dir, limits, Arc::clone(active), report).map_err(Failure::wrong)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Wrong(format!("cannot write {}: {error}; name another folder with --data", path.display()))
}

/// The ports, counted from a base.
#[derive(Clone, Copy)]
struct Ports {
    base: u16,
}

impl Ports {
    /// `127.0.0.1:port`
    fn at(self, offset: u16) -> String {
        format!("127.0.0.1:{}", self.base + offset)
    }

    /// Is the port free? The gateway binds it later.
    fn probe(self, offset: u16, what: &str) -> Result<(), Failure> {
        self.bind(offset, what).map(drop)
    }

    fn bind(self, offset: u16, what: &str) -> Result<TcpListener, Failure> {
        let port = self.base + offset;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
            let last = self.base + SANDBOXES + sandboxed().count() as u16 - 1;
            Failure::Wrong(format!(
                "port {port} ({what}) cannot be had: {error}. The demo takes ports from {} to {last}; choose others \
                 with --port-base N",
                self.base
            ))
        })?;
        listener.set_nonblocking(true).map_err(Failure::wrong)?;
        Ok(listener)
    }
}

/// The folder with the demo's store, policies and configuration.
struct Folder {
    path: PathBuf,
    temporary: Option<tempfile::TempDir>,
}

impl Folder {
    fn open(named: Option<&Path>) -> Result<Folder, Failure> {
        let Some(path) = named else {
            let temporary = tempfile::Builder::new().prefix("dndgate-demo-").tempdir().map_err(|error| {
                Failure::Wrong(format!("cannot make a temporary folder: {error}; name one with --data"))
            })?;
            return Ok(Folder { path: temporary.path().to_owned(), temporary: Some(temporary) });
        };
        fs::create_dir_all(path).map_err(|error| unwritable(path, &error))?;
        let path = path.canonicalize().map_err(|error| unwritable(path, &error))?;
        Ok(Folder { path, temporary: None })
    }

    fn close(self) -> Result<(), Failure> {
        match self.temporary {
            Some(temporary) => temporary.close().map_err(Failure::wrong),
            None => Ok(()),
        }
    }
}

/// Ctrl-C or SIGTERM.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn listen() -> Result<Stop, Failure> {
        let interrupt = signal(SignalKind::interrupt()).map_err(Failure::wrong)?;
        let terminate = signal(SignalKind::terminate()).map_err(Failure::wrong)?;
        Ok(Stop { interrupt, terminate })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
