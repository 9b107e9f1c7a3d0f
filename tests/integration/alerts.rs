//! The alert rules of deploy/, fed with series of their own.

use std::path::Path;
use std::process::Command;

#[test]
fn the_alert_rules_fire_when_and_only_when_they_should() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prometheus");
    let output = Command::new("promtool")
        .args(["test", "rules", "alerts_test.yml"])
        .current_dir(directory)
        .output()
        .expect("promtool is missing: run tests/run, which installs it");
    assert!(output.status.success(), "{output:?}");
}
