//! What a player types.

use game_core::{GIVE_TIME_MAX, GIVE_TIME_MIN, Move, Position, Role, San, Uci, WithMove};

use super::wrong;

/// What a line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    Move(Uci),
    /// A move, and what is said with it.
    MoveWith(Uci, WithMove),
    Resign,
    OfferDraw,
    Takeback,
    Rematch,
    /// Answers what the opponent offers: the one that is named, or the only one.
    Accept(Option<Offer>),
    Decline(Option<Offer>),
    /// Claims what can be claimed.
    Claim,
    ClaimWin,
    ClaimDraw,
    /// Adds seconds to the opponent's clock.
    Give(u8),
    /// A line of chat.
    Say(String),
    Abort,
    Flip,
    /// Drops the move that waits for its turn.
    Cancel,
    Help,
    Quit,
}

/// What can be offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    Draw,
    Takeback,
    Rematch,
}

impl Offer {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Draw => "draw",
            Self::Takeback => "takeback",
            Self::Rematch => "rematch",
        }
    }

    fn named(word: &str) -> Result<Self, String> {
        let all = [Self::Draw, Self::Takeback, Self::Rematch];
        let named = all.into_iter().find(|offer| offer.name() == word);
        named.ok_or_else(|| format!("{word:?} cannot be answered: draw, takeback or rematch can"))
    }
}

/// What is given to the opponent where no number is said, in seconds.
const GIFT: u8 = 15;

/// All that can be typed, in a few lines.
pub(super) const HELP: &[&str] = &[
    "A move: e4, Nf3, O-O, exd8=Q (SAN) or e2e4, e1g1, e7e8q (UCI); drops: N@f3.",
    "e4 draw offers a draw with the move, e4 claim claims one.",
    "A move out of turn waits, and is played at once on your turn; cancel drops it.",
    "draw, takeback, rematch (offer it); accept, decline (answer the opponent's).",
    "claim: a draw by repetition or fifty moves, or the match of one who is gone",
    "(claim win, claim draw). give 15: seconds for the opponent's clock.",
    "say TEXT or /TEXT (chat), resign, abort (before both have moved),",
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
        if let Some(said) = chat(text) {
            return Ok(Self::Say(said.to_owned()));
        }
        let lower = text.to_ascii_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        Ok(match words[..] {
            ["resign"] => Self::Resign,
            ["draw" | "offer"] | ["offer", "draw"] => Self::OfferDraw,
            ["takeback" | "undo"] | ["offer", "takeback"] => Self::Takeback,
            ["rematch"] | ["offer", "rematch"] => Self::Rematch,
            ["accept"] => Self::Accept(None),
            ["accept", what] => Self::Accept(Some(Offer::named(what)?)),
            ["decline"] => Self::Decline(None),
            ["decline", what] => Self::Decline(Some(Offer::named(what)?)),
            ["claim"] => Self::Claim,
            ["claim", "win"] => Self::ClaimWin,
            ["claim", "draw"] => Self::ClaimDraw,
            ["give"] => Self::Give(GIFT),
            ["give", seconds] => Self::Give(gift(seconds)?),
            ["abort"] => Self::Abort,
            ["flip"] => Self::Flip,
            ["cancel"] => Self::Cancel,
            ["help" | "?" | "h"] => Self::Help,
            ["quit" | "exit" | "q"] => Self::Quit,
            _ => {
                let (text, with) = split_with(text);
                match (parse_move(text, position)?, with) {
                    (uci, WithMove::Nothing) => Self::Move(uci),
                    (uci, with) => Self::MoveWith(uci, with),
                }
            }
        })
    }

    /// Whether a line is written as a move, whatever the position.
    pub(super) fn is_written_as_move(line: &str) -> bool {
        let (text, _) = split_with(line.trim());
        let text = plain(text);
        as_uci(&text).is_some() || !as_sans(&text).is_empty()
    }

    /// Whether a line is a move, whatever the position: anything that is no other word.
    pub(super) fn is_move(line: &str) -> bool {
        // A wrong answer or gift is no move either.
        let word = line.split_whitespace().next().unwrap_or_default();
        let is_word = ["accept", "decline", "claim", "give", "offer"]
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known));
        let parsed = Self::parse(line, &Position::default());
        !is_word && matches!(parsed, Ok(Self::Move(_) | Self::MoveWith(..)) | Err(_))
    }

    /// The moves that a line may mean which does not say what its pawn becomes; none if it means no such move.
    pub(super) fn promotions(line: &str, position: &Position) -> (Vec<Move>, WithMove) {
        let (text, with) = split_with(line.trim());
        let text = plain(text);
        let legal = position.legal_moves();
        let promotes = |made: &&Move| made.promotion().is_some();
        let meant = match as_uci(&text) {
            Some(uci) if uci.role().is_none() => {
                let ways = (uci.origin(), uci.target());
                let mut moves = legal.iter().filter(promotes);
                moves.find(|made| (made.origin(), made.target()) == ways)
            }
            Some(_) => None,
            None => {
                let sans = as_sans(&text).into_iter();
                let mut open = sans.filter(|san| !san.is_promotion());
                open.find_map(|san| {
                    let with_queen = san.with_queen();
                    let mut moves = legal.iter().filter(promotes);
                    let found = moves.find(|made| with_queen.fits(**made));
                    // Of two pawns it must be said which.
                    found.filter(|_| moves.all(|made| !with_queen.fits(*made)))
                })
            }
        };
        let ways = meant.map(|made| (made.origin(), made.target()));
        let is_meant = |made: &&Move| Some((made.origin(), made.target())) == ways;
        let choices = legal.iter().filter(promotes).filter(is_meant).copied();
        (choices.collect(), with)
    }
}

