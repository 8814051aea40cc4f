//! The shipped policies load and pass their own cases.

use dndgate_policy::{Limits, Policies};

#[test]
fn the_shipped_policies_load_and_pass_their_cases() {
    let _ = Policies::embedded();
    if let Err(error) = Policies::load_with(None, &[], Limits::default()) {
        panic!("{error}");
    }
}
