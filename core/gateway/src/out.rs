//! Who is taken out of a send, and what is said about each.

use crate::{gate::Blocked, rules::Ruled};
use dndgate_adapter::{Channel, Refusal, RefusalCause, Refused, Sending, Unreadable};
use dndgate_dnd::ReasonKind;
use smallvec::SmallVec;
use std::borrow::Cow;

/// Recipients of whom it is not certain who they are, by index, and why they are refused.
pub(crate) type Uncertain = SmallVec<[(usize, Unreadable); 0]>;

/// The verdict on a send's recipients: everybody not named in it may be reached.
#[derive(Clone, Copy)]
pub(crate) struct Out<'a, 's> {
    pub(crate) sending: &'a Sending<'s>,
    pub(crate) blocked: &'a [Blocked],
    pub(crate) ruled: &'a [Ruled],
    pub(crate) uncertain: &'a [(usize, Unreadable)],
}

/// What is said about one who is taken out.
pub(crate) struct Why<'a> {
    pub(crate) cause: RefusalCause,
    pub(crate) message: Cow<'a, str>,
    pub(crate) code: Option<u32>,
    /// The blocked channel, and the kind of reason; none when a send rule blocks.
    pub(crate) reason: Option<(Channel, Option<ReasonKind>)>,
}

impl<'a> Out<'a, '_> {
    /// The indices of all who are taken out, ascending: those with a verdict, and those who hang on them.
    pub(crate) fn dropped(&self) -> Vec<usize> {
        let own = (self.blocked.iter().map(|one| one.index))
            .chain(self.ruled.iter().map(|one| one.index))
            .chain(self.uncertain.iter().map(|one| one.0));
        self.sending.with_followers(own.collect())
    }

    /// Why this one is taken out.
    pub(crate) fn why(&self, index: usize) -> Why<'a> {
        if let Some(one) = self.blocked.iter().find(|one| one.index == index) {
            return Why {
                cause: RefusalCause::Blocked,
                message: format!("the recipient does not want to be contacted ({})", one.reason).into(),
                code: None,
                reason: Some((one.channel, Some(one.reason))),
            };
        }
        if let Some(one) = self.ruled.iter().find(|one| one.index == index) {
            let message = Cow::Borrowed(one.reason.as_str());
            let reason = Some((one.channel, None));
            return Why { cause: RefusalCause::Blocked, message, code: None, reason };
        }
        if let Some((_, why)) = self.uncertain.iter().find(|one| one.0 == index) {
            let message = Cow::Borrowed(&*why.message);
            return Why { cause: RefusalCause::Unreadable, message, code: why.code, reason: None };
        }
        let message = "it hangs on another part of this request, which is refused".into();
        Why { cause: RefusalCause::Unreadable, message, code: None, reason: None }
    }

    /// The same in the adapter's words.
    pub(crate) fn refused<'r>(
        &'r self,
        dropped: &[usize],
        why: &'r [Why<'r>],
        request_id: &'r str,
    ) -> Vec<Refused<'r>> {
        let each = dropped.iter().zip(why);
        let told = each.map(|(index, why)| Refused {
            index: *index,
            refusal: Refusal {
                cause: why.cause,
                message: &why.message,
                address: self.sending.recipients.get(*index).map(|one| &*one.address),
                channel: why.reason.map(|(channel, _)| channel),
                reason: why.reason.map(|(_, kind)| kind.map_or("policy", ReasonKind::name)),
                code: why.code,
                request_id,
            },
        });
        told.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dndgate_adapter::Copies;

    #[test]
    fn who_hangs_on_somebody_goes_along() {
        let sending = Sending { follows: vec![(3, 2), (2, 0)], ..Sending::default() };
        let blocked = [Blocked { index: 0, channel: Channel::Fb, reason: ReasonKind::Keyword }];
        let out = Out { sending: &sending, blocked: &blocked, ruled: &[], uncertain: &[] };
        assert_eq!(out.dropped(), [0, 2, 3]);
        let hidden = Copies { who: vec![4, 5], of: vec![0, 1] };
        let both = [blocked[0], Blocked { index: 1, ..blocked[0] }];
        for (blocked, dropped) in [(&both[..1], &[0][..]), (&both[..], &[0, 1, 4, 5][..])] {
            let sending = Sending { copies: vec![hidden.clone()], ..Sending::default() };
            let out = Out { sending: &sending, blocked, ruled: &[], uncertain: &[] };
            assert_eq!(out.dropped(), dropped);
        }
        assert_eq!(out.why(3).cause, RefusalCause::Unreadable);
        assert_eq!(out.why(0).reason, Some((Channel::Fb, Some(ReasonKind::Keyword))));
    }
}
