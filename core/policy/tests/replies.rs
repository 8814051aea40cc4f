//! How well replies are understood (R16, R23): on sentences of 45 languages, half of which nobody looked at
//! when the rules were made, and on every keyword in every disguise. `--nocapture` prints the table, and the
//! misunderstood sentences of the design half. Those of the other half are never printed: who reads them
//! would make rules for them.

#![expect(clippy::print_stdout, reason = "figures for whoever runs it with --nocapture")]
#![allow(dead_code, reason = "each test uses its part of the collections")]

mod corpus;

use corpus::{Count, Half, Reply, half, lines, understood};
use dndgate_policy::{Meaning, Policies};
use std::collections::BTreeMap;

/// Opt-outs in any wording acted on, and acted on or put to a person, of a hundred: at least.
const ACTED_MIN: f64 = 90.0;
const SEEN_MIN: f64 = 98.0;
/// The half for which no rule was made is not there yet: what it reached, so that it does not fall behind.
const HELD_OUT_ACTED_MIN: f64 = 88.5;
const HELD_OUT_SEEN_MIN: f64 = 94.5;
/// So many languages have to reach both.
const LANGUAGES_MIN: usize = 20;
/// Ordinary sentences made to look like opt-outs: so many of a hundred may be taken for one at most.
const MISREAD_MAX: f64 = 4.0;

fn replies() -> Vec<Reply> {
    let reply = |fields: Vec<String>| {
        let [language, expected, kind, text] = <[String; 4]>::try_from(fields).expect("four fields");
        Reply { language, expected, kind, text }
    };
    lines("replies.tsv").into_iter().map(reply).collect()
}

#[test]
fn replies_are_understood_in_many_languages() {
    let policies = Policies::embedded();
    let mut tables: [BTreeMap<(String, &str), Count>; 2] = [BTreeMap::new(), BTreeMap::new()];
    let mut opt_ins = 0;
    for reply in replies() {
        let found = understood(&policies, &reply.text);
        let half = half(&reply.text);
        let good = match reply.expected.as_str() {
            "not_opt_in" => found.meaning != Meaning::OptIn,
            expected => found.meaning.name() == expected,
        };
        if !good && half == Half::Design {
            println!(
                "{}\t{} for {}\t{:?}\t{}",
                reply.language,
                found.meaning.name(),
                reply.expected,
                reply.text,
                found.rule
            );
        }
        opt_ins += u32::from(found.meaning == Meaning::OptIn && reply.expected != "opt_in");
        let table = &mut tables[half as usize];
        let group = match reply.expected.as_str() {
            "opt_out" => "opt-out",
            "none" => "ordinary",
            _ => {
                assert!(good, "{:?} is {}", reply.text, found.meaning.name());
                continue;
            }
        };
        table.entry((reply.language, group)).or_default().note(found.meaning);
        table.entry((format!("kind: {}", reply.kind), group)).or_default().note(found.meaning);
        table.entry(("all".to_owned(), group)).or_default().note(found.meaning);
    }
    print(&tables);
    assert_eq!(opt_ins, 0, "an opt-in is never guessed");
    let marks = [(ACTED_MIN, SEEN_MIN), (HELD_OUT_ACTED_MIN, HELD_OUT_SEEN_MIN)];
    for (table, (acted, seen)) in tables.iter().zip(marks) {
        let all = |group: &'static str| table[&("all".to_owned(), group)];
        assert!(all("opt-out").acted() >= acted, "too few are acted on");
        assert!(all("opt-out").seen() >= seen, "too many are not noticed");
        assert!(all("ordinary").acted() <= MISREAD_MAX, "too many ordinary sentences are taken for opt-outs");
    }
    let good = |language: &str| {
        let of =
            |half: usize| tables[half].get(&(language.to_owned(), "opt-out")).copied().unwrap_or_default();
        let [design, held_out] = [of(0), of(1)];
        let both = Count {
            all: design.all + held_out.all,
            opt_out: design.opt_out + held_out.opt_out,
            review: design.review + held_out.review,
            opt_in: 0,
        };
        both.acted() >= ACTED_MIN && both.seen() >= SEEN_MIN
    };
    let languages: Vec<&String> = tables[0]
        .keys()
        .filter(|(name, group)| *group == "opt-out" && name.len() == 2)
        .map(|(name, _)| name)
        .collect();
    let reached = languages.iter().filter(|language| good(language)).count();
    println!("{reached} of {} languages reach {ACTED_MIN} % and {SEEN_MIN} %", languages.len());
    assert!(reached >= LANGUAGES_MIN, "too few languages are understood");
}

fn print(tables: &[BTreeMap<(String, &str), Count>; 2]) {
    println!("{:18} {:8}  {:>33}  {:>33}", "", "", "design half", "held-out half");
    println!(
        "{:18} {:8}  {:>9} {:>11} {:>11}  {:>9} {:>11} {:>11}",
        "", "", "sentences", "opt-out %", "+ review %", "sentences", "opt-out %", "+ review %"
    );
    for (key, design) in &tables[0] {
        let held_out = tables[1].get(key).copied().unwrap_or_default();
        let row = [design, &held_out]
            .map(|count| format!("{:>9} {:>11.1} {:>11.1}", count.all, count.acted(), count.seen()));
        println!("{:18} {:8}  {}  {}", key.0, key.1, row[0], row[1]);
    }
}

