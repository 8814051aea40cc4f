//! The texts of the policy files: shipped, in the operator's folder, or about to be written there.

use crate::PolicyError;
use std::{collections::BTreeMap, fs, io, path::Path};

/// The files with a meaning of their own.
pub(crate) const KEYWORDS: &str = "keywords.lua";
pub(crate) const ERROR_CODES: &str = "error_codes.lua";
pub(crate) const SENDS: &str = "sends.lua";
pub(crate) const UNSUBSCRIBE: &str = "unsubscribe.lua";
/// The folder of cases.
const TESTS: &str = "tests/";

/// What ships with the binary.
const SHIPPED: [(&str, &str); 4] = [
    (KEYWORDS, include_str!("../../../policies/keywords.lua")),
    (ERROR_CODES, include_str!("../../../policies/error_codes.lua")),
    (SENDS, include_str!("../../../policies/sends.lua")),
    (UNSUBSCRIBE, include_str!("../../../policies/unsubscribe.lua")),
];
const SHIPPED_TESTS: [(&str, &str); 3] = [
    ("tests/keywords.lua", include_str!("../../../policies/tests/keywords.lua")),
    ("tests/requests.lua", include_str!("../../../policies/tests/requests.lua")),
    ("tests/error_codes.lua", include_str!("../../../policies/tests/error_codes.lua")),
];

/// A policy file is text for people to read.
const FILE_BYTES_MAX: u64 = 1 << 20;
const TEST_FILES_MAX: usize = 200;

/// Texts by file name.
#[derive(Debug, Clone)]
pub(crate) struct Sources(BTreeMap<String, String>);

impl Sources {
    /// What ships with the binary, without its cases.
    pub(crate) fn shipped() -> Sources {
        Sources(SHIPPED.map(|(name, text)| (name.to_owned(), text.to_owned())).into())
    }

    /// What ships with the binary, and its cases.
    pub(crate) fn shipped_with_cases() -> Sources {
        let mut sources = Sources::shipped();
        sources.0.extend(SHIPPED_TESTS.map(|(name, text)| (name.to_owned(), text.to_owned())));
        sources
    }

    /// The folder's files; for those it does not have, the shipped ones.
    pub(crate) fn in_folder(dir: &Path) -> Result<Sources, PolicyError> {
        let mut sources = Sources::shipped();
        fs::read_dir(dir).map_err(|source| PolicyError::Read { path: dir.to_owned(), source })?;
        for (name, _) in SHIPPED {
            if let Some(text) = read(&dir.join(name))? {
                sources.0.insert(name.to_owned(), text);
            }
        }
        let tests = dir.join(TESTS);
        let entries = match fs::read_dir(&tests) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(sources),
            Err(source) => return Err(PolicyError::Read { path: tests, source }),
        };
        for entry in entries.take(TEST_FILES_MAX) {
            let entry = entry.map_err(|source| PolicyError::Read { path: tests.clone(), source })?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_test(&format!("{TESTS}{name}"))
                && let Some(text) = read(&entry.path())?
            {
                sources.0.insert(format!("{TESTS}{name}"), text);
            }
        }
        Ok(sources)
    }

    /// The names, those of cases last.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let is_case = |name: &&String| name.starts_with(TESTS);
        let files = self.0.keys().filter(move |name| !is_case(name));
        files.chain(self.0.keys().filter(is_case)).map(String::as_str)
    }

    /// Puts a text in the place of a file.
    pub(crate) fn replace(&mut self, file: &str, text: &str) -> Result<(), PolicyError> {
        let known = SHIPPED.iter().any(|(name, _)| *name == file) || is_test(file);
        if !known {
            return Err(PolicyError::UnknownFile(file.to_owned()));
        }
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(too_long(Path::new(file)));
        }
        self.0.insert(file.to_owned(), text.to_owned());
        Ok(())
    }

    /// The text of a file.
    pub(crate) fn get(&self, file: &str) -> Option<&str> {
        self.0.get(file).map(String::as_str)
    }

    /// The files of cases.
    pub(crate) fn tests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter(|(name, _)| is_test(name)).map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

/// `tests/name.lua`, a plain name: it becomes part of a path.
fn is_test(file: &str) -> bool {
    file.strip_prefix(TESTS).and_then(|name| name.strip_suffix(".lua")).is_some_and(|name| {
        !name.is_empty()
            && name.len() <= 100
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    })
}

/// The text of a file; none when there is no such file.
fn read(path: &Path) -> Result<Option<String>, PolicyError> {
    let wrong = |source| PolicyError::Read { path: path.to_owned(), source };
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => Err(too_long(path)),
        Ok(_) => fs::read_to_string(path).map(Some).map_err(wrong),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(error)),
    }
}

fn too_long(path: &Path) -> PolicyError {
    let what = format!("it is longer than {FILE_BYTES_MAX} bytes, more than a policy may be");
    PolicyError::Read { path: path.to_owned(), source: io::Error::new(io::ErrorKind::FileTooLarge, what) }
}
