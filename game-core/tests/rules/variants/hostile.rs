//! Whatever is sent as a position.

use game_core::{Position, Seat, Variant};
use proptest::prelude::*;

/// Boards of any pieces anywhere, but for the kings and for some that are nearly legal.
fn board() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        60 => Just("1".to_owned()),
        8 => "[PpNnBbRrQq]",
        1 => "[QqNn]~",
    ];
    let squares = prop::collection::vec(piece, 64);
    let kings = (
        prop::option::weighted(0.8, 0..64_usize),
        prop::option::weighted(0.9, 0..64_usize),
    );
    (squares, kings).prop_map(|(mut squares, kings)| {
        for (king, at) in [("K", kings.0), ("k", kings.1)] {
            if let Some(at) = at {
                squares[at] = king.into();
            }
        }
        let row = |row: &[String]| {
            let mut row = row.concat();
            for count in (2..=8).rev() {
                row = row.replace(&"1".repeat(count), &count.to_string());
            }
            row
        };
        squares.chunks(8).map(row).collect::<Vec<_>>().join("/")
    })
}

/// Boards that are legal in nearly every variant, for what stands behind them in the FEN.
fn quiet_board() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "4k3/8/8/8/8/8/8/R3K2R".to_owned(),
        "r3k2r/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR".into(),
        "1r2kr2/8/8/3pP3/8/8/8/RR2K1RR".into(),
        "8/8/8/8/8/8/krbnNBRK/qrbnNBRQ".into(),
        "rnbqkbnr/pppppppp/8/1PP2PP1/PPPPPPPP/PPPPPPPP/PPPPPPPP/PPPPPPPP".into(),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 6_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// It is read whole or refused, and what is read can be asked anything and played on.
    #[test]
    fn any_fen_is_refused_or_played_from_in_every_variant(
        number in 0..9_u8,
        board in prop_oneof![board(), quiet_board()],
        pocket in prop_oneof![3 => Just(String::new()), 1 => r"\[[PpNnBbRrQqKk]{0,3}\]"],
        turn in "[wb]",
        castling in prop_oneof![8 => Just("-".to_owned()), 2 => "[KQkq]{1,4}", 1 => "[A-Ha-h]{1,4}"],
        passing in prop_oneof![8 => Just("-".to_owned()), 1 => "[a-h][36]"],
        counters in prop_oneof![8 => Just("0 1".to_owned()), 1 => "[0-3]\\+[0-3] 3 4", 1 => Just("149 90".to_owned()), 1 => "0 1 \\+[0-3]\\+[0-3]"],
        picks in prop::collection::vec(any::<usize>(), 4),
    ) {
        let variant = Variant::from_number(number).unwrap();
        let fen = format!("{board}{pocket} {turn} {castling} {passing} {counters}");
        let Ok(mut position) = Position::from_fen(variant, &fen) else {
            return Ok(());
        };
        for pick in picks {
            let again = Position::from_fen(variant, &position.fen());
            prop_assert_eq!(again.as_ref(), Ok(&position), "{}", position.fen());
            prop_assert_eq!(again.unwrap().repetition_key(), position.repetition_key());
            let is_over = position.variant_end().is_some()
                || position.is_checkmate()
                || position.is_stalemate()
                || position.is_dead();
            let moves = position.legal_moves();
            // A side of antichess without pieces, whose turn it is not, can come up in a FEN alone.
            let is_odd = variant == Variant::Antichess && !is_over;
            prop_assert!(position.is_over() == is_over || is_odd, "{}", position.fen());
            let _ = [Seat::White, Seat::Black].map(|seat| position.can_mate(seat));
            if position.is_over() {
                break;
            }
            prop_assert!(!moves.is_empty());
            let made = moves[pick % moves.len()];
            let before = position.clone();
            prop_assert_eq!(position.play_uci(made.uci()), Some(made));
            let san = before.clone().play_in_san(made);
            prop_assert_eq!(before.find(san.parse().unwrap()), Some(made), "{} {}", fen, san);
        }
    }

    /// No text at all makes it fail.
    #[test]
    fn any_text_is_refused_or_read_in_every_variant(number in 0..9_u8, text in "[ -~]{0,40}|\\PC{0,20}") {
        let variant = Variant::from_number(number).unwrap();
        if let Ok(position) = Position::from_fen(variant, &text) {
            let _ = position.is_over();
        }
    }
}
