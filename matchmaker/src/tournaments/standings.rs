//! The table of a tournament: what each player has of each round, points, and what separates equal points.
//!
//! Points are counted in halves. For tie-breaks only matches that were played count, each opponent with the points that
//! the table shows; FIDE's rules on unplayed rounds (C.07, article 16) are not applied.

use std::cmp::Reverse;
use std::collections::HashMap;

use game_core::{MatchId, Seat};
use protocol::http::{BoardResult, Bye, PairingSystem, StandingView};

use super::document::{Document, Ended};

/// What a player has of a round, as a tournament report writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Card {
    /// The starting number of the opponent; 0 for none.
    pub(super) opponent: u16,
    pub(super) seat: Option<Seat>,
    pub(super) token: Token,
}

/// The result of a round for a player, with its character in a tournament report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Win,
    Draw,
    Loss,
    ForfeitWin,
    ForfeitLoss,
    AllocatedBye,
    FullBye,
    HalfBye,
    ZeroBye,
    /// The match has no result yet.
    Open,
}

impl Token {
    /// As TRF16 writes it.
    pub(super) const fn as_trf(self) -> char {
        match self {
            Self::Win => '1',
            Self::Draw => '=',
            Self::Loss => '0',
            Self::ForfeitWin => '+',
            Self::ForfeitLoss => '-',
            Self::AllocatedBye => 'U',
            Self::FullBye => 'F',
            Self::HalfBye => 'H',
            Self::ZeroBye => 'Z',
            Self::Open => ' ',
        }
    }

    /// Points, in halves.
    pub(super) const fn halves(self) -> u32 {
        match self {
            Self::Win | Self::ForfeitWin | Self::AllocatedBye | Self::FullBye => 2,
            Self::Draw | Self::HalfBye => 1,
            Self::Loss | Self::ForfeitLoss | Self::ZeroBye | Self::Open => 0,
        }
    }

    const fn is_played(self) -> bool {
        matches!(self, Self::Win | Self::Draw | Self::Loss)
    }

    const fn of(result: Option<BoardResult>, seat: Seat) -> Self {
        match (result, seat) {
            (None, _) => Self::Open,
            (Some(BoardResult::Draw), _) => Self::Draw,
            (Some(BoardResult::BothForfeit), _) => Self::ForfeitLoss,
            (Some(BoardResult::WhiteWins), Seat::White)
            | (Some(BoardResult::BlackWins), Seat::Black) => Self::Win,
            (Some(BoardResult::WhiteWins | BoardResult::BlackWins), _) => Self::Loss,
            (Some(BoardResult::WhiteByForfeit), Seat::White)
            | (Some(BoardResult::BlackByForfeit), Seat::Black) => Self::ForfeitWin,
            (Some(BoardResult::WhiteByForfeit | BoardResult::BlackByForfeit), _) => {
                Self::ForfeitLoss
            }
        }
    }
}

impl From<Bye> for Token {
    fn from(bye: Bye) -> Self {
        match bye {
            Bye::Allocated => Self::AllocatedBye,
            Bye::Full => Self::FullBye,
            Bye::Half => Self::HalfBye,
            Bye::Zero => Self::ZeroBye,
        }
    }
}

/// How matches have ended.
pub(super) type Results = HashMap<MatchId, Ended>;

/// The result of a match that counts.
pub(super) fn counted(
    ruling: Option<BoardResult>,
    id: MatchId,
    results: &Results,
) -> Option<BoardResult> {
    ruling.or_else(|| results.get(&id).and_then(|ended| ended.counts()))
}

/// The cards of all players, by starting number: one for each round that has begun.
pub(super) fn cards(document: &Document, results: &Results) -> Vec<Vec<Card>> {
    let absent = Card {
        opponent: 0,
        seat: None,
        token: Token::ZeroBye,
    };
    let mut cards = vec![vec![absent; document.rounds.len()]; document.players.len()];
    let mut set = |player: u16, round: usize, card: Card| {
        let place = usize::from(player).checked_sub(1);
        if let Some(own) = place.and_then(|place| cards.get_mut(place)) {
            own[round] = card;
        }
    };
    for (number, round) in document.rounds.iter().enumerate() {
        for bye in &round.byes {
            let token = bye.kind.into();
            set(bye.player, number, Card { token, ..absent });
        }
        for pairing in &round.pairings {
            let result = counted(pairing.ruling, pairing.match_id, results);
            let sides = [
                (Seat::White, pairing.white, pairing.black),
                (Seat::Black, pairing.black, pairing.white),
            ];
            for (seat, player, opponent) in sides {
                let card = Card {
                    opponent,
                    seat: Some(seat),
                    token: Token::of(result, seat),
                };
                set(player, number, card);
            }
        }
    }
    cards
}

