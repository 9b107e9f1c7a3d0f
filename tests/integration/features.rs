//! That building one program after another compiles no dependency twice.

use std::collections::{BTreeMap, BTreeSet};

use tests::process::cargo;

/// How a package is built: once for each set of features. Programs and their build scripts may have it
/// with different ones.
type Builds = BTreeMap<String, BTreeSet<String>>;

/// What building a package of the workspace builds, with which features.
fn builds(package: &str) -> Builds {
    let output = cargo()
        .args(["tree", "--offline", "--locked", "--package", package])
        .args([
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}|{f}",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let mut builds = Builds::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        // Marks a package that stands further up.
        let line = line.trim_end_matches(" (*)");
        if let Some((package, features)) = line.split_once('|') {
            let features = features.to_owned();
            builds
                .entry(package.to_owned())
                .or_default()
                .insert(features);
        }
    }
    builds
}

/// The server's build has everything that a client's or a matchmaker's takes, as it is: otherwise half of
/// the tree is built again.
#[test]
fn every_program_is_built_of_the_same_dependencies() {
    let server = builds("server");
    assert!(server.len() > 200, "{}", server.len());
    for program in ["bot-client", "matchmaker"] {
        let own = builds(program);
        assert!(own.len() > 100, "{program}: {}", own.len());
        let others: Vec<String> = own
            .iter()
            // The program itself is nobody's dependency.
            .filter(|(package, _)| !package.starts_with(&format!("{program} v")))
            .filter_map(|(package, features)| {
                let known = server.get(package).cloned().unwrap_or_default();
                let new: Vec<_> = features.difference(&known).collect();
                (!new.is_empty())
                    .then(|| format!("{package}: {new:?} where the server has {known:?}"))
            })
            .collect();
        let list = others.join("\n");
        assert!(
            others.is_empty(),
            "built with other features for {program}; name those of the server's in features/Cargo.toml:\n\
             {list}"
        );
    }
}
