//! Tournaments on Redis.

use std::time::Duration;

use async_trait::async_trait;
use game_core::{MatchId, UnixMillis};
use redis::{Pipeline, Value, cmd};

use super::{RedisStore, reply, script};
use crate::contract::Tournaments;
use crate::error::StoreError;
use crate::tournament::{
    TOURNAMENT_KEPT, TOURNAMENTS_PAGE_MAX, Tournament, TournamentChange, TournamentChanged,
    TournamentId, check_result,
};

#[async_trait]
impl Tournaments for RedisStore {
    async fn change_tournament(
        &self,
        change: &TournamentChange,
    ) -> Result<TournamentChanged, StoreError> {
        change.check()?;
        let mut keys = vec![
            self.keys.tournament(&change.id),
            self.keys.results(&change.id),
            self.keys.tournaments(),
            self.keys.pending_tournaments(),
        ];
        keys.extend(change.matches.iter().map(|id| self.keys.tournament_of(*id)));
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let mut call = script::call(&self.scripts.tournament_change, &keys);
        let kept_ms = millis(TOURNAMENT_KEPT);
        call.arg(change.id.as_str())
            .arg(change.expected)
            .arg(change.expected + 1)
            .arg(&*change.body)
            .arg(change.at.0)
            .arg(kept_ms)
            .arg(change.at.0.saturating_sub(kept_ms))
            .arg(u8::from(change.is_pending));
        let answer = self.one_kept(call).await?;
        let [revision, is_done] = reply::array(&answer)? else {
            return Err(reply::strange("a tournament"));
        };
        if reply::parsed::<u8>(is_done)? == 1 {
            Ok(TournamentChanged::Done)
        } else {
            Ok(TournamentChanged::Stale(reply::parsed(revision)?))
        }
    }

    async fn tournament(&self, id: &TournamentId) -> Result<Option<Tournament>, StoreError> {
        let mut pipeline = Pipeline::with_capacity(2);
        let head = pipeline.cmd("HMGET").arg(self.keys.tournament(id));
        head.arg(&["revision", "body"]);
        pipeline.cmd("HGETALL").arg(self.keys.results(id));
        let answers = self.control.run(&pipeline).await?;
        let [head, results] = answers.as_slice() else {
            return Err(reply::strange("a tournament"));
        };
        let [revision, body] = reply::array(head)? else {
            return Err(reply::strange("a tournament"));
        };
        if matches!(revision, Value::Nil) {
            return Ok(None);
        }
        let results = reply::pairs(results)?.into_iter();
        let results = results.map(|(id, result)| {
            let result: Box<str> = reply::text(result)?.into();
            Ok((reply::parsed(id)?, result))
        });
        let mut results = results.collect::<Result<Vec<(MatchId, _)>, StoreError>>()?;
        results.sort_unstable_by_key(|(id, _)| *id);
        Ok(Some(Tournament {
            revision: reply::parsed(revision)?,
            body: reply::text(body)?.into(),
            results,
        }))
    }

    async fn tournaments(
        &self,
        limit: usize,
    ) -> Result<Vec<(TournamentId, UnixMillis)>, StoreError> {
        let limit = limit.min(TOURNAMENTS_PAGE_MAX);
        let Some(last) = limit.checked_sub(1) else {
            return Ok(Vec::new());
        };
        let mut read = cmd("ZREVRANGE");
        read.arg(self.keys.tournaments()).arg(0).arg(last);
        read.arg("WITHSCORES");
        let answer = self.one(read).await?;
        let (pairs, _) = reply::array(&answer)?.as_chunks::<2>();
        pairs
            .iter()
            .map(|[id, at]| Ok((reply::parsed(id)?, UnixMillis(reply::parsed(at)?))))
            .collect()
    }

    async fn pending_tournaments(&self) -> Result<Vec<TournamentId>, StoreError> {
        let mut read = cmd("SMEMBERS");
        read.arg(self.keys.pending_tournaments());
        let answer = self.one(read).await?;
        let ids = reply::array(&answer)?.iter().map(reply::parsed);
        let mut ids = ids.collect::<Result<Vec<_>, _>>()?;
        ids.sort_unstable();
        ids.truncate(TOURNAMENTS_PAGE_MAX);
        Ok(ids)
    }

    async fn tournament_of(&self, id: MatchId) -> Result<Option<TournamentId>, StoreError> {
        let mut read = cmd("GET");
        read.arg(self.keys.tournament_of(id));
        match self.one(read).await? {
            Value::Nil => Ok(None),
            found => reply::parsed(&found).map(Some),
        }
    }

    async fn put_result(
        &self,
        tournament: &TournamentId,
        id: MatchId,
        result: &str,
    ) -> Result<(), StoreError> {
        check_result(result)?;
        let keys = [
            self.keys.tournament(tournament),
            self.keys.results(tournament),
        ];
        let keys = keys.each_ref().map(String::as_str);
        let mut call = script::call(&self.scripts.tournament_result, &keys);
        call.arg(id.as_str()).arg(result);
        self.one_kept(call).await.map(|_| ())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
