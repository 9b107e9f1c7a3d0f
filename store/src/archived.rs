//! A finished match as an archive keeps it, and how matches are looked for there.

use std::fmt;
use std::str::FromStr;

use game_core::{
    ClockState, Match, MatchId, MatchSetup, MatchTime, Outcome, PlayerId, RestoreError, Seat,
    Snapshot, Termination, UnixMillis, Variant,
};

use crate::error::StoreError;

/// Upper bound on the matches of one page of [`Archive::list`](crate::Archive::list).
pub const ARCHIVE_PAGE_MAX: usize = 100;

/// A match from its beginning to the event that ended it.
///
/// What came after the end (the offers of a rematch) is left out, so that all who archive a match archive the same,
/// whenever they read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedMatch {
    /// The state at the end, without what only its owner needed.
    snapshot: Snapshot,
    /// See [`ArchivedMatch::ended_at`].
    ended_at: UnixMillis,
}

impl ArchivedMatch {
    /// The match as it ended, at `ended_at` by the calendar; `None` if it has not ended.
    #[must_use]
    pub fn of(game: &Match, ended_at: UnixMillis) -> Option<Self> {
        Self::from_snapshot(game.snapshot(), ended_at)
    }

    /// The same from a snapshot.
    pub(crate) fn from_snapshot(snapshot: Snapshot, ended_at: UnixMillis) -> Option<Self> {
        snapshot.end?;
        let clocks = ClockState {
            remaining: snapshot.clocks.remaining,
            ..ClockState::default()
        };
        let snapshot = Snapshot {
            aftermath: Vec::new(),
            rematch: None,
            clocks,
            at: MatchTime::default(),
            ..snapshot
        };
        Some(Self { snapshot, ended_at })
    }

    /// The id of the match.
    #[must_use]
    pub const fn id(&self) -> MatchId {
        self.snapshot.setup.id
    }

    /// The terms of the match.
    #[must_use]
    pub const fn setup(&self) -> &MatchSetup {
        &self.snapshot.setup
    }

    /// When it ended, by the calendar of whoever archived it first.
    #[must_use]
    pub const fn ended_at(&self) -> UnixMillis {
        self.ended_at
    }

    /// The seq of the event that ended it.
    #[must_use]
    pub fn end_seq(&self) -> u32 {
        self.snapshot.seq()
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> (Outcome, Termination) {
        let never = (Outcome::Aborted, Termination::Aborted);
        self.snapshot.outcome().unwrap_or(never)
    }

    /// The match, to be shown.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] if no match can have come to this.
    pub fn restore(&self) -> Result<Match, RestoreError> {
        Match::restore(self.snapshot.clone(), &[])
    }

    /// Its state at the end.
    pub(crate) const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Whether both are of one match and say the same of it; when it ended may differ, as those who archive it again
    /// know it by clocks of their own.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.snapshot == other.snapshot
    }

    /// Checks that another match of the same id is the same.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] names the match: two different ones have one id, or one of them was changed.
    pub fn check_same(&self, other: &Self) -> Result<(), StoreError> {
        if self.is_same(other) {
            return Ok(());
        }
        Err(StoreError::Corrupt(format!(
            "match {} is archived already, and not as it ended now",
            self.id()
        )))
    }

    /// The players, White first; one who plays against itself is named once.
    pub(crate) fn players(&self) -> impl Iterator<Item = &PlayerId> {
        let players = &self.setup().players;
        let black = (players.black.id != players.white.id).then_some(&players.black.id);
        std::iter::once(&players[Seat::White].id).chain(black)
    }

    /// The event that it was part of, as its tags name it.
    pub(crate) fn event(&self) -> Option<&str> {
        self.setup().tags.as_deref()?.event.as_deref()
    }

    /// The lists of the archive that it is in.
    #[cfg_attr(not(feature = "backends"), allow(dead_code))]
    pub(crate) fn lists(&self) -> Vec<String> {
        let players = self.players().map(list_of_player);
        let event = self.event().map(list_of_event);
        let all = std::iter::once(ALL.to_owned());
        all.chain(players).chain(event).collect()
    }

