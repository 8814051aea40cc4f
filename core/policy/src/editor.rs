//! What editors know of policies: type definitions for the Lua language server, shipped as `policies/types`.

/// The files, by their names in the policies folder, and their texts.
pub const EDITOR_FILES: [(&str, &str); 3] = [
    ("types/dndgate.lua", include_str!("../../../policies/types/dndgate.lua")),
    (".luarc.json", include_str!("../../../policies/.luarc.json")),
    (".luaurc", include_str!("../../../policies/.luaurc")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Sandbox;

    fn types() -> &'static str {
        EDITOR_FILES[0].1
    }

    /// The fields of a class.
    fn fields(class: &str) -> Vec<&'static str> {
        let begin = format!("---@class dndgate.{class}");
        let lines = types().lines().skip_while(|line| {
            line.strip_prefix(&begin).is_none_or(|rest| !(rest.is_empty() || rest.starts_with(':')))
        });
        let fields = lines.skip(1).map_while(|line| line.strip_prefix("---@field "));
        fields.filter_map(|line| line.split([' ', '?']).next()).collect()
    }

    /// The names in a list of the code's.
    fn keys(source: &'static str, list: &str) -> Vec<&'static str> {
        let (_, rest) = source.split_once(&format!("const {list}: [&str")).expect("the list");
        let (_, rest) = rest.split_once('=').expect("its value");
        let (names, _) = rest.split_once(';').expect("its end");
        names.split('"').skip(1).step_by(2).collect()
    }

    #[test]
    fn every_key_has_a_type() {
        let (words, cases) = (include_str!("keywords/compile.rs"), include_str!("cases.rs"));
        let (codes, terms) = (include_str!("codes.rs"), include_str!("terms.rs"));
        let rules = include_str!("send_rules/selector.rs");
        let classes = [
            ("Keywords", keys(words, "KEYS")),
            ("Language", keys(words, "LANGUAGE_KEYS")),
            ("Pattern", keys(words, "PATTERN_KEYS")),
            ("Code", keys(codes, "ENTRY_KEYS")),
            ("Terms", keys(terms, "KEYS")),
            ("PageTexts", keys(include_str!("unsubscribe.rs"), "TEXT_KEYS")),
            ("Case", keys(cases, "MESSAGE_KEYS")),
            ("Case", keys(cases, "CODE_KEYS")),
            ("Case", keys(cases, "SEND_KEYS")),
            ("CaseSend", keys(cases, "SENDING_KEYS")),
            ("Selector", keys(rules, "KEYS")),
            ("QuietHours", keys(include_str!("send_rules/quiet.rs"), "KEYS")),
            ("Cap", keys(include_str!("send_rules/frequency.rs"), "KEYS")),
            ("Holidays", keys(include_str!("send_rules/holidays.rs"), "KEYS")),
        ];
        for (class, keys) in classes {
            let fields = fields(class);
            assert!(!keys.is_empty(), "{class}");
            for key in keys {
                assert!(
                    fields.contains(&key),
                    "dndgate.{class} has no {key} in policies/types/dndgate.lua: {fields:?}"
                );
            }
        }
    }

    #[test]
    fn it_is_lua() {
        let sandbox = Sandbox::new(crate::Limits::default()).expect("a sandbox");
        sandbox.compile("types/dndgate.lua", types()).expect("it compiles");
        for (name, text) in &EDITOR_FILES[1..] {
            serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}
