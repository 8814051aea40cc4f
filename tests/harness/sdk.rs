//! Providers' official SDKs, which run as scripts of `tests/sdk`.

use std::{path::Path, process::Command};

/// Runs a script to its end, with these in its environment.
pub fn run(script: &str, environment: &[(&str, &str)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let program =
        if script.ends_with(".py") { folder.join(".venv/bin/python") } else { Path::new("node").to_owned() };
    let ran = Command::new(program)
        .arg(folder.join(script))
        .envs(environment.iter().copied())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| panic!("{script} cannot be run: {error}; tests/run fetches the SDKs"));
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{script}: {}\n{out}\n{err}", ran.status);
}
