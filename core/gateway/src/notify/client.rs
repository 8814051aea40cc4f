//! Delivers one event: an HTTP request with limits on everything. Redirects are not followed.

use crate::config::{Events, Targets};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// The longest address, in bytes.
const URL_BYTES_MAX: usize = 2048;
/// Servers close idle connections after 60 seconds as a rule; ours are given up before.
const IDLE_MAX: Duration = Duration::from_secs(50);
/// The longest that a `Retry-After` is obeyed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// What a subscriber answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Not before that long.
    pub(crate) retry_after: Option<Duration>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostError {
    #[error("its host name cannot be resolved")]
    Unresolved,
    #[error("its host leads to an address that events are not sent to (events.targets)")]
    Forbidden,
    #[error("it cannot be reached: {0}")]
    Connect(std::io::ErrorKind),
    #[error("the connection broke")]
    Broken,
    #[error("it did not answer in time")]
    Timeout,
}

/// Where a subscriber is reached, and its open connections.
pub(crate) struct Target {
    tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    host: String,
    port: u16,
    authority: String,
    path: String,
    limits: Events,
    idle: Mutex<Vec<(SendRequest<Full<Bytes>>, Instant)>>,
}

impl Target {
    /// Reads an address: `http://` or `https://`, a host, no user, no fragment.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(
        url: &str,
        limits: &Events,
        tls: Arc<rustls::ClientConfig>,
    ) -> Result<Target, &'static str> {
        const FORM: &str = "url is not a URL: write it as https://host/path";
        if url.len() > URL_BYTES_MAX {
            return Err("url is longer than 2048 bytes");
        }
        if url.contains('#') {
            return Err("url has a fragment (#…), which is never sent: leave it out");
        }
        let uri: Uri = url.parse().map_err(|_| FORM)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("url begins neither with https:// nor with http://"),
        };
        let authority = uri.authority().ok_or(FORM)?;
        if authority.as_str().contains('@') {
            return Err("url names a user: events are signed, leave user and password out");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(FORM);
        }
        if limits.targets == Targets::Public && !secure {
            return Err("url is not https:// (events.targets = \"public\")");
        }
        if host.parse::<IpAddr>().is_ok_and(|address| !may_be_told(address, limits.targets)) {
            return Err("url leads to an address that events are not sent to (events.targets)");
        }
        let tls = match secure {
            false => None,
            true => Some((tls, ServerName::try_from(host.clone()).map_err(|_| FORM)?)),
        };
        Ok(Target {
            tls,
            port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            host,
            authority: authority.as_str().to_owned(),
            path: uri.path_and_query().map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned()),
            limits: limits.clone(),
            idle: Mutex::default(),
        })
    }

    /// Posts a body within the time that the configuration allows.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<Answer, PostError> {
        let deadline = tokio::time::Instant::now() + self.limits.timeout.0;
        let answer = tokio::time::timeout_at(deadline, self.exchange(&headers, &body));
        let (response, sender) = answer.await.map_err(|_| PostError::Timeout)??;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        // What it says is not looked at; read to its end the connection can be used again.
        let read =
            tokio::time::timeout_at(deadline, swallow(response.into_body(), self.limits.response_bytes.0));
        if read.await.unwrap_or(false) && !sender.is_closed() {
            self.lock().push((sender, Instant::now()));
        }
        Ok(Answer { status, retry_after })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(SendRequest<Full<Bytes>>, Instant)>> {
        self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn take(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.lock();
        while let Some((sender, since)) = idle.pop() {
            if !sender.is_closed() && since.elapsed() < IDLE_MAX {
                return Some(sender);
            }
        }
        None
    }

    async fn exchange(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<(Response<Incoming>, SendRequest<Full<Bytes>>), PostError> {
        if let Some(mut sender) = self.take()
            && sender.ready().await.is_ok()
            && let Ok(response) = sender.send_request(self.request(headers, body)).await
        {
            return Ok((response, sender));
        }
        // An event may arrive twice, so that a connection that broke is no reason to wait.
        let mut sender = self.connect().await?;
        let response =
            sender.send_request(self.request(headers, body)).await.map_err(|_| PostError::Broken)?;
        Ok((response, sender))
    }

    fn request(&self, headers: &HeaderMap, body: &Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = http::Method::POST;
        // It was part of a URI, so that it is one.
        *request.uri_mut() = self.path.parse().unwrap_or_default();
        request.headers_mut().clone_from(headers);
        if let Ok(host) = self.authority.parse() {
            request.headers_mut().insert(header::HOST, host);
        }
        request
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, PostError> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found: Vec<SocketAddr> = found.map_err(|_| PostError::Unresolved)?.collect();
        if found.is_empty() {
            return Err(PostError::Unresolved);
        }
        // What was resolved is what is connected to: a name cannot change its mind in between.
        let mut failed = PostError::Forbidden;
        for address in found.into_iter().filter(|address| may_be_told(address.ip(), self.limits.targets)) {
            match TcpStream::connect(address).await {
                Ok(stream) => return self.converse(stream).await,
                Err(error) => failed = PostError::Connect(error.kind()),
            }
        }
        Err(failed)
    }

    async fn converse(&self, stream: TcpStream) -> Result<SendRequest<Full<Bytes>>, PostError> {
        // Without it small writes may wait; nothing else depends on it.
        let _ = stream.set_nodelay(true);
        let Some((tls, name)) = &self.tls else { return handshake(stream).await };
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(tls));
        let stream = connector.connect(name.clone(), stream).await;
        handshake(stream.map_err(|error| PostError::Connect(error.kind()))?).await
    }
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Full<Bytes>>, PostError> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| PostError::Broken)?;
    // Its end is seen by the sender.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

