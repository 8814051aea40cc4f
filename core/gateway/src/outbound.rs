//! A send's way to the provider: every fork of it is in [`outbound`].

mod carried;

use crate::{
    answer::{self, verdict},
    body::{self, Body, CollectError},
    call, clock, forward,
    gate::{self, Blocked},
    out::{Out, Uncertain, Why},
    question::{self, Unasked},
    route::{Target, TenantRoute},
    rules, scan,
    shared::Worker,
    unsubscribe::headers,
    upstream::UpstreamError,
};
use bytes::Bytes;
use dndgate_adapter::{
    Adapter, Ask, Asked, Channel, Edit, Head, Known, Learned, Look, Onward, Outbound, Refusal, RefusalCause,
    Reply, Request as ProviderRequest, Scheduled, Sending, Unreadable, sign,
};
use dndgate_dnd::ReasonKind;
use dndgate_store::{Decision, scheduled};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header, request::Parts};
use hyper::body::Incoming;
use smallvec::SmallVec;
use std::{borrow::Cow, rc::Rc, sync::Arc, time::Instant};

/// The most pages of a provider's answer to a question.
const PAGES_MAX: usize = 20;
/// The largest answer that is read, in bytes: the answer to a batch of fifty is the largest there is.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// Recipients named (hashed) in a verdict header; more are counted only.
const NAMED_MAX: usize = 20;

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

/// Why a request goes no further, with all that its refusal says.
struct Stop {
    cause: RefusalCause,
    message: Cow<'static, str>,
    code: Option<u32>,
    blocked: Option<(Channel, &'static str)>,
    address: Option<Box<str>>,
    tenant: Option<(usize, String)>,
    channel: Option<Channel>,
    /// The refusal where the provider answers each part of a request for itself.
    reply: Option<Box<Reply>>,
}

impl Stop {
    fn new(cause: RefusalCause, message: impl Into<Cow<'static, str>>) -> Stop {
        Stop {
            cause,
            message: message.into(),
            code: None,
            blocked: None,
            address: None,
            tenant: None,
            channel: None,
            reply: None,
        }
    }
}

impl From<Unreadable> for Stop {
    fn from(unreadable: Unreadable) -> Stop {
        Stop { code: unreadable.code, ..Stop::new(RefusalCause::Unreadable, unreadable.message) }
    }
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

    /// Lets a request through whose body nobody needs to read: as it comes, unless it must be signed anew.
    async fn pass_unread(&mut self, came: Came) -> Result<Response<Body>, Stop> {
        let whole = match came {
            Came::Coming(incoming) if self.adapter().profile().signs_onward => self.collect(incoming).await?,
            Came::Coming(incoming) => return self.pass(Body::Client(incoming)).await,
            Came::Whole(whole) => self.noted(whole),
        };
        self.pass(whole.into()).await
    }

    fn unpack(&self, raw: &Bytes) -> Result<Option<Bytes>, Stop> {
        let profile = self.adapter().profile();
        let bytes_max = self.worker.shared.traffic.max_body.0.min(profile.body_bytes_max);
        body::unpack(self.head.headers, raw, profile.compressed_bodies, bytes_max)
            .map_err(|error| Stop::new(RefusalCause::Unreadable, error.to_string()))
    }

