//! From what a provider says to a durable change: policies judge, the rules decide, the store keeps.

use crate::{
    clock,
    confirm::Due,
    metrics,
    route::{Route, Routes, TenantRoute},
    shared::Shared,
};
use dndgate_adapter::{AddressKind, Channel, Channels, Event, EventKind, Learned, Recipient, Spoken};
use dndgate_dnd::{AddressKey, Blocks, Cause, ReasonKind, Region, Threshold, address};
use dndgate_policy::{Effect, FailureCode, Meaning, Policies, Said};
use dndgate_store::{Change, Doubt, StoreError, Tx, failures, names, opt, reviews, scheduled};
use jiff::Timestamp;
use std::{collections::HashSet, sync::Arc};

/// What the policies make of one event, ready for the store.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) tenant: Arc<str>,
    /// Its place among those that came with it.
    pub(crate) event: usize,
    /// The provider's id of the event.
    pub(crate) event_id: String,
    pub(crate) what: What,
    /// It may be confirmed to the person.
    pub(crate) confirm: Option<Due>,
}

/// The effect of an event.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// DND begins.
    Begin(Vec<Cause>),
    /// It begins with enough failures; this event is one.
    Count { causes: Vec<Cause>, threshold: Threshold, event: String },
    /// An opt-in reply.
    OptIn { channel: Channel, origin: AddressKey, at: Timestamp, source: String },
    /// Two addresses are one.
    Same { one: AddressKey, other: AddressKey, at: Timestamp, source: String },
    /// An address gave way to another.
    Moved { from: AddressKey, to: AddressKey, source: String },
    /// A message in doubt, for a person to decide.
    Review(Doubt),
    /// Nothing.
    Nothing,
}

/// Judges an event. Pure but for counting unknown codes.
pub(crate) fn judge(
    policies: &Policies,
    route: &Route,
    region: Region,
    event: &Event<'_>,
    now: Timestamp,
    request_id: &str,
) -> What {
    let provider = route.provider.name.as_str();
    let adapter = route.provider.adapter.profile().name;
    let at = event.at.unwrap_or(now);
    let source = format!("webhook:{provider} event {} request {request_id}", event.id);
    let key = |kind: AddressKind, raw: &str| address::normalise(kind, raw, region).ok().map(|one| one.key);
    let cause = |kind, channel: Channel, origin: AddressKey, message: String| Cause {
        kind,
        blocks: Blocks::Channel(channel),
        origin: Some(origin),
        permanent: false,
        code: None,
        message,
        source: source.clone(),
        actor: "person".into(),
        at,
        expires: None,
    };
    match &event.kind {
        EventKind::Message { channel, from_kind, from, spoken } => {
            let Some(origin) = key(*from_kind, from) else { return What::Nothing };
            said(policies, *channel, spoken, &origin, at, &source, &cause)
        }
        EventKind::Failure { channel, to_kind, to, code, severity, message } => {
            let Some(origin) = key(*to_kind, to) else { return What::Nothing };
            let failure =
                FailureCode { provider: adapter, channel: *channel, code, severity: *severity, message };
            let effect = policies.code(&failure);
            if !effect.known {
                metrics::unknown_code(provider);
                tracing::warn!(provider, %code, "no policy knows this code; it changes nothing (error_codes.lua)");
            }
            // Only what a person does ends anything (R23).
            if matches!(effect.effect, Effect::None | Effect::OptIn) {
                return What::Nothing;
            }
            let causes = effect.channels.iter().map(|channel| Cause {
                permanent: effect.effect == Effect::Permanent,
                code: Some(code.to_string()),
                actor: format!("provider:{provider}"),
                // A provider's clock that runs ahead gives nobody more time.
                expires: effect.expires.and_then(|after| at.min(now).checked_add(after).ok()),
                ..cause(effect.reason, channel, origin.clone(), effect.message.clone())
            });
            let causes = causes.collect();
            match effect.threshold {
                None => What::Begin(causes),
                Some(threshold) => {
                    What::Count { causes, threshold, event: format!("{provider} {}", event.id) }
                }
            }
        }
        EventKind::Unsubscribe { channel, kind, address } => {
            let Some(origin) = key(*kind, address) else { return What::Nothing };
            let all = policies.unsubscribe().scope.with((*channel).into());
            let causes = all.iter().map(|each| {
                let kind = ReasonKind::Unsubscribe;
                cause(kind, each, origin.clone(), format!("unsubscribed on {channel}"))
            });
            What::Begin(causes.collect())
        }
        EventKind::Complaint { channel, kind, address } => {
            let Some(origin) = key(*kind, address) else { return What::Nothing };
            What::Begin(vec![cause(ReasonKind::Complaint, *channel, origin, "marked as spam".into())])
        }
        EventKind::Preference { channel, kind, address, resumes, code } => {
            let Some(origin) = key(*kind, address) else { return What::Nothing };
            let severity = dndgate_adapter::Severity::Unsaid;
            let asked = FailureCode { provider: adapter, channel: *channel, code, severity, message: "" };
            let effect = policies.code(&asked);
            if !effect.known {
                metrics::unknown_code(provider);
                tracing::warn!(provider, %code, "no policy knows what this button means (error_codes.lua)");
            }
            match (resumes, effect.effect) {
                (true, Effect::OptIn) => What::OptIn { channel: *channel, origin, at, source },
                (true, _) => What::Nothing,
                (false, Effect::Temporary | Effect::Permanent) => {
                    let causes = effect.channels.iter().map(|each| Cause {
                        permanent: effect.effect == Effect::Permanent,
                        ..cause(effect.reason, each, origin.clone(), effect.message.clone())
                    });
                    What::Begin(causes.collect())
                }
                // An opt-out that no policy knows is one all the same.
                (false, _) if !effect.known => {
                    let message = format!("stopped messages on {channel} with the provider's button");
                    What::Begin(vec![cause(ReasonKind::ProviderOptOut, *channel, origin, message)])
                }
                (false, _) => What::Nothing,
            }
        }
        EventKind::Same { kind, address, other_kind, other } => {
            match (key(*kind, address), key(*other_kind, other)) {
                (Some(one), Some(other)) => What::Same { one, other, at, source },
                _ => What::Nothing,
            }
        }
        EventKind::Moved { kind, from, to_kind, to } => match (key(*kind, from), key(*to_kind, to)) {
            (Some(from), Some(to)) => What::Moved { from, to, source },
            _ => What::Nothing,
        },
        EventKind::InboundCall { .. } | EventKind::Other(_) => What::Nothing,
    }
}