/// Reads a body to its end; false when it is longer than that or breaks off.
async fn swallow(mut body: Incoming, bytes_max: u64) -> bool {
    let mut length = 0u64;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        length += frame.data_ref().map_or(0, |data| data.len() as u64);
        if length > bytes_max {
            return false;
        }
    }
    true
}

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = httpdate::parse_http_date(value).ok()?;
            at.duration_since(std::time::SystemTime::from(crate::clock::now())).ok()?
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// May events be sent to this address? Never to where clouds keep their credentials, nor to many at once.
fn may_be_told(address: IpAddr, targets: Targets) -> bool {
    let address = address.to_canonical();
    let never = match address {
        IpAddr::V4(v4) => v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast() || v4.is_link_local(),
        IpAddr::V6(v6) => {
            const AMAZON_METADATA: [u16; 8] = [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254];
            v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unicast_link_local()
                || v6.segments() == AMAZON_METADATA
        }
    };
    if never || targets == Targets::Any {
        return !never;
    }
    match address {
        // 100.64.0.0/10 is shared by carriers (RFC 6598).
        IpAddr::V4(v4) => {
            let shared = v4 & Ipv4Addr::new(255, 192, 0, 0) == Ipv4Addr::new(100, 64, 0, 0);
            !(v4.is_loopback() || v4.is_private() || shared || v4.octets()[0] == 0)
        }
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unique_local()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(targets: Targets) -> Events {
        Events { targets, ..Events::default() }
    }

    fn target(url: &str, targets: Targets) -> Result<Target, &'static str> {
        Target::new(url, &limits(targets), crate::upstream::client_tls().expect("trust"))
    }

    #[test]
    fn reads_addresses() {
        let good = target("https://crm.example.com:8443/a/b?c=d", Targets::Public).expect("good");
        assert_eq!(
            (good.host.as_str(), good.port, good.path.as_str()),
            ("crm.example.com", 8443, "/a/b?c=d")
        );
        let bare = target("http://127.0.0.1:9000", Targets::Any).expect("good");
        assert_eq!((bare.port, bare.path.as_str(), bare.tls.is_some()), (9000, "/", false));
        for bad in [
            "crm.example.com",
            "ftp://crm.example.com/",
            "https://user:word@crm.example.com/",
            "https://crm.example.com/#part",
            "http://169.254.169.254/latest",
            "http://[fd00:ec2::254]/",
            "http://[::ffff:169.254.169.254]/",
            "http://0.0.0.0/",
        ] {
            assert!(target(bad, Targets::Any).is_err(), "{bad}");
        }
        for private in [
            "https://127.0.0.1/",
            "https://10.1.2.3/",
            "https://192.168.1.1/",
            "https://100.64.0.1/",
            "https://[::1]/",
            "https://[fd12::1]/",
            "http://crm.example.com/",
        ] {
            assert!(target(private, Targets::Public).is_err(), "{private}");
            assert!(target(private, Targets::Any).is_ok(), "{private}");
        }
    }

    #[test]
    fn reads_retry_after() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().expect("value"));
            retry_after(&headers)
        };
        assert_eq!(of("120"), Some(Duration::from_secs(120)));
        assert_eq!(of("99999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(of("soon"), None);
        assert!(of("Sat, 06 Nov 2094 08:49:37 GMT").is_some());
        assert_eq!(of("Sun, 06 Nov 1994 08:49:37 GMT"), None);
    }
}