/// Points of a player, in halves.
pub(super) fn halves(cards: &[Card]) -> u32 {
    cards.iter().map(|card| card.token.halves()).sum()
}

/// One row before it has a place. All figures but counts are in halves, the last in quarters.
struct Row {
    number: u16,
    points: u32,
    games: u16,
    wins: u16,
    buchholz_cut1: u32,
    buchholz: u32,
    sonneborn_berger: u32,
}

/// The table. Equal points are separated in a Swiss system by Buchholz without the lowest, Buchholz and Sonneborn-Berger,
/// where the server pairs by Sonneborn-Berger, and then by wins and starting number.
pub(super) fn standings(document: &Document, results: &Results) -> Vec<StandingView> {
    let cards = cards(document, results);
    let points: Vec<u32> = cards.iter().map(|cards| halves(cards)).collect();
    let mut rows: Vec<Row> = (1..)
        .zip(&cards)
        .map(|(number, cards)| row(number, cards, &points))
        .collect();
    let is_swiss = document.system == PairingSystem::Free;
    rows.sort_by_key(|row| {
        let opponents = if is_swiss {
            (row.buchholz_cut1, row.buchholz)
        } else {
            (0, 0)
        };
        Reverse((
            row.points,
            opponents,
            row.sonneborn_berger,
            row.wins,
            Reverse(row.number),
        ))
    });
    let half = |halves: u32| f64::from(halves) / 2.0;
    let view = |(rank, row): (u16, Row)| StandingView {
        rank,
        number: row.number,
        name: document
            .entrant(row.number)
            .map(|entrant| entrant.name.clone())
            .unwrap_or_default(),
        points: half(row.points),
        games: row.games,
        wins: row.wins,
        buchholz_cut1: half(row.buchholz_cut1),
        buchholz: half(row.buchholz),
        sonneborn_berger: f64::from(row.sonneborn_berger) / 4.0,
    };
    (1..).zip(rows).map(view).collect()
}

