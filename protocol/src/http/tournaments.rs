//! Tournaments: what organisers send to the operators' endpoint, and what everybody reads.

use game_core::{MatchId, PlayerId, Termination, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::terms::Terms;

/// Who pairs the rounds of a tournament.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PairingSystem {
    /// The organiser, or a program of theirs: every round comes with its pairings.
    #[default]
    Free,
    /// The server: everybody plays everybody, by Berger's tables.
    RoundRobin,
    /// The server: the first players play everybody else.
    Gauntlet,
}

/// A tournament, as an organiser makes it. It has no rounds yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTournament {
    /// Its name, which each of its matches has as its event: 1 to 120 bytes.
    pub name: String,
    /// Who pairs its rounds.
    #[serde(default)]
    pub system: PairingSystem,
    /// Who plays. The first has the starting number 1.
    pub players: Vec<NewEntrant>,
    /// The terms of its matches. `event`, `round` and `board` of the tags are set by the server.
    #[schema(value_type = Terms)]
    pub terms: Terms,
    /// How many rounds are planned; where the server pairs, as many as it takes.
    #[serde(default)]
    #[schema(nullable = false, minimum = 1, maximum = 400)]
    pub rounds: Option<u16>,
    /// How often those who meet play each other, with the other colours each time.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 20)]
    pub cycles: u16,
    /// In a gauntlet, how many players run it: the first ones.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 100)]
    pub heads: u16,
}

const fn one() -> u16 {
    1
}

/// A player of a new tournament.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEntrant {
    /// The name of an account, or the id of a player.
    pub player: String,
    /// The name of a player without an account.
    #[serde(default)]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// The rating for records and pairing programs; by default the present one for the terms, if there is one.
    #[serde(default)]
    #[schema(nullable = false)]
    pub rating: Option<u16>,
}

/// A round that begins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRound {
    /// Who plays whom; absent where the server pairs.
    #[serde(default)]
    #[schema(nullable = false)]
    pub pairings: Option<Vec<NewPairing>>,
    /// Who does not play, and has points all the same. Whoever is named nowhere has none.
    #[serde(default)]
    pub byes: Vec<ByeView>,
    /// The terms of this round, if not those of the tournament.
    #[serde(default)]
    #[schema(value_type = Option<Terms>)]
    pub terms: Option<Terms>,
    /// When play begins, in milliseconds since 1970, within the next 24 hours; absent: at once.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    pub start_at: Option<UnixMillis>,
}

/// A match of a new round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPairing {
    /// The starting number of White.
    pub white: u16,
    /// That of Black; 0, as pairing programs write it, if the other one is given a bye.
    pub black: u16,
    /// The name of the board; by default its place in the list.
    #[serde(default)]
    #[schema(nullable = false)]
    pub board: Option<String>,
}

/// A player who does not play in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ByeView {
    /// The starting number.
    pub player: u16,
    /// What it counts.
    pub kind: Bye,
}

/// What a round without a match counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bye {
    /// A point, as no opponent was left.
    Allocated,
    /// A point, for another reason.
    Full,
    /// Half a point.
    Half,
    /// Nothing.
    Zero,
}

/// The result of a match in a tournament.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum BoardResult {
    /// White won.
    #[serde(rename = "1-0")]
    WhiteWins,
    /// Black won.
    #[serde(rename = "0-1")]
    BlackWins,
    /// A draw.
    #[serde(rename = "1/2-1/2")]
    Draw,
    /// White won without play.
    #[serde(rename = "+/-")]
    WhiteByForfeit,
    /// Black won without play.
    #[serde(rename = "-/+")]
    BlackByForfeit,
    /// Neither has anything, without play.
    #[serde(rename = "-/-")]
    BothForfeit,
}

/// An organiser's ruling on the result of a match, whatever happened on the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRuling {
    /// Which match.
    #[schema(value_type = String, pattern = "^[0-9A-Za-z]{12}$")]
    pub match_id: MatchId,
    /// What counts; absent: what was played.
    #[serde(default)]
    pub result: Option<BoardResult>,
}

/// A list of tournaments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TournamentList {
    /// The last changed first.
    pub tournaments: Vec<TournamentRow>,
}

