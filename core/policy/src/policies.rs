//! One immutable set of loaded policies.

use crate::{
    CodeEffect, Edit, FailedCase, FailureCode, Limits, PolicyError, Said, SendFacts, SendVerdict, Understood,
    Unsubscribe,
    cases::{CaseFile, Whose},
    classify,
    codes::Codes,
    keywords::Keywords,
    part::{Part, Parts, returned},
    send_rules::Judgement,
    sends::SendRules,
    sources::{ERROR_CODES, Folder, KEYWORDS, SENDS, Sources, Text, UNSUBSCRIBE},
};
use std::{path::Path, sync::Arc};

/// One immutable set of loaded policies: the general ones, or a tenant's. Functions that files define run in pools
/// of their own.
#[derive(Debug)]
pub struct Policies {
    sources: Sources,
    pub(crate) keywords: Arc<Part<Keywords>>,
    pub(crate) codes: Arc<Part<Codes>>,
    pub(crate) sends: Arc<Part<SendRules>>,
    pub(crate) unsubscribe: Arc<Part<Unsubscribe>>,
    /// Cases that passed.
    cases: usize,
}

impl Policies {
    /// The files shipped with the binary.
    ///
    /// # Panics
    /// When a shipped file is wrong, which a test rules out.
    pub fn embedded() -> Policies {
        match Policies::assemble(Sources::shipped(), Limits::default(), &mut Parts::default()) {
            Ok(policies) => policies,
            Err(error) => panic!("a shipped policy is wrong: {error}"),
        }
    }

    /// Loads the general files of a folder; a file that it does not have is the shipped one. All cases in it are
    /// run. What tenants have of their own is passed over: see [`Book`](crate::Book).
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
        let mut folder = dir.map_or_else(|| Ok(Folder::shipped()), Folder::read)?;
        for (file, text) in replaced {
            folder.edit(&Edit { file: file.clone(), text: Some(text.clone()) })?;
        }
        let mut policies = Policies::assemble(folder.general, limits, &mut Parts::default())?;
        let cases = policies.case_files(&policies.sources, limits)?;
        let mut failed = Vec::new();
        policies.pass(&cases, Whose::All, &mut failed)?;
        if failed.is_empty() { Ok(policies) } else { Err(PolicyError::Cases(failed)) }
    }

    /// Makes a set of its texts, taking what is at hand and compiling what is not. No case is run.
    pub(crate) fn assemble(
        sources: Sources,
        limits: Limits,
        parts: &mut Parts,
    ) -> Result<Policies, PolicyError> {
        let file = |name: &str| sources.get(name).ok_or_else(|| PolicyError::UnknownFile(name.to_owned()));
        Ok(Policies {
            keywords: parts.keywords(file(KEYWORDS)?, limits)?,
            codes: parts.codes(file(ERROR_CODES)?, limits)?,
            sends: parts.sends(file(SENDS)?, limits)?,
            unsubscribe: parts.unsubscribe(file(UNSUBSCRIBE)?, limits)?,
            sources,
            cases: 0,
        })
    }

    /// The cases that stand in some of its files: in files of cases, and in other files beside what they say.
    pub(crate) fn case_files(&self, some: &Sources, limits: Limits) -> Result<Vec<CaseFile>, PolicyError> {
        let carried = [
            (KEYWORDS, self.keywords.cases()),
            (ERROR_CODES, self.codes.cases()),
            (SENDS, self.sends.cases()),
            (UNSUBSCRIBE, self.unsubscribe.cases()),
        ];
        let carried = carried.into_iter().filter_map(|(name, cases)| {
            Some(CaseFile { text: some.get(name)?.clone(), returned: cases?.clone() })
        });
        let mut all: Vec<CaseFile> = carried.collect();
        for text in some.tests() {
            all.push(CaseFile { text: text.clone(), returned: returned(text, limits)? });
        }
        Ok(all)
    }

    /// Runs cases, counts them, and adds to `failed` those that it does not pass.
    pub(crate) fn pass(
        &mut self,
        cases: &[CaseFile],
        whose: Whose,
        failed: &mut Vec<FailedCase>,
    ) -> Result<(), PolicyError> {
        for file in cases {
            self.cases += file.run(self, whose, failed)?;
        }
        Ok(())
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
        self.sources.get(file).map(|text| &*text.text)
    }

    /// What a reply means (R16, R23).
    pub fn understand(&self, said: &Said<'_>) -> Understood {
        let found = self.keywords.compiled.understand(said);
        match &self.keywords.script {
            Some(script) => classify::ask(script, said, found),
            None => found,
        }
    }

    /// What a failed send causes (R18, R19).
    pub fn code(&self, failure: &FailureCode<'_>) -> CodeEffect {
        self.codes.compiled.judge(failure, self.codes.script.as_ref())
    }

    /// The text that confirms an opt-out, in the person's language as far as it is known. `None`: there is none.
    pub fn confirmation(&self, language: Option<&str>) -> Option<&str> {
        self.keywords.compiled.confirmation.text(language)
    }

    /// Scope and page texts of an unsubscribe (R17).
    pub fn unsubscribe(&self) -> &Unsubscribe {
        &self.unsubscribe.compiled
    }

    /// Does the operator have a send rule? Without one a send needs no [`Policies::on_send`].
    pub fn has_send_rule(&self) -> bool {
        !self.sends.compiled.is_empty()
    }

    /// Do send rules ask about the contact that holds the recipient's address?
    pub fn needs_contact(&self) -> bool {
        self.sends.compiled.needs_contact
    }

    /// Has the send rule run into its limits since it was loaded? Then whoever asks it had better not wait for it.
    pub fn send_rule_misbehaves(&self) -> bool {
        self.sends.script.as_ref().is_some_and(|script| script.misbehaves())
    }

    /// Judges a send by the operator's rules as if nothing had been sent before; allowed where there are none.
    pub fn on_send(&self, facts: &SendFacts<'_>) -> SendVerdict {
        self.judge_send(facts, &mut Judgement::default())
    }

    /// Judges a send by the operator's rules; allowed where there are none. Whatever goes wrong blocks it: a rule
    /// that cannot be asked has not allowed it.
    pub fn judge_send(&self, facts: &SendFacts<'_>, judgement: &mut Judgement) -> SendVerdict {
        self.sends.compiled.judge(self.sends.script.as_ref(), self.shown(SENDS), facts, judgement)
    }

    /// A file as the operator knows it.
    fn shown<'a>(&'a self, file: &'a str) -> &'a str {
        self.sources.get(file).map_or(file, |Text { shown, .. }| shown)
    }
}
