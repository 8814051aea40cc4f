//! From a request's address to a provider and the path at that provider.

use crate::config::{Config, Provider, Tenant, Upstream};
use dndgate_adapter::{Profile, path};
use std::{borrow::Cow, collections::HashMap, sync::Arc};

/// What a configuration means for requests. Swapped as a whole on reload.
#[derive(Debug)]
pub(crate) struct Routes {
    providers: Vec<Arc<Route>>,
    by_host: HashMap<String, usize>,
    tenants: Vec<TenantRoute>,
    by_account: HashMap<String, usize>,
}

/// One provider.
#[derive(Debug)]
pub(crate) struct Route {
    /// Its place in the configuration.
    pub(crate) index: usize,
    /// Its configuration.
    pub(crate) provider: Provider,
    /// Its webhooks can be verified.
    pub(crate) verifies: bool,
}

/// One tenant.
#[derive(Debug)]
pub(crate) struct TenantRoute {
    pub(crate) index: usize,
    pub(crate) name: Arc<str>,
    pub(crate) tenant: Tenant,
}

/// Where on a listener a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// The traffic listener.
    Main,
    /// The own port of the provider with that name's place.
    Own(usize),
}

/// What a request is for.
#[derive(Debug)]
pub(crate) enum Destination<'a> {
    /// A provider's API.
    Provider(Target<'a>),
    /// A provider's webhook; the path after `/hooks/{provider}`.
    Hook(Arc<Route>, &'a str),
    /// The page behind an unsubscribe link; the path after `/u/`.
    Unsubscribe(&'a str),
    /// Nothing here.
    Nowhere,
}

/// A provider's API, and what is asked of it.
#[derive(Debug, Clone)]
pub(crate) struct Target<'a> {
    pub(crate) route: Arc<Route>,
    /// The API host that the path named.
    pub(crate) host: Option<&'a str>,
    /// The path at that host.
    pub(crate) path: &'a str,
    /// Path and query after the provider's prefix, the host segment still in it.
    pub(crate) after_prefix: &'a str,
}

impl Routes {
    pub(crate) fn new(config: &Config) -> Routes {
        let mut routes = Routes {
            providers: Vec::new(),
            by_host: HashMap::new(),
            tenants: Vec::new(),
            by_account: HashMap::new(),
        };
        for (index, (name, tenant)) in config.tenants.iter().enumerate() {
            for account in &tenant.accounts {
                routes.by_account.insert(account.clone(), index);
            }
            routes.tenants.push(TenantRoute { index, name: name.as_str().into(), tenant: tenant.clone() });
        }
        for (index, provider) in config.providers.iter().enumerate() {
            if let Some(host) = &provider.host {
                routes.by_host.insert(host.clone(), index);
            }
            let keys = provider.adapter.profile().keys;
            let verifies =
                keys.iter().any(|key| key.for_webhooks && provider.secrets.first(key.name).is_some());
            routes.providers.push(Arc::new(Route { index, provider: provider.clone(), verifies }));
        }
        routes
    }

    pub(crate) fn providers(&self) -> &[Arc<Route>] {
        &self.providers
    }

    /// Finds what a request is for. `host` is its Host, `path_and_query` as sent.
    pub(crate) fn find<'a>(
        &self,
        door: Door,
        host: Option<&str>,
        path_and_query: &'a str,
    ) -> Destination<'a> {
        if let Door::Own(index) = door {
            let route = self.providers.get(index);
            return route.map_or(Destination::Nowhere, |route| target(route, path_and_query));
        }
        if !self.by_host.is_empty()
            && let Some(host) = host
            && let Some(index) = self.by_host.get(&bare_host(host).to_ascii_lowercase())
        {
            return target(&self.providers[*index], path_and_query);
        }
        let rest = &path_and_query[1..];
        let (first, after) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if first == "hooks" {
            let rest = after.strip_prefix('/').unwrap_or("");
            let (name, after) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let route = self.providers.iter().find(|route| route.provider.name == name);
            return route.map_or(Destination::Nowhere, |route| {
                Destination::Hook(Arc::clone(route), after.split('?').next().unwrap_or(""))
            });
        }
        if first == "u" {
            let after = after.strip_prefix('/').unwrap_or("");
            return Destination::Unsubscribe(after.split('?').next().unwrap_or(""));
        }
        let route = self.providers.iter().find(|route| route.provider.name == first);
        match route {
            Some(route) if after.starts_with('/') => target(route, after),
            Some(route) => target(route, if after.is_empty() { "/" } else { after }),
            None => Destination::Nowhere,
        }
    }

    /// The tenant of an account; the only tenant when the account is nobody's.
    pub(crate) fn tenant(&self, route: &Route, account: Option<&str>) -> Option<&TenantRoute> {
        let by_account = |account: &str| self.by_account.get(account).map(|index| &self.tenants[*index]);
        if let Some(account) = account {
            // `page:1234` may be written `1234`.
            let bare = account.split_once(':').map_or(account, |(_, bare)| bare);
            if let Some(tenant) = by_account(account).or_else(|| by_account(bare)) {
                return Some(tenant);
            }
            let listed = route.provider.accounts.is_empty()
                || route.provider.accounts.iter().any(|one| one == account || one == bare);
            return if listed { self.only_tenant() } else { None };
        }
        match &route.provider.accounts[..] {
            [one] => by_account(one).or_else(|| self.only_tenant()),
            _ => self.only_tenant(),
        }
    }

    fn only_tenant(&self) -> Option<&TenantRoute> {
        if let [only] = &self.tenants[..] { Some(only) } else { None }
    }

    /// A tenant by its name.
    pub(crate) fn tenant_named(&self, name: &str) -> Option<&TenantRoute> {
        self.tenants.iter().find(|tenant| &*tenant.name == name)
    }
}

