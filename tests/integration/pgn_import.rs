//! `rookery import`, as a process, into the archives of real servers.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use protocol::http::FinishedMatch;
use tests::installation::Installation;
use tests::process;

/// For a file of a few hundred games.
const LIMIT: Duration = Duration::from_secs(120);

/// One game of each variant, with what only it has, as Lichess names and spells it.
pub(crate) const VARIANTS: &str = r#"[Event "Club evening"]
[White "Ann"]
[Black "Bob"]
[Result "0-1"]

1. f3 e5 2. g4 Qh4# 0-1

[Event "Club evening"]
[White "Cid"]
[Black "Dan"]
[Result "1-0"]
[Variant "Chess960"]
[SetUp "1"]
[FEN "nbbrkrqn/pppppppp/8/8/8/8/PPPPPPPP/NBBRKRQN w KQkq - 0 1"]

1. f4 f5 2. Qf2 Qf7 3. O-O 1-0

[Event "Club evening"]
[White "Eve"]
[Black "Fay"]
[Result "1-0"]
[Variant "Crazyhouse"]

1. e4 d5 2. exd5 Qxd5 3. @e4 P@d4 4. Nf3 1-0

[Event "Club evening"]
[White "Gus"]
[Black "Hal"]
[Result "1-0"]
[Variant "Antichess"]
[SetUp "1"]
[FEN "8/P6k/8/8/8/8/8/8 w - - 0 1"]

1. a8=K Kg6 1-0

[Event "Club evening"]
[White "Ida"]
[Black "Jon"]
[Result "1-0"]
[Variant "Atomic"]

1. Nf3 a6 2. Ne5 a5 3. Nxf7# 1-0

[Event "Club evening"]
[White "Kai"]
[Black "Leo"]
[Result "1-0"]
[Variant "King of the Hill"]

1. e3 e6 2. Ke2 Ke7 3. Kd3 Kd6 4. Kd4# 1-0

[Event "Club evening"]
[White "Mia"]
[Black "Ned"]
[Result "1-0"]
[Variant "Racing Kings"]

1. Kh3 Ka3 2. Kh4 1-0

[Event "Club evening"]
[White "Ole"]
[Black "Pia"]
[Result "1-0"]
[Variant "Three-check"]

1. e4 e5 2. Bc4 Bc5 3. Bxf7+ Kxf7 4. Qh5+ g6 5. Qxg6# 1-0

[Event "Club evening"]
[White "Quy"]
[Black "Ron"]
[Result "0-1"]
[Variant "Horde"]

1. b6 axb6 0-1

"#;

/// What cannot be imported: an illegal move, an unknown variant, a game that goes on.
const LEFT_OUT: &str = r#"[Event "Club evening"]
[White "Sue"]
[Black "Tom"]
[Result "1-0"]

1. e4 e6
2. Ke3 d5 1-0

[Event "Club evening"]
[White "Uli"]
[Black "Vic"]
[Result "1-0"]
[Variant "Shatranj"]

1. e3 1-0

[Event "Club evening"]
[White "Wim"]
[Black "Xia"]
[Result "*"]

1. e4 *

"#;

const LAST: &str = r#"[Event "Club evening"]
[White "Yan"]
[Black "Zoe"]
[Result "1/2-1/2"]

1. d4 d5 1/2-1/2
"#;

fn import(file: &Path, into: &[&str]) -> (Option<i32>, String) {
    let file = file.display().to_string();
    let args = [&["import", &file], into].concat();
    let output = process::run("rookery", &args, LIMIT);
    (output.status.code(), said(&output))
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

async fn exported(matchmaker: &str, query: &str) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("{matchmaker}/v1/archive{query}"));
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{query}");
    answer.text().await.unwrap()
}

async fn listed(matchmaker: &str, query: &str) -> Vec<FinishedMatch> {
    let lines = exported(matchmaker, &format!("?format=ndjson{query}")).await;
    let matches = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    matches.collect()
}

/// The archive lists what was imported, of all variants; the same file adds nothing a second time; and a game that cannot
/// be imported is named with its number, its players and its line, and keeps no other out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn games_of_a_file_are_imported_once_and_what_cannot_be_is_named() {
    let installation = Installation::start(1).await;
    let (matchmaker, url) = (&installation.matchmaker, installation.redis_url());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("club.pgn");
    let text = [VARIANTS, LEFT_OUT, LAST].concat();
    std::fs::write(&file, &text).unwrap();
    let into_store = ["--store", url.as_str()];
    let import = |file: &Path| tokio::task::block_in_place(|| import(file, &into_store));

    let (code, report) = import(&file);
    assert_eq!(code, Some(1), "one game is damaged: {report}");
    let line_of = |part: &str| 1 + text.lines().position(|line| line.contains(part)).unwrap();
    for expected in [
        format!("game 10 (Sue – Tom), line {}: \"Ke3\"", line_of("Ke3 d5")),
        format!(
            "game 11 (Uli – Vic), line {}: its variant",
            line_of("Shatranj")
        ),
        "game 12 (Wim – Xia), line ".to_owned(),
        "10 games added, 0 there already, 3 left out".to_owned(),
        "1 game cannot be read as it stands".to_owned(),
    ] {
        assert!(report.contains(&expected), "{expected}: {report}");
    }

    let all = listed(matchmaker, "").await;
    assert_eq!(all.len(), 10);
    let crazyhouse = listed(matchmaker, "&variant=crazyhouse").await;
    assert_eq!(crazyhouse.len(), 1);
    assert_eq!(crazyhouse[0].moves.len(), 7);
    assert_eq!(crazyhouse[0].players.white.player.name, "Eve");
    assert_eq!(listed(matchmaker, "&event=Club%20evening").await.len(), 10);
    assert_eq!(listed(matchmaker, "&player=pgn:zoe").await.len(), 1);
    read_by_python_chess(matchmaker, directory.path()).await;

    let (code, report) = import(&file);
    assert_eq!(code, Some(1), "{report}");
    assert!(
        report.contains("0 games added, 10 there already"),
        "{report}"
    );
    assert_eq!(listed(matchmaker, "").await, all);

    // The 200 games of the tests, of which none is damaged.
    let (code, report) = import(&tests::games_file());
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("200 games added, 0 there"), "{report}");
    assert_eq!(listed(matchmaker, "").await.len(), 210);
}

/// What is exported again has the same players, moves and results for another program.
async fn read_by_python_chess(matchmaker: &str, directory: &Path) {
    let files = ["games.pgn", "games.ndjson"].map(|name| directory.join(name));
    for (file, query) in files.iter().zip(["", "?format=ndjson"]) {
        std::fs::write(file, exported(matchmaker, query).await).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python_chess_export.py");
    let checked = Command::new(tests::python())
        .arg(script)
        .args(&files)
        .output();
    let checked = checked.unwrap();
    assert!(checked.status.success(), "{}", said(&checked));
    assert_eq!(said(&checked).trim(), "10 games");
}

#[test]
fn an_import_into_nowhere_or_of_nothing_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("club.pgn");
    std::fs::write(&file, VARIANTS).unwrap();
    let data = directory.path().join("data").display().to_string();
    let (code, report) = import(&file, &[]);
    assert_eq!(code, Some(2), "{report}");
    assert!(report.contains("--data-dir"), "{report}");
    let nothing = directory.path().join("nothing.pgn");
    let (code, report) = import(&nothing, &["--data-dir", &data]);
    assert_eq!(code, Some(1), "{report}");
    assert!(report.contains("nothing.pgn: "), "{report}");
    assert!(!Path::new(&data).exists(), "nothing is made for nothing");
}
