//! Texts of chess: games, positions, engines.

use game_core::{Position, TimeControl, Uci, Variant};
use lab::engine::Said;
use lab::replay::{read_book, read_games};

/// Games are read or said not to be playable, whatever the file is.
pub(crate) fn pgn(data: &[u8]) {
    let control = TimeControl::from_millis(60_000, 0).expect("a minute is in bounds");
    if let Ok(games) = read_games(data, control) {
        for game in games.into_iter().flatten() {
            let mut position = match &game.start_fen {
                Some(fen) => {
                    Position::from_fen(game.variant, fen).expect("a game begins in a position")
                }
                None => Position::initial(game.variant),
            };
            for uci in &game.moves {
                assert!(
                    position.play_uci(*uci).is_some(),
                    "{uci} in {}",
                    position.fen()
                );
            }
            assert_eq!(position.fen(), game.final_fen);
        }
    }
    let _ = read_book(data, Some(8));
}

/// A position that is read is written and read as the same one, and all its legal moves can be played and named.
pub(crate) fn fen(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for variant in Variant::ALL {
        let Ok(position) = Position::from_fen(variant, text) else {
            continue;
        };
        let fen = position.fen();
        let again = Position::from_fen(variant, &fen).expect("what was written is read");
        assert_eq!(again.fen(), fen);
        let _ = (
            position.is_over(),
            position.is_dead(),
            position.repetition_key(),
        );
        let _ =
            [game_core::Seat::White, game_core::Seat::Black].map(|seat| position.can_mate(seat));
        for legal in position.legal_moves() {
            let uci = legal.uci();
            let spelt: Uci = uci.to_string().parse().expect("what was written is read");
            assert_eq!(
                position.resolve(spelt).map(|found| found.uci()),
                Some(uci),
                "{fen} {uci}"
            );
            let mut next = position.clone();
            let _ = next.play_in_san(legal);
            let _ = next.fen();
        }
    }
}

/// What a program says of itself and of its search is taken in, whatever it is.
pub(crate) fn engine(data: &[u8]) {
    let mut said = Said::default();
    for line in String::from_utf8_lossy(data).lines() {
        said.note(line);
    }
    for variant in Variant::ALL {
        let _ = said.plays(variant);
    }
    if let Some(score) = said.report().score {
        let _ = (score.centipawns(), score.to_string());
    }
}
