//! Requests that the gateway makes of its own accord: a scheduled send is cancelled, an opt-out is confirmed.

use crate::{
    body::Body,
    forward,
    route::{Route, Target},
    shared::Worker,
    upstream::{Pool, UpstreamError},
};
use dndgate_adapter::outbound::Call;
use http::{Request, Response, StatusCode};
use std::{rc::Rc, sync::Arc, time::Duration};

/// Makes a request to a provider; the status of its answer.
pub(crate) async fn make(
    worker: &Rc<Worker>,
    route: &Arc<Route>,
    call: Call,
    timeout: Duration,
) -> Result<StatusCode, UpstreamError> {
    send(&worker.pool, route, call, timeout).await.map(|answer| answer.status())
}

/// Makes a request to a provider; the head of its answer, the body still to come.
pub(crate) async fn send(
    pool: &Rc<Pool>,
    route: &Arc<Route>,
    call: Call,
    timeout: Duration,
) -> Result<Response<Body>, UpstreamError> {
    let after_prefix = match &call.host {
        Some(host) => format!("/{host}{}", call.path_and_query),
        None => call.path_and_query.clone(),
    };
    let target = Target {
        route: Arc::clone(route),
        host: call.host.as_deref(),
        path: "/",
        after_prefix: &after_prefix,
    };
    let (upstream, path) = target.upstream();
    let mut request = Request::new(Body::from(call.body));
    *request.method_mut() = call.method;
    *request.uri_mut() =
        path.parse().map_err(|_| UpstreamError::Connect(std::io::Error::other("its path is no path")))?;
    forward::set_host(request.headers_mut(), &upstream.authority);
    for (name, value) in call.headers {
        request.headers_mut().append(name, value);
    }
    pool.send(&upstream, request, timeout, || true).await
}
