//! Questions of the gateway's own to a provider: whom a send would reach, the document that a proof needs, the
//! confirmation of a subscription. Only to the provider's own hosts, and only a `GET`.

use crate::{
    body::{self, Body},
    forward,
    route::{self, Route, Target},
    shared::Worker,
    upstream::UpstreamError,
};
use bytes::Bytes;
use dndgate_adapter::Ask;
use http::{HeaderMap, Request, Response};
use std::{
    collections::HashMap,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a document is kept: signing certificates live for months, and one that is withdrawn goes soon enough.
const KEPT: Duration = Duration::from_secs(6 * 3600);
/// The most documents that are kept. Only those that proved something are.
const KEPT_MAX: usize = 64;
/// The largest document, in bytes: a certificate chain has a few kilobytes.
const DOCUMENT_BYTES_MAX: u64 = 256 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unasked {
    #[error("that is not one of the provider's hosts")]
    Elsewhere,
    #[error("that is not a path")]
    NoPath,
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the provider answered {0}")]
    Status(u16),
    #[error("the provider's answer: {0}")]
    Broken(#[from] body::CollectError),
}

/// Asks. The answer whatever its status.
pub(crate) async fn put(
    worker: &Rc<Worker>,
    route: &Arc<Route>,
    ask: &Ask,
    headers: HeaderMap,
    timeout: Duration,
) -> Result<Response<Body>, Unasked> {
    let profile = route.provider.adapter.profile();
    if ask.host.as_deref().is_some_and(|host| !route::is_api_host(profile, host)) {
        return Err(Unasked::Elsewhere);
    }
    let after_prefix = match &ask.host {
        Some(host) => format!("/{host}{}", ask.path_and_query),
        None => ask.path_and_query.clone(),
    };
    let target = Target {
        route: Arc::clone(route),
        host: ask.host.as_deref(),
        path: "/",
        after_prefix: &after_prefix,
    };
    let (upstream, path) = target.upstream();
    let mut question = Request::new(Body::empty());
    *question.uri_mut() = path.parse().map_err(|_| Unasked::NoPath)?;
    *question.headers_mut() = headers;
    forward::set_host(question.headers_mut(), &upstream.authority);
    Ok(worker.pool.send(&upstream, question, timeout, || true).await?)
}

/// A host and a path there.
type Place = (Option<String>, String);

/// Documents that webhooks' proofs need, by the question that gets them.
#[derive(Debug, Default)]
pub(crate) struct Documents(Mutex<HashMap<Place, (Bytes, Instant)>>);

impl Documents {
    /// A document that is kept.
    pub(crate) fn kept(&self, ask: &Ask) -> Option<Bytes> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (document, since) = all.get(&(ask.host.clone(), ask.path_and_query.clone()))?;
        (since.elapsed() < KEPT).then(|| document.clone())
    }

    /// Keeps a document that proved something.
    pub(crate) fn keep(&self, ask: &Ask, document: Bytes) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT_MAX {
            all.retain(|_, (_, since)| since.elapsed() < KEPT);
        }
        if all.len() < KEPT_MAX {
            all.insert((ask.host.clone(), ask.path_and_query.clone()), (document, Instant::now()));
        }
    }
}

/// Fetches a document, or confirms by fetching: an answer with success, read to its end.
pub(crate) async fn fetch(
    worker: &Rc<Worker>,
    route: &Arc<Route>,
    ask: &Ask,
    timeout: Duration,
) -> Result<Bytes, Unasked> {
    let answer = put(worker, route, ask, HeaderMap::new(), timeout).await?;
    if !answer.status().is_success() {
        return Err(Unasked::Status(answer.status().as_u16()));
    }
    let limits = body::Limits {
        bytes_max: DOCUMENT_BYTES_MAX,
        memory_bytes_max: DOCUMENT_BYTES_MAX,
        pause: timeout,
        temp_dir: None,
    };
    Ok(body::collect(answer.into_body(), limits).await?)
}
