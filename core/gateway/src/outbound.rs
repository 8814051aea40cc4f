//! A send's way to the provider: every fork of it is in [`outbound`].

mod ask;
mod back;
mod carried;
mod onward;
mod record;
mod send;
mod stop;

pub use record::address_hash;

use crate::{
    body::{self, Body, CollectError},
    clock,
    route::{Target, TenantRoute},
    scan,
    shared::Worker,
};
use bytes::Bytes;
use dndgate_adapter::{Adapter, Head, Look, Outbound, RefusalCause, Request as ProviderRequest, sign};
use http::{HeaderMap, Method, Request, Response, request::Parts};
use hyper::body::Incoming;
use std::{rc::Rc, time::Instant};
use stop::{Stop, unknown_endpoint, unnamed};

/// One request on its way.
struct Exchange<'a> {
    worker: &'a Rc<Worker>,
    target: &'a Target<'a>,
    id: uuid::Uuid,
    started: Instant,
    method: &'a Method,
    head: Head<'a>,
    extensions: http::Extensions,
    routes: &'a crate::route::Routes,
    /// Path and query as the caller wrote them.
    came_for: &'a str,
    /// SHA-256 of the body as it came, once it is collected for an adapter that signs.
    came_sha256: Option<[u8; 32]>,
}

/// Carries a request to its provider, or refuses it in the provider's words.
pub(crate) async fn outbound(
    worker: &Rc<Worker>,
    target: &Target<'_>,
    request: Request<Incoming>,
) -> Response<Body> {
    let started = clock::tick();
    let (mut parts, incoming) = request.into_parts();
    let extensions = std::mem::take(&mut parts.extensions);
    let routes = worker.routes();
    let id = worker.ids.next();
    let mut exchange = Exchange::new(worker, target, &parts, &routes, (id, started));
    exchange.extensions = extensions;
    match exchange.run(Came::Coming(incoming)).await {
        Ok(Way::Answered(response)) => response,
        Ok(Way::Alone(whole)) => {
            parts.extensions = std::mem::take(&mut exchange.extensions);
            carried::carry(worker, target, parts, whole, (id, started)).await
        }
        Err(stop) => exchange.refuse(&stop),
    }
}

/// A request's body: as it comes, or whole already.
enum Came {
    Coming(Incoming),
    Whole(Bytes),
}

/// How a request goes on.
enum Way {
    /// It has its answer.
    Answered(Response<Body>),
    /// It leaves later: its handle must be kept even if the client goes away meanwhile ([`carried`]).
    Alone(Bytes),
}

