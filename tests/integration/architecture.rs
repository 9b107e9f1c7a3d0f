//! The directions between the crates, and what the pure ones must not know.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Every crate of the workspace with the crates of the workspace that it may depend on.
const DIRECTIONS: [(&str, &[&str]); 23] = [
    ("features", &[]),
    ("game-core", &[]),
    ("protocol", &["game-core"]),
    ("tokens", &["game-core", "protocol"]),
    ("supervisor", &[]),
    ("store", &["game-core", "supervisor"]),
    ("settings", &[]),
    ("program", &[]),
    ("web", &["protocol", "settings"]),
    ("page", &["web"]),
    ("udp", &[]),
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
            "tokens",
            "udp",
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
            "page",
            "program",
            "protocol",
            "settings",
            "shard-core",
            "store",
            "tokens",
            "web",
        ],
    ),
    ("client", &["game-core", "protocol", "udp"]),
    (
        "gateway",
        &[
            "client",
            "features",
            "game-core",
            "protocol",
            "settings",
            "web",
        ],
    ),
    (
        "lab",
        &[
            "client",
            "game-core",
            "program",
            "protocol",
            "shard",
            "store",
            "supervisor",
            "tokens",
        ],
    ),
    (
        "bot-client",
        &[
            "client",
            "features",
            "game-core",
            "lab",
            "program",
            "protocol",
            "settings",
        ],
    ),
    (
        "server",
        &[
            "admin",
            "client",
            "features",
            "game-core",
            "gateway",
            "lab",
            "matchmaker",
            "program",
            "protocol",
            "settings",
            "shard",
            "shard-core",
            "store",
            "tokens",
        ],
    ),
    ("fuzz", &["game-core", "lab", "protocol", "store", "tokens"]),
    ("linear", &[]),
    (
        "tests",
        &[
            "client",
            "game-core",
            "lab",
            "linear",
            "matchmaker",
            "program",
            "protocol",
            "server",
            "settings",
            "shard",
            "shard-core",
            "store",
            "supervisor",
            "tokens",
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

/// What nothing below a pure crate may bring in either: cryptography, a runtime, the system's randomness.
/// Without them, it builds for a browser too.
const IMPURE_BELOW: [&str; 3] = ["ring", "tokio", "getrandom"];

fn cargo(arguments: &[&str]) -> Vec<u8> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .arg("--offline")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {errors}");
    output.stdout
}

fn dependencies() -> BTreeMap<String, Vec<String>> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_slice(&metadata).unwrap();
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

/// Every crate that is linked with a package, itself included.
fn linked_with(package: &str) -> BTreeSet<String> {
    let tree = ["tree", "--package", package, "--edges", "normal"];
    let format = ["--prefix", "none", "--format", "{p}"];
    let tree = cargo(&[tree.as_slice(), &format].concat());
    let lines = String::from_utf8(tree).unwrap();
    let names = lines.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn the_rules_and_the_wire_link_no_cryptography_runtime_or_randomness() {
    for package in ["game-core", "protocol"] {
        let linked = linked_with(package);
        assert!(linked.contains(package), "{linked:?}");
        for name in IMPURE_BELOW {
            assert!(!linked.contains(name), "{package} is linked with {name}");
        }
    }
    // It is found where it belongs.
    assert!(linked_with("tokens").contains("ring"));
}

#[test]
fn the_state_machine_of_a_shard_links_no_runtime_and_no_edge() {
    let linked = linked_with("shard-core");
    for name in ["tokio", "axum", "hyper", "rustls", "quinn", "redis", "redb"] {
        assert!(!linked.contains(name), "{name} is linked");
    }
    assert!(linked_with("shard").contains("tokio"));
}

#[test]
fn the_client_library_links_no_terminal_no_plots_and_signs_nothing() {
    let linked = linked_with("client");
    for name in [
        "ratatui",
        "crossterm",
        "indicatif",
        "hdrhistogram",
        "rcgen",
        "clap",
        "tokens",
        "features",
    ] {
        assert!(!linked.contains(name), "{name} is linked");
    }
    assert!(linked_with("bot-client").contains("ratatui"));
}
