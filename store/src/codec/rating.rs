//! Stored ratings, and how matches changed them.

use game_core::{BySeat, Speed, UnixMillis};
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::{
    StoredId, StoredVariant, id_from_stored, id_to_stored, parse, refused, stored_enum,
};
use super::varint::Varint;
use crate::rating::{Category, RatedMatch, Rating, RatingChange, Strength};

stored_enum!(
    /// A [`Speed`].
    StoredSpeed of Speed { UltraBullet, Bullet, Blitz, Rapid, Classical }
);

/// A [`Strength`]: rating, deviation and volatility, as IEEE 754 of 64 bits.
#[derive(Debug, Serialize, Deserialize)]
struct StoredStrength([f64; 3]);

/// A [`Rating`], version 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RatingV1 {
    strength: StoredStrength,
    games: Varint,
    at_ms: u64,
    match_id: StoredId,
    opponent: String,
}

impl Layout for RatingV1 {
    const FORMAT: Format = Format::Rating;
    const VERSION: u8 = 1;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

/// A [`RatingChange`], version 1.
#[derive(Debug, Serialize, Deserialize)]
struct ChangeV1 {
    before: StoredStrength,
    after: StoredStrength,
    games: Varint,
}

/// A [`RatedMatch`], version 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RatedMatchV1 {
    match_id: StoredId,
    variant: StoredVariant,
    speed: StoredSpeed,
    at_ms: u64,
    players: [String; 2],
    changes: [ChangeV1; 2],
}

impl Layout for RatedMatchV1 {
    const FORMAT: Format = Format::RatedMatch;
    const VERSION: u8 = 1;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

impl From<Strength> for StoredStrength {
    fn from(strength: Strength) -> Self {
        let Strength {
            rating,
            deviation,
            volatility,
        } = strength;
        Self([rating, deviation, volatility])
    }
}

impl TryFrom<StoredStrength> for Strength {
    type Error = String;

    fn try_from(StoredStrength(stored): StoredStrength) -> Result<Self, String> {
        if !stored.iter().all(|number| number.is_finite()) {
            return Err("a strength that is no number".to_owned());
        }
        let [rating, deviation, volatility] = stored;
        Ok(Self {
            rating,
            deviation,
            volatility,
        })
    }
}

impl From<&Rating> for RatingV1 {
    fn from(rating: &Rating) -> Self {
        let Rating {
            strength,
            games,
            at,
            match_id,
            opponent,
        } = rating;
        Self {
            strength: (*strength).into(),
            games: Varint((*games).into()),
            at_ms: at.0,
            match_id: id_to_stored(match_id),
            opponent: opponent.to_string(),
        }
    }
}

impl TryFrom<RatingV1> for Rating {
    type Error = String;

    fn try_from(stored: RatingV1) -> Result<Self, String> {
        Ok(Self {
            strength: stored.strength.try_into()?,
            games: u32::try_from(stored.games.0).map_err(refused)?,
            at: UnixMillis(stored.at_ms),
            match_id: id_from_stored(stored.match_id)?,
            opponent: parse(&stored.opponent)?,
        })
    }
}

impl From<RatingChange> for ChangeV1 {
    fn from(change: RatingChange) -> Self {
        let RatingChange {
            before,
            after,
            games,
        } = change;
        Self {
            before: before.into(),
            after: after.into(),
            games: Varint(games.into()),
        }
    }
}

impl TryFrom<ChangeV1> for RatingChange {
    type Error = String;

    fn try_from(stored: ChangeV1) -> Result<Self, String> {
        Ok(Self {
            before: stored.before.try_into()?,
            after: stored.after.try_into()?,
            games: u32::try_from(stored.games.0).map_err(refused)?,
        })
    }
}

impl From<&RatedMatch> for RatedMatchV1 {
    fn from(rated: &RatedMatch) -> Self {
        let RatedMatch {
            match_id,
            category: Category { variant, speed },
            at,
            players,
            changes,
        } = rated;
        Self {
            match_id: id_to_stored(match_id),
            variant: (*variant).into(),
            speed: (*speed).into(),
            at_ms: at.0,
            players: [players.white.to_string(), players.black.to_string()],
            changes: [changes.white.into(), changes.black.into()],
        }
    }
}

impl TryFrom<RatedMatchV1> for RatedMatch {
    type Error = String;

    fn try_from(stored: RatedMatchV1) -> Result<Self, String> {
        let [white, black] = &stored.players;
        let [of_white, of_black] = stored.changes;
        Ok(Self {
            match_id: id_from_stored(stored.match_id)?,
            category: Category {
                variant: stored.variant.into(),
                speed: stored.speed.into(),
            },
            at: UnixMillis(stored.at_ms),
            players: BySeat {
                white: parse(white)?,
                black: parse(black)?,
            },
            changes: BySeat {
                white: of_white.try_into()?,
                black: of_black.try_into()?,
            },
        })
    }
}
