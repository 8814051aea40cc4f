//! `sends.lua`: rules of the operator's own that may block a send (quiet hours, caps, categories). They can
//! only block more: they are asked after the gate has let a send through.

use crate::{
    PolicyError,
    reader::Reader,
    sandbox::{Fault, Pool, shortened},
    send_rules::{ContactFacts, Current, Judgement, Objection, Rules},
};
use dndgate_adapter::{AddressKind, Channel};
use mlua::{Function, Lua, Table, Value};
use std::borrow::Cow;

/// What a rule is told of a send to one recipient.
#[derive(Debug, Clone, Copy)]
pub struct SendFacts<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The provider's name in the configuration.
    pub provider: &'a str,
    /// The channel.
    pub channel: Channel,
    /// What kind of send it is in the provider's words, such as `message` or `verify`.
    pub kind: &'a str,
    /// The kind of address.
    pub address_kind: AddressKind,
    /// The recipient's address, normalised.
    pub address: &'a str,
    /// Who sends, as the provider names it; empty when unknown.
    pub sender: &'a str,
    /// Tags, template or category.
    pub tags: &'a [Cow<'a, str>],
    /// Does it leave later than now?
    pub scheduled: bool,
    /// Now.
    pub now: jiff::Timestamp,
    /// The request's id.
    pub request_id: &'a str,
}

/// What the rules say of a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendVerdict {
    /// Nothing against it.
    Allow,
    /// Blocked.
    Block {
        /// Why, in the rule's words.
        reason: String,
        /// Which rule, for records.
        rule: String,
        /// The script failed or ran out of its limits; blocked because of that (to be logged and counted).
        fault: bool,
    },
}

/// The function's name in the file.
const ON_SEND: &str = "on_send";
/// A reason ends up in headers and records.
const REASON_CHARS_MAX: usize = 200;

/// What the file says, as far as it is data.
#[derive(Debug, Default)]
pub(crate) struct SendRules {
    pub(crate) rules: Rules,
    /// It has a function, too.
    pub(crate) asks: bool,
    pub(crate) needs_contact: bool,
}

impl SendRules {
    /// Reads the table that the file returned.
    pub(crate) fn compile(root: &Reader<'_>) -> Result<SendRules, PolicyError> {
        root.only(&[ON_SEND, "rules", "needs", "cases"])?;
        let rules = root.get("rules").map_or_else(|| Ok(Rules::default()), |rules| Rules::compile(&rules))?;
        let asks = root.get(ON_SEND).map(|reader| reader.function()).transpose()?.is_some();
        let mut needs_contact = rules.need_contact();
        for need in root.get("needs").map_or(Ok(Vec::new()), |needs| needs.items())? {
            need.choice(&["contact"], |name| (name == "contact").then_some(()))?;
            needs_contact = true;
        }
        Ok(SendRules { rules, asks, needs_contact })
    }

    /// Is there anything to ask?
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty() && !self.asks
    }

    /// Judges a send: by the rules that are data, then by the function.
    pub(crate) fn judge(
        &self,
        script: Option<&Pool>,
        file: &str,
        facts: &SendFacts<'_>,
        judgement: &mut Judgement,
    ) -> SendVerdict {
        if let Some(Objection { reason, rule, fault }) = self.rules.objection(facts, judgement) {
            let reason = shortened(&reason, REASON_CHARS_MAX);
            return SendVerdict::Block { reason, rule: format!("{file}: {rule}"), fault };
        }
        script.map_or(SendVerdict::Allow, |script| judge(script, file, facts, judgement))
    }
}

/// Judges a send. Whatever goes wrong blocks it: a rule that cannot be asked has not allowed it.
/// `file` is the operator's name of the file: records show it.
fn judge(script: &Pool, file: &str, facts: &SendFacts<'_>, judgement: &mut Judgement) -> SendVerdict {
    match script.run(|lua, table| ask(lua, &table, file, facts, judgement)) {
        Ok(verdict) => verdict,
        Err(fault) => {
            let line = fault.line().map(|line| format!(":{line}")).unwrap_or_default();
            SendVerdict::Block {
                reason: format!("a send rule failed: {fault}"),
                rule: format!("{file}{line}"),
                fault: true,
            }
        }
    }
}