/// A word in every dress in which people and programs send it.
fn disguises(word: &str) -> Vec<(&'static str, String)> {
    let title = {
        let mut chars = word.chars();
        let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
        first + &chars.as_str().to_lowercase()
    };
    let mut dresses = vec![
        ("as it is", word.to_owned()),
        ("lower case", word.to_lowercase()),
        ("title case", title),
        ("white space", format!("  {word}\t\n")),
        ("full stop", format!("{word}.")),
        ("exclamation", format!("{word}!!!")),
        ("dots", format!("{word}…")),
        ("quotes", format!("\"{word}\"")),
        ("quotes", format!("“{word}”")),
        ("quotes", format!("«{word}»")),
        ("quotes", format!("'{word}'")),
        ("marks", format!("*{word}*")),
        ("marks", format!("[{word}]")),
        ("emoji", format!("{word} 🛑")),
        ("emoji", format!("🙏 {word}🙏🏽")),
        ("zero width", word.chars().flat_map(|c| [c, '\u{200b}']).collect()),
        ("zero width", format!("\u{feff}{word}\u{200d}\u{fe0f}")),
        ("direction marks", format!("\u{202b}{word}\u{202c}")),
        ("signature", format!("{word}\n\nSent from my iPhone")),
        ("signature", format!("{word}\n--\nJane Doe\nACME Corp")),
        (
            "quoted reply",
            format!(
                "{word}\n\nOn Mon, 5 Jan 2026 at 10:02, Acme <news@acme.example> wrote:\n> Our sale has begun!\n> Reply STOP to opt out"
            ),
        ),
        ("quoted reply", format!("{word}\n> Don't miss our sale")),
    ];
    if word.is_ascii() {
        dresses.push(("full width", word.chars().map(full_width).collect()));
    }
    dresses
}

/// More, which count for an opt-out only: an opt-in is never guessed.
fn loose_disguises(word: &str) -> Vec<(&'static str, String)> {
    let mut dresses = vec![
        ("repeated", format!("{word} {word} {word}")),
        ("repeated", format!("{word}! {word}!")),
        ("courtesy", format!("please {word}")),
        ("courtesy", format!("{word} please")),
        ("courtesy", format!("{word}, thanks")),
        ("courtesy", format!("{word} now!")),
    ];
    let letters: Vec<String> = word.chars().filter(|c| c.is_alphabetic()).map(String::from).collect();
    // Scripts whose letters stand alone.
    let alphabetic = word.chars().all(|c| c < '\u{600}');
    if alphabetic && letters.len() > 2 {
        dresses.push(("spelled", letters.join(" ")));
        dresses.push(("spelled", letters.join(".")));
        dresses.push(("spelled", letters.join("-")));
        dresses.push(("spelled", letters.join("*")));
    }
    if alphabetic && letters.len() > 3 {
        dresses.push(("last letter held", format!("{word}{0}{0}", letters[letters.len() - 1])));
    }
    if word.is_ascii() && word.contains('O') {
        dresses.push(("digits", word.replace('O', "0")));
    }
    for (latin, foreign) in [('O', 'О'), ('A', 'А'), ('E', 'Е'), ('P', 'Р'), ('C', 'С')] {
        if word.is_ascii() && word.len() > 2 && word.contains(latin) {
            dresses.push(("look-alikes", word.replace(latin, &foreign.to_string())));
        }
    }
    if word.is_ascii() && letters.len() > 5 {
        let mut swapped: Vec<char> = word.chars().collect();
        let middle = swapped.len() / 2;
        if swapped[middle] != swapped[middle - 1] {
            swapped.swap(middle - 1, middle);
            dresses.push(("letters swapped", swapped.iter().collect()));
        }
        let missing: String = word.char_indices().filter(|(at, _)| *at != middle).map(|(_, c)| c).collect();
        dresses.push(("letter missing", missing));
    }
    dresses
}

fn full_width(c: char) -> char {
    match c {
        '!'..='~' => char::from_u32(c as u32 + 0xfee0).expect("a full-width form"),
        ' ' => '\u{3000}',
        c => c,
    }
}

#[test]
fn every_keyword_is_seen_through_every_disguise() {
    let policies = Policies::embedded();
    let mut missed = Vec::new();
    let mut count = 0;
    for fields in lines("keywords.tsv") {
        let [language, expected, word] = <[String; 3]>::try_from(fields).expect("three fields");
        let mut dresses = disguises(&word);
        if expected == "opt_out" {
            dresses.extend(loose_disguises(&word));
        }
        for (dress, text) in dresses {
            count += 1;
            let found = understood(&policies, &text);
            if found.meaning.name() != expected {
                missed.push(format!(
                    "{language} {dress}: {text:?} is {} ({})",
                    found.meaning.name(),
                    found.rule
                ));
            }
        }
    }
    println!("{count} keywords in disguise, {} missed", missed.len());
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
