//! One immutable set of loaded policies.

use crate::{
    At, CodeEffect, FailureCode, Limits, PolicyError, Said, SendFacts, SendVerdict, Understood, Unsubscribe,
    cases, classify,
    codes::Codes,
    keywords::{self, Keywords},
    node::Node,
    reader::{Reader, Source},
    sandbox::{Fault, Pool, Sandbox},
    sends,
    sources::{ERROR_CODES, KEYWORDS, SENDS, Sources, UNSUBSCRIBE},
};
use std::path::Path;

/// One immutable set of loaded policies. Functions that files define run in pools of their own.
#[derive(Debug)]
pub struct Policies {
    sources: Sources,
    keywords: Keywords,
    codes: Codes,
    unsubscribe: Unsubscribe,
    /// Files with functions, ready to run.
    classify: Option<Pool>,
    unknown_code: Option<Pool>,
    on_send: Option<Pool>,
    /// Cases that passed.
    cases: usize,
}

impl Policies {
    /// The files shipped with the binary.
    ///
    /// # Panics
    /// When a shipped file is wrong, which a test rules out.
    pub fn embedded() -> Policies {
        match Policies::build(Sources::shipped(), Limits::default()) {
            Ok(policies) => policies,
            Err(error) => panic!("a shipped policy is wrong: {error}"),
        }
    }

    /// Loads a folder; a file that it does not have is the shipped one. All cases in it are run.
    ///
    /// # Errors
    /// When the folder cannot be read, a file does not load, or a case fails.
    pub fn load(dir: &Path, limits: Limits) -> Result<Policies, PolicyError> {
        Policies::load_with(Some(dir), &[], limits)
    }

    /// The same with some files replaced, by name (`keywords.lua`, `tests/own.lua`), before they are
    /// written. Without a folder the others are those shipped, with their cases.
    ///
    /// # Errors
    /// When the folder cannot be read, a file does not load, or a case fails.
    pub fn load_with(
        dir: Option<&Path>,
        replaced: &[(String, String)],
        limits: Limits,
    ) -> Result<Policies, PolicyError> {
        let mut sources = match dir {
            Some(dir) => Sources::in_folder(dir)?,
            None => Sources::shipped_with_cases(),
        };
        for (file, text) in replaced {
            sources.replace(file, text)?;
        }
        Policies::build(sources, limits)
    }

    fn build(sources: Sources, limits: Limits) -> Result<Policies, PolicyError> {
        let keyword_file = File::read(&sources, KEYWORDS, limits)?;
        let code_file = File::read(&sources, ERROR_CODES, limits)?;
        let send_file = File::read(&sources, SENDS, limits)?;
        let unsubscribe_file = File::read(&sources, UNSUBSCRIBE, limits)?;
        let keywords = keywords::compile(&keyword_file.reader())?;
        let codes = Codes::compile(&code_file.reader())?;
        let has_rule = sends::compile(&send_file.reader())?;
        let unsubscribe = Unsubscribe::compile(&unsubscribe_file.reader())?;
        let pool = |file: &File<'_>, wanted: bool| {
            wanted.then(|| Pool::new(file.source.file, file.source.text, limits))
        };
        let (classify, unknown_code, on_send) = (
            pool(&keyword_file, keywords.classifies),
            pool(&code_file, codes.asks),
            pool(&send_file, has_rule),
        );
        let mut policies = Policies {
            sources: sources.clone(),
            keywords,
            codes,
            unsubscribe,
            classify,
            unknown_code,
            on_send,
            cases: 0,
        };
        let mut cases = 0;
        let mut failed = Vec::new();
        for file in [&keyword_file, &code_file, &send_file, &unsubscribe_file] {
            if let Some(list) = file.reader().get("cases") {
                cases += cases::run(&list, file.source, &policies, &mut failed)?;
            }
        }
        for (name, _) in sources.tests() {
            let file = File::read(&sources, name, limits)?;
            cases += cases::run(&file.reader(), file.source, &policies, &mut failed)?;
        }
        policies.cases = cases;
        if failed.is_empty() { Ok(policies) } else { Err(PolicyError::Cases(failed)) }
    }

    /// The names of the files in force, those of cases last.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.sources.names()
    }

    /// How many cases pass.
    pub fn cases(&self) -> usize {
        self.cases
    }

    /// The text of a file, such as `keywords.lua`.
    pub fn source(&self, file: &str) -> Option<&str> {
        self.sources.get(file)
    }

    /// What a reply means (R16, R23).
    pub fn understand(&self, said: &Said<'_>) -> Understood {
        let found = self.keywords.understand(said);
        match &self.classify {
            Some(script) => classify::ask(script, said, found),
            None => found,
        }
    }

    /// What a failed send causes (R18, R19).
    pub fn code(&self, failure: &FailureCode<'_>) -> CodeEffect {
        self.codes.judge(failure, self.unknown_code.as_ref())
    }

    /// The text that confirms an opt-out, in the person's language as far as it is known. `None`: there is none.
    pub fn confirmation(&self, language: Option<&str>) -> Option<&str> {
        self.keywords.confirmation.text(language)
    }

    /// Scope and page texts of an unsubscribe (R17).
    pub fn unsubscribe(&self) -> &Unsubscribe {
        &self.unsubscribe
    }

    /// Does the operator have a send rule? Without one a send needs no [`Policies::on_send`].
    pub fn has_send_rule(&self) -> bool {
        self.on_send.is_some()
    }

    /// Judges a send by the operator's rule; allowed where there is none.
    pub fn on_send(&self, facts: &SendFacts<'_>) -> SendVerdict {
        self.on_send.as_ref().map_or(SendVerdict::Allow, |script| sends::judge(script, facts))
    }
}

/// A file and what it returned.
struct File<'a> {
    source: Source<'a>,
    node: Node,
}

impl<'a> File<'a> {
    fn read(sources: &'a Sources, name: &'a str, limits: Limits) -> Result<File<'a>, PolicyError> {
        let text = sources.get(name).ok_or_else(|| PolicyError::UnknownFile(name.to_owned()))?;
        // Each file gets a state of its own: what one does, no other sees.
        let outcome = Sandbox::new(limits.for_loading()).and_then(|sandbox| {
            let chunk = sandbox.compile(name, text)?;
            sandbox.run(&chunk, |_, table| Node::read(&table))
        });
        match outcome {
            Ok(node) => Ok(File { source: Source { file: name, text }, node }),
            Err(fault) => Err(script_error(name, &fault)),
        }
    }

    fn reader(&self) -> Reader<'_> {
        Reader::new(self.source, &self.node)
    }
}

fn script_error(file: &str, fault: &Fault) -> PolicyError {
    let what = crate::hints::explained(&fault.to_string());
    PolicyError::Script { place: At::new(file, fault.line()), what }
}
