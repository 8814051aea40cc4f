//! The texts of the policy files: shipped, in the operator's folder, or about to be written there.

use crate::{PolicyError, reader::unknown};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The files with a meaning of their own.
pub(crate) const KEYWORDS: &str = "keywords.lua";
pub(crate) const ERROR_CODES: &str = "error_codes.lua";
pub(crate) const SENDS: &str = "sends.lua";
pub(crate) const UNSUBSCRIBE: &str = "unsubscribe.lua";
/// The folder of cases.
const TESTS: &str = "tests/";
/// The folder of tenants, a folder of their own for each.
const TENANTS: &str = "tenants/";

/// What ships with the binary.
const SHIPPED: [(&str, &str); 4] = [
    (KEYWORDS, include_str!("../../../policies/keywords.lua")),
    (ERROR_CODES, include_str!("../../../policies/error_codes.lua")),
    (SENDS, include_str!("../../../policies/sends.lua")),
    (UNSUBSCRIBE, include_str!("../../../policies/unsubscribe.lua")),
];
const SHIPPED_TESTS: [(&str, &str); 4] = [
    ("tests/every_tenant.lua", include_str!("../../../policies/tests/every_tenant.lua")),
    ("tests/keywords.lua", include_str!("../../../policies/tests/keywords.lua")),
    ("tests/requests.lua", include_str!("../../../policies/tests/requests.lua")),
    ("tests/error_codes.lua", include_str!("../../../policies/tests/error_codes.lua")),
];

/// A policy file is text for people to read.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Files of cases in one folder.
const TEST_FILES_MAX: usize = 200;
/// Tenants with a folder.
const TENANTS_MAX: usize = 100_000;
/// The longest name of a file of cases, and of a tenant's folder, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// One text in place of a file, or none: the file is taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file as [`Book::source_names`](crate::Book::files) has it: `keywords.lua`, `tests/own.lua`, or with a
    /// tenant before it, `tenants/acme/keywords.lua`.
    pub file: String,
    /// Its text.
    pub text: Option<String>,
}

/// A file's text.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    /// The file as the operator knows it, such as `tenants/acme/keywords.lua`.
    pub(crate) shown: Arc<str>,
    pub(crate) text: Arc<str>,
}

/// The texts of one set, by their names without a tenant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources(BTreeMap<String, Text>);

/// The texts of a folder: the general ones, and what tenants have of their own.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) general: Sources,
    pub(crate) tenants: BTreeMap<String, Sources>,
    /// What stands there and is read by nobody, probably by mistake.
    pub(crate) strays: Vec<String>,
}

/// What can be part of a set: a file with a meaning of its own, or `tests/name.lua`.
pub fn is_policy_file(name: &str) -> bool {
    SHIPPED.iter().any(|(known, _)| *known == name) || is_test(name)
}

/// Can a tenant of this name have a folder? It becomes part of a path.
pub fn is_folder_name(tenant: &str) -> bool {
    !tenant.is_empty()
        && tenant.len() <= NAME_BYTES_MAX
        && !tenant.starts_with('.')
        && !tenant.chars().any(|char| char.is_control() || matches!(char, '/' | '\\'))
}

/// The name of a tenant's own file: `tenants/acme/keywords.lua`.
pub fn tenant_file(tenant: &str, file: &str) -> String {
    format!("{TENANTS}{tenant}/{file}")
}

impl Folder {
    /// What ships with the binary, and its cases.
    pub(crate) fn shipped() -> Folder {
        let mut general = Sources::shipped();
        for (name, text) in SHIPPED_TESTS {
            general.put(name, name, text);
        }
        Folder { general, tenants: BTreeMap::new(), strays: Vec::new() }
    }

    /// A folder's files; for those it does not have, the shipped ones.
    pub(crate) fn read(dir: &Path) -> Result<Folder, PolicyError> {
        let mut strays = Vec::new();
        let mut general = Sources::shipped();
        general.read_folder(dir, "", &mut strays)?;
        let mut tenants = BTreeMap::new();
        let path = dir.join(TENANTS);
        for entry in list(&path)?.unwrap_or_default() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let shown = format!("{TENANTS}{name}");
            if name.starts_with('.') {
                continue;
            }
            if !entry.path().is_dir() || !is_folder_name(&name) {
                strays.push(format!("{shown} is passed over: {TENANTS} has a folder for each tenant"));
                continue;
            }
            let mut own = Sources::default();
            own.read_folder(&entry.path(), &format!("{shown}/"), &mut strays)?;
            if own.0.is_empty() {
                strays.push(format!("{shown} holds no policy file: the tenant has the general ones"));
                continue;
            }
            if tenants.len() >= TENANTS_MAX {
                return Err(too_many(&path, TENANTS_MAX, "tenants"));
            }
            tenants.insert(name, own);
        }
        Ok(Folder { general, tenants, strays })
    }

    /// Puts a text in the place of a file, or takes the file away: the tenant has the general one again, and
    /// everybody the shipped one.
    pub(crate) fn edit(&mut self, edit: &Edit) -> Result<(), PolicyError> {
        let unknown = || PolicyError::UnknownFile(edit.file.clone());
        let Some(rest) = edit.file.strip_prefix(TENANTS) else {
            return self.general.edit(&edit.file, edit);
        };
        let (tenant, name) = rest.split_once('/').ok_or_else(unknown)?;
        if !is_folder_name(tenant) {
            return Err(unknown());
        }
        let own = self.tenants.entry(tenant.to_owned()).or_default();
        own.edit(name, edit)?;
        if own.0.is_empty() {
            self.tenants.remove(tenant);
        }
        Ok(())
    }
}

