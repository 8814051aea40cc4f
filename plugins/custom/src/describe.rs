//! From what the operator wrote to what the adapter works with. Everything that can be wrong is found here.

use crate::{
    Custom,
    answers::{self, Answers},
    calls::{CANCEL_NAMES, CONFIRM_NAMES, CallOf},
    file::{self, Body, File, OneOrMany},
    refuse::Refusals,
    webhook::Hooks,
};
use dndgate_adapter::{
    AddressKind, CallbackKind, Channel, Channels, Key, Profile, Role, path,
    table::{Act, Api, Endpoint, Form, Send, To, Way},
};
use http::HeaderName;
use std::{ops::Range, time::Duration};
use toml::Spanned;

/// Name of the key that proves webhooks.
pub(crate) const SECRET: &str = "secret";
/// Name of the key for calls of the gateway's own.
pub(crate) const API_KEY: &str = "api_key";

static KEYS: &[Key] = &[
    Key {
        name: SECRET,
        what: "what webhooks are proven with: the signing secret, the shared secret, or user:password",
        for_webhooks: true,
    },
    Key {
        name: API_KEY,
        what: "what the description's [cancel] and [confirm] put where {{api_key}} stands",
        for_webhooks: false,
    },
];

/// What is wrong, and where in the text.
pub(crate) type Fault = (usize, String);

/// Where a request says for which account it acts.
#[derive(Debug)]
pub(crate) enum Account {
    Header(HeaderName),
    /// A segment of the path, the first is 0.
    Segment(usize),
    /// The user name of basic authentication.
    Basic,
}

/// Reads a description. What comes of it lives until the program ends.
pub(crate) fn describe(text: &str) -> Result<&'static Custom, Fault> {
    let file: File = toml::from_str(text)
        .map_err(|error| (error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
    let name = file.name.as_ref();
    let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-' || char == '_';
    if name.is_empty() || !name.chars().all(plain) {
        return Err((file.name.span().start, "name: use lower-case letters, digits, - and _".into()));
    }
    let upstream = host_of(&file.upstream)?;
    let mut hosts = vec![upstream];
    for host in &file.hosts {
        let fits = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || "-.*".contains(char);
        if !host.as_ref().contains('.') || !host.as_ref().chars().all(fits) {
            return Err((host.span().start, "hosts: write each as api.example.com".into()));
        }
        hosts.push(leak(host.as_ref()));
    }
    let mut all = Endpoints { hosts: &hosts, rows: Vec::new() };
    let mut seen = Seen::default();
    for send in file.send {
        let at = send.span();
        let send = send.into_inner();
        let requests = send.requests.clone();
        let described = seen.send(send, at)?;
        for request in &requests {
            all.add(request, Act::Send(described))?;
        }
    }
    for one in file.unnamed {
        let (name, at) = (leak(&one.as_ref().name), one.span());
        seen.name(name, &at)?;
        for request in &one.as_ref().requests {
            all.add(request, Act::Unnamed(name))?;
        }
    }
    for request in &file.nobody {
        all.add(request, Act::Nobody)?;
    }
    // Where a GET may send, a read that is not described is no mere look; nor is one by a method that many a script
    // does not tell from GET.
    if all.rows.iter().any(|row| row.method == "GET" && matches!(row.act, Act::Send(_) | Act::Unnamed(_))) {
        for host in &hosts {
            for method in ["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"] {
                all.rows.push(Endpoint { host, method, path: "**", act: Act::Unrecognised });
            }
        }
    }
    let hooks = file.webhook.map(|webhook| Hooks::describe(webhook, &mut seen.channels)).transpose()?;
    let timeout = hooks.as_ref().map_or(Profile::USUAL.webhook_timeout, |hooks| hooks.timeout);
    if seen.channels.is_empty() {
        return Err((0, "there is neither a [[send]] nor a [[webhook.event]]: nothing is described".into()));
    }
    let cancel = file.cancel.map(|call| CallOf::describe(call, CANCEL_NAMES)).transpose()?;
    let answers: Answers = answers::describe(file.answer)?;
    if let (Some(cancel), false) = (&cancel, answers.has_handle()) {
        return Err((
            cancel.at,
            "[cancel] needs [answer] with handle = { id = \"…\" }: what is cancelled?".into(),
        ));
    }
    if cancel.is_none() {
        seen.unnamed.push("scheduled");
    }
    Ok(Box::leak(Box::new(Custom {
        profile: Box::leak(Box::new(Profile {
            name: leak(name),
            title: file.title.as_deref().map_or_else(|| leak(name), leak),
            channels: seen.channels,
            upstream: leak(file.upstream.as_ref().trim_end_matches('/')),
            hosts: Box::leak(hosts.clone().into_boxed_slice()),
            keys: KEYS,
            body_bytes_max: file.body_bytes_max.unwrap_or(Profile::USUAL.body_bytes_max),
            webhook_timeout: timeout,
            exemptions: Box::leak(seen.kinds.into_boxed_slice()),
            unnamed: Box::leak(seen.unnamed.into_boxed_slice()),
            ..Profile::USUAL
        })),
        api: Api {
            main_host: upstream,
            endpoints: Box::leak(all.rows.into_boxed_slice()),
            closing_slash: file.closing_slash,
        },
        account: file.account.map(account).transpose()?,
        refusals: Refusals::describe(file.refusal)?,
        answers,
        cancel,
        confirm: file.confirm.map(|call| CallOf::describe(call, CONFIRM_NAMES)).transpose()?,
        hooks,
    })))
}

/// A text that lives until the program ends.
pub(crate) fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn leak_all(texts: &[String]) -> &'static [&'static str] {
    Box::leak(texts.iter().map(|text| leak(text)).collect())
}

