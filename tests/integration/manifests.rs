//! What is said in `deploy/` is what the systems that read it understand.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// The manifests in `deploy/kubernetes`.
fn manifests() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/kubernetes");
    let files = std::fs::read_dir(directory).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|kind| kind == "yaml"))
        .collect()
}

/// Holds manifests against the schemas of Kubernetes, which knows no property that is not there.
fn validated(files: &[PathBuf]) -> Output {
    Command::new(tests::python())
        .args(["-m", "kubernetes_validate", "--strict"])
        .args(files)
        .output()
        .unwrap()
}

#[test]
fn the_manifests_are_as_kubernetes_wants_them() {
    let files = manifests();
    let output = validated(&files);
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    for kind in [
        "statefulset/",
        "deployment/",
        "poddisruptionbudget/",
        "service/",
        "networkpolicy/",
        "horizontalpodautoscaler/",
    ] {
        assert!(said.contains(kind), "{kind}: {said}");
    }
}

#[test]
fn a_mistyped_property_would_be_noticed() {
    let directory = tempfile::tempdir().unwrap();
    for file in manifests() {
        let text = std::fs::read_to_string(&file).unwrap();
        let mistyped = text
            .replacen(
                "terminationGracePeriodSeconds",
                "terminationGraceSeconds",
                1,
            )
            .replacen("stabilizationWindowSeconds", "stabilizationSeconds", 1);
        assert_ne!(mistyped, text, "{}", file.display());
        let copy = directory.path().join(file.file_name().unwrap());
        std::fs::write(&copy, mistyped).unwrap();
        assert!(!validated(&[copy]).status.success(), "{}", file.display());
    }
}

/// Everything in `deploy/` that configures programs.
fn configuring() -> Vec<PathBuf> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let folders = [
        deploy.clone(),
        deploy.join("kubernetes"),
        deploy.join("systemd"),
    ];
    let files = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let files = files.map(|file| file.unwrap().path());
    let kinds = ["yml", "yaml", "service"];
    let configures = |path: &PathBuf| {
        let kind = path.extension().and_then(|kind| kind.to_str());
        kind.is_some_and(|kind| kinds.contains(&kind))
    };
    files.filter(configures).collect()
}

/// What only the compose file itself reads.
const OF_COMPOSE: [&str; 2] = ["ROOKERY_USER", "ROOKERY_PUBLIC_IP"];

#[test]
fn every_variable_that_is_set_for_a_program_is_one_that_it_knows() {
    let mut known = String::new();
    for command in ["shard", "matchmaker", "serve", "gateway"] {
        let output = tests::process::run("rookery", &[command, "--help"], Duration::from_secs(30));
        known += &String::from_utf8_lossy(&output.stdout);
    }
    let is_known = |name: &str| {
        let words = known.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        OF_COMPOSE.contains(&name) || words.into_iter().any(|word| word == name)
    };
    assert!(is_known("ROOKERY_STORE") && !is_known("ROOKERY_STOR"));
    let files = configuring();
    assert!(files.len() >= 7, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        for name in words.filter(|word| word.starts_with("ROOKERY_")) {
            assert!(is_known(name), "{}: {name}", file.display());
        }
    }
}

#[test]
fn the_compose_files_fit_together() {
    let script = "import sys, yaml
base, *others = [yaml.safe_load(open(file)) for file in sys.argv[1:]]
for other in others:
    services = base['services'].keys() | other['services'].keys()
    secrets = base['secrets'].keys() | other.get('secrets', {}).keys()
    volumes = base['volumes'].keys() | (other.get('volumes') or {}).keys()
    for name, service in other['services'].items():
        assert 'image' in {**base['services'].get(name, {}), **service}, name
        assert set(service.get('depends_on', [])) <= services, name
        assert set(service.get('secrets', [])) <= secrets, name
        named = {volume.split(':')[0] for volume in service.get('volumes', [])}
        assert named <= volumes, name
    programs = {n for n, s in base['services'].items() if 'ROOKERY_STORE' in s.get('environment', {})}
    assert len(programs) == 5, programs
    for name in programs:
        assert 'ROOKERY_STORE' in other['services'][name]['environment'], name
print(len(others), 'fit')
";
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let others = [
        "compose.sentinel.yml",
        "compose.cluster.yml",
        "compose.tls.yml",
    ];
    let output = Command::new(tests::python())
        .args(["-c", script])
        .arg(deploy.join("compose.yml"))
        .args(others.map(|file| deploy.join(file)))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "3 fit");
}
