//! What is said in `deploy/` is what the systems that read it understand.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
