//! What is wrong in a description is said with file, line and what would be right.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::Secrets;

const GOOD: &str = r#"name = "x"
upstream = "https://api.example.com"

[[send]]
requests = ["POST v1/send"]
body = ["json"]
to = [{ at = "to", channel = "SMS" }]

[refusal]
type = "application/json"
body = '{"error":"{{message}}"}'
"#;

const HOOK: &str = r#"
[webhook]
[webhook.proof]
how = "header"
header = "x-secret"
[[webhook.event]]
says = "message"
channel = "SMS"
person = "from"
text = "text"
id = "id"
"#;

#[test]
fn a_description_that_is_good_is_taken() {
    for text in [GOOD.to_owned(), format!("{GOOD}{HOOK}")] {
        dndgate_custom::read(&text, "x.toml").unwrap();
    }
}

#[test]
fn errors_name_file_line_and_what_would_be_right() {
    let both = format!("{GOOD}{HOOK}");
    for (from, to, line, word) in [
        ("name = \"x\"", "nam = \"x\"", 1, "nam"),
        ("name = \"x\"", "name = \"X Y\"", 1, "lower-case"),
        ("https://api.example.com", "api.example.com", 2, "https://"),
        ("body = [\"json\"]", "bodies = [\"json\"]", 6, "bodies"),
        ("body = [\"json\"]", "body = [\"xml\"]", 6, "form"),
        ("\"POST v1/send\"", "\"v1/send\"", 5, "POST v1/messages"),
        ("\"POST v1/send\"", "\"POST v1/../send\"", 5, "plainly"),
        ("\"POST v1/send\"", "\"POST https://other.example/v1\"", 5, "hosts"),
        ("\"POST v1/send\"", "\"POST v1/send\", \"POST v1/send\"", 5, "twice"),
        ("channel = \"SMS\" }", "channel = \"Fax\" }", 7, "WhatsApp"),
        ("channel = \"SMS\" }", "channel = \"SMS\", kind = \"email\" }", 7, "phone"),
        ("channel = \"SMS\" }", "chanel = \"SMS\" }", 7, "chanel"),
        ("{ at = \"to\", channel = \"SMS\" }", "{ at = \"to\" }", 7, "beside"),
        ("body = [\"json\"]\nto = [{ at = \"to\"", "body = [\"form\"]\nto = [{ at = \"to[]\"", 7, "JSON"),
        ("'{\"error\":\"{{message}}\"}'", "'{\"error\":{{message}}}'", 9, "quotes"),
        ("'{\"error\":\"{{message}}\"}'", "'{\"error\":\"{{why}}\"}'", 9, "{{reason}}"),
        ("type = \"application/json\"", "type = \"application/json\"\nstatus = 429", 9, "408 or 429"),
        ("type = \"application/json\"", "type = \"application/json\"\nstatus = 200", 9, "400 to 499"),
        ("how = \"header\"\nheader = \"x-secret\"", "how = \"header\"", 14, "header is missing"),
        ("how = \"header\"\nheader = \"x-secret\"", "how = \"query\"", 14, "needs field"),
        ("how = \"header\"", "how = \"hmac\"\nover = \"{{timestamp}}\"", 14, "{{body}}"),
        ("how = \"header\"", "how = \"hmac\"\nover = \"{{timestamp}}{{body}}\"", 14, "both or none"),
        ("how = \"header\"", "how = \"header\"\nencoding = \"hex\"", 14, "for hmac"),
        ("how = \"header\"", "how = \"rsa\"", 15, "hmac"),
        ("text = \"text\"\n", "", 17, "needs it"),
        ("id = \"id\"\n", "", 17, "second STOP"),
        ("says = \"message\"", "says = \"shout\"", 18, "complaint"),
        ("says = \"message\"", "says = \"failure\"", 17, "for messages"),
    ] {
        let text = both.replacen(from, to, 1);
        assert_ne!(text, both, "{from}");
        let error = dndgate_custom::read(&text, "x.toml").unwrap_err();
        assert!(error.starts_with(&format!("x.toml:{line}: ")) && error.contains(word), "{to}\n{error}");
    }
    let cancel = "[cancel]\nrequest = \"POST /v1/cancel\"\n";
    let error = dndgate_custom::read(&format!("{GOOD}{cancel}"), "x.toml").unwrap_err();
    assert!(error.starts_with("x.toml:12: ") && error.contains("handle"), "{error}");
    assert!(
        dndgate_custom::read(
            "name = \"x\"\nupstream = \"https://a.example\"\n[refusal]\ntype = \"a/b\"\nbody = \"\"\n",
            "x"
        )
        .is_err()
    );
}

#[test]
fn a_file_is_read_once_as_long_as_it_stays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let values = |file: &str| Secrets::new(vec![("file", vec![file.to_owned()])]);
    std::fs::write(folder.path().join("x.toml"), GOOD).unwrap();
    let first = dndgate_custom::make(&values("x.toml"), folder.path()).unwrap();
    let again = dndgate_custom::make(&values("x.toml"), folder.path()).unwrap();
    assert!(std::ptr::addr_eq(first, again));
    std::fs::write(folder.path().join("x.toml"), GOOD.replace("v1/send", "v2/send")).unwrap();
    assert!(!std::ptr::addr_eq(first, dndgate_custom::make(&values("x.toml"), folder.path()).unwrap()));
    let missing = dndgate_custom::make(&values("y.toml"), folder.path()).unwrap_err();
    assert!(missing.contains("cannot read") && missing.contains("y.toml"), "{missing}");
    assert!(dndgate_custom::make(&Secrets::default(), folder.path()).unwrap_err().contains("file = "));
}
