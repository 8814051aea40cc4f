//! What webhooks say, and what is said to them.

use crate::{
    describe::{self, Fault, leak},
    fields::{Fields, Part},
    file::{self, Answers, Numbers, OneOrMany, Reads, Says},
    proof::{self, Proofs},
};
use dndgate_adapter::{
    AddressKind, Answer, Authentic, Channel, Channels, Event, EventKind, Known, Recipient, Reply, ReplyGate,
    Role, Severity, Spoken, Unreadable, Webhook, sign,
};
use http::{Method, StatusCode};
use std::{borrow::Cow, time::Duration};
use toml::Spanned;

/// Described webhooks.
#[derive(Debug)]
pub(crate) struct Hooks {
    pub(crate) proof: Proofs,
    pub(crate) timeout: Duration,
    reads: Option<Reads>,
    numbers: Numbers,
    answers: Answers,
    acknowledge: (StatusCode, &'static str, String),
    rules: Vec<Rule>,
}

/// What one kind of event looks like.
#[derive(Debug)]
struct Rule {
    says: Says,
    when: Vec<(String, Vec<String>)>,
    each: Option<String>,
    split: Option<String>,
    channel: Channel,
    kind: AddressKind,
    person: String,
    business: Option<String>,
    texts: Vec<String>,
    code: Option<String>,
    message: Option<String>,
    severity: Severity,
    ids: Vec<String>,
    at: Option<String>,
    account: Option<String>,
}

impl Hooks {
    pub(crate) fn describe(written: Spanned<file::Webhook>, channels: &mut Channels) -> Result<Hooks, Fault> {
        let at = written.span().start;
        let file::Webhook { reads, numbers, answers, timeout_seconds, acknowledge, proof, event } =
            written.into_inner();
        let status = StatusCode::from_u16(acknowledge.status.unwrap_or(200)).ok();
        let status = status
            .filter(StatusCode::is_success)
            .ok_or_else(|| (at, "webhook.acknowledge: status is one from 200 to 299".to_owned()))?;
        let media = acknowledge.media.as_deref().unwrap_or("text/plain");
        if http::HeaderValue::from_str(media).is_err() {
            return Err((at, "webhook.acknowledge: type is no media type".into()));
        }
        let mut rules = Vec::new();
        for one in event {
            let rule = Rule::describe(one)?;
            *channels = channels.with(rule.channel.into());
            rules.push(rule);
        }
        Ok(Hooks {
            proof: Proofs::describe(proof)?,
            timeout: describe::seconds(timeout_seconds, dndgate_adapter::Profile::USUAL.webhook_timeout),
            reads,
            numbers,
            answers,
            acknowledge: (status, leak(media), acknowledge.body),
            rules,
        })
    }

    pub(crate) fn acknowledge(&self) -> Reply {
        let (status, media, body) = &self.acknowledge;
        if body.is_empty() { Reply::empty(*status) } else { Reply::new(*status, media, body.clone()) }
    }

    pub(crate) fn events<'a>(&self, webhook: &Webhook<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        let (fields, raw) = self.fields(webhook)?;
        let mut events = Vec::new();
        for (number, rule) in self.rules.iter().enumerate() {
            for part in fields.each(rule.each.as_deref()) {
                for (index, one) in rule.cut(&part)?.into_iter().enumerate() {
                    if rule.fits(&one) {
                        let digest = || format!("{number}.{index}.{}", sign::to_hex(&sign::sha256(raw)));
                        events.push(rule.event(&one, self.numbers, digest)?);
                    }
                }
            }
        }
        if events.is_empty() {
            let id = sign::to_hex(&sign::sha256(raw)).into();
            events.push(Event { id, account: None, at: None, kind: EventKind::Other("other") });
        }
        Ok(events)
    }

