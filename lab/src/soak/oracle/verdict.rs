//! The end of a match: what its players and spectators were told, beside what the records have.

use game_core::{CommandKind, Outcome, Position, Rule, Termination, Uci};
use protocol::Role;
use protocol::http::MatchReply;

use super::{Account, Breach, Promise};
use crate::replay::movetext;

/// What the store has of a match, as the matchmaker shows it.
#[derive(Debug, Clone)]
pub(in crate::soak) struct Records {
    /// The match as JSON says it.
    pub(in crate::soak) stored: MatchReply,
    /// The match as PGN.
    pub(in crate::soak) pgn: String,
}

/// Holds what clients were told against the records of a finished match.
///
/// # Errors
///
/// [`Breach`]: the first difference, and whose it is.
pub(in crate::soak) fn verdict(
    accounts: &[Account],
    records: &Records,
) -> Result<(), (Option<Role>, Breach)> {
    let stored = &records.stored;
    for account in accounts {
        let told = |breach| (Some(account.role), breach);
        acknowledgements(account, stored).map_err(told)?;
        same_moves(account, stored).map_err(told)?;
        same_result(account, stored).map_err(told)?;
    }
    pgn(stored, &records.pgn).map_err(|breach| (None, breach))
}

/// Every acknowledgement is a promise to keep for good.
fn acknowledgements(account: &Account, stored: &MatchReply) -> Result<(), Breach> {
    let terms = &stored.terms;
    let may_take_back = !terms.rated && !terms.rules.has(Rule::NoTakeback);
    for acked in &account.acked {
        let lost = |got: String| Breach {
            promise: Promise::AckKept,
            expected: format!("{:?}, acknowledged as event {}", acked.kind, acked.event),
            got,
        };
        if acked.event > stored.seq {
            return Err(lost(format!("{} events in the store", stored.seq)));
        }
        // A move that may have been taken back need not stand; the log tells.
        let Some(&ply) = account.plies.get(&acked.id).filter(|_| !may_take_back) else {
            continue;
        };
        if let CommandKind::Move { uci, .. } = acked.kind {
            match stored.moves.get(usize::from(ply)) {
                Some(&has) if has == uci => {}
                Some(has) => return Err(lost(format!("{has} in the store at ply {ply}"))),
                None => {
                    let plies = stored.moves.len();
                    return Err(lost(format!("{plies} moves in the store")));
                }
            }
        }
    }
    Ok(())
}

fn same_moves(account: &Account, stored: &MatchReply) -> Result<(), Breach> {
    // After the end come only events of a rematch, which who has left does not hear.
    let may_be_more = account.wants_rematch && account.result.is_some();
    let as_many = account.seq == stored.seq || (may_be_more && account.seq < stored.seq);
    if account.moves == stored.moves && as_many {
        return Ok(());
    }
    let of = |seq: u32, moves: &[Uci]| {
        let text: Vec<String> = moves.iter().map(ToString::to_string).collect();
        format!("{seq} events, {} moves: {}", moves.len(), text.join(" "))
    };
    Err(Breach {
        promise: Promise::SameMoves,
        expected: format!(
            "as {} saw it: {}",
            account.role,
            of(account.seq, &account.moves)
        ),
        got: format!("in the store: {}", of(stored.seq, &stored.moves)),
    })
}

fn same_result(account: &Account, stored: &MatchReply) -> Result<(), Breach> {
    let has = stored.outcome.zip(stored.termination);
    if account.result == has {
        return Ok(());
    }
    let of = |result: Option<(Outcome, Termination)>| {
        result.map_or_else(
            || "no result".to_owned(),
            |(outcome, termination)| format!("{outcome} by {termination}"),
        )
    };
    Err(Breach {
        promise: Promise::SameResult,
        expected: format!("{}, as {} saw it", of(account.result), account.role),
        got: format!("{} in the store", of(has)),
    })
}

fn pgn(stored: &MatchReply, pgn: &str) -> Result<(), Breach> {
    let differs = |expected: String, got: String| Breach {
        promise: Promise::Pgn,
        expected,
        got,
    };
    let sans = match stored.terms.start_position(0) {
        Ok(start) => sans(start.position(), &stored.moves),
        Err(why) => return Err(differs("a start position".to_owned(), why.to_string())),
    };
    let result = stored.outcome.map_or("*", Outcome::as_pgn);
    match movetext(pgn) {
        Err(why) => Err(differs("a PGN that can be read".to_owned(), why)),
        Ok((has, _)) if has != sans => Err(differs(sans.join(" "), has.join(" "))),
        Ok((_, has)) if has != result => Err(differs(result.to_owned(), has)),
        Ok(_) => Ok(()),
    }
}

