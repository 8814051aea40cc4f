//! No text makes the reading of replies panic, and disguises of a keyword are seen through.

use dndgate_adapter::{Channel, Spoken};
use dndgate_policy::{Meaning, Policies, Said};
use proptest::prelude::*;
use std::{borrow::Cow, sync::LazyLock};

static POLICIES: LazyLock<Policies> = LazyLock::new(Policies::embedded);

fn meaning(text: &str) -> Meaning {
    let spoken = Spoken { texts: vec![Cow::Borrowed(text)], provider_meaning: None };
    POLICIES.understand(&Said { channel: Channel::Sms, spoken: &spoken }).meaning
}

/// A letter in one of its forms, and something invisible or nothing behind it.
fn form(letter: char, choice: u8) -> String {
    let offset = letter as u32 - 'a' as u32;
    let shifted = |first: u32| char::from_u32(first + offset).expect("a letter").to_string();
    match choice % 6 {
        0 => letter.to_string(),
        1 => letter.to_ascii_uppercase().to_string(),
        2 => shifted(0xff41),
        3 => shifted(0x1d41a),
        4 => format!("{letter}\u{200b}"),
        _ => format!("{letter}\u{301}"),
    }
}

proptest! {
    #[test]
    fn any_text_has_a_meaning(text in "\\PC{0,200}|[a-z 停止退订送らないで그만ยกเลิก?.,\n]{0,80}") {
        let _ = meaning(&text);
    }

    #[test]
    fn a_keyword_is_a_keyword_in_any_dress(
        word in prop::sample::select(vec!["stop", "unsubscribe", "cancel", "quit", "end", "revoke"]),
        forms in prop::collection::vec(any::<u8>(), 11),
        before in "[ .!*\"«🛑]{0,3}",
        after in "[ .!*\"»🙏\n]{0,3}",
    ) {
        let dressed: String = word.chars().zip(forms).map(|(letter, choice)| form(letter, choice)).collect();
        prop_assert_eq!(meaning(&format!("{before}{dressed}{after}")), Meaning::OptOut);
    }

    #[test]
    fn nothing_but_the_exact_words_opts_in(text in "[a-z ]{0,20}") {
        let exact = ["start", "unstop", "subscribe", "opt in", "optin"].contains(&text.split_whitespace().collect::<Vec<_>>().join(" ").as_str());
        prop_assert_eq!(meaning(&text) == Meaning::OptIn, exact);
    }
}
