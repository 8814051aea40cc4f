//! A fuzz target for Google's adapters, whose recipients stand in paths: those of requests, and those of the requests
//! inside a batch. The second reader here takes every path apart that it finds, however it is written.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{Adapter, Head, Look, Outbound, apply_edits, fixture::Fixture, laws};
use dndgate_fuzz::{naive, spoil::Choices};
use http::Method;
use std::{path::Path, sync::LazyLock};

const WAYS_MAX: usize = 4;

/// What is written into paths, queries and batches.
const SNIPPETS: &[&str] = &[
    "/",
    "//",
    "/./",
    "/../",
    "%2F",
    "%2f..%2f",
    "%2B",
    "+",
    "%20",
    " ",
    ";x=1",
    "?",
    "?parent=phones/+14155550100",
    "&name=x",
    "?$httpMethod=POST",
    "#",
    ":",
    ".json",
    "%",
    "%zz",
    "%00",
    "\r\n",
    "\n",
    "\r\n\r\n",
    "\n\n",
    "--",
    "--=b=",
    "\r\n--=b=\r\n",
    "\n--=b=--",
    "GET ",
    "POST /v1/phones/+14155550100/agentMessages HTTP/1.1\n",
    "Content-Length: 3\n",
    "Content-ID: <x>\n",
    "X-HTTP-Method-Override: POST\n",
    "Content-Type: application/http\n",
    "\"name\":\"phones/+14155550100/x\",",
    "{",
    "}",
    "\0",
    "\u{200b}",
    "PHONES",
    "agentmessages",
    "batch",
];
const METHODS: &[Method] = &[Method::POST, Method::PUT, Method::PATCH, Method::GET, Method::DELETE];
/// The last segments of calls that reach the person in the path.
const SENDS: &[&str] = &["agentmessages", "dialogflowmessages", "testers", "messages", "surveys"];

fn seeds(folder: &str) -> Vec<Fixture> {
    Fixture::all(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/google/fixtures").join(folder))
}

/// Whom a call reaches, by a reader that undoes every escape, minds no case and takes two slashes for one.
fn reaches(method: &str, target: &str) -> Option<String> {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
    let lower = path.to_lowercase();
    let segments: Vec<&str> = lower.split('/').filter(|segment| !segment.is_empty()).collect();
    let at = segments.iter().position(|segment| ["phones", "conversations"].contains(segment))?;
    let is_send = segments.get(at + 2).is_some_and(|last| SENDS.contains(last)) && segments.len() == at + 3;
    (method == "POST" && is_send).then(|| segments[at + 1].to_owned())
}

/// Everybody whom the requests inside a batch reach.
fn inside(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body);
    let lines = text.lines().filter_map(|line| line.trim().split_once(' '));
    lines.filter_map(|(method, rest)| reaches(method, rest.split(' ').next().unwrap_or_default())).collect()
}

fn spoilt(seeds: &[Fixture], choices: &mut Choices<'_>) -> Fixture {
    let mut one = choices.of(seeds).clone();
    for _ in 0..*choices.of(&[0, 1, 2, 3, WAYS_MAX]) {
        let snippet = choices.of(SNIPPETS).as_bytes();
        match choices.of(&[0, 1, 2, 3]) {
            0 => {
                let places: Vec<usize> =
                    (1..=one.target.len()).filter(|at| one.target.is_char_boundary(*at)).collect();
                let at = *choices.of(&places);
                one.target.insert_str(at, &String::from_utf8_lossy(snippet));
            }
            1 | 2 if !one.body.is_empty() => {
                let places: Vec<usize> = (0..=one.body.len()).collect();
                let at = *choices.of(&places);
                let end = if *choices.of(&[true, false]) { at } else { (at + 9).min(one.body.len()) };
                one.body.splice(at..end, snippet.iter().copied());
            }
            _ => one.method = choices.of(METHODS).clone(),
        }
    }
    one
}

fn judge(adapter: &'static dyn Adapter, seeds: &[Fixture], input: &[u8]) {
    let mut choices = Choices::new(input);
    let fixture = spoilt(seeds, &mut choices);
    let request = fixture.request(adapter.profile());
    laws::calm(adapter, &request);
    let read = match adapter.look(&request.head) {
        Ok(Look::Body) => adapter.read(&request),
        Ok(Look::Nobody) => Ok(Outbound::Nobody),
        Ok(Look::Unrecognised) | Err(_) => return,
    };
    let Head { method, path, .. } = request.head;
    let person = reaches(method.as_str(), path);
    let is_batch = *method == Method::POST && path.to_lowercase().starts_with("/batch");
    match read {
        Ok(Outbound::Nobody) => {
            assert_eq!(person, None, "it is called no send: {fixture:?}");
            assert!(!is_batch || inside(&fixture.body).is_empty(), "a batch is called no send: {fixture:?}");
        }
        Ok(Outbound::Send(send)) if is_batch && !send.recipients.is_empty() => {
            let suppressed = send.recipients[0].address.to_string();
            let goes = |index: &usize| {
                let one = &send.recipients[*index];
                one.known != dndgate_adapter::Known::Address || naive::names(&one.address, &suppressed)
            };
            let drop: Vec<usize> = (0..send.recipients.len()).filter(goes).collect();
            if drop.len() == send.recipients.len() && !send.rest {
                return;
            }
            let left = apply_edits(request.body, &adapter.trim(&request, &send, &drop).unwrap());
            let named = inside(&left);
            assert!(
                suppressed.is_empty() || !named.iter().any(|one| naive::names(one, &suppressed)),
                "{suppressed} is left among {named:?}: {fixture:?}\n{}",
                String::from_utf8_lossy(&left)
            );
            let stay = send.recipients.len() - drop.len();
            assert!(named.len() <= stay, "{named:?}, where {stay} stay: {fixture:?}");
        }
        Ok(Outbound::Send(send)) => {
            let Some(person) = person else { return };
            let one = &send.recipients[0];
            assert!(
                one.address.to_lowercase() == person,
                "{} is judged, {person} is reached: {fixture:?}",
                one.address
            );
        }
        _ => {}
    }
}

#[test]
fn rbm() {
    static SEEDS: LazyLock<Vec<Fixture>> = LazyLock::new(|| seeds("rbm/requests"));
    let target = |input: &[u8]| judge(&dndgate_google::RBM, &SEEDS, input);
    #[cfg(fuzzing)]
    bolero::check!().for_each(target);
    #[cfg(not(fuzzing))]
    dndgate_fuzz::at_random(target);
}

#[test]
fn gmb() {
    static SEEDS: LazyLock<Vec<Fixture>> = LazyLock::new(|| seeds("gmb/requests"));
    let target = |input: &[u8]| judge(&dndgate_google::GMB, &SEEDS, input);
    #[cfg(fuzzing)]
    bolero::check!().for_each(target);
    #[cfg(not(fuzzing))]
    dndgate_fuzz::at_random(target);
}
