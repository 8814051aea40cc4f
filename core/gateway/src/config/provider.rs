//! `[[provider]]`

use super::{
    ConfigError, Upstream,
    values::{OneOrMany, Secret},
};
use crate::adapters::Adapters;
use dndgate_adapter::{Adapter, Channel, Channels, Key, Secrets};
use serde::Deserialize;
use std::{collections::BTreeMap, net::SocketAddr, path::Path};
use toml::Spanned;

/// One `[[provider]]`.
#[derive(Debug, Clone)]
pub struct Provider {
    /// The path prefix.
    pub name: String,
    /// Who translates.
    pub adapter: &'static dyn Adapter,
    /// Scheme and authority of the provider's API.
    pub upstream: Upstream,
    /// Its API hosts are reached as themselves (false with a stand-in `upstream`).
    pub own_hosts: bool,
    /// A port of its own.
    pub listen: Option<SocketAddr>,
    /// A host name of its own.
    pub host: Option<String>,
    /// The accounts that may be used; empty: any.
    pub accounts: Vec<String>,
    /// Values of the adapter's keys.
    pub secrets: Secrets,
    /// Where its webhooks are passed on.
    pub crm_webhook: Option<String>,
    /// What to do with a request that the adapter does not know.
    pub unrecognised: Unrecognised,
    /// Sends to unknown recipients that are let through, by name.
    pub allow_unnamed: Vec<String>,
    /// Kinds of send that DND does not concern (R9).
    pub exempt: Vec<String>,
    /// Mail to one person gets `List-Unsubscribe` headers that lead here.
    pub list_unsubscribe: bool,
    /// The channels on which an opt-out is confirmed once, where the provider does not (R9's exception).
    pub confirm_opt_out: Channels,
}

/// `unrecognised`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unrecognised {
    /// Refused when a suppressed address of the tenant stands in it.
    #[default]
    Scan,
    /// Refused.
    Refuse,
    /// Let through.
    Pass,
}

/// As it is written.
#[derive(Deserialize)]
pub(super) struct Written {
    name: Spanned<String>,
    adapter: Spanned<String>,
    upstream: Option<Spanned<String>>,
    listen: Option<SocketAddr>,
    host: Option<String>,
    account: Option<OneOrMany<String>>,
    accounts: Option<Spanned<OneOrMany<String>>>,
    crm_webhook: Option<Spanned<String>>,
    #[serde(default)]
    unrecognised: Unrecognised,
    #[serde(default)]
    allow_unnamed: Vec<Spanned<String>>,
    #[serde(default)]
    exempt: Vec<Spanned<String>>,
    list_unsubscribe: Option<Spanned<bool>>,
    #[serde(default)]
    confirm_opt_out: Vec<Spanned<String>>,
    #[serde(flatten)]
    keys: BTreeMap<String, toml::Value>,
}

/// Reads all of them from the text of the file.
pub(super) fn all(
    written: Vec<Spanned<Written>>,
    text: &str,
    folder: &Path,
    adapters: &Adapters,
    at: &dyn Fn(usize, &str) -> ConfigError,
) -> Result<Vec<Provider>, ConfigError> {
    let mut providers: Vec<Provider> = Vec::new();
    for spanned in written {
        let start = spanned.span().start;
        let key_at = |key: &str| start + key_offset(&text[start..], key).unwrap_or(0);
        let provider = provider(spanned.into_inner(), start, folder, adapters, at, &key_at)?;
        if providers.iter().any(|other| other.name == provider.name) {
            let message = format!("two providers have the name {:?}; give each its own", provider.name);
            return Err(at(start, &message));
        }
        providers.push(provider);
    }
    Ok(providers)
}

/// Where a key stands in the text of a table: a flattened table does not remember it.
fn key_offset(table: &str, key: &str) -> Option<usize> {
    let mut offset = 0;
    for line in table.split_inclusive('\n') {
        let bare = line.trim_start();
        let rest = bare.strip_prefix(key).or_else(|| bare.strip_prefix(&format!("\"{key}\"")));
        if rest.is_some_and(|rest| rest.trim_start().starts_with('=')) {
            return Some(offset);
        }
        offset += line.len();
    }
    None
}