fn said(
    policies: &Policies,
    channel: Channel,
    spoken: &Spoken<'_>,
    origin: &AddressKey,
    at: Timestamp,
    event_source: &str,
    cause: &dyn Fn(ReasonKind, Channel, AddressKey, String) -> Cause,
) -> What {
    let understood = policies.understand(&Said { channel, spoken });
    let source = format!("{event_source} rule {}", understood.rule);
    match understood.meaning {
        Meaning::OptOut => {
            let all = if understood.all_channels { Channels::ALL } else { understood.channels };
            let causes = all.with(channel.into()).iter().map(|each| {
                let kind = if each == channel { ReasonKind::Keyword } else { ReasonKind::Propagated };
                Cause {
                    source: source.clone(),
                    ..cause(kind, each, origin.clone(), format!("opted out by a reply on {channel}"))
                }
            });
            What::Begin(causes.collect())
        }
        Meaning::OptIn => What::OptIn { channel, origin: origin.clone(), at, source },
        Meaning::Review => What::Review(Doubt {
            channel,
            address: origin.clone(),
            text: spoken.texts.join("\n"),
            rule: understood.rule,
            source: event_source.to_owned(),
            said: at,
        }),
        Meaning::Help | Meaning::None => What::Nothing,
    }
}

/// Applies a judged event inside a store transaction. What it changes.
pub(crate) fn apply(tx: &mut Tx<'_>, judged: &Judged) -> Result<Vec<Change>, StoreError> {
    match &judged.what {
        What::Begin(causes) => Ok(opt::record(tx, &judged.tenant, causes)?.into_iter().collect()),
        What::Count { causes, threshold, event } => {
            let counted: Result<Vec<Option<Cause>>, _> = causes
                .iter()
                .map(|cause| failures::count(tx, &judged.tenant, event, cause, threshold))
                .collect();
            let causes: Vec<Cause> = counted?.into_iter().flatten().collect();
            Ok(opt::record(tx, &judged.tenant, &causes)?.into_iter().collect())
        }
        What::OptIn { channel, origin, at, source } => {
            let change = opt::opt_in(tx, &judged.tenant, *channel, origin, *at, source, "person")?;
            Ok(change.into_iter().collect())
        }
        What::Same { one, other, at, source } => {
            let change = names::join(tx, &judged.tenant, one, other, *at, source)?;
            Ok(change.into_iter().collect())
        }
        What::Moved { from, to, source } => {
            Ok(names::moved(tx, &judged.tenant, from, to, source)?.into_iter().collect())
        }
        What::Review(doubt) => reviews::open(tx, &judged.tenant, doubt).map(|()| Vec::new()),
        What::Nothing => Ok(Vec::new()),
    }
}