    /// Its place in the order of the archive.
    #[must_use]
    pub const fn cursor(&self) -> ArchiveCursor {
        ArchiveCursor {
            ended_at: self.ended_at,
            id: self.id(),
        }
    }
}

/// The list of all matches.
#[cfg_attr(not(feature = "backends"), allow(dead_code))]
const ALL: &str = "all";

#[cfg_attr(not(feature = "backends"), allow(dead_code))]
fn list_of_player(player: &PlayerId) -> String {
    format!("player:{player}")
}

#[cfg_attr(not(feature = "backends"), allow(dead_code))]
fn list_of_event(event: &str) -> String {
    format!("event:{event}")
}

/// Which matches of an archive are wanted: those to which all that is given applies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveFilter {
    /// Played by this player.
    pub player: Option<PlayerId>,
    /// Of the event of this name.
    pub event: Option<Box<str>>,
    /// Of this variant.
    pub variant: Option<Variant>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// That ended at this time or later.
    pub since: Option<UnixMillis>,
    /// That ended before this time.
    pub until: Option<UnixMillis>,
}

impl ArchiveFilter {
    /// Whether a match is wanted.
    #[must_use]
    pub fn accepts(&self, found: &ArchivedMatch) -> bool {
        let by_player = |player| found.players().any(|theirs| theirs == player);
        self.player.as_ref().is_none_or(by_player)
            && self
                .event
                .as_deref()
                .is_none_or(|event| found.event() == Some(event))
            && self
                .variant
                .is_none_or(|variant| found.setup().variant() == variant)
            && self
                .outcome
                .is_none_or(|outcome| found.outcome().0 == outcome)
            && self.since.is_none_or(|since| found.ended_at >= since)
            && self.until.is_none_or(|until| found.ended_at < until)
    }

    /// The shortest list of the archive that has everything wanted.
    #[cfg_attr(not(feature = "backends"), allow(dead_code))]
    pub(crate) fn list(&self) -> String {
        let player = self.player.as_ref().map(list_of_player);
        let event = || self.event.as_deref().map(list_of_event);
        player.or_else(event).unwrap_or_else(|| ALL.to_owned())
    }

    /// The place before which everything wanted stands: that of the reader, or the time up to which it is wanted.
    pub(crate) fn before(&self, after: Option<ArchiveCursor>) -> Option<ArchiveCursor> {
        let until = self.until.map(ArchiveCursor::at);
        match (after, until) {
            (Some(after), Some(until)) => Some(after.min(until)),
            (after, until) => after.or(until),
        }
    }

    /// The first of the places at which something wanted may stand.
    pub(crate) fn from(&self) -> ArchiveCursor {
        ArchiveCursor::at(self.since.unwrap_or_default())
    }
}

/// A place in an archive, between two matches: pages go from the match that ended last to the one that ended first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveCursor {
    ended_at: UnixMillis,
    id: MatchId,
}

/// Text that is no place in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is what an earlier page named as the next one")]
pub struct InvalidArchiveCursor;

impl ArchiveCursor {
    /// Characters of the number in [`order`](Self::order): those of the largest.
    const DIGITS: usize = 20;

    /// The place before all matches that ended at this time.
    fn at(ended_at: UnixMillis) -> Self {
        let id = MatchId::from_random(0);
        Self { ended_at, id }
    }

    /// When the match at this place ended, and its id.
    #[cfg_attr(not(feature = "backends"), allow(dead_code))]
    pub(crate) const fn parts(self) -> (UnixMillis, MatchId) {
        (self.ended_at, self.id)
    }

    /// A text of which those of later places are greater.
    #[cfg_attr(not(feature = "backends"), allow(dead_code))]
    pub(crate) fn order(self) -> String {
        let Self { ended_at, id } = self;
        format!("{:0width$}{id}", ended_at.0, width = Self::DIGITS)
    }

