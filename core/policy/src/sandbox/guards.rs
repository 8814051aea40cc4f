//! What scripts find in their globals, and library functions that cannot be made to run for ever.
//!
//! The time limit is checked at every call, loop and step of a pattern. A few library functions do more work
//! than that between two checks, when asked to; they are replaced here.

use crate::send_rules;
use jiff::{Timestamp, tz::TimeZone};
use mlua::{Lua, Table};

/// What would let a script out, or let it keep something, or has no use here.
const REMOVED: [&str; 12] = [
    "collectgarbage",
    "dofile",
    "gcinfo",
    "getfenv",
    "io",
    "load",
    "loadfile",
    "loadstring",
    "newproxy",
    "os",
    "print",
    "setfenv",
];
const REMOVED_TOO: [&str; 4] = ["require", "package", "debug", "buffer"];

/// Plain Lua around the originals: comparing, matching and moving are bounded or checked step by step.
const GUARDS: &str = r#"
local steps_max = 8000000
local error, select, type = error, select, type
local function bounded(name, original)
    string[name] = function(text, pattern, ...)
        if type(text) == "string" and type(pattern) == "string" and #text * #pattern > steps_max then
            error("string." .. name .. ": text and pattern are too long together", 2)
        end
        return original(text, pattern, ...)
    end
end
for _, name in { "find", "match", "gmatch", "gsub", "split" } do
    bounded(name, string[name])
end

local sort = table.sort
local function less(a, b)
    return a < b
end
table.sort = function(list, before)
    return sort(list, before or less)
end

-- Chance would outlive a run, and make of one message two meanings.
math.random, math.randomseed = nil, nil

local move = table.move
table.move = function(from, first, last, ...)
    if type(first) == "number" and type(last) == "number" and last - first > 1000000 then
        error("table.move: too many elements", 2)
    end
    return move(from, first, last, ...)
end
"#;

/// Makes an error of every name that means nothing.
pub(crate) fn know_all_names(lua: &Lua) -> mlua::Result<()> {
    lua.load(
        r#"local error, setmetatable, tostring = error, setmetatable, tostring
        setmetatable(_G, { __index = function(_, name)
            name = tostring(name)
            error("there is no \"" .. name .. "\" here; is it a text, which needs quotes, or a misspelt name? "
                .. "Policies have no files, network, time of day, chance or print", 2)
        end })"#,
    )
    .set_name("=guards")
    .exec()
}

/// Prepares the globals, before the sandbox closes them.
pub(crate) fn install(lua: &Lua) -> mlua::Result<()> {
    let globals = lua.globals();
    for name in REMOVED.iter().chain(&REMOVED_TOO) {
        globals.raw_remove(*name)?;
    }
    lua.load(GUARDS).set_name("=guards").exec()?;
    globals.raw_set("clock", clock(lua)?)?;
    send_rules::install(lua)
}

/// `clock.at(seconds, zone)`: the calendar and the time of day there. No clock of its own: the time is the
/// one that a function is given.
fn clock(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set(
        "at",
        lua.create_function(|lua, (seconds, zone): (f64, String)| {
            #[expect(clippy::cast_possible_truncation, reason = "fractions of a second have no use here")]
            let time = Timestamp::from_second(seconds as i64)
                .map_err(|_| mlua::Error::runtime("clock.at: the first value has to be a time in seconds, such as send.now"))?;
            let zone = time_zone(&zone).ok_or_else(|| {
                mlua::Error::runtime(format!(
                    "clock.at: there is no time zone \"{}\"; write it like \"Europe/Berlin\", \"UTC\" or \"+02:00\"",
                    super::fault::shortened(&zone, 40)
                ))
            })?;
            let there = time.to_zoned(zone);
            let table = lua.create_table_with_capacity(0, 8)?;
            table.raw_set("year", there.year())?;
            table.raw_set("month", there.month())?;
            table.raw_set("day", there.day())?;
            table.raw_set("hour", there.hour())?;
            table.raw_set("minute", there.minute())?;
            table.raw_set("second", there.second())?;
            table.raw_set("weekday", there.weekday().to_monday_one_offset())?;
            table.raw_set("date", there.date().to_string())?;
            Ok(table)
        })?,
    )?;
    Ok(table)
}

fn time_zone(name: &str) -> Option<TimeZone> {
    let offset = || {
        let (sign, rest) = match name.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':')?;
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        let seconds = sign * (hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?);
        jiff::tz::Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
    };
    offset().or_else(|| send_rules::time_zone(name))
}