impl<'a> Exchange<'a> {
    fn new(
        worker: &'a Rc<Worker>,
        target: &'a Target<'a>,
        parts: &'a Parts,
        routes: &'a crate::route::Routes,
        (id, started): (uuid::Uuid, Instant),
    ) -> Exchange<'a> {
        let head = Head {
            method: &parts.method,
            host: target.host,
            path: target.path,
            query: parts.uri.query(),
            headers: &parts.headers,
        };
        let extensions = http::Extensions::new();
        Exchange {
            worker,
            target,
            id,
            started,
            method: &parts.method,
            head,
            extensions,
            routes,
            came_for: parts.uri.path_and_query().map_or("/", |whole| whole.as_str()),
            came_sha256: None,
        }
    }

    fn adapter(&self) -> &'static dyn Adapter {
        self.target.route.provider.adapter
    }

    fn provider(&self) -> (usize, &'a str) {
        (self.target.route.index, &self.target.route.provider.name)
    }

    async fn run(&mut self, came: Came) -> Result<Way, Stop> {
        if let Some(field) = method_override(self.head.headers) {
            return Err(Stop::new(RefusalCause::Unreadable, format!("remove the header field {field}")));
        }
        let look = self.adapter().look(&self.head)?;
        if look == Look::Nobody {
            return self.pass_unread(came).await.map(Way::Answered);
        }
        if !self.worker.shared.store.cache().is_complete() {
            return Err(Stop::new(
                RefusalCause::Unavailable,
                "the gateway is starting and cannot judge sends yet",
            ));
        }
        let account = self.adapter().account(&self.head);
        let tenant = match self.tenant(account.as_deref()) {
            // The head names no account: the body may, or it contacts nobody.
            Err(_) if account.is_none() => None,
            found => Some(found?),
        };
        self.judge(tenant, look, came).await.map_err(|mut stop| {
            stop.tenant = stop.tenant.or(tenant.map(|tenant| (tenant.index, tenant.name.to_string())));
            stop
        })
    }

    fn tenant(&self, account: Option<&str>) -> Result<&'a TenantRoute, Stop> {
        self.routes.tenant(&self.target.route, account).ok_or_else(|| {
            Stop::new(
                RefusalCause::Account,
                "this account is not configured at the gateway: add it to the provider's account or to a tenant's \
                 accounts, or set accounts = \"any\"",
            )
        })
    }

    async fn judge(&mut self, tenant: Option<&TenantRoute>, look: Look, came: Came) -> Result<Way, Stop> {
        use crate::config::Unrecognised;
        let unrecognised = self.target.route.provider.unrecognised;
        if look == Look::Unrecognised {
            match unrecognised {
                Unrecognised::Pass => return self.pass_unread(came).await.map(Way::Answered),
                Unrecognised::Refuse => return Err(unknown_endpoint()),
                Unrecognised::Scan => {}
            }
        }
        let (raw, alone) = match came {
            Came::Coming(incoming) => (self.collect(incoming).await?, false),
            Came::Whole(whole) => (self.noted(whole), true),
        };
        let unpacked = self.unpack(&raw)?;
        let readable = unpacked.as_ref().unwrap_or(&raw);
        let request = ProviderRequest { head: self.head, body: readable };
        let read = if look == Look::Unrecognised {
            Outbound::Unrecognised
        } else {
            self.adapter().read(&request)?
        };
        let tenant = match (&read, tenant) {
            (_, Some(tenant)) => tenant,
            (Outbound::Nobody, None) => return self.pass(raw.clone().into()).await.map(Way::Answered),
            (Outbound::Send(sending), None) => self.tenant(sending.accounts.first().map(|one| &**one))?,
            (_, None) => self.tenant(None)?,
        };
        let answered = match read {
            Outbound::Nobody => self.pass(raw.clone().into()).await,
            Outbound::Send(sending) if sending.scheduled && !alone => return Ok(Way::Alone(raw.clone())),
            Outbound::Send(sending) => self.send(tenant, &request, sending, &raw, readable).await,
            Outbound::Ask(ask) => {
                let sending = self.ask(&request, ask).await?;
                if sending.scheduled && !alone {
                    return Ok(Way::Alone(raw.clone()));
                }
                self.send(tenant, &request, sending, &raw, readable).await
            }
            Outbound::Unnamed(name)
                if self.target.route.provider.allow_unnamed.iter().any(|one| one == name) =>
            {
                self.pass(raw.clone().into()).await
            }
            Outbound::Unnamed(name) => Err(unnamed(name)),
            Outbound::Unrecognised => match unrecognised {
                Unrecognised::Pass => self.pass(raw.clone().into()).await,
                Unrecognised::Refuse => Err(unknown_endpoint()),
                Unrecognised::Scan => {
                    let cache = self.worker.shared.store.cache();
                    match scan::suppressed(cache, tenant, &self.head, readable) {
                        Ok(None) => self.pass(raw.clone().into()).await,
                        Ok(Some((channel, reason))) => Err(Stop {
                            blocked: Some((channel, reason.name())),
                            channel: Some(channel),
                            ..Stop::new(
                                RefusalCause::Blocked,
                                "the gateway does not know this endpoint, and the address of somebody who does not \
                                 want to be contacted stands in the request",
                            )
                        }),
                        Err(why) => Err(Stop::new(RefusalCause::Unreadable, why)),
                    }
                }
            },
        };
        answered.map(Way::Answered)
    }

    async fn collect(&mut self, incoming: Incoming) -> Result<Bytes, Stop> {
        let traffic = &self.worker.shared.traffic;
        let limits = body::Limits {
            bytes_max: traffic.max_body.0.min(self.adapter().profile().body_bytes_max),
            memory_bytes_max: traffic.memory_body.0,
            pause: traffic.body_timeout.0,
            temp_dir: traffic.temp_dir.as_deref(),
        };
        let whole = body::collect(incoming, limits).await.map_err(|error| {
            let cause = match error {
                CollectError::TooLarge(_) => RefusalCause::TooLarge,
                CollectError::Slow | CollectError::Broken => RefusalCause::Unreadable,
                CollectError::Disk(_) => RefusalCause::Unavailable,
            };
            Stop::new(cause, error.to_string())
        })?;
        Ok(self.noted(whole))
    }

    /// Remembers what the caller's own signature is about, for an adapter that signs anew.
    fn noted(&mut self, whole: Bytes) -> Bytes {
        if self.adapter().profile().signs_onward {
            self.came_sha256 = Some(sign::sha256(&whole));
        }
        whole
    }

    fn unpack(&self, raw: &Bytes) -> Result<Option<Bytes>, Stop> {
        let profile = self.adapter().profile();
        let bytes_max = self.worker.shared.traffic.max_body.0.min(profile.body_bytes_max);
        body::unpack(self.head.headers, raw, profile.compressed_bodies, bytes_max)
            .map_err(|error| Stop::new(RefusalCause::Unreadable, error.to_string()))
    }
}

/// Servers that honour these fields read a request differently from what its method says.
fn method_override(headers: &HeaderMap) -> Option<&'static str> {
    ["x-http-method-override", "x-http-method", "x-method-override"]
        .into_iter()
        .find(|name| headers.contains_key(*name))
}
