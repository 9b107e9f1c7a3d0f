//! Ratings on Redis.

use async_trait::async_trait;
use game_core::{BySeat, MatchId, PlayerId, Seat};
use redis::{Pipeline, Value, cmd};

use super::{RedisStore, reply, script};
use crate::codec::{self, DecodeError};
use crate::contract::{RatingApplied, Ratings};
use crate::error::StoreError;
use crate::rating::{
    Category, RATED_KEPT, RATING_HISTORY_MAX, RATING_KEPT, RATING_PAGE_MAX, RatedMatch, Rating,
};

#[async_trait]
impl Ratings for RedisStore {
    async fn rating(
        &self,
        player: &PlayerId,
        category: Category,
    ) -> Result<Option<Rating>, StoreError> {
        let mut read = cmd("HGET");
        read.arg(self.keys.ratings(player))
            .arg(category.to_string());
        rating(&self.one(read).await?)
    }

    /// What has no category's name is the number of games of one, or of a later version.
    async fn ratings(&self, player: &PlayerId) -> Result<Vec<(Category, Rating)>, StoreError> {
        let mut read = cmd("HGETALL");
        read.arg(self.keys.ratings(player));
        let answer = self.one(read).await?;
        let mut ratings = Vec::new();
        for (name, value) in reply::pairs(&answer)? {
            let Ok(category) = reply::text(name)?.parse() else {
                continue;
            };
            ratings.extend(rating(value)?.map(|rating| (category, rating)));
        }
        ratings.sort_by_key(|(category, _)| *category);
        Ok(ratings)
    }

    async fn apply_rating(&self, rated: &RatedMatch) -> Result<RatingApplied, StoreError> {
        let BySeat { white, black } = &rated.players;
        let keys = [
            self.keys.rated(rated.match_id),
            self.keys.ratings(white),
            self.keys.ratings(black),
            self.keys.rating_log(white, rated.category),
            self.keys.rating_log(black, rated.category),
        ];
        let mut call = script::call(&self.scripts.rate, &keys.each_ref().map(String::as_str));
        call.arg(rated.category.to_string())
            .arg(codec::encode_rated(rated).as_ref())
            .arg(RATED_KEPT.as_secs());
        for seat in [Seat::White, Seat::Black] {
            call.arg(rated.expects(seat))
                .arg(codec::encode_rating(&rated.rating(seat)).as_ref());
        }
        call.arg(RATING_KEPT.as_secs()).arg(RATING_HISTORY_MAX);
        applied(&self.one_kept(call).await?)
    }

    async fn rated(&self, id: MatchId) -> Result<Option<RatedMatch>, StoreError> {
        let mut read = cmd("GET");
        read.arg(self.keys.rated(id));
        match self.one(read).await? {
            Value::Nil => Ok(None),
            stored => self::rated(&stored).map(Some),
        }
    }

    /// Two reads: what is added in between is left out, and what was trimmed is missing at the end.
    async fn rating_history(
        &self,
        player: &PlayerId,
        category: Category,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<Rating>, StoreError> {
        let limit = limit.clamp(1, RATING_PAGE_MAX);
        let log = self.keys.rating_log(player, category);
        let skipped = match before {
            None => 0,
            Some(before) => {
                let mut newest = cmd("LINDEX");
                newest.arg(&log).arg(-1);
                let newest = rating(&self.one(newest).await?)?;
                // One entry a game, without gaps.
                newest.map_or(0, |newest| (newest.games + 1).saturating_sub(before))
            }
        };
        let mut pipeline = Pipeline::with_capacity(1);
        let last = -1 - i64::from(skipped);
        let range = pipeline.cmd("LRANGE").arg(log);
        range.arg(last + 1 - limit as i64).arg(last);
        let answers = self.control.run(&pipeline).await?;
        let stored = answers.first().ok_or_else(|| reply::strange("no answer"))?;
        let mut history = Vec::new();
        for stored in reply::array(stored)?.iter().rev() {
            let one = rating(stored)?;
            history.extend(one.filter(|one| before.is_none_or(|before| one.games < before)));
        }
        Ok(history)
    }
}

fn rating(stored: &Value) -> Result<Option<Rating>, StoreError> {
    if *stored == Value::Nil {
        return Ok(None);
    }
    let rating = codec::decode_rating(reply::bytes(stored)?);
    rating.map(Some).map_err(|error| corrupt(&error))
}

fn rated(stored: &Value) -> Result<RatedMatch, StoreError> {
    codec::decode_rated(reply::bytes(stored)?).map_err(|error| corrupt(&error))
}

fn corrupt(error: &DecodeError) -> StoreError {
    StoreError::Corrupt(format!("a rating: {error}"))
}

/// The answer of `rate.lua`.
fn applied(answer: &Value) -> Result<RatingApplied, StoreError> {
    let fields = reply::array(answer)?;
    let strange = || reply::strange("a rated match");
    let (kind, fields) = fields.split_first().ok_or_else(strange)?;
    Ok(match (reply::text(kind)?, fields) {
        ("applied", []) => RatingApplied::Applied,
        ("already", [stored]) => RatingApplied::Already(Box::new(rated(stored)?)),
        ("stale", [white, black]) => RatingApplied::Stale(Box::new(BySeat {
            white: rating(white)?,
            black: rating(black)?,
        })),
        _ => return Err(strange()),
    })
}
