//! Slips of an operator who is no programmer: what is told, where, and what would be right.

use dndgate_policy::{Limits, Policies};

struct Slip {
    what: &'static str,
    file: &'static str,
    text: &'static str,
    line: usize,
    /// What stands at the mark.
    at: &'static str,
    /// Words that the message has to have.
    told: &'static [&'static str],
}

const fn slip(
    what: &'static str,
    file: &'static str,
    text: &'static str,
    (line, at): (usize, &'static str),
    told: &'static [&'static str],
) -> Slip {
    Slip { what, file, text, line, at, told }
}

const WORDS: &str = "keywords.lua";
const CODES: &str = "error_codes.lua";
const SENDS: &str = "sends.lua";
const PAGE: &str = "unsubscribe.lua";
const CASES: &str = "tests/own.lua";

const SLIPS: &[Slip] = &[
    slip(
        "a comma is missing",
        CODES,
        "return {\n  twilio = {}\n  mailgun = {},\n}",
        (3, "mailgun"),
        &["comma is missing"],
    ),
    slip(
        "a comma between words",
        WORDS,
        "return {\n  languages = { any = { opt_out = {\n    \"stop\" \"end\",\n  } } },\n}",
        (3, ""),
        &["comma is missing"],
    ),
    slip(
        "a quote is not closed",
        WORDS,
        "return {\n  languages = { any = { opt_out = { \"stop, \"end\" } } },\n}",
        (2, ""),
        &["quote"],
    ),
    slip(
        "a quote is not closed at the end",
        WORDS,
        "return {\n  scope = \"all,\n  languages = {},\n}",
        (2, "\"all"),
        &["closing quote"],
    ),
    slip(
        "a brace is missing",
        CODES,
        "return {\n  twilio = {\n    [\"1\"] = { effect = \"none\" },\n}",
        (4, ""),
        &["}", "missing"],
    ),
    slip("one brace too many", CODES, "return {\n  twilio = {},\n}\n}", (4, "}"), &["too many"]),
    slip("return is missing", SENDS, "{\n  on_send = nil,\n}", (1, "{"), &["return {"]),
    slip("return nothing", SENDS, "local policy = {}\n", (0, ""), &["return a table", "nothing"]),
    slip("a round bracket", SENDS, "return (\n  on_send = nil,\n)", (2, ""), &["curly braces"]),
    slip("a colon", SENDS, "return {\n  on_send: 5,\n}", (2, ""), &["a `=`"]),
    slip("a semicolon comment", SENDS, "# my rules\nreturn {}", (1, "#"), &["--"]),
    slip("a slash comment", SENDS, "// my rules\nreturn {}", (1, "//"), &["--"]),
    slip("curly quotes", PAGE, "return {\n  scope = “all”,\n}", (2, ""), &["straight"]),
    slip(
        "a code without brackets",
        CODES,
        "return {\n  twilio = {\n    \"30003\" = { effect = \"none\" },\n  },\n}",
        (3, ""),
        &["[\"30003\"]"],
    ),
    slip(
        "a number for a name",
        CODES,
        "return {\n  twilio = {\n    30003 = { effect = \"none\" },\n  },\n}",
        (3, ""),
        &["[\"30003\"]"],
    ),
    slip("a key with a dash", SENDS, "return {\n  on-send = nil,\n}", (2, ""), &["[\"on-send\"]"]),
    slip(
        "= in a condition",
        SENDS,
        "return {\n  on_send = function(send)\n    if send.channel = \"SMS\" then return end\n  end,\n}",
        (3, "="),
        &["=="],
    ),
    slip(
        "!=",
        SENDS,
        "return {\n  on_send = function(send)\n    if send.channel != \"SMS\" then return end\n  end,\n}",
        (3, "!="),
        &["~="],
    ),
    slip(
        "&&",
        SENDS,
        "return {\n  on_send = function(send)\n    if send.scheduled && send.tenant then return end\n  end,\n}",
        (3, "&&"),
        &["and"],
    ),
    slip(
        "then is missing",
        SENDS,
        "return {\n  on_send = function(send)\n    if send.scheduled return end\n  end,\n}",
        (3, "return"),
        &["an `if` has a `then`"],
    ),
    slip(
        "end is missing",
        SENDS,
        "return {\n  on_send = function(send)\n    if send.scheduled then return\n  end,\n}",
        (4, ""),
        &["end"],
    ),
    slip(
        "a wrong key",
        PAGE,
        "return {\n  scop = \"all\",\n  texts = {},\n}",
        (2, "scop"),
        &["no key \"scop\"", "\"scope\""],
    ),
    slip(
        "a wrong word for an effect",
        CODES,
        "return {\n  twilio = {\n    [\"2\"] = { effect = \"permament\", reason = \"carrier\" },\n  },\n}",
        (3, "effect"),
        &["\"permanent\""],
    ),
    slip(
        "an effect in another case",
        CODES,
        "return {\n  twilio = {\n    [\"2\"] = { effect = \"Permanent\", reason = \"carrier\" },\n  },\n}",
        (3, "effect"),
        &["\"permanent\""],
    ),
    slip(
        "no reason",
        CODES,
        "return {\n  twilio = {\n    [\"2\"] = { effect = \"permanent\" },\n  },\n}",
        (3, ""),
        &["\"reason\" is missing", "carrier"],
    ),
    slip(
        "a word that is a number",
        WORDS,
        "return {\n  languages = { any = {\n    opt_out = { \"stop\", 5 },\n  } },\n}",
        (3, "opt_out"),
        &["a text in quotes", "a number"],
    ),
    slip(
        "a word without quotes",
        WORDS,
        "return {\n  languages = { any = {\n    opt_out = { stop },\n  } },\n}",
        (3, ""),
        &["quotes", "\"stop\""],
    ),
    slip(
        "a flag in quotes",
        WORDS,
        "return {\n  trust_provider = \"yes\",\n  languages = {},\n}",
        (2, "trust_provider"),
        &["true or false"],
    ),
    slip(
        "an unknown channel",
        WORDS,
        "return {\n  scope = { \"Smss\" },\n  languages = {},\n}",
        (2, "\"Smss\""),
        &["\"SMS\""],
    ),
    slip(
        "a channel of other products",
        WORDS,
        "return {\n  scope = { \"Telegram\" },\n  languages = {},\n}",
        (2, "\"Telegram\""),
        &["SMS, Email"],
    ),
    slip(
        "a file of another kind",
        SENDS,
        "return {\n  opt_out = { \"stop\" },\n}",
        (2, "opt_out"),
        &["on_send"],
    ),
    slip(
        "a rule that is called",
        SENDS,
        "return {\n  on_send = print(\"x\"),\n}",
        (2, ""),
        &["no \"print\" here"],
    ),
    slip(
        "a rule that is a text",
        SENDS,
        "return {\n  on_send = \"block\",\n}",
        (2, "on_send"),
        &["function(…) … end"],
    ),
    slip(
        "a meaning",
        CASES,
        "return {\n  { text = \"STOP\", meaning = \"optout\" },\n}",
        (2, "meaning"),
        &["\"opt_out\""],
    ),
    slip(
        "a case without what it is about",
        CASES,
        "return {\n  { meaning = \"opt_out\" },\n}",
        (2, ""),
        &["\"text\"", "\"code\"", "\"send\""],
    ),
    slip(
        "a case that fails",
        CASES,
        "return {\n  { text = \"hello there\", meaning = \"opt_out\" },\n}",
        (2, "\"hello there\""),
        &["has to mean opt_out, but means none"],
    ),
    slip(
        "a time",
        CASES,
        "return {\n  { send = { now = \"3 o'clock\" }, verdict = \"allow\" },\n}",
        (2, "now"),
        &["2026-03-01T09:30:00Z"],
    ),
    slip(
        "a list in place of one case",
        CASES,
        "return { text = \"STOP\", meaning = \"opt_out\" }",
        (1, ""),
        &["list"],
    ),
    slip(
        "a local that is not there",
        SENDS,
        "local quiet = hours.from\nreturn {}",
        (1, ""),
        &["no \"hours\" here"],
    ),
    slip("a script that never ends", SENDS, "while true do end\nreturn {}", (0, ""), &["stopped"]),
];

#[test]
fn slips_are_told_in_words_with_line_and_column() {
    let mut wrong = Vec::new();
    for Slip { what, file, text, line, at, told } in SLIPS {
        let files = [((*file).to_owned(), (*text).to_owned())];
        let error = Policies::load_with(None, &files, Limits::default()).expect_err(what);
        let (short, long) = (error.to_string(), error.explained());
        let place = if *line == 0 { format!("{file}: ") } else { format!("{file}:{line}: ") };
        if !short.starts_with(&place) {
            wrong.push(format!("{what}: not at {place}: {short}"));
        }
        for word in told.iter().filter(|word| !short.contains(**word)) {
            wrong.push(format!("{what}: no {word:?} in: {short}"));
        }
        let marked = long.lines().nth(1).zip(long.lines().nth(2)).and_then(|(shown, mark)| {
            let before = mark.chars().take_while(|char| *char != '^').count();
            mark.contains('^').then(|| shown.chars().skip(before).collect::<String>())
        });
        if !at.is_empty() && !marked.as_deref().is_some_and(|marked| marked.starts_with(at)) {
            wrong.push(format!("{what}: marked is {marked:?}, not {at:?}: {long}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
