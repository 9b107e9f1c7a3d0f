//! A large export, from a matchmaker over HTTP, read by two other implementations of PGN.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command as Process;
use std::sync::Arc;

use game_core::testing::SetupBuilder;
use game_core::{
    Command, CommandId, CommandKind, Match, MatchId, MatchTags, MatchTime, UnixMillis, Variant,
    WithMove,
};
use matchmaker::{Config, SharedState};
use pgn_reader::{Reader, SanPlus, Visitor};
use protocol::http::FinishedMatch;
use store::{Archive, ArchivedMatch, MemoryStore};
use tokens::SigningKey;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const GAMES: u32 = 1_000;
/// Half-moves of the longest game.
const PLIES: u32 = 40;

/// Numbers that look random (SplitMix64).
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 31)
}

/// Game `n`: random moves of one of the variants, until one side resigns or the rules end it.
fn game(n: u32) -> ArchivedMatch {
    let variant = Variant::ALL[n as usize % Variant::ALL.len()];
    let mut setup = SetupBuilder::new().variant(variant).build();
    setup.id = MatchId::from_random(u128::from(mixed(n.into())));
    setup.players.white.name = format!("Ärmel \"{n}\" \\ O'Neil").into();
    setup.tags = n.is_multiple_of(3).then(|| {
        Box::new(MatchTags {
            event: Some("Open [A] {B} ; %".into()),
            ..MatchTags::default()
        })
    });
    let mut game = Match::new(setup);
    let mut events = Vec::new();
    let plies = n % PLIES;
    for ply in 0..plies {
        let moves = game.legal_moves();
        if game.outcome().is_some() || moves.is_empty() {
            break;
        }
        let choice = mixed(u64::from(n) << 16 | u64::from(ply)) as usize;
        let kind = CommandKind::Move {
            position_seq: game.position_seq(),
            uci: moves[choice % moves.len()],
            with: WithMove::Nothing,
        };
        let id = CommandId(ply.into());
        let now = MatchTime::from_micros(1_000_000 * u64::from(ply));
        game.start_clock(now);
        game.apply(game.turn(), &Command { id, kind }, now, &mut events)
            .unwrap();
    }
    if game.outcome().is_none() {
        let kind = if plies < 2 {
            CommandKind::Abort
        } else {
            CommandKind::Resign
        };
        let id = CommandId(u64::MAX);
        let now = MatchTime::from_micros(1_000_000 * u64::from(plies));
        game.apply(game.turn(), &Command { id, kind }, now, &mut events)
            .unwrap();
    }
    ArchivedMatch::of(&game, UnixMillis(1_763_000_000_000 + u64::from(n))).unwrap()
}

/// Counts moves.
struct Moves;

impl Visitor for Moves {
    type Tags = usize;
    type Movetext = usize;
    type Output = usize;

    fn begin_tags(&mut self) -> ControlFlow<usize, usize> {
        ControlFlow::Continue(0)
    }

    fn begin_movetext(&mut self, moves: usize) -> ControlFlow<usize, usize> {
        ControlFlow::Continue(moves)
    }

    fn san(&mut self, moves: &mut usize, _san: SanPlus) -> ControlFlow<usize> {
        *moves += 1;
        ControlFlow::Continue(())
    }

    fn end_game(&mut self, moves: usize) -> usize {
        moves
    }
}

async fn export(base: &str, query: &str) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(format!("{base}/v1/archive{query}")).send().await;
    let response = response.unwrap();
    assert_eq!(response.status(), 200);
    response.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_a_thousand_games_is_read_by_python_chess_and_pgn_reader() {
    let _turn = tests::turns::turn().await;
    let store = Arc::new(MemoryStore::new());
    for n in 0..GAMES {
        assert!(store.put(&game(n)).await.unwrap());
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let (key, _) = SigningKey::generate().unwrap();
    let running = tokio::spawn(matchmaker::run(
        Config::default(),
        listener,
        key,
        SharedState::new(store),
        shutdown.clone(),
    ));
    let (pgn, lines) = (
        export(&base, "").await,
        export(&base, "?format=ndjson").await,
    );
    shutdown.cancel();
    running.await.unwrap().unwrap();

    let expected: Vec<FinishedMatch> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(expected.len(), GAMES as usize);
    let read: Result<Vec<usize>, _> = Reader::new(pgn.as_bytes()).read_games(&mut Moves).collect();
    let moves: Vec<usize> = expected.iter().map(|game| game.moves.len()).collect();
    assert_eq!(read.unwrap(), moves);

    let directory = tempfile::tempdir().unwrap();
    let files = ["games.pgn", "games.ndjson"].map(|name| directory.path().join(name));
    for (file, text) in files.iter().zip([&pgn, &lines]) {
        std::fs::write(file, text).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python_chess_export.py");
    let checked = Process::new(tests::python())
        .arg(script)
        .args(&files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stdout);
    let errors = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{errors}");
    assert_eq!(said.trim(), format!("{GAMES} games"));
}
