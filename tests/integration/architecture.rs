//! The directions between the crates, and what the pure ones must not know.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// Every crate of the workspace with the crates of the workspace that it may depend on.
const DIRECTIONS: [(&str, &[&str]); 14] = [
    ("features", &[]),
    ("game-core", &[]),
    ("protocol", &["game-core"]),
    ("store", &["game-core"]),
    ("settings", &[]),
    ("program", &[]),
    ("web", &["protocol", "settings"]),
    ("shard-core", &["game-core", "protocol", "store"]),
    (
        "shard",
        &[
            "game-core",
            "program",
            "protocol",
            "settings",
            "shard-core",
            "store",
        ],
    ),
    (
        "admin",
        &[
            "game-core",
            "program",
            "protocol",
            "settings",
            "shard-core",
            "store",
            "web",
        ],
    ),
    (
        "matchmaker",
        &[
            "admin",
            "features",
            "game-core",
            "program",
            "protocol",
            "settings",
            "shard-core",
            "store",
            "web",
        ],
    ),
    (
        "bot-client",
        &["features", "game-core", "program", "protocol", "settings"],
    ),
    (
        "server",
        &[
            "admin",
            "bot-client",
            "features",
            "game-core",
            "matchmaker",
            "program",
            "protocol",
            "settings",
            "shard",
            "shard-core",
            "store",
        ],
    ),
    (
        "tests",
        &[
            "bot-client",
            "game-core",
            "matchmaker",
            "program",
            "protocol",
            "server",
            "settings",
            "shard",
            "shard-core",
            "store",
        ],
    ),
];

/// What a pure crate must not depend on: a runtime, sockets, randomness, storage.
const IMPURE: [&str; 9] = [
    "tokio",
    "quinn",
    "rand",
    "redis",
    "redb",
    "axum",
    "reqwest",
    "tracing",
    "tokio-util",
];

fn dependencies() -> BTreeMap<String, Vec<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    let normal = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|dependency| dependency["kind"].is_null())
            .map(name)
            .collect()
    };
    packages
        .iter()
        .map(|package| (name(package), normal(package)))
        .collect()
}

#[test]
fn crates_depend_in_one_direction() {
    let dependencies = dependencies();
    assert_eq!(
        dependencies.len(),
        DIRECTIONS.len(),
        "a crate is missing in the table"
    );
    for (name, allowed) in DIRECTIONS {
        for dependency in &dependencies[name] {
            let ours = DIRECTIONS.iter().any(|(ours, _)| ours == dependency);
            assert!(
                !ours || allowed.contains(&dependency.as_str()),
                "{name} uses {dependency}"
            );
        }
    }
}

#[test]
fn the_rules_and_the_wire_do_no_io() {
    let dependencies = dependencies();
    for name in ["game-core", "protocol"] {
        for dependency in &dependencies[name] {
            assert!(
                !IMPURE.contains(&dependency.as_str()),
                "{name} uses {dependency}"
            );
        }
    }
}
