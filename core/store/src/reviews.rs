//! Messages in doubt: the policy could not tell whether the person opted out, so a person decides. Until then nothing
//! changes.

use crate::{
    error::{Result, StoreError},
    events, ledger,
    opt::{self, Change},
    rows::Subject,
    tx::Tx,
};
use dndgate_adapter::Channel;
use dndgate_dnd::{AddressKey, Blocks, Cause, ReasonKind};
use jiff::Timestamp;
use serde_json::json;

/// How much of a message is kept for whoever decides, in characters.
const TEXT_CHARS_MAX: usize = 2_000;
/// How long a decided one is kept, in days.
pub(crate) const DAYS: i64 = 90;

/// What a person makes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is an opt-out.
    OptOut,
    /// It is ordinary talk.
    Nothing,
}

impl Decision {
    /// As the API writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Decision::OptOut => "opt_out",
            Decision::Nothing => "nothing",
        }
    }

    /// Reads it.
    pub fn parse(name: &str) -> Option<Decision> {
        [Decision::OptOut, Decision::Nothing].into_iter().find(|one| one.name() == name)
    }
}

/// Who decided what, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// What.
    pub decision: Decision,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A message in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Its id; later ones are greater.
    pub id: String,
    /// The tenant.
    pub tenant: String,
    /// The channel on which it was said.
    pub channel: Channel,
    /// From which address.
    pub address: AddressKey,
    /// What was said.
    pub text: String,
    /// The rule that was in doubt.
    pub rule: String,
    /// The provider's event and our request.
    pub source: String,
    /// When it was said.
    pub said: Timestamp,
    /// When it was noted.
    pub noted: Timestamp,
    /// What became of it.
    pub decided: Option<Decided>,
}

/// A message in doubt that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The channel on which it was said.
    pub channel: Channel,
    /// From which address.
    pub address: AddressKey,
    /// What was said.
    pub text: String,
    /// The rule that is in doubt.
    pub rule: String,
    /// The provider's event and our request.
    pub source: String,
    /// When it was said.
    pub said: Timestamp,
}

/// Keeps a message in doubt and raises the event `DndReview`.
///
/// # Errors
/// When the store cannot be written.
pub fn open(tx: &mut Tx<'_>, tenant: &str, doubt: &Doubt) -> Result<()> {
    let review = Review {
        id: uuid::Uuid::now_v7().simple().to_string(),
        tenant: tenant.to_owned(),
        channel: doubt.channel,
        address: doubt.address.clone(),
        text: doubt.text.chars().take(TEXT_CHARS_MAX).collect(),
        rule: doubt.rule.clone(),
        source: doubt.source.clone(),
        said: doubt.said,
        noted: crate::tx::now(),
        decided: None,
    };
    tx.rows.put_review(&review)?;
    events::raise_review(tx, &review)
}

/// Those that wait, or those that are decided, the oldest first, after one of them.
///
/// # Errors
/// When the store cannot be read.
pub fn page(
    tx: &mut Tx<'_>,
    tenant: Option<&str>,
    decided: bool,
    after: &str,
    limit: usize,
) -> Result<Vec<Review>> {
    tx.rows.reviews(tenant, decided, after, limit)
}

/// One of them.
///
/// # Errors
/// When the store cannot be read.
pub fn get(tx: &mut Tx<'_>, id: &str) -> Result<Option<Review>> {
    tx.rows.review(id)
}

/// Keeps what a person decided, and does it: an opt-out begins as if the policy had understood it.
///
/// # Errors
/// When there is none, it is decided already, or the store cannot be written.
pub fn decide(
    tx: &mut Tx<'_>,
    id: &str,
    decision: Decision,
    actor: &str,
) -> Result<(Review, Option<Change>)> {
    let mut review = tx.rows.review(id)?.ok_or(StoreError::NotFound)?;
    if review.decided.is_some() {
        return Err(StoreError::Conflict("this message is decided already".into()));
    }
    let at = crate::tx::now();
    tx.rows.decide_review(id, decision.name(), actor, at)?;
    let source = format!("review:{id} {} rule {}", review.source, review.rule);
    let change = match decision {
        Decision::OptOut => {
            let cause = Cause {
                kind: ReasonKind::Keyword,
                blocks: Blocks::Channel(review.channel),
                origin: Some(review.address.clone()),
                permanent: false,
                code: None,
                message: format!("a person read a reply on {} as an opt-out", review.channel),
                source,
                actor: actor.to_owned(),
                at: review.said,
                expires: None,
            };
            opt::record(tx, &review.tenant, &[cause])?
        }
        Decision::Nothing => {
            note(tx, &review, &source, actor, at)?;
            None
        }
    };
    review.decided = Some(Decided { decision, by: actor.to_owned(), at });
    Ok((review, change))
}

/// That a person saw no opt-out in it is on record, too.
fn note(tx: &mut Tx<'_>, review: &Review, source: &str, actor: &str, at: Timestamp) -> Result<()> {
    let mut subjects = vec![Subject::Address(review.address.clone())];
    subjects.extend(tx.holders(&review.tenant, &review.address)?.into_iter().map(Subject::Contact));
    let suppressed = tx.suppressed(&review.tenant, &review.address)?;
    let entry = ledger::Entry {
        tenant: &review.tenant,
        subjects: &subjects,
        change: "review",
        reasons: &[],
        before: suppressed,
        after: suppressed,
        source,
        actor,
        event_at: at,
        more: json!({ "channel": review.channel.name(), "decision": Decision::Nothing.name() }),
    };
    ledger::append(tx, &entry)
}
