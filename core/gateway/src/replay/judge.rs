//! What policies make of an entry of the record, in words that can be compared.

use dndgate_adapter::{Channel, Channels, Spoken};
use dndgate_dnd::{Counters, ReasonKind};
use dndgate_policy::{
    CodeEffect, Effect, FailureCode, Judgement, Meaning, MemoryCounters, Policies, Said, SendFacts,
    SendVerdict, Understood,
};
use dndgate_store::record::{About, CodeAbout, Entry, MessageAbout, Outcome, SendAbout};
use std::{borrow::Cow, sync::Arc};

/// What happens when nothing does.
const NOTHING: &str = "none";

/// The most counts that send rules keep while a record is judged.
const COUNTS_MAX: usize = 500_000;

/// Counts for one set of policies, which begin with nothing sent.
pub(crate) fn counters() -> Arc<dyn Counters> {
    Arc::new(MemoryCounters::new(COUNTS_MAX))
}

/// Judges an entry. `None`: what was judged is not kept, or no rule was asked.
pub(crate) fn judge(
    policies: &Policies,
    counters: &Arc<dyn Counters>,
    entry: &Entry<'_>,
) -> Option<Outcome<'static>> {
    match &entry.about {
        About::Send(send) if send.kept_back.is_some() => None,
        About::Send(send) => Some(sent(policies, counters, entry, send)),
        About::Message(message) => said(policies, message),
        About::Code(code) => Some(coded(policies, code)),
        About::Unsubscribe(channel) => {
            let channels = policies.unsubscribe().scope.with((*channel).into());
            Some(outcome(format!("unsubscribe {}", names(channels)), "unsubscribe.lua".into()))
        }
    }
}

/// A send against which nobody has anything.
pub(crate) const fn allowed() -> Outcome<'static> {
    Outcome { what: Cow::Borrowed("allow"), rule: Cow::Borrowed("") }
}

/// A send that a rule blocks.
pub(crate) fn blocked(rule: &str, reason: &str) -> Outcome<'static> {
    let names_it = rule.ends_with(&format!(": {reason}"));
    let rule = if names_it { rule.to_owned() } else { format!("{rule}: {reason}") };
    Outcome { what: Cow::Borrowed("block"), rule: Cow::Owned(rule) }
}

/// A send that Do-Not-Disturb kept back, whatever rules would say.
pub(crate) fn kept_back(kind: ReasonKind) -> Outcome<'static> {
    Outcome { what: Cow::Borrowed("kept back"), rule: Cow::Borrowed(kind.name()) }
}

/// What is allowed counts as sent, at the time of its record.
fn sent(
    policies: &Policies,
    counters: &Arc<dyn Counters>,
    entry: &Entry<'_>,
    send: &SendAbout<'_>,
) -> Outcome<'static> {
    if !policies.has_send_rule() {
        return allowed();
    }
    let mut judgement = Judgement::new(Arc::clone(counters));
    for channel in send.channels.iter() {
        let facts = SendFacts {
            tenant: &entry.tenant,
            provider: &entry.provider,
            channel,
            kind: &send.kind,
            address_kind: send.address_kind,
            address: &send.address,
            sender: &send.sender,
            tags: &send.tags,
            scheduled: send.scheduled,
            now: entry.at,
            request_id: &entry.id,
        };
        if let SendVerdict::Block { reason, rule, .. } = policies.judge_send(&facts, &mut judgement) {
            return blocked(&rule, &reason);
        }
    }
    judgement.keep();
    allowed()
}

fn said(policies: &Policies, message: &MessageAbout<'_>) -> Option<Outcome<'static>> {
    let spoken = Spoken {
        texts: message.texts.as_ref()?.iter().map(|text| Cow::Borrowed(&**text)).collect(),
        provider_meaning: message.provider_meaning.as_deref().and_then(Meaning::parse).map(Meaning::name),
    };
    let understood = policies.understand(&Said { channel: message.channel, spoken: &spoken });
    let what = match understood.meaning {
        Meaning::OptOut => Cow::Owned(format!("opt_out {}", covered(&understood, message.channel))),
        other => Cow::Borrowed(other.name()),
    };
    Some(Outcome { what, rule: Cow::Owned(understood.rule) })
}

fn covered(understood: &Understood, channel: Channel) -> String {
    let channels = if understood.all_channels { Channels::ALL } else { understood.channels };
    names(channels.with(channel.into()))
}

/// As [`crate::apply::judge`] has it: only what a person pressed ends anything, and a stop that no policy knows is
/// an opt-out all the same.
fn coded(policies: &Policies, code: &CodeAbout<'_>) -> Outcome<'static> {
    let effect = policies.code(&FailureCode {
        provider: &code.adapter,
        channel: code.channel,
        code: &code.code,
        severity: code.severity,
        message: &code.message,
    });
    let rule = if effect.known {
        format!("error_codes.lua: {} {}", code.adapter, code.code)
    } else {
        "no policy knows it".to_owned()
    };
    let what = match (code.resumes, effect.effect) {
        (Some(true), Effect::OptIn) => format!("opt_in {}", code.channel),
        (None | Some(false), Effect::Temporary | Effect::Permanent) => begun(&effect),
        (Some(false), _) if !effect.known => {
            format!("temporary {} {}", ReasonKind::ProviderOptOut, code.channel)
        }
        _ => NOTHING.to_owned(),
    };
    outcome(what, rule)
}

fn begun(effect: &CodeEffect) -> String {
    format!("{} {} {}", effect.effect.name(), effect.reason, names(effect.channels))
}

fn outcome(what: String, rule: String) -> Outcome<'static> {
    Outcome { what: Cow::Owned(what), rule: Cow::Owned(rule) }
}

fn names(channels: Channels) -> String {
    if channels == Channels::ALL {
        return "all channels".to_owned();
    }
    channels.iter().map(Channel::name).collect::<Vec<_>>().join(", ")
}

/// Takes out what a person wrote, also where a rule quotes it.
pub(crate) fn without_words(entry: &mut Entry<'_>) {
    if let About::Message(message) = &mut entry.about {
        // Where there are no words, the provider's own reading is all that was judged.
        let wordless = |texts: &Vec<Cow<'_, str>>| texts.iter().all(|text| text.trim().is_empty());
        message.texts = message.texts.take().filter(wordless);
        entry.was.rule = Cow::Owned(unquoted(&entry.was.rule));
    }
}

/// A rule without what it quotes of a message: what stands between the first and the last quotation mark, and
/// what a function of the operator's own says.
pub(super) fn unquoted(rule: &str) -> String {
    let rule = match rule.split_once(':') {
        Some((own, _)) if own.starts_with("classify") => own,
        _ => rule,
    };
    match (rule.find('"'), rule.rfind('"')) {
        (Some(first), Some(last)) if first < last => format!("{}\"…\"{}", &rule[..first], &rule[last + 1..]),
        (Some(first), _) => rule[..first].to_owned(),
        _ => rule.to_owned(),
    }
}
