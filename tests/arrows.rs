//! Who may use whom: the crates of this workspace depend on each other along the arrows of core/README.md and
//! along no others, and a plugin brings no crate that opens sockets.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    process::Command,
};

/// What each crate may use. A plugin may use the adapter contract.
const ARROWS: &[(&str, &[&str])] = &[
    ("dndgate-adapter", &[]),
    ("dndgate-dnd", &["dndgate-adapter"]),
    ("dndgate-store", &["dndgate-adapter", "dndgate-dnd"]),
    ("dndgate-policy", &["dndgate-adapter", "dndgate-dnd"]),
    ("dndgate-import", &["dndgate-adapter", "dndgate-dnd"]),
    ("dndgate-fuzz", &["dndgate-adapter"]),
    (
        "dndgate-gateway",
        &["dndgate-adapter", "dndgate-dnd", "dndgate-import", "dndgate-store", "dndgate-policy"],
    ),
];

/// Crates that open sockets, or that exist to.
const SOCKETS: &[&str] = &[
    "async-std",
    "curl",
    "hyper",
    "hyper-util",
    "isahc",
    "mio",
    "native-tls",
    "quinn",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "surf",
    "tokio",
    "tokio-rustls",
    "tungstenite",
    "ureq",
];

struct Workspace {
    /// Members by name: the folder and whom they use.
    members: BTreeMap<String, (String, BTreeSet<String>)>,
    /// For each package id its name and the ids that it brings when it is built.
    brings: HashMap<String, (String, Vec<String>)>,
}

impl Workspace {
    fn read() -> Workspace {
        let metadata = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .output()
            .expect("cargo runs");
        assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
        let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let root = text(&metadata["workspace_root"]);
        let ids: BTreeSet<String> = list(&metadata["workspace_members"]).iter().map(text).collect();
        let mut members = BTreeMap::new();
        let mut names = HashMap::new();
        for package in list(&metadata["packages"]) {
            let (id, name) = (text(&package["id"]), text(&package["name"]));
            if ids.contains(&id) {
                let folder = text(&package["manifest_path"]).replace(&root, "");
                let folder = folder.trim_start_matches('/').trim_end_matches("/Cargo.toml").to_owned();
                // What tests alone use may point anywhere inside the workspace but to the root.
                let used = list(&package["dependencies"]).into_iter().filter(|one| one["kind"] != "dev");
                members.insert(name.clone(), (folder, used.map(|one| text(&one["name"])).collect()));
            }
            names.insert(id, name);
        }
        let mut brings = HashMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let built = list(&node["deps"]).into_iter().filter(|dependency| {
                list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null())
            });
            let id = text(&node["id"]);
            brings.insert(id.clone(), (names[&id].clone(), built.map(|one| text(&one["pkg"])).collect()));
        }
        Workspace { members, brings }
    }

    /// Everything that a member brings, itself included, by name.
    fn closure(&self, member: &str) -> BTreeSet<String> {
        let start = self.brings.iter().find(|(_, (name, _))| name == member).map(|(id, _)| id.clone());
        let mut waiting: Vec<String> = start.into_iter().collect();
        let mut seen = BTreeSet::new();
        let mut names = BTreeSet::new();
        while let Some(id) = waiting.pop() {
            if seen.insert(id.clone()) {
                let (name, more) = &self.brings[&id];
                names.insert(name.clone());
                waiting.extend(more.iter().cloned());
            }
        }
        names
    }

    fn is_plugin(&self, member: &str) -> bool {
        self.members[member].0.starts_with("plugins/")
    }
}

#[test]
fn crates_use_each_other_along_the_arrows_only() {
    let workspace = Workspace::read();
    let mut wrong = Vec::new();
    for (member, (folder, used)) in &workspace.members {
        let ours = used.iter().filter(|one| workspace.members.contains_key(*one));
        let allowed: &[&str] = match ARROWS.iter().find(|(name, _)| name == member) {
            Some((_, allowed)) => allowed,
            None if workspace.is_plugin(member) => &["dndgate-adapter"],
            None if member == "dndgate" => continue,
            None => {
                wrong.push(format!("{member} ({folder}) has no arrows: say here whom it may use"));
                continue;
            }
        };
        wrong.extend(
            ours.filter(|one| !allowed.contains(&one.as_str())).map(|one| format!("{member} -> {one}")),
        );
    }
    assert!(wrong.is_empty(), "forbidden: {wrong:#?}");
    for (member, _) in ARROWS {
        assert!(workspace.members.contains_key(*member), "{member} has gone: mend the arrows");
    }
}

#[test]
fn plugins_and_the_rules_open_no_sockets() {
    let workspace = Workspace::read();
    let plugins = workspace.members.keys().filter(|member| workspace.is_plugin(member)).cloned();
    let pure: Vec<String> =
        plugins.chain(["dndgate-adapter".into(), "dndgate-dnd".into(), "dndgate-import".into()]).collect();
    assert!(pure.len() >= 4, "the plugins were not found: {pure:?}");
    for member in pure {
        let brought = workspace.closure(&member);
        assert!(brought.contains("http"), "{member}: its dependencies were not read: {brought:?}");
        let sockets: Vec<_> = brought.iter().filter(|name| SOCKETS.contains(&name.as_str())).collect();
        assert!(sockets.is_empty(), "{member} brings {sockets:?}");
    }
}

#[test]
fn only_the_binary_knows_both_gateway_and_plugins() {
    let workspace = Workspace::read();
    for (member, (_, used)) in &workspace.members {
        let plugin = used.iter().any(|one| workspace.members.contains_key(one) && workspace.is_plugin(one));
        assert!(member == "dndgate" || !plugin, "{member} uses a plugin");
    }
}
