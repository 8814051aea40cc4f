//! The function `classify(message)` of `keywords.lua`, which has the last word on a message.

use crate::{
    Meaning, Said, Understood,
    sandbox::{Fault, Pool, shortened},
};
use dndgate_adapter::{Channel, Channels};
use mlua::{Function, Lua, Table, Value};

const CLASSIFY: &str = "classify";
const RULE_CHARS_MAX: usize = 120;
/// Nobody names more channels than this.
const CHANNELS_READ_MAX: usize = 32;

/// Asks the function. When it fails, what the words say stands, and a person looks at it.
pub(crate) fn ask(script: &Pool, said: &Said<'_>, found: Understood) -> Understood {
    match script.run(|lua, table| call(lua, &table, said, &found)) {
        Ok(Some(own)) => own,
        Ok(None) => found,
        Err(fault) => {
            tracing::warn!(channel = said.channel.label(), %fault, "keywords.lua: classify(message) failed");
            if found.meaning == Meaning::None {
                let rule = format!("classify failed: {fault}");
                return Understood { meaning: Meaning::Review, rule, ..Understood::default() };
            }
            found
        }
    }
}

fn call(lua: &Lua, file: &Table, said: &Said<'_>, found: &Understood) -> Result<Option<Understood>, Fault> {
    let answer = (|| {
        let message = lua.create_table_with_capacity(0, 6)?;
        message.raw_set("channel", said.channel.name())?;
        message.raw_set("text", said.spoken.texts.first().map(|text| &**text).unwrap_or_default())?;
        message.raw_set("texts", lua.create_sequence_from(said.spoken.texts.iter().map(|text| &**text))?)?;
        message.raw_set("provider_meaning", said.spoken.provider_meaning)?;
        message.raw_set("meaning", found.meaning.name())?;
        message.raw_set("rule", found.rule.as_str())?;
        file.raw_get::<Function>(CLASSIFY)?.call::<Value>(message)
    })();
    match answer.map_err(|error| Fault::of(&error))? {
        Value::Nil => Ok(None),
        Value::String(name) => understood(said.channel, &name.to_string_lossy(), None, None).map(Some),
        Value::Table(table) => {
            let text = |key: &str| table.raw_get::<Option<String>>(key).map_err(|error| Fault::of(&error));
            let meaning = text("meaning")?.ok_or_else(|| wrong("its table has no \"meaning\""))?;
            let channels =
                match table.raw_get::<Option<Table>>("channels").map_err(|error| Fault::of(&error))? {
                    Some(list) => Some(
                        list.sequence_values::<String>()
                            .take(CHANNELS_READ_MAX)
                            .map(|name| {
                                let name = name.map_err(|error| Fault::of(&error))?;
                                Channel::parse(&name)
                                    .ok_or_else(|| wrong(&format!("there is no channel \"{name}\"")))
                            })
                            .collect::<Result<Channels, Fault>>()?,
                    ),
                    None => None,
                };
            understood(said.channel, &meaning, text("rule")?, channels).map(Some)
        }
        other => Err(wrong(&format!("it answered {}", other.type_name()))),
    }
}

fn understood(
    channel: Channel,
    name: &str,
    rule: Option<String>,
    channels: Option<Channels>,
) -> Result<Understood, Fault> {
    let meaning = Meaning::parse(name).ok_or_else(|| wrong(&format!("there is no meaning \"{name}\"")))?;
    let rule = rule.map_or_else(
        || CLASSIFY.to_owned(),
        |rule| format!("{CLASSIFY}: {}", shortened(&rule, RULE_CHARS_MAX)),
    );
    let channels = match meaning {
        Meaning::OptOut => channels.unwrap_or_default().with(channel.into()),
        Meaning::OptIn => channel.into(),
        _ => Channels::NONE,
    };
    Ok(Understood { meaning, rule, channels, all_channels: channels == Channels::ALL })
}

fn wrong(what: &str) -> Fault {
    let what = format!(
        "classify has to answer nil, a meaning such as \"opt_out\", or {{ meaning = \"…\" }}, but {what}"
    );
    Fault::Script { line: None, what }
}
