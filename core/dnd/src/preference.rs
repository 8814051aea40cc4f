//! What a person may switch back on for itself, on the page behind an unsubscribe link (R17).
//!
//! A link can be passed on with the mail that holds it. So whoever has it may silence the person, which is undone
//! with two clicks, but never opens what was closed in another way: by a STOP, a complaint, an operator.

use crate::reason::{AddressKey, Blocks, Lock, Reason, ReasonKind};
use dndgate_adapter::Channel;

/// How a channel stands for the person at one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preference {
    /// Nothing blocks it.
    On,
    /// The person's own unsubscribe is all that blocks it: it may switch the channel back on, which ends the
    /// reasons with these ids.
    Unsubscribed(Vec<String>),
    /// Something else blocks it, too; what it takes to end that, where it is locked.
    Off(Option<Lock>),
}

/// How a channel stands, from all reasons that block the address `origin`: its own and its contacts'.
pub fn preference(reasons: &[Reason], channel: Channel, origin: &AddressKey) -> Preference {
    let live = || reasons.iter().filter(|one| one.is_live() && one.blocks.channels().has(channel));
    let is_own = |one: &Reason| {
        one.kind == ReasonKind::Unsubscribe
            && one.blocks == Blocks::Channel(channel)
            && one.origin.as_ref() == Some(origin)
    };
    if live().next().is_none() {
        Preference::On
    } else if live().all(is_own) {
        Preference::Unsubscribed(live().map(|one| one.id.clone()).collect())
    } else {
        Preference::Off(live().find_map(Reason::lock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dndgate_adapter::AddressKind;

    fn email(name: &str) -> AddressKey {
        AddressKey { kind: AddressKind::Email, key: format!("{name}@example.com") }
    }

    fn reason(kind: ReasonKind, blocks: Blocks, origin: Option<AddressKey>) -> Reason {
        Reason {
            id: format!("{kind}-{}", blocks.name()),
            kind,
            blocks,
            origin,
            permanent: false,
            code: None,
            message: String::new(),
            source: String::new(),
            actor: String::new(),
            began: jiff::Timestamp::UNIX_EPOCH,
            repeated: None,
            expires: None,
            ended: None,
        }
    }

    const EMAIL: Blocks = Blocks::Channel(Channel::Email);
    const SMS: Blocks = Blocks::Channel(Channel::Sms);

    #[test]
    fn r17_the_person_switches_back_on_what_it_unsubscribed_itself() {
        let own = reason(ReasonKind::Unsubscribe, EMAIL, Some(email("ada")));
        let of = |reasons: &[Reason], channel| preference(reasons, channel, &email("ada"));
        assert_eq!(of(&[], Channel::Email), Preference::On);
        let have = [own.clone()];
        assert_eq!(of(&have, Channel::Email), Preference::Unsubscribed(vec!["unsubscribe-Email".into()]));
        assert_eq!(of(&have, Channel::Sms), Preference::On);
        let mut ended = own;
        ended.ended =
            Some(crate::Ended { at: jiff::Timestamp::UNIX_EPOCH, by: String::new(), why: String::new() });
        assert_eq!(of(&[ended], Channel::Email), Preference::On);
    }

    #[test]
    fn r17_and_nothing_else() {
        let own = |blocks| reason(ReasonKind::Unsubscribe, blocks, Some(email("ada")));
        for (other, lock) in [
            (reason(ReasonKind::Complaint, EMAIL, Some(email("ada"))), Some(Lock::EmailRelease)),
            (reason(ReasonKind::Bounce, EMAIL, Some(email("ada"))), None),
            (reason(ReasonKind::Manual, EMAIL, None), None),
            (reason(ReasonKind::All, Blocks::AllChannels, None), None),
            (reason(ReasonKind::Propagated, EMAIL, Some(email("ada"))), None),
            (reason(ReasonKind::Unsubscribe, EMAIL, Some(email("eve"))), None),
        ] {
            let said = preference(&[own(EMAIL), other.clone()], Channel::Email, &email("ada"));
            assert_eq!(said, Preference::Off(lock), "{} beside it", other.kind);
            assert_eq!(preference(&[other], Channel::Email, &email("ada")), Preference::Off(lock));
        }
        let stopped = reason(ReasonKind::Keyword, SMS, Some(email("ada")));
        let said = preference(&[own(SMS), stopped], Channel::Sms, &email("ada"));
        assert_eq!(said, Preference::Off(Some(Lock::OptIn)), "r22");
    }
}
