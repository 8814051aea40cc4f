//! Hostile scripts are stopped, and the send they judged is blocked, while others go on.

#![expect(clippy::print_stdout, reason = "figures for whoever runs it with --nocapture")]

use dndgate_adapter::{AddressKind, Channel, Spoken};
use dndgate_policy::{Limits, Meaning, Policies, Said, SendFacts, SendVerdict};
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

/// On a busy machine a thread may have to wait for its turn; a script that is not stopped runs for ever.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);

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
    within(body, Limits::default())
}

fn within(body: &str, limits: Limits) -> Policies {
    let source = format!("return {{ on_send = function(send)\n{body}\nend }}");
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
    ("format width", "while true do string.format('%99.99f', 1e300) end"),
    ("yield", "coroutine.yield() return true"),
    (
        "yield in sort",
        "table.sort({ 3, 2, 1 }, function(a, b) coroutine.yield() return a < b end) return true",
    ),
    ("yield in gsub", "string.gsub('abc', '.', function() coroutine.yield() end) return true"),
    (
        "yield in index",
        "local _ = setmetatable({}, { __index = function() coroutine.yield() end }).x return true",
    ),
    ("coroutine tower", "local function f() return coroutine.wrap(f)() end f()"),
    (
        "coroutine close",
        "while true do local c = coroutine.create(function() coroutine.yield() end) coroutine.resume(c) coroutine.close(c) end",
    ),
    (
        "coroutine in pcall in coroutine",
        "while true do coroutine.wrap(function() pcall(coroutine.yield) end)() end",
    ),
    ("error in error handler", "while true do xpcall(error, function() error('x') end) end"),
    (
        "error objects",
        "while true do pcall(error, setmetatable({}, { __tostring = function() while true do end end })) end",
    ),
    (
        "error object of a coroutine",
        "coroutine.wrap(function() error(setmetatable({}, { __tostring = error })) end)()",
    ),
    ("gsub growth", "string.gsub(string.rep('a', 1e5), 'a', string.rep('%0', 1e4))"),
    ("gsub table", "while true do string.gsub(string.rep('a', 1e5), 'a', { a = 'b' }) end"),
    ("gmatch every byte", "for c in string.gmatch(string.rep('a', 4e6), '.') do end"),
    ("captures", "string.find(string.rep('a', 1e5), string.rep('(a*)', 30) .. 'b')"),
    ("pack", "string.pack('c1000000000', '')"),
    ("unpack format", "while true do string.unpack('c1000', string.rep('a', 1000)) end"),
    ("byte", "string.byte(string.rep('a', 1e7), 1, -1)"),
    ("char", "string.char(table.unpack(table.create(1e6, 65)))"),
    ("concat separators", "table.concat(table.create(1e5, 'a'), string.rep('b', 1e5))"),
    ("insert in front", "local t = {} while true do table.insert(t, 1, 0) end"),
    (
        "remove in front",
        "local t = table.create(1e5, 0) while true do table.remove(t, 1) table.insert(t, 0) end",
    ),
    ("clone", "local t, all = table.create(1e5, 0), {} while true do all[#all + 1] = table.clone(t) end"),
    ("find in a table", "local t = table.create(1e6, 0) while true do table.find(t, 1) end"),
    ("next", "local t = {} for i = 1, 10 do t[i] = i end while true do for _ in next, t do end end"),
    ("texts for keys", "local t, i = {}, 0 while true do i = i + 1 t[tostring(i)] = true end"),
    ("closures", "local t = {} while true do t[#t + 1] = function() return t end end"),
    ("weak tables", "while true do setmetatable({}, { __mode = 'kv' })[{}] = {} end"),
    ("utf8", "while true do utf8.len(string.rep('a', 1e6)) end"),
    ("codes", "for _ in utf8.codes(string.rep('a', 5e6)) do end"),
    ("sort that errs", "table.sort({ 3, 2, 1 }, function() error('x') end)"),
    ("sort with holes", "local t = { 1, nil, 3, nil, 'x' } table.sort(t)"),
    (
        "sort of a sort",
        "local function f(a, b) table.sort({ 2, 1 }, f) return a < b end table.sort({ 3, 2, 1 }, f)",
    ),
    ("arithmetic", "local n = setmetatable({}, { __add = function(a) return a + 1 end }) return n + 1"),
    (
        "concatenation",
        "local n = setmetatable({}, { __concat = function(a, b) return a .. b end }) return n .. 'x'",
    ),
    ("comparison", "local n = setmetatable({}, { __lt = function(a, b) return a < b end }) return n < n"),
    ("call", "local n n = setmetatable({}, { __call = function(self) return self() end }) return n() .. ''"),
    ("a table as an answer", "return { block = 'perhaps' }"),
    ("a function as an answer", "return function() return true end"),
    ("a coroutine as an answer", "return coroutine.create(function() end)"),
    (
        "a reason that is a table",
        "return { block = true, reason = setmetatable({}, { __tostring = function() return 'x' end }) }",
    ),
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

/// Everything that a script finds. What is not here is not there, whatever a new version of the engine brings.
const FOUND: &[(&str, &str)] = &[
    (
        "_G",
        "_G _VERSION assert bit32 clock coroutine error getmetatable ipairs math next pairs pcall rawequal rawget \
         rawlen rawset select setmetatable string table tonumber tostring type typeof unpack utf8 xpcall \
         cap rules sent tagged within zones",
    ),
    (
        "string",
        "byte char find format gmatch gsub len lower match pack packsize rep reverse split sub unpack upper",
    ),
    (
        "table",
        "clear clone concat create find foreach foreachi freeze getn insert isfrozen maxn move pack remove sort unpack",
    ),
    (
        "math",
        "abs acos asin atan atan2 ceil clamp cos cosh deg exp floor fmod frexp huge isfinite isinf isnan ldexp lerp log log10 \
         map max min modf noise pi pow rad round sign sin sinh sqrt tan tanh e nan phi sqrt2 tau",
    ),
    ("coroutine", "close create isyieldable resume running status wrap yield"),
    ("utf8", "char charpattern codepoint codes len offset"),
    ("clock", "at"),
];

#[test]
fn there_is_nothing_but_what_is_listed() {
    for (table, names) in FOUND {
        let listed: String = names.split_whitespace().map(|name| format!("{name} = true, ")).collect();
        let body = format!(
            "local listed, more = {{ {listed} }}, {{}}
             for name in pairs({table}) do if not listed[name] then more[#more + 1] = name end end
             return #more == 0 or table.concat(more, ' ')"
        );
        assert_eq!(with_rule(&body).on_send(&facts()), SendVerdict::Allow, "{table} has more than is listed");
    }
}

#[test]
fn what_belongs_to_all_cannot_be_changed() {
    for table in ["_G", "string", "table", "math", "coroutine", "utf8", "bit32", "clock", "getmetatable('')"]
    {
        let body = format!(
            "local t = {table}
             if t == nil or type(t) == 'string' then return true end
             local doors = {{
               function() t.leak = 1 end, function() rawset(t, 'leak', 1) end, function() table.clear(t) end,
               function() t[next(t)] = nil end, function() setmetatable(t, {{}}) end, function() table.insert(t, 1) end,
               function() table.move({{ 1 }}, 1, 1, 1, t) end, function() table.sort(t) end,
             }}
             for index, door in ipairs(doors) do
               door = pcall(door)
               if door and index ~= 8 then return {table:?} .. ' ' .. index end
             end
             return rawget(t, 'leak') == nil"
        );
        assert_eq!(with_rule(&body).on_send(&facts()), SendVerdict::Allow, "{table}");
    }
    // What the send's own table is made of is the run's alone.
    let body = "send.address = 'x' send.tags[1] = 'y' return true";
    assert_eq!(with_rule(body).on_send(&facts()), SendVerdict::Allow);
}

#[test]
fn no_finaliser_runs() {
    let body =
        "for _ = 1, 1000 do setmetatable({}, { __gc = function() while true do end end }) end return true";
    let policies = with_rule(body);
    for _ in 0..200 {
        assert_eq!(policies.on_send(&facts()), SendVerdict::Allow);
    }
}

#[test]
fn what_a_rule_says_is_cut_short() {
    let body = "return { block = true, reason = string.rep('x', 4e6), rule = string.rep('y', 4e6) }";
    let SendVerdict::Block { reason, rule, fault: false } = with_rule(body).on_send(&facts()) else {
        panic!("it is blocked by what it says");
    };
    assert!(reason.chars().count() <= 201 && rule.chars().count() <= 220, "{} {}", reason.len(), rule.len());
    let body = "error(string.rep('x', 4e6))";
    let SendVerdict::Block { reason, fault: true, .. } = with_rule(body).on_send(&facts()) else {
        panic!("it failed");
    };
    assert!(reason.chars().count() < 400, "{}", reason.len());
}

#[test]
fn steps_are_counted_whatever_the_clock_says() {
    let source =
        "return { on_send = function() local n = 0 for i = 1, 20000 do n = n + i end return true end }";
    let files = [("sends.lua".to_owned(), source.to_owned())];
    let limits = Limits { time: Duration::from_secs(3600), steps_max: 10_000, ..Limits::default() };
    let verdict = Policies::load_with(None, &files, limits).expect("loads").on_send(&facts());
    assert!(
        matches!(&verdict, SendVerdict::Block { fault: true, reason, .. } if reason.contains("10000 steps")),
        "{verdict:?}"
    );
    let limits = Limits { steps_max: 100_000, ..limits };
    assert_eq!(
        Policies::load_with(None, &files, limits).expect("loads").on_send(&facts()),
        SendVerdict::Allow
    );
}

/// A message, to the function that has the last word on it.
fn heard(body: &str, text: &str) -> Meaning {
    let source = format!(
        "return {{ languages = {{ any = {{ opt_out = {{ 'stop' }} }} }}, classify = function(message)\n{body}\nend }}"
    );
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("keywords.lua"), source).expect("written");
    let policies = Policies::load(dir.path(), Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    let spoken = Spoken { texts: vec![text.into()], provider_meaning: None };
    policies.understand(&Said { channel: Channel::Sms, spoken: &spoken }).meaning
}

#[test]
fn a_reading_that_is_stopped_leaves_the_words_and_a_person_looks() {
    for body in [
        "while true do end",
        "pcall(function() while true do end end) return 'none'",
        "local s = 'a' while true do s = s .. s end",
        "string.find(string.rep('a', 40000), '.-.-.-.-.-.-.-b')",
        "return { meaning = 'opt_in', channels = setmetatable({}, { __index = function() return 'SMS' end }), rule = 5 } .. ''",
        "coroutine.yield('opt_in')",
        "error({})",
        "return 'perhaps'",
        "return { meaning = setmetatable({}, {}) }",
    ] {
        assert_eq!(heard(body, "hello"), Meaning::Review, "{body}");
        assert_eq!(heard(body, "STOP"), Meaning::OptOut, "{body}");
    }
    let many = "local t = {} for i = 1, 2e5 do t[i] = 'SMS' end return { meaning = 'opt_out', channels = t }";
    assert_eq!(heard(many, "hello"), Meaning::OptOut);
}

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
    // It is stopped by its steps: on a busy machine nobody else is to run out of time.
    let limits = Limits { time: Duration::from_secs(5), ..Limits::default() };
    let policies = within("if send.tenant == 'evil' then while true do end end return true", limits);
    let (stopped, served) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // For as long as it takes to serve the others, or to find that they are not.
            while !over.load(Ordering::Relaxed) {
                let facts = SendFacts { tenant: "evil", ..facts() };
                let verdict = policies.on_send(&facts);
                if !matches!(verdict, SendVerdict::Block { fault: true, .. }) {
                    over.store(true, Ordering::Relaxed);
                    panic!("it was not stopped: {verdict:?}");
                }
                stopped.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut refused = None;
        while refused.is_none()
            && !over.load(Ordering::Relaxed)
            && (served.load(Ordering::Relaxed) < 200 || stopped.load(Ordering::Relaxed) == 0)
        {
            refused = Some(policies.on_send(&facts())).filter(|verdict| *verdict != SendVerdict::Allow);
            served.fetch_add(1, Ordering::Relaxed);
        }
        over.store(true, Ordering::Relaxed);
        assert_eq!(refused, None, "others are served");
    });
    let (stopped, served) = (stopped.into_inner(), served.into_inner());
    assert!(stopped > 0 && served >= 200, "{stopped} stopped, {served} served");
}

