//! A sandbox provider: sockets and a page around the pure behaviour that an adapter brings.

use super::{client, page};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use dndgate_adapter::{
    Channel, Head, Profile, Secrets, form,
    outbound::Call,
    sandbox::{Delivered, Inbound, Sandbox},
};
use dndgate_gateway::config::Provider;
use serde::Serialize;
use serde_json::json;
use std::{
    collections::VecDeque,
    net::TcpListener,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Messages that are remembered.
const DELIVERED_MAX: usize = 500;
/// Webhooks that are remembered.
const WEBHOOKS_MAX: usize = 50;
/// The largest request that is taken, in bytes.
const BODY_BYTES_MAX: usize = 64 << 20;

/// One sandbox provider.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) name: String,
    pub(super) profile: &'static Profile,
    sandbox: &'static dyn Sandbox,
    secrets: Secrets,
    /// The gateway's address for this provider's webhooks.
    hook: String,
    serial: AtomicU64,
    delivered: Mutex<VecDeque<Shown>>,
    webhooks: Mutex<VecDeque<Sent>>,
}

/// A message that was "delivered", and when.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Shown {
    pub(super) at: String,
    #[serde(flatten)]
    pub(super) message: Delivered,
}

/// A webhook that was sent, and what came of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Sent {
    pub(super) at: String,
    pub(super) what: String,
    pub(super) url: String,
    pub(super) body: String,
    /// The gateway's answer: its status, or nothing when there was none.
    pub(super) status: Option<u16>,
    /// The body of the answer, or why there was none.
    pub(super) answer: String,
}

/// Serves until the process ends.
pub(super) async fn serve(station: Arc<Station>, listener: TcpListener) {
    let router = Router::new()
        .route("/_sandbox", get(|| async { Redirect::to("/_sandbox/") }))
        .route("/_sandbox/", get(show))
        .route("/_sandbox/delivered", get(delivered))
        .route("/_sandbox/inbound", post(inbound))
        .route("/_sandbox/failure", post(failure))
        .route("/_sandbox/{*rest}", get(|| async { (StatusCode::NOT_FOUND, "there is no such page\n") }))
        .fallback(api)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(station);
    listen(router, listener).await;
}

/// Serves on an address that is bound already.
pub(super) async fn listen(router: Router, listener: TcpListener) {
    let served = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => axum::serve(listener, router).await,
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        tracing::error!(%error, "a part of the demo ended");
    }
}

/// Answers as the provider does.
async fn api(State(station): State<Arc<Station>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "the request is too large\n").into_response();
    };
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the sandbox reads no packed bodies\n").into_response();
    }
    let (host, path) = split_host(station.profile, parts.uri.path());
    let head = Head { method: &parts.method, host, path, query: parts.uri.query(), headers: &parts.headers };
    let answered = station.sandbox.answer(&dndgate_adapter::Request { head, body: &body }, station.next());
    answered.delivered.into_iter().for_each(|message| station.keep(message));
    let mut response = Response::new(Body::from(answered.reply.body));
    *response.status_mut() = answered.reply.status;
    response.headers_mut().extend(answered.reply.headers);
    response
}

async fn show(State(station): State<Arc<Station>>) -> Response {
    page::html(page::sandbox(&station, &list(&station.delivered), &list(&station.webhooks)))
}

async fn delivered(State(station): State<Arc<Station>>) -> Json<serde_json::Value> {
    Json(json!({ "delivered": list(&station.delivered) }))
}

