//! The real binary, in a folder of its own.

use super::{client::Request, until, wire::Message};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU16, Ordering},
    },
    thread,
};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_dndgate");
/// Ports below those that the system hands out, so that no connection's own end takes one in between.
const PORTS: std::ops::Range<u16> = 11_000..30_000;
/// How often other ports are tried.
const TRIES: usize = 5;

/// The ports of one gateway.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub traffic: u16,
    pub admin: u16,
    /// The provider twilio's own.
    pub twilio: u16,
}

impl Ports {
    fn free() -> Ports {
        Ports { traffic: free_port(), admin: free_port(), twilio: free_port() }
    }
}

/// No two gateways of this process get the same port, and none that somebody listens on.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let width = PORTS.end - PORTS.start;
    // Processes that run at the same time begin far apart.
    let start = u16::try_from(u64::from(std::process::id()).wrapping_mul(7919) % u64::from(width))
        .unwrap_or_default();
    until("a free port", || {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + (start + step % width) % width;
        TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    })
}

/// The first of so many free ports in a row.
pub fn free_block(count: u16) -> u16 {
    until("free ports in a row", || {
        let ports: Vec<u16> = (0..count).map(|_| free_port()).collect();
        ports.windows(2).all(|pair| pair[0] + 1 == pair[1]).then_some(ports[0])
    })
}

/// What is unusual about where a gateway runs.
pub struct Circumstances {
    /// [`Gateway::disk_fills`] may be called.
    pub disk_may_fill: bool,
    /// A certificate that it trusts.
    pub trusted: Option<PathBuf>,
}

/// A running gateway.
pub struct Gateway {
    pub ports: Ports,
    folder: TempDir,
    process: Child,
    log: Arc<Mutex<Vec<String>>>,
    circumstances: Circumstances,
    token: OnceLock<String>,
}

impl Gateway {
    /// Starts it with the configuration that `write` makes for some ports, and waits until it is ready.
    pub fn start(folder: TempDir, circumstances: Circumstances, write: impl Fn(&Ports) -> String) -> Gateway {
        let log = Arc::default();
        for _ in 0..TRIES {
            let ports = Ports::free();
            std::fs::write(folder.path().join("dndgate.toml"), write(&ports))
                .expect("the configuration is written");
            let mut process = spawn(folder.path(), &circumstances, &log);
            if let Some(()) = ready_or_over(&mut process, &ports) {
                return Gateway { ports, folder, process, log, circumstances, token: OnceLock::new() };
            }
        }
        panic!("the gateway does not start:\n{}", lines(&log));
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file of its policies folder.
    pub fn policy(&self, file: &str) -> PathBuf {
        self.folder().join("policies").join(file)
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        lines(&self.log)
    }

    /// A command of the same binary with the same configuration.
    pub fn command(&self, arguments: &[&str]) -> Output {
        self.command_with("dndgate.toml", arguments)
    }

    /// A command of the same binary with another configuration.
    pub fn command_with(&self, config: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        command.current_dir(self.folder()).args(["-c", config]).args(arguments).stdin(Stdio::null());
        command.output().expect("the binary runs")
    }

    /// A new token for the admin API.
    pub fn token(&self, arguments: &[&str]) -> String {
        let made = self.command(&[&["token", "create"], arguments].concat());
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let text = String::from_utf8(made.stdout).expect("text");
        text.split_whitespace().last().expect("a token").to_owned()
    }

    /// An operator's token, made when first needed.
    pub fn operator_token(&self) -> &str {
        self.token.get_or_init(|| self.token(&["--role", "operator"]))
    }

    /// Asks the admin listener without a token.
    pub fn admin(&self, path: &str) -> Message {
        Request::get(path).send(self.ports.admin)
    }

    /// The value of a sample with exactly or at least these labels, 0 when it is not there.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let text = self.admin("/metrics").text();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let fitting = samples.filter(|line| {
            let (sample, _) = line.rsplit_once(' ').unwrap_or_default();
            let (own, inside) = sample.split_once('{').unwrap_or((sample, ""));
            own == name
                && labels.iter().all(|(label, value)| inside.contains(&format!("{label}=\"{value}\"")))
        });
        fitting.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    }

    /// Waits until a counter is at least that high.
    pub fn wait_for_metric(&self, name: &str, labels: &[(&str, &str)], least: f64) {
        until(&format!("{name} {labels:?} to be {least}"), || {
            (self.metric(name, labels) >= least).then_some(())
        });
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.pid())).status();
        assert!(sent.expect("a shell").success(), "the process takes {name}");
    }

    /// Waits for its end.
    pub fn ends(&mut self) -> ExitStatus {
        until("the gateway to end", || self.process.try_wait().expect("its state"))
    }

    /// `kill -9`
    pub fn is_killed(&mut self) {
        self.process.kill().expect("it is killed");
        self.process.wait().expect("it has ended");
    }

    /// Starts again on the same ports and files.
    pub fn starts_again(&mut self) {
        self.process = spawn(self.folder.path(), &self.circumstances, &self.log);
        let ready = ready_or_over(&mut self.process, &self.ports);
        assert!(ready.is_some(), "the gateway does not start again:\n{}", self.log());
    }

    /// From now on no file of it can grow or be written, as on a full disk. Needs no privileges.
    pub fn disk_fills(&self) {
        self.limit_files("0");
    }

    /// There is room again.
    pub fn disk_has_room(&self) {
        self.limit_files("unlimited");
    }

    fn limit_files(&self, limit: &str) {
        limit_files(self.pid(), limit);
    }
}

