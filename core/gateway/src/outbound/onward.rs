//! A request's way on to its provider.

use super::{
    Came, Exchange,
    stop::{Stop, upstream_stop},
};
use crate::{body::Body, clock, forward, upstream::UpstreamError};
use dndgate_adapter::{Onward, RefusalCause, sign};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};

impl Exchange<'_> {
    /// Lets a request through whose body nobody needs to read: as it comes, unless it must be signed anew.
    pub(super) async fn pass_unread(&mut self, came: Came) -> Result<Response<Body>, Stop> {
        let whole = match came {
            Came::Coming(incoming) if self.adapter().profile().signs_onward => self.collect(incoming).await?,
            Came::Coming(incoming) => return self.pass(Body::Client(incoming)).await,
            Came::Whole(whole) => self.noted(whole),
        };
        self.pass(whole.into()).await
    }

    /// Lets a request through that contacts nobody.
    pub(super) async fn pass(&mut self, body: Body) -> Result<Response<Body>, Stop> {
        let (mut response, seconds) = self.forward(body, false, None, || true).await?;
        self.finish(&mut response, "other", HeaderValue::from_static("allowed"), seconds);
        Ok(response)
    }

    /// Sends the request on; the answer's head, and how long the provider took.
    pub(super) async fn forward(
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