impl Sources {
    /// What ships with the binary, without its cases.
    pub(crate) fn shipped() -> Sources {
        let mut sources = Sources::default();
        for (name, text) in SHIPPED {
            sources.put(name, name, text);
        }
        sources
    }

    /// A tenant's set: its own files, and the general ones in place of those that it does not have. Cases are its
    /// own alone.
    pub(crate) fn over(&self, general: &Sources) -> Sources {
        let mut all = Sources(
            general
                .0
                .iter()
                .filter(|(name, _)| !is_test(name))
                .map(|(n, t)| (n.clone(), t.clone()))
                .collect(),
        );
        all.0.extend(self.0.iter().map(|(name, text)| (name.clone(), text.clone())));
        all
    }

    fn put(&mut self, name: &str, shown: &str, text: &str) {
        self.0.insert(name.to_owned(), Text { shown: shown.into(), text: text.into() });
    }

    fn read_folder(&mut self, dir: &Path, prefix: &str, strays: &mut Vec<String>) -> Result<(), PolicyError> {
        let here = list(dir)?.ok_or_else(|| absent(dir))?;
        let tests = list(&dir.join(TESTS))?.unwrap_or_default();
        let files = here.into_iter().map(|entry| ("", entry));
        let mut cases = 0;
        for (folder, entry) in files.chain(tests.into_iter().map(|entry| (TESTS, entry))) {
            let name = format!("{folder}{}", entry.file_name().to_string_lossy());
            let shown = format!("{prefix}{name}");
            if !is_policy_file(&name) {
                strays.extend(stray(&name).map(|why| format!("{shown} {why}")));
                continue;
            }
            cases += usize::from(is_test(&name));
            if cases > TEST_FILES_MAX {
                return Err(too_many(&dir.join(TESTS), TEST_FILES_MAX, "files of cases"));
            }
            if let Some(text) = read(&entry.path())? {
                self.put(&name, &shown, &text);
            }
        }
        Ok(())
    }

    fn edit(&mut self, name: &str, edit: &Edit) -> Result<(), PolicyError> {
        if !is_policy_file(name) {
            return Err(PolicyError::UnknownFile(edit.file.clone()));
        }
        match (&edit.text, SHIPPED.iter().find(|(known, _)| *known == edit.file)) {
            (Some(text), _) if text.len() as u64 > FILE_BYTES_MAX => {
                return Err(too_long(Path::new(&edit.file)));
            }
            (Some(text), _) => self.put(name, &edit.file, text),
            (None, Some((_, shipped))) => self.put(name, name, shipped),
            (None, None) => drop(self.0.remove(name)),
        }
        Ok(())
    }

    /// The names, those of cases last.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let files = self.0.keys().filter(|name| !is_test(name));
        files.chain(self.0.keys().filter(|name| is_test(name))).map(String::as_str)
    }

    /// The text of a file.
    pub(crate) fn get(&self, name: &str) -> Option<&Text> {
        self.0.get(name)
    }

    /// The files of cases.
    pub(crate) fn tests(&self) -> impl Iterator<Item = &Text> {
        self.0.iter().filter(|(name, _)| is_test(name)).map(|(_, text)| text)
    }
}

/// `tests/name.lua`, a plain name: it becomes part of a path.
fn is_test(file: &str) -> bool {
    file.strip_prefix(TESTS).and_then(|name| name.strip_suffix(".lua")).is_some_and(|name| {
        !name.is_empty()
            && name.len() <= NAME_BYTES_MAX
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    })
}

/// What is wrong with a Lua file that nobody reads. Other files may stand beside the policies.
fn stray(name: &str) -> Option<String> {
    if name.starts_with('.')
        || !Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("lua"))
    {
        return None;
    }
    if name.starts_with(TESTS) {
        return Some("is passed over: names of cases are letters, digits, _ and -".to_owned());
    }
    Some(format!("is passed over: {}", unknown("policy file", name, &SHIPPED.map(|(known, _)| known))))
}

/// The entries of a folder, by name; none when there is no such folder.
fn list(dir: &Path) -> Result<Option<Vec<fs::DirEntry>>, PolicyError> {
    let wrong = |source| PolicyError::Read { path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error)),
    };
    let mut all = entries.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    all.sort_by_key(fs::DirEntry::file_name);
    Ok(Some(all))
}

/// The text of a file; none when it has gone meanwhile.
fn read(path: &Path) -> Result<Option<String>, PolicyError> {
    let wrong = |source| PolicyError::Read { path: path.to_owned(), source };
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => Err(too_long(path)),
        Ok(_) => fs::read_to_string(path).map(Some).map_err(wrong),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(error)),
    }
}

fn absent(path: &Path) -> PolicyError {
    let source = io::Error::new(io::ErrorKind::NotFound, "there is no such folder");
    PolicyError::Read { path: path.to_owned(), source }
}

fn too_long(path: &Path) -> PolicyError {
    refused(
        path,
        io::ErrorKind::FileTooLarge,
        &format!("it is longer than {FILE_BYTES_MAX} bytes, more than a policy may be"),
    )
}

fn too_many(path: &Path, max: usize, what: &str) -> PolicyError {
    refused(path, io::ErrorKind::QuotaExceeded, &format!("there are more than {max} {what}"))
}

fn refused(path: &Path, kind: io::ErrorKind, what: &str) -> PolicyError {
    PolicyError::Read { path: PathBuf::from(path), source: io::Error::new(kind, what) }
}
