//! `/u/{token}`: the page behind an unsubscribe link, and what it does (R17).
//!
//! A `GET` never changes anything: mail scanners and chat previews follow every link. What changes something is
//! a `POST`, by a person's press of the page's button or by its mail program's (RFC 8058), and it is durable
//! before it is answered (R27).

mod ask;
pub(crate) mod headers;
mod limits;
mod link;
mod page;

pub(crate) use limits::Limit;
pub(crate) use link::{Link, Links, SHORT_TRIES, Token};

use crate::{
    answer, apply,
    body::{self, Body},
    clock, metrics,
    shared::{Shared, Worker},
};
use ask::Ask;
use dndgate_adapter::{Channel, Channels};
use dndgate_dnd::{Blocks, Cause, Preference, ReasonKind};
use dndgate_policy::Book;
use dndgate_store::{Preferences, StoreError, links, opt, preferences};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use page::{Row, Said, Voice};
use std::{net::IpAddr, rc::Rc, sync::Arc, time::Duration};

/// The largest body of a `POST`, in bytes: a form with a few boxes, or two words in a multipart.
const BODY_BYTES_MAX: u64 = 4 << 10;
/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);
/// RFC 2369, section 3.2.
const LIST_UNSUBSCRIBE: &str = "List-Unsubscribe";
/// RFC 8058, section 3.1, and the only value that it may have.
const LIST_UNSUBSCRIBE_POST: &str = "List-Unsubscribe-Post";
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";
const HTML: &str = "text/html; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Why a link does nothing.
enum Refused {
    /// It is not ours, or damaged; or somebody tries ids.
    NotFound,
    /// Used too often, or somebody tries too many.
    TooOften,
    /// The store.
    Unavailable(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Refused {
        Refused::Unavailable(error)
    }
}

/// Answers a request to `/u/{token}`; `after` is what stands after `/u/`.
pub(crate) async fn unsubscribe(
    worker: &Rc<Worker>,
    after: &str,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    let id = worker.ids.next();
    let (parts, incoming) = request.into_parts();
    let visit = Visit {
        shared: &worker.shared,
        policies: worker.shared.policies.current(),
        request: id,
        headers: &parts.headers,
    };
    let (kind, outcome) = match parts.method {
        Method::GET | Method::HEAD => ("view", visit.view(after, peer).await),
        Method::POST => visit.act(after, peer, incoming).await,
        method => {
            let mut response = page::answer(StatusCode::NO_CONTENT, PLAIN, String::new());
            if method != Method::OPTIONS {
                *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            }
            let allowed = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");
            response.headers_mut().insert(header::ALLOW, allowed);
            ("other", Ok(response))
        }
    };
    let mut response = outcome.unwrap_or_else(|refused| visit.refuse(refused));
    metrics::unsubscribe_page(kind, response.status().as_u16());
    if let Ok(id) = id.to_string().parse() {
        response.headers_mut().insert(answer::REQUEST_ID, id);
    }
    response
}

struct Visit<'a> {
    shared: &'a Arc<Shared>,
    policies: Arc<Book>,
    request: uuid::Uuid,
    headers: &'a HeaderMap,
}