/// A person writes: `channel`, `from`, `text`, and `to` unless the business's last address is meant.
async fn inbound(State(station): State<Arc<Station>>, headers: HeaderMap, body: Bytes) -> Response {
    let sent = async {
        let form = form::read(&body).map_err(|error| error.to_string())?;
        let field = |name| form.all(name).next().map(|pair| plus(&pair.value)).unwrap_or_default();
        let channel =
            Channel::parse(&field("channel")).filter(|channel| station.profile.channels.has(*channel));
        let channel = channel.ok_or_else(|| {
            let names: Vec<_> = station.profile.channels.iter().map(Channel::name).collect();
            format!("channel is none of {}", names.join(", "))
        })?;
        let [from, to, text] = ["from", "to", "text"].map(field);
        let from = bare(channel, &from);
        if from.is_empty() {
            return Err("from is missing: who writes?".to_owned());
        }
        let to = if to.is_empty() { station.business(channel, from) } else { to };
        Ok(station.write(&Inbound { channel, from, to: bare(channel, &to), text: &text }).await)
    };
    outcome(sent.await, &headers)
}

/// A message fails: `id` and `code`.
async fn failure(State(station): State<Arc<Station>>, headers: HeaderMap, body: Bytes) -> Response {
    let sent = async {
        let form = form::read(&body).map_err(|error| error.to_string())?;
        let field = |name| form.all(name).next().map(|pair| pair.value.trim().to_owned()).unwrap_or_default();
        let (id, code) = (field("id"), field("code"));
        let found = list(&station.delivered).into_iter().find(|one| one.message.id == id);
        let found = found.ok_or("no message of this id was delivered; see /_sandbox/delivered")?;
        if code.is_empty() {
            return Err("code is missing: how did it fail?".to_owned());
        }
        Ok(station.fail(&found.message, &code).await)
    };
    outcome(sent.await, &headers)
}

