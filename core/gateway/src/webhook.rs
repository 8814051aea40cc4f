//! A webhook's way: proven, judged, made durable, and only then passed on to the CRM.

mod deliver;
mod keep;
mod reply;

pub(crate) use deliver::deliver;

use crate::{
    answer,
    body::{self, Body, CollectError},
    clock, confirm, metrics,
    question::{self, Unasked},
    route::Route,
    shared::{Shared, Worker},
};
use bytes::Bytes;
use dndgate_adapter::{Adapter, Ask, EventKind, Webhook};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use jiff::Timestamp;
use keep::Kept;
use std::{rc::Rc, sync::Arc, time::Duration};

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
        shared.health.heard(self.provider());
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
