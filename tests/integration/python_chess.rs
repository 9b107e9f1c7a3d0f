//! python-chess, an implementation of its own, agrees with what `game-core` accepts and exports.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use game_core::Variant;

/// Runs an example of game-core that prints games, and lets python-chess check them. Returns what it says.
fn check<S: AsRef<OsStr>>(example: &str, args: &[S]) -> String {
    let python = tests::python();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = tempfile::tempdir().unwrap();
    let lines = directory.path().join("games.jsonl");
    let exported = tests::process::cargo()
        .args(["run", "--quiet", "-p", "game-core", "--example", example])
        .arg("--")
        .args(args)
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
    said.into_owned()
}

#[test]
fn all_games_and_every_legal_move() {
    let _turn = tests::turns::blocking(tests::turns::turn());
    let said = check("games_as_json", &[tests::games_file()]);
    assert!(said.contains("200"), "{said}");
}

/// Row "PGN export", for every variant: no error, the same moves and clocks, the same last position, the
/// same result.
#[test]
fn pgn_of_500_random_games_of_every_variant() {
    let _turn = tests::turns::blocking(tests::turns::turn());
    for variant in Variant::ALL {
        let said = check("random_games_as_json", &[variant.code(), "500"]);
        assert!(said.starts_with("500 games"), "{variant}: {said}");
    }
}
