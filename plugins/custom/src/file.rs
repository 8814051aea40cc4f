//! What the operator writes: the keys of a description, read strictly. docs/custom-adapter.md explains each.

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// A whole description.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) name: Spanned<String>,
    pub(crate) title: Option<String>,
    pub(crate) upstream: Spanned<String>,
    #[serde(default)]
    pub(crate) hosts: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) closing_slash: bool,
    pub(crate) body_bytes_max: Option<u64>,
    pub(crate) account: Option<Spanned<Account>>,
    #[serde(default)]
    pub(crate) send: Vec<Spanned<Send>>,
    #[serde(default)]
    pub(crate) unnamed: Vec<Spanned<Unnamed>>,
    #[serde(default)]
    pub(crate) nobody: Vec<Spanned<String>>,
    pub(crate) refusal: Spanned<Refusal>,
    pub(crate) answer: Option<Spanned<Answer>>,
    pub(crate) cancel: Option<Spanned<Call>>,
    pub(crate) confirm: Option<Spanned<Call>>,
    pub(crate) webhook: Option<Spanned<Webhook>>,
}

/// Where a request says for which account it acts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    pub(crate) header: Option<String>,
    pub(crate) segment: Option<usize>,
    #[serde(default)]
    pub(crate) basic: bool,
}

/// `[[send]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Send {
    pub(crate) requests: Vec<Spanned<String>>,
    #[serde(default = "message")]
    pub(crate) kind: String,
    pub(crate) body: Vec<Body>,
    pub(crate) to: Vec<Spanned<To>>,
    #[serde(default)]
    pub(crate) optional: bool,
    #[serde(default)]
    pub(crate) unnamed: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) dispensable: Vec<String>,
    #[serde(default)]
    pub(crate) keyed: Vec<String>,
    #[serde(default)]
    pub(crate) parallel: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) callbacks: Vec<String>,
    #[serde(default)]
    pub(crate) scheduled: Vec<String>,
    #[serde(default)]
    pub(crate) sender: String,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}

fn message() -> String {
    "message".into()
}

/// A form in which a request is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Body {
    Json,
    Form,
    Query,
}

/// Where recipients stand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct To {
    pub(crate) at: String,
    #[serde(default)]
    pub(crate) joined: String,
    pub(crate) channel: Option<OneOrMany>,
    pub(crate) kind: Option<String>,
    pub(crate) beside: Option<String>,
    #[serde(default)]
    pub(crate) ways: BTreeMap<String, Way>,
    #[serde(default)]
    pub(crate) role: Role,
}

/// What a value beside an address means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Way {
    pub(crate) channel: OneOrMany,
    pub(crate) kind: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    #[default]
    To,
    Cc,
    Bcc,
}

/// One text or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(crate) fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

/// `[[unnamed]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unnamed {
    pub(crate) name: String,
    pub(crate) requests: Vec<Spanned<String>>,
}

/// `[refusal]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    #[serde(default = "bad_request")]
    pub(crate) status: u16,
    #[serde(rename = "type")]
    pub(crate) media: String,
    pub(crate) body: String,
    #[serde(default)]
    pub(crate) unreadable: Other,
    #[serde(default)]
    pub(crate) account: Other,
    #[serde(default)]
    pub(crate) failure: Other,
}

fn bad_request() -> u16 {
    400
}

/// What differs in another refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Other {
    pub(crate) status: Option<u16>,
    pub(crate) body: Option<String>,
}

/// `[answer]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    #[serde(default)]
    pub(crate) no_error: Vec<String>,
    #[serde(default)]
    pub(crate) always: bool,
    pub(crate) handle: Option<Spanned<Handle>>,
}

/// Where the answer to a scheduled send names it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handle {
    pub(crate) each: Option<String>,
    pub(crate) id: String,
    pub(crate) address: Option<String>,
}

/// `[cancel]` and `[confirm]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    pub(crate) request: String,
    #[serde(rename = "type")]
    pub(crate) media: Option<String>,
    #[serde(default)]
    pub(crate) body: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) basic: bool,
}

/// `[webhook]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    pub(crate) reads: Option<Reads>,
    #[serde(default)]
    pub(crate) numbers: Numbers,
    #[serde(default)]
    pub(crate) answers: Answers,
    pub(crate) timeout_seconds: Option<u64>,
    #[serde(default)]
    pub(crate) acknowledge: Acknowledge,
    pub(crate) proof: Spanned<Proof>,
    pub(crate) event: Vec<Spanned<Event>>,
}

/// The form of a webhook's body where its media type does not say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reads {
    Json,
    Form,
}

/// How numbers without + in webhooks are meant.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Numbers {
    #[default]
    International,
    National,
}

/// What the provider makes of the answer to a webhook.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answers {
    /// Nothing is known: it is acknowledged, whatever the CRM says.
    #[default]
    Acknowledge,
    /// Nothing: the CRM's answer is given to it.
    Ignored,
    /// A text in it is sent to the person who wrote.
    Message,
}

/// What tells the provider "taken".
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acknowledge {
    pub(crate) status: Option<u16>,
    #[serde(rename = "type")]
    pub(crate) media: Option<String>,
    #[serde(default)]
    pub(crate) body: String,
}

/// `[webhook.proof]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    pub(crate) how: How,
    pub(crate) header: Option<String>,
    pub(crate) field: Option<String>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) encoding: Option<Encoding>,
    pub(crate) prefix: Option<String>,
    pub(crate) over: Option<String>,
    pub(crate) timestamp: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) tolerance_seconds: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum How {
    Hmac,
    Header,
    Basic,
    Query,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    Hex,
    Base64,
}

/// `[[webhook.event]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    pub(crate) says: Says,
    #[serde(default)]
    pub(crate) when: BTreeMap<String, OneOrMany>,
    pub(crate) each: Option<String>,
    pub(crate) split: Option<String>,
    pub(crate) channel: String,
    pub(crate) kind: Option<String>,
    pub(crate) person: String,
    pub(crate) business: Option<String>,
    pub(crate) text: Option<OneOrMany>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) severity: Option<Severity>,
    pub(crate) id: Option<OneOrMany>,
    pub(crate) at: Option<String>,
    pub(crate) account: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Says {
    Message,
    Call,
    Failure,
    Unsubscribe,
    Complaint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Permanent,
    Temporary,
}
