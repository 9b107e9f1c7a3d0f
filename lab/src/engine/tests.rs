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
    let mut position = Position::default();
    for &uci in &moves {
        position.play_uci(uci).unwrap();
    }
    Task {
        start: Position::default(),
        moves,
        position,
        controls: both("1+0.5"),
        left: BySeat {
            white: Duration::from_millis(900),
            black: Duration::from_millis(20),
        },
        is_timed: true,
    }
}

fn both(control: &str) -> BySeat<TimeControl> {
    let control = control.parse().unwrap();
    BySeat {
        white: control,
        black: control,
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
    (folder, program(path))
}

fn program(path: impl Into<PathBuf>) -> EngineKind {
    EngineKind::Uci(Program {
        path: path.into(),
        args: Vec::new(),
    })
}

const POLITE: &str = "uci) echo uciok;; isready) echo readyok;;";

#[test]
fn engines_are_named_on_the_command_line() {
    assert_eq!("random".parse(), Ok(EngineKind::Random));
    let uci = program("/usr/games/stockfish");
    assert_eq!("uci:/usr/games/stockfish".parse(), Ok(uci));
    for text in [
        "",
        "uci",
        "uci:",
        "uci:  ",
        "uci:''",
        "uci:'a",
        "stockfish",
        "random:1",
    ] {
        assert_eq!(text.parse::<EngineKind>(), Err(InvalidEngine), "{text}");
    }
}

#[test]
fn an_engine_takes_arguments_quoted_as_for_a_shell() {
    let text = "uci:'/my engines/lc0' --weights='a b.pb' -v \"it's\"";
    let kind: EngineKind = text.parse().unwrap();
    let expected = Program {
        path: "/my engines/lc0".into(),
        args: ["--weights=a b.pb", "-v", "it's"].map(str::to_owned).into(),
    };
    assert_eq!(kind, EngineKind::Uci(expected));
    assert_eq!(kind.to_string().parse(), Ok(kind));
}

#[tokio::test]
async fn arguments_and_stderr_of_a_program_are_its_own() {
    let text = "#!/bin/sh\necho \"started with $1, $2\" >&2; printf '\\033[31mlast' >&2; exit 3\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("an engine");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = Program {
        path,
        args: ["a b", "c"].map(str::to_owned).into(),
    };
    let started = Engine::start(&EngineKind::Uci(program), &EngineSettings::default()).await;
    let said = started.unwrap_err().to_string();
    assert_eq!(said, "the engine died; it said \"[31mlast\"");
}

/// What it writes is there as it wrote it, behind what was there, and its last line is told.
#[tokio::test]
async fn an_engine_s_stderr_goes_to_the_file_that_is_named() {
    let hello = "echo '  one  ' >&2; printf '\\033[31mlast\\n' >&2";
    let (folder, kind) = script(&format!("uci) {hello}; exit 3;;"));
    let log = folder.path().join("stderr");
    std::fs::write(&log, "of an earlier one\n").unwrap();
    let mut settings = EngineSettings {
        stderr: Some(log.clone()),
        ..EngineSettings::default()
    };
    for times in 1..=2 {
        let started = Engine::start(&kind, &settings).await.unwrap_err();
        assert_eq!(started.to_string(), "the engine died; it said \"[31mlast\"");
        let written = std::fs::read_to_string(&log).unwrap();
        let expected = "  one  \n\x1b[31mlast\n".repeat(times);
        assert_eq!(written, format!("of an earlier one\n{expected}"));
    }
    let (_folder, silent) = script("uci) exit 0;;");
    let started = Engine::start(&silent, &settings).await.unwrap_err();
    assert_eq!(
        started.to_string(),
        "the engine died",
        "the words are another's"
    );
    settings.stderr = Some(folder.path().join("no/such/folder"));
    let started = Engine::start(&kind, &settings).await;
    assert!(matches!(started, Err(EngineError::Stderr { .. })));
}

#[tokio::test]
async fn an_engine_that_died_between_two_matches_is_found_out() {
    let (_folder, kind) = script("uci) echo uciok;; isready) echo readyok; echo bye >&2; exit 0;;");
    let mut engine = Engine::start(&kind, &EngineSettings::default())
        .await
        .unwrap();
    let checked = engine.check().await;
    assert!(matches!(checked, Err(EngineError::Died(Some(said))) if said == "bye"));
}

#[test]
fn a_program_is_told_the_moves_and_the_clocks() {
    let mut task = task("e2e4 e7e5 e1e2");
    assert_eq!(
        task.position_command(),
        "position startpos moves e2e4 e7e5 e1e2"
    );
    let timed = "go wtime 850 btime 10 winc 500 binc 500";
    let margin = EngineSettings::default().margin;
    assert_eq!(uci::go_command(&task, margin), timed);
    let timed = "go wtime 700 btime 10 winc 500 binc 500";
    assert_eq!(uci::go_command(&task, Duration::from_millis(200)), timed);
    task.is_timed = false;
    assert_eq!(uci::go_command(&task, margin), "go movetime 1000");
}

