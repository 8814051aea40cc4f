//! Can mail arrive at a domain? Asked of the domain name system (RFC 5321, section 5.1; RFC 7505).

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::RData,
};
use std::{net::SocketAddr, time::Duration};

/// How long one question may take, and how often it is asked.
const TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;

/// What the domain name system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mail {
    /// It takes mail.
    Arrives,
    /// It takes none, or is not there.
    Refused(&'static str),
    /// Nobody answered.
    Unknown,
}

/// Asks for the domain of an address, of that server or of the system's.
pub(crate) async fn of(address: &str, server: Option<SocketAddr>) -> Mail {
    let Some((_, domain)) = address.rsplit_once('@') else {
        return Mail::Refused("the address has no domain");
    };
    let Ok(resolver) = resolver(server) else { return Mail::Unknown };
    // A dot at the end: no search list is tried.
    let name = format!("{domain}.");
    match resolver.mx_lookup(name.as_str()).await {
        Ok(found) => {
            let mut hosts = found.answers().iter().filter_map(|record| match &record.data {
                RData::MX(mx) => Some(mx.exchange.is_root()),
                _ => None,
            });
            match hosts.next() {
                Some(_) if hosts.any(|root| !root) => Mail::Arrives,
                Some(true) => Mail::Refused("the domain says that it takes no mail (RFC 7505)"),
                Some(false) => Mail::Arrives,
                None => by_address(&resolver, &name).await,
            }
        }
        Err(error) => match refusal(&error) {
            Some(Mail::Unknown) => by_address(&resolver, &name).await,
            Some(refused) => refused,
            None => Mail::Unknown,
        },
    }
}

/// A domain without MX takes mail at its own address.
async fn by_address(resolver: &TokioResolver, name: &str) -> Mail {
    match resolver.lookup_ip(name).await {
        Ok(found) if found.iter().next().is_some() => Mail::Arrives,
        Ok(_) => Mail::Refused("the domain has neither mail servers nor an address"),
        Err(error) => match refusal(&error) {
            Some(Mail::Unknown) => Mail::Refused("the domain has neither mail servers nor an address"),
            Some(refused) => refused,
            None => Mail::Unknown,
        },
    }
}

/// What an error says of the domain: not there, there without such records ([`Mail::Unknown`]), or nothing.
fn refusal(error: &NetError) -> Option<Mail> {
    if error.is_nx_domain() {
        Some(Mail::Refused("the domain does not exist"))
    } else {
        error.is_no_records_found().then_some(Mail::Unknown)
    }
}

fn resolver(server: Option<SocketAddr>) -> Result<TokioResolver, NetError> {
    let mut builder = match server {
        None => TokioResolver::builder_tokio()?,
        Some(server) => {
            let mut name_server = NameServerConfig::udp_and_tcp(server.ip());
            for connection in &mut name_server.connections {
                let ConnectionConfig { port, .. } = connection;
                *port = server.port();
            }
            let config = ResolverConfig::from_name_servers(vec![name_server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options = builder.options_mut();
    options.timeout = TIMEOUT;
    options.attempts = ATTEMPTS;
    builder.build()
}
