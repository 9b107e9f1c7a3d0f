//! The stored terms of a match.

use game_core::{
    BySeat, MatchSetup, MatchTags, Player, Rules, StartPosition, TimeControl, UnixMillis,
};
use serde::{Deserialize, Serialize};

use super::leaves::{
    StoredClockStart, StoredControl, StoredId, StoredPlayer, StoredVariant, id_from_stored,
    id_to_stored, refused,
};
use crate::ticket::Terms;

/// A [`MatchSetup`], version 2.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SetupV2 {
    id: StoredId,
    players: PlayersV2,
    terms: TermsV2,
    created_at_ms: u64,
}

/// The players of a match, version 2.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlayersV2 {
    white: StoredPlayer,
    black: StoredPlayer,
}

/// [`Terms`], version 2.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TermsV2 {
    start: StartV2,
    controls: ControlsV2,
    clock_start: StoredClockStart,
    start_at_ms: Option<u64>,
    rated: bool,
    spectator_delay_s: u8,
    chat: bool,
    /// As [`Rules::to_bits`] has them.
    rules: u16,
    tags: Option<TagsV2>,
}

/// A [`StartPosition`], version 2: its FEN, or nothing for the variant's initial position.
#[derive(Debug, Serialize, Deserialize)]
struct StartV2 {
    variant: StoredVariant,
    fen: Option<String>,
}

/// The controls of both sides, version 2.
#[derive(Debug, Serialize, Deserialize)]
enum ControlsV2 {
    Equal(StoredControl),
    Each(StoredControl, StoredControl),
}

/// [`MatchTags`], version 2.
#[derive(Debug, Serialize, Deserialize)]
struct TagsV2 {
    event: Option<String>,
    round: Option<String>,
    board: Option<String>,
    site: Option<String>,
}

impl From<&MatchSetup> for SetupV2 {
    fn from(setup: &MatchSetup) -> Self {
        Self {
            id: id_to_stored(setup.id),
            players: (&setup.players).into(),
            terms: (&Terms::of(setup)).into(),
            created_at_ms: setup.created_at.0,
        }
    }
}

impl TryFrom<SetupV2> for MatchSetup {
    type Error = String;

    fn try_from(stored: SetupV2) -> Result<Self, String> {
        let terms: Terms = stored.terms.try_into()?;
        Ok(terms.setup(
            id_from_stored(stored.id)?,
            stored.players.try_into()?,
            UnixMillis(stored.created_at_ms),
        ))
    }
}

impl From<&Terms> for TermsV2 {
    fn from(terms: &Terms) -> Self {
        let Terms {
            start,
            controls,
            clock_start,
            start_at,
            rated,
            spectator_delay_s,
            chat,
            rules,
            tags,
        } = terms;
        Self {
            start: start.into(),
            controls: (*controls).into(),
            clock_start: (*clock_start).into(),
            start_at_ms: start_at.map(|at| at.0),
            rated: *rated,
            spectator_delay_s: *spectator_delay_s,
            chat: *chat,
            rules: rules.to_bits(),
            tags: tags.as_deref().map(TagsV2::from),
        }
    }
}

impl TryFrom<TermsV2> for Terms {
    type Error = String;

    fn try_from(stored: TermsV2) -> Result<Self, String> {
        let rules = Rules::from_bits(stored.rules)
            .ok_or_else(|| format!("rules that are not known: {:#x}", stored.rules))?;
        Ok(Self {
            start: stored.start.try_into()?,
            controls: stored.controls.try_into()?,
            clock_start: stored.clock_start.into(),
            start_at: stored.start_at_ms.map(UnixMillis),
            rated: stored.rated,
            spectator_delay_s: stored.spectator_delay_s,
            chat: stored.chat,
            rules,
            tags: stored.tags.map(|tags| Box::new(tags.into())),
        })
    }
}

impl From<&BySeat<Player>> for PlayersV2 {
    fn from(players: &BySeat<Player>) -> Self {
        let BySeat { white, black } = players;
        Self {
            white: white.into(),
            black: black.into(),
        }
    }
}

impl TryFrom<PlayersV2> for BySeat<Player> {
    type Error = String;

    fn try_from(stored: PlayersV2) -> Result<Self, String> {
        Ok(Self {
            white: stored.white.try_into()?,
            black: stored.black.try_into()?,
        })
    }
}

impl From<&StartPosition> for StartV2 {
    fn from(start: &StartPosition) -> Self {
        Self {
            variant: start.variant().into(),
            fen: (!start.is_initial()).then(|| start.fen()),
        }
    }
}

impl TryFrom<StartV2> for StartPosition {
    type Error = String;

    fn try_from(stored: StartV2) -> Result<Self, String> {
        let variant = stored.variant.into();
        match stored.fen {
            None => Ok(Self::initial(variant)),
            Some(fen) => Self::parse(variant, &fen).map_err(refused),
        }
    }
}

impl From<BySeat<TimeControl>> for ControlsV2 {
    fn from(controls: BySeat<TimeControl>) -> Self {
        let BySeat { white, black } = controls;
        if white == black {
            Self::Equal(white.into())
        } else {
            Self::Each(white.into(), black.into())
        }
    }
}

impl TryFrom<ControlsV2> for BySeat<TimeControl> {
    type Error = String;

    fn try_from(stored: ControlsV2) -> Result<Self, String> {
        let (white, black) = match stored {
            ControlsV2::Equal(both) => {
                let both = both.try_into()?;
                (both, both)
            }
            ControlsV2::Each(white, black) => (white.try_into()?, black.try_into()?),
        };
        Ok(Self { white, black })
    }
}

impl From<&MatchTags> for TagsV2 {
    fn from(tags: &MatchTags) -> Self {
        let MatchTags {
            event,
            round,
            board,
            site,
        } = tags;
        let text = |tag: &Option<Box<str>>| tag.as_deref().map(str::to_owned);
        Self {
            event: text(event),
            round: text(round),
            board: text(board),
            site: text(site),
        }
    }
}

impl From<TagsV2> for MatchTags {
    fn from(stored: TagsV2) -> Self {
        let text = |tag: Option<String>| tag.map(String::into_boxed_str);
        Self {
            event: text(stored.event),
            round: text(stored.round),
            board: text(stored.board),
            site: text(stored.site),
        }
    }
}
