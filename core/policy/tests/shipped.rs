//! The shipped policies load and pass their own cases.

use dndgate_adapter::{Channel, Severity};
use dndgate_policy::{Effect, FailureCode, Limits, Policies};
use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn the_shipped_policies_load_and_pass_their_cases() {
    let _ = Policies::embedded();
    if let Err(error) = Policies::load_with(None, &[], Limits::default()) {
        panic!("{error}");
    }
}

/// What the fixtures' files say of failures: `# says failure CHANNEL ADDRESS CODE`.
fn failures(folder: &Path, found: &mut BTreeSet<(Channel, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            failures(&path, found);
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        for line in text.lines().filter_map(|line| line.strip_prefix("# says failure ")) {
            let mut words = line.splitn(3, ' ');
            let channel = words
                .next()
                .and_then(|name| Channel::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(name)));
            found.insert((channel.expect(line), words.nth(1).expect(line).to_owned()));
        }
    }
}

#[test]
fn r19_every_code_in_the_adapters_fixtures_is_known() {
    let policies = Policies::embedded();
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let mut count = 0;
    for plugin in fs::read_dir(plugins).expect("the plugins").flatten() {
        let folder = plugin.path().join("fixtures");
        if !folder.is_dir() {
            continue;
        }
        let name = plugin.file_name().to_string_lossy().into_owned();
        // A described provider has the codes of whoever describes it; of those here one is shipped.
        let (folder, provider) = match &*name {
            "custom" => (folder.join("smsapi"), "smsapi"),
            "meta" => (folder, "whatsapp"),
            name => (folder, name),
        };
        let mut found = BTreeSet::new();
        failures(&folder, &mut found);
        count += found.len();
        for (channel, code) in &found {
            let failure =
                FailureCode { provider, channel: *channel, code, severity: Severity::Unsaid, message: "" };
            let judged = policies.code(&failure);
            assert!(judged.known, "{provider} {code} on {channel}");
            assert_ne!(judged.effect, Effect::OptIn, "{provider} {code}: a failure lifts nothing");
        }
    }
    assert!(count > 40, "only {count} were found");
}
