//! `/v1/session`: signing in to the console, with a token or a password, and out again.
//!
//! A session is a random cookie that scripts cannot read, and a second secret that only the console's own scripts can
//! (against forged requests). Both live in memory: a restart signs everybody out.

use super::{
    Admin,
    auth::{self, Found, Role},
    problem::Problem,
};
use crate::{clock, config, unsubscribe::Limit};
use argon2::{Argon2, PasswordHash, PasswordVerifier};
use axum::{
    Json,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::Instant,
};
use subtle::ConstantTimeEq;

const COOKIE: &str = "dndgate_session";
/// The header field with the secret against forged requests.
const CSRF: &str = "x-csrf-token";
/// The most sessions; beyond, the one that was idle longest ends.
const SESSIONS_MAX: usize = 1_000;
/// The longest password or token, in bytes: what is longer is not even hashed.
const SECRET_BYTES_MAX: usize = 1_024;

/// Who is signed in.
#[derive(Default)]
pub(crate) struct Sessions {
    open: Mutex<HashMap<[u8; 32], Session>>,
    failures: Limit,
}

struct Session {
    found: Found,
    csrf: String,
    began: Instant,
    used: Instant,
}

impl Session {
    fn has_ended(&self, limits: &config::Admin, now: Instant) -> bool {
        now.duration_since(self.used) > limits.session_idle.0
            || now.duration_since(self.began) > limits.session_max.0
    }
}

/// What a cookie is kept under: its hash, so that memory holds nothing that signs in.
fn key(cookie: &str) -> [u8; 32] {
    dndgate_adapter::sign::sha256(cookie.as_bytes())
}

fn secret() -> Result<String, Problem> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the system has no randomness")
    })?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

impl Sessions {
    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session; its cookie and its secret.
    fn begin(&self, found: Found, limits: &config::Admin) -> Result<(String, String), Problem> {
        let (cookie, csrf, now) = (secret()?, secret()?, clock::tick());
        let mut open = self.open();
        open.retain(|_, one| !one.has_ended(limits, now));
        if open.len() >= SESSIONS_MAX
            && let Some(oldest) = open.iter().min_by_key(|(_, one)| one.used).map(|(key, _)| *key)
        {
            open.remove(&oldest);
        }
        open.insert(key(&cookie), Session { found, csrf: csrf.clone(), began: now, used: now });
        Ok((cookie, csrf))
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .find_map(|field| field.split(';').find_map(|one| one.trim().strip_prefix(COOKIE)?.strip_prefix('=')))
}

/// Who asks by the session of this request. `None`: there is no cookie.
pub(super) fn of(parts: &Parts, admin: &Admin) -> Option<Result<Found, Problem>> {
    let cookie = cookie(&parts.headers)?;
    let ended = || Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "sign in: the session has ended");
    let config = admin.shared.config.load();
    let now = clock::tick();
    let mut open = admin.sessions.open();
    let Some(session) = open.get_mut(&key(cookie)) else { return Some(Err(ended())) };
    if session.has_ended(&config.admin, now) {
        open.remove(&key(cookie));
        return Some(Err(ended()));
    }
    if changes(&parts.method) {
        let sent = parts.headers.get(CSRF).map(HeaderValue::as_bytes).unwrap_or_default();
        if !bool::from(sent.ct_eq(session.csrf.as_bytes())) {
            return Some(Err(Problem::forbidden("a session needs its X-Csrf-Token to change something")));
        }
    }
    session.used = now;
    Some(Ok(session.found.clone()))
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// Without tokens nobody is asked who they are: then at least no page of another site may ask, whether by its own
/// name for this machine or by a form.
pub(super) fn is_own_page(parts: &Parts) -> Result<(), Problem> {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
    });
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let site = parts.headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let is_foreign = changes(&parts.method) && !matches!(site, None | Some("same-origin" | "none"));
    if is_loopback && !is_foreign {
        return Ok(());
    }
    Err(Problem::forbidden("the demo answers its own pages only, by a loopback address"))
}

/// A token, or a name and a password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    token: Option<String>,
    user: Option<String>,
    password: Option<String>,
}

