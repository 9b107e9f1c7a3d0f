//! Counts of legal move sequences, against the published ones.

use std::collections::HashSet;

use game_core::{Command, CommandId, CommandKind, Match, MatchTime, Uci, WithMove};
use pgn_reader::shakmaty::perft;

use crate::games::library_position;
use crate::table::setup;

/// A line is `name; FEN; count at depth 1, 2, …`.
const POSITIONS: &str = include_str!("../data/perft.txt");

struct Published {
    name: &'static str,
    fen: &'static str,
    /// Legal sequences of 1, 2, … moves.
    counts: Vec<u64>,
}

fn published() -> Vec<Published> {
    let lines = POSITIONS.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut fields = line.split(';').map(str::trim);
            let mut next = || fields.next().expect(line);
            let (name, fen, counts) = (next(), next(), next());
            let counts = counts.split(' ').map(|count| count.parse().expect(line));
            Published {
                name,
                fen,
                counts: counts.collect(),
            }
        })
        .collect()
}

fn start(fen: &str) -> Match {
    Match::new(setup().start(fen).at_once().build())
}

/// The match after a move that it must accept.
fn after(game: &Match, uci: Uci) -> Match {
    let mut game = game.clone();
    let command = Command {
        id: CommandId(game.seq().into()),
        kind: CommandKind::Move {
            position_seq: game.position_seq(),
            uci,
            with: WithMove::Nothing,
        },
    };
    let mut events = Vec::new();
    let answer = game.apply(game.turn(), &command, MatchTime::default(), &mut events);
    assert!(answer.is_ok(), "{uci}: {answer:?} in {}", game.fen());
    game
}

/// A dead position would end a match although there are moves on the board, but none of the
/// published positions comes to one within these depths.
fn sequences(game: &Match, depth: usize) -> u64 {
    if depth == 0 {
        return 1;
    }
    game.legal_moves()
        .into_iter()
        .map(|uci| sequences(&after(game, uci), depth - 1))
        .sum()
}

/// Every move that 16 bits can name.
fn every_uci() -> Vec<Uci> {
    (0..=u16::MAX)
        .filter_map(|bits| Uci::from_bits(bits).ok())
        .collect()
}

/// What a match accepts is found by trying everything, not by asking it for a list.
#[test]
fn a_match_accepts_the_legal_moves_and_no_other() {
    let every_uci = every_uci();
    let accepted = |game: &Match| -> HashSet<Uci> {
        let tried = every_uci.iter().filter(|uci| game.is_legal(**uci));
        tried
            .map(|uci| {
                let made = after(game, *uci);
                made.moves().last().expect("a move").0
            })
            .collect()
    };
    for position in published() {
        let game = start(position.fen);
        let first = accepted(&game);
        assert_eq!(first.len() as u64, position.counts[0], "{}", position.name);
        let second: usize = first
            .iter()
            .map(|uci| accepted(&after(&game, *uci)).len())
            .sum();
        assert_eq!(second as u64, position.counts[1], "{}", position.name);
    }
}

#[test]
fn a_match_plays_the_published_number_of_sequences() {
    for position in published() {
        let game = start(position.fen);
        let depth = position
            .counts
            .iter()
            .filter(|count| **count < 100_000)
            .count();
        for depth in 1..=depth {
            let count = sequences(&game, depth);
            assert_eq!(
                count,
                position.counts[depth - 1],
                "{} {depth}",
                position.name
            );
        }
    }
}

#[test]
fn the_rules_beneath_count_the_published_number() {
    for position in published() {
        let game = start(position.fen);
        for (depth, count) in (1..).zip(&position.counts) {
            let found = perft(&library_position(&game), depth);
            assert_eq!(found, *count, "{} {depth}", position.name);
        }
    }
}