type Values = Vec<(&'static str, Vec<String>)>;

/// The adapter that a provider names, and the values of its keys.
fn adapter(
    written: &Written,
    start: usize,
    folder: &Path,
    adapters: &Adapters,
    at: &dyn Fn(usize, &str) -> ConfigError,
    key_at: &dyn Fn(&str) -> usize,
) -> Result<(&'static dyn Adapter, Values), ConfigError> {
    let wanted = written.adapter.as_ref();
    let value =
        |key: &'static Key, value: &toml::Value| -> Result<(&'static str, Vec<String>), ConfigError> {
            let start = key_at(key.name);
            let secrets: OneOrMany<Secret> = value
                .clone()
                .try_into()
                .map_err(|error: toml::de::Error| at(start, &format!("{}: {}", key.name, error.message())))?;
            let mut all = Vec::new();
            for secret in secrets.into_vec() {
                all.push(secret.value(folder).map_err(|why| {
                    at(start, &format!("provider {:?}: {}: {why}", written.name.as_ref(), key.name))
                })?);
            }
            Ok((key.name, all))
        };
    let maker = adapters.made.iter().find(|maker| maker.name == wanted);
    let adapter = match maker {
        Some(maker) => {
            let mut given = Vec::new();
            for key in maker.keys {
                if let Some(written) = written.keys.get(key.name) {
                    given.push(value(key, written)?);
                }
            }
            (maker.make)(&Secrets::new(given), folder).map_err(|why| at(start, &why))?
        }
        None => *adapters.fixed.iter().find(|one| one.profile().name == wanted).ok_or_else(|| {
            let message =
                format!("there is no adapter {wanted:?}; there are: {}", adapters.names().join(", "));
            at(written.adapter.span().start, &message)
        })?,
    };
    let makers_keys = maker.map_or(&[][..], |maker| maker.keys);
    let mut values = Vec::new();
    for (name, written) in &written.keys {
        let own = adapter.profile().keys.iter().find(|key| key.name == name);
        if let Some(key) = own {
            values.push(value(key, written)?);
        } else if !makers_keys.iter().any(|key| key.name == name) {
            let known = adapter.profile().keys.iter().chain(makers_keys).map(|key| key.name);
            let message = format!(
                "unknown key {name:?} for adapter {wanted}; its own keys are: {}",
                known.collect::<Vec<_>>().join(", ")
            );
            return Err(at(key_at(name), &message));
        }
    }
    Ok((adapter, values))
}

/// Reads one, which begins at an offset of the text.
fn provider(
    written: Written,
    start: usize,
    folder: &Path,
    adapters: &Adapters,
    at: &dyn Fn(usize, &str) -> ConfigError,
    key_at: &dyn Fn(&str) -> usize,
) -> Result<Provider, ConfigError> {
    let (adapter, values) = adapter(&written, start, folder, adapters, at, key_at)?;
    let profile = adapter.profile();
    let name = written.name.as_ref().clone();
    let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-' || char == '_';
    if name.is_empty() || !name.chars().all(plain) || ["hooks", "u"].contains(&name.as_str()) {
        let message =
            format!("provider name {name:?}: use lower-case letters, digits and -, and neither hooks nor u");
        return Err(at(written.name.span().start, &message));
    }
    let upstream = match &written.upstream {
        None => Upstream::parse(profile.upstream).map_err(|why| at(start, why))?,
        Some(url) => {
            Upstream::parse(url.as_ref()).map_err(|why| at(url.span().start, &format!("upstream {why}")))?
        }
    };
    let own_host = upstream.authority.split(':').next().unwrap_or_default();
    let own_hosts = profile.upstream.ends_with(own_host) || crate::route::is_api_host(profile, own_host);
    let mut accounts = written.account.map(OneOrMany::into_vec).unwrap_or_default();
    if let Some(more) = written.accounts {
        match more.into_inner() {
            OneOrMany::One(any) if any == "any" => accounts.clear(),
            more => accounts.extend(more.into_vec()),
        }
    }
    if let Some(url) = &written.crm_webhook {
        Upstream::parse(url.as_ref().split(['?', '#']).next().unwrap_or_default())
            .map_err(|why| at(url.span().start, &format!("crm_webhook {why}")))?;
    }
    let named = |list: &[Spanned<String>], allowed: &[&str], key: &str| {
        for one in list {
            let bare = one.as_ref().strip_prefix(&format!("{}:", profile.name)).unwrap_or(one.as_ref());
            if !allowed.contains(&bare) {
                let message = format!("{key}: {:?} is none of: {}", one.as_ref(), allowed.join(", "));
                return Err(at(one.span().start, &message));
            }
        }
        let bare = |one: &Spanned<String>| {
            one.as_ref().strip_prefix(&format!("{}:", profile.name)).unwrap_or(one.as_ref()).to_owned()
        };
        Ok(list.iter().map(bare).collect::<Vec<_>>())
    };
    let list_unsubscribe = written.list_unsubscribe.as_ref().is_some_and(|wanted| *wanted.as_ref());
    if let Some(wanted) = &written.list_unsubscribe
        && list_unsubscribe
        && !profile.channels.has(Channel::Email)
    {
        return Err(at(wanted.span().start, "list_unsubscribe is for providers of mail"));
    }
    let mut confirm_opt_out = Channels::NONE;
    for channel in &written.confirm_opt_out {
        let known = Channel::parse(channel.as_ref()).filter(|channel| profile.channels.has(*channel));
        let known = known.filter(|channel| *channel != Channel::Call).ok_or_else(|| {
            let names: Vec<_> =
                profile.channels.iter().filter(|one| *one != Channel::Call).map(Channel::name).collect();
            let message = format!("confirm_opt_out: {:?} is none of: {}", channel.as_ref(), names.join(", "));
            at(channel.span().start, &message)
        })?;
        confirm_opt_out = confirm_opt_out.with(known.into());
    }
    Ok(Provider {
        name,
        adapter,
        upstream,
        own_hosts,
        listen: written.listen,
        host: written.host.map(|host| host.to_ascii_lowercase()),
        accounts,
        secrets: Secrets::new(values),
        crm_webhook: written.crm_webhook.map(Spanned::into_inner),
        unrecognised: written.unrecognised,
        allow_unnamed: named(&written.allow_unnamed, profile.unnamed, "allow_unnamed")?,
        exempt: named(&written.exempt, profile.exemptions, "exempt")?,
        list_unsubscribe,
        confirm_opt_out,
    })
}
