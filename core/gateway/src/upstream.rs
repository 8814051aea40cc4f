//! Connections to providers and CRMs: kept open, one pool for each worker, no locks.

use crate::{body::Body, config::Upstream};
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

/// Servers close idle connections after 60 to 75 seconds as a rule; ours are given up before.
const IDLE_MAX: Duration = Duration::from_secs(50);
/// The most idle connections to one upstream that a worker keeps.
const IDLE_CONNECTIONS_MAX: usize = 256;

/// Why an upstream gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// Nothing was sent.
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    /// Nothing was sent.
    #[error("no connection in time")]
    ConnectTimeout,
    /// Some of the request may have arrived.
    #[error("the connection broke: {0}")]
    Broken(hyper::Error),
    /// Some of the request may have arrived.
    #[error("no answer in time")]
    Timeout,
    /// The gate closed at the last metre: nothing was sent.
    #[error("stopped at the last metre")]
    Stopped,
}

/// A worker's open connections.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Few, and never taken out: a place in it stays good.
    servers: RefCell<Vec<Server>>,
    tls: Arc<rustls::ClientConfig>,
    connect_timeout: Duration,
}

#[derive(Debug)]
struct Server {
    upstream: Upstream,
    idle: Vec<Idle>,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Body>,
    since: Instant,
}

impl Pool {
    pub(crate) fn new(tls: Arc<rustls::ClientConfig>, connect_timeout: Duration) -> Pool {
        Pool { servers: RefCell::default(), tls, connect_timeout }
    }

    /// Sends a request and returns the head of the answer. `last_metre` is asked when a connection stands
    /// ready, immediately before the first byte.
    ///
    /// A request is tried on another connection only while no byte of it can have left.
    pub(crate) async fn send(
        self: &Rc<Self>,
        upstream: &Upstream,
        mut request: Request<Body>,
        timeout: Duration,
        last_metre: impl Fn() -> bool,
    ) -> Result<Response<Body>, UpstreamError> {
        let server = self.place(upstream);
        loop {
            let (mut sender, reused) = match self.take(server) {
                Some(sender) => (sender, true),
                None => (self.connect(upstream).await?, false),
            };
            match sender.ready().await {
                Ok(()) => {}
                Err(_) if reused => continue,
                Err(error) => return Err(UpstreamError::Broken(error)),
            }
            if !last_metre() {
                self.put(server, sender);
                return Err(UpstreamError::Stopped);
            }
            let answer = tokio::time::timeout(timeout, sender.try_send_request(request)).await;
            match answer.map_err(|_| UpstreamError::Timeout)? {
                Ok(response) => {
                    let lease = Lease { pool: Rc::clone(self), server, sender };
                    return Ok(
                        response.map(|incoming| Body::Upstream(Leased { incoming, lease: Some(lease) }))
                    );
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) if reused => request = unsent,
                    _ => return Err(UpstreamError::Broken(error.into_error())),
                },
            }
        }
    }

    /// A server's place among the servers.
    fn place(&self, upstream: &Upstream) -> usize {
        let mut servers = self.servers.borrow_mut();
        if let Some(found) = servers.iter().position(|server| server.upstream == *upstream) {
            return found;
        }
        servers.push(Server { upstream: upstream.clone(), idle: Vec::new() });
        servers.len() - 1
    }

    fn take(&self, server: usize) -> Option<SendRequest<Body>> {
        let mut servers = self.servers.borrow_mut();
        let idle = &mut servers.get_mut(server)?.idle;
        while let Some(Idle { sender, since }) = idle.pop() {
            if !sender.is_closed() && since.elapsed() < IDLE_MAX {
                return Some(sender);
            }
        }
        None
    }

    fn put(&self, server: usize, sender: SendRequest<Body>) {
        let mut servers = self.servers.borrow_mut();
        if let Some(server) = servers.get_mut(server)
            && !sender.is_closed()
            && server.idle.len() < IDLE_CONNECTIONS_MAX
        {
            server.idle.push(Idle { sender, since: Instant::now() });
        }
    }

    async fn connect(&self, upstream: &Upstream) -> Result<SendRequest<Body>, UpstreamError> {
        let connecting = tokio::time::timeout(self.connect_timeout, self.connect_now(upstream));
        connecting.await.map_err(|_| UpstreamError::ConnectTimeout)?
    }

    async fn connect_now(&self, upstream: &Upstream) -> Result<SendRequest<Body>, UpstreamError> {
        let (host, port) = host_and_port(upstream);
        let stream = TcpStream::connect((host, port)).await.map_err(UpstreamError::Connect)?;
        stream.set_nodelay(true).map_err(UpstreamError::Connect)?;
        let mut builder = http1::Builder::new();
        builder.preserve_header_case(true);
        if !upstream.tls {
            let (sender, connection) =
                builder.handshake(TokioIo::new(stream)).await.map_err(UpstreamError::Broken)?;
            tokio::task::spawn_local(connection);
            return Ok(sender);
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| UpstreamError::Connect(std::io::Error::other("not a host name")))?;
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(name, stream).await.map_err(UpstreamError::Connect)?;
        let (sender, connection) =
            builder.handshake(TokioIo::new(stream)).await.map_err(UpstreamError::Broken)?;
        tokio::task::spawn_local(connection);
        Ok(sender)
    }
}

fn host_and_port(upstream: &Upstream) -> (&str, u16) {
    let default = if upstream.tls { 443 } else { 80 };
    let (host, port) = match upstream.authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().unwrap_or(default)),
        _ => (upstream.authority.as_str(), default),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

/// A connection that goes back to its pool when the answer has been read to its end.
#[derive(Debug)]
struct Lease {
    pool: Rc<Pool>,
    server: usize,
    sender: SendRequest<Body>,
}

/// The body of an upstream's answer.
#[derive(Debug)]
pub(crate) struct Leased {
    incoming: Incoming,
    lease: Option<Lease>,
}

impl Leased {
    fn give_back(&mut self) {
        if let Some(Lease { pool, server, sender }) = self.lease.take() {
            pool.put(server, sender);
        }
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        if self.incoming.is_end_stream() {
            self.give_back();
        }
    }
}

impl http_body::Body for Leased {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.incoming).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) {
            self.give_back();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// Trust for https upstreams: the system's roots where it has any, and the bundled ones.
pub(crate) fn client_tls() -> Result<Arc<rustls::ClientConfig>, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
