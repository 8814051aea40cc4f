//! A webhook's way: proven, judged, made durable, and only then passed on to the CRM.

use crate::{
    answer,
    apply::{self, Judged},
    body::{self, Body, CollectError},
    callback, clock,
    config::Upstream,
    confirm::{self, Confirmation},
    forward, metrics,
    question::{self, Unasked},
    route::{Route, Routes, TenantRoute},
    shared::{Shared, Worker},
};
use bytes::Bytes;
use dndgate_adapter::{
    Adapter, Answer, Ask, Authentic, Channel, Event, EventKind, Recipient, ReplyGate, ReplyLink, Webhook,
};
use dndgate_store::{Change, Seen, SpoolEntry, StoreError, inbox, spool};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use jiff::Timestamp;
use std::{rc::Rc, sync::Arc, time::Duration};

/// What is kept back of the provider's time limit for the gateway's own work.
const MARGIN: Duration = Duration::from_secs(2);
/// How soon a webhook that the CRM did not take is tried again.
const SOON: Duration = Duration::from_secs(1);
/// How long fetching a document for a proof, or confirming, may take: the provider waits.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer of a CRM to a webhook, in bytes.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// One webhook that came in, with everything that outlives it.
struct Hook<'a> {
    worker: &'a Rc<Worker>,
    route: &'a Arc<Route>,
    id: uuid::Uuid,
    method: &'a Method,
    headers: &'a HeaderMap,
    /// The whole public URL.
    url: &'a str,
    body: &'a Bytes,
    /// Where the CRM wants it.
    crm: Option<String>,
}

