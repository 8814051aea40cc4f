//! Hostile scripts are stopped, and the send they judged is blocked, while others go on.

#![expect(clippy::print_stdout, reason = "figures for whoever runs it with --nocapture")]

use dndgate_adapter::{AddressKind, Channel};
use dndgate_policy::{Limits, Policies, SendFacts, SendVerdict};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

/// On a busy machine a thread may have to wait for its turn; a script that is not stopped runs for ever.
const STOPPED_WITHIN: Duration = Duration::from_secs(1);

fn facts() -> SendFacts<'static> {
    SendFacts {
        tenant: "acme",
        provider: "twilio",
        channel: Channel::Sms,
        kind: "message",
        address_kind: AddressKind::Phone,
        address: "+12025550123",
        sender: "",
        tags: &[],
        scheduled: false,
        now: jiff::Timestamp::from_second(1_768_478_400).expect("a time"),
        request_id: "r",
    }
}

fn with_rule(body: &str) -> Policies {
    let source = format!("return {{ on_send = function(send)\n{body}\nend }}");
    let limits = Limits::default();
    Policies::load_with(None, &[("sends.lua".to_owned(), source)], limits)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Everything that is known to outlive a naive limit.
const HOSTILE: &[(&str, &str)] = &[
    ("loop", "while true do end"),
    ("empty repeat", "repeat until false"),
    ("numeric for", "for i = 1, math.huge do end"),
    ("pcall", "while true do pcall(function() while true do end end) end"),
    ("nested pcall", "local function f() while true do pcall(f) end end f()"),
    ("pcall tree", "local function f() pcall(f) pcall(f) end f() return true"),
    ("pcall then allow", "pcall(function() while true do end end) return true"),
    (
        "xpcall",
        "local function h() while true do end end while true do xpcall(function() while true do end end, h) end",
    ),
    ("xpcall handler", "xpcall(error, function() while true do end end) return true"),
    ("coroutine wrap", "while true do pcall(coroutine.wrap(function() while true do end end)) end"),
    (
        "coroutine resume",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
    ),
    (
        "coroutine yield",
        "local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end",
    ),
    ("coroutine bomb", "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end"),
    (
        "sort",
        "local t = {} for i = 1, 1000 do t[i] = i end while true do table.sort(t, function(a, b) return true end) end",
    ),
    ("sort comparator", "table.sort({ 3, 2, 1 }, function(a, b) while true do end end)"),
    (
        "sort long texts",
        "local a, b = string.rep('x', 1e6) .. 'a', string.rep('x', 1e6) .. 'b' local t = {} for i = 1, 1e5 do t[i] = i % 2 == 0 and a or b end table.sort(t)",
    ),
    (
        "sort many",
        "local t = table.create(5e5, 0) for i = 1, 5e5 do t[i] = -i end while true do table.sort(t) end",
    ),
    (
        "find bomb",
        "return string.find(string.rep('a', 3000), string.rep('a?', 3000) .. string.rep('a', 3000)) ~= nil",
    ),
    ("pattern bomb", "string.find(string.rep('a', 40000), '.-.-.-.-.-.-.-b')"),
    ("gsub bomb", "string.gsub(string.rep('a', 100000), '.-.-.-b', '')"),
    ("gmatch bomb", "for w in string.gmatch(string.rep('a', 100000), '(.-)(.-)(.-)b') do end"),
    ("gsub callback", "string.gsub('aaaa', 'a', function() while true do end end)"),
    ("plain find", "string.find(string.rep('a', 4000000), string.rep('a', 2000000) .. 'b', 1, true)"),
    ("split", "string.split(string.rep('a', 4000000), string.rep('a', 2000000) .. 'b')"),
    ("set bomb", "string.find(string.rep('a', 4000000), '[' .. string.rep('b', 2000000) .. 'c]+')"),
    (
        "method find",
        "local s = string.rep('a', 4000000) return s:find(string.rep('a', 2000000) .. 'b', 1, true) == nil",
    ),
    ("balance", "local s = string.rep('(', 1000000) s:gsub('%b()', '')"),
    ("move", "table.move({}, 1, 2 ^ 31 - 2, 1, {})"),
    ("move shifted", "table.move({}, 1, 2 ^ 30, 5)"),
    ("rep", "local s = string.rep('a', 2 ^ 30)"),
    ("rep loop", "local t = {} while true do t[#t + 1] = string.rep('a', 1e6) .. #t end"),
    ("concat", "local s = 'a' while true do s = s .. s end"),
    ("table concat", "local t = {} for i = 1, 1e5 do t[i] = string.rep('a', 1000) end table.concat(t)"),
    ("table create", "table.create(2 ^ 26, 0)"),
    ("table growth", "local t = {} while true do t[#t + 1] = {} end"),
    (
        "memory and pcall",
        "while true do pcall(function() local s = 'a' while true do s = s .. s end end) end",
    ),
    ("recursion", "local function f() return 1 + f() end f()"),
    ("recursion in pcall", "local function f() pcall(f) return 1 + f() end f()"),
    ("tail calls", "local function f() return f() end f()"),
    (
        "index loop",
        "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) return t[1]",
    ),
    ("index chain", "local t = {} setmetatable(t, { __index = t }) while true do local _ = t.x end"),
    (
        "newindex",
        "local t = setmetatable({}, { __newindex = function(t, k, v) while true do end end }) t.x = 1",
    ),
    ("tostring", "tostring(setmetatable({}, { __tostring = function() while true do end end }))"),
    ("len", "local _ = #setmetatable({}, { __len = function() while true do end end })"),
    ("iter", "for _ in setmetatable({}, { __iter = function() return function() return 1 end end }) do end"),
    (
        "eq",
        "local m = { __eq = function() while true do end end } return setmetatable({}, m) == setmetatable({}, m)",
    ),
    ("unpack", "table.unpack({}, 1, 1e9)"),
    ("big error", "error(string.rep('x', 5e6))"),
    ("error object", "error(setmetatable({}, { __tostring = function() while true do end end }))"),
    ("answer", "return setmetatable({}, { __index = function() while true do end end })"),
    ("answer in pieces", "local t = {} for i = 1, 1e9 do t[i] = i end return t"),
    ("numbers", "local s = string.rep('9', 1e6) while true do tonumber(s) end"),
    ("format", "while true do string.format('%s', string.rep('a', 1e6)) end"),
];

#[test]
fn every_hostile_script_is_stopped_and_the_send_blocked() {
    let mut slowest = (Duration::ZERO, "");
    for (name, body) in HOSTILE {
        let policies = with_rule(body);
        assert!(policies.has_send_rule());
        // The second run shows that nothing of the first is left.
        for run in 1..=2 {
            let began = Instant::now();
            let verdict = policies.on_send(&facts());
            let took = began.elapsed();
            if took > slowest.0 {
                slowest = (took, name);
            }
            assert!(
                matches!(verdict, SendVerdict::Block { fault: true, .. }),
                "{name}, run {run}: {verdict:?} after {took:?}"
            );
            assert!(took < STOPPED_WITHIN, "{name}, run {run}: {took:?}");
        }
    }
    println!("{} scripts; the slowest, {}, took {:?}", HOSTILE.len(), slowest.1, slowest.0);
}

/// Doors that a script must find closed.
const LOCKED: &[&str] = &[
    "return io == nil and os == nil and debug == nil and package == nil and require == nil",
    "return loadstring == nil and load == nil and dofile == nil and loadfile == nil",
    "return collectgarbage == nil and gcinfo == nil and newproxy == nil and getfenv == nil and setfenv == nil and print == nil",
    "return not pcall(function() string.find = nil end)",
    "return not pcall(function() _G.leak = 1 end)",
    "return not pcall(function() leak = 1 end)",
    "return not pcall(function() rawset(_G, 'leak', 1) end)",
    "return not pcall(function() getmetatable('').__index = nil end)",
    "return not pcall(function() setmetatable(_G, {}) end)",
    "return not pcall(function() clock.at = nil end)",
    "return string.dump == nil",
    "return not pcall(function() setmetatable(string, {}) end)",
];

#[test]
fn no_door_is_open() {
    for body in LOCKED {
        let policies = with_rule(body);
        assert_eq!(policies.on_send(&facts()), SendVerdict::Allow, "{body}");
    }
}

#[test]
fn nothing_of_a_run_is_left_for_the_next() {
    let source = "local count = 0\nlocal seen = {}\nreturn { on_send = function(send)\n count = count + 1\n seen[#seen + 1] = send.address\n return count == 1 and #seen == 1\nend }";
    let limits = Limits::default();
    let policies =
        Policies::load_with(None, &[("sends.lua".to_owned(), source.to_owned())], limits).expect("loads");
    for _ in 0..50 {
        assert_eq!(policies.on_send(&facts()), SendVerdict::Allow);
    }
}

#[test]
fn others_go_on_while_a_script_misbehaves() {
    let policies = with_rule("if send.tenant == 'evil' then while true do end end return true");
    let (stopped, served) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            // For as long as it takes to serve the others.
            while served.load(Ordering::Relaxed) < 200 {
                let facts = SendFacts { tenant: "evil", ..facts() };
                assert!(matches!(policies.on_send(&facts), SendVerdict::Block { fault: true, .. }));
                stopped.fetch_add(1, Ordering::Relaxed);
            }
        });
        while served.load(Ordering::Relaxed) < 200 || stopped.load(Ordering::Relaxed) == 0 {
            assert_eq!(policies.on_send(&facts()), SendVerdict::Allow);
            served.fetch_add(1, Ordering::Relaxed);
        }
    });
    let (stopped, served) = (stopped.into_inner(), served.into_inner());
    assert!(stopped > 0 && served >= 200, "{stopped} stopped, {served} served");
}

#[test]
fn a_file_that_never_ends_does_not_load() {
    for source in [
        "while true do end",
        "return setmetatable({}, { __index = function() end }), error('x')",
        "\u{1b}Lua",
        "return 5",
        "",
    ] {
        let loaded =
            Policies::load_with(None, &[("sends.lua".to_owned(), source.to_owned())], Limits::default());
        let error = loaded.expect_err(source).to_string();
        assert!(error.starts_with("sends.lua"), "{error}");
    }
}
