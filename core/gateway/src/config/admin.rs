//! `[admin]`

use super::{Size, Time};
use serde::Deserialize;
use std::{collections::HashSet, fmt, net::SocketAddr, time::Duration};

/// `[admin]`: the listener of API, console and metrics.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The largest file that `POST /v1/imports` takes.
    pub max_import: Size,
    /// How long a session of the console lasts without being used.
    pub session_idle: Time,
    /// How long it lasts at most.
    pub session_max: Time,
    /// So many failures to sign in a minute from one address; then it has to wait.
    pub sign_in_failures: u32,
    /// So many failures a minute for one name, from whatever addresses.
    pub account_failures: u32,
    /// Who signs in to the console with a password.
    pub user: Vec<User>,
    /// Without tokens, on loopback: only `demo` sets this.
    #[serde(skip)]
    pub open: bool,
}

/// `[[admin.user]]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Who, for the record of changes.
    pub name: String,
    /// What they may do.
    pub role: UserRole,
    /// The only tenant that they may see.
    #[serde(default)]
    pub tenant: Option<String>,
    /// The hash of the password (Argon2id in PHC form), as `dndgate password` prints it.
    pub password: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

/// `admin.user.role`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserRole {
    /// Looks.
    Read,
    /// Contacts, checks, links.
    Crm,
    /// Everything.
    Operator,
}

impl Default for Admin {
    fn default() -> Admin {
        Admin {
            listen: ([127, 0, 0, 1], 8081).into(),
            max_import: Size(4 << 30),
            session_idle: Time(Duration::from_secs(30 * 60)),
            session_max: Time(Duration::from_secs(12 * 3600)),
            sign_in_failures: 10,
            account_failures: 30,
            user: Vec::new(),
            open: false,
        }
    }
}

impl Admin {
    /// What contradicts itself, if anything does.
    pub(super) fn fault(&self, is_tenant: impl Fn(&str) -> bool) -> Option<String> {
        let mut names = HashSet::new();
        for user in &self.user {
            if !names.insert(&user.name) {
                return Some(format!("admin.user: there are two of the name {:?}", user.name));
            }
            if !user.password.starts_with("$argon2id$") {
                return Some(format!(
                    "admin.user {:?}: password is no hash; `dndgate password` reads one and prints its hash",
                    user.name
                ));
            }
            if let Some(tenant) = user.tenant.as_deref().filter(|tenant| !is_tenant(tenant)) {
                return Some(format!("admin.user {:?}: there is no tenant {tenant:?}", user.name));
            }
        }
        None
    }
}