/// A tournament in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TournamentRow {
    /// Its id.
    pub id: String,
    /// When its last round, ruling or name was set, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub changed_at: UnixMillis,
}

/// A tournament.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TournamentReply {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who pairs its rounds.
    pub system: PairingSystem,
    /// How many rounds are planned; 0 if nobody has said.
    pub rounds_planned: u16,
    /// The terms of its matches.
    #[schema(value_type = Terms)]
    pub terms: Terms,
    /// Who plays, by starting number.
    pub players: Vec<EntrantView>,
    /// The rounds that have begun.
    pub rounds: Vec<RoundView>,
    /// The table as of now.
    pub standings: Vec<StandingView>,
    /// Whether all planned rounds have begun, and all their matches have results.
    pub is_over: bool,
}

/// A player of a tournament.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntrantView {
    /// The starting number.
    pub number: u16,
    /// The id of the player.
    #[schema(value_type = String)]
    pub id: PlayerId,
    /// The name of the player.
    pub name: String,
    /// The rating before the tournament.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rating: Option<u16>,
    /// Whether a program plays.
    pub is_bot: bool,
}

/// A round that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoundView {
    /// Its number, from 1.
    pub round: u16,
    /// When it was made, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub made_at: UnixMillis,
    /// When play begins, if not as soon as it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, nullable = false)]
    pub start_at: Option<UnixMillis>,
    /// Whether all its matches can be joined. It becomes true by itself, whatever process ends meanwhile.
    pub is_created: bool,
    /// Its matches, by board.
    pub pairings: Vec<PairingView>,
    /// Who does not play, and has points all the same.
    pub byes: Vec<ByeView>,
}

/// A match of a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PairingView {
    /// The name of the board.
    pub board: String,
    /// The starting number of White.
    pub white: u16,
    /// That of Black.
    pub black: u16,
    /// The match.
    #[schema(value_type = String)]
    pub match_id: MatchId,
    /// The result that counts; absent as long as there is none. A match that was aborted has none until the organiser
    /// rules, unless a side did not come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub result: Option<BoardResult>,
    /// Why the match ended, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub termination: Option<Termination>,
    /// Whether the result is the organiser's ruling.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_ruled: bool,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StandingView {
    /// The place, from 1. Players who are equal in all that counts are in the order of their starting numbers.
    pub rank: u16,
    /// The starting number.
    pub number: u16,
    /// The name of the player.
    pub name: String,
    /// Points.
    pub points: f64,
    /// Matches that were played, without forfeits.
    pub games: u16,
    /// Matches that were won, forfeits included.
    pub wins: u16,
    /// The points of all opponents, without the lowest.
    pub buchholz_cut1: f64,
    /// The points of all opponents.
    pub buchholz: f64,
    /// The points of opponents that were beaten, and half of those of opponents that were drawn with.
    pub sonneborn_berger: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organiser_writes_little() {
        let text = r#"{"name":"Open","players":[{"player":"ann"}],"terms":{"control":{"initial_ms":60000,"increment_ms":0}}}"#;
        let tournament: NewTournament = serde_json::from_str(text).unwrap();
        assert_eq!(tournament.system, PairingSystem::Free);
        assert_eq!((tournament.cycles, tournament.heads), (1, 1));
        let round: NewRound =
            serde_json::from_str(r#"{"pairings":[{"white":1,"black":0}]}"#).unwrap();
        assert_eq!(round.pairings.unwrap()[0].board, None);
        assert!(serde_json::from_str::<NewRound>(r#"{"pairing":[]}"#).is_err());
    }

    #[test]
    fn results_are_written_as_people_write_them() {
        for (result, text) in [
            (BoardResult::WhiteWins, r#""1-0""#),
            (BoardResult::BlackWins, r#""0-1""#),
            (BoardResult::Draw, r#""1/2-1/2""#),
            (BoardResult::WhiteByForfeit, r#""+/-""#),
            (BoardResult::BlackByForfeit, r#""-/+""#),
            (BoardResult::BothForfeit, r#""-/-""#),
        ] {
            assert_eq!(serde_json::to_string(&result).unwrap(), text);
            assert_eq!(serde_json::from_str::<BoardResult>(text).unwrap(), result);
        }
    }
}