/// Files that do harm while they are read.
fn harmful() -> Vec<String> {
    let deep = |open: &str, inner: &str, close: &str, times: usize| {
        format!("return {}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let mut all: Vec<String> = [
        "while true do end",
        "return setmetatable({}, { __index = function() end }), error('x')",
        "\u{1b}Lua",
        "return 5",
        "",
        "coroutine.yield() return {}",
        "error(setmetatable({}, { __tostring = function() while true do end end }))",
        "local t = {} while true do t[#t + 1] = {} end",
        "local s = 'a' while true do s = s .. s end",
        "local t = {} t.on_send = t return t",
        "local t = {} for i = 1, 300000 do t[i] = i end return t",
        "return { on_send = 5 }",
        "return { [{}] = 1 }",
        "return { [0/0] = 1 }",
        "return { cases = coroutine.create(function() end) }",
        "return { cases = { { send = {}, verdict = string.char(255) } } }",
        "local function f() return f() end return f()",
        "goto a",
        "return 0x",
    ]
    .map(str::to_owned)
    .to_vec();
    all.extend([
        deep("(", "1", ")", 200_000),
        deep("{", "", "}", 200_000),
        deep("function() return ", "1", " end", 20_000),
        deep("-", "1", "", 300_000),
        deep("not ", "1", "", 100_000),
        deep("f(", "1", ")", 100_000),
        deep("1 + ", "1", "", 100_000),
        deep("'a' .. ", "'b'", "", 100_000),
        deep("2 ^ ", "1", "", 100_000),
        deep("a.", "b", "", 200_000),
        deep("`{", "1", "}`", 50_000),
        format!("local x: {}number{} return {{}}", "{".repeat(100_000), "}".repeat(100_000)),
        format!("if x then {} end return 5", "elseif x then ".repeat(50_000)),
        format!("{} {} return 5", "do ".repeat(100_000), "end ".repeat(100_000)),
        format!("{} return 5", "local a = 1 ".repeat(50_000)),
        format!("--[{}[", "=".repeat(500_000)),
        format!("return '{}'", "\\".repeat(300_001)),
    ]);
    all
}

#[test]
fn a_file_that_does_harm_does_not_load() {
    for source in harmful() {
        let begun = Instant::now();
        let shown: String = source.chars().take(60).collect();
        let loaded = Policies::load_with(None, &[("sends.lua".to_owned(), source)], Limits::default());
        let error = loaded.expect_err(&shown).to_string();
        assert!(error.starts_with("sends.lua") && error.len() < 1_000, "{shown}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{shown}: {:?}", begun.elapsed());
    }
}

#[test]
fn compiled_lua_is_refused() {
    let compiled = mlua::chunk::Compiler::new().compile("return {}").expect("compiled");
    let text: String = compiled.iter().map(|byte| char::from(*byte)).collect();
    // As a text it is none of UTF-8's, or it is not Lua.
    for text in [String::from_utf8_lossy(&compiled).into_owned(), text] {
        let loaded = Policies::load_with(None, &[("sends.lua".to_owned(), text)], Limits::default());
        let error = loaded.expect_err("refused").to_string();
        assert!(error.starts_with("sends.lua"), "{error}");
    }
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("sends.lua"), &compiled).expect("written");
    assert!(Policies::load(dir.path(), Limits::default()).is_err());
}
