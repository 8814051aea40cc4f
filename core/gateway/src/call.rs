//! Requests that the gateway makes of its own accord: a scheduled send is cancelled, an opt-out is confirmed.

use crate::{
    body::Body,
    clock, forward,
    route::{Route, Target},
    shared::Worker,
    upstream::{Pool, UpstreamError},
};
use dndgate_adapter::{Onward, outbound::Call};
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
    sign(route, &upstream.authority, &path, &mut request)?;
    pool.send(&upstream, request, timeout, || true).await
}

/// Signs it where the provider wants requests signed.
fn sign(
    route: &Route,
    authority: &str,
    path_and_query: &str,
    request: &mut Request<Body>,
) -> Result<(), UpstreamError> {
    if !route.provider.adapter.profile().signs_onward {
        return Ok(());
    }
    let onward = Onward {
        came: None,
        method: request.method(),
        authority,
        path_and_query,
        headers: request.headers(),
        sha256: request.body().sha256(),
    };
    let signed = route
        .provider
        .adapter
        .sign_onward(&onward, &route.provider.secrets, clock::now())
        .map_err(|why| UpstreamError::Connect(std::io::Error::other(why)))?;
    for (name, value) in signed {
        request.headers_mut().insert(name, value);
    }
    Ok(())
}