impl Visit<'_> {
    async fn view(&self, after: &str, peer: IpAddr) -> Result<Response<Body>, Refused> {
        let link = self.link(after, peer).await?;
        self.show(&link, Said::Nothing).await
    }

    async fn act(
        &self,
        after: &str,
        peer: IpAddr,
        incoming: Incoming,
    ) -> (&'static str, Result<Response<Body>, Refused>) {
        let limits = body::Limits {
            bytes_max: BODY_BYTES_MAX,
            memory_bytes_max: BODY_BYTES_MAX,
            pause: BODY_TIMEOUT,
            temp_dir: None,
        };
        let Ok(body) = body::collect(incoming, limits).await else {
            return ("other", Ok(page::answer(StatusCode::PAYLOAD_TOO_LARGE, PLAIN, String::new())));
        };
        let ask = ask::read(self.headers, &body);
        let kind = match ask {
            Ask::OneClick => "one_click",
            Ask::Stop(_) => "stop",
            Ask::Resume(_) => "resume",
            Ask::Nothing => "view",
        };
        (kind, self.carry_out(after, peer, ask).await)
    }

    async fn carry_out(&self, after: &str, peer: IpAddr, ask: Ask) -> Result<Response<Body>, Refused> {
        let link = self.link(after, peer).await?;
        if self.is_too_often(&link, ask).await? {
            return Err(Refused::TooOften);
        }
        match ask {
            Ask::Nothing => self.show(&link, Said::Nothing).await,
            Ask::OneClick => {
                let channels = self.scope(&link);
                self.stop(&link, channels, "one-click").await?;
                // The mail program shows nothing of it, and must not be led elsewhere.
                let done = self.voice(&link.tenant, None, |voice| {
                    voice.texts.done.replace("{channels}", &voice.names(channels))
                });
                Ok(page::answer(StatusCode::OK, PLAIN, format!("{done}\n")))
            }
            Ask::Stop(chosen) => {
                let before = self.preferences(&link).await?;
                let channels = self.meant(&link, &before, chosen);
                let said = match self.stop(&link, channels, "page").await? {
                    true => Said::Stopped(channels.common(self.listed().with(chosen))),
                    false => Said::AlreadyStopped,
                };
                self.show(&link, said).await
            }
            Ask::Resume(wanted) => {
                let resumed = self.resume(&link, wanted).await?;
                let said = if resumed.is_empty() { Said::KeptOff } else { Said::Resumed(resumed) };
                self.show(&link, said).await
            }
        }
    }

    /// Counts a press. Beyond the limit nothing is switched on, and what is off is not stopped once more; but what
    /// is on stops always: nobody keeps a person from unsubscribing by pressing its link.
    async fn is_too_often(&self, link: &Link, ask: Ask) -> Result<bool, StoreError> {
        let max = self.shared.config.load().unsubscribe.changes_per_minute;
        let count = || self.shared.link_uses.take((&link.tenant, &link.address), max, clock::tick());
        let wanted = match ask {
            Ask::Nothing => return Ok(false),
            _ if count() => return Ok(false),
            Ask::Resume(_) => return Ok(true),
            Ask::OneClick => self.scope(link),
            Ask::Stop(chosen) => chosen,
        };
        let preferences = self.preferences(link).await?;
        Ok(wanted.iter().all(|channel| preferences.of(channel) != Preference::On))
    }

    /// What a token leads to.
    async fn link(&self, after: &str, peer: IpAddr) -> Result<Link, Refused> {
        let found = match self.shared.links.load().open(after) {
            Token::Sealed(link) => Some(link),
            Token::Foreign => None,
            Token::Short(id) => {
                if self.shared.link_misses.is_used_up(prefix(peer), self.misses_max(), clock::tick()) {
                    return Err(Refused::TooOften);
                }
                let token = self.shared.store.read(move |tx| links::lengthen(tx, &id)).await?;
                token.and_then(|token| match self.shared.links.load().open(&token) {
                    Token::Sealed(link) => Some(link),
                    _ => None,
                })
            }
        };
        found.ok_or_else(|| {
            let more = self.shared.link_misses.take(prefix(peer), self.misses_max(), clock::tick());
            if more { Refused::NotFound } else { Refused::TooOften }
        })
    }

    fn misses_max(&self) -> u32 {
        self.shared.config.load().unsubscribe.misses_per_minute
    }

    fn listed(&self) -> Channels {
        crate::listed(&self.shared.config.load())
    }

    async fn preferences(&self, link: &Link) -> Result<Preferences, StoreError> {
        let link = link.clone();
        self.shared.store.read(move |tx| preferences::read(tx, &link.tenant, &link.address)).await
    }

    /// The channels that an unsubscribe by a link covers (R17).
    fn scope(&self, link: &Link) -> Channels {
        self.policies.of(&link.tenant).unsubscribe().channels(link.channel)
    }

    /// The channels on the page: those that are listed, and those that are blocked though not listed (R3).
    fn rows(&self, link: &Link, preferences: &Preferences) -> Vec<Row> {
        let scope = self.scope(link);
        let listed = self.listed().with(link.channel.into());
        let row = |channel| Row { channel, preference: preferences.of(channel), chosen: scope.has(channel) };
        Channel::ALL
            .into_iter()
            .map(row)
            .filter(|row| listed.has(row.channel) || matches!(row.preference, Preference::Unsubscribed(_)))
            .collect()
    }

    /// Who takes nothing out means everything, channels that are not on the page included.
    fn meant(&self, link: &Link, before: &Preferences, chosen: Channels) -> Channels {
        let offered = self.rows(link, before).into_iter();
        let offered = offered.filter(|row| row.preference == Preference::On && row.chosen);
        let took_out = offered.map(|row| row.channel).any(|channel| !chosen.has(channel));
        if took_out { chosen } else { chosen.with(self.scope(link)) }
    }

    fn source(&self, link: &Link, way: &str) -> String {
        let id = link.id(&self.shared.secret);
        format!("unsubscribe:{way} link {id} request {}", self.request)
    }

    /// Makes it durable; false when nothing was left to stop.
    async fn stop(&self, link: &Link, channels: Channels, way: &str) -> Result<bool, StoreError> {
        let (source, at) = (self.source(link, way), clock::now());
        let cause = |channel: Channel| Cause {
            kind: ReasonKind::Unsubscribe,
            blocks: Blocks::Channel(channel),
            origin: Some(link.address.clone()),
            permanent: false,
            code: None,
            message: format!("unsubscribed by a link ({way})"),
            source: source.clone(),
            actor: "person".into(),
            at,
            expires: None,
        };
        let causes: Vec<Cause> = channels.iter().map(cause).collect();
        let tenant = link.tenant.clone();
        let change = self.shared.store.write(move |tx| opt::record(tx, &tenant, &causes)).await?;
        apply::announce(self.shared, change.as_slice());
        Ok(change.is_some())
    }

    async fn resume(&self, link: &Link, wanted: Channels) -> Result<Channels, StoreError> {
        let (source, at, link) = (self.source(link, "preferences"), clock::now(), link.clone());
        let work = move |tx: &mut dndgate_store::Tx<'_>| {
            preferences::resume(tx, &link.tenant, &link.address, wanted, &source, at)
        };
        let (resumed, change) = self.shared.store.write(work).await?;
        apply::announce(self.shared, change.as_slice());
        Ok(resumed)
    }

    async fn show(&self, link: &Link, said: Said) -> Result<Response<Body>, Refused> {
        let preferences = self.preferences(link).await?;
        let rows = self.rows(link, &preferences);
        let html = self.voice(&link.tenant, preferences.language.as_deref(), |voice| {
            voice.preferences(&link.address, &rows, said)
        });
        Ok(page::answer(StatusCode::OK, HTML, html))
    }

    /// Speaks in the person's language for a tenant; for the only one there is when the tenant is not known.
    fn voice<T>(&self, tenant: &str, own: Option<&str>, speak: impl FnOnce(Voice<'_>) -> T) -> T {
        let accepted = self.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let config = self.shared.config.load();
        let only = || config.tenants.iter().next().filter(|_| config.tenants.len() == 1);
        let (name, known) = config.tenants.get_key_value(tenant).or_else(only).unzip();
        let policies = self.policies.of(name.map_or(tenant, String::as_str));
        let (language, texts) = policies.unsubscribe().texts_for(accepted.unwrap_or_default(), own);
        speak(Voice {
            language,
            texts,
            business: known
                .and_then(|tenant| tenant.title.as_deref())
                .unwrap_or_else(|| self.unnamed(tenant)),
            reach: known
                .and_then(|tenant| tenant.reach.as_deref())
                .or(config.unsubscribe.reach.as_deref())
                .unwrap_or_default(),
        })
    }

    /// What a business without a title is called: by its tenant's name; the tenant that nobody named, by its host.
    fn unnamed<'t>(&'t self, tenant: &'t str) -> &'t str {
        if tenant != "default" {
            return tenant;
        }
        let url = &self.shared.traffic.public_url;
        let host = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        host.split(['/', ':']).next().unwrap_or(host)
    }

    fn refuse(&self, refused: Refused) -> Response<Body> {
        let status = match &refused {
            Refused::NotFound => StatusCode::NOT_FOUND,
            Refused::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Refused::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        if let Refused::Unavailable(error) = &refused {
            tracing::error!(request = %self.request, %error, "an unsubscribe could not be kept");
        }
        let html = self.voice("", None, |voice| {
            voice.sentence(match refused {
                Refused::NotFound => &voice.texts.bad_link,
                Refused::TooOften => &voice.texts.busy,
                Refused::Unavailable(_) => &voice.texts.unavailable,
            })
        });
        let mut response = page::answer(status, HTML, html);
        if status != StatusCode::NOT_FOUND {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response
    }
}

/// The header fields that a mail with this link carries: RFC 2369 and RFC 8058.
pub(crate) fn list_headers(url: &str) -> [(&'static str, String); 2] {
    [(LIST_UNSUBSCRIBE, format!("<{url}>")), (LIST_UNSUBSCRIBE_POST, ONE_CLICK.to_owned())]
}

/// Who has one address of IPv6 has a whole network of them.
fn prefix(peer: IpAddr) -> u64 {
    match peer {
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => (u128::from(address) >> 64) as u64,
    }
}