/// Takes a webhook in. `after` is the path after `/hooks/{provider}`.
pub(crate) async fn webhook(
    worker: &Rc<Worker>,
    route: &Arc<Route>,
    after: &str,
    request: Request<Incoming>,
) -> Response<Body> {
    let id = worker.ids.next();
    let provider = route.provider.name.as_str();
    let (parts, incoming) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{}{path}", worker.shared.traffic.public_url);
    let crm = match crm_url(&worker.shared, route, after, parts.uri.query()) {
        Ok(crm) => crm,
        Err(()) => {
            metrics::webhook(provider, "unknown", "not_found");
            return answer::problem(
                StatusCode::NOT_FOUND,
                "no-such-hook",
                "this webhook address was not made here",
            );
        }
    };
    let traffic = &worker.shared.traffic;
    let limits = body::Limits {
        bytes_max: traffic.max_body.0,
        memory_bytes_max: traffic.memory_body.0,
        pause: traffic.body_timeout.0,
        temp_dir: traffic.temp_dir.as_deref(),
    };
    let body = match body::collect(incoming, limits).await {
        Ok(body) => body,
        Err(error) => {
            metrics::webhook(provider, "unknown", "unreadable");
            let status = match error {
                CollectError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
                CollectError::Slow | CollectError::Broken => StatusCode::BAD_REQUEST,
                CollectError::Disk(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            return answer::problem(status, "webhook-body", &error.to_string());
        }
    };
    let hook = Hook {
        worker,
        route,
        id,
        method: &parts.method,
        headers: &parts.headers,
        url: &url,
        body: &body,
        crm,
    };
    let mut response = hook.take().await;
    worker.count_request((route.index, provider), "webhook", response.status().as_u16());
    if let Ok(id) = id.to_string().parse() {
        response.headers_mut().insert(answer::REQUEST_ID, id);
    }
    response
}

/// Where the CRM wants a webhook: the address inside a callback token, or the configured one (with what
/// follows `/hooks/{provider}` appended).
fn crm_url(shared: &Shared, route: &Route, after: &str, query: Option<&str>) -> Result<Option<String>, ()> {
    if let Some(token) = after.strip_prefix("/cb/") {
        let url = shared.callbacks.open(&route.provider.name, token).ok_or(())?;
        return Ok(Some(with_query(url, query)));
    }
    Ok(route.provider.crm_webhook.as_ref().map(|base| {
        let (base, own_query) =
            base.split_once('?').map_or((base.as_str(), None), |(base, query)| (base, Some(query)));
        let mut url = format!("{}{}", base, if after == "/" { "" } else { after });
        if let Some(own) = own_query {
            url = with_query(url, Some(own));
        }
        with_query(url, query)
    }))
}

fn with_query(url: String, query: Option<&str>) -> String {
    match query {
        None | Some("") => url,
        Some(query) => format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' }),
    }
}

impl Hook<'_> {
    fn adapter(&self) -> &'static dyn Adapter {
        self.route.provider.adapter
    }

    fn provider(&self) -> &str {
        &self.route.provider.name
    }

    async fn take(&self) -> Response<Body> {
        let shared = &self.worker.shared;
        let secrets = &self.route.provider.secrets;
        let webhook = Webhook {
            method: self.method,
            url: self.url,
            headers: self.headers,
            body: self.body,
            document: None,
        };
        if let Some(reply) = self.adapter().handshake(&webhook, secrets) {
            metrics::webhook(self.provider(), "handshake", "answered");
            return answer::from_reply(reply);
        }
        let now = clock::now();
        let needed = match self.adapter().proof_document(&webhook) {
            Ok(needed) => needed,
            Err(forged) => return self.forged(&forged.to_string()),
        };
        let document = match &needed {
            None => None,
            Some(ask) => match self.document(ask).await {
                Ok(document) => Some(document),
                Err(answer) => return answer,
            },
        };
        let webhook = Webhook { document: document.as_deref(), ..webhook };
        let authentic = match webhook.prove(self.adapter(), secrets, now) {
            Ok(authentic) => authentic,
            Err(forged) => return self.forged(&forged.to_string()),
        };
        if let (Some(ask), Some(document)) = (&needed, &document) {
            shared.documents.keep(ask, document.clone());
        }
        if let Some(ask) = self.adapter().subscription(&authentic, secrets)
            && let Err(answer) = self.subscribe(&ask).await
        {
            return answer;
        }
        let events = self.adapter().events(&authentic).unwrap_or_else(|unreadable| {
            metrics::webhook(self.provider(), "unknown", "unreadable");
            tracing::warn!(provider = self.provider(), request = %self.id, why = %unreadable,
                "a proven webhook could not be read; it is passed on");
            Vec::new()
        });
        let routes = self.worker.routes();
        let kind = events.first().map_or("other", |event| kind_name(&event.kind));
        let (spooled, confirmations) = match self.keep(&routes, &authentic, &events, now).await {
            Ok(Kept::Conflict) => {
                metrics::webhook(self.provider(), kind, "forged");
                shared.health.forged(self.provider());
                return answer::problem(
                    StatusCode::FORBIDDEN,
                    "webhook-replayed",
                    "this signature was used for another webhook before",
                );
            }
            Ok(Kept::Spooled(spooled, confirmations)) => (spooled, confirmations),
            Err(error) => {
                metrics::webhook(self.provider(), kind, "store_error");
                tracing::error!(provider = self.provider(), request = %self.id, %error, "a webhook could not be kept");
                return answer::problem(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store-unavailable",
                    "this cannot be kept at the moment; send it again later",
                );
            }
        };
        if let Some(reply) = self.declined(&routes, &events) {
            metrics::webhook(self.provider(), kind, "declined");
            self.release(spooled).await;
            return reply;
        }
        let response = self.pass_on(&routes, &authentic, &events, spooled.as_deref(), kind).await;
        let response = response.unwrap_or_else(|| {
            metrics::webhook(self.provider(), kind, if self.crm.is_some() { "queued" } else { "taken" });
            answer::from_reply(self.adapter().acknowledge(&authentic))
        });
        confirm::send(self.worker, self.route, &authentic, &events, &confirmations, response)
    }

    fn forged(&self, why: &str) -> Response<Body> {
        metrics::webhook(self.provider(), "unknown", "forged");
        self.worker.shared.health.forged(self.provider());
        tracing::warn!(provider = self.provider(), request = %self.id, why, "a webhook was refused");
        answer::problem(StatusCode::FORBIDDEN, "webhook-not-proven", why)
    }

    /// The document that the proof needs, kept or fetched now.
    async fn document(&self, ask: &Ask) -> Result<Bytes, Response<Body>> {
        if let Some(kept) = self.worker.shared.documents.kept(ask) {
            return Ok(kept);
        }
        match question::fetch(self.worker, self.route, ask, QUESTION_TIMEOUT).await {
            Ok(document) => Ok(document),
            Err(Unasked::Elsewhere | Unasked::NoPath) => {
                Err(self.forged("its proof names a document that is not the provider's"))
            }
            Err(error) => {
                metrics::webhook(self.provider(), "unknown", "unproven");
                tracing::warn!(provider = self.provider(), request = %self.id, %error,
                    "a webhook could not be proven: the document that its proof needs is not to be had");
                Err(answer::problem(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "proof-unavailable",
                    "this cannot be proven at the moment; send it again later",
                ))
            }
        }
    }

    /// Confirms a subscription to this address. When it fails, the provider is to send the webhook again.
    async fn subscribe(&self, ask: &Ask) -> Result<(), Response<Body>> {
        match question::fetch(self.worker, self.route, ask, QUESTION_TIMEOUT).await {
            Ok(_) => {
                metrics::webhook(self.provider(), "confirmation", "confirmed");
                tracing::info!(provider = self.provider(), request = %self.id, "a subscription was confirmed");
                Ok(())
            }
            Err(error) => {
                metrics::webhook(self.provider(), "confirmation", "failed");
                tracing::warn!(provider = self.provider(), request = %self.id, %error, "a subscription could not be confirmed");
                Err(answer::problem(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "not-confirmed",
                    "the subscription could not be confirmed; send it again later",
                ))
            }
        }
    }

    /// Judges the events and makes everything durable: what they change, that they were seen, and the
    /// webhook itself until the CRM has it (R27, R30).
    async fn keep(
        &self,
        routes: &Routes,
        authentic: &Authentic<'_>,
        events: &[Event<'_>],
        now: Timestamp,
    ) -> Result<Kept, StoreError> {
        let shared = &self.worker.shared;
        let policies = shared.policies.current();
        let request_id = self.id.to_string();
        let judged = events.iter().enumerate().filter_map(|(index, event)| {
            let Some(tenant) = apply::tenant_of(routes, self.route, event) else {
                metrics::webhook(self.provider(), kind_name(&event.kind), "unknown_account");
                return None;
            };
            let what = apply::judge(&policies, self.route, tenant.tenant.region, event, now, &request_id);
            let confirm =
                confirm::due(self.worker, self.route, tenant, authentic, (index, event), &what, now);
            Some(Judged { tenant: Arc::clone(&tenant.name), event_id: event.id.to_string(), what, confirm })
        });
        let judged = apply::distinct(judged.collect());
        let once = authentic.proof().once.clone();
        let entry = self.crm.as_ref().map(|target| SpoolEntry {
            id: request_id.clone(),
            provider: self.provider().to_owned(),
            received_at: now,
            method: self.method.as_str().to_owned(),
            url: self.url.to_owned(),
            headers: spoolable(self.headers),
            body: self.body.to_vec(),
            target: target.clone(),
            attempts: 0,
            // The live attempt has until then; after that the background takes over.
            next_at: later(now, self.adapter().profile().webhook_timeout),
        });
        let provider = self.provider().to_owned();
        let (kept, changes) = shared
            .store
            .write(move |tx| {
                if let Some(once) = &once
                    && inbox::first_time(
                        tx,
                        &provider,
                        &format!("token:{}", once.token),
                        Some(&once.digest),
                        now,
                    )? == Seen::Conflict
                {
                    return Ok((Kept::Conflict, Vec::new()));
                }
                let mut changes: Vec<Change> = Vec::new();
                let mut confirmations = Vec::new();
                for one in &judged {
                    let key = format!("{}:{}", one.tenant, one.event_id);
                    if inbox::first_time(tx, &provider, &key, None, now)? == Seen::First {
                        let (changed, confirmation) = confirm::apply(tx, one, &policies, now)?;
                        changes.extend(changed);
                        confirmations.extend(confirmation);
                    }
                }
                let id = entry.as_ref().map(|entry| entry.id.clone());
                if let Some(entry) = &entry {
                    spool::put(tx, entry)?;
                }
                Ok((Kept::Spooled(id, confirmations), changes))
            })
            .await?;
        apply::announce(shared, &changes);
        Ok(kept)
    }

    /// An inbound call or SMS of somebody whose inbound is blocked is turned away and not passed on (R4).
    fn declined(&self, routes: &Routes, events: &[Event<'_>]) -> Option<Response<Body>> {
        let cache = self.worker.shared.store.cache();
        let is_blocked = |event: &Event<'_>| {
            let (kind, address) = match &event.kind {
                EventKind::InboundCall { from } => (dndgate_adapter::AddressKind::Phone, from),
                EventKind::Message { channel: Channel::Sms, from_kind, from, .. } => (*from_kind, from),
                _ => return false,
            };
            let Some(tenant) = apply::tenant_of(routes, self.route, event) else { return false };
            let mut inbound = false;
            let _ = dndgate_dnd::address::each_reading(kind, address, tenant.tenant.region, |key| {
                inbound |= cache.get(&tenant.name, kind, key).inbound();
            });
            inbound
        };
        // A webhook may tell of several people at once: what others say is passed on.
        let is_aside =
            |event: &Event<'_>| matches!(event.kind, EventKind::Same { .. } | EventKind::Moved { .. });
        let mut telling = events.iter().filter(|event| !is_aside(event));
        let blocked = telling.next().filter(|event| is_blocked(event))?;
        if !telling.all(is_blocked) {
            return None;
        }
        Some(answer::from_reply(
            self.adapter().decline(blocked).unwrap_or_else(|| dndgate_adapter::Reply::empty(StatusCode::OK)),
        ))
    }

    /// Passes the webhook on while the provider waits, and the CRM's answer back after R14. `None`: the CRM
    /// did not take it; it stays in the spool.
    async fn pass_on(
        &self,
        routes: &Routes,
        authentic: &Authentic<'_>,
        events: &[Event<'_>],
        spooled: Option<&str>,
        kind: &'static str,
    ) -> Option<Response<Body>> {
        let crm = self.crm.as_deref()?;
        let timeout = self.adapter().profile().webhook_timeout.saturating_sub(MARGIN);
        let attempt = deliver(self.worker, self.route, authentic, crm, false, timeout).await;
        let (mut response, body) = match attempt {
            Ok(taken) => taken,
            Err(why) => {
                tracing::warn!(provider = self.provider(), request = %self.id, why, "the CRM did not take a webhook; kept");
                if let Some(id) = spooled.map(str::to_owned) {
                    let soon = later(clock::now(), SOON);
                    // Should this fail, the background finds it when the provider's own time is over.
                    let _ = self.worker.shared.store.write(move |tx| spool::later(tx, &id, soon)).await;
                }
                return None;
            }
        };
        self.release(spooled.map(str::to_owned)).await;
        metrics::webhook(self.provider(), kind, "passed_on");
        // What cannot be unpacked is judged as it is: the adapter finds no document in it.
        let unpacked = body::unpack(response.headers(), &body, true, ANSWER_BYTES_MAX).ok().flatten();
        let readable = unpacked.as_ref().unwrap_or(&body);
        let answered = Answer { status: response.status(), headers: response.headers(), body: readable };
        let tenant = events.first().and_then(|event| apply::tenant_of(routes, self.route, event));
        let tenant = tenant.or_else(|| routes.tenant(self.route, None));
        let mut gate = Gate { hook: self, tenant, base: crm, blocked: 0 };
        match self.adapter().gate_reply(authentic, &answered, &mut gate) {
            Ok(None) => {
                relocate(&mut response, &mut gate);
                Some(response.map(|()| Body::from(body)))
            }
            Ok(Some(reply)) => {
                if gate.blocked > 0 {
                    tracing::info!(provider = self.provider(), request = %self.id, blocked = gate.blocked,
                        "the CRM's answer would have reached somebody who does not want it");
                }
                let mut changed = answer::from_reply(reply);
                // Cookies keep a conversation together at the provider.
                for cookie in response.headers().get_all(header::SET_COOKIE) {
                    changed.headers_mut().append(header::SET_COOKIE, cookie.clone());
                }
                Some(changed)
            }
            Err(unreadable) => {
                metrics::webhook(self.provider(), kind, "unreadable_answer");
                tracing::warn!(provider = self.provider(), request = %self.id, why = %unreadable,
                    "the CRM's answer could not be read with certainty and was not given to the provider");
                Some(answer::from_reply(self.adapter().acknowledge(authentic)))
            }
        }
    }

    async fn release(&self, spooled: Option<String>) {
        if let Some(id) = spooled
            && let Err(error) = self.worker.shared.store.write(move |tx| spool::done(tx, &id)).await
        {
            // It will be passed on once more: at least once is the promise.
            tracing::warn!(provider = self.provider(), %error, "a delivered webhook could not be taken off the spool");
        }
    }
}

enum Kept {
    /// In the spool under that id; and what is to be sent to people who opted out.
    Spooled(Option<String>, Vec<Confirmation>),
    Conflict,
}

/// Judges what stands in the CRM's answer.
struct Gate<'a> {
    hook: &'a Hook<'a>,
    tenant: Option<&'a TenantRoute>,
    base: &'a str,
    blocked: usize,
}

impl ReplyGate for Gate<'_> {
    fn allows(&mut self, recipient: &Recipient<'_>) -> bool {
        let cache = self.hook.worker.shared.store.cache();
        let free = self
            .tenant
            .is_some_and(|tenant| matches!(crate::gate::verdict(cache, tenant, recipient), Ok(None)));
        self.blocked += usize::from(!free);
        let verdict = if free { "allowed" } else { "blocked" };
        if let (Some(tenant), Some(channel)) = (self.tenant, recipient.channels.first()) {
            let provider = (self.hook.route.index, self.hook.provider());
            self.hook.worker.count_send((tenant.index, &tenant.name), provider, channel, verdict, None);
        }
        free
    }

    fn link(&mut self, url: &str, kind: ReplyLink) -> String {
        let absolute = callback::resolve(self.base, url);
        match kind {
            ReplyLink::Media => absolute,
            ReplyLink::Document | ReplyLink::Status => {
                self.hook.worker.shared.callbacks.wrap(self.hook.provider(), &absolute)
            }
        }
    }
}

