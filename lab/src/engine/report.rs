//! What a UCI program says of its search, before it names its move.

use std::fmt;

/// The last things that a program said of one search.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// How good the position is for the side to move.
    pub score: Option<EngineScore>,
    /// The depth of the search, in plies.
    pub depth: Option<u16>,
}

/// How good a position is for the side to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineScore {
    /// In hundredths of a pawn.
    Centipawns(i32),
    /// The side to move mates in so many moves; it is mated, if negative or zero.
    Mate(i32),
}

impl EngineScore {
    /// A mate is worth so much less its distance, in centipawns: more than every other score.
    const MATE: i32 = 100_000;

    /// In hundredths of a pawn, with mates beyond everything else.
    #[must_use]
    pub fn centipawns(self) -> i32 {
        let max = Self::MATE / 2;
        match self {
            Self::Centipawns(score) => score.clamp(-max, max),
            Self::Mate(moves) if moves > 0 => Self::MATE - moves.min(max),
            Self::Mate(moves) => -Self::MATE - moves.max(-max),
        }
    }
}

/// In pawns, or as the moves to mate: `+0.31`, `-M4`.
impl fmt::Display for EngineScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Centipawns(score) => write!(f, "{:+.2}", f64::from(*score) / 100.0),
            Self::Mate(moves) if *moves > 0 => write!(f, "+M{moves}"),
            Self::Mate(moves) => write!(f, "-M{}", moves.unsigned_abs()),
        }
    }
}

impl Report {
    /// Takes in a line of the program, which may be about its search.
    pub(super) fn note(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        if words.next() != Some("info") {
            return;
        }
        let mut said = Self::default();
        while let Some(word) = words.next() {
            match word {
                // What follows is not for programs, or the end of the line.
                "string" | "pv" => break,
                // Of several lines of play the first counts.
                "multipv" if words.next() != Some("1") => return,
                "depth" => said.depth = words.next().and_then(|depth| depth.parse().ok()),
                "score" => {
                    let kind = words.next();
                    let number = words.next().and_then(|number| number.parse().ok());
                    said.score = match (kind, number) {
                        (Some("cp"), Some(number)) => Some(EngineScore::Centipawns(number)),
                        (Some("mate"), Some(number)) => Some(EngineScore::Mate(number)),
                        _ => None,
                    };
                }
                _ => {}
            }
        }
        if said.score.is_some() {
            *self = Self {
                depth: said.depth.or(self.depth),
                ..said
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_score_of_the_first_line_of_play_counts() {
        let mut report = Report::default();
        for line in [
            "info string NNUE evaluation using nn.nnue score cp 900",
            "info depth 1 seldepth 2 multipv 1 score cp 31 nodes 20 nps 2000 time 1 pv e2e4",
            "info depth 7 multipv 2 score cp -80 pv d2d4",
            "info depth 9 currmove e2e4 currmovenumber 1",
            "info depth 8 score cp -12 lowerbound nodes 900 pv depth 99",
        ] {
            report.note(line);
        }
        let score = Some(EngineScore::Centipawns(-12));
        assert_eq!(
            report,
            Report {
                score,
                depth: Some(8)
            }
        );
        report.note("info depth 20 score mate -3 pv h7h8");
        assert_eq!(report.score, Some(EngineScore::Mate(-3)));
    }

    #[test]
    fn a_mate_is_worth_more_than_every_score_and_more_the_nearer_it_is() {
        let value = EngineScore::centipawns;
        let sorted = [
            EngineScore::Mate(0),
            EngineScore::Mate(-1),
            EngineScore::Mate(-40),
            EngineScore::Centipawns(i32::MIN),
            EngineScore::Centipawns(-5),
            EngineScore::Centipawns(i32::MAX),
            EngineScore::Mate(40),
            EngineScore::Mate(1),
        ];
        assert!(sorted.windows(2).all(|two| value(two[0]) < value(two[1])));
        for (score, text) in [
            (EngineScore::Centipawns(31), "+0.31"),
            (EngineScore::Centipawns(-5), "-0.05"),
            (EngineScore::Mate(4), "+M4"),
            (EngineScore::Mate(-4), "-M4"),
        ] {
            assert_eq!(score.to_string(), text);
        }
    }
}
