//! One person's evidence as a page for people: what happened, when, by whom, with what proof. Prints well, needs no
//! script and no network.

use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use dndgate_adapter::sign;
use dndgate_store::ledger::dossier::{self, Dossier, Whom};
use serde_json::Value;
use std::sync::LazyLock;

/// Where its style stands.
const TEMPLATE: &str = include_str!("../templates/dossier.html");

/// Only the page's own style, by its hash.
pub(crate) static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let (_, rest) = TEMPLATE.split_once("<style>").unwrap_or_default();
    let (style, _) = rest.split_once("</style>").unwrap_or_default();
    let hash = STANDARD.encode(sign::sha256(style.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

#[derive(Template)]
#[template(path = "dossier.html")]
struct Page {
    whom: String,
    tenant: String,
    at: String,
    contacts: Vec<Person>,
    erased: Option<String>,
    entries: Vec<Entry>,
    truncated: bool,
    evidence: Vec<Evidence>,
    checkpoint: String,
    key: String,
    version: &'static str,
}

struct Person {
    id: String,
    name: String,
    addresses: Vec<Address>,
}

struct Address {
    kind: &'static str,
    value: String,
    blocked: String,
}

struct Entry {
    seq: u64,
    class: &'static str,
    title: String,
    at: String,
    event_at: String,
    actor: String,
    source: String,
    reasons: Vec<Reason>,
    before: String,
    after: String,
    details: Vec<Detail>,
    erased: bool,
    hash: String,
}

struct Reason {
    what: String,
    permanent: bool,
    code: String,
    message: String,
}

struct Detail {
    name: String,
    value: String,
}

struct Evidence {
    channel: &'static str,
    text: String,
    source: String,
    obtained_at: String,
    recorded_at: String,
    filed_by: String,
    sha256: String,
    file: Option<File>,
}

struct File {
    name: String,
    media: String,
    bytes: usize,
    sha256: String,
}

/// The page. Everything that people wrote is escaped.
pub fn html(dossier: &Dossier) -> String {
    let page = Page {
        whom: match &dossier.whom {
            Whom::Contact(id) => format!("contact {id}"),
            Whom::Address(address) => address.key.clone(),
        },
        tenant: dossier.tenant.clone(),
        at: dossier.at.to_string(),
        contacts: dossier.contacts.iter().map(person).collect(),
        erased: dossier.erased.clone(),
        entries: dossier.pieces.iter().map(|piece| entry(&piece.shown)).collect(),
        truncated: dossier.truncated,
        evidence: dossier.evidence.iter().map(evidence).collect(),
        checkpoint: dossier.checkpoint.note.clone(),
        key: dossier.key.to_string(),
        version: env!("CARGO_PKG_VERSION"),
    };
    // A String takes everything.
    page.render().unwrap_or_default()
}

fn person(contact: &dndgate_store::ContactView) -> Person {
    let address = |one: &dndgate_store::ViewAddress| Address {
        kind: one.kind.name(),
        value: one.shown.clone(),
        blocked: one
            .suppressed
            .channels()
            .iter()
            .map(|channel| channel.name())
            .collect::<Vec<_>>()
            .join(", "),
    };
    Person {
        id: contact.id.clone(),
        name: dossier::name(contact),
        addresses: contact.addresses.iter().map(address).collect(),
    }
}

fn evidence(exhibit: &dossier::Exhibit) -> Evidence {
    let dossier::Exhibit { row: one, content } = exhibit;
    Evidence {
        channel: one.channel.name(),
        text: one.text.clone(),
        source: one.source.clone(),
        obtained_at: one.obtained_at.to_string(),
        recorded_at: one.recorded_at.to_string(),
        filed_by: one.filed_by.clone(),
        sha256: one.sha256.clone(),
        file: one.file.as_ref().map(|file| File {
            name: file.name.clone(),
            media: file.media_type.clone(),
            bytes: content.len(),
            sha256: dossier::sha256(content),
        }),
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

fn list(value: &Value) -> String {
    let all: Vec<_> = value.as_array().into_iter().flatten().map(text).collect();
    if all.is_empty() { "nothing".into() } else { all.join(", ") }
}

fn entry(shown: &Value) -> Entry {
    let reasons: Vec<&Value> = shown["reasons"].as_array().into_iter().flatten().collect();
    let mut channels: Vec<String> = reasons.iter().map(|one| text(&one["blocks"])).collect();
    channels.dedup();
    let change = text(&shown["change"]);
    let (class, title) = title(&change, &channels.join(", "));
    let details = shown["more"].as_object().into_iter().flatten();
    Entry {
        seq: shown["seq"].as_u64().unwrap_or(0),
        class,
        title,
        at: text(&shown["at"]),
        event_at: text(&shown["eventAt"]),
        actor: text(&shown["actor"]),
        source: text(&shown["source"]),
        reasons: reasons.iter().map(|one| reason(one)).collect(),
        before: list(&shown["before"]),
        after: list(&shown["after"]),
        details: details
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| Detail { name: name.clone(), value: text(value) })
            .collect(),
        erased: shown["erased"] == true,
        hash: text(&shown["hash"]),
    }
}

fn title(change: &str, channels: &str) -> (&'static str, String) {
    let on = |what: &str| if channels.is_empty() { what.to_owned() } else { format!("{what}: {channels}") };
    match change {
        "begin" => ("on", on("Do-Not-Disturb began")),
        "end" => ("off", on("Do-Not-Disturb ended")),
        "opt_in" => ("", "An opt-in reply, which changed nothing".into()),
        "evidence" => ("", "Evidence of an agreement was filed".into()),
        "erase" => ("", "The person was erased for privacy".into()),
        other => ("", on(&other.replace('_', " "))),
    }
}

fn reason(one: &Value) -> Reason {
    let kind = text(&one["kind"]);
    let words = match kind.as_str() {
        "manual" => "switched on by hand",
        "all" => "the switch for all channels",
        "keyword" => "an opt-out word in a reply",
        "unsubscribe" => "an unsubscribe",
        "propagated" => "carried over from an opt-out on another channel",
        "provider_opt_out" => "the provider reported an opt-out",
        "complaint" => "marked as spam",
        "bounce" => "the mail could not be delivered",
        "carrier" => "a carrier's error code",
        "import" => "taken over by an import",
        "policy" => "the operator's policy",
        other => other,
    };
    Reason {
        what: format!("{}: {words} ({kind})", text(&one["blocks"])),
        permanent: one["permanent"] == true,
        code: text(&one["code"]),
        message: text(&one["message"]),
    }
}