/// UCI: `movestogo` until the next time control; each side has its own.
#[test]
fn a_program_is_told_of_stages_delays_and_each_side_s_own_time() {
    let mut task = task("e2e4 e7e5 g1f3");
    task.controls.white = TimeControl::from_spoken("2s+1d2").unwrap();
    task.controls.black = TimeControl::from_spoken("3/1+5,1+7").unwrap();
    let none = Duration::ZERO;
    assert_eq!(
        uci::go_command(&task, none),
        "go wtime 900 btime 20 winc 3000 binc 5000 movestogo 2"
    );
    for text in ["b8c6", "f1c4", "f8c5", "b1c3"] {
        let uci = text.parse().unwrap();
        task.position.play_uci(uci).unwrap();
        task.moves.push(uci);
    }
    assert_eq!(
        uci::go_command(&task, none),
        "go wtime 900 btime 20 winc 3000 binc 7000",
        "the last stage has no end"
    );
}

#[test]
fn a_program_is_told_where_a_variant_begins() {
    let mut task = task("");
    task.start = Position::initial(Variant::Horde);
    assert_eq!(task.position_command(), "position startpos");
    task.start = Position::chess960(518).unwrap();
    let fen = task.start.fen();
    assert_eq!(task.position_command(), format!("position fen {fen}"));
}

/// Castling in Chess960 is the king that takes its rook (UCI).
#[tokio::test]
async fn a_program_is_told_the_rules_once_and_castles_by_taking_its_rook() {
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("heard");
    let log = format!("echo \"$line\" >> '{}'", heard.display());
    let cases = format!(
        "uci) echo option name UCI_Chess960 type check default false; echo uciok;;\n\
         isready) echo readyok;;\n\
         setoption*) {log};;\n\
         go*) echo bestmove e1h1;;"
    );
    let (_folder, kind) = script(&cases);
    let mut engine = Engine::start(&kind, &EngineSettings::default())
        .await
        .unwrap();
    assert!(engine.plays(Variant::Chess960) && !engine.plays(Variant::Atomic));
    let mut castles = task("");
    let fen = "4k3/8/8/8/8/8/8/4K2R w K - 0 1";
    castles.start = Position::from_fen(Variant::Chess960, fen).unwrap();
    castles.position = castles.start.clone();
    for _ in 0..2 {
        let chosen = engine.choose(&castles).await.unwrap();
        assert_eq!(chosen.to_string(), "e1h1");
    }
    let told = std::fs::read_to_string(&heard).unwrap();
    assert_eq!(told, "setoption name UCI_Chess960 value true\n");
    let mut atomic = task("");
    atomic.start = Position::initial(Variant::Atomic);
    let chosen = engine.choose(&atomic).await;
    assert!(matches!(chosen, Err(EngineError::Variant(Variant::Atomic))));
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
    let mut engine = Engine::start(&kind, &EngineSettings::default())
        .await
        .unwrap();
    assert_eq!(engine.choose(&task("")).await.unwrap().to_string(), "e2e4");
}

#[tokio::test]
async fn what_is_no_engine_does_not_start() {
    let missing = program("/nowhere/engine");
    let started = Engine::start(&missing, &EngineSettings::default()).await;
    assert!(matches!(started, Err(EngineError::Start { .. })));
    let (_folder, quits) = script("uci) exit 0;;");
    assert!(matches!(
        Engine::start(&quits, &EngineSettings::default()).await,
        Err(EngineError::Died(_))
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
        let mut engine = Engine::start(&kind, &EngineSettings::default())
            .await
            .unwrap();
        let chosen = engine.choose(&task("")).await;
        let found = match chosen {
            Err(EngineError::Died(_)) => dies,
            Err(EngineError::IllegalMove(_)) => !dies,
            _ => false,
        };
        assert!(found, "{go}: {chosen:?}");
    }
}

#[tokio::test]
async fn an_engine_that_hangs_is_given_up() {
    let (_folder, kind) = script("uci) ;;");
    let EngineKind::Uci(program) = kind else {
        panic!("{kind}");
    };
    let max = Duration::from_millis(100);
    let started = UciEngine::start_patiently(&program, &EngineSettings::default(), max).await;
    assert!(matches!(
        started,
        Err(EngineError::Hung { asked: "uci", .. })
    ));
}

#[tokio::test]
async fn a_search_that_was_dropped_is_stopped_first() {
    let answers = "go*) : ;; stop) echo bestmove a2a3;;";
    let (_folder, kind) = script(&format!("{POLITE}\n{answers}"));
    let mut engine = Engine::start(&kind, &EngineSettings::default())
        .await
        .unwrap();
    let first = task("");
    let dropped = tokio::time::timeout(Duration::from_millis(200), engine.choose(&first)).await;
    assert!(dropped.is_err());
    // The second search is not answered by the first one's move.
    let second = task("e2e4");
    let dropped = tokio::time::timeout(Duration::from_millis(200), engine.choose(&second)).await;
    assert!(dropped.is_err());
}
