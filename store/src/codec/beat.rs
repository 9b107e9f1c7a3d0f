//! A beat as it is published.

use game_core::MatchTime;
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::{StoredId, id_from_stored, id_to_stored};
use super::varint::Varint;
use crate::beat::Beat;

/// A [`Beat`], version 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BeatV1 {
    shard: StoredId,
    count: Varint,
    /// Microseconds on the shard's clock.
    clock: Varint,
}

impl Layout for BeatV1 {
    const FORMAT: Format = Format::Beat;
    const VERSION: u8 = 1;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

impl From<&Beat> for BeatV1 {
    fn from(beat: &Beat) -> Self {
        let Beat {
            shard,
            count,
            clock,
        } = beat;
        Self {
            shard: id_to_stored(shard),
            count: Varint(*count),
            clock: Varint(clock.as_micros()),
        }
    }
}

impl TryFrom<BeatV1> for Beat {
    type Error = String;

    fn try_from(sent: BeatV1) -> Result<Self, String> {
        Ok(Self {
            shard: id_from_stored(sent.shard)?,
            count: sent.count.0,
            clock: MatchTime::from_micros(sent.clock.0),
        })
    }
}