/// The host of `https://host[:port][/base]`.
fn host_of(upstream: &Spanned<String>) -> Result<&'static str, Fault> {
    let url = upstream.as_ref();
    let after = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = after.map(|after| after.split(['/', ':']).next().unwrap_or_default()).unwrap_or_default();
    if host.is_empty() {
        return Err((upstream.span().start, "upstream: write it as https://api.example.com".into()));
    }
    Ok(leak(host))
}

fn account(written: Spanned<file::Account>) -> Result<Account, Fault> {
    let at = written.span().start;
    let wrong = |why: &str| (at, format!("account: {why}"));
    match written.into_inner() {
        file::Account { header: Some(name), segment: None, basic: false } => {
            name.parse().map(Account::Header).map_err(|_| wrong("that is no name of a header field"))
        }
        file::Account { header: None, segment: Some(number), basic: false } if number > 0 => {
            Ok(Account::Segment(number - 1))
        }
        file::Account { header: None, segment: None, basic: true } => Ok(Account::Basic),
        _ => Err(wrong("write one of header = \"…\", segment = 1 (the path's first) and basic = true")),
    }
}

/// The requests described so far.
struct Endpoints<'a> {
    hosts: &'a [&'static str],
    rows: Vec<Endpoint>,
}

impl Endpoints<'_> {
    /// `POST v1/messages`, at every host, or `POST https://other.example.com/v1/messages`.
    fn add(&mut self, written: &Spanned<String>, act: Act) -> Result<(), Fault> {
        let wrong = |why: &str| (written.span().start, format!("{:?}: {why}", written.as_ref()));
        let (method, target) = written
            .as_ref()
            .split_once(' ')
            .ok_or_else(|| wrong("write method and path, as in \"POST v1/messages\""))?;
        let is_name = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        if method != "*" && !is_name {
            return Err(wrong("the method is one such as POST, or * for each that changes something"));
        }
        let (hosts, path) = match target.trim().strip_prefix("https://") {
            None => (self.hosts, target.trim()),
            Some(rest) => {
                let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                let known = self.hosts.iter().position(|one| *one == host);
                let known = known.ok_or_else(|| wrong("its host is neither upstream nor in hosts"))?;
                (&self.hosts[known..=known], path)
            }
        };
        let path = path.trim_start_matches('/');
        path::clean(&format!("/{path}")).map_err(|_| {
            wrong("the path must stand there plainly; * is one segment, ** any number at the end")
        })?;
        for host in hosts {
            if self.rows.iter().any(|row| (row.host, row.method, row.path) == (*host, method, path)) {
                return Err(wrong("this request is described twice"));
            }
            self.rows.push(Endpoint { host, method: leak(method), path: leak(path), act });
        }
        Ok(())
    }
}

/// What the profile collects from the sends.
#[derive(Default)]
struct Seen {
    channels: Channels,
    kinds: Vec<&'static str>,
    unnamed: Vec<&'static str>,
}

impl Seen {
    fn name(&mut self, name: &'static str, at: &Range<usize>) -> Result<(), Fault> {
        if name.is_empty() || name == "scheduled" {
            return Err((
                at.start,
                "unnamed: give whom it reaches a name of its own, such as \"groups\"".into(),
            ));
        }
        if !self.unnamed.contains(&name) {
            self.unnamed.push(name);
        }
        Ok(())
    }