/// As [`Gateway::disk_fills`], for a script that has the process's id only.
pub fn disk_fills_of(pid: u32) {
    limit_files(pid, "0");
}

fn limit_files(pid: u32, limit: &str) {
    let mut command = Command::new("prlimit");
    let done = command.args(["--pid", &pid.to_string(), &format!("--fsize={limit}:unlimited")]).status();
    assert!(done.expect("prlimit, of util-linux").success(), "the limit is set");
}

fn spawn(folder: &Path, circumstances: &Circumstances, log: &Arc<Mutex<Vec<String>>>) -> Child {
    // A write beyond the limit raises a signal before it fails; ignored, as a full disk raises none.
    let script =
        if circumstances.disk_may_fill { "trap '' XFSZ; exec \"$0\" \"$@\"" } else { "exec \"$0\" \"$@\"" };
    let mut command = Command::new("sh");
    if let Some(trusted) = &circumstances.trusted {
        command.env("SSL_CERT_FILE", trusted);
    }
    let mut process = command
        .args(["-c", script, BINARY, "-c", "dndgate.toml", "serve"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let stderr = process.stderr.take().expect("its log");
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            log.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(line);
        }
    });
    process
}

/// Waits until it is ready. `None`: it ended instead.
fn ready_or_over(process: &mut Child, ports: &Ports) -> Option<()> {
    until("the gateway to be ready", || {
        if process.try_wait().expect("its state").is_some() {
            return Some(None);
        }
        let answer = Request::get("/readyz").field("Connection", "close").try_send(ports.admin)?;
        (answer.status() == 200).then_some(Some(()))
    })
}

fn lines(log: &Mutex<Vec<String>>) -> String {
    log.lock().unwrap_or_else(std::sync::PoisonError::into_inner).join("\n")
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!(
                "--- the gateway's log\n{}\n---",
                tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
        }
    }
}

/// What `dndgate password` prints.
pub fn hash_of(password: &str) -> String {
    let mut process = Command::new(env!("CARGO_BIN_EXE_dndgate"))
        .arg("password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    process.stdin.take().expect("a pipe").write_all(password.as_bytes()).expect("written");
    let printed = process.wait_with_output().expect("it ends").stdout;
    String::from_utf8(printed).expect("text").trim().to_owned()
}