/// The text of a line of chat.
fn chat(line: &str) -> Option<&str> {
    if let Some(said) = line.strip_prefix('/') {
        return Some(said.trim());
    }
    let (word, said) = line.split_once(char::is_whitespace)?;
    word.eq_ignore_ascii_case("say").then(|| said.trim())
}

fn gift(text: &str) -> Result<u8, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse();
    seconds
        .ok()
        .filter(|seconds| (GIVE_TIME_MIN..=GIVE_TIME_MAX).contains(seconds))
        .ok_or_else(|| format!("{GIVE_TIME_MIN} to {GIVE_TIME_MAX} seconds can be given"))
}

/// A move, and what is said with it.
fn split_with(text: &str) -> (&str, WithMove) {
    for (word, with) in [
        ("draw", WithMove::DrawOffer),
        // PGN's sign of a draw offer.
        ("(=)", WithMove::DrawOffer),
        ("claim", WithMove::DrawClaim),
    ] {
        let at = text.len().saturating_sub(word.len());
        if let (Some(made), Some(said)) = (text.get(..at), text.get(at..))
            && said.eq_ignore_ascii_case(word)
            && !made.trim().is_empty()
        {
            return (made.trim(), with);
        }
    }
    (text, WithMove::Nothing)
}

/// A move without what people write around it: praise and blame, signs of check, `e.p.`.
fn plain(text: &str) -> String {
    let mut text = text.trim();
    loop {
        let ends = ["e.p.", "ep", "!", "?", "+", "#"];
        let cut = ends.iter().find_map(|end| text.strip_suffix(end));
        match cut {
            Some(cut) => text = cut.trim_end(),
            None => return text.to_owned(),
        }
    }
}

/// A move by its squares, also as long algebraic notation has it: `e2-e4`, `Ng1xf3`, `e7e8=Q`, `e7-e8(Q)`.
fn as_uci(text: &str) -> Option<Uci> {
    let squares: String = text
        .chars()
        .filter(|c| !matches!(c, '-' | 'x' | 'X' | ':' | '=' | '/' | '(' | ')' | ' '))
        .collect();
    let lower = squares.to_ascii_lowercase();
    let parsed = lower.parse().ok();
    parsed.or_else(|| {
        let piece = squares.get(..1)?;
        "KQRBNkqrbn".contains(piece).then_some(())?;
        lower.get(1..)?.parse().ok()
    })
}

