//! The rules of Do-Not-Disturb, pure: no store, no socket, no clock.
//!
//! R-numbers refer to the project's rules; `docs/rules.md` repeats them in short.
//!
//! - [`address`]: how addresses are compared (R8)
//! - [`caps`]: how often something may be sent, counted in a sliding window
//! - [`reason`]: why a channel is blocked and who may end that (R1, R20–R22)
//! - [`evidence`] and [`release`]: what opens a locked reason (R21, R22)
//! - [`rules`]: what begins and ends reasons (R15–R24)
//! - [`threshold`]: how many failures begin one (R19)
//! - [`preference`]: what a person may end itself (R17)
//! - [`state`]: what is derived from reasons (R1–R4) and the verdict on a send

pub mod address;
pub mod caps;
pub mod evidence;
pub mod preference;
pub mod reason;
pub mod release;
pub mod rules;
pub mod state;
pub mod threshold;

pub use address::{BadAddress, Normalised, Region};
pub use caps::{Cap, Counters, Place, Taken, Tally};
pub use evidence::{Evidence, EvidenceRules, NotDecided, Standing};
pub use preference::{Preference, preference};
pub use reason::{AddressKey, Blocks, Ended, Lock, Reason, ReasonKind};
pub use release::{Confirmation, Missing, Reading, Release, ReleaseRules, Validated};
pub use rules::{Cause, Lift, Lifted, Proofs, Stays};
pub use state::{ChannelState, DndStatus, Status, Suppressed};
pub use threshold::Threshold;
