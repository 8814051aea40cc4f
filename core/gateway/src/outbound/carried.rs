//! Sends that go on without their client.
//!
//! A connection that the client closes takes its open request with it. A send that leaves later must not end so:
//! the provider may have taken it, and without its handle an opt-out in between would cancel nothing (R14). So it
//! runs as a task of its own that owns all it needs; the client only waits for it.

use super::{Came, Exchange, Way, stop::Stop};
use crate::{answer, body::Body, route::Target, shared::Worker};
use bytes::Bytes;
use dndgate_adapter::RefusalCause;
use http::{Response, StatusCode, request::Parts};
use std::{rc::Rc, time::Instant};

/// Carries a request whose body is there to its end, whether or not anybody still waits.
pub(super) async fn carry(
    worker: &Rc<Worker>,
    target: &Target<'_>,
    parts: Parts,
    whole: Bytes,
    named: (uuid::Uuid, Instant),
) -> Response<Body> {
    let open = Open::new(worker);
    let route = target.route.clone();
    let host = target.host.map(str::to_owned);
    let (path, after_prefix) = (target.path.to_owned(), target.after_prefix.to_owned());
    let task = tokio::task::spawn_local(async move {
        let worker = &open.0;
        let target = Target { route, host: host.as_deref(), path: &path, after_prefix: &after_prefix };
        let mut parts = parts;
        let extensions = std::mem::take(&mut parts.extensions);
        let routes = worker.routes();
        let mut exchange = Exchange::new(worker, &target, &parts, &routes, named);
        exchange.extensions = extensions;
        match exchange.run(Came::Whole(whole)).await {
            Ok(Way::Answered(response)) => response,
            Ok(Way::Alone(_)) => exchange.refuse(&Stop::new(
                RefusalCause::Unavailable,
                "the gateway could not carry this send; nothing was sent",
            )),
            Err(stop) => exchange.refuse(&stop),
        }
    });
    match task.await {
        Ok(response) => response,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => answer::problem(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the gateway is stopping"),
        },
    }
}

/// One of the requests that a worker finishes before it ends.
struct Open(Rc<Worker>);

impl Open {
    fn new(worker: &Rc<Worker>) -> Open {
        worker.carried.set(worker.carried.get() + 1);
        Open(Rc::clone(worker))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.carried.set(self.0.carried.get() - 1);
    }
}
