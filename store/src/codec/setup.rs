//! The stored terms of a match.

use game_core::{BySeat, MatchSetup, Player, StartPosition, UnixMillis};
use serde::{Deserialize, Serialize};

use super::leaves::{
    StoredClockStart, StoredControl, StoredId, StoredPlayer, id_from_stored, id_to_stored, parse,
};

/// A [`MatchSetup`], version 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SetupV1 {
    id: StoredId,
    players: PlayersV1,
    time_control: StoredControl,
    clock_start: StoredClockStart,
    start: StartV1,
    rated: bool,
    created_at_ms: u64,
}

/// The players of a match, version 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlayersV1 {
    white: StoredPlayer,
    black: StoredPlayer,
}

/// A [`StartPosition`], version 1: its FEN, or nothing for the initial position.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StartV1(Option<String>);

impl From<&MatchSetup> for SetupV1 {
    fn from(setup: &MatchSetup) -> Self {
        let MatchSetup {
            id,
            players,
            time_control,
            clock_start,
            start,
            rated,
            created_at,
        } = setup;
        Self {
            id: id_to_stored(id),
            players: players.into(),
            time_control: (*time_control).into(),
            clock_start: (*clock_start).into(),
            start: start.into(),
            rated: *rated,
            created_at_ms: created_at.0,
        }
    }
}

impl TryFrom<SetupV1> for MatchSetup {
    type Error = String;

    fn try_from(stored: SetupV1) -> Result<Self, String> {
        Ok(Self {
            id: id_from_stored(stored.id)?,
            players: stored.players.try_into()?,
            time_control: stored.time_control.try_into()?,
            clock_start: stored.clock_start.into(),
            start: stored.start.try_into()?,
            rated: stored.rated,
            created_at: UnixMillis(stored.created_at_ms),
        })
    }
}

impl From<&BySeat<Player>> for PlayersV1 {
    fn from(players: &BySeat<Player>) -> Self {
        let BySeat { white, black } = players;
        Self {
            white: white.into(),
            black: black.into(),
        }
    }
}

impl TryFrom<PlayersV1> for BySeat<Player> {
    type Error = String;

    fn try_from(stored: PlayersV1) -> Result<Self, String> {
        Ok(Self {
            white: stored.white.try_into()?,
            black: stored.black.try_into()?,
        })
    }
}

impl From<&StartPosition> for StartV1 {
    fn from(start: &StartPosition) -> Self {
        Self((!start.is_initial()).then(|| start.fen()))
    }
}

impl TryFrom<StartV1> for StartPosition {
    type Error = String;

    fn try_from(StartV1(fen): StartV1) -> Result<Self, String> {
        fen.map_or(Ok(Self::INITIAL), |fen| parse(&fen))
    }
}