    /// What it says, and the bytes in which it says so.
    fn fields<'a>(&self, webhook: &Webhook<'a>) -> Result<(Fields<'a>, &'a [u8]), Unreadable> {
        if webhook.body.is_empty() || *webhook.method == Method::GET {
            let query = webhook.query().unwrap_or_default().as_bytes();
            return Ok((Fields::pairs(query), query));
        }
        let media = webhook.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media = media.unwrap_or_default().to_ascii_lowercase();
        let reads = self.reads.or(if media.contains("json") {
            Some(Reads::Json)
        } else if media.contains("x-www-form-urlencoded") {
            Some(Reads::Form)
        } else {
            None
        });
        match reads {
            Some(Reads::Json) => Ok((Fields::json(webhook.body)?, webhook.body)),
            Some(Reads::Form) => Ok((Fields::pairs(webhook.body), webhook.body)),
            None => {
                Err(Unreadable::new("its media type is neither JSON nor a form; say which by webhook.reads"))
            }
        }
    }

    /// Who wrote to whom, for a confirmation.
    pub(crate) fn written_to(&self, webhook: &Webhook<'_>) -> Option<(String, String)> {
        let (fields, _) = self.fields(webhook).ok()?;
        let rule = self.rules.iter().find(|rule| rule.says == Says::Message && rule.fits(&whole(&fields)))?;
        let one = whole(&fields);
        let person = one.text(&rule.person)?;
        let business = rule.business.as_deref().and_then(|trail| one.text(trail));
        Some((rule.address(person, self.numbers).into_owned(), business.unwrap_or_default().into_owned()))
    }

    /// See [`dndgate_adapter::Adapter::gate_reply`].
    pub(crate) fn gate_reply(
        &self,
        webhook: &Authentic<'_>,
        answer: &Answer<'_>,
        gate: &mut dyn ReplyGate,
    ) -> Result<Option<Reply>, Unreadable> {
        match self.answers {
            Answers::Ignored => Ok(None),
            Answers::Acknowledge if answer.status.is_success() => Ok(Some(self.acknowledge())),
            Answers::Acknowledge => Ok(None),
            Answers::Message if answer.body.trim_ascii().is_empty() => Ok(None),
            Answers::Message => {
                let events = self.events(webhook.webhook())?;
                let writes = events.iter().find_map(|event| match &event.kind {
                    EventKind::Message { channel, from_kind, from, .. } => Some((*channel, *from_kind, from)),
                    _ => None,
                });
                let Some((channel, kind, address)) = writes else {
                    return Err(Unreadable::new(
                        "the answer holds a text, and nobody wrote whom it would reach",
                    ));
                };
                let (channels, address) = (channel.into(), address.clone());
                let who = Recipient { channels, kind, address, role: Role::To, known: Known::Address };
                Ok(if gate.allows(&who) { None } else { Some(self.acknowledge()) })
            }
        }
    }
}

/// The whole of a webhook, not cut.
fn whole<'f, 'a>(fields: &'f Fields<'a>) -> One<'f, 'a> {
    One { part: fields.whole(), cut: None }
}

/// One occurrence: a part of the webhook, or one of several in joined texts.
#[derive(Clone, Copy)]
struct One<'f, 'a> {
    part: Part<'f, 'a>,
    /// What stands between the values, which one this is, and of how many.
    cut: Option<(&'f str, usize, usize)>,
}

impl<'a> One<'_, 'a> {
    fn text(&self, trail: &str) -> Option<Cow<'a, str>> {
        let text = self.part.text(trail)?;
        let Some((between, index, count)) = self.cut else { return Some(text) };
        let pieces: Vec<&str> = text.split(between).collect();
        // A single value is that of all.
        let one = if pieces.len() == count { pieces[index] } else { &text };
        let one = one.trim();
        (!one.is_empty()).then(|| Cow::Owned(one.to_owned()))
    }
}

impl Rule {
    fn describe(written: Spanned<file::Event>) -> Result<Rule, Fault> {
        let at = written.span().start;
        let written = written.into_inner();
        let wrong = |why: String| (at, format!("webhook.event: {why}"));
        let channel = describe::channel(&written.channel).map_err(wrong)?;
        let kind = describe::address_kind(channel, written.kind.as_deref()).map_err(wrong)?;
        let says = written.says;
        let (texts, ids) = (list(written.text), list(written.id));
        let refuse = |is_wrong: bool, why: &str| if is_wrong { Err(wrong(why.into())) } else { Ok(()) };
        refuse((says == Says::Message) == texts.is_empty(), "text is for messages, and a message needs it")?;
        refuse(
            (says == Says::Failure) != written.code.is_some(),
            "code is for failures, and a failure needs it",
        )?;
        refuse(written.severity.is_some() && says != Says::Failure, "severity is for failures")?;
        refuse(
            written.split.as_deref() == Some(""),
            "split is what stands between the values, such as \",\"",
        )?;
        refuse(
            ids.is_empty() && written.at.is_none(),
            "id or at is missing: without them a second STOP looks like the first one sent again",
        )?;
        refuse(
            written.person.is_empty(),
            "person is the field with the address of whoever wrote, or was written to",
        )?;
        Ok(Rule {
            says,
            when: written.when.into_iter().map(|(field, values)| (field, values.into_vec())).collect(),
            each: written.each,
            split: written.split,
            channel,
            kind,
            person: written.person,
            business: written.business,
            texts,
            code: written.code,
            message: written.message,
            severity: match written.severity {
                None => Severity::Unsaid,
                Some(file::Severity::Permanent) => Severity::Permanent,
                Some(file::Severity::Temporary) => Severity::Temporary,
            },
            ids,
            at: written.at,
            account: written.account,
        })
    }

