//! A webhook's way to the CRM.

use super::ANSWER_BYTES_MAX;
use crate::{
    body::{self, Body},
    clock,
    config::Upstream,
    forward,
    route::Route,
    shared::Worker,
};
use bytes::Bytes;
use dndgate_adapter::Authentic;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use std::{rc::Rc, time::Duration};

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
