//! The stand-ins that adapters bring for the demo, in place of a provider.

use super::{Message, Request};
use dndgate_adapter::{Adapter, Head, outbound::Call, path};
use http::{HeaderMap, Method};
use std::sync::atomic::{AtomicU64, Ordering};

/// What an adapter's stand-in answers to a request, of which the API host may be the path's first segment.
pub fn reply(adapter: &dyn Adapter, request: &Message) -> Message {
    static SERIAL: AtomicU64 = AtomicU64::new(1);
    with(adapter, request, |head, body| {
        let sandbox = adapter.sandbox().expect("the adapter brings a stand-in");
        let sent = dndgate_adapter::Request { head: *head, body };
        let reply = sandbox.answer(&sent, SERIAL.fetch_add(1, Ordering::Relaxed)).reply;
        let fields = reply
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let start = format!("HTTP/1.1 {}", reply.status);
        Message { start, fields: fields.collect(), body: reply.body }
    })
}

/// Reads a request as the adapter would.
pub fn with<T>(adapter: &dyn Adapter, request: &Message, then: impl FnOnce(&Head<'_>, &[u8]) -> T) -> T {
    let headers: HeaderMap = request
        .fields
        .iter()
        .filter_map(|(name, value)| Some((name.parse::<http::HeaderName>().ok()?, value.parse().ok()?)))
        .collect();
    let method: Method = request.method().parse().expect("a method");
    let target = request.target();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let inside = path.trim_start_matches('/');
    let (first, rest) = inside.split_at(inside.find('/').unwrap_or(inside.len()));
    let host = adapter.profile().hosts.iter().any(|pattern| path::host_fits(pattern, first)).then_some(first);
    let path = if host.is_some() { rest } else { path };
    then(&Head { method: &method, host, path, query, headers: &headers }, &request.body)
}

/// A webhook that a stand-in made, as a request to the gateway.
pub fn webhook(call: &Call) -> Request {
    let media = call.headers.iter().find(|(name, _)| *name == http::header::CONTENT_TYPE);
    let media = media.and_then(|(_, value)| value.to_str().ok()).unwrap_or("application/json");
    let others = call.headers.iter().filter(|(name, _)| *name != http::header::CONTENT_TYPE);
    others
        .fold(Request::post(&call.path_and_query).body(media, call.body.clone()), |request, (name, value)| {
            request.field(name.as_str(), value.to_str().expect("text"))
        })
}
