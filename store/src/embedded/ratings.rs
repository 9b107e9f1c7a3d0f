//! Ratings in the file.

use async_trait::async_trait;
use game_core::{BySeat, MatchId, PlayerId, Seat};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::entries;
use super::fault::WriteFault;
use super::tables::{ABOVE_IDS, RATED, RATED_AT, RATED_BY_TIME, RATED_LAST, RATINGS};
use crate::codec;
use crate::contract::{RatingApplied, Ratings};
use crate::error::StoreError;
use crate::rating::{Category, RATING_HISTORY_MAX, RATING_PAGE_MAX, RatedMatch, Rating};

#[async_trait]
impl Ratings for EmbeddedStore {
    async fn rating(
        &self,
        player: &PlayerId,
        category: Category,
    ) -> Result<Option<Rating>, StoreError> {
        let player = player.clone();
        self.writer
            .read(move |txn| newest(&txn.open_table(RATINGS)?, &player, category))
            .await
    }

    async fn ratings(&self, player: &PlayerId) -> Result<Vec<(Category, Rating)>, StoreError> {
        let player = player.clone();
        self.writer.read(move |txn| all(txn, &player)).await
    }

    async fn apply_rating(&self, rated: &RatedMatch) -> Result<RatingApplied, StoreError> {
        let rated = rated.clone();
        self.writer.write(move |txn| apply(txn, &rated)).await
    }

    async fn rated(&self, id: MatchId) -> Result<Option<RatedMatch>, StoreError> {
        self.writer
            .read(move |txn| self::rated(&txn.open_table(RATED)?, id))
            .await
    }

    async fn rating_history(
        &self,
        player: &PlayerId,
        category: Category,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<Rating>, StoreError> {
        let player = player.clone();
        self.writer
            .read(move |txn| history(txn, &player, category, before, limit))
            .await
    }
}

fn newest(
    ratings: &impl ReadableTable<(&'static str, &'static str, u32), &'static [u8]>,
    player: &PlayerId,
    category: Category,
) -> Result<Option<Rating>, WriteFault> {
    let (player, category) = (player.as_str(), category.to_string());
    let category = category.as_str();
    let mut stored = ratings.range((player, category, 0)..=(player, category, u32::MAX))?;
    let Some(newest) = stored.next_back().transpose()? else {
        return Ok(None);
    };
    Ok(Some(codec::decode_rating(newest.1.value())?))
}

fn all(txn: &ReadTransaction, player: &PlayerId) -> Result<Vec<(Category, Rating)>, WriteFault> {
    let ratings = txn.open_table(RATINGS)?;
    let mut all = Vec::new();
    for category in Category::all() {
        all.extend(newest(&ratings, player, category)?.map(|rating| (category, rating)));
    }
    all.sort_by_key(|(category, _)| *category);
    Ok(all)
}

fn rated(
    matches: &impl ReadableTable<&'static str, &'static [u8]>,
    id: MatchId,
) -> Result<Option<RatedMatch>, WriteFault> {
    let Some(stored) = matches.get(id.as_str())? else {
        return Ok(None);
    };
    Ok(Some(codec::decode_rated(stored.value())?))
}

fn apply(txn: &WriteTransaction, rated: &RatedMatch) -> Result<RatingApplied, WriteFault> {
    let mut matches = txn.open_table(RATED)?;
    if let Some(before) = self::rated(&matches, rated.match_id)? {
        return Ok(RatingApplied::Already(Box::new(before)));
    }
    let mut ratings = txn.open_table(RATINGS)?;
    let has = BySeat {
        white: newest(&ratings, &rated.players.white, rated.category)?,
        black: newest(&ratings, &rated.players.black, rated.category)?,
    };
    let is_version = |seat: Seat| {
        let games = has[seat].as_ref().map_or(0, |rating| rating.games);
        games == rated.expects(seat)
    };
    if !is_version(Seat::White) || !is_version(Seat::Black) {
        return Ok(RatingApplied::Stale(Box::new(has)));
    }
    let category = rated.category.to_string();
    let mut last = txn.open_table(RATED_LAST)?;
    let mut by_time = txn.open_table(RATED_BY_TIME)?;
    for seat in [Seat::White, Seat::Black] {
        let player = rated.players[seat].as_str();
        let rating = rated.rating(seat);
        let stored = codec::encode_rating(&rating);
        ratings.insert((player, category.as_str(), rating.games), stored.as_ref())?;
        if let Some(old) = rating.games.checked_sub(RATING_HISTORY_MAX as u32) {
            ratings.remove((player, category.as_str(), old))?;
        }
        let before = last
            .insert(player, rated.at.0)?
            .map(|before| before.value());
        if let Some(before) = before {
            by_time.remove((before, player))?;
        }
        by_time.insert((rated.at.0, player), ())?;
    }
    let id = rated.match_id.as_str();
    matches.insert(id, codec::encode_rated(rated).as_ref())?;
    txn.open_table(RATED_AT)?.insert((rated.at.0, id), ())?;
    Ok(RatingApplied::Applied)
}

fn history(
    txn: &ReadTransaction,
    player: &PlayerId,
    category: Category,
    before: Option<u32>,
    limit: usize,
) -> Result<Vec<Rating>, WriteFault> {
    let (player, category) = (player.as_str(), category.to_string());
    let category = category.as_str();
    // Where `before` is 0 or 1 there is none: no rating has 0 games.
    let last = before.map_or(u32::MAX, |before| before.saturating_sub(1));
    let ratings = txn.open_table(RATINGS)?;
    let stored = ratings.range((player, category, 0)..=(player, category, last))?;
    let page = stored.rev().take(limit.clamp(1, RATING_PAGE_MAX));
    page.map(|entry| Ok(codec::decode_rating(entry?.1.value())?))
        .collect()
}

/// Forgets some of the matches that were rated before `before`, in Unix milliseconds, unless they may be rated again;
/// returns their number.
pub(super) fn forget_rated(
    txn: &WriteTransaction,
    before: u64,
    limit: usize,
) -> Result<usize, WriteFault> {
    let mut times = txn.open_table(RATED_AT)?;
    let mut matches = txn.open_table(RATED)?;
    let mut old = Vec::new();
    for entry in times.range(..(before, ""))?.take(limit) {
        let (key, _) = entry?;
        let (at, id) = key.value();
        old.push((at, id.to_owned()));
    }
    let mut forgotten = 0;
    for (at, id) in &old {
        if entries::has(txn, id)? {
            continue;
        }
        times.remove((*at, id.as_str()))?;
        matches.remove(id.as_str())?;
        forgotten += 1;
    }
    Ok(forgotten)
}

/// Removes the ratings of some of the players who were last rated before `before`; returns their number.
pub(super) fn remove_old(
    txn: &WriteTransaction,
    before: u64,
    limit: usize,
) -> Result<usize, WriteFault> {
    let mut by_time = txn.open_table(RATED_BY_TIME)?;
    let mut last = txn.open_table(RATED_LAST)?;
    let mut ratings = txn.open_table(RATINGS)?;
    let mut old = Vec::new();
    for entry in by_time.range(..(before, ""))?.take(limit) {
        let (key, _) = entry?;
        let (at, player) = key.value();
        old.push((at, player.to_owned()));
    }
    for (at, player) in &old {
        let player = player.as_str();
        by_time.remove((*at, player))?;
        last.remove(player)?;
        ratings.retain_in((player, "", 0)..(player, ABOVE_IDS, 0), |_, _| false)?;
    }
    Ok(old.len())
}