    fn send(&mut self, written: file::Send, at: Range<usize>) -> Result<&'static Send, Fault> {
        if written.to.is_empty() && written.unnamed.is_empty() {
            return Err((at.start, "send: to is empty: whom does it reach?".into()));
        }
        if written.requests.is_empty() || written.body.is_empty() {
            return Err((at.start, "send: requests and body each need at least one".into()));
        }
        let is_json = written.body.contains(&Body::Json);
        let mut to = Vec::new();
        for one in written.to {
            to.push(self.to(one, is_json)?);
        }
        let mut unnamed = Vec::new();
        for (field, name) in &written.unnamed {
            let name = leak(name);
            self.name(name, &at)?;
            unnamed.push((leak(field), name));
        }
        let kind = leak(&written.kind);
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
        let form = |body: &Body| match body {
            Body::Json => Form::Json,
            Body::Form => Form::Urlencoded,
            Body::Query => Form::Query,
        };
        let parallel = written.parallel.iter().map(|(field, between)| (leak(field), leak(between)));
        let callbacks = written.callbacks.iter().map(|field| (leak(field), CallbackKind::Status));
        Ok(Box::leak(Box::new(Send {
            kind,
            forms: Box::leak(written.body.iter().map(form).collect()),
            to: Box::leak(to.into_boxed_slice()),
            optional: written.optional,
            unnamed: Box::leak(unnamed.into_boxed_slice()),
            dispensable: leak_all(&written.dispensable),
            keyed: leak_all(&written.keyed),
            parallel: Box::leak(parallel.collect()),
            callbacks: Box::leak(callbacks.collect()),
            scheduled: leak_all(&written.scheduled),
            sender: leak(&written.sender),
            tags: leak_all(&written.tags),
            ..Send::NONE
        })))
    }

    fn to(&mut self, written: Spanned<file::To>, is_json: bool) -> Result<To, Fault> {
        let at = written.span().start;
        let wrong = |why: String| (at, format!("to: {why}"));
        let file::To { at: trail, joined, channel, kind, beside, ways, role } = written.into_inner();
        if trail.is_empty() || !is_json && trail.contains(['.', '[']) {
            return Err(wrong("at names a field; . and [] are for JSON".into()));
        }
        let way = match (channel, beside) {
            (Some(channel), None) if ways.is_empty() => {
                let (channels, kind) = reached(channel, kind.as_deref()).map_err(wrong)?;
                self.channels = self.channels.with(channels);
                Way::Always(channels, kind)
            }
            (None, Some(field)) if !ways.is_empty() && kind.is_none() => {
                let mut rows = Vec::new();
                for (value, way) in ways {
                    let (channels, kind) = reached(way.channel, way.kind.as_deref()).map_err(wrong)?;
                    self.channels = self.channels.with(channels);
                    rows.push((leak(&value), channels, kind));
                }
                Way::Beside(leak(&field), Box::leak(rows.into_boxed_slice()))
            }
            _ => {
                return Err(wrong(
                    "write either channel = \"SMS\", or beside = \"field\" with ways = { … }".into(),
                ));
            }
        };
        let role = match role {
            file::Role::To => Role::To,
            file::Role::Cc => Role::Cc,
            file::Role::Bcc => Role::Bcc,
        };
        Ok(To { at: leak(&trail), joined: leak(&joined), way, role })
    }
}

/// The channels, and the kind of address by which all of them reach a person.
fn reached(written: OneOrMany, kind: Option<&str>) -> Result<(Channels, AddressKind), String> {
    let mut channels = Channels::NONE;
    for name in written.into_vec() {
        channels = channels.with(channel(&name)?.into());
    }
    let first = channels.first().ok_or("channel is empty")?;
    let kind = address_kind(first, kind)?;
    if channels.iter().any(|channel| !channel.kinds().contains(&kind)) {
        return Err(format!("nobody is reached by {} on each of these channels", kind.name()));
    }
    Ok((channels, kind))
}

/// A channel by its name.
pub(crate) fn channel(name: &str) -> Result<Channel, String> {
    Channel::parse(name).ok_or_else(|| {
        let names: Vec<&str> = Channel::ALL.into_iter().map(Channel::name).collect();
        format!("{name:?} is no channel; there are: {}", names.join(", "))
    })
}

/// The kind of address on a channel; when none is named, the usual.
pub(crate) fn address_kind(channel: Channel, name: Option<&str>) -> Result<AddressKind, String> {
    let kinds = channel.kinds();
    match name {
        None => Ok(kinds[0]),
        Some(name) => AddressKind::parse(name).filter(|kind| kinds.contains(kind)).ok_or_else(|| {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            format!("kind {name:?} does not fit {channel}; there are: {}", names.join(", "))
        }),
    }
}

/// A number of seconds.
pub(crate) fn seconds(written: Option<u64>, usual: Duration) -> Duration {
    written.map_or(usual, Duration::from_secs)
}
