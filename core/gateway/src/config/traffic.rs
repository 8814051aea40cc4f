//! `[traffic]`

use super::{Size, Time, Upstream};
use serde::Deserialize;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// `[traffic]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traffic {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// What providers and people see, without a slash at the end.
    pub public_url: String,
    /// Certificate and key, to serve HTTPS.
    pub tls: Option<Tls>,
    /// The largest request body.
    pub max_body: Size,
    /// Bodies up to this size are kept in memory, larger ones in a temporary file.
    pub memory_body: Size,
    /// Where temporary files go; the system's folder when absent.
    pub temp_dir: Option<PathBuf>,
    /// The largest header section of a request.
    pub max_header: Size,
    /// The most header fields of a request.
    pub max_headers: usize,
    /// The most open connections.
    pub max_connections: usize,
    /// How long a client may take to send its header section.
    pub header_timeout: Time,
    /// How long a client may take between two pieces of a body.
    pub body_timeout: Time,
    /// How long connecting to an upstream may take.
    pub connect_timeout: Time,
    /// How long an upstream may take to begin its answer.
    pub upstream_timeout: Time,
    /// How long open requests may take to end after SIGTERM.
    pub drain_timeout: Time,
    /// Threads that carry traffic; as many as there are processors when 0.
    pub workers: usize,
}

impl Default for Traffic {
    fn default() -> Traffic {
        Traffic {
            listen: ([127, 0, 0, 1], 8080).into(),
            public_url: String::new(),
            tls: None,
            max_body: Size(60 << 20),
            memory_body: Size(256 << 10),
            temp_dir: None,
            max_header: Size(64 << 10),
            max_headers: 128,
            max_connections: 10_000,
            header_timeout: Time(Duration::from_secs(15)),
            body_timeout: Time(Duration::from_secs(60)),
            connect_timeout: Time(Duration::from_secs(5)),
            upstream_timeout: Time(Duration::from_secs(60)),
            drain_timeout: Time(Duration::from_secs(30)),
            workers: 0,
        }
    }
}

impl Traffic {
    /// Fills in what follows from the rest, and checks `public_url`.
    ///
    /// # Errors
    /// What is wrong with `public_url`.
    pub(super) fn settle(&mut self) -> Result<(), &'static str> {
        if self.public_url.is_empty() {
            self.public_url = format!("http://{}", self.listen);
        }
        Upstream::parse(&self.public_url)?;
        self.public_url.truncate(self.public_url.trim_end_matches('/').len());
        if format!("{}/", self.public_url).contains("/hooks/") {
            return Err("holds /hooks/, which the gateway itself puts behind it: leave it out");
        }
        Ok(())
    }
}

/// Certificate and key of a listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the certificate chain.
    pub cert: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}
