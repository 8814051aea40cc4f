//! One request to a server on this machine.

use axum::body::Body;
use http::{HeaderValue, Request, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_secs(20);
/// How long the gateway may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
const BODY_BYTES_MAX: usize = 4 << 20;

/// What a server said.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Sends a request to `host:port`.
pub(super) async fn send(server: &str, mut request: Request<Body>) -> Result<Answer, String> {
    if let Ok(host) = HeaderValue::from_str(server) {
        request.headers_mut().insert(header::HOST, host);
    }
    tokio::time::timeout(TIMEOUT, exchange(server, request))
        .await
        .unwrap_or_else(|_| Err("no answer in time".into()))
}

async fn exchange(server: &str, request: Request<Body>) -> Result<Answer, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{server}: {error}");
    let stream = TcpStream::connect(server).await.map_err(|error| wrong(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| wrong(&error))?;
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(|error| wrong(&error))?;
    let status = answer.status().as_u16();
    let body = Body::new(answer.into_body());
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|error| wrong(&error))?;
    Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
}

/// Posts JSON; anything but success is an error.
pub(super) async fn post_json(server: &str, path: &str, body: &serde_json::Value) -> Result<(), String> {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .map_err(|error| error.to_string())?;
    let answer = send(server, request).await?;
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    Err(format!("POST {path} answered {}: {}", answer.status, answer.body))
}

/// Waits until the gateway's `/readyz` says yes.
pub(super) async fn until_ready(admin: &str) -> Result<(), String> {
    let started = Instant::now();
    loop {
        let request = Request::get("/readyz").body(Body::empty()).map_err(|error| error.to_string())?;
        let why = match send(admin, request).await {
            Ok(answer) if answer.status == 200 => return Ok(()),
            Ok(answer) => answer.body,
            Err(error) => error,
        };
        if started.elapsed() > READY_WITHIN {
            return Err(format!("the gateway is not ready: {why}"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
