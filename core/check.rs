//! `dndgate check`

use crate::{Failure, providers::ADAPTERS, say};
use dndgate_gateway::Config;
use dndgate_policy::Book;
use std::path::Path;

/// Reads configuration and policies as `serve` would; touches nothing.
pub(crate) fn run(path: &Path) -> Result<(), Failure> {
    let config = Config::load(path, ADAPTERS).map_err(Failure::wrong)?;
    let policies = crate::serve::policies(&config)?;
    // A candidate that does not load keeps nothing from running.
    let shadow = config.policies.shadow.as_ref();
    let shadow = shadow.map(|dir| (dir, Book::load(dir, dndgate_gateway::limits(&config))));
    say(&format!("{} is good: {}.", path.display(), summary(&config, &policies)));
    let notes = policies.notes(|tenant| config.tenants.contains_key(tenant));
    for warning in
        warnings(&config).into_iter().chain(notes.into_iter().map(|note| format!("policies: {note}")))
    {
        say(&format!("note: {warning}"));
    }
    match shadow {
        None => {}
        Some((dir, Ok(_))) => {
            say(&format!("note: shadow policies in {} load; they enforce nothing", dir.display()))
        }
        Some((dir, Err(error))) => {
            say(&format!(
                "note: the shadow policies in {} do not load and judge nothing:\n{error}",
                dir.display()
            ));
        }
    }
    Ok(())
}

fn summary(config: &Config, policies: &Book) -> String {
    let providers: Vec<_> = config.providers.iter().map(|one| one.name.as_str()).collect();
    let providers = if providers.is_empty() { "no provider".to_owned() } else { providers.join(", ") };
    let tenants: Vec<_> = config.tenants.keys().map(String::as_str).collect();
    let dir = &config.policies.dir;
    let shown =
        if dir.is_dir() { format!("policies in {}", dir.display()) } else { "the shipped policies".into() };
    let own: Vec<_> = policies.own_files().map(|(tenant, _)| tenant).collect();
    let own = if own.is_empty() { String::new() } else { format!(", of their own for {}", own.join(", ")) };
    format!("providers {providers}; tenants {}; {shown}{own}", tenants.join(", "))
}

/// What is right and probably not meant.
fn warnings(config: &Config) -> Vec<String> {
    let mut all = Vec::new();
    for one in &config.providers {
        let missing = one.adapter.profile().keys.iter().find(|key| key.for_webhooks);
        if let Some(key) = missing.filter(|key| one.secrets.first(key.name).is_none()) {
            all.push(format!(
                "provider {:?} has no {} ({}): its webhooks are refused",
                one.name, key.name, key.what
            ));
        }
        if one.crm_webhook.is_none() {
            all.push(format!(
                "provider {:?} has no crm_webhook: its webhooks are read and not passed on",
                one.name
            ));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        Config::read(text, Path::new("dndgate.toml"), ADAPTERS).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_is_good() {
        let example = include_str!("../dndgate.example.toml");
        let config = read(example).expect("accepted");
        assert!(!config.providers.is_empty());
    }

    #[test]
    fn defaults_suffice() {
        let config = read("").expect("accepted");
        assert_eq!(config.traffic.public_url, "http://127.0.0.1:8080");
        assert_eq!(config.tenants.keys().collect::<Vec<_>>(), ["default"]);
    }

    #[test]
    fn errors_name_file_line_and_key() {
        let provider = "[[provider]]\nname = \"twilio\"\nadapter = \"twilio\"\n";
        for (text, line, word) in [
            ("[traffic]\nlissten = 1\n".to_owned(), 2, "lissten"),
            ("[traffic]\nmax_body = \"60 apples\"\n".to_owned(), 2, "60MiB"),
            ("[traffic]\n\nupstream_timeout = \"soon\"\n".to_owned(), 3, "30s"),
            ("[[provider]]\nname = \"x\"\nadapter = \"twillio\"\n".to_owned(), 3, "mailgun"),
            (format!("{provider}auth_tokn = \"x\"\n"), 4, "auth_token"),
            (format!("{provider}auth_token = {{ env = \"DNDGATE_NOT_SET\" }}\n"), 4, "DNDGATE_NOT_SET"),
            (format!("{provider}upstream = \"api.twilio.com\"\n"), 4, "https://"),
            (format!("{provider}exempt = [\"everything\"]\n"), 4, "verify"),
            (format!("{provider}{provider}"), 4, "two providers"),
            (format!("{provider}unrecognised = \"maybe\"\n"), 4, "scan"),
            ("[tenant.a]\ndefault_region = \"XX\"\n".to_owned(), 2, "US or DE"),
        ] {
            let error = read(&text).expect_err(&text);
            assert!(
                error.starts_with(&format!("dndgate.toml:{line}:")) && error.contains(word),
                "{text}\n{error}"
            );
        }
    }
}
