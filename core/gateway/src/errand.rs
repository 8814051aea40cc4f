//! Questions that the gateway asks a provider of its own accord, with their whole answers: suppression lists,
//! validations.

use crate::{
    body, call,
    route::Route,
    shared::Worker,
    upstream::{Pool, UpstreamError},
};
use bytes::Bytes;
use dndgate_adapter::{Answer, outbound::Call};
use http::{HeaderMap, StatusCode};
use std::{rc::Rc, sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};

/// How long a provider may take over one of them.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read, in bytes: a thousand entries of a list are far smaller.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// Errands that wait for the thread that carries them.
const WAITING_MAX: usize = 256;

/// What a provider answered.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answered {
    /// As adapters read it.
    pub(crate) fn as_answer(&self) -> Answer<'_> {
        Answer { status: self.status, headers: &self.headers, body: &self.body }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ErrandError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the answer {0}")]
    Answer(&'static str),
    #[error("the gateway has too much to do, or is draining")]
    NotCarried,
}

/// Carries a call to its provider and brings the whole answer.
pub(crate) async fn run(pool: &Rc<Pool>, route: &Arc<Route>, call: Call) -> Result<Answered, ErrandError> {
    let answer = call::send(pool, route, call, TIMEOUT).await?;
    let (head, incoming) = answer.into_parts();
    let limits = body::Limits {
        bytes_max: ANSWER_BYTES_MAX,
        memory_bytes_max: ANSWER_BYTES_MAX,
        pause: TIMEOUT,
        temp_dir: None,
    };
    let body = body::collect(incoming, limits).await.map_err(|_| ErrandError::Answer("broke off"))?;
    if head.headers.contains_key(http::header::CONTENT_ENCODING) {
        return Err(ErrandError::Answer("is compressed, which nobody asked for"));
    }
    Ok(Answered { status: head.status, headers: head.headers, body })
}

/// An errand on its way to the thread that carries it.
pub(crate) struct Errand {
    route: Arc<Route>,
    call: Call,
    answer: oneshot::Sender<Result<Answered, ErrandError>>,
}

/// Hands errands over from threads that have no connections of their own.
#[derive(Debug, Clone)]
pub(crate) struct Errands(mpsc::Sender<Errand>);

impl Errands {
    pub(crate) fn new() -> (Errands, mpsc::Receiver<Errand>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Errands(sender), receiver)
    }

    /// Has a call carried.
    pub(crate) async fn ask(&self, route: &Arc<Route>, call: Call) -> Result<Answered, ErrandError> {
        let (answer, answered) = oneshot::channel();
        let errand = Errand { route: Arc::clone(route), call, answer };
        self.0.try_send(errand).map_err(|_| ErrandError::NotCarried)?;
        answered.await.map_err(|_| ErrandError::NotCarried)?
    }
}

/// Carries what is handed over, several at a time, until the gateway drains.
pub(crate) async fn carry(worker: Rc<Worker>, mut errands: mpsc::Receiver<Errand>) {
    while let Some(Errand { route, call, answer }) = errands.recv().await {
        let pool = Rc::clone(&worker.pool);
        tokio::task::spawn_local(async move {
            // Whoever asked may have gone.
            let _ = answer.send(run(&pool, &route, call).await);
        });
    }
}