/// A browser goes back to the page; everybody else gets JSON.
fn outcome(sent: Result<Sent, String>, headers: &HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match sent {
        Err(why) => (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
        Ok(_) if accept.contains("text/html") => Redirect::to("/_sandbox/").into_response(),
        Ok(sent) => Json(sent).into_response(),
    }
}

impl Station {
    /// The stand-in of a configured provider, if its adapter brings one.
    pub(super) fn new(provider: &Provider, public_url: &str) -> Option<Station> {
        Some(Station {
            name: provider.name.clone(),
            profile: provider.adapter.profile(),
            sandbox: provider.adapter.sandbox()?,
            secrets: provider.secrets.clone(),
            hook: format!("{public_url}/hooks/{}", provider.name),
            // Ids must differ from those of an earlier run on the same store, which knows them as seen.
            serial: AtomicU64::new(jiff::Timestamp::now().as_microsecond().unsigned_abs()),
            delivered: Mutex::default(),
            webhooks: Mutex::default(),
        })
    }

    /// Sends the webhook of a person who writes.
    async fn write(&self, message: &Inbound<'_>) -> Sent {
        let now = jiff::Timestamp::now();
        let call = self.sandbox.inbound(message, &self.hook, &self.secrets, self.next(), now);
        let what = match message.channel {
            Channel::Call => format!("{} calls", message.from),
            channel => format!("{} writes on {channel}: {}", message.from, message.text),
        };
        self.send(what, &self.hook, call).await
    }

    /// Sends the webhook that reports a failure.
    pub(super) async fn fail(&self, message: &Delivered, code: &str) -> Sent {
        let url = if message.callback.is_empty() { &self.hook } else { &message.callback };
        let now = jiff::Timestamp::now();
        let call = self.sandbox.failure(message, code, url, &self.secrets, self.next(), now);
        self.send(format!("{} to {} failed: {code}", message.channel, message.to), url, call).await
    }

    async fn send(&self, what: String, url: &str, call: Call) -> Sent {
        let body = String::from_utf8_lossy(&call.body).into_owned();
        let answer = match url.strip_prefix("http://") {
            Some(rest) => post_to(rest.split(['/', '?']).next().unwrap_or(rest), call).await,
            None => Err("the sandbox calls http:// addresses only".into()),
        };
        let at = jiff::Timestamp::now().to_string();
        let (status, answer) = match answer {
            Ok(answer) => (Some(answer.status), answer.body),
            Err(why) => (None, why),
        };
        let sent = Sent { at, what, url: url.to_owned(), body, status, answer };
        remember(&self.webhooks, sent.clone(), WEBHOOKS_MAX);
        sent
    }

    /// The business's address by which this person was last reached on the channel.
    fn business(&self, channel: Channel, person: &str) -> String {
        let all = list(&self.delivered);
        let last = all
            .iter()
            .map(|one| &one.message)
            .find(|one| one.channel == channel && bare(channel, &one.to) == person);
        last.map_or_else(
            || if channel == Channel::Email { "team@mg.example.com" } else { "+15005550006" }.to_owned(),
            |message| message.from.clone(),
        )
    }

    fn next(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    fn keep(&self, message: Delivered) {
        let at = jiff::Timestamp::now().to_string();
        remember(&self.delivered, Shown { at, message }, DELIVERED_MAX);
    }
}

async fn post_to(server: &str, call: Call) -> Result<client::Answer, String> {
    let mut request = Request::new(Body::from(call.body));
    *request.method_mut() = call.method;
    *request.uri_mut() =
        call.path_and_query.parse().map_err(|error| format!("{}: {error}", call.path_and_query))?;
    request.headers_mut().extend(call.headers);
    client::send(server, request).await
}

/// Newest first, the oldest beyond `most` forgotten.
fn remember<T>(all: &Mutex<VecDeque<T>>, one: T, most: usize) {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.truncate(most - 1);
    all.push_front(one);
}

fn list<T: Clone>(all: &Mutex<VecDeque<T>>) -> Vec<T> {
    all.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

/// A `+` that was not encoded arrives as a space.
fn plus(value: &str) -> String {
    match value.strip_prefix(' ') {
        Some(digits) if digits.starts_with(|char: char| char.is_ascii_digit()) => format!("+{digits}"),
        _ => value.trim().to_owned(),
    }
}

/// An address without the prefix by which the provider tells channels apart (`whatsapp:`).
fn bare(channel: Channel, address: &str) -> &str {
    match address.split_once(':') {
        Some((prefix, rest))
            if channel != Channel::Email && prefix.bytes().all(|byte| byte.is_ascii_lowercase()) =>
        {
            rest
        }
        _ => address,
    }
}

/// The API host that a path names, as the gateway leaves it there for a stand-in, and the path behind it.
fn split_host<'a>(profile: &Profile, path: &'a str) -> (Option<&'a str>, &'a str) {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let (segment, behind) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_host = profile.hosts.iter().any(|pattern| match pattern.split_once('*') {
        None => *pattern == segment,
        Some((start, end)) => segment.starts_with(start) && segment.ends_with(end),
    });
    match is_host {
        true => (Some(segment), if behind.is_empty() { "/" } else { behind }),
        false => (None, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_people_paste_them() {
        assert_eq!(plus(" 14155550101"), "+14155550101");
        assert_eq!(plus(" ada@example.com "), "ada@example.com");
        assert_eq!(bare(Channel::WhatsApp, "whatsapp:+14155550101"), "+14155550101");
        assert_eq!(bare(Channel::Sms, "+14155550101"), "+14155550101");
        assert_eq!(bare(Channel::Email, "a:b@example.com"), "a:b@example.com");
    }

    #[test]
    fn an_api_host_in_the_path_is_the_hosts() {
        let profile = crate::providers::ADAPTERS.fixed[0].profile();
        let host = profile.hosts.iter().find(|host| !host.contains('*')).expect("a host");
        assert_eq!(split_host(profile, &format!("/{host}/v1/x")), (Some(*host), "/v1/x"));
        assert_eq!(split_host(profile, "/v19.0/x"), (None, "/v19.0/x"));
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let all = Mutex::default();
        (1..=4).for_each(|number| remember(&all, number, 3));
        assert_eq!(list(&all), [4, 3, 2]);
    }
}