    /// Asks the provider whom a send would reach, with the caller's own credentials.
    async fn ask<'r>(&self, request: &ProviderRequest<'r>, mut ask: Ask) -> Result<Sending<'r>, Stop> {
        let allowed = |name| self.target.route.provider.allow_unnamed.iter().any(|one| one == name);
        let mut answers = Vec::new();
        if ask.unless_allowed.is_some_and(allowed)
            && let Asked::Send(sending) = self.adapter().asked(request, &answers)?
        {
            return Ok(sending);
        }
        while answers.len() < PAGES_MAX {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
            if let Some(credentials) = self.head.headers.get(header::AUTHORIZATION) {
                headers.insert(header::AUTHORIZATION, credentials.clone());
            }
            let timeout = self.worker.shared.traffic.upstream_timeout.0;
            let answer = question::put(self.worker, &self.target.route, &ask, headers, timeout).await;
            let answer = answer.map_err(|why| match why {
                Unasked::Upstream(error) => upstream_stop(error),
                why => {
                    Stop::new(RefusalCause::Unreadable, format!("the question whom it would reach: {why}"))
                }
            })?;
            let missing = ask.or_missing && answer.status() == StatusCode::NOT_FOUND;
            if !answer.status().is_success() && !missing {
                return Err(Stop::new(
                    RefusalCause::Unreadable,
                    format!(
                        "the provider answered {} to the question whom this send would reach",
                        answer.status().as_u16()
                    ),
                ));
            }
            let whole = self.read_answer(answer.into_body()).await?;
            answers.push(if missing { Vec::new() } else { whole.to_vec() });
            match self.adapter().asked(request, &answers)? {
                Asked::Send(sending) => return Ok(sending),
                Asked::More(next) => ask = next,
                Asked::Unnamed(name) => return Err(unnamed(name)),
            }
        }
        Err(Stop::new(
            RefusalCause::Unreadable,
            "this send would reach more people than the gateway can check",
        ))
    }

    async fn read_answer(&self, answer: Body) -> Result<Bytes, Stop> {
        let limits = body::Limits {
            bytes_max: ANSWER_BYTES_MAX,
            memory_bytes_max: ANSWER_BYTES_MAX,
            pause: self.worker.shared.traffic.body_timeout.0,
            temp_dir: None,
        };
        let whole = body::collect(answer, limits).await;
        whole.map_err(|error| Stop::new(RefusalCause::BadGateway, format!("the provider's answer: {error}")))
    }

    /// The verdict on a send whose recipients are known, and its way on.
    async fn send(
        &mut self,
        tenant: &TenantRoute,
        request: &ProviderRequest<'_>,
        sending: Sending<'_>,
        raw: &Bytes,
        readable: &Bytes,
    ) -> Result<Response<Body>, Stop> {
        self.same_tenant(tenant, &sending)?;
        let provider = &self.target.route.provider;
        if let Some(name) = sending.unnamed
            && !provider.allow_unnamed.iter().any(|one| one == name)
        {
            return Err(unnamed(name));
        }
        let exempt = provider.exempt.iter().any(|kind| kind == sending.kind);
        let store = &self.worker.shared.store;
        let verdicts = |sending: &Sending<'_>| gate::blocked(store.cache(), tenant, &sending.recipients);
        let mut blocked: SmallVec<[Blocked; 2]> = SmallVec::new();
        if !exempt {
            blocked = verdicts(&sending).map_err(|bad| {
                let code = None;
                let channel = sending.recipients.first().and_then(|one| one.channels.first());
                Stop {
                    code,
                    channel,
                    ..Stop::new(RefusalCause::Unreadable, format!("the recipient is {bad}"))
                }
            })?;
        }
        let uncertain = match sending.recipients.iter().all(|one| one.known == Known::Address) {
            true => Uncertain::new(),
            false => self.uncertain(tenant, &sending, &blocked).await?,
        };
        let ruled = rules::ask(self.worker, self.provider().1, tenant, &sending, &blocked, self.id).await;
        let out = Out { sending: &sending, blocked: &blocked, ruled: &ruled, uncertain: &uncertain };
        let dropped = out.dropped();
        if dropped.len() == sending.recipients.len() && !dropped.is_empty() && !sending.rest {
            return Err(self.stop_each(tenant, request, &out, &dropped));
        }
        if sending.scheduled
            && !provider.allow_unnamed.iter().any(|one| one == "scheduled")
            && !self.can_cancel()
        {
            return Err(Stop::new(
                RefusalCause::Unreadable,
                "a send that leaves later could not be cancelled if the person opts out in between: configure the \
                 provider's credentials at the gateway, or allow it by name: allow_unnamed = [\"scheduled\"]",
            ));
        }
        if sending.scheduled {
            self.has_room().await?;
        }
        let mut edits = Vec::new();
        let mut query = None;
        if !dropped.is_empty() {
            edits = self.adapter().trim(request, &sending, &dropped).map_err(|cannot| {
                let mut stop = self.stop_for(tenant, &out);
                stop.message = format!("{}; {cannot}", stop.message).into();
                stop
            })?;
            query = self.adapter().trim_query(request, &sending, &dropped);
        }
        edits.extend(self.callback_edits(&sending));
        if provider.list_unsubscribe {
            let shared = &self.worker.shared;
            edits.extend(headers::edits(shared, self.adapter(), tenant, request, &sending, &dropped));
        }
        edits.sort_by_key(|edit| edit.range.start);
        let edited = !edits.is_empty();
        let body = if edited { body::edit(readable, edits) } else { Body::from(raw.clone()) };
        // Whoever opted out while this send waited for a connection is not reached either. Who goes is compared,
        // not how many: somebody taken out may have come back while another left.
        let still_free = || {
            exempt || verdicts(&sending).is_ok_and(|now| now.iter().all(|one| dropped.contains(&one.index)))
        };
        let answer = self.forward(body, edited, query.as_deref(), still_free).await;
        let (mut response, seconds) = match answer {
            Err(stop) if stop.cause == RefusalCause::Blocked => {
                let mut now = verdicts(&sending).unwrap_or_default();
                now.retain(|one| !dropped.contains(&one.index));
                let late = Out { sending: &sending, blocked: &now, ruled: &ruled, uncertain: &uncertain };
                return Err(self.stop_for(tenant, &late));
            }
            other => other?,
        };
        let learns = self.adapter().wants_answer(&sending, response.status());
        let stitches = !dropped.is_empty() && self.adapter().stitches(&sending);
        if learns || stitches {
            response = self.read_back(tenant, request, &out, &dropped, response, (learns, stitches)).await?;
        }
        self.count(tenant, &out, &dropped);
        let verdict = if dropped.is_empty() {
            HeaderValue::from_static("allowed")
        } else {
            self.record_trimmed(tenant, &out, &dropped)
        };
        self.finish(&mut response, "send", verdict, seconds);
        Ok(response)
    }

    /// Could a scheduled send of this account be cancelled?
    fn can_cancel(&self) -> bool {
        let account = self.adapter().account(&self.head).unwrap_or_default().into_owned();
        let handle = Scheduled { account, ..Scheduled::default() };
        self.adapter().cancel(&handle, &self.target.route.provider.secrets).is_some()
    }

    /// Could the handle of a scheduled send be kept? Asked before it leaves: without it an opt-out in between
    /// would cancel nothing.
    async fn has_room(&self) -> Result<(), Stop> {
        let now = clock::now();
        self.worker.shared.store.write(move |tx| scheduled::try_room(tx, now)).await.map_err(|error| {
            tracing::error!(request = %self.id, %error, "a send that leaves later was refused");
            Stop::new(
                RefusalCause::Unavailable,
                "the gateway cannot write its store, so that this send could not be cancelled if the person opts \
                 out in between; nothing was sent",
            )
        })
    }

    /// Every account that a request names inside must be of the tenant that judges it.
    fn same_tenant(&self, tenant: &TenantRoute, sending: &Sending<'_>) -> Result<(), Stop> {
        let theirs = |account: &str| self.routes.tenant(&self.target.route, Some(account));
        let foreign =
            sending.accounts.iter().any(|one| theirs(one).is_none_or(|one| one.index != tenant.index));
        if !foreign {
            return Ok(());
        }
        Err(Stop::new(
            RefusalCause::Account,
            "the request acts for accounts of several tenants, or for one that is not configured at the gateway: \
             send for each tenant by itself",
        ))
    }

    /// The recipients of whom it is not certain who they are, and why that is not allowed.
    async fn uncertain(
        &self,
        tenant: &TenantRoute,
        sending: &Sending<'_>,
        blocked: &[Blocked],
    ) -> Result<Uncertain, Stop> {
        let allowed = |name: &str| self.target.route.provider.allow_unnamed.iter().any(|one| one == name);
        let mut uncertain = Uncertain::new();
        for (index, recipient) in sending.recipients.iter().enumerate() {
            match &recipient.known {
                Known::Address => {}
                Known::Unreadable(why) => uncertain.push((index, why.clone())),
                Known::Handle(name) | Known::Unnamed(name) if allowed(name) => {}
                Known::Unnamed(name) => uncertain.push((index, Unreadable::new(unnamed_message(name)))),
                Known::Handle(_) if blocked.iter().any(|one| one.index == index) => {}
                Known::Handle(name) => {
                    let region = tenant.tenant.region;
                    let key = dndgate_dnd::address::normalise(recipient.kind, &recipient.address, region);
                    let known = match key {
                        Err(_) => false,
                        Ok(one) => {
                            let tenant = Arc::clone(&tenant.name);
                            let asked = self
                                .worker
                                .shared
                                .store
                                .read(move |tx| dndgate_store::names::is_known(tx, &tenant, &one.key));
                            asked.await.map_err(|error| {
                                tracing::error!(%error, "the store cannot tell whose a handle is");
                                Stop::new(
                                    RefusalCause::Unavailable,
                                    "the gateway cannot look up the recipient now",
                                )
                            })?
                        }
                    };
                    if !known {
                        uncertain.push((index, Unreadable::new(unnamed_message(name))));
                    }
                }
            }
        }
        Ok(uncertain)
    }

    fn stop_for(&self, tenant: &TenantRoute, out: &Out<'_, '_>) -> Stop {
        let tenant = Some((tenant.index, tenant.name.to_string()));
        let first = out.blocked.first().map(|one| one.index).or(out.ruled.first().map(|one| one.index));
        let Some(index) = first.or(out.uncertain.first().map(|one| one.0)) else {
            return Stop { tenant, ..Stop::new(RefusalCause::Blocked, "not allowed") };
        };
        let recipient = out.sending.recipients.get(index);
        let why = out.why(index);
        Stop {
            code: why.code,
            blocked: why.reason.map(|(channel, reason)| (channel, reason.map_or("policy", ReasonKind::name))),
            channel: why
                .reason
                .map(|(channel, _)| channel)
                .or(recipient.and_then(|one| one.channels.first())),
            address: recipient.map(|one| one.address.as_ref().into()),
            tenant,
            ..Stop::new(why.cause, why.message.into_owned())
        }
    }

    /// As [`Exchange::stop_for`], told part by part where the provider answers so.
    fn stop_each(
        &self,
        tenant: &TenantRoute,
        request: &ProviderRequest<'_>,
        out: &Out<'_, '_>,
        dropped: &[usize],
    ) -> Stop {
        let id = self.id.to_string();
        let why: Vec<Why<'_>> = dropped.iter().map(|index| out.why(*index)).collect();
        let reply = self.adapter().refuse_each(request, out.sending, &out.refused(dropped, &why, &id));
        Stop { reply: reply.map(Box::new), ..self.stop_for(tenant, out) }
    }

    /// Puts addresses of the gateway where the CRM named its own, so that error codes are seen (R19).
    fn callback_edits(&self, sending: &Sending<'_>) -> Vec<Edit> {
        if !self.target.route.verifies {
            return Vec::new();
        }
        let callbacks = &self.worker.shared.callbacks;
        let wrap = |url: &str| callbacks.wrap(self.provider().1, url);
        let wrapped = sending.callbacks.iter().filter(|one| one.url.starts_with("http"));
        wrapped.map(|one| one.place.replace(&wrap(&one.url))).collect()
    }

    /// Lets a request through that contacts nobody.
    async fn pass(&mut self, body: Body) -> Result<Response<Body>, Stop> {
        let (mut response, seconds) = self.forward(body, false, None, || true).await?;
        self.finish(&mut response, "other", HeaderValue::from_static("allowed"), seconds);
        Ok(response)
    }

    /// Sends the request on; the answer's head, and how long the provider took.
    async fn forward(
        &mut self,
        body: Body,
        edited: bool,
        query: Option<&str>,
        last_metre: impl Fn() -> bool,
    ) -> Result<(Response<Body>, f64), Stop> {
        let (upstream, mut path) = self.target.upstream();
        if let Some(query) = query {
            path = format!("{}?{query}", path.split('?').next().unwrap_or_default()).into();
        }
        let mut headers = onward_headers(self.head.headers, &upstream.authority, edited);
        if self.adapter().profile().signs_onward {
            self.sign(&upstream.authority, &path, &body, &mut headers)?;
        }
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() =
            Uri::try_from(path.as_ref()).map_err(|_| Stop::new(RefusalCause::Unreadable, "not a path"))?;
        *request.headers_mut() = headers;
        *request.extensions_mut() = std::mem::take(&mut self.extensions);
        let begun = clock::tick();
        let timeout = self.worker.shared.traffic.upstream_timeout.0;
        let answer = self.worker.pool.send(&upstream, request, timeout, last_metre).await;
        let seconds = begun.elapsed().as_secs_f64();
        self.worker.observe_upstream(self.provider(), seconds);
        let name = self.provider().1;
        match answer {
            Ok(mut response) => {
                forward::drop_hop_by_hop(response.headers_mut());
                if response.status().is_server_error() {
                    self.worker.fails(self.provider(), "the provider answers with server errors");
                } else {
                    self.worker.works(self.provider());
                }
                Ok((response, seconds))
            }
            Err(error) => {
                if !matches!(error, UpstreamError::Stopped) {
                    tracing::warn!(provider = name, request = %self.id, %error, "the provider gave no answer");
                    self.worker.fails(self.provider(), "the provider cannot be reached");
                }
                Err(upstream_stop(error))
            }
        }
    }

    /// Has the adapter sign a request that changes no more.
    fn sign(&self, authority: &str, path: &str, body: &Body, headers: &mut HeaderMap) -> Result<(), Stop> {
        let onward = Onward {
            came: Some(dndgate_adapter::Came {
                head: self.head,
                path_and_query: self.came_for,
                sha256: self.came_sha256.unwrap_or_else(|| sign::sha256(b"")),
            }),
            method: self.method,
            authority,
            path_and_query: path,
            headers,
            sha256: body.sha256(),
        };
        let secrets = &self.target.route.provider.secrets;
        let signed = self
            .adapter()
            .sign_onward(&onward, secrets, clock::now())
            .map_err(|why| Stop { code: why.code, ..Stop::new(RefusalCause::Signature, why.message) })?;
        for (name, value) in signed {
            headers.insert(name, value);
        }
        Ok(())
    }

    /// Reads an answer: the adapter learns from it, and edits it so that the caller sees each of its own
    /// recipients. What it does not edit goes on unchanged.
    async fn read_back(
        &self,
        tenant: &TenantRoute,
        request: &ProviderRequest<'_>,
        out: &Out<'_, '_>,
        dropped: &[usize],
        response: Response<Body>,
        (learns, stitches): (bool, bool),
    ) -> Result<Response<Body>, Stop> {
        let sending = out.sending;
        let (mut parts, body) = response.into_parts();
        let whole = self.read_answer(body).await?;
        let unpacked = body::unpack(&parts.headers, &whole, true, ANSWER_BYTES_MAX).ok().flatten();
        let readable = unpacked.as_ref().unwrap_or(&whole);
        let answer =
            dndgate_adapter::Answer { status: parts.status, headers: &parts.headers, body: readable };
        let mut stitched = None;
        if stitches {
            let id = self.id.to_string();
            let why: Vec<Why<'_>> = dropped.iter().map(|index| out.why(*index)).collect();
            stitched = self.adapter().stitch(request, sending, &out.refused(dropped, &why, &id), &answer);
        }
        let learned = if learns {
            self.adapter().learn(request, sending, dropped, &answer)
        } else {
            Learned::default()
        };
        if !learned.events.is_empty() || !learned.scheduled.is_empty() {
            let handles = learned.scheduled.clone();
            let request_id = self.id.to_string();
            let sent_to = sending.recipients.iter().enumerate().filter(|(index, _)| !dropped.contains(index));
            let sent_to: Vec<_> = sent_to.map(|(_, one)| one).collect();
            let applied = crate::apply::learned(
                &self.worker.shared,
                &self.target.route,
                tenant,
                learned,
                &sent_to,
                &request_id,
            );
            if let Err(error) = applied.await {
                tracing::error!(provider = self.provider().1, request = %self.id, %error,
                    "what the provider's answer says could not be kept");
                if !handles.is_empty() && self.take_back(&handles).await {
                    return Err(Stop::new(
                        RefusalCause::Unavailable,
                        "the gateway could not write its store and had the provider cancel this send again",
                    ));
                }
            }
        }
        parts.headers.remove(header::TRANSFER_ENCODING);
        if let Some(stitched) = stitched {
            forward::drop_body_fields(&mut parts.headers);
            return Ok(Response::from_parts(parts, stitched.into()));
        }
        Ok(Response::from_parts(parts, whole.into()))
    }

    /// Cancels what has just been scheduled and could not be kept. True when the provider cancelled all of it.
    async fn take_back(&self, handles: &[Scheduled]) -> bool {
        let route = &self.target.route;
        let timeout = self.worker.shared.traffic.upstream_timeout.0;
        let mut all = true;
        for handle in handles {
            let call = self.adapter().cancel(handle, &route.provider.secrets);
            let done = match call {
                Some(call) => call::make(self.worker, route, call, timeout)
                    .await
                    .is_ok_and(|status| status.is_success()),
                None => false,
            };
            if !done {
                tracing::error!(provider = self.provider().1, request = %self.id, send = handle.id,
                    "a scheduled send is neither kept nor cancelled: cancel it at the provider if the person opts out");
            }
            all &= done;
        }
        all
    }

    fn count(&self, tenant: &TenantRoute, out: &Out<'_, '_>, dropped: &[usize]) {
        let names = ((tenant.index, &*tenant.name), self.provider());
        for (index, recipient) in out.sending.recipients.iter().enumerate() {
            let channel = recipient.channels.first().unwrap_or(Channel::Sms);
            if dropped.binary_search(&index).is_err() {
                self.worker.count_send(names.0, names.1, channel, "allowed", None);
                continue;
            }
            let why = out.why(index);
            let word = if why.cause == RefusalCause::Blocked { "trimmed" } else { "refused" };
            let (channel, kind) = match why.reason {
                Some((channel, kind)) => (channel, Some(kind.unwrap_or(ReasonKind::Policy))),
                None => (channel, None),
            };
            self.worker.count_send(names.0, names.1, channel, word, kind);
        }
    }

    fn record_trimmed(&self, tenant: &TenantRoute, out: &Out<'_, '_>, dropped: &[usize]) -> HeaderValue {
        let sending = out.sending;
        let hashes: Vec<String> = (dropped.iter().take(NAMED_MAX))
            .filter_map(|index| sending.recipients.get(*index))
            .map(|one| address_hash(&one.address))
            .collect();
        let first = dropped.first().map(|index| out.why(*index).reason);
        let (channel, reason) = match first.flatten() {
            Some((channel, kind)) => (channel, kind.map_or("policy", ReasonKind::name)),
            None => (self.adapter().profile().channels.first().unwrap_or(Channel::Sms), "unreadable"),
        };
        self.record(
            "trimmed",
            Some((tenant.index, &tenant.name)),
            Some(channel),
            reason,
            &hashes.join(","),
            sending.kind,
        );
        verdict("trimmed", &[("blocked", &dropped.len().to_string()), ("recipients", &hashes.join(","))])
    }

    fn record(
        &self,
        verdict: &'static str,
        tenant: Option<(usize, &str)>,
        channel: Option<Channel>,
        reason: &str,
        address_hash: &str,
        message: &str,
    ) {
        let (_, provider) = self.provider();
        let tenant_name = tenant.map_or("", |(_, name)| name);
        let now = clock::now();
        if self.worker.may_log(now) {
            tracing::info!(request = %self.id, provider, tenant = tenant_name,
                channel = channel.map_or("", Channel::label), reason, recipient = address_hash, "{verdict}: {message}");
        }
        self.worker.shared.decisions.append(&Decision {
            at: now,
            request_id: self.id,
            tenant: tenant_name.into(),
            provider: provider.into(),
            channel,
            verdict: verdict.into(),
            reason: reason.into(),
            address_hash: address_hash.into(),
            message: message.into(),
        });
    }

    /// Marks an answer that goes back, and measures.
    fn finish(
        &self,
        response: &mut Response<Body>,
        kind: &'static str,
        verdict: HeaderValue,
        upstream_seconds: f64,
    ) {
        answer::mark(response, verdict, self.id);
        self.worker.count_request(self.provider(), kind, response.status().as_u16());
        self.worker.observe_overhead((self.started.elapsed().as_secs_f64() - upstream_seconds).max(0.0));
    }

    fn refuse(&self, stop: &Stop) -> Response<Body> {
        let id = self.id.to_string();
        let refusal = Refusal {
            cause: stop.cause,
            message: &stop.message,
            address: stop.address.as_deref(),
            channel: stop.blocked.map(|(channel, _)| channel).or(stop.channel),
            reason: stop.blocked.map(|(_, reason)| reason),
            code: stop.code,
            request_id: &id,
        };
        let each = stop.reply.as_deref().cloned();
        let reply = each.unwrap_or_else(|| self.adapter().refuse(&self.head, &refusal));
        let mut response = answer::from_reply(reply);
        let (word, reason) = match (stop.cause, stop.blocked) {
            (RefusalCause::Blocked, Some((_, reason))) => ("blocked", reason),
            (RefusalCause::Unreadable, _) => ("refused", "unreadable"),
            (RefusalCause::Account, _) => ("refused", "account"),
            (RefusalCause::Signature, _) => ("refused", "signature"),
            (RefusalCause::TooLarge, _) => ("refused", "too_large"),
            (RefusalCause::BadGateway, _) => ("failed", "bad_gateway"),
            (RefusalCause::GatewayTimeout, _) => ("failed", "timeout"),
            _ => ("failed", "unavailable"),
        };
        let hash = stop.address.as_deref().map(address_hash).unwrap_or_default();
        let tenant = stop.tenant.as_ref().map(|(index, name)| (*index, name.as_str()));
        let channel = refusal.channel;
        let mut facts: SmallVec<[(&str, &str); 3]> = SmallVec::new();
        if let Some(channel) = channel {
            facts.push(("channel", channel.label()));
        }
        facts.push(("reason", reason));
        if !hash.is_empty() {
            facts.push(("recipients", &hash));
        }
        if word != "failed" {
            self.record(word, tenant, channel, reason, &hash, &stop.message);
            let kind = stop.blocked.and_then(|(_, reason)| ReasonKind::parse(reason));
            let channel =
                channel.or_else(|| self.adapter().profile().channels.first()).unwrap_or(Channel::Sms);
            self.worker.count_send(tenant.unwrap_or((usize::MAX, "")), self.provider(), channel, word, kind);
        }
        self.finish(&mut response, "send", verdict(word, &facts), 0.0);
        response
    }
}

