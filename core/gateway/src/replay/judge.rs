//! What policies make of an entry of the record, in words that can be compared.

use dndgate_adapter::{Channel, Channels, Spoken};
use dndgate_dnd::{Counters, ReasonKind};
use dndgate_policy::{
    CodeEffect, Effect, FailureCode, Judgement, Meaning, MemoryCounters, Policies, Said, SendFacts,
    SendVerdict, Understood, length_written,
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
    let mut what = format!("{} {} {}", effect.effect.name(), effect.reason, names(effect.channels));
    if let Some(after) = effect.expires {
        what += &format!(", ends after {}", length_written(after));
    }
    if let Some(threshold) = effect.threshold {
        what += &format!(", from {} failures in {}", threshold.failures, length_written(threshold.within));
    }
    what
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

#[cfg(test)]
mod tests {
    use super::*;
    use dndgate_adapter::{AddressKind, Severity};
    use dndgate_dnd::{Region, address};
    use dndgate_policy::Limits;
    use dndgate_store::record::Who;

    fn entry(about: About<'static>) -> Entry<'static> {
        let key = address::normalise(AddressKind::Phone, "+14155550101", Region::US).expect("a number").key;
        Entry {
            who: Who::new(&[1; 32], "acme", &key),
            at: jiff::Timestamp::UNIX_EPOCH,
            tenant: "acme".into(),
            provider: "twilio".into(),
            id: "1".into(),
            about,
            was: Outcome::default(),
        }
    }

    fn policies(files: &[(&str, &str)]) -> Policies {
        let folder = tempfile::tempdir().expect("a folder");
        for (file, text) in files {
            std::fs::write(folder.path().join(file), text).expect("written");
        }
        Policies::load(folder.path(), Limits::default()).expect("loads")
    }

    fn message(texts: &[&'static str]) -> About<'static> {
        About::Message(MessageAbout {
            channel: Channel::Sms,
            texts: Some(texts.iter().map(|text| Cow::Borrowed(*text)).collect()),
            provider_meaning: None,
        })
    }

    fn code(code: &'static str, severity: Severity, resumes: Option<bool>) -> About<'static> {
        let (channel, adapter, message) = (Channel::Sms, "twilio".into(), "".into());
        About::Code(CodeAbout { channel, adapter, code: code.into(), severity, message, resumes })
    }

    fn what(policies: &Policies, about: About<'static>) -> String {
        judge(policies, &counters(), &entry(about)).expect("judged").what.into_owned()
    }

    #[test]
    fn what_happens_is_told_in_words_that_differ_when_it_differs() {
        let shipped = Policies::embedded();
        assert_eq!(what(&shipped, message(&["STOP"])), "opt_out SMS");
        assert_eq!(what(&shipped, message(&["start"])), "opt_in");
        assert_eq!(what(&shipped, message(&["What time is it?"])), "none");
        assert_eq!(what(&shipped, About::Unsubscribe(Channel::Email)), "unsubscribe all channels");
        let page = include_str!("../../../../policies/unsubscribe.lua");
        let page = page.replacen("scope = \"all\"", "scope = \"channel\"", 1);
        let own = policies(&[
            (
                "keywords.lua",
                "return { languages = { any = { opt_out = { 'stop' } } }, scope = { SMS = { 'Call' } } }",
            ),
            ("unsubscribe.lua", &page),
        ]);
        assert_eq!(what(&own, message(&["STOP"])), "opt_out SMS, Call");
        assert_eq!(what(&own, About::Unsubscribe(Channel::Email)), "unsubscribe Email");
    }

    #[test]
    fn codes_and_buttons_are_told_as_they_count() {
        let own = policies(&[(
            "error_codes.lua",
            "return { twilio = {
                t = { effect = 'temporary', reason = 'carrier', message = '' },
                e = { effect = 'temporary', reason = 'carrier', message = '', expires = '7d' },
                p = { effect = 'permanent', reason = 'bounce', message = '', severity = 'permanent', channel = 'Email' },
                i = { effect = 'opt_in' }, n = { effect = 'none' } } }",
        )]);
        let unsaid = Severity::Unsaid;
        for (about, expected) in [
            (code("t", unsaid, None), "temporary carrier SMS"),
            (code("e", unsaid, None), "temporary carrier SMS, ends after 7d"),
            (code("p", unsaid, None), "permanent bounce Email"),
            (code("p", Severity::Temporary, None), "none"),
            (code("i", unsaid, None), "none"),
            (code("nobody knows", unsaid, None), "none"),
            (code("i", unsaid, Some(true)), "opt_in SMS"),
            (code("t", unsaid, Some(true)), "none"),
            (code("t", unsaid, Some(false)), "temporary carrier SMS"),
            (code("n", unsaid, Some(false)), "none"),
            (code("nobody knows", unsaid, Some(false)), "temporary provider_opt_out SMS"),
        ] {
            assert_eq!(what(&own, about.clone()), expected, "{about:?}");
        }
    }

    #[test]
    fn no_quoted_word_is_left_of_a_rule() {
        for (rule, expected) in [
            ("keyword \"stop\" (en) in \"st0p it\"", "keyword \"…\""),
            ("en: stop contacting in \"he said \"stop\" to me\"", "en: stop contacting in \"…\""),
            ("cut off \"here", "cut off "),
            ("classify: he said stop", "classify"),
            ("classify failed: he said", "classify failed"),
            ("the provider says opt_out", "the provider says opt_out"),
        ] {
            assert_eq!(unquoted(rule), expected, "{rule}");
        }
    }

    #[test]
    fn words_are_taken_out_and_a_reading_of_the_providers_stays() {
        let mut entry = entry(message(&["my words"]));
        entry.was.rule = "en: x in \"my words\"".into();
        without_words(&mut entry);
        assert!(!format!("{entry:?}").contains("words"), "{entry:?}");
        let wordless = MessageAbout {
            channel: Channel::Fb,
            texts: Some(vec!["".into()]),
            provider_meaning: Some("opt_out".into()),
        };
        let mut entry = self::entry(About::Message(wordless));
        without_words(&mut entry);
        assert_eq!(judge(&Policies::embedded(), &counters(), &entry).expect("judged").what, "opt_out FB");
    }
}
