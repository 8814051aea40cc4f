//! The policies of everybody: the general ones, and those of tenants that have files of their own.

use crate::{
    Edit, Limits, Policies, PolicyError,
    cases::{CaseFile, Whose},
    part::Parts,
    sources::Folder,
};
use dndgate_adapter::Channels;
use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

/// All policies as of one moment. It is taken as a whole or not at all: where one tenant's file does not load, or a
/// case of it fails, nothing changes for anybody.
///
/// A tenant's folder, `tenants/acme/`, overrides file by file; what it does not have is the general file, and the two
/// share what was compiled of it.
#[derive(Debug)]
pub struct Book {
    general: Arc<Policies>,
    tenants: HashMap<String, Arc<Policies>>,
    /// The files that tenants have of their own.
    own: BTreeMap<String, Vec<String>>,
    rules: bool,
    strays: Vec<String>,
}

impl Book {
    /// The policies shipped with the binary, for everybody.
    pub fn embedded() -> Book {
        Book::from(Policies::embedded())
    }

    /// Loads a folder; a file that it does not have is the shipped one. All cases in it are run.
    ///
    /// # Errors
    /// When the folder cannot be read, a file does not load, or a case fails.
    pub fn load(dir: &Path, limits: Limits) -> Result<Book, PolicyError> {
        Book::load_with(Some(dir), &[], limits, None)
    }

    /// The same with some files replaced or taken away before that is done on disk. Without a folder the others are
    /// those shipped, with their cases. What has not changed since `before` is taken from there.
    ///
    /// # Errors
    /// When the folder cannot be read, a file does not load, or a case fails.
    pub fn load_with(
        dir: Option<&Path>,
        edits: &[Edit],
        limits: Limits,
        before: Option<&Book>,
    ) -> Result<Book, PolicyError> {
        let mut folder = dir.map_or_else(|| Ok(Folder::shipped()), Folder::read)?;
        for edit in edits {
            folder.edit(edit)?;
        }
        let mut parts = Parts::default();
        for set in before.iter().flat_map(|book| book.sets()) {
            parts.add(set);
        }
        Book::build(folder, limits, &mut parts)
    }

    fn build(folder: Folder, limits: Limits, parts: &mut Parts) -> Result<Book, PolicyError> {
        let mut failed = Vec::new();
        let mut general = Policies::assemble(folder.general.clone(), limits, parts)?;
        let mut cases = general.case_files(&folder.general, limits)?;
        general.pass(&cases, Whose::All, &mut failed)?;
        cases.retain(CaseFile::is_for_every_tenant);
        let mut tenants = HashMap::new();
        let mut own_files = BTreeMap::new();
        for (tenant, own) in folder.tenants {
            let mut set = Policies::assemble(own.over(&folder.general), limits, parts)?;
            let own_cases = set.case_files(&own, limits)?;
            set.pass(&own_cases, Whose::All, &mut failed)?;
            set.pass(&cases, Whose::EveryTenants(&tenant), &mut failed)?;
            own_files.insert(tenant.clone(), own.names().map(str::to_owned).collect());
            tenants.insert(tenant, Arc::new(set));
        }
        if !failed.is_empty() {
            return Err(PolicyError::Cases(failed));
        }
        let mut book = Book { own: own_files, tenants, strays: folder.strays, ..Book::from(general) };
        let has_rule = |set: &Arc<Policies>| set.has_send_rule();
        book.rules = has_rule(&book.general) || book.tenants.values().any(has_rule);
        Ok(book)
    }

    fn sets(&self) -> impl Iterator<Item = &Arc<Policies>> {
        std::iter::once(&self.general).chain(self.tenants.values())
    }

    /// The policies of those tenants that have none of their own.
    pub fn general(&self) -> &Arc<Policies> {
        &self.general
    }

    /// A tenant's policies.
    pub fn of(&self, tenant: &str) -> &Arc<Policies> {
        if self.tenants.is_empty() {
            return &self.general;
        }
        self.tenants.get(tenant).unwrap_or(&self.general)
    }

