//! `dndgate token`

use crate::{Failure, providers::ADAPTERS, say};
use clap::ValueEnum;
use dndgate_gateway::Config;
use dndgate_store::{Options, Store, Token, tokens};
use std::path::Path;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Makes a token and shows it once; only its hash is kept.
    Create {
        /// What it may do.
        #[arg(long, value_enum)]
        role: Role,
        /// The only tenant that it may see.
        #[arg(long)]
        tenant: Option<String>,
        /// Whose it is, for the record of changes; tokens of one name are one person.
        #[arg(long)]
        name: Option<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Role {
    /// Everything.
    Operator,
    /// Contacts, checks, links.
    Crm,
    /// Looking.
    Read,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::Crm => "crm",
            Role::Read => "read",
        }
    }
}

pub(crate) fn run(path: &Path, command: &Command) -> Result<(), Failure> {
    let Command::Create { role, tenant, name } = command;
    let config = Config::load(path, ADAPTERS).map_err(Failure::wrong)?;
    if let Some(tenant) = tenant
        && !config.tenants.contains_key(tenant)
    {
        let known: Vec<_> = config.tenants.keys().map(String::as_str).collect();
        return Err(Failure::Wrong(format!(
            "there is no tenant {tenant:?}; there are: {}",
            known.join(", ")
        )));
    }
    let token = Token {
        // Names tell persons apart (who files evidence cannot approve it): without one each token is somebody else.
        name: name.clone().unwrap_or_else(|| {
            let id = uuid::Uuid::now_v7().simple().to_string();
            format!("{}-{}", role.name(), &id[id.len() - 8..])
        }),
        role: role.name().to_owned(),
        tenant: tenant.clone(),
        created: jiff::Timestamp::now(),
    };
    let store = Store::open(&Options::new(&config.store.url)).map_err(Failure::wrong)?;
    let text = store.write_blocking(move |tx| tokens::create(tx, &token)).map_err(Failure::wrong)?;
    say(&text);
    Ok(())
}