/// Moves from the start in standard algebraic notation, as far as they are legal.
fn sans(mut position: Position, moves: &[Uci]) -> Vec<String> {
    let san = |uci: &Uci| {
        let legal = position.resolve(*uci)?;
        Some(position.play_in_san(legal))
    };
    moves.iter().map_while(san).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use game_core::{BySeat, CommandId, Epoch, PlayerId, Rules};
    use protocol::SeatView;
    use protocol::http::{Start, Terms};

    use super::*;
    use client::seat::Acked;

    fn moves() -> Vec<Uci> {
        ["e2e4", "e7e5"].map(|uci| uci.parse().unwrap()).to_vec()
    }

    fn records() -> Records {
        let player = |name: &str| SeatView {
            id: serde_json::from_value::<PlayerId>(name.into()).unwrap(),
            name: name.to_owned(),
            rating: None,
            is_bot: true,
        };
        let stored = MatchReply {
            match_id: "0123456789Ab".parse().unwrap(),
            players: BySeat {
                white: player("white"),
                black: player("black"),
            },
            terms: Terms {
                start: Start::Fen(Position::default().fen()),
                rules: Rules::USUAL.with(Rule::NoTakeback),
                ..Terms::usual("60+1".parse().unwrap())
            },
            withheld: false,
            seq: 3,
            position_seq: 2,
            fen: String::new(),
            start_fullmove: 1,
            moves: moves(),
            clock: None,
            draw_offer: None,
            takeback_offer: None,
            rematch_offer: None,
            rematch: None,
            outcome: Some(Outcome::BlackWins),
            termination: Some(Termination::Resignation),
            rating_changes: None,
        };
        Records {
            stored,
            pgn: "[Result \"0-1\"]\n\n1. e4 e5 0-1\n".to_owned(),
        }
    }

    fn white() -> Account {
        let kind = CommandKind::plain_move(0, moves()[0]);
        let acked = |id, event, kind| Acked {
            id: CommandId(id),
            event,
            kind,
            epoch: Epoch(1),
        };
        Account {
            role: Role::White,
            seq: 3,
            moves: moves(),
            result: Some((Outcome::BlackWins, Termination::Resignation)),
            acked: vec![acked(1, 1, kind), acked(2, 3, CommandKind::Resign)],
            plies: HashMap::from([(CommandId(1), 0)]),
            said: Vec::new(),
            wants_rematch: false,
            rematch: None,
        }
    }

    /// The promise that `change` breaks.
    fn broken(change: impl FnOnce(&mut Account, &mut Records)) -> Option<Promise> {
        let (mut account, mut records) = (white(), records());
        change(&mut account, &mut records);
        let said = verdict(&[account], &records);
        said.err().map(|(_, breach)| breach.promise)
    }

    #[test]
    fn what_agrees_breaks_no_promise() {
        assert_eq!(broken(|_, _| {}), None);
    }

    #[test]
    fn each_difference_breaks_its_promise() {
        let lost = broken(|_, records| {
            records.stored.moves.pop();
            records.stored.seq = 1;
        });
        assert_eq!(lost, Some(Promise::AckKept), "the resignation is gone");
        let other = broken(|_, records| records.stored.moves[0] = "d2d4".parse().unwrap());
        assert_eq!(other, Some(Promise::AckKept), "another move stands there");
        let other = broken(|_, records| records.stored.moves[1] = "e7e6".parse().unwrap());
        assert_eq!(other, Some(Promise::SameMoves));
        let more = broken(|account, _| account.seq = 4);
        assert_eq!(more, Some(Promise::SameMoves));
        let more = broken(|_, records| records.stored.seq = 4);
        assert_eq!(more, Some(Promise::SameMoves));
        let rematch = broken(|account, records| {
            (account.wants_rematch, records.stored.seq) = (true, 4);
        });
        assert_eq!(rematch, None, "the offer of a rematch comes after the end");
        let result = broken(|account, _| account.result = None);
        assert_eq!(result, Some(Promise::SameResult));
        let result = broken(|_, records| records.stored.outcome = Some(Outcome::WhiteWins));
        assert_eq!(result, Some(Promise::SameResult));
        for pgn in [
            "[Result \"0-1\"]\n\n1. e4 0-1\n",
            "[Result \"1-0\"]\n\n1. e4 e5 1-0\n",
            "",
        ] {
            let said = broken(|_, records| records.pgn = pgn.to_owned());
            assert_eq!(said, Some(Promise::Pgn), "{pgn}");
        }
    }

    /// The exports of every variant are read, drops and castling included.
    #[test]
    fn the_export_of_every_variant_is_read() {
        use game_core::testing::SetupBuilder;
        use game_core::{Command, CommandKind, Match, MatchTime, Variant};

        for variant in Variant::ALL {
            let mut game = Match::new(SetupBuilder::new().variant(variant).at_once().build());
            let mut events = Vec::new();
            for number in 0..60_u32 {
                let legal = game.legal_moves();
                // Drops come last.
                let Some(&uci) = legal.get(legal.len().saturating_sub(1 + number as usize % 7))
                else {
                    break;
                };
                let command = Command {
                    id: CommandId(number.into()),
                    kind: CommandKind::plain_move(game.position_seq(), uci),
                };
                let seat = game.turn();
                if game
                    .apply(seat, &command, MatchTime::default(), &mut events)
                    .is_err()
                {
                    break;
                }
            }
            let mut stored = records().stored;
            stored.terms = Terms::of(game.setup());
            stored.moves = game.moves().map(|(uci, _)| uci).collect();
            (stored.outcome, stored.termination) = game.outcome().unzip();
            assert!(stored.moves.len() > 4, "{variant:?}");
            assert_eq!(pgn(&stored, &game.pgn("?")), Ok(()), "{variant:?}");
        }
    }
}