fn bare_host(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => host,
    }
}

fn target<'a>(route: &Arc<Route>, after_prefix: &'a str) -> Destination<'a> {
    let path = after_prefix.split('?').next().unwrap_or(after_prefix);
    let (host, path) = split_host(route.provider.adapter.profile(), path);
    Destination::Provider(Target { route: Arc::clone(route), host, path, after_prefix })
}

/// Takes a leading segment that is one of the provider's API hosts off a path.
fn split_host<'a>(profile: &Profile, path: &'a str) -> (Option<&'a str>, &'a str) {
    let Some(rest) = path.strip_prefix('/') else { return (None, path) };
    let end = rest.find('/').unwrap_or(rest.len());
    let segment = &rest[..end];
    if segment.contains('.') && is_api_host(profile, segment) {
        let path = &rest[end..];
        (Some(segment), if path.is_empty() { "/" } else { path })
    } else {
        (None, path)
    }
}

/// Is this one of the provider's API hosts (see [`Profile::hosts`])?
pub(crate) fn is_api_host(profile: &Profile, host: &str) -> bool {
    profile.hosts.iter().any(|pattern| path::host_fits(pattern, host))
}

impl Target<'_> {
    /// The server to send to, and path and query there.
    pub(crate) fn upstream(&self) -> (Cow<'_, Upstream>, Cow<'_, str>) {
        let provider = &self.route.provider;
        let (upstream, rest) = match self.host {
            Some(host) if provider.own_hosts => {
                let upstream = Upstream {
                    tls: provider.upstream.tls,
                    authority: host.to_owned(),
                    base: provider.upstream.base.clone(),
                };
                let rest = &self.after_prefix[1 + host.len()..];
                (
                    Cow::Owned(upstream),
                    if rest.starts_with('/') { Cow::Borrowed(rest) } else { Cow::Owned(format!("/{rest}")) },
                )
            }
            _ => (Cow::Borrowed(&provider.upstream), Cow::Borrowed(self.after_prefix)),
        };
        let rest = if rest.starts_with('?') { Cow::Owned(format!("/{rest}")) } else { rest };
        if upstream.base.is_empty() {
            (upstream, rest)
        } else {
            let path = format!("{}{rest}", upstream.base);
            (upstream, path.into())
        }
    }
}
