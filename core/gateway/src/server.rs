//! Listeners and connections: every worker is one thread that accepts, reads, judges and forwards on its own,
//! so that nothing on a request's way is shared but the cache and the counters.

use crate::{
    answer,
    body::Body,
    config::Traffic,
    outbound,
    route::{Destination, Door},
    shared::{Shared, Worker},
    unsubscribe, webhook,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::LocalSet,
};

/// Connections that the kernel keeps for us while a worker is busy.
const BACKLOG: i32 = 1024;

/// A bound address and what it is for.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) door: Door,
    pub(crate) address: SocketAddr,
    /// One socket for each worker, all on the same address (SO_REUSEPORT).
    sockets: Vec<std::net::TcpListener>,
}

/// Binds an address once for each worker.
pub(crate) fn bind(door: Door, mut address: SocketAddr, workers: usize) -> io::Result<Bound> {
    // Sockets that share a port would share it with another process of this user as well, unnoticed, and
    // each would get half of the requests. One that does not share finds out whether the port is free.
    drop(std::net::TcpListener::bind(address)?);
    let mut sockets = Vec::with_capacity(workers);
    for _ in 0..workers {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if workers > 1 {
            socket.set_reuse_port(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let listener: std::net::TcpListener = socket.into();
        address = listener.local_addr()?;
        sockets.push(listener);
    }
    Ok(Bound { door, address, sockets })
}

/// Starts the workers. Each thread ends when the gateway has drained.
pub(crate) fn start(
    shared: &Arc<Shared>,
    mut bound: Vec<Bound>,
    workers: usize,
) -> io::Result<Vec<std::thread::JoinHandle<()>>> {
    let tls = shared.traffic.tls.as_ref().map(server_tls).transpose()?;
    let mut threads = Vec::with_capacity(workers);
    for index in 0..workers {
        let sockets: Vec<_> =
            bound.iter_mut().filter_map(|bound| Some((bound.door, bound.sockets.pop()?))).collect();
        let shared = Arc::clone(shared);
        let tls = tls.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
            LocalSet::new().block_on(&runtime, work(shared, sockets, tls));
        })?;
        threads.push(thread);
    }
    let shared = Arc::clone(shared);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    threads.push(std::thread::Builder::new().name("background".into()).spawn(move || {
        let worker = Rc::new(Worker::new(shared));
        LocalSet::new().block_on(&runtime, crate::background::run(worker));
    })?);
    Ok(threads)
}

