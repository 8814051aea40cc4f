//! `/v1/session`: signing in to the console, with a token or a password, and out again.
//!
//! A session is a random cookie that scripts cannot read, and a second secret that only the console's own scripts can
//! (against forged requests). Both live in memory: a restart signs everybody out. What a session may do is what its
//! token or user may at that moment: who is taken away is signed out.

use super::{
    Admin,
    auth::{self, Found, Role},
    problem::Problem,
    tried::Tried,
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
use dndgate_store::tokens;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::Instant,
};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

const COOKIE: &str = "dndgate_session";
/// The same behind TLS: browsers take such a name from this host alone, over https, for every path.
const COOKIE_OF_HOST: &str = "__Host-dndgate_session";
/// The header field with the secret against forged requests.
const CSRF: &str = "x-csrf-token";
/// The most sessions; beyond, the one that was idle longest ends.
const SESSIONS_MAX: usize = 1_000;
/// The longest password or token, in bytes: what is longer is not even hashed.
const SECRET_BYTES_MAX: usize = 1_024;
/// Passwords that are hashed at a time: each takes 19 MiB and a core.
const HASHED_AT_ONCE: usize = 2;

/// What a session is kept under: the hash of its cookie, so that memory holds nothing that signs in.
pub(crate) type Key = [u8; 32];

/// Who is signed in.
pub(crate) struct Sessions {
    open: Mutex<HashMap<Key, Session>>,
    /// Failures by where they came from, and by the name that was tried.
    failures: Limit,
    hashing: Semaphore,
}

impl Default for Sessions {
    fn default() -> Sessions {
        Sessions {
            open: Mutex::default(),
            failures: Limit::default(),
            hashing: Semaphore::new(HASHED_AT_ONCE),
        }
    }
}

struct Session {
    by: By,
    csrf: String,
    began: Instant,
    used: Instant,
}

/// By what somebody signed in.
#[derive(Clone)]
enum By {
    /// A token, by its hash.
    Token([u8; 32]),
    /// A user, with the password's hash as it was.
    User { name: String, password: String },
}

impl By {
    /// Who that is now; nobody once the token is gone, the user is, or the password is another.
    async fn found(self, admin: &Admin) -> Result<Option<Found>, Problem> {
        match self {
            By::Token(hash) => auth::by_token_hash(admin, hash).await,
            By::User { name, password } => {
                let config = admin.shared.config.load();
                let user = config.admin.user.iter().find(|one| one.name == name && one.password == password);
                Ok(user.map(user_found))
            }
        }
    }
}

fn user_found(user: &config::User) -> Found {
    Found {
        actor: format!("user:{}", user.name),
        role: Role::from(user.role),
        tenant: user.tenant.clone(),
        session: None,
    }
}

impl Session {
    fn has_ended(&self, limits: &config::Admin, now: Instant) -> bool {
        now.duration_since(self.used) > limits.session_idle.0
            || now.duration_since(self.began) > limits.session_max.0
    }
}

fn key(cookie: &str) -> Key {
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
    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session; its cookie and its secret.
    fn begin(&self, by: By, limits: &config::Admin) -> Result<(String, String), Problem> {
        let (cookie, csrf, now) = (secret()?, secret()?, clock::tick());
        let mut open = self.open();
        open.retain(|_, one| !one.has_ended(limits, now));
        if open.len() >= SESSIONS_MAX
            && let Some(oldest) = open.iter().min_by_key(|(_, one)| one.used).map(|(key, _)| *key)
        {
            open.remove(&oldest);
        }
        open.insert(key(&cookie), Session { by, csrf: csrf.clone(), began: now, used: now });
        Ok((cookie, csrf))
    }

    /// Is it still open? Long answers ask now and then, and end with it.
    pub(super) fn holds(&self, key: &Key, limits: &config::Admin) -> bool {
        self.open().get(key).is_some_and(|one| !one.has_ended(limits, clock::tick()))
    }

    /// By what the session of this request was signed in. `None`: there is none, or it has ended.
    fn used(&self, key: &Key, parts: &Parts, limits: &config::Admin) -> Result<Option<By>, Problem> {
        let now = clock::tick();
        let mut open = self.open();
        let Some(session) = open.get_mut(key) else { return Ok(None) };
        if session.has_ended(limits, now) {
            open.remove(key);
            return Ok(None);
        }
        if changes(&parts.method) {
            let sent = parts.headers.get(CSRF).map(HeaderValue::as_bytes).unwrap_or_default();
            if !bool::from(sent.ct_eq(session.csrf.as_bytes())) || is_foreign(&parts.headers) {
                return Err(Problem::forbidden("a session needs its X-Csrf-Token to change something"));
            }
        }
        session.used = now;
        Ok(Some(session.by.clone()))
    }
}

/// Did the browser come here over https? Then the proxy in front says so.
fn is_secure(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let name = if is_secure(headers) { COOKIE_OF_HOST } else { COOKIE };
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .find_map(|field| field.split(';').find_map(|one| one.trim().strip_prefix(name)?.strip_prefix('=')))
}

