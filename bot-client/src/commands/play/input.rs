//! What a player types.

use game_core::{Move, Position, San, Uci};

use super::wrong;

/// What a line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    Move(Uci),
    Resign,
    OfferDraw,
    AcceptDraw,
    DeclineDraw,
    Abort,
    Flip,
    Help,
    Quit,
}

/// All that can be typed, in a few lines.
pub(super) const HELP: &[&str] = &[
    "A move: e4, Nf3, O-O, exd8=Q (SAN) or e2e4, e1g1, e7e8q (UCI).",
    "resign, draw (offers one), accept, decline, abort (before both have moved),",
    "flip (turns the board), help, quit (leaves the seat; the match goes on).",
];

impl Input {
    /// Reads a line; a move is one that is legal for the side to move in `position`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for the player.
    pub(super) fn parse(line: &str, position: &Position) -> Result<Self, String> {
        let text = line.trim();
        match text.to_ascii_lowercase().as_str() {
            "resign" => Ok(Self::Resign),
            "draw" | "offer" => Ok(Self::OfferDraw),
            "accept" => Ok(Self::AcceptDraw),
            "decline" => Ok(Self::DeclineDraw),
            "abort" => Ok(Self::Abort),
            "flip" => Ok(Self::Flip),
            "help" | "?" | "h" => Ok(Self::Help),
            "quit" | "exit" | "q" => Ok(Self::Quit),
            _ => parse_move(text, position).map(Self::Move),
        }
    }

    /// Whether a line is written as a move, whatever the position.
    pub(super) fn is_written_as_move(line: &str) -> bool {
        let text = line.trim();
        let mut san = text.replace('0', "O");
        if let Some(first) = san.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let is_san = [text, &san].iter().any(|text| text.parse::<San>().is_ok());
        is_san || text.to_ascii_lowercase().parse::<Uci>().is_ok()
    }

    /// Whether a line is a move, whatever the position: anything that is no other word.
    pub(super) fn is_move(line: &str) -> bool {
        matches!(
            Self::parse(line, &Position::default()),
            Ok(Self::Move(_)) | Err(_)
        )
    }
}

fn parse_move(text: &str, position: &Position) -> Result<Uci, String> {
    let lower = text.to_ascii_lowercase();
    if let Ok(uci) = lower.parse::<Uci>() {
        let legal = position.resolve(uci).map(Move::uci);
        return legal.ok_or_else(|| wrong::uci(uci, position));
    }
    // Zeros for castling, and pieces in lower case, are common; a pawn's move is taken as such first.
    let mut pieces = text.to_owned();
    if let Some(first) = pieces.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let candidates = [
        text.to_owned(),
        text.replace('0', "O").to_uppercase(),
        pieces,
    ];
    let sans: Vec<San> = candidates
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    match sans.iter().find_map(|&san| position.find(san)) {
        Some(legal) => Ok(legal.uci()),
        None if sans.is_empty() => Err(format!(
            "{text:?} is neither a move nor a command; try help"
        )),
        None if ambiguous(&sans, position) => Err(format!(
            "{text} could be more than one move: name the square it leaves, as in Nbd2"
        )),
        None => Err(wrong::sans(text, &sans, position)),
    }
}

fn ambiguous(sans: &[San], position: &Position) -> bool {
    let moves = position.legal_moves();
    let fitting = |san: &San| moves.iter().filter(|&&legal| san.fits(legal)).count();
    sans.iter().any(|san| fitting(san) > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str, fen: &str) -> Result<Input, String> {
        Input::parse(
            line,
            &Position::from_fen(game_core::Variant::Standard, fen).unwrap(),
        )
    }

    #[test]
    fn moves_are_read_in_either_notation() {
        let castles = "r3k2r/8/8/8/8/8/4P3/R3K2R w KQkq - 0 1";
        let knights = "4k3/8/8/8/8/5N2/8/1N2K3 w - - 0 1";
        let pawns = "4k3/P7/8/3p4/2P5/8/8/2B1K3 w - - 0 1";
        for (line, fen, expected) in [
            ("e4", castles, "e2e4"),
            ("E2E4", castles, "e2e4"),
            ("O-O", castles, "e1g1"),
            ("0-0-0", castles, "e1c1"),
            ("o-o", castles, "e1g1"),
            ("e1h1", castles, "e1g1"),
            (" Nbd2 ", knights, "b1d2"),
            ("nbd2", knights, "b1d2"),
            ("cxd5", pawns, "c4d5"),
            ("a8=Q", pawns, "a7a8q"),
            ("a7a8n", pawns, "a7a8n"),
            ("bd2", pawns, "c1d2"),
        ] {
            let uci = expected.parse().unwrap();
            assert_eq!(parse(line, fen), Ok(Input::Move(uci)), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let knights = "4k3/8/8/8/8/5N2/8/1N2K3 w - - 0 1";
        for (line, why) in [
            ("Nd2", "more than one"),
            ("e2e4", "there is no piece on e2"),
            ("e8e7", "the king on e8 is Black's"),
            ("f3f5", "the knight on f3 cannot go to f5"),
            ("Qd4", "no queen can go to d4"),
            ("bxa8", "no bishop can go to a8"),
            ("bxa8", "no pawn can take on a8"),
            ("O-O", "castling is not possible"),
            ("hello", "neither"),
            ("", "neither"),
            ("é4", "neither"),
        ] {
            let error = parse(line, knights).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }

    #[test]
    fn what_a_pawn_becomes_must_be_said() {
        let pawn = "r3k3/1P6/8/8/8/8/8/4K3 w - - 0 1";
        for (line, hint) in [("bxa8", "bxa8=Q"), ("b8", "b8=Q"), ("b7a8", "b7a8q")] {
            let error = parse(line, pawn).unwrap_err();
            assert!(error.contains("becomes") && error.contains(hint), "{error}");
        }
    }

    #[test]
    fn a_check_is_named_as_the_reason() {
        let check = "4k3/8/8/8/4r3/8/P7/4K3 w - - 0 1";
        for line in ["a2a4", "a4"] {
            let error = parse(line, check).unwrap_err();
            assert!(error.contains("White is in check"), "{error}");
        }
    }

    #[test]
    fn words_are_commands() {
        let start = Position::default();
        for (line, expected) in [
            ("resign", Input::Resign),
            (" DRAW ", Input::OfferDraw),
            ("accept", Input::AcceptDraw),
            ("decline", Input::DeclineDraw),
            ("abort", Input::Abort),
            ("flip", Input::Flip),
            ("?", Input::Help),
            ("q", Input::Quit),
        ] {
            assert_eq!(Input::parse(line, &start), Ok(expected));
            assert!(!Input::is_move(line));
        }
        assert!(Input::is_move("Qh8#"));
    }
}
