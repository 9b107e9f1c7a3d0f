//! Engines, good and bad: the bad ones are shell scripts.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use game_core::BySeat;
use tempfile::TempDir;

use super::*;

/// The position after `moves`, with a second for each side.
fn task(moves: &str) -> Task {
    let moves: Vec<Uci> = moves
        .split_whitespace()
        .map(|uci| uci.parse().unwrap())
        .collect();
    let mut position = Chess::default();
    for uci in &moves {
        let legal = uci.to_move().to_move(&position).unwrap();
        position.play_unchecked(legal);
    }
    Task {
        start: Chess::default(),
        moves,
        position,
        time_control: TimeControl::from_millis(1_000, 500).unwrap(),
        left: BySeat {
            white: Duration::from_millis(900),
            black: Duration::from_millis(20),
        },
        is_timed: true,
    }
}

/// A program that reads lines and answers as `cases` of a shell's `case "$line"` say.
fn script(cases: &str) -> (TempDir, EngineKind) {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("engine");
    let text =
        format!("#!/bin/sh\nwhile read -r line; do case \"$line\" in\n{cases}\nesac; done\n");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    (folder, EngineKind::Uci(path))
}

const POLITE: &str = "uci) echo uciok;; isready) echo readyok;;";

#[test]
fn engines_are_named_on_the_command_line() {
    assert_eq!("random".parse(), Ok(EngineKind::Random));
    let uci = EngineKind::Uci("/usr/games/stockfish".into());
    assert_eq!("uci:/usr/games/stockfish".parse(), Ok(uci));
    for text in ["", "uci", "uci:", "stockfish", "random:1"] {
        assert_eq!(text.parse::<EngineKind>(), Err(InvalidEngine), "{text}");
    }
}

#[test]
fn a_program_is_told_the_moves_and_the_clocks() {
    let mut task = task("e2e4 e7e5 e1e2");
    assert_eq!(
        task.position_command(),
        "position startpos moves e2e4 e7e5 e1e2"
    );
    let timed = "go wtime 850 btime 10 winc 500 binc 500";
    assert_eq!(uci::go_command(&task), timed);
    task.is_timed = false;
    assert_eq!(uci::go_command(&task), "go movetime 1000");
}

#[tokio::test]
async fn a_random_move_is_legal() {
    let task = task("e2e4");
    let chosen = Engine::Random.choose(&task).await.unwrap();
    assert_eq!(task.legal(&chosen.to_string()), Some(chosen));
}

#[tokio::test]
async fn a_program_is_asked_for_its_move() {
    let go = "go\\ wtime\\ 850\\ btime\\ 10\\ winc\\ 500\\ binc\\ 500) \
              echo info depth 1; echo bestmove e2e4 ponder e7e5;;";
    let (_folder, kind) = script(&format!("{POLITE}\n{go}"));
    let mut engine = Engine::start(&kind, &[]).await.unwrap();
    assert_eq!(engine.choose(&task("")).await.unwrap().to_string(), "e2e4");
}

#[tokio::test]
async fn what_is_no_engine_does_not_start() {
    let missing = EngineKind::Uci("/nowhere/engine".into());
    let started = Engine::start(&missing, &[]).await;
    assert!(matches!(started, Err(EngineError::Start { .. })));
    let (_folder, quits) = script("uci) exit 0;;");
    assert!(matches!(
        Engine::start(&quits, &[]).await,
        Err(EngineError::Died)
    ));
}

#[tokio::test]
async fn an_engine_that_dies_or_cheats_is_found_out() {
    for (go, dies) in [
        ("exit 1", true),
        ("echo bestmove e2e5", false),
        ("echo bestmove", false),
    ] {
        let (_folder, kind) = script(&format!("{POLITE}\ngo*) {go};;"));
        let mut engine = Engine::start(&kind, &[]).await.unwrap();
        let chosen = engine.choose(&task("")).await;
        let found = match chosen {
            Err(EngineError::Died) => dies,
            Err(EngineError::IllegalMove(_)) => !dies,
            _ => false,
        };
        assert!(found, "{go}: {chosen:?}");
    }
}

#[tokio::test]
async fn an_engine_that_hangs_is_given_up() {
    let (_folder, kind) = script("uci) ;;");
    let EngineKind::Uci(path) = kind else {
        panic!("{kind}");
    };
    let max = Duration::from_millis(100);
    let started = UciEngine::start_patiently(&path, &[], max).await;
    assert!(matches!(
        started,
        Err(EngineError::Hung { asked: "uci", .. })
    ));
}

#[tokio::test]
async fn a_search_that_was_dropped_is_stopped_first() {
    let answers = "go*) : ;; stop) echo bestmove a2a3;;";
    let (_folder, kind) = script(&format!("{POLITE}\n{answers}"));
    let mut engine = Engine::start(&kind, &[]).await.unwrap();
    let first = task("");
    let dropped = tokio::time::timeout(Duration::from_millis(200), engine.choose(&first)).await;
    assert!(dropped.is_err());
    // The second search is not answered by the first one's move.
    let second = task("e2e4");
    let dropped = tokio::time::timeout(Duration::from_millis(200), engine.choose(&second)).await;
    assert!(dropped.is_err());
}
