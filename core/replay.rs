//! `dndgate policy replay`

use crate::{Failure, providers::ADAPTERS, say, serve};
use dndgate_gateway::{Config, Difference, ReplayAsked, ReplayReport, replay, replay_since};
use dndgate_policy::Book;
use dndgate_store::record;
use jiff::Timestamp;
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// From when on: so long before now ("7d", "12h"), or a moment ("2026-11-23T21:00:00Z").
    #[arg(long, default_value = "7d", value_name = "TIME")]
    since: String,
    /// The folder with the candidate; `policies.shadow` of the configuration when absent.
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// The only tenant whose traffic is judged.
    #[arg(long)]
    tenant: Option<String>,
    /// How many differences are listed, the newest ones.
    #[arg(long, default_value_t = 20, value_name = "N")]
    list: usize,
    /// Another folder with a record than the one beside the database.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// One JSON object, for programs.
    #[arg(long)]
    json: bool,
    /// Ends with 1 when something would differ.
    #[arg(long)]
    exit_code: bool,
}

pub(crate) fn run(path: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(path, ADAPTERS).map_err(Failure::wrong)?;
    let now = Timestamp::now();
    let since =
        replay_since(&arguments.since, now).map_err(|why| Failure::Wrong(format!("--since: {why}")))?;
    if let Some(tenant) = arguments.tenant.as_ref().filter(|tenant| !config.tenants.contains_key(*tenant)) {
        let known: Vec<_> = config.tenants.keys().map(String::as_str).collect();
        return Err(Failure::Wrong(format!(
            "--tenant: there is no tenant {tenant:?}; there are: {}",
            known.join(", ")
        )));
    }
    let dir = arguments.policies.as_ref().or(config.policies.shadow.as_ref()).ok_or_else(|| {
        Failure::Wrong("name the folder with the policies to judge by: --policies DIR".to_owned())
    })?;
    let active = serve::policies(&config)?;
    let candidate = Book::load(dir, dndgate_gateway::limits(&config))
        .map_err(|error| Failure::Wrong(format!("{}:\n{error}", dir.display())))?;
    let folder = arguments.record.clone().unwrap_or_else(|| record::folder(&config.store.url));
    let asked = ReplayAsked {
        dir: &folder,
        since,
        tenant: arguments.tenant.as_deref(),
        list: arguments.list,
        ends: &|| false,
    };
    let report = replay(asked, &active, &candidate).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::Wrong(format!(
            "there is no record in {}: `dndgate serve` makes it, unless [record] on = false",
            folder.display()
        )),
        _ => Failure::Wrong(format!("{}: {error}", folder.display())),
    })?;
    if arguments.json {
        say(&serde_json::to_string(&report).map_err(Failure::wrong)?);
    } else {
        tell(&report);
    }
    if arguments.exit_code && report.different > 0 { Err(Failure::No(String::new())) } else { Ok(()) }
}

fn tell(report: &ReplayReport) {
    let counts = &report.counts;
    say(&format!(
        "judged {}: {}, {}, {}, {} (since {:.0})",
        several(report.judged, "entry", "entries"),
        several(counts.sends.judged, "send", "sends"),
        several(counts.messages.judged, "message", "messages"),
        several(counts.codes.judged, "code", "codes"),
        several(counts.unsubscribes.judged, "unsubscribe", "unsubscribes"),
        report.since,
    ));
    for (count, what) in [
        (counts.sends.kept_back, "sends were kept back by Do-Not-Disturb: no rule is asked about these"),
        (
            counts.sends.thinned,
            "sends stand for more: only those of a share of all people were recorded then ([record])",
        ),
        (
            counts.messages.without_text,
            "messages cannot be judged: their words are not kept ([record] bodies)",
        ),
        (report.unreadable, "lines of the record cannot be read: they are of another version"),
        (report.otherwise_then, "were judged otherwise then, by the policies that were in force"),
    ] {
        if count > 0 {
            say(&format!("  {count} {what}"));
        }
    }
    if report.different == 0 {
        say("nothing would differ");
        return;
    }
    say(&format!("{} would differ:", report.different));
    for change in &report.changes {
        say(&format!("  {:>8}  {}: {} → {}", change.count, change.kind, change.from, change.to));
    }
    say("");
    report.differences.iter().for_each(tell_one);
    let more = report.different.saturating_sub(report.differences.len() as u64);
    if more > 0 {
        say(&format!("and {more} before these; --list N shows more"));
    }
}

fn tell_one(one: &Difference) {
    let by = |rule: &str| if rule.is_empty() { String::new() } else { format!(" ({rule})") };
    let subject = if one.subject.is_empty() { String::new() } else { format!(" {}", one.subject) };
    say(&format!(
        "{:.0} {} {} {}{subject} {} of {}: {}{} → {}{}",
        one.at,
        one.tenant,
        one.channel.unwrap_or("?"),
        one.kind,
        one.id,
        one.person,
        one.from,
        by(&one.from_rule),
        one.to,
        by(&one.to_rule),
    ));
    if let Some(was) = &one.was {
        say(&format!("    then: {was}"));
    }
    for text in &one.texts {
        say(&format!("    | {}", text.replace(['\n', '\r'], " ")));
    }
}

fn several(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
