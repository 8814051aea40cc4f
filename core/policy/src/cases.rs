//! The cases that policies have to pass before they are taken: message → meaning, code → effect, send →
//! verdict. They stand in `tests/*.lua`, and in the key `cases` of any file.

use crate::{
    At, CodeEffect, Effect, FailedCase, FailureCode, Meaning, Policies, PolicyError, Said, SendFacts,
    SendVerdict,
    node::Node,
    part::CASES,
    reader::{Reader, Source, find_text},
    send_rules::{ContactFacts, Judgement, MemoryCounters},
    sources::Text,
    terms::{self, Terms},
};
use dndgate_adapter::{AddressKind, Channel, Channels, Severity, Spoken};
use dndgate_dnd::Counters;
use jiff::Timestamp;
use std::{borrow::Cow, sync::Arc};

const MESSAGE_KEYS: [&str; 6] = ["text", "channel", "meaning", "channels", "rule", TENANTS];
const CODE_KEYS: [&str; 11] = [
    "provider",
    "code",
    "channel",
    "severity",
    "effect",
    "reason",
    "channels",
    "message",
    terms::KEYS[0],
    terms::KEYS[1],
    TENANTS,
];
const SEND_KEYS: [&str; 6] = ["send", "verdict", "reason", "sent", "contact", TENANTS];
/// The key of a general case that every tenant's policies have to pass, too: `tenants = "all"`.
const TENANTS: &str = "tenants";
const CONTACT_KEYS: [&str; 3] = ["timezone", "country", "tags"];
/// The most earlier sends of a case.
const SENT_MAX: usize = 10_000;
const SENDING_KEYS: [&str; 10] = [
    "tenant",
    "provider",
    "channel",
    "kind",
    "address_kind",
    "address",
    "sender",
    "tags",
    "scheduled",
    "now",
];
const MEANINGS: [&str; 5] = ["opt_out", "opt_in", "help", "review", "none"];

/// Which cases of a file count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose<'a> {
    /// All.
    All,
    /// General ones that hold for this tenant, too.
    EveryTenants(&'a str),
}

/// A file with cases, and what it returned.
#[derive(Debug, Clone)]
pub(crate) struct CaseFile {
    pub(crate) text: Text,
    pub(crate) returned: Node,
}

impl CaseFile {
    /// The list: a file of cases returns it, other files have it under a key.
    fn list(&self) -> Reader<'_> {
        let root = Reader::new(self.text.source(), &self.returned);
        root.get(CASES).unwrap_or(root)
    }

    /// Has it cases that every tenant's policies have to pass?
    pub(crate) fn is_for_every_tenant(&self) -> bool {
        self.list().items().is_ok_and(|cases| cases.iter().any(|case| case.get(TENANTS).is_some()))
    }

    /// Runs its cases, and says how many they were.
    pub(crate) fn run(
        &self,
        policies: &Policies,
        whose: Whose<'_>,
        failed: &mut Vec<FailedCase>,
    ) -> Result<usize, PolicyError> {
        let before = failed.len();
        let count = run(&self.list(), self.text.source(), policies, whose, failed)?;
        if let Whose::EveryTenants(tenant) = whose {
            for case in &mut failed[before..] {
                case.what = format!("for the tenant {tenant}: {}", case.what);
            }
        }
        Ok(count)
    }
}

/// Runs a list of cases. `search` walks through the file, so that each case is found at its own line.
fn run(
    list: &Reader<'_>,
    source: Source<'_>,
    policies: &Policies,
    whose: Whose<'_>,
    failed: &mut Vec<FailedCase>,
) -> Result<usize, PolicyError> {
    let mut search = 0;
    let mut count = 0;
    for case in list.items()? {
        let everys = case.get(TENANTS).map(|key| key.choice(&["all"], |name| (name == "all").then_some(())));
        if everys.transpose()?.is_none() && whose != Whose::All {
            continue;
        }
        count += 1;
        let mut run = Run { source, policies, failed, search: &mut search };
        if case.get("text").is_some() {
            run.messages(&case)?;
        } else if case.get("code").is_some() {
            run.codes(&case)?;
        } else if case.get("send").is_some() {
            run.send(&case)?;
        } else {
            return Err(case.error(
                "a case needs \"text\" (what a message means), \"code\" (what an error code causes) or \"send\" \
                 (what a send rule says)",
            ));
        }
    }
    Ok(count)
}

struct Run<'a> {
    source: Source<'a>,
    policies: &'a Policies,
    failed: &'a mut Vec<FailedCase>,
    search: &'a mut usize,
}