fn unnamed(name: &str) -> Stop {
    Stop::new(RefusalCause::Unreadable, unnamed_message(name))
}

fn unnamed_message(name: &str) -> String {
    format!(
        "the recipients of this send are known to the provider only, so that Do-Not-Disturb cannot be checked; \
         the operator may allow it by name: allow_unnamed = [\"{name}\"]"
    )
}

fn unknown_endpoint() -> Stop {
    Stop::new(RefusalCause::Unreadable, "the gateway does not know this endpoint (unrecognised = \"refuse\")")
}

fn upstream_stop(error: UpstreamError) -> Stop {
    match error {
        UpstreamError::Timeout | UpstreamError::ConnectTimeout => {
            Stop::new(RefusalCause::GatewayTimeout, "the provider did not answer in time")
        }
        UpstreamError::Stopped => Stop::new(RefusalCause::Blocked, "the recipient opted out just now"),
        UpstreamError::Connect(_) => {
            Stop::new(RefusalCause::BadGateway, "the provider cannot be reached; nothing was sent")
        }
        UpstreamError::Broken(_) => {
            Stop::new(RefusalCause::BadGateway, "the provider broke off; it may have taken the request")
        }
    }
}

/// Servers that honour these fields read a request differently from what its method says.
fn method_override(headers: &HeaderMap) -> Option<&'static str> {
    ["x-http-method-override", "x-http-method", "x-method-override"]
        .into_iter()
        .find(|name| headers.contains_key(*name))
}

/// The fields that go on, in their order: hop-by-hop ones left out, `Host` the provider's.
fn onward_headers(headers: &HeaderMap, authority: &str, edited: bool) -> HeaderMap {
    let mut onward = headers.clone();
    forward::drop_hop_by_hop(&mut onward);
    if edited {
        forward::drop_body_fields(&mut onward);
    }
    forward::set_host(&mut onward, authority);
    onward
}

/// How headers and records name a recipient: the first 16 hexadecimal digits of the SHA-256 of the address as
/// it stood in the request.
pub fn address_hash(address: &str) -> String {
    sign::to_hex(&sign::sha256(address.as_bytes())[..8])
}