/// What a text may mean in algebraic notation. Zeros for castling, and pieces in lower case, are common; a pawn's
/// move is taken as such first.
fn as_sans(text: &str) -> Vec<San> {
    let mut pieces = text.to_owned();
    if let Some(first) = pieces.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let is_castling = !text.is_empty() && text.chars().all(|c| matches!(c, 'O' | 'o' | '0' | '-'));
    let castling = match text.chars().filter(|c| *c != '-').count() {
        2 if is_castling => Some("O-O".to_owned()),
        3 if is_castling => Some("O-O-O".to_owned()),
        _ => None,
    };
    let candidates = [
        Some(text.to_owned()),
        promotion(text),
        castling,
        Some(pieces),
    ];
    let mut sans: Vec<San> = Vec::new();
    for san in candidates.into_iter().flatten() {
        if let Ok(san) = san.parse()
            && !sans.contains(&san)
        {
            sans.push(san);
        }
    }
    sans
}

/// A pawn's move with what it becomes as people write it, `e8Q`, `e8=q`, `e8(Q)` or `bxa8/n`, as the standard does.
fn promotion(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !matches!(c, '(' | ')')).collect();
    let role = text.chars().next_back()?;
    Role::from_letter(role)?;
    let made = text.get(..text.len() - 1)?.trim_end_matches(['=', '/']);
    let is_pawn = made.starts_with(|c: char| ('a'..='h').contains(&c));
    let is_promoted = made.len() >= 2 && made.ends_with(['1', '8']);
    (is_pawn && is_promoted).then(|| format!("{made}={}", role.to_ascii_uppercase()))
}