fn ask(
    lua: &Lua,
    table: &Table,
    file: &str,
    facts: &SendFacts<'_>,
    judgement: &mut Judgement,
) -> Result<SendVerdict, Fault> {
    let contact = judgement.contact.clone();
    lua.set_app_data(Current::new(facts, std::mem::take(judgement)));
    // What is built here is as large as a request may be, and no script's doing. Under a limit, each step of it would
    // be a protected call, which costs more than the script.
    let built = lua.set_memory_limit(0).and_then(|limit| {
        let send = shown(lua, facts, contact.as_deref());
        lua.set_memory_limit(limit)?;
        send
    });
    let answer = built.and_then(|send| table.raw_get::<Function>(ON_SEND)?.call::<Value>(send));
    if let Some(current) = lua.remove_app_data::<Current>() {
        *judgement = current.into_judgement();
    }
    read(&answer.map_err(|error| Fault::of(&error))?, file)
}

/// The send as scripts see it.
fn shown(lua: &Lua, facts: &SendFacts<'_>, contact: Option<&ContactFacts>) -> mlua::Result<Table> {
    let send = lua.create_table_with_capacity(0, 13)?;
    send.raw_set("tenant", facts.tenant)?;
    send.raw_set("provider", facts.provider)?;
    send.raw_set("channel", facts.channel.name())?;
    send.raw_set("kind", facts.kind)?;
    send.raw_set("address_kind", facts.address_kind.name())?;
    send.raw_set("address", facts.address)?;
    send.raw_set("sender", facts.sender)?;
    send.raw_set("scheduled", facts.scheduled)?;
    send.raw_set("now", facts.now.as_second())?;
    send.raw_set("request_id", facts.request_id)?;
    send.raw_set("tags", lua.create_sequence_from(facts.tags.iter().map(|tag| &**tag))?)?;
    if let Some(contact) = contact {
        send.raw_set("contact", contact.table(lua)?)?;
    }
    Ok(send)
}

fn read(answer: &Value, file: &str) -> Result<SendVerdict, Fault> {
    let block = |reason: &str, rule: Option<String>| {
        let reason = if reason.trim().is_empty() { "blocked by a send rule" } else { reason };
        // The name of the rule in records is the file's, unless it gives its own.
        let rule = rule.map_or_else(
            || file.to_owned(),
            |rule| format!("{file}: {}", shortened(&rule, REASON_CHARS_MAX)),
        );
        SendVerdict::Block { reason: shortened(reason, REASON_CHARS_MAX), rule, fault: false }
    };
    let wrong = |what: &str| Fault::Script {
        line: None,
        what: format!(
            "on_send has to answer nil, true or \"allow\", or {{ block = true, reason = \"…\" }}, but {what}"
        ),
    };
    match answer {
        Value::Nil | Value::Boolean(true) => Ok(SendVerdict::Allow),
        Value::Boolean(false) => Ok(block("", None)),
        Value::String(text) => match text.to_string_lossy().as_str() {
            "allow" => Ok(SendVerdict::Allow),
            reason => Ok(block(reason, None)),
        },
        Value::Table(table) => {
            let text = |key: &str| -> Result<Option<String>, Fault> {
                match table.raw_get::<Value>(key).map_err(|error| Fault::of(&error))? {
                    Value::Nil => Ok(None),
                    Value::String(text) => Ok(Some(text.to_string_lossy())),
                    other => Err(wrong(&format!("\"{key}\" is {}", other.type_name()))),
                }
            };
            match table.raw_get::<Value>("block").map_err(|error| Fault::of(&error))? {
                Value::Boolean(true) => Ok(block(&text("reason")?.unwrap_or_default(), text("rule")?)),
                Value::Boolean(false) => Ok(SendVerdict::Allow),
                _ => Err(wrong("its table says neither block = true nor block = false")),
            }
        }
        other => Err(wrong(&format!("it answered {}", other.type_name()))),
    }
}