    /// Cuts joined texts: there are as many occurrences as there are people.
    fn cut<'f, 'a>(&'f self, part: &Part<'f, 'a>) -> Result<Vec<One<'f, 'a>>, Unreadable> {
        let Some(between) = self.split.as_deref() else { return Ok(vec![One { part: *part, cut: None }]) };
        let Some(people) = part.text(&self.person) else { return Ok(Vec::new()) };
        let count = people.split(between).count();
        let more = [&self.code, &self.message, &self.at].into_iter().flatten();
        for trail in more.chain(&self.ids).chain(self.when.iter().map(|(trail, _)| trail)) {
            let values = part.text(trail).map_or(1, |text| text.split(between).count());
            if values != 1 && values != count {
                return Err(Unreadable::new("its lists are not of one length: whose value is whose?"));
            }
        }
        Ok((0..count).map(|index| One { part: *part, cut: Some((between, index, count)) }).collect())
    }

    fn fits(&self, one: &One<'_, '_>) -> bool {
        self.when.iter().all(|(trail, values)| match one.text(trail) {
            None => false,
            Some(text) => values.iter().any(|value| value == "*" || *value == text),
        })
    }

    fn event<'a>(
        &self,
        one: &One<'_, 'a>,
        numbers: Numbers,
        digest: impl Fn() -> String,
    ) -> Result<Event<'a>, Unreadable> {
        let person = one.text(&self.person);
        let person =
            person.ok_or_else(|| Unreadable::new(format!("{} is missing: who is it?", self.person)))?;
        let person = self.address(person, numbers);
        let ids: Vec<Cow<'_, str>> = self.ids.iter().filter_map(|trail| one.text(trail)).collect();
        let id = if ids.is_empty() { digest() } else { format!("{:?}/{}", self.says, ids.join("/")) };
        let (channel, kind) = (self.channel, self.kind);
        let said = |trail: &Option<String>| trail.as_deref().and_then(|trail| one.text(trail));
        Ok(Event {
            id: Cow::Owned(id),
            account: said(&self.account),
            at: said(&self.at).and_then(|text| proof::time(&text)),
            kind: match self.says {
                Says::Message => EventKind::Message {
                    channel,
                    from_kind: kind,
                    from: person,
                    spoken: Spoken {
                        texts: self.texts.iter().flat_map(|trail| one.part.texts(trail)).collect(),
                        provider_meaning: None,
                    },
                },
                Says::Call => EventKind::InboundCall { from: person },
                Says::Failure => EventKind::Failure {
                    channel,
                    to_kind: kind,
                    to: person,
                    code: said(&self.code).ok_or_else(|| Unreadable::new("the failure has no code"))?,
                    severity: self.severity,
                    message: said(&self.message).unwrap_or_default(),
                },
                Says::Unsubscribe => EventKind::Unsubscribe { channel, kind, address: person },
                Says::Complaint => EventKind::Complaint { channel, kind, address: person },
            },
        })
    }

    /// A number without + is the provider's international one, unless it says otherwise.
    fn address<'a>(&self, written: Cow<'a, str>, numbers: Numbers) -> Cow<'a, str> {
        let digits = written.trim();
        let digits = digits.strip_prefix("00").unwrap_or(digits);
        let is_bare = digits.bytes().next().is_some_and(|first| first.is_ascii_digit() && first != b'0');
        if self.kind == AddressKind::Phone && numbers == Numbers::International && is_bare {
            return Cow::Owned(format!("+{digits}"));
        }
        written
    }
}

fn list(written: Option<OneOrMany>) -> Vec<String> {
    written.map(OneOrMany::into_vec).unwrap_or_default()
}
