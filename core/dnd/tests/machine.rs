//! The state machine under every sequence of causes and lifts: what may never happen, whatever comes.

use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::{
    AddressKey, Blocks, Cause, Ended, Evidence, Lift, Lock, Proofs, Reason, ReasonKind, Standing, Status,
    Suppressed, rules, state,
};
use jiff::Timestamp;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Cause { kind: ReasonKind, blocks: Blocks, from: u8, permanent: bool, lasts: Option<u8> },
    Lift(Lift),
    OptIn { channel: Channel, from: u8 },
    Evidence(Channel),
    Expire,
}

fn channel() -> impl Strategy<Value = Channel> {
    (0..Channel::ALL.len()).prop_map(|index| Channel::ALL[index])
}

fn blocks() -> impl Strategy<Value = Blocks> {
    prop_oneof![6 => channel().prop_map(Blocks::Channel), 1 => Just(Blocks::AllChannels), 1 => Just(Blocks::Inbound)]
}

fn step() -> impl Strategy<Value = Step> {
    let kind = (0..ReasonKind::ALL.len()).prop_map(|index| ReasonKind::ALL[index]);
    prop_oneof![
        4 => (kind, blocks(), 0u8..3, any::<bool>(), prop::option::of(0u8..20))
            .prop_map(|(kind, blocks, from, permanent, lasts)| Step::Cause { kind, blocks, from, permanent, lasts }),
        2 => prop_oneof![
            channel().prop_map(Lift::Channel),
            Just(Lift::AllSwitch),
            Just(Lift::Everything),
            Just(Lift::Inbound),
        ]
        .prop_map(Step::Lift),
        1 => (channel(), 0u8..3).prop_map(|(channel, from)| Step::OptIn { channel, from }),
        1 => channel().prop_map(Step::Evidence),
        1 => Just(Step::Expire),
    ]
}

fn number(from: u8) -> AddressKey {
    AddressKey { kind: AddressKind::Phone, key: format!("+1415555010{from}") }
}

fn at(second: usize) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second as i64).expect("in range")
}

fn end(reasons: &mut [Reason], ids: &[String], second: usize) {
    for reason in reasons.iter_mut().filter(|reason| ids.contains(&reason.id)) {
        reason.ended = Some(Ended { at: at(second), by: "test".into(), why: "test".into() });
    }
}

fn weight(status: Status) -> u8 {
    match status {
        Status::Inactive => 0,
        Status::Active => 1,
        Status::Permanent => 2,
    }
}