/// One worker's life: accept until told to drain, then wait for what is open.
async fn work(
    shared: Arc<Shared>,
    sockets: Vec<(Door, std::net::TcpListener)>,
    tls: Option<tokio_rustls::TlsAcceptor>,
) {
    let worker = Rc::new(Worker::new(Arc::clone(&shared)));
    let open = Rc::new(tokio::sync::Semaphore::new(tokio::sync::Semaphore::MAX_PERMITS));
    let mut accepting = Vec::new();
    for (door, socket) in sockets {
        match TcpListener::from_std(socket) {
            Ok(listener) => accepting.push(tokio::task::spawn_local(accept(
                Rc::clone(&worker),
                door,
                listener,
                tls.clone(),
                Rc::clone(&open),
            ))),
            Err(error) => tracing::error!(%error, "a listener could not be started"),
        }
    }
    for task in accepting {
        let _ = task.await;
    }
    let closed = async {
        // All permits are back once every connection is closed.
        while open.available_permits() < tokio::sync::Semaphore::MAX_PERMITS || worker.carried.get() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(shared.traffic.drain_timeout.0, closed).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
}

async fn accept(
    worker: Rc<Worker>,
    door: Door,
    listener: TcpListener,
    tls: Option<tokio_rustls::TlsAcceptor>,
    open: Rc<tokio::sync::Semaphore>,
) {
    let mut draining = worker.shared.draining.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = draining.wait_for(|draining| *draining) => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file handles, as a rule: others must close first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let count = Arc::clone(&worker.shared);
        if count.connections.fetch_add(1, Ordering::Relaxed) >= count.traffic.max_connections {
            count.connections.fetch_sub(1, Ordering::Relaxed);
            tracing::warn!("too many connections: one was closed (traffic.max_connections)");
            continue;
        }
        let _ = stream.set_nodelay(true);
        let (worker, tls, open) = (Rc::clone(&worker), tls.clone(), Rc::clone(&open));
        tokio::task::spawn_local(async move {
            let permit = open.acquire().await;
            match tls {
                None => connection(&worker, door, peer, stream).await,
                Some(tls) => {
                    let limit = worker.shared.traffic.header_timeout.0;
                    if let Ok(Ok(stream)) = tokio::time::timeout(limit, tls.accept(stream)).await {
                        connection(&worker, door, peer, stream).await;
                    }
                }
            }
            drop(permit);
            worker.shared.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Runs tasks of a connection on the worker's own thread.
#[derive(Debug, Clone, Copy)]
struct OnThisThread;

impl<F: Future + 'static> hyper::rt::Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

async fn connection(
    worker: &Rc<Worker>,
    door: Door,
    peer: SocketAddr,
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
) {
    let traffic = &worker.shared.traffic;
    let builder = builder(traffic);
    let serve = service_fn(|request| {
        let worker = Rc::clone(worker);
        async move { Ok::<_, Infallible>(handle(&worker, door, peer, request).await) }
    });
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), serve));
    let mut draining = worker.shared.draining.subscribe();
    let ended = tokio::select! {
        biased;
        ended = serving.as_mut() => ended,
        _ = draining.wait_for(|draining| *draining) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn builder(traffic: &Traffic) -> auto::Builder<OnThisThread> {
    let mut builder = auto::Builder::new(OnThisThread);
    let bytes_max = usize::try_from(traffic.max_header.0).unwrap_or(usize::MAX);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(traffic.header_timeout.0)
        .max_buf_size(bytes_max.max(8192))
        .max_headers(traffic.max_headers)
        .preserve_header_case(true)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(traffic.max_header.0).unwrap_or(u32::MAX))
        .max_concurrent_streams(128)
        .keep_alive_interval(Duration::from_secs(30));
    builder
}

/// One request: where it goes, or why nowhere.
async fn handle(
    worker: &Rc<Worker>,
    door: Door,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    if let Err(why) = plain(&request) {
        return answer::problem(StatusCode::BAD_REQUEST, "request-form", why);
    }
    let routes = worker.routes();
    let uri = request.uri().clone();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = match request.headers().get(header::HOST) {
        Some(host) => host.to_str().ok(),
        None => uri.authority().map(http::uri::Authority::as_str),
    };
    match routes.find(door, host, path) {
        Destination::Provider(target) => outbound::outbound(worker, &target, request).await,
        Destination::Hook(route, after) => webhook::webhook(worker, &route, after, request).await,
        Destination::Unsubscribe(after) => unsubscribe::unsubscribe(worker, after, peer.ip(), request).await,
        Destination::Nowhere => {
            let mut response = answer::problem(
                StatusCode::NOT_FOUND,
                "no-such-provider",
                "no provider of this name is configured; the first path segment is the provider's name",
            );
            answer::mark(
                &mut response,
                HeaderValue::from_static("refused; reason=no-such-provider"),
                worker.ids.next(),
            );
            response
        }
    }
}

/// Forms of a request that two servers could understand differently are refused (RFC 9112, sections 3.2
/// and 11.2).
fn plain(request: &Request<Incoming>) -> Result<(), &'static str> {
    let uri = request.uri();
    let headers = request.headers();
    if request.method() == Method::CONNECT || !uri.path().starts_with('/') {
        return Err("this is no forward proxy: send the path of the provider's API");
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err("there is more than one Host");
    }
    if request.version() < Version::HTTP_2 {
        if uri.authority().is_some() {
            return Err("this is no forward proxy: send the path, not an absolute URL");
        }
        if headers.contains_key(header::TRANSFER_ENCODING) && headers.contains_key(header::CONTENT_LENGTH) {
            return Err("there are both Content-Length and Transfer-Encoding");
        }
    } else if let (Some(host), Some(authority)) = (host, uri.authority())
        && host.as_bytes() != authority.as_str().as_bytes()
    {
        return Err("Host and :authority differ");
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    if lengths.next().is_some() && lengths.next().is_some() {
        return Err("there is more than one Content-Length");
    }
    Ok(())
}

fn server_tls(files: &crate::config::Tls) -> io::Result<tokio_rustls::TlsAcceptor> {
    let bad = |file: &std::path::Path, error: &dyn std::fmt::Display| {
        io::Error::other(format!("traffic.tls: {}: {error}", file.display()))
    };
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad(&files.cert, &error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| bad(&files.key, &error))?;
    let mut config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| bad(&files.cert, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}
