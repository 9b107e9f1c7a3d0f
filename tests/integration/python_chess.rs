//! python-chess, an implementation of its own, agrees with what `game-core` accepts and exports.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn all_games_and_every_legal_move() {
    let _turn = tests::turns::blocking_turn();
    let python = tests::python();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = tempfile::tempdir().unwrap();
    let lines = directory.path().join("games.jsonl");
    let exported = tests::process::cargo()
        .args([
            "run",
            "--quiet",
            "-p",
            "game-core",
            "--example",
            "games_as_json",
            "--",
        ])
        .arg(tests::games_file())
        .current_dir(tests)
        .stdout(File::create(&lines).unwrap())
        .status()
        .unwrap();
    assert!(exported.success());
    let checked = Command::new(python)
        .arg(tests.join("python_chess_check.py"))
        .stdin(File::open(&lines).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(
        checked.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    assert!(said.contains("200"), "{said}");
}