    /// Has anybody a send rule? Without one no send needs to look for it.
    pub fn has_send_rule(&self) -> bool {
        self.rules
    }

    /// The tenants that have files of their own, and which.
    pub fn own_files(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.own.iter().map(|(tenant, files)| (tenant.as_str(), files.as_slice()))
    }

    /// Has a tenant a file of its own?
    pub fn is_own(&self, tenant: &str, file: &str) -> bool {
        self.own.get(tenant).is_some_and(|files| files.iter().any(|own| own == file))
    }

    /// How many cases pass, those of tenants included.
    pub fn cases(&self) -> usize {
        self.sets().map(|set| set.cases()).sum()
    }

    /// How many files there are, those of tenants included.
    pub fn files(&self) -> usize {
        self.general.files().count() + self.own.values().map(Vec::len).sum::<usize>()
    }

    /// The scopes of an unsubscribe (R17) where they are not the general one.
    pub fn unsubscribe_scopes(&self) -> BTreeMap<String, Channels> {
        let scope = |set: &Policies| set.unsubscribe().scope;
        let others = self.tenants.iter().filter(|(_, set)| scope(set) != scope(&self.general));
        others.map(|(tenant, set)| (tenant.clone(), scope(set))).collect()
    }

    /// What stands in the folder and is read by nobody, probably by mistake; and, with the names of all tenants, the
    /// folders of tenants that there are not.
    pub fn notes(&self, is_tenant: impl Fn(&str) -> bool) -> Vec<String> {
        let unknown = self.own.keys().filter(|tenant| !is_tenant(tenant));
        let unknown = unknown.map(|tenant| {
            format!("tenants/{tenant} is for a tenant that the configuration does not have: nobody has these policies")
        });
        self.strays.iter().cloned().chain(unknown).collect()
    }
}

impl From<Policies> for Book {
    /// The same policies for everybody.
    fn from(general: Policies) -> Book {
        Book {
            rules: general.has_send_rule(),
            general: Arc::new(general),
            tenants: HashMap::new(),
            own: BTreeMap::new(),
            strays: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant_file;
    use std::{fs, time::Duration};

    const RULE: &str = "return { on_send = function(send) return 'closed' end }";

    /// The parts of a set, each told by where it is.
    fn parts(set: &Policies) -> [usize; 4] {
        let Policies { keywords, codes, sends, unsubscribe, .. } = set;
        [
            Arc::as_ptr(keywords).addr(),
            Arc::as_ptr(codes).addr(),
            Arc::as_ptr(sends).addr(),
            Arc::as_ptr(unsubscribe).addr(),
        ]
    }

    fn different(book: &Book, part: usize) -> usize {
        book.sets().map(|set| parts(set)[part]).collect::<std::collections::HashSet<_>>().len()
    }

    #[test]
    fn what_is_compiled_once_serves_all() {
        let dir = tempfile::tempdir().expect("a folder");
        for number in 0..50 {
            let path = dir.path().join(tenant_file(&format!("t{number}"), "sends.lua"));
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, format!("{RULE} -- {}", number % 2)).expect("written");
        }
        let limits = Limits::default();
        let book = Book::load(dir.path(), limits).expect("loads");
        assert_eq!([0, 1, 2, 3].map(|part| different(&book, part)), [1, 1, 3, 1]);
        // A reload takes over what has not changed.
        let text = book.general().source("unsubscribe.lua").expect("a text").to_owned();
        let edit = Edit { file: tenant_file("t7", "unsubscribe.lua"), text: Some(text) };
        let next = Book::load_with(Some(dir.path()), &[edit], limits, Some(&book)).expect("loads");
        assert!(next.is_own("t7", "unsubscribe.lua"));
        assert_eq!(parts(next.of("t7")), parts(book.of("t7")), "the same text is not compiled again");
        // Other limits make other states.
        let tighter = Limits { time: Duration::from_millis(10), ..limits };
        let anew = Book::load_with(Some(dir.path()), &[], tighter, Some(&book)).expect("loads");
        assert_ne!(parts(anew.of("t7")), parts(book.of("t7")));
    }
}