fn row(number: u16, cards: &[Card], points: &[u32]) -> Row {
    let of_opponent = |card: &Card| {
        let place = usize::from(card.opponent).checked_sub(1);
        place
            .and_then(|place| points.get(place))
            .copied()
            .unwrap_or(0)
    };
    let played: Vec<&Card> = cards.iter().filter(|card| card.token.is_played()).collect();
    let opponents: Vec<u32> = played.iter().map(|card| of_opponent(card)).collect();
    let buchholz = opponents.iter().sum();
    let won = |card: &&Card| matches!(card.token, Token::Win | Token::ForfeitWin);
    let count = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    Row {
        number,
        points: halves(cards),
        games: count(played.len()),
        wins: count(cards.iter().filter(won).count()),
        buchholz,
        buchholz_cut1: buchholz - opponents.iter().min().copied().unwrap_or(0),
        sonneborn_berger: played
            .iter()
            .map(|card| of_opponent(card) * card.token.halves())
            .sum(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use game_core::{Outcome, Termination, UnixMillis};
    use protocol::http::{ByeView, Terms};

    use super::super::document::{Entrant, Pairing, Round};
    use super::*;

    /// A tournament of these players, of which each round has matches with results.
    pub(in super::super) fn tournament(
        system: PairingSystem,
        names: &[&str],
        rounds: &[&[(u16, u16, Option<BoardResult>)]],
    ) -> (Document, Results) {
        let terms = Terms::usual("60+1".parse().unwrap());
        let players = (1..).zip(names).map(|(number, name): (u16, _)| Entrant {
            id: format!("player{number}").parse().unwrap(),
            name: (*name).to_owned(),
            rating: Some(1_900),
            is_bot: false,
        });
        let planned = u16::try_from(rounds.len()).unwrap();
        let mut document = Document::new(
            "Open".to_owned(),
            (system, 1, 1, planned),
            terms.clone(),
            players.collect(),
            String::new(),
        );
        let mut results = Results::new();
        for (number, matches) in (1_u128..).zip(rounds) {
            let mut round = Round {
                made_at: UnixMillis(1_800_000_000_000),
                terms: terms.clone(),
                pairings: Vec::new(),
                byes: Vec::new(),
                is_pending: false,
                request: String::new(),
            };
            for (board, &(white, black, result)) in (1_u128..).zip(*matches) {
                if black == 0 {
                    round.byes.push(ByeView {
                        player: white,
                        kind: Bye::Allocated,
                    });
                    continue;
                }
                let match_id = MatchId::from_random(number * 1_000 + board);
                let outcome = match result {
                    Some(BoardResult::WhiteWins) => Some(Outcome::WhiteWins),
                    Some(BoardResult::BlackWins) => Some(Outcome::BlackWins),
                    Some(BoardResult::Draw) => Some(Outcome::Draw),
                    _ => None,
                };
                if let Some(outcome) = outcome {
                    let ended = Ended {
                        outcome,
                        termination: Termination::Resignation,
                        public_at: UnixMillis(0),
                    };
                    results.insert(match_id, ended);
                }
                round.pairings.push(Pairing {
                    board: board.to_string(),
                    white,
                    black,
                    match_id,
                    ruling: result.filter(|_| outcome.is_none()),
                });
            }
            document.rounds.push(round);
        }
        (document, results)
    }

    pub(in super::super) const WON: Option<BoardResult> = Some(BoardResult::WhiteWins);
    pub(in super::super) const LOST: Option<BoardResult> = Some(BoardResult::BlackWins);
    pub(in super::super) const DRAWN: Option<BoardResult> = Some(BoardResult::Draw);

    #[test]
    fn points_and_tie_breaks_are_as_counted_by_hand() {
        let (document, results) = tournament(
            PairingSystem::Free,
            &["Ann", "Bob", "Cid", "Dan", "Eve"],
            &[
                &[(1, 3, WON), (4, 2, DRAWN), (5, 0, None)],
                &[(5, 1, LOST), (2, 3, WON), (4, 0, None)],
                &[
                    (1, 4, DRAWN),
                    (3, 5, Some(BoardResult::WhiteByForfeit)),
                    (2, 0, None),
                ],
            ],
        );
        let found = standings(&document, &results);
        let row = |row: &StandingView| {
            let name = row.name.clone();
            let counts = (row.rank, row.games, row.wins);
            let breaks = (row.buchholz_cut1, row.buchholz, row.sonneborn_berger);
            (name, counts, row.points, breaks)
        };
        let rows: Vec<_> = found.iter().map(row).collect();
        // Ann: beat Cid (1) and Eve (1), drew with Dan (2). Bob: drew with Dan (2), beat Cid (1). Dan: drew with Bob
        // (2½) and Ann (2½).
        let expected = [
            ("Ann", (1, 3, 2), 2.5, (3.0, 4.0, 3.0)),
            ("Bob", (2, 2, 1), 2.5, (2.0, 3.0, 2.0)),
            ("Dan", (3, 2, 0), 2.0, (2.5, 5.0, 2.5)),
            ("Cid", (4, 2, 1), 1.0, (2.5, 5.0, 0.0)),
            ("Eve", (5, 1, 0), 1.0, (0.0, 2.5, 0.0)),
        ];
        let expected = expected
            .map(|(name, counts, points, breaks)| (name.to_owned(), counts, points, breaks));
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_ruling_counts_whatever_was_played() {
        let (mut document, results) = tournament(
            PairingSystem::RoundRobin,
            &["Ann", "Bob"],
            &[&[(1, 2, WON)]],
        );
        document.rounds[0].pairings[0].ruling = Some(BoardResult::BothForfeit);
        let found = standings(&document, &results);
        assert!(found.iter().all(|row| row.points == 0.0 && row.games == 0));
    }

    #[test]
    fn open_matches_count_nothing_and_equal_players_stand_by_number() {
        let (document, results) = tournament(
            PairingSystem::RoundRobin,
            &["Ann", "Bob", "Cid", "Dan"],
            &[&[(1, 4, None), (2, 3, None)]],
        );
        let found = standings(&document, &results);
        let numbers: Vec<_> = found.iter().map(|row| (row.rank, row.number)).collect();
        assert_eq!(numbers, [(1, 1), (2, 2), (3, 3), (4, 4)]);
        assert!(found.iter().all(|row| row.points == 0.0));
    }
}
