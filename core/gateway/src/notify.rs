//! DND events for subscribers (R29): signed as Standard Webhooks, in order, at least once.
//!
//! Each subscriber has a durable cursor into the feed and a task of its own, so that one that is down holds up
//! nobody else.

use crate::{
    body::{self, Body},
    clock,
    config::{Subscriber, Upstream},
    metrics,
    shared::Worker,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use dndgate_adapter::sign;
use dndgate_store::{StoreError, StoredEvent, cursors, events};
use http::{HeaderValue, Method, Request, header};
use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration};

/// Events taken from the feed at a time.
const PAGE: usize = 64;
/// How long a subscriber may take over one event.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long to wait without news.
const LOOK: Duration = Duration::from_secs(1);
/// The pauses between the ten attempts at one event, in seconds: three days in all, as the Standard Webhooks
/// specification advises. After the last the event is given up for this subscriber, and stays in the feed.
const PAUSES: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 72_000];

/// Looks after the configured subscribers until the gateway drains.
pub(crate) async fn run(worker: Rc<Worker>) {
    let mut draining = worker.shared.draining.subscribe();
    let behind: Rc<RefCell<HashMap<String, u64>>> = Rc::default();
    let mut tasks: HashMap<String, tokio::task::JoinHandle<()>> = HashMap::new();
    loop {
        let config = worker.shared.config.load_full();
        tasks.retain(|url, task| {
            let stays = config.subscribers.iter().any(|one| one.url == *url);
            if !stays {
                task.abort();
                behind.borrow_mut().remove(url);
            }
            stays
        });
        for subscriber in &config.subscribers {
            tasks.entry(subscriber.url.clone()).or_insert_with(|| {
                tokio::task::spawn_local(serve(Rc::clone(&worker), subscriber.clone(), Rc::clone(&behind)))
            });
        }
        metrics::events_pending().set(behind.borrow().values().sum::<u64>() as f64);
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = draining.wait_for(|draining| *draining) => return,
        }
    }
}

/// Takes one subscriber through the feed.
async fn serve(worker: Rc<Worker>, subscriber: Subscriber, behind: Rc<RefCell<HashMap<String, u64>>>) {
    let store = worker.shared.store.clone();
    let name = sign::to_hex(&sign::sha256(subscriber.url.as_bytes())[..16]);
    let begun = name.clone();
    let mut cursor = loop {
        let begun = begun.clone();
        match store.write(move |tx| cursors::begin(tx, &begun)).await {
            Ok(cursor) => break cursor,
            Err(error) => tracing::error!(%error, "the cursor of a subscriber cannot be read"),
        }
        tokio::time::sleep(LOOK).await;
    };
    loop {
        let news = worker.shared.news.notified();
        let page = store.read(move |tx| {
            Ok::<_, StoreError>((events::page(tx, cursor, PAGE, None)?, cursors::newest(tx)?))
        });
        let (page, newest) = page.await.unwrap_or_default();
        behind.borrow_mut().insert(subscriber.url.clone(), newest.saturating_sub(cursor));
        if page.is_empty() {
            tokio::select! {
                () = news => {}
                () = tokio::time::sleep(LOOK) => {}
            }
            continue;
        }
        for event in page {
            insist(&worker, &subscriber, &event).await;
            cursor = event.seq;
            let name = name.clone();
            if let Err(error) = store.write(move |tx| cursors::advance(tx, &name, cursor)).await {
                tracing::warn!(%error, "a delivered event could not be ticked off; it may be delivered once more");
            }
        }
    }
}

/// Delivers one event, or gives it up after the last attempt.
async fn insist(worker: &Rc<Worker>, subscriber: &Subscriber, event: &StoredEvent) {
    let id = event.payload["eventId"].as_str().unwrap_or_default();
    for pause in PAUSES.iter().map(Some).chain([None]) {
        match deliver(worker, subscriber, event).await {
            Ok(()) => return metrics::event_delivery("delivered"),
            Err(why) => {
                tracing::warn!(event = id, subscriber = subscriber.url, why, "an event was not taken")
            }
        }
        match pause {
            Some(seconds) => {
                metrics::event_delivery("retried");
                tokio::time::sleep(Duration::from_secs(*seconds)).await;
            }
            None => metrics::event_delivery("dead"),
        }
    }
    tracing::error!(
        event = id,
        subscriber = subscriber.url,
        "an event was given up after three days; it stays in the feed"
    );
}

async fn deliver(
    worker: &Rc<Worker>,
    subscriber: &Subscriber,
    event: &StoredEvent,
) -> Result<(), &'static str> {
    let start = subscriber.url.find("://").map_or(0, |at| at + 3);
    let end = subscriber.url[start..].find(['/', '?']).map_or(subscriber.url.len(), |at| start + at);
    let (server, path) = subscriber.url.split_at(end);
    let upstream = Upstream::parse(server)?;
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let body = event.payload.to_string();
    let mut request = Request::new(Body::from(Bytes::from(body.clone())));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse().map_err(|_| "its address is not a URL")?;
    let headers = request.headers_mut();
    crate::forward::set_host(headers, &upstream.authority);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let id = event.payload["eventId"].as_str().unwrap_or_default();
    let timestamp = clock::now().as_second().to_string();
    let signature = signature(&subscriber.secret, id, &timestamp, &body);
    for (name, value) in
        [("webhook-id", id), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)]
    {
        headers.insert(name, HeaderValue::from_str(value).map_err(|_| "its id is odd")?);
    }
    let answer =
        worker.pool.send(&upstream, request, TIMEOUT, || true).await.map_err(|_| "it cannot be reached")?;
    let status = answer.status();
    let limits =
        body::Limits { bytes_max: 1 << 16, memory_bytes_max: 1 << 16, pause: TIMEOUT, temp_dir: None };
    // Read to its end, so that the connection can be used again.
    let _ = body::collect(answer.into_body(), limits).await;
    if status.is_success() { Ok(()) } else { Err("it did not answer with 2xx") }
}

/// `v1,base64(HMAC-SHA256(secret, id.timestamp.body))`; a secret may be written `whsec_` and base64.
fn signature(secret: &str, id: &str, timestamp: &str, body: &str) -> String {
    let key = secret.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = key.unwrap_or_else(|| secret.as_bytes().to_vec());
    let mac = sign::hmac_sha256(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's reference libraries.
    #[test]
    fn signs_as_the_specification_says() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = r#"{"test": 2432232314}"#;
        let signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
