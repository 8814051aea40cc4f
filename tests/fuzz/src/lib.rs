//! Fuzzing of the adapters: real requests are spoilt in the ways in which clients, proxies and attackers spoil them,
//! and whatever an adapter then makes of one is held against a second, naive reader.
//!
//! The property ([`Target::judge`]): nothing panics, and a request that the gate would let through, because it is
//! called no send or because the suppressed recipient was taken out of it, does not name that recipient to a reader
//! that is as lenient as any provider's.
//!
//! Reading order: [`naive`] (the second reader), [`spoil`] (the ways), [`Target`], [`at_random`].

pub mod naive;
mod run;
pub mod spoil;

use dndgate_adapter::{
    Adapter, Head, Known, Look, Outbound, Recipient, Request, Unreadable, apply_edits, fixture::Fixture, laws,
};
pub use run::at_random;

use spoil::{Choices, Spoilt};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// An adapter with the requests that are spoilt, each a send.
#[derive(Debug)]
pub struct Target {
    adapter: &'static dyn Adapter,
    seeds: Vec<Seed>,
    /// The names under which recipients stand in requests to a path.
    names: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug)]
struct Seed {
    fixture: Fixture,
    people: Vec<String>,
}

fn path(fixture: &Fixture) -> &str {
    fixture.target.split('?').next().unwrap_or_default()
}

fn pairs(request: &Request<'_>) -> Vec<(String, String)> {
    naive::pairs(request.head.query, request.head.header("content-type"), request.body)
}

impl Target {
    /// Takes the sends among an adapter's fixtures. What stands under the names in `shown` is shown to those who are
    /// reached, and reaches nobody itself.
    ///
    /// # Panics
    /// When there are none, or none of their recipients is found by the second reader, which then would prove
    /// nothing.
    pub fn new(adapter: &'static dyn Adapter, fixtures: &Path, shown: &[&str]) -> Target {
        let mut seeds = Vec::new();
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for fixture in Fixture::all(fixtures) {
            let request = fixture.request(adapter.profile());
            let Some(sending) = laws::sending(adapter, &request) else { continue };
            let known = sending.recipients.iter().filter(|one| one.known == Known::Address);
            let people: Vec<String> = known.map(|one| one.address.to_string()).collect();
            // A text of several lines is a mail, whose header says whom it is shown to, not whom it reaches;
            // structures that are no JSON (TwiML, templates) are beyond a naive reader.
            let named = pairs(&request).into_iter().filter(|(_, value)| {
                !value.contains('\n')
                    && !value.starts_with(['{', '[', '<'])
                    && people.iter().any(|one| naive::names(value, one))
            });
            let named = named.map(|(name, _)| name).filter(|name| !shown.contains(&&**name));
            let known: BTreeSet<String> = named.collect();
            if !known.is_empty() {
                names.entry(path(&fixture).to_owned()).or_default().extend(known);
                seeds.push(Seed { fixture: fixture.clone(), people });
            }
        }
        assert!(!seeds.is_empty(), "there is no send whose recipients a second reader finds");
        Target { adapter, seeds, names }
    }

    /// Spoils a request as the input says and holds what comes of it against the naive reader.
    ///
    /// # Panics
    /// When the property does not hold.
    pub fn judge(&self, input: &[u8]) {
        let mut choices = Choices::new(input);
        let seed = choices.of(&self.seeds);
        let suppressed = choices.of(&seed.people);
        let spoilt = Spoilt::from(&seed.fixture, suppressed, &self.names[path(&seed.fixture)], &mut choices);
        let fixture = &spoilt.0;
        let request = fixture.request(self.adapter.profile());
        laws::calm(self.adapter, &request);
        match self.read(&request) {
            // Refused, or scanned for every suppressed address.
            Err(_) | Ok(Outbound::Unrecognised | Outbound::Unnamed(_) | Outbound::Ask(_)) => {}
            Ok(Outbound::Nobody) => self.names_not(&request, suppressed, "it is called no send", fixture),
            Ok(Outbound::Send(sending)) => {
                // A part that cannot be read, or names nobody, is taken out too, and who hangs on it.
                let goes = |one: &Recipient<'_>| {
                    naive::names(&one.address, suppressed)
                        || matches!(one.known, Known::Unreadable(_) | Known::Unnamed(_))
                };
                let out = (0..sending.recipients.len()).filter(|index| goes(&sending.recipients[*index]));
                let blocked = sending.with_followers(out.collect());
                if blocked.is_empty() {
                    self.names_not(&request, suppressed, "it is read as a send to others", fixture);
                } else if (blocked.len() < sending.recipients.len() || sending.rest)
                    && let Ok(edits) = self.adapter.trim(&request, &sending, &blocked)
                {
                    let body = apply_edits(request.body, &edits);
                    let query = self.adapter.trim_query(&request, &sending, &blocked);
                    let head = Head { query: query.as_deref().or(request.head.query), ..request.head };
                    self.names_not(&Request { head, body: &body }, suppressed, "it was trimmed", fixture);
                }
            }
        }
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        match self.adapter.look(&request.head)? {
            Look::Nobody => Ok(Outbound::Nobody),
            Look::Unrecognised => Ok(Outbound::Unrecognised),
            Look::Body => self.adapter.read(request),
        }
    }

    fn names_not(&self, request: &Request<'_>, suppressed: &str, why: &str, whole: &Fixture) {
        let names = &self.names[path(whole)];
        let pairs = pairs(request);
        let found =
            pairs.iter().find(|(name, value)| names.contains(name) && naive::names(value, suppressed));
        if let Some((name, value)) = found {
            panic!(
                "{why}, yet {name} = {value:?} names {suppressed}\n{} {}\n{:?}\n{}\n--- goes on as\n{:?}\n{}",
                whole.method,
                whole.target,
                whole.headers,
                String::from_utf8_lossy(&whole.body),
                request.head.query,
                String::from_utf8_lossy(request.body),
            );
        }
    }
}
