//! `dndgate why`: the operator's first question, answered from what is on disk, whether or not the gateway runs.

use crate::{Failure, providers::ADAPTERS, say, serve};
use dndgate_adapter::{Channel, Channels};
use dndgate_dnd::{Reason, address};
use dndgate_gateway::Config;
use dndgate_store::{
    AGENCY, Decision, Decisions, Options, Store, StoreError, Subject, agency, contacts, ledger,
};
use serde_json::{Value, json};
use std::path::Path;

/// The most ledger entries shown.
const ENTRIES_MAX: usize = 50;

#[derive(clap::Args)]
#[command(override_usage = "dndgate why CHANNEL ADDRESS [--tenant T]\n       dndgate why --request ID")]
pub(crate) struct Arguments {
    /// SMS, Call, Email, WhatsApp, FB or GMB.
    #[arg(required_unless_present = "request")]
    channel: Option<String>,
    /// A phone number, an email address or a provider's id.
    #[arg(required_unless_present = "request")]
    address: Option<String>,
    /// The tenant, where there are several.
    #[arg(long)]
    tenant: Option<String>,
    /// Explains one request by its Dndgate-Request-Id.
    #[arg(long, value_name = "ID", conflicts_with_all = ["channel", "address"])]
    request: Option<uuid::Uuid>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Exit code 0: it would go out. 1: it would not.
pub(crate) fn run(path: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(path, ADAPTERS).map_err(Failure::wrong)?;
    if let Some(request) = arguments.request {
        return explain(&config, request, arguments.json);
    }
    let name = arguments.channel.as_deref().unwrap_or_default();
    let channel = Channel::parse(name).ok_or_else(|| {
        let names: Vec<_> = Channel::ALL.into_iter().map(Channel::name).collect();
        Failure::Wrong(format!("{name:?} is no channel; there are {}", names.join(", ")))
    })?;
    let (tenant, region) = match (&arguments.tenant, config.tenants.len()) {
        (Some(name), _) => match config.tenants.get(name) {
            Some(tenant) => (name.clone(), tenant.region),
            None => return Err(Failure::Wrong(format!("there is no tenant {name:?}"))),
        },
        (None, 1) => {
            config.tenants.iter().map(|(name, one)| (name.clone(), one.region)).next().unwrap_or_default()
        }
        (None, _) => return Err(Failure::Wrong("there are several tenants: name one with --tenant".into())),
    };
    let raw = arguments.address.as_deref().unwrap_or_default();
    let kinds = channel.kinds().iter();
    let key = kinds.map(|kind| address::normalise(*kind, raw, region)).find_map(Result::ok);
    let key = key.ok_or_else(|| Failure::Wrong(format!("{raw:?} is no address on {channel}")))?.key;
    let store = Store::open_read_only(&Options::new(&config.store.url)).map_err(Failure::wrong)?;
    store.cache().set_global(config.suppression_global);
    let (asked, of) = (key.clone(), tenant.clone());
    let found = store.read_blocking(move |tx| -> Result<_, StoreError> {
        let verdict = tx.in_force(&of, &asked)?.verdict(Channels::of(channel));
        let mut reasons: Vec<(String, Reason)> = Vec::new();
        for contact in contacts::with_address(tx, &of, &asked)? {
            reasons.extend(
                contact.reasons.into_iter().map(|reason| (format!("contact {}", contact.id), reason)),
            );
        }
        if reasons.is_empty() {
            let own = tx.reasons(&of, &Subject::Address(asked.clone()))?;
            reasons.extend(own.into_iter().map(|reason| ("the address".to_owned(), reason)));
        }
        let agency = agency::of_address(tx, &asked)?;
        reasons.extend(agency.into_iter().map(|reason| ("the agency's list".to_owned(), reason)));
        let mut entries = ledger::of_address(tx, &of, &asked, ENTRIES_MAX)?;
        entries.extend(ledger::of_address(tx, AGENCY, &asked, ENTRIES_MAX)?);
        Ok((verdict, reasons, entries))
    });
    let (verdict, reasons, entries) = found.map_err(Failure::wrong)?;
    let here: Vec<_> = reasons.iter().filter(|(_, reason)| reason.blocks.channels().has(channel)).collect();
    if arguments.json {
        let reasons: Vec<Value> = here
            .iter()
            .map(|(on, reason)| {
                let mut shown = serde_json::to_value(reason).unwrap_or_default();
                shown["on"] = json!(on);
                shown["how"] = json!(reason.lock().map(|lock| lock.how()));
                shown
            })
            .collect();
        let word = if verdict.is_some() { "block" } else { "allow" };
        say(&json!({ "tenant": tenant, "channel": channel.name(), "address": key.key, "verdict": word,
                     "reason": verdict.map(|(_, kind)| kind.name()), "reasons": reasons, "ledger": entries })
        .to_string());
    } else {
        match verdict {
            None => say(&format!("A send to {} on {channel} would go out.", key.key)),
            Some((_, kind)) => say(&format!("A send to {} on {channel} would be blocked: {kind}.", key.key)),
        }
        for (on, reason) in &here {
            say(&format!("  {}", told(on, reason)));
        }
        if !entries.is_empty() {
            say("The record:");
        }
        for entry in &entries {
            say(&format!("  {}", told_entry(entry)));
        }
    }
    if verdict.is_some() { Err(Failure::No(String::new())) } else { Ok(()) }
}

fn told(on: &str, reason: &Reason) -> String {
    let code = reason.code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
    let mut text = format!("{}{code} on {on} since {}", reason.kind, reason.began);
    for part in [&reason.message, &reason.source] {
        if !part.is_empty() {
            text.push_str("; ");
            text.push_str(part);
        }
    }
    match (&reason.ended, reason.lock()) {
        (Some(ended), _) => text.push_str(&format!("; ended {} by {} ({})", ended.at, ended.by, ended.why)),
        (None, Some(lock)) => text.push_str(&format!("; {}", lock.how())),
        (None, None) => match reason.expires {
            Some(at) => text.push_str(&format!("; ends by itself at {at}, or by an operator before")),
            None => text.push_str("; an operator may end it"),
        },
    }
    text
}

fn told_entry(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let reasons: Vec<String> = (entry["reasons"].as_array().into_iter().flatten())
        .map(|one| {
            format!(
                "{} ({})",
                one["kind"].as_str().unwrap_or_default(),
                one["blocks"].as_str().unwrap_or_default()
            )
        })
        .collect();
    format!(
        "#{} {} {} {} by {} – {}",
        entry["seq"],
        text("at"),
        text("change"),
        reasons.join(", "),
        text("actor"),
        text("source")
    )
}

fn explain(config: &Config, request: uuid::Uuid, as_json: bool) -> Result<(), Failure> {
    let path = serve::decisions_path(config);
    if !path.exists() {
        return Err(Failure::Wrong(format!("{} is not there: the gateway has not run yet", path.display())));
    }
    let decisions = Decisions::open(&path, serve::DECISIONS).map_err(Failure::wrong)?;
    let Some(found) = decisions.find(request) else {
        return Err(Failure::No(format!(
            "request {request} was allowed, or it is no longer among the last {} decisions",
            serve::DECISIONS
        )));
    };
    if as_json {
        say(&shown(&found).to_string());
        return Ok(());
    }
    say(&format!("Request {request} was {} at {}: {}.", found.verdict, found.at, found.message));
    for (name, value) in [
        ("provider", found.provider.as_str()),
        ("tenant", found.tenant.as_str()),
        ("channel", found.channel.map_or("", Channel::name)),
        ("reason", found.reason.as_str()),
        ("recipient (hash)", found.address_hash.as_str()),
    ] {
        if !value.is_empty() {
            say(&format!("  {name}: {value}"));
        }
    }
    Ok(())
}

fn shown(found: &Decision) -> Value {
    json!({
        "at": found.at.to_string(), "requestId": found.request_id.to_string(), "tenant": found.tenant,
        "provider": found.provider, "channel": found.channel.map(Channel::name), "verdict": found.verdict,
        "reason": found.reason, "recipient": found.address_hash, "message": found.message,
    })
}
