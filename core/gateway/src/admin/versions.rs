//! Earlier versions of policy files: kept in a folder beside them whenever one is replaced.

use jiff::Timestamp;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The folder; loaders pass over names that begin with a dot.
const FOLDER: &str = ".history";
/// Versions of one file that are kept.
const VERSIONS_MAX: usize = 50;

/// A version that another took the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// Its file's name.
    pub(super) id: String,
    /// When it was replaced.
    pub(super) at: Timestamp,
    /// By whom.
    pub(super) by: String,
}

/// A file's versions; those of a tenant's files stand in a folder of the tenant's.
fn folder(dir: &Path, file: &str) -> PathBuf {
    let within = dir.join(FOLDER);
    let tenants = file.strip_prefix("tenants/").and_then(|rest| rest.split_once('/'));
    let (within, name) = match tenants {
        Some((tenant, name)) => (within.join("tenants").join(tenant), name),
        None => (within, file),
    };
    within.join(name.replace('/', "__"))
}

/// Keeps a text that is about to be replaced.
pub(super) fn keep(dir: &Path, file: &str, text: &str, by: &str, now: Timestamp) -> io::Result<()> {
    let folder = folder(dir, file);
    fs::create_dir_all(&folder)?;
    let by: String = by.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect();
    fs::write(folder.join(format!("{:016}_{by}.lua", now.as_millisecond())), text)?;
    for old in list(dir, file).iter().skip(VERSIONS_MAX) {
        fs::remove_file(folder.join(&old.id))?;
    }
    Ok(())
}

/// The versions of a file, the newest first.
pub(super) fn list(dir: &Path, file: &str) -> Vec<Version> {
    let entries = fs::read_dir(folder(dir, file)).into_iter().flatten().flatten();
    let mut all: Vec<Version> =
        entries.filter_map(|entry| version(&entry.file_name().to_string_lossy())).collect();
    all.sort_by(|one, other| other.id.cmp(&one.id));
    all
}

fn version(name: &str) -> Option<Version> {
    let (at, by) = name.strip_suffix(".lua")?.split_once('_')?;
    let at = Timestamp::from_millisecond(at.parse().ok()?).ok()?;
    Some(Version { id: name.to_owned(), at, by: by.to_owned() })
}

/// The text of a version.
pub(super) fn read(dir: &Path, file: &str, id: &str) -> Option<String> {
    // Only what is listed: no other name leads anywhere.
    let known = list(dir, file).into_iter().find(|one| one.id == id)?;
    fs::read_to_string(folder(dir, file).join(known.id)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_is_found_again_and_nothing_else_is() {
        let dir = tempfile::tempdir().expect("a folder");
        for second in 0..60 {
            let now = Timestamp::from_second(1_700_000_000 + second).expect("in range");
            keep(dir.path(), "tests/own.lua", &format!("-- {second}"), "token:Ada B", now).expect("kept");
        }
        let all = list(dir.path(), "tests/own.lua");
        assert_eq!((all.len(), all[0].by.as_str()), (VERSIONS_MAX, "token-Ada-B"));
        assert_eq!(read(dir.path(), "tests/own.lua", &all[0].id).as_deref(), Some("-- 59"));
        assert_eq!(read(dir.path(), "tests/own.lua", "../../../etc/passwd"), None);
        assert!(list(dir.path(), "keywords.lua").is_empty());
        keep(dir.path(), "tenants/a/tests/keywords.lua", "-- a", "x", Timestamp::UNIX_EPOCH).expect("kept");
        assert_eq!(list(dir.path(), "tenants/a/tests/keywords.lua").len(), 1);
        assert!(list(dir.path(), "tenants/a__tests/keywords.lua").is_empty(), "no tenant sees another's");
    }
}