/// Who is signed in.
#[utoipa::path(get, path = "/v1/session", responses((status = 200, description = "Who"), (status = 401, description = "Nobody")))]
pub(crate) async fn read(State(admin): State<Admin>, parts: Parts) -> Result<Json<Value>, Problem> {
    let found = auth::found(&parts, &admin).await?;
    let csrf = cookie(&parts.headers)
        .and_then(|cookie| admin.sessions.open().get(&key(cookie)).map(|one| one.csrf.clone()));
    Ok(Json(shown(&admin, &found, csrf.unwrap_or_default())))
}

fn shown(admin: &Admin, found: &Found, csrf: String) -> Value {
    let config = admin.shared.config.load();
    let tenants: Vec<&String> = match &found.tenant {
        Some(own) => vec![own],
        None => config.tenants.keys().collect(),
    };
    json!({ "actor": found.actor, "role": found.role.name(), "csrf": csrf, "tenants": tenants, "open": config.admin.open })
}

/// Signs in. The cookie is for the console; API clients send their token with each request.
#[utoipa::path(post, path = "/v1/session", request_body = Credentials,
    responses((status = 200, description = "Signed in"), (status = 401, description = "Wrong"), (status = 429, description = "Too many failures")))]
pub(crate) async fn create(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(credentials): Json<Credentials>,
) -> Result<Response, Problem> {
    let config = admin.shared.config.load_full();
    let limit = config.admin.sign_in_failures;
    if admin.sessions.failures.is_used_up(peer.ip(), limit, clock::tick()) {
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-failures",
            "too many failures from this address: wait a minute",
        ));
    }
    let Some(found) = check(&admin, &config, credentials).await? else {
        admin.sessions.failures.take(peer.ip(), limit, clock::tick());
        tracing::warn!(peer = %peer.ip(), "somebody could not sign in to the console");
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "the name, password or token is wrong",
        ));
    };
    tracing::info!(actor = found.actor, peer = %peer.ip(), "signed in to the console");
    let (cookie, csrf) = admin.sessions.begin(found.clone(), &config.admin)?;
    let secure = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let field = format!(
        "{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}",
        config.admin.session_max.0.as_secs(),
        if secure { "; Secure" } else { "" }
    );
    let mut response = Json(shown(&admin, &found, csrf)).into_response();
    response.headers_mut().insert(
        header::SET_COOKIE,
        HeaderValue::from_str(&field).map_err(|_| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the cookie cannot be made")
        })?,
    );
    Ok(response)
}

/// Whose credentials these are.
async fn check(
    admin: &Admin,
    config: &config::Config,
    credentials: Credentials,
) -> Result<Option<Found>, Problem> {
    match credentials {
        Credentials { token: Some(token), user: None, password: None } if token.len() <= SECRET_BYTES_MAX => {
            auth::by_token(admin, token).await
        }
        Credentials { token: None, user: Some(user), password: Some(password) }
            if password.len() <= SECRET_BYTES_MAX =>
        {
            let known = config.admin.user.iter().find(|one| one.name == user).cloned();
            let hash = known.as_ref().map_or_else(|| NOBODY.to_owned(), |one| one.password.clone());
            let is_right = tokio::task::spawn_blocking(move || {
                PasswordHash::new(&hash)
                    .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
            });
            let is_right = is_right.await.unwrap_or(false);
            Ok(known.filter(|_| is_right).map(|one| Found {
                actor: format!("user:{}", one.name),
                role: Role::from(one.role),
                tenant: one.tenant,
            }))
        }
        _ => Err(Problem::bad_request("send {\"token\"} or {\"user\", \"password\"}")),
    }
}

/// The hash of a password that nobody knows: an unknown name takes as long as a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IG9mIGRuZGdhdGU$n6pVxnXm7bZcmmXPKWNyZRk6z1Ne1x0Q5YwP9PHOJkI";

/// Signs out.
#[utoipa::path(delete, path = "/v1/session", responses((status = 204, description = "Signed out")))]
pub(crate) async fn delete(State(admin): State<Admin>, parts: Parts) -> Result<StatusCode, Problem> {
    auth::found(&parts, &admin).await?;
    if let Some(cookie) = cookie(&parts.headers) {
        admin.sessions.open().remove(&key(cookie));
    }
    Ok(StatusCode::NO_CONTENT)
}