impl Run<'_> {
    /// The line of a text of the case that is run; later ones stand further down.
    fn place(&mut self, text: &str, case: &Reader<'_>) -> At {
        let escaped = text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
        let found = find_text(self.source.text, *self.search, text)
            .or_else(|| find_text(self.source.text, *self.search, &escaped));
        if let Some(at) = found {
            *self.search = at;
        }
        At::found(self.source, found.or_else(|| case.position()))
    }

    fn fail(&mut self, place: At, what: String) {
        self.failed.push(FailedCase { place, what });
    }

    fn messages(&mut self, case: &Reader<'_>) -> Result<(), PolicyError> {
        case.only(&MESSAGE_KEYS)?;
        let channels = match case.get("channel") {
            Some(channels) => channels.channels()?,
            None => Channels::of(Channel::Sms),
        };
        let meaning = case.get("meaning").ok_or_else(|| case.error("the key \"meaning\" is missing"))?;
        let meaning = meaning.choice(&MEANINGS, Meaning::parse)?;
        let covered = case.get("channels").map(|reader| reader.channels()).transpose()?;
        let rule = case.text_at("rule")?;
        for text in case.get("text").map_or(Ok(Vec::new()), |reader| reader.texts())? {
            let place = self.place(text, case);
            for channel in channels.iter() {
                let spoken = Spoken { texts: vec![Cow::Borrowed(text)], provider_meaning: None };
                let found = self.policies.understand(&Said { channel, spoken: &spoken });
                let by = if found.rule.is_empty() { String::new() } else { format!(", by {}", found.rule) };
                if found.meaning != meaning {
                    let what = format!(
                        "\"{text}\" on {channel} has to mean {}, but means {}{by}",
                        meaning.name(),
                        found.meaning.name()
                    );
                    self.fail(place.clone(), what);
                } else if let Some(covered) = covered.filter(|covered| *covered != found.channels) {
                    let what = format!(
                        "\"{text}\" on {channel} has to cover {}, but covers {}{by}",
                        names(covered),
                        names(found.channels)
                    );
                    self.fail(place.clone(), what);
                } else if let Some(rule) = rule.filter(|rule| !found.rule.contains(rule)) {
                    self.fail(
                        place.clone(),
                        format!(
                            "\"{text}\" on {channel} has to fit the rule \"{rule}\", but fits {}",
                            found.rule
                        ),
                    );
                }
            }
        }
        Ok(())
    }

    fn codes(&mut self, case: &Reader<'_>) -> Result<(), PolicyError> {
        case.only(&CODE_KEYS)?;
        let missing = |key: &str| case.error(format!("the key \"{key}\" is missing"));
        let provider = case.text_at("provider")?.ok_or_else(|| missing("provider"))?;
        let channel = case.get("channel").ok_or_else(|| missing("channel"))?.channel()?;
        let effect = case.get("effect").ok_or_else(|| missing("effect"))?;
        let effect =
            effect.choice(&["none", "temporary", "permanent", "opt_in", "unknown"], |name| match name {
                "unknown" => Some(None),
                name => Effect::parse(name).map(Some),
            })?;
        let severity = match case.get("severity") {
            Some(severity) => severity.choice(&["permanent", "temporary"], |name| match name {
                "permanent" => Some(Severity::Permanent),
                "temporary" => Some(Severity::Temporary),
                _ => None,
            })?,
            None => Severity::Unsaid,
        };
        let message = case.text_at("message")?.unwrap_or_default();
        let covered = case.get("channels").map(|reader| reader.channels()).transpose()?;
        let wanted = Terms::read(case, Terms::default())?;
        let says = |key: &str| case.get(key).is_some();
        for code in case.get("code").map_or(Ok(Vec::new()), |reader| reader.texts())? {
            let place = self.place(code, case);
            let found = self.policies.code(&FailureCode { provider, channel, code, severity, message });
            let said = format!("{provider} {code} on {channel}");
            let got = if found.known { found.effect.name() } else { "unknown" };
            if effect.map_or("unknown", Effect::name) != got {
                let wanted = effect.map_or("unknown", Effect::name);
                self.fail(place.clone(), format!("{said} has to be {wanted}, but is {got}"));
            } else if let Some(reason) =
                case.text_at("reason")?.filter(|reason| found.reason.name() != *reason)
            {
                self.fail(
                    place.clone(),
                    format!("{said} has to give the reason {reason}, but gives {}", found.reason),
                );
            } else if let Some(covered) = covered.filter(|covered| *covered != found.channels) {
                self.fail(place.clone(), wrong_channels(&said, covered, &found));
            } else if says("expires") && wanted.expires != found.expires
                || says("threshold") && wanted.threshold != found.threshold
            {
                self.fail(place.clone(), format!("{said} has other terms: {}", terms::told(&found)));
            }
        }
        Ok(())
    }

    fn send(&mut self, case: &Reader<'_>) -> Result<(), PolicyError> {
        case.only(&SEND_KEYS)?;
        let send = case.get("send").ok_or_else(|| case.error("the key \"send\" is missing"))?;
        send.only(&SENDING_KEYS)?;
        let text = |key: &str, default: &'static str| {
            send.text_at(key).map(|text| text.unwrap_or(default).to_owned())
        };
        let channel = send.get("channel").map_or(Ok(Channel::Sms), |reader| reader.channel())?;
        let now = match send.get("now") {
            Some(now) => time(&now)?,
            None => Timestamp::from_second(DEFAULT_NOW_SECONDS).unwrap_or_default(),
        };
        let address_kind = match send.get("address_kind") {
            Some(kind) => kind.choice(&AddressKind::ALL.map(AddressKind::name), AddressKind::parse)?,
            None => channel.kinds().first().copied().unwrap_or(AddressKind::Phone),
        };
        let tags: Vec<Cow<'_, str>> = send.texts_at("tags")?.into_iter().map(Cow::Borrowed).collect();
        let (tenant, provider) = (text("tenant", "default")?, text("provider", "twilio")?);
        let (kind, address, sender) =
            (text("kind", "message")?, text("address", "+12025550123")?, text("sender", "")?);
        let facts = SendFacts {
            tenant: &tenant,
            provider: &provider,
            channel,
            kind: &kind,
            address_kind,
            address: &address,
            sender: &sender,
            tags: &tags,
            scheduled: send.get("scheduled").map_or(Ok(false), |reader| reader.flag())?,
            now,
            request_id: "case",
        };
        let verdict = case.get("verdict").ok_or_else(|| case.error("the key \"verdict\" is missing"))?;
        let blocks = verdict.choice(&["allow", "block"], |name| match name {
            "allow" => Some(false),
            "block" => Some(true),
            _ => None,
        })?;
        let place = At::found(self.source, case.position());
        let contact = contact(case)?;
        let counters: Arc<dyn Counters> = Arc::new(MemoryCounters::new(SENT_MAX));
        for earlier in earlier(case, now)? {
            let facts = SendFacts { now: earlier, ..facts };
            let mut judgement = Judgement::new(Arc::clone(&counters)).knowing(contact.clone());
            if self.policies.judge_send(&facts, &mut judgement) == SendVerdict::Allow {
                judgement.keep();
            }
        }
        let mut judgement = Judgement::new(counters).knowing(contact);
        match (blocks, self.policies.judge_send(&facts, &mut judgement)) {
            (_, SendVerdict::Block { reason, fault: true, .. }) => self.fail(place, reason),
            (true, SendVerdict::Allow) => {
                self.fail(place, "this send has to be blocked, but is allowed".to_owned())
            }
            (false, SendVerdict::Block { reason, .. }) => {
                self.fail(place, format!("this send has to be allowed, but is blocked: {reason}"));
            }
            (true, SendVerdict::Block { reason, .. }) => {
                if let Some(wanted) = case.text_at("reason")?.filter(|wanted| !reason.contains(wanted)) {
                    self.fail(place, format!("the reason has to hold \"{wanted}\", but is \"{reason}\""));
                }
            }
            (false, SendVerdict::Allow) => {}
        }
        Ok(())
    }
}

