//! Counts of legal move sequences, against the published ones.

use std::collections::HashSet;

use game_core::{
    Command, CommandId, CommandKind, Match, MatchTime, Move, Position, Uci, Variant, WithMove,
};
use pgn_reader::shakmaty::perft;

use crate::games::library_position;
use crate::table::setup;

/// A line is `name; FEN; count at depth 1, 2, …`.
const POSITIONS: &str = include_str!("../data/perft/wiki.txt");

/// The published counts of variants: `id` of a position, `epd` (FEN), and lines `perft DEPTH COUNT`.
const VARIANTS: [(Variant, &str); 8] = [
    (
        Variant::Chess960,
        include_str!("../data/perft/chess960.perft"),
    ),
    (
        Variant::Crazyhouse,
        include_str!("../data/perft/crazyhouse.perft"),
    ),
    (
        Variant::Antichess,
        include_str!("../data/perft/antichess.perft"),
    ),
    (Variant::Atomic, include_str!("../data/perft/atomic.perft")),
    (
        Variant::KingOfTheHill,
        include_str!("../data/perft/hill.perft"),
    ),
    (
        Variant::RacingKings,
        include_str!("../data/perft/racingkings.perft"),
    ),
    (
        Variant::ThreeCheck,
        include_str!("../data/perft/3check.perft"),
    ),
    (Variant::Horde, include_str!("../data/perft/horde.perft")),
];
/// Larger counts take too long to find without optimization.
const COUNT_MAX: u64 = 100_000;

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

/// Legal sequences of `depth` moves. On the way, every move must be the one that its name names.
fn sequences_of(position: &Position, depth: usize) -> u64 {
    let moves = position.legal_moves();
    if depth == 1 {
        return moves.len() as u64;
    }
    let after = |legal: Move| {
        assert_eq!(position.resolve(legal.uci()), Some(legal));
        let mut after = position.clone();
        after.play(legal);
        sequences_of(&after, depth - 1)
    };
    moves.into_iter().map(after).sum()
}

#[test]
fn positions_of_every_variant_have_the_published_number_of_sequences() {
    let mut checked = 0;
    for (variant, published) in VARIANTS {
        let mut position = None;
        for line in published.lines() {
            let Some((key, value)) = line.split_once(' ') else {
                continue;
            };
            match key {
                "epd" => position = Some(Position::from_fen(variant, value).expect(value)),
                "perft" => {
                    let (depth, count) = value.split_once(' ').expect(line);
                    let count: u64 = count.parse().expect(line);
                    let position = position.as_ref().expect("a position before its counts");
                    if count <= COUNT_MAX {
                        let found = sequences_of(position, depth.parse().expect(line));
                        assert_eq!(found, count, "{variant} {line} {}", position.fen());
                        checked += 1;
                    }
                }
                _ => {}
            }
        }
    }
    // So many of the counts in the files are small enough.
    assert_eq!(checked, 202);
}
