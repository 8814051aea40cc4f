//! An import through the gateway that serves the store: it is handed the file, and asked how far it has come.

use crate::{
    Failure,
    import::{Arguments, file_name, interruption, tell},
    progress::Progress,
    say_error,
};
use axum::body::{Body, Bytes};
use dndgate_gateway::Config;
use dndgate_store::{Options, Store, Token, tokens};
use http::{HeaderValue, Request, header};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{path::Path, sync::atomic::Ordering, time::Duration};
use tokio::{io::AsyncReadExt, net::TcpStream};

/// How often the gateway is asked.
const LOOK: Duration = Duration::from_millis(200);
const PIECE_BYTES: usize = 64 << 10;
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Hands the file over and follows it to its end.
pub(crate) fn run(config: &Config, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.changes.is_some() {
        let why = "--changes needs the store to itself: stop the gateway, or use --dry-run --changes FILE";
        return Err(Failure::Wrong(why.into()));
    }
    say_error("the gateway is running: it is handed the file");
    let store = Store::open(&Options::new(&config.store.url)).map_err(Failure::wrong)?;
    let token = Token {
        name: "import".into(),
        role: "operator".into(),
        tenant: arguments.tenant.clone(),
        created: jiff::Timestamp::now(),
    };
    let text = store.write_blocking(move |tx| tokens::create(tx, &token)).map_err(Failure::wrong)?;
    let runtime = crate::serve::runtime()?;
    let gateway = Serving { admin: config.admin.listen.to_string(), token: text.clone() };
    let outcome = runtime.block_on(gateway.import(arguments));
    let revoked = store.write_blocking(move |tx| tokens::revoke(tx, &text));
    revoked.map_err(Failure::wrong)?;
    outcome
}

struct Serving {
    admin: String,
    token: String,
}

impl Serving {
    async fn import(&self, arguments: &Arguments) -> Result<(), Failure> {
        let file = tokio::fs::File::open(&arguments.file).await.map_err(Failure::wrong)?;
        let size = file.metadata().await.map(|about| about.len()).unwrap_or_default();
        let mut query = form(&[("file", Some(file_name(&arguments.file).as_str()))]);
        for (name, value) in [
            ("format", &arguments.format),
            ("encoding", &arguments.encoding),
            ("tenant", &arguments.tenant),
            ("region", &arguments.region),
            ("agency", &arguments.agency.then(|| "true".to_owned())),
        ] {
            query.push_str(&form(&[(name, value.as_deref())]));
        }
        let body = Body::from_stream(futures_util::stream::unfold(Some(file), |file| async move {
            let mut file = file?;
            let mut piece = vec![0; PIECE_BYTES];
            match file.read(&mut piece).await {
                Ok(0) => None,
                Ok(count) => {
                    piece.truncate(count);
                    Some((Ok(Bytes::from(piece)), Some(file)))
                }
                Err(error) => Some((Err(error), None)),
            }
        }));
        let answer = self.ask("POST", &format!("/v1/imports?{query}"), body).await?;
        let id = answer["import"]["id"].as_str().unwrap_or_default().to_owned();
        let ended = self.follow(&id, size).await?;
        self.save_rejects(&id, arguments.rejects.as_deref()).await?;
        told(arguments, &ended)
    }

    async fn follow(&self, id: &str, size: u64) -> Result<Value, Failure> {
        let mut progress = Progress::new(size);
        let interrupted = interruption()?;
        let mut cancelled = false;
        loop {
            let import = self.ask("GET", &format!("/v1/imports/{id}"), Body::empty()).await?["import"].take();
            let number = |value: &Value| value.as_u64().unwrap_or_default();
            progress.at_bytes(
                number(&import["bytesRead"]),
                number(&import["summary"]["rows"]),
                number(&import["summary"]["rejected"]),
            );
            if import["state"] != "running" {
                progress.finish();
                return Ok(import);
            }
            if interrupted.load(Ordering::Relaxed) && !cancelled {
                cancelled = true;
                self.ask("DELETE", &format!("/v1/imports/{id}"), Body::empty()).await?;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn save_rejects(&self, id: &str, to: Option<&Path>) -> Result<(), Failure> {
        let Some(to) = to else { return Ok(()) };
        let cannot =
            |error: std::io::Error| Failure::Wrong(format!("cannot write {}: {error}", to.display()));
        let mut file = tokio::fs::File::create(to).await.map_err(cannot)?;
        let mut body = self.send("GET", &format!("/v1/imports/{id}/rejects"), Body::empty()).await?.1;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(Failure::wrong)?;
            if let Some(piece) = frame.data_ref() {
                tokio::io::AsyncWriteExt::write_all(&mut file, piece).await.map_err(cannot)?;
            }
        }
        tokio::io::AsyncWriteExt::flush(&mut file).await.map_err(cannot)
    }

    async fn ask(&self, method: &str, path: &str, body: Body) -> Result<Value, Failure> {
        let (status, body) = self.send(method, path, body).await?;
        let bytes = axum::body::to_bytes(Body::new(body), ANSWER_BYTES_MAX).await.map_err(Failure::wrong)?;
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let why = answer["title"].as_str().unwrap_or("no reason was given");
        Err(Failure::Wrong(format!("the gateway at {} answered {status}: {why}", self.admin)))
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Body,
    ) -> Result<(http::StatusCode, hyper::body::Incoming), Failure> {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::Wrong(format!(
                "another dndgate is using the store, and its admin listener ({}) cannot be asked: {error}. If an import \
                 is under way, wait for it; if the gateway runs, see admin.listen",
                self.admin
            ))
        };
        let stream = TcpStream::connect(&self.admin).await.map_err(|error| wrong(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| wrong(&error))?;
        tokio::spawn(connection);
        let host = HeaderValue::from_str(&self.admin).map_err(|error| wrong(&error))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .body(body)
            .map_err(|error| wrong(&error))?;
        let answer = sender.send_request(request).await.map_err(|error| wrong(&error))?;
        Ok((answer.status(), answer.into_body()))
    }
}

fn form(pairs: &[(&str, Option<&str>)]) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    pairs.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={}&", encode(value)))).collect()
}

/// Says what came of it.
fn told(arguments: &Arguments, import: &Value) -> Result<(), Failure> {
    for one in import["rejects"].as_array().into_iter().flatten() {
        say_error(&format!("line {}: {}", one["line"], one["why"].as_str().unwrap_or_default()));
    }
    match import["state"].as_str() {
        Some("done") => tell(arguments, &import["summary"]),
        Some("cancelled") => Err(Failure::No("stopped; what was read until then is kept".into())),
        _ => Err(Failure::Wrong(import["error"].as_str().unwrap_or("the import failed").to_owned())),
    }
}