fn parse_move(text: &str, position: &Position) -> Result<Uci, String> {
    let text = &plain(text);
    if let Some(uci) = as_uci(text) {
        let legal = position.resolve(uci).map(Move::uci);
        return legal.ok_or_else(|| wrong::uci(uci, position));
    }
    let sans = as_sans(text);
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
            ("accept", Input::Accept(None)),
            ("decline", Input::Decline(None)),
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

    /// Pieces without `=`, praise, signs of check, the long forms: as people write moves.
    #[test]
    fn moves_are_read_as_people_write_them() {
        let pawn = "3r4/4P3/8/8/8/8/8/4K2k w - - 0 1";
        let passant = "4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 1";
        let start = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
        let castles = "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1";
        for (line, fen, expected) in [
            ("e8Q", pawn, "e7e8q"),
            ("e8q", pawn, "e7e8q"),
            ("e8=n", pawn, "e7e8n"),
            ("e8(R)", pawn, "e7e8r"),
            ("exd8/B", pawn, "e7d8b"),
            ("exd8Q+!?", pawn, "e7d8q"),
            ("e7-e8=Q", pawn, "e7e8q"),
            ("e7xd8(N)", pawn, "e7d8n"),
            ("e4!", start, "e2e4"),
            ("e4??", start, "e2e4"),
            ("e2-e4", start, "e2e4"),
            ("e2 e4", start, "e2e4"),
            ("Ng1-f3", start, "g1f3"),
            ("ng1f3!", start, "g1f3"),
            ("exd6 e.p.", passant, "e5d6"),
            ("exd6ep", passant, "e5d6"),
            ("e5xd6 e.p.!", passant, "e5d6"),
            ("0-0", castles, "e1g1"),
            ("oo", castles, "e1g1"),
            ("O-O-O+", castles, "e1c1"),
        ] {
            let uci = expected.parse().unwrap();
            assert_eq!(parse(line, fen), Ok(Input::Move(uci)), "{line}");
            assert!(Input::is_written_as_move(line), "{line}");
        }
    }

    #[test]
    fn a_move_may_bring_an_offer_or_a_claim() {
        let uci = "e2e4".parse().unwrap();
        for (line, with) in [
            ("e4 draw", WithMove::DrawOffer),
            ("e4! (=)", WithMove::DrawOffer),
            ("e2e4 Draw", WithMove::DrawOffer),
            ("e4 claim", WithMove::DrawClaim),
        ] {
            let parsed = Input::parse(line, &Position::default());
            assert_eq!(parsed, Ok(Input::MoveWith(uci, with)), "{line}");
            assert!(
                Input::is_move(line) && Input::is_written_as_move(line),
                "{line}"
            );
        }
    }

    #[test]
    fn a_pawn_s_choices_are_found_in_either_notation() {
        let pawn = "r3k3/1P6/8/8/8/8/8/4K3 w - - 0 1";
        let position = Position::from_fen(game_core::Variant::Standard, pawn).unwrap();
        for (line, count) in [
            ("b8", 4),
            ("b7b8", 4),
            ("bxa8 draw", 4),
            ("b7xa8", 4),
            ("b8=Q", 0),
            ("b7b8q", 0),
            ("Kd2", 0),
            ("nonsense", 0),
        ] {
            let (choices, _) = Input::promotions(line, &position);
            assert_eq!(choices.len(), count, "{line}");
        }
        let antichess =
            Position::from_fen(game_core::Variant::Antichess, "8/1P6/8/8/8/8/8/7k w - -");
        let (choices, _) = Input::promotions("b8", &antichess.unwrap());
        assert_eq!(choices.len(), 5, "also a king");
        let two = Position::from_fen(
            game_core::Variant::Standard,
            "1r2k3/P1P5/8/8/8/8/8/4K3 w - - 0 1",
        );
        let (choices, _) = Input::promotions("xb8", &two.unwrap());
        assert!(choices.is_empty());
    }

    #[test]
    fn other_variants_have_drops_and_castling_of_their_own() {
        use game_core::Variant;
        let read = |variant, fen, line| {
            let position = Position::from_fen(variant, fen).unwrap();
            Input::parse(line, &position)
        };
        let holds = "4k3/8/8/8/8/8/8/4K3[Np] w - - 0 1";
        for line in ["N@f3", "n@f3", "N@f3!"] {
            let uci = "N@f3".parse().unwrap();
            assert_eq!(
                read(Variant::Crazyhouse, holds, line),
                Ok(Input::Move(uci)),
                "{line}"
            );
        }
        for (line, why) in [("Q@f3", "no queen in the pocket"), ("N@e1", "taken")] {
            let error = read(Variant::Crazyhouse, holds, line).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
        let error = Input::parse("N@f3", &Position::default()).unwrap_err();
        assert!(error.contains("only in Crazyhouse"), "{error}");
        let chess960 = "4k3/8/8/8/8/8/8/1K4R1 w K - 0 1";
        for line in ["O-O", "b1g1", "0-0"] {
            let uci = "b1g1".parse().unwrap();
            assert_eq!(
                read(Variant::Chess960, chess960, line),
                Ok(Input::Move(uci)),
                "{line}"
            );
        }
        let capture = "8/8/8/3p4/4P3/8/8/7K w - - 0 1";
        let error = read(Variant::Antichess, capture, "Kg1").unwrap_err();
        assert!(error.contains("must capture"), "{error}");
    }

    #[test]
    fn offers_claims_gifts_and_chat_are_commands() {
        for (line, expected) in [
            ("takeback", Input::Takeback),
            ("rematch", Input::Rematch),
            ("accept takeback", Input::Accept(Some(Offer::Takeback))),
            ("Decline draw", Input::Decline(Some(Offer::Draw))),
            ("claim", Input::Claim),
            ("claim win", Input::ClaimWin),
            ("claim draw", Input::ClaimDraw),
            ("give", Input::Give(15)),
            ("give 30s", Input::Give(30)),
            ("cancel", Input::Cancel),
            ("say Hello, e4!", Input::Say("Hello, e4!".into())),
            ("/gg", Input::Say("gg".into())),
        ] {
            assert_eq!(
                Input::parse(line, &Position::default()),
                Ok(expected),
                "{line}"
            );
            assert!(!Input::is_move(line), "{line}");
        }
        for (line, why) in [
            ("give 4", "5 to 60"),
            ("give me", "5 to 60"),
            ("accept all", "takeback"),
        ] {
            let error = Input::parse(line, &Position::default()).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
            assert!(!Input::is_move(line), "{line}");
        }
    }
}