/// Counts changes, wakes who waits for them.
pub(crate) fn announce(shared: &Shared, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    for change in changes {
        for (blocks, kind, began) in change.reasons() {
            let channel = match blocks {
                Blocks::Channel(channel) => channel.label(),
                Blocks::AllChannels => "all",
                Blocks::Inbound => "inbound",
            };
            metrics::dnd_change(
                &change.tenant,
                channel,
                if began { "enabled" } else { "disabled" },
                kind.name(),
            );
        }
    }
    shared.news.notify_waiters();
    shared.work.notify_one();
}

/// Keeps what an answer to a send taught: codes that concern its recipients, handles of what leaves later.
pub(crate) async fn learned(
    shared: &Arc<Shared>,
    route: &Arc<Route>,
    tenant: &TenantRoute,
    learned: Learned,
    sent_to: &[&Recipient<'_>],
    request_id: &str,
) -> Result<(), StoreError> {
    let book = shared.policies.current();
    let policies = book.of(&tenant.name);
    let now = clock::now();
    let region = tenant.tenant.region;
    let judged: Vec<Judged> = learned
        .events
        .iter()
        .enumerate()
        .map(|(index, event)| Judged {
            tenant: Arc::clone(&tenant.name),
            event: index,
            event_id: event.id.to_string(),
            what: judge(policies, route, region, event, now, request_id),
            confirm: None,
        })
        .filter(|judged| !matches!(judged.what, What::Nothing))
        .collect();
    let mut waiting = Vec::new();
    for handle in learned.scheduled {
        for recipient in
            sent_to.iter().filter(|one| handle.address.is_empty() || one.address == handle.address)
        {
            if let Ok(address) = address::normalise(recipient.kind, &recipient.address, region) {
                waiting.push((handle.clone(), address.key, recipient.channels));
            }
        }
    }
    if judged.is_empty() && waiting.is_empty() {
        return Ok(());
    }
    let provider = route.provider.name.clone();
    let tenant_name = Arc::clone(&tenant.name);
    let changes = shared
        .store
        .write(move |tx| {
            let mut changes = Vec::new();
            for one in &judged {
                changes.extend(apply(tx, one)?);
            }
            for (handle, key, channels) in &waiting {
                scheduled::put(tx, &provider, &tenant_name, key, *channels, handle, now)?;
            }
            Ok(changes)
        })
        .await?;
    announce(shared, &changes);
    for event in &learned.events {
        shared.recorder.event(route, tenant, event, policies, now);
    }
    // Whoever opted out while the provider answered is found now: the handle was not there to be cancelled.
    shared.work.notify_one();
    Ok(())
}

/// The tenant that an event concerns. Its signature proves whose it is; the account that it names is a guess
/// with some providers, so that an unknown one falls back to the provider's own tenant.
pub(crate) fn tenant_of<'r>(routes: &'r Routes, route: &Route, event: &Event<'_>) -> Option<&'r TenantRoute> {
    routes.tenant(route, event.account.as_deref()).or_else(|| routes.tenant(route, None))
}

/// Only the first of several events with one id counts.
pub(crate) fn distinct(judged: Vec<Judged>) -> Vec<Judged> {
    let mut seen = HashSet::new();
    judged.into_iter().filter(|one| seen.insert((one.tenant.clone(), one.event_id.clone()))).collect()
}