/// Who asks by the session of this request. `None`: there is no cookie.
pub(super) async fn of(parts: &Parts, admin: &Admin) -> Option<Result<Found, Problem>> {
    let key = key(cookie(&parts.headers)?);
    Some(who(key, parts, admin).await)
}

async fn who(key: Key, parts: &Parts, admin: &Admin) -> Result<Found, Problem> {
    let used = admin.sessions.used(&key, parts, &admin.shared.config.load().admin)?;
    let found = match used {
        Some(by) => by.found(admin).await?,
        None => None,
    };
    if let Some(found) = found {
        return Ok(Found { session: Some(key), ..found });
    }
    admin.sessions.open().remove(&key);
    Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "sign in: the session has ended"))
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// Does the browser say that a page of another site asks?
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    !matches!(site, None | Some("same-origin" | "none"))
}

/// Without tokens nobody is asked who they are: then at least no page of another site may ask, whether by its own
/// name for this machine or by a form.
pub(super) fn is_own_page(headers: &HeaderMap, method: &Method) -> Result<(), Problem> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
    });
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    // What older browsers say, and no program does that is not one.
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let is_elsewhere = origin.is_some_and(|origin| origin.strip_prefix("http://") != Some(host));
    if is_loopback && !(changes(method) && (is_foreign(headers) || is_elsewhere)) {
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
    if is_foreign(&headers) {
        return Err(Problem::forbidden("the console signs in from its own pages only"));
    }
    // Counted before it is known to be a failure: whoever asks many times at once gains nothing.
    let tried = Tried::new(peer.ip(), credentials.user.as_deref());
    if !tried.may(&admin.sessions.failures, &config.admin) {
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-failures",
            "too many failures from this address or for this name: wait a minute",
        ));
    }
    let Some((found, by)) = check(&admin, &config, credentials).await? else {
        tracing::warn!(peer = %peer.ip(), "somebody could not sign in to the console");
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "the name, password or token is wrong",
        ));
    };
    tried.was_right(&admin.sessions.failures);
    tracing::info!(actor = found.actor, peer = %peer.ip(), "signed in to the console");
    if let Some(before) = cookie(&headers) {
        admin.sessions.open().remove(&key(before));
    }
    let (cookie, csrf) = admin.sessions.begin(by, &config.admin)?;
    let age = config.admin.session_max.0.as_secs();
    let mut response = Json(shown(&admin, &found, csrf)).into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie_field(&headers, &cookie, age)?);
    Ok(response)
}

fn cookie_field(headers: &HeaderMap, value: &str, age_seconds: u64) -> Result<HeaderValue, Problem> {
    let (name, secure) = if is_secure(headers) { (COOKIE_OF_HOST, "; Secure") } else { (COOKIE, "") };
    let field = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age_seconds}{secure}");
    HeaderValue::try_from(field).map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the cookie cannot be made")
    })
}

/// Whose credentials these are.
async fn check(
    admin: &Admin,
    config: &config::Config,
    credentials: Credentials,
) -> Result<Option<(Found, By)>, Problem> {
    match credentials {
        Credentials { token: Some(token), user: None, password: None } if token.len() <= SECRET_BYTES_MAX => {
            let hash = tokens::hash(&token);
            Ok(auth::by_token_hash(admin, hash).await?.map(|found| (found, By::Token(hash))))
        }
        Credentials { token: None, user: Some(user), password: Some(password) }
            if password.len() <= SECRET_BYTES_MAX =>
        {
            let known = config.admin.user.iter().find(|one| one.name == user);
            let hash = known.map_or(NOBODY, |one| one.password.as_str()).to_owned();
            let _turn = admin.sessions.hashing.acquire().await;
            let is_right = tokio::task::spawn_blocking(move || {
                PasswordHash::new(&hash)
                    .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
            });
            let is_right = is_right.await.unwrap_or(false);
            Ok(known.filter(|_| is_right).map(|one| {
                let by = By::User { name: one.name.clone(), password: one.password.clone() };
                (user_found(one), by)
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
pub(crate) async fn delete(State(admin): State<Admin>, parts: Parts) -> Result<Response, Problem> {
    auth::found(&parts, &admin).await?;
    if let Some(cookie) = cookie(&parts.headers) {
        admin.sessions.open().remove(&key(cookie));
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie_field(&parts.headers, "", 0)?);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_has_takes_as_long_as_one_that_somebody_has() {
        use argon2::password_hash::{PasswordHasher, SaltString};
        let salt = SaltString::encode_b64(b"0123456789abcdef").expect("a salt");
        let known = Argon2::default().hash_password(b"secret", &salt).expect("hashed");
        let nobody = PasswordHash::new(NOBODY).expect("a hash");
        assert_eq!(
            (nobody.algorithm, nobody.version, &nobody.params),
            (known.algorithm, known.version, &known.params)
        );
        assert_eq!(nobody.hash.map(|hash| hash.len()), known.hash.map(|hash| hash.len()));
    }
}
