//! Whether a rematch is what both agreed on: one match, with the same terms and colours exchanged.

use game_core::{BySeat, MatchId};
use protocol::http::MatchReply;

use super::{Account, Breach, Promise};

fn breach(expected: &str, got: String) -> Breach {
    Breach {
        promise: Promise::Rematch,
        expected: expected.to_owned(),
        got,
    }
}

/// The rematch of a match, on which all who know of one must agree.
///
/// # Errors
///
/// [`Breach`] when they do not.
pub(in crate::soak) fn agreed_rematch(
    accounts: &[Account],
    stored: &MatchReply,
) -> Result<Option<MatchId>, Breach> {
    let told: Vec<MatchId> = accounts
        .iter()
        .filter_map(|account| account.rematch)
        .collect();
    match told.iter().find(|&&id| Some(id) != stored.rematch) {
        Some(id) => Err(breach(
            "all know the same rematch",
            format!("one was told of {id}, in the store is {:?}", stored.rematch),
        )),
        None => Ok(stored.rematch),
    }
}

/// Whether one match is the rematch of another: everything is as it was, but for the colours.
///
/// # Errors
///
/// [`Breach`]: the first difference.
pub(in crate::soak) fn check_rematch(former: &MatchReply, now: &MatchReply) -> Result<(), Breach> {
    let ids = |reply: &MatchReply| BySeat::new_with(|seat| reply.players[seat].id.clone());
    let BySeat { white, black } = ids(former);
    let swapped = BySeat {
        white: black,
        black: white,
    };
    if ids(now) != swapped {
        let got = format!("{:?} after {:?}", ids(now), ids(former));
        return Err(breach("the players with colours exchanged", got));
    }
    let mut terms = former.terms.clone();
    let BySeat { white, black } = terms.controls;
    // Each player keeps the control that it had.
    terms.controls = BySeat {
        white: black,
        black: white,
    };
    terms.start_at = None;
    if now.terms == terms {
        Ok(())
    } else {
        let got = format!("{:?} after {:?}", now.terms, former.terms);
        Err(breach("the same terms", got))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use game_core::Variant;
    use protocol::http::Terms;
    use protocol::{Role, SeatView};

    use super::*;

    fn reply(white: &str, black: &str, [first, second]: [&str; 2]) -> MatchReply {
        let player = |id: &str| SeatView {
            id: id.parse().unwrap(),
            name: id.to_owned(),
            rating: None,
            is_bot: true,
        };
        MatchReply {
            match_id: MatchId::from_random(1),
            players: BySeat {
                white: player(white),
                black: player(black),
            },
            terms: Terms {
                controls: BySeat {
                    white: first.parse().unwrap(),
                    black: second.parse().unwrap(),
                },
                ..Terms::usual(first.parse().unwrap())
            },
            withheld: false,
            seq: 0,
            position_seq: 0,
            fen: String::new(),
            start_fullmove: 1,
            moves: Vec::new(),
            clock: None,
            draw_offer: None,
            takeback_offer: None,
            rematch_offer: None,
            rematch: None,
            outcome: None,
            termination: None,
            rating_changes: None,
        }
    }

    #[test]
    fn a_rematch_exchanges_colours_and_keeps_everything_else() {
        let former = reply("ann", "bob", ["60+1", "90+0"]);
        let is_right = |now: &MatchReply| match check_rematch(&former, now) {
            Ok(()) => true,
            Err(breach) => {
                assert_eq!(breach.promise, Promise::Rematch);
                false
            }
        };
        assert!(is_right(&reply("bob", "ann", ["90+0", "60+1"])));
        assert!(!is_right(&reply("ann", "bob", ["60+1", "90+0"])), "colours");
        assert!(
            !is_right(&reply("bob", "ann", ["60+1", "90+0"])),
            "controls"
        );
        let mut other = reply("bob", "ann", ["90+0", "60+1"]);
        other.terms.variant = Variant::Horde;
        assert!(!is_right(&other), "another variant");
    }

    #[test]
    fn all_who_know_of_a_rematch_know_the_same_one() {
        let account = |id: Option<u128>| Account {
            role: Role::White,
            seq: 0,
            moves: Vec::new(),
            result: None,
            acked: Vec::new(),
            plies: HashMap::new(),
            said: Vec::new(),
            wants_rematch: true,
            rematch: id.map(MatchId::from_random),
        };
        let mut stored = reply("ann", "bob", ["60+0", "60+0"]);
        let both = [account(Some(7)), account(None)];
        assert!(agreed_rematch(&both, &stored).is_err(), "it is not stored");
        stored.rematch = Some(MatchId::from_random(7));
        assert_eq!(agreed_rematch(&both, &stored), Ok(stored.rematch));
        let apart = [account(Some(7)), account(Some(8))];
        assert!(agreed_rematch(&apart, &stored).is_err());
    }
}