    /// The place of such a text.
    #[cfg_attr(not(feature = "backends"), allow(dead_code))]
    pub(crate) fn from_order(text: &str) -> Option<Self> {
        let (ended_at, id) = text.split_at_checked(Self::DIGITS)?;
        Some(Self {
            ended_at: UnixMillis(ended_at.parse().ok()?),
            id: id.parse().ok()?,
        })
    }
}

impl fmt::Display for ArchiveCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ended_at.0, self.id)
    }
}

impl FromStr for ArchiveCursor {
    type Err = InvalidArchiveCursor;

    fn from_str(text: &str) -> Result<Self, InvalidArchiveCursor> {
        let (ended_at, id) = text.split_once('-').ok_or(InvalidArchiveCursor)?;
        Ok(Self {
            ended_at: UnixMillis(ended_at.parse().map_err(|_| InvalidArchiveCursor)?),
            id: id.parse().map_err(|_| InvalidArchiveCursor)?,
        })
    }
}

/// Some of the matches that were looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchivePage {
    /// The matches, the last that ended first.
    pub matches: Vec<ArchivedMatch>,
    /// Where to go on; `None` at the end of the archive. A page may be short, or empty, and not be the last.
    pub next: Option<ArchiveCursor>,
}

/// A page while it is collected from a list of the archive.
#[cfg_attr(not(feature = "backends"), allow(dead_code))]
pub(crate) struct Pager<'a> {
    filter: &'a ArchiveFilter,
    limit: usize,
    examined: usize,
    last: Option<ArchiveCursor>,
    matches: Vec<ArchivedMatch>,
}

#[cfg_attr(not(feature = "backends"), allow(dead_code))]
impl<'a> Pager<'a> {
    /// Upper bound on the matches that are examined for one page: some tens of milliseconds.
    const EXAMINED_MAX: usize = 2_000;

    pub(crate) fn new(filter: &'a ArchiveFilter, limit: usize) -> Self {
        Self {
            filter,
            limit: limit.clamp(1, ARCHIVE_PAGE_MAX),
            examined: 0,
            last: None,
            matches: Vec::new(),
        }
    }

    /// How many more places of the list to examine at once; 0 when the page is complete.
    pub(crate) fn wants(&self) -> usize {
        let rest = Self::EXAMINED_MAX.saturating_sub(self.examined);
        rest.min(self.limit - self.matches.len())
    }

    /// Examines the next place, with the match that was found there.
    pub(crate) fn examine(&mut self, place: ArchiveCursor, found: Option<ArchivedMatch>) {
        self.examined += 1;
        self.last = Some(place);
        self.matches
            .extend(found.filter(|found| self.filter.accepts(found)));
    }

    /// The page; `has_more` if the list goes on.
    pub(crate) fn finish(self, has_more: bool) -> ArchivePage {
        ArchivePage {
            matches: self.matches,
            next: self.last.filter(|_| has_more),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_orders_as_its_text() {
        let places = [
            (0, 0),
            (0, 1),
            (1, 0),
            (999, 61),
            (1_800_000_000_000, 5),
            (u64::MAX, 3),
        ];
        let places = places.map(|(at, id)| ArchiveCursor {
            ended_at: UnixMillis(at),
            id: MatchId::with_tag("00AA00000000".parse::<MatchId>().unwrap().tag(), id),
        });
        for place in places {
            assert_eq!(place.to_string().parse(), Ok(place));
            assert_eq!(ArchiveCursor::from_order(&place.order()), Some(place));
        }
        for two in places.windows(2) {
            assert_eq!(two[0] < two[1], two[0].order() < two[1].order(), "{two:?}");
        }
        for odd in [
            "",
            "1",
            "1-",
            "-1",
            "x-000000000000",
            "1-00000000000",
            "1-00000000000ü",
        ] {
            assert_eq!(
                odd.parse::<ArchiveCursor>(),
                Err(InvalidArchiveCursor),
                "{odd}"
            );
            assert_eq!(ArchiveCursor::from_order(odd), None);
        }
    }
}