fn statuses(reasons: &[Reason]) -> Vec<u8> {
    Channel::ALL.into_iter().map(|channel| weight(state::channel(reasons, channel).status)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn r1_r20_r21_r22_r23_r24_no_sequence_breaks_the_rules(steps in prop::collection::vec(step(), 1..40)) {
        let mut reasons: Vec<Reason> = Vec::new();
        let mut evidence: Vec<(Channel, Timestamp)> = Vec::new();
        for (second, step) in steps.iter().enumerate() {
            let before = reasons.clone();
            let (was, were) = (Suppressed::by(&before), statuses(&before));
            let newest = |channel: Channel| {
                evidence.iter().filter(|(of, _)| *of == channel).map(|(_, at)| *at).max()
            };
            match step {
                Step::Cause { kind, blocks, from, permanent, lasts } => {
                    let cause = Cause {
                        kind: *kind, blocks: *blocks, origin: Some(number(*from)), permanent: *permanent,
                        code: None, message: String::new(), source: "test".into(), actor: "test".into(),
                        at: at(second), expires: lasts.map(|lasts| at(second + usize::from(lasts))),
                    };
                    reasons.extend(rules::begin(&reasons, &cause, || second.to_string()));
                    // A weaker cause never weakens, and the same once more is nothing new.
                    prop_assert_eq!(&reasons[..before.len()], &before[..]);
                    prop_assert_eq!(Suppressed::by(&reasons).channels().with(was.channels()), Suppressed::by(&reasons).channels());
                    prop_assert!(statuses(&reasons).iter().zip(&were).all(|(now, then)| now >= then));
                    prop_assert_eq!(rules::begin(&reasons, &cause, String::new), None);
                }
                Step::Lift(wish) => {
                    let recorded: Vec<Evidence> = Channel::ALL
                        .into_iter()
                        .filter_map(|channel| newest(channel).map(|recorded_at| Evidence {
                            channel, recorded_at, standing: Standing::Approved, counts_from: Some(recorded_at),
                        }))
                        .collect();
                    let proofs = Proofs { evidence: &recorded, releases: &[], now: Timestamp::MAX };
                    let lifted = rules::lift(&reasons, wish, &proofs);
                    for reason in before.iter().filter(|one| lifted.ends.contains(&one.id)) {
                        prop_assert!(reason.is_live());
                        let proven = |channel| newest(channel).is_some_and(|at| at >= reason.began);
                        match (reason.lock(), reason.blocks) {
                            (None, _) => {}
                            (Some(Lock::EmailRelease), _) => prop_assert!(false, "a complaint was lifted"),
                            (Some(Lock::OptIn), Blocks::Channel(channel)) => prop_assert!(proven(channel)),
                            (Some(Lock::OptIn), _) => prop_assert!(Channel::ALL.into_iter().any(proven)),
                        }
                        match wish {
                            Lift::Channel(channel) => prop_assert_eq!(reason.blocks, Blocks::Channel(*channel)),
                            // R25: the switch as imported is the switch.
                            Lift::AllSwitch => prop_assert!(
                                reason.kind == ReasonKind::All
                                    || (reason.kind, reason.blocks) == (ReasonKind::Import, Blocks::AllChannels)
                            ),
                            Lift::Everything => prop_assert_ne!(reason.blocks, Blocks::Inbound),
                            Lift::Inbound => prop_assert_eq!(reason.blocks, Blocks::Inbound),
                        }
                    }
                    // Whatever was asked for has ended or is named, with what it would need.
                    if let Lift::Channel(channel) = wish {
                        let stays = before.iter().filter(|one| {
                            one.is_live() && one.blocks.channels().has(*channel) && !lifted.ends.contains(&one.id)
                        });
                        for reason in stays {
                            let told = lifted.stays.iter().find(|one| one.kind == reason.kind);
                            prop_assert!(told.is_some_and(|one| !one.how.is_empty()), "{:?} is not named", reason.kind);
                        }
                    }
                    end(&mut reasons, &lifted.ends, second);
                }
                Step::OptIn { channel, from } => {
                    let origin = number(*from);
                    let ids: Vec<String> =
                        rules::opt_in(&reasons, *channel, &origin, at(second)).map(|one| one.id.clone()).collect();
                    for reason in before.iter().filter(|one| ids.contains(&one.id)) {
                        prop_assert!(reason.kind.ends_by_opt_in());
                        prop_assert_eq!(reason.blocks, Blocks::Channel(*channel));
                        prop_assert_eq!(reason.origin.as_ref(), Some(&origin));
                    }
                    end(&mut reasons, &ids, second);
                    let left = rules::opt_in(&reasons, *channel, &origin, at(second)).count();
                    prop_assert_eq!(left, 0, "once is enough");
                }
                Step::Evidence(channel) => evidence.push((*channel, at(second))),
                Step::Expire => {
                    let ids: Vec<String> = rules::expired(&reasons, at(second)).map(|one| one.id.clone()).collect();
                    for reason in before.iter().filter(|one| ids.contains(&one.id)) {
                        prop_assert!(matches!(reason.kind, ReasonKind::Carrier | ReasonKind::Bounce));
                        prop_assert!(!reason.permanent && reason.lock().is_none());
                    }
                    end(&mut reasons, &ids, second);
                }
            }
            // R1: nothing is ever taken off the record, and what ended stays ended.
            for (then, now) in before.iter().zip(&reasons) {
                prop_assert_eq!(&then.id, &now.id);
                prop_assert!(then.is_live() || !now.is_live());
            }
        }
    }
}
