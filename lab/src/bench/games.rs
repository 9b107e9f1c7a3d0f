//! Long games to play without thinking.

use std::sync::Arc;

use game_core::{Position, Uci};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// A game shorter than this is drawn again.
const PLIES_MIN: usize = 300;
/// No game is longer: the clocks of the rules (75 moves, 600 moves) stay out of it.
const PLIES_MAX: usize = 500;

/// Different games; where there are more matches, several play the same.
const GAMES: u64 = 64;

/// The games that are played, the same on each server.
#[derive(Clone)]
pub(super) struct Games(Vec<Arc<[Uci]>>);

impl Games {
    /// Draws them.
    pub(super) fn new(seed: u64) -> Self {
        let games = (0..GAMES).map(|n| random_game(seed.wrapping_add(n)).into());
        Self(games.collect())
    }

    /// The one that a match plays.
    pub(super) fn of(&self, index: usize) -> Arc<[Uci]> {
        Arc::clone(&self.0[index % self.0.len()])
    }
}

/// A game of random legal moves, the same for the same seed.
pub(crate) fn random_game(seed: u64) -> Vec<Uci> {
    let mut rng = StdRng::seed_from_u64(seed);
    loop {
        let mut position = Position::default();
        let mut moves = Vec::new();
        while moves.len() < PLIES_MAX && position.quiet_plies() < 100 {
            let legal = position.legal_moves();
            let Some(&chosen) = legal.choose(&mut rng) else {
                break;
            };
            let mut next = position.clone();
            next.play(chosen);
            // A game must not end before its script does.
            if next.is_over() {
                break;
            }
            moves.push(chosen.uci());
            position = next;
        }
        if moves.len() >= PLIES_MIN {
            return moves;
        }
    }
}
