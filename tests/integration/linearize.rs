//! The program `linearize`, as its users meet it. What it says of campaigns is tested with these.

use std::path::Path;
use std::process::{Command, Output};

fn linearize(history: &Path) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = Command::new(env!("CARGO_BIN_EXE_linearize"))
        .arg(history)
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

fn example(name: &str) -> std::path::PathBuf {
    let histories = Path::new(env!("CARGO_MANIFEST_DIR")).join("../linear/tests/histories");
    histories.join(name)
}

#[test]
fn what_holds_is_said_with_its_size() {
    let (code, said) = linearize(&example("good/a_whole_match.jsonl"));
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("holds: 1 matches, 14 operations"),
        "{said}"
    );
}

#[test]
fn the_answers_that_contradict_each_other_are_printed() {
    let (code, said) = linearize(&example("bad/an_acknowledged_command_is_missing.jsonl"));
    assert_eq!(code, Some(1), "{said}");
    for words in ["line 5:", r#""command_id":12"#, "line 6:", "1 violated"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("line 4:"), "{said}");
}

#[test]
fn a_file_that_is_no_history_is_no_verdict() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.jsonl");
    std::fs::write(&empty, "").unwrap();
    for (file, why) in [
        (empty, "no operation"),
        (example("README.md"), "No such file"),
        (
            Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"),
            "line 1",
        ),
    ] {
        let (code, said) = linearize(&file);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    }
}