/// A redirect leads to a further document, which must be gated too.
fn relocate(response: &mut Response<()>, gate: &mut Gate<'_>) {
    if !response.status().is_redirection() {
        return;
    }
    let location =
        response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if let Some(location) = location
        && let Ok(value) = gate.link(&location, ReplyLink::Document).parse()
    {
        response.headers_mut().insert(header::LOCATION, value);
    }
}

/// Sends a webhook to the CRM, signed for the CRM's address. The CRM's answer, or why it did not take it.
pub(crate) async fn deliver(
    worker: &Rc<Worker>,
    route: &Route,
    authentic: &Authentic<'_>,
    crm: &str,
    late: bool,
    timeout: Duration,
) -> Result<(Response<()>, Bytes), &'static str> {
    let webhook = authentic.webhook();
    let authority_end = crm.find("://").and_then(|at| crm[at + 3..].find(['/', '?']).map(|end| at + 3 + end));
    let (server, path) = crm.split_at(authority_end.unwrap_or(crm.len()));
    let upstream = Upstream::parse(server).map_err(|_| "its address is not a URL")?;
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let mut headers = webhook.headers.clone();
    forward::drop_hop_by_hop(&mut headers);
    forward::set_host(&mut headers, &upstream.authority);
    accept_what_is_read(&mut headers);
    let mut body = Body::from(Bytes::copy_from_slice(webhook.body));
    let secrets = &route.provider.secrets;
    if let Some(resigned) = route.provider.adapter.resign(authentic, crm, secrets, clock::now(), late) {
        if !resigned.edits.is_empty() {
            forward::drop_body_fields(&mut headers);
            body = body::edit(&Bytes::copy_from_slice(webhook.body), resigned.edits);
        }
        for (name, value) in resigned.headers {
            headers.insert(name, value);
        }
    }
    let mut request = Request::new(body);
    *request.method_mut() = webhook.method.clone();
    *request.uri_mut() = path.parse().map_err(|_| "its address is not a URL")?;
    *request.headers_mut() = headers;
    let answer =
        worker.pool.send(&upstream, request, timeout, || true).await.map_err(|_| "it cannot be reached")?;
    let (mut parts, incoming) = answer.into_parts();
    forward::drop_hop_by_hop(&mut parts.headers);
    let status = parts.status.as_u16();
    if matches!(status, 408 | 425 | 429 | 500..=599) {
        return Err("it answered that it cannot now");
    }
    let limits = body::Limits {
        bytes_max: ANSWER_BYTES_MAX,
        memory_bytes_max: ANSWER_BYTES_MAX,
        pause: timeout,
        temp_dir: None,
    };
    let whole = body::collect(incoming, limits).await.map_err(|_| "its answer broke off")?;
    Ok((Response::from_parts(parts, ()), whole))
}

/// The CRM's answer is judged before the provider gets it, so it must come in a coding that is read here.
fn accept_what_is_read(headers: &mut HeaderMap) {
    if headers.contains_key(header::ACCEPT_ENCODING) {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"));
    }
}

/// Header fields as the spool keeps them; values that are not text are left out.
fn spoolable(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(by).ok().and_then(|by| now.checked_add(by).ok()).unwrap_or(now)
}

const fn kind_name(kind: &EventKind<'_>) -> &'static str {
    match kind {
        EventKind::Message { .. } => "message",
        EventKind::InboundCall { .. } => "call",
        EventKind::Failure { .. } => "failure",
        EventKind::Unsubscribe { .. } => "unsubscribe",
        EventKind::Complaint { .. } => "complaint",
        EventKind::Preference { .. } => "preference",
        EventKind::Same { .. } => "same",
        EventKind::Moved { .. } => "moved",
        EventKind::Other(name) => name,
    }
}
