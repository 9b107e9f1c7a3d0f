//! The bills of materials of a release: that they are valid, and name what the programs are made of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tests::process::cargo;

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    let text = value[name].as_str();
    text.unwrap_or_else(|| panic!("no {name}: {value}"))
}

/// What CycloneDX asks of a bill, and what a reader needs of each component; returns the components.
fn valid(bill: &Value) -> &[Value] {
    assert_eq!(text(bill, "bomFormat"), "CycloneDX");
    assert_eq!(text(bill, "specVersion"), "1.5");
    let components = bill["components"].as_array().unwrap();
    let mut refs = BTreeSet::new();
    for component in components.iter().chain([&bill["metadata"]["component"]]) {
        let reference = text(component, "bom-ref");
        assert!(refs.insert(reference), "twice: {reference}");
        assert!(text(component, "purl").starts_with("pkg:"), "{component}");
        let licences = component["licenses"].as_array();
        assert!(licences.is_some_and(|all| !all.is_empty()), "{component}");
    }
    for dependency in bill["dependencies"].as_array().unwrap() {
        let needed = dependency["dependsOn"].as_array().into_iter().flatten();
        for reference in needed.chain([&dependency["ref"]]) {
            let is_listed = reference.as_str().is_some_and(|text| refs.contains(text));
            assert!(is_listed, "nothing has the reference {reference}");
        }
    }
    components
}

/// The checksums of Cargo.lock, by name and version.
fn checksums() -> BTreeMap<(String, String), String> {
    let lock = read(&workspace().join("Cargo.lock"));
    let packages = lock.split("[[package]]").skip(1);
    let value = |package: &str, name: &str| {
        let mut lines = package.lines();
        let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
        line.map(|line| line.trim_matches('"').to_owned())
    };
    packages
        .filter_map(|package| {
            let key = (value(package, "name")?, value(package, "version")?);
            Some((key, value(package, "checksum")?))
        })
        .collect()
}

/// Names and versions of the crates that are linked into a program, without the crate of the program itself.
fn linked(package: &str) -> Vec<(String, String)> {
    let mut tree = cargo();
    tree.current_dir(workspace())
        .args(["tree", "--locked", "--package", package])
        .args(["--edges", "normal,no-proc-macro"])
        .args(["--prefix", "none", "--format", "{p}"]);
    let listed = run(&mut tree);
    let crates = listed.lines().map(|line| {
        let mut words = line.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        (name.to_owned(), version.trim_start_matches('v').to_owned())
    });
    crates.filter(|(name, _)| name != package).collect()
}

#[test]
fn the_bills_name_every_crate_and_package_that_is_in_the_programs() {
    let folder = tempfile::tempdir().unwrap();
    run(Command::new(workspace().join("deploy/sbom")).arg(folder.path()));
    let bill = |name: &str| -> Value {
        let path = folder.path().join(format!("{name}.cdx.json"));
        serde_json::from_str(&read(&path)).unwrap()
    };
    let checksums = checksums();
    for (package, program) in [("server", "rookery"), ("bot-client", "bot-client")] {
        let bill = bill(program);
        let mut named = BTreeMap::new();
        for component in valid(&bill) {
            let key = (
                text(component, "name").to_owned(),
                text(component, "version").to_owned(),
            );
            if let Some(checksum) = checksums.get(&key) {
                let hash = &component["hashes"][0];
                assert_eq!(text(hash, "alg"), "SHA-256", "{key:?}");
                assert_eq!(text(hash, "content"), checksum, "{key:?}");
            }
            named.insert(key, component);
        }
        let linked = linked(package);
        assert!(linked.len() > 100, "{program}: {linked:?}");
        for key in &linked {
            assert!(named.contains_key(key), "{program} does not name {key:?}");
        }
        // Of the tests alone.
        assert!(!named.keys().any(|(name, _)| name == "proptest"));
    }

    let lock: Value =
        serde_json::from_str(&read(&workspace().join("page/package-lock.json"))).unwrap();
    let bill = bill("page");
    let mut named = BTreeSet::new();
    for component in valid(&bill) {
        let (group, name) = (component["group"].as_str(), text(component, "name"));
        let name = group.map_or_else(|| name.to_owned(), |group| format!("{group}/{name}"));
        let mut locked = &lock["packages"][format!("node_modules/{name}")];
        if locked["link"] == true {
            locked = &lock["packages"][text(locked, "resolved")];
        }
        assert_eq!(locked["version"], component["version"], "{name}");
        assert_ne!(locked["dev"], true, "{name} is not in the bundle");
        named.insert(name);
    }
    let asked = lock["packages"][""]["dependencies"].as_object().unwrap();
    for name in asked.keys() {
        assert!(named.contains(name), "{name} is not named");
    }
}
