//! One compiled file. Sets share it: tenants with the general one, and a set with the one before it where the text
//! has not changed, so that a thousand tenants do not cost a thousand keyword automata.

use crate::{
    At, Limits, PolicyError, Unsubscribe,
    codes::Codes,
    keywords::{self, Keywords},
    node::Node,
    policies::Policies,
    reader::{Reader, Source},
    sandbox::{Fault, Pool, Sandbox},
    sends::SendRules,
    sources::{ERROR_CODES, KEYWORDS, SENDS, Text, UNSUBSCRIBE},
};
use std::{collections::HashMap, sync::Arc};

/// One compiled file.
#[derive(Debug)]
pub(crate) struct Part<T> {
    text: Arc<str>,
    limits: Limits,
    /// The cases that it carries itself: a table with the key `cases`, if there are any.
    cases: Option<Node>,
    pub(crate) compiled: T,
    /// The file ready to run, where it has a function.
    pub(crate) script: Option<Pool>,
}

impl<T> Part<T> {
    /// `compile` says, too, whether the file has a function.
    fn load(
        name: &str,
        text: &Text,
        limits: Limits,
        compile: impl FnOnce(&Reader<'_>) -> Result<(T, bool), PolicyError>,
    ) -> Result<Part<T>, PolicyError> {
        let node = returned(text, limits)?;
        let (compiled, runs) = compile(&Reader::new(text.source(), &node))?;
        Ok(Part {
            text: Arc::clone(&text.text),
            limits,
            cases: node.only(CASES),
            compiled,
            script: runs.then(|| Pool::new(name, &text.text, limits)),
        })
    }

    /// The table with the file's own cases.
    pub(crate) fn cases(&self) -> Option<&Node> {
        self.cases.as_ref()
    }
}

/// The key of a file under which it may carry cases of its own.
pub(crate) const CASES: &str = "cases";

impl Text {
    pub(crate) fn source(&self) -> Source<'_> {
        Source { file: &self.shown, text: &self.text }
    }
}

/// What a file returns, in a state of its own: what one does, no other sees.
pub(crate) fn returned(text: &Text, limits: Limits) -> Result<Node, PolicyError> {
    let outcome = Sandbox::strict(limits.for_loading()).and_then(|sandbox| {
        let chunk = sandbox.compile(&text.shown, &text.text)?;
        sandbox.run(&chunk, |_, table| Node::read(&table))
    });
    outcome.map_err(|fault| script_error(text.source(), &fault))
}

fn script_error(source: Source<'_>, fault: &Fault) -> PolicyError {
    let told = fault.to_string();
    let place = At::stumbled(source, fault.line(), &told);
    PolicyError::Script { what: crate::hints::explained(&told, &place.text), place }
}

/// The parts that are at hand while sets are built.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    keywords: Shelf<Keywords>,
    codes: Shelf<Codes>,
    sends: Shelf<SendRules>,
    unsubscribe: Shelf<Unsubscribe>,
}

type Shelf<T> = HashMap<Arc<str>, Arc<Part<T>>>;

impl Parts {
    /// Puts those of a set at hand.
    pub(crate) fn add(&mut self, set: &Policies) {
        keep(&mut self.keywords, &set.keywords);
        keep(&mut self.codes, &set.codes);
        keep(&mut self.sends, &set.sends);
        keep(&mut self.unsubscribe, &set.unsubscribe);
    }

    pub(crate) fn keywords(
        &mut self,
        text: &Text,
        limits: Limits,
    ) -> Result<Arc<Part<Keywords>>, PolicyError> {
        of(&mut self.keywords, KEYWORDS, text, limits, |root| {
            let keywords = keywords::compile(root)?;
            let runs = keywords.classifies;
            Ok((keywords, runs))
        })
    }

    pub(crate) fn codes(&mut self, text: &Text, limits: Limits) -> Result<Arc<Part<Codes>>, PolicyError> {
        of(&mut self.codes, ERROR_CODES, text, limits, |root| {
            let codes = Codes::compile(root)?;
            let runs = codes.asks;
            Ok((codes, runs))
        })
    }

    pub(crate) fn sends(&mut self, text: &Text, limits: Limits) -> Result<Arc<Part<SendRules>>, PolicyError> {
        of(&mut self.sends, SENDS, text, limits, |root| {
            let sends = SendRules::compile(root)?;
            let runs = sends.asks;
            Ok((sends, runs))
        })
    }

    pub(crate) fn unsubscribe(
        &mut self,
        text: &Text,
        limits: Limits,
    ) -> Result<Arc<Part<Unsubscribe>>, PolicyError> {
        of(&mut self.unsubscribe, UNSUBSCRIBE, text, limits, |root| Ok((Unsubscribe::compile(root)?, false)))
    }
}

fn keep<T>(shelf: &mut Shelf<T>, part: &Arc<Part<T>>) {
    shelf.entry(Arc::clone(&part.text)).or_insert_with(|| Arc::clone(part));
}

fn of<T>(
    shelf: &mut Shelf<T>,
    name: &str,
    text: &Text,
    limits: Limits,
    compile: impl FnOnce(&Reader<'_>) -> Result<(T, bool), PolicyError>,
) -> Result<Arc<Part<T>>, PolicyError> {
    if let Some(part) = shelf.get(&text.text).filter(|part| part.limits == limits) {
        return Ok(Arc::clone(part));
    }
    let part = Arc::new(Part::load(name, text, limits, compile)?);
    shelf.insert(Arc::clone(&text.text), Arc::clone(&part));
    Ok(part)
}
