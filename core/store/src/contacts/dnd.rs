//! What a caller wants of a contact's DND (R15, R20, R24).

use super::{ChannelWish, ContactDraft, Origin, all_reasons};
use crate::{
    error::Result,
    events,
    opt::{self, Change, Ending},
    rows::Subject,
    tx::Tx,
};
use dndgate_dnd::{Blocks, Cause, Lift, Reason, ReasonKind, Status, Stays, state};
use serde_json::json;

/// Does what a draft says of DND: ends first, begins after (R15, R20, R24).
pub(super) fn set_dnd(
    tx: &mut Tx<'_>,
    tenant: &str,
    id: &str,
    draft: &ContactDraft,
    origin: &Origin,
) -> Result<(Vec<Stays>, Vec<Change>)> {
    let shown = all_reasons(tx, tenant, id)?;
    let ending =
        Ending { by: &origin.actor, source: &origin.source, why: "switched off", event_at: origin.at };
    let (mut stays, mut ended) = (Vec::new(), Vec::new());
    let live = |blocks: Blocks| shown.iter().any(|one| one.is_live() && one.blocks == blocks);
    if draft.dnd == Some(false) && live(Blocks::AllChannels) {
        let (lifted, parts) = opt::lift(tx, tenant, id, &Lift::AllSwitch, &ending)?;
        stays.extend(lifted.stays);
        ended.extend(parts);
    }
    for (channel, _) in draft.settings.iter().filter(|(_, wish)| wish.status == Status::Inactive) {
        ended.extend(opt::lift(tx, tenant, id, &Lift::Channel(*channel), &ending)?.1);
    }
    if draft.inbound.as_ref().is_some_and(|wish| wish.status == Status::Inactive) {
        ended.extend(opt::lift(tx, tenant, id, &Lift::Inbound, &ending)?.1);
    }
    if draft.dnd == Some(false) {
        let now = all_reasons(tx, tenant, id)?;
        for reason in now.iter().filter(|one| one.is_live() && one.blocks != Blocks::Inbound) {
            let how = reason.lock().map_or("switch this channel off as well", |lock| lock.how());
            let one = Stays { blocks: reason.blocks.name(), kind: reason.kind, how };
            if !stays.contains(&one) {
                stays.push(one);
            }
        }
    }
    let causes = causes(draft, &shown, origin);
    let begun = opt::begin(tx, tenant, &Subject::Contact(id.to_owned()), &causes.iter().collect::<Vec<_>>())?;
    tx.touch_contact(tenant, id)?;
    let mut changes = Vec::new();
    if !ended.is_empty() {
        let names = ended.iter().map(|(blocks, ..)| blocks.name()).collect::<std::collections::BTreeSet<_>>();
        events::raise(tx, tenant, &[id.to_owned()], None, false, json!(names))?;
        changes.push(Change { tenant: tenant.to_owned(), parts: ended });
    }
    if !begun.is_empty() {
        let names = begun.iter().map(|one| one.blocks.name()).collect::<std::collections::BTreeSet<_>>();
        events::raise(tx, tenant, &[id.to_owned()], None, true, json!(names))?;
        opt::cancel_scheduled(tx, tenant, id)?;
        let parts = begun.iter().map(|one| (one.blocks, one.kind, true)).collect();
        changes.push(Change { tenant: tenant.to_owned(), parts });
    }
    Ok((stays, changes))
}

/// The causes that a draft asks for. What merely repeats what was shown is no wish.
fn causes(draft: &ContactDraft, shown: &[Reason], origin: &Origin) -> Vec<Cause> {
    let cause = |kind, blocks, wish: Option<&ChannelWish>| Cause {
        kind,
        blocks,
        origin: None,
        permanent: wish.is_some_and(|wish| wish.status == Status::Permanent),
        code: wish.and_then(|wish| wish.code.clone()).filter(|code| !code.is_empty()),
        message: wish.and_then(|wish| wish.message.clone()).unwrap_or_default(),
        source: origin.source.clone(),
        actor: origin.actor.clone(),
        at: origin.at,
        expires: None,
    };
    let echo = |wish: &ChannelWish, state: &state::ChannelState<'_>| {
        state.reasons.first().is_some_and(|first| {
            wish.status == state.status
                && wish.message.as_deref().is_some_and(|message| message == first.message)
                && wish.code.as_deref().unwrap_or_default() == first.code.as_deref().unwrap_or_default()
        })
    };
    let mut all = Vec::new();
    if draft.dnd == Some(true) {
        all.push(cause(ReasonKind::All, Blocks::AllChannels, None));
    }
    for (channel, wish) in draft.settings.iter().filter(|(_, wish)| wish.status != Status::Inactive) {
        if !echo(wish, &state::channel(shown, *channel)) {
            let kind = if wish.status == Status::Permanent { ReasonKind::Import } else { ReasonKind::Manual };
            all.push(cause(kind, Blocks::Channel(*channel), Some(wish)));
        }
    }
    if let Some(wish) = draft.inbound.as_ref().filter(|wish| wish.status != Status::Inactive)
        && !echo(wish, &state::inbound(shown))
    {
        all.push(cause(ReasonKind::Manual, Blocks::Inbound, Some(wish)));
    }
    all
}