/// When the same was sent before: so many times just now, or at these times.
fn earlier(case: &Reader<'_>, now: Timestamp) -> Result<Vec<Timestamp>, PolicyError> {
    let Some(sent) = case.get("sent") else { return Ok(Vec::new()) };
    match sent.node() {
        Node::Number(_) => Ok(vec![now; sent.count(SENT_MAX)?]),
        _ => sent.items()?.iter().map(time).collect(),
    }
}

fn time(reader: &Reader<'_>) -> Result<Timestamp, PolicyError> {
    let time = reader.text()?.parse();
    time.map_err(|_| reader.error("this has to be a time such as \"2026-03-01T09:30:00Z\""))
}

/// The contact that holds the address; none when the case names none.
fn contact(case: &Reader<'_>) -> Result<Option<Arc<ContactFacts>>, PolicyError> {
    let Some(reader) = case.get("contact") else { return Ok(None) };
    reader.only(&CONTACT_KEYS)?;
    let mut contact = ContactFacts::default();
    contact.add(reader.text_at("timezone")?, reader.text_at("country")?, reader.texts_at("tags")?);
    Ok(Some(Arc::new(contact)))
}

/// 2026-01-15, a Thursday, 12:00 UTC.
const DEFAULT_NOW_SECONDS: i64 = 1_768_478_400;

fn wrong_channels(said: &str, wanted: Channels, found: &CodeEffect) -> String {
    format!("{said} has to concern {}, but concerns {}", names(wanted), names(found.channels))
}

fn names(channels: Channels) -> String {
    let names: Vec<&str> = channels.iter().map(Channel::name).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
