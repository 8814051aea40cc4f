//! A provider without Rust: its API and webhooks described in one TOML file by the operator.
//!
//! Reading order: [`file`] (what is written), [`describe`] (what comes of it), [`refuse`], [`answers`] and
//! [`calls`], [`proof`], [`webhook`]. The requests themselves are read by `dndgate_adapter::table`. Each key is
//! explained in docs/custom-adapter.md.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answers;
mod calls;
mod describe;
mod fields;
mod file;
mod proof;
mod refuse;
mod template;
mod webhook;

use describe::Account;
use dndgate_adapter::{
    Adapter, Answer, Authentic, CannotTrim, Channel, Edit, Event, EventKind, Forged, Head, Key, Learned,
    Look, Outbound, Profile, Proof, Refusal, Reply, ReplyGate, Request, Resigned, Scheduled, Secrets,
    Sending, Unreadable, Webhook, outbound::Call, sign, table::Api,
};
use http::{HeaderName, StatusCode, header};
use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// The adapter's name in the configuration.
pub const NAME: &str = "custom";
/// Name of the key that names the description's file.
const FILE: &str = "file";
/// The keys that [`make`] is given.
pub static KEYS: &[Key] =
    &[Key { name: FILE, what: "the file with the provider's description", for_webhooks: false }];

/// A described provider.
#[derive(Debug)]
pub struct Custom {
    profile: &'static Profile,
    api: Api,
    account: Option<Account>,
    refusals: refuse::Refusals,
    answers: answers::Answers,
    cancel: Option<calls::CallOf>,
    confirm: Option<calls::CallOf>,
    hooks: Option<webhook::Hooks>,
}

/// What was made so far: a file that has not changed is not made again at each reload.
static MADE: Mutex<Vec<(PathBuf, String, &'static Custom)>> = Mutex::new(Vec::new());

/// Makes an adapter of the file that `values` name; a path is relative to `folder`.
///
/// # Errors
/// When it cannot be read or is not right; the sentence names file and line, and says what would be right.
pub fn make(values: &Secrets, folder: &Path) -> Result<&'static dyn Adapter, String> {
    let [file] = values.all(FILE) else {
        return Err("adapter custom needs file = \"…\", the file with the provider's description".into());
    };
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("file: cannot read {}: {error}", path.display()))?;
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((.., known)) = made.iter().find(|(of, from, _)| *of == path && *from == text) {
        return Ok(*known);
    }
    let custom = read(&text, &path.display().to_string())?;
    made.push((path, text, custom));
    Ok(custom)
}

/// Reads a description; `name` is the file's, for errors.
///
/// # Errors
/// As [`make`].
pub fn read(text: &str, name: &str) -> Result<&'static Custom, String> {
    describe::describe(text).map_err(|(offset, why)| {
        let line = text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1);
        format!("{name}:{line}: {why}")
    })
}

impl Custom {
    /// The signature of a webhook as the provider would make it, for tests. `None` where it signs nothing.
    pub fn signature(&self, webhook: &Webhook<'_>, secret: &str) -> Option<(HeaderName, String)> {
        self.hooks.as_ref()?.proof.sign(webhook, secret)
    }
}

impl Adapter for Custom {
    fn profile(&self) -> &'static Profile {
        self.profile
    }

    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        match self.account.as_ref()? {
            Account::Header(name) => head.header(name.as_str()).map(Cow::Borrowed),
            Account::Segment(index) => {
                let segment = head.path.trim_start_matches('/').split('/').nth(*index);
                segment.filter(|segment| !segment.is_empty()).map(Cow::Borrowed)
            }
            Account::Basic => {
                let value = head.header(header::AUTHORIZATION.as_str())?;
                let value = value
                    .get(..6)
                    .filter(|scheme| scheme.eq_ignore_ascii_case("basic "))
                    .and(value.get(6..))?;
                let pair = String::from_utf8(sign::from_base64(value)?).ok()?;
                pair.split_once(':').map(|(user, _)| Cow::Owned(user.to_owned()))
            }
        }
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        self.api.look(head)
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        self.api.read(request)
    }

    fn trim(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        self.api.trim(request, drop)
    }

    fn trim_query(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Option<String> {
        self.api.trim_query(request, drop)
    }

    fn refuse(&self, _: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        self.refusals.render(refusal)
    }

    fn wants_answer(&self, send: &Sending<'_>, status: StatusCode) -> bool {
        self.answers.wanted(send, status)
    }

    fn learn(&self, _: &Request<'_>, send: &Sending<'_>, dropped: &[usize], answer: &Answer<'_>) -> Learned {
        self.answers.learn(send, dropped, answer)
    }

    fn cancel(&self, scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
        self.cancel.as_ref()?.with(&[&scheduled.id, &scheduled.address], secrets)
    }

    fn verify(
        &self,
        webhook: &Webhook<'_>,
        secrets: &Secrets,
        now: jiff::Timestamp,
    ) -> Result<Proof, Forged> {
        let hooks = self.hooks.as_ref().ok_or(Forged("the provider's description has no [webhook]"))?;
        hooks.proof.verify(webhook, secrets, now)
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        self.hooks.as_ref().map_or(Ok(Vec::new()), |hooks| hooks.events(webhook.webhook()))
    }

    fn acknowledge(&self, _: &Authentic<'_>) -> Reply {
        self.hooks.as_ref().map_or(Reply::empty(StatusCode::OK), webhook::Hooks::acknowledge)
    }

    fn confirms_itself(&self, _: &Authentic<'_>, event: &Event<'_>) -> bool {
        let by_text = matches!(&event.kind, EventKind::Message { channel, .. } if *channel != Channel::Call);
        !by_text || self.confirm.is_none()
    }

    fn confirm_call(
        &self,
        webhook: &Authentic<'_>,
        _: &Event<'_>,
        text: &str,
        secrets: &Secrets,
    ) -> Option<Call> {
        let (person, business) = self.hooks.as_ref()?.written_to(webhook.webhook())?;
        self.confirm.as_ref()?.with(&[&person, &business, text], secrets)
    }

    fn gate_reply(
        &self,
        webhook: &Authentic<'_>,
        answer: &Answer<'_>,
        gate: &mut dyn ReplyGate,
    ) -> Result<Option<Reply>, Unreadable> {
        self.hooks.as_ref().map_or(Ok(None), |hooks| hooks.gate_reply(webhook, answer, gate))
    }

    fn resign(
        &self,
        webhook: &Authentic<'_>,
        url: &str,
        secrets: &Secrets,
        now: jiff::Timestamp,
        late: bool,
    ) -> Option<Resigned> {
        self.hooks.as_ref()?.proof.resign(webhook.webhook(), url, secrets, now, late)
    }
}
