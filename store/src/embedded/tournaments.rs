//! Tournaments in the file.

use async_trait::async_trait;
use game_core::{MatchId, UnixMillis};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::fault::WriteFault;
use super::tables::{
    ABOVE_IDS, TOURNAMENT_OF, TOURNAMENT_RESULTS, TOURNAMENTS, TOURNAMENTS_BY_TIME,
    TOURNAMENTS_PENDING,
};
use crate::contract::Tournaments;
use crate::error::StoreError;
use crate::tournament::{
    TOURNAMENTS_PAGE_MAX, Tournament, TournamentChange, TournamentChanged, TournamentId,
    check_result,
};

#[async_trait]
impl Tournaments for EmbeddedStore {
    async fn change_tournament(
        &self,
        change: &TournamentChange,
    ) -> Result<TournamentChanged, StoreError> {
        change.check()?;
        let change = change.clone();
        self.writer.write(move |txn| change_one(txn, &change)).await
    }

    async fn tournament(&self, id: &TournamentId) -> Result<Option<Tournament>, StoreError> {
        let id = id.clone();
        self.writer.read(move |txn| read(txn, id.as_str())).await
    }

    async fn tournaments(
        &self,
        limit: usize,
    ) -> Result<Vec<(TournamentId, UnixMillis)>, StoreError> {
        let limit = limit.min(TOURNAMENTS_PAGE_MAX);
        let newest = self.writer.read(move |txn| {
            let times = txn.open_table(TOURNAMENTS_BY_TIME)?;
            let newest = times.iter()?.rev().take(limit).map(|entry| {
                let (key, _) = entry?;
                let (at, id) = key.value();
                Ok((parsed(id)?, UnixMillis(at)))
            });
            newest.collect()
        });
        newest.await
    }

    async fn pending_tournaments(&self) -> Result<Vec<TournamentId>, StoreError> {
        let pending = self.writer.read(|txn| {
            let pending = txn.open_table(TOURNAMENTS_PENDING)?;
            let ids = pending.iter()?.take(TOURNAMENTS_PAGE_MAX);
            ids.map(|entry| parsed(entry?.0.value())).collect()
        });
        pending.await
    }

    async fn tournament_of(&self, id: MatchId) -> Result<Option<TournamentId>, StoreError> {
        let found = self.writer.read(move |txn| {
            let of = txn.open_table(TOURNAMENT_OF)?;
            let found = of.get(id.as_str())?;
            found.map(|found| parsed(found.value())).transpose()
        });
        found.await
    }

    async fn put_result(
        &self,
        tournament: &TournamentId,
        id: MatchId,
        result: &str,
    ) -> Result<(), StoreError> {
        check_result(result)?;
        let (tournament, result) = (tournament.clone(), result.to_owned());
        let put = self.writer.write(move |txn| {
            if txn
                .open_table(TOURNAMENTS)?
                .get(tournament.as_str())?
                .is_none()
            {
                return Ok(());
            }
            let mut results = txn.open_table(TOURNAMENT_RESULTS)?;
            let key = (tournament.as_str(), id.as_str());
            let is_known = results
                .get(key)?
                .is_some_and(|known| !known.value().is_empty());
            if !is_known {
                results.insert(key, result.as_str())?;
            }
            Ok(())
        });
        put.await
    }
}

fn change_one(
    txn: &WriteTransaction,
    change: &TournamentChange,
) -> Result<TournamentChanged, WriteFault> {
    let mut all = txn.open_table(TOURNAMENTS)?;
    let id = change.id.as_str();
    let next = change.expected + 1;
    let (revision, changed_at) = match all.get(id)? {
        Some(known) => {
            let (revision, at, body) = known.value();
            if revision == next && body == &*change.body {
                return Ok(TournamentChanged::Done);
            }
            (revision, Some(at))
        }
        None => (0, None),
    };
    if revision != change.expected {
        return Ok(TournamentChanged::Stale(revision));
    }
    all.insert(id, (next, change.at.0, &*change.body))?;
    let mut times = txn.open_table(TOURNAMENTS_BY_TIME)?;
    if let Some(at) = changed_at {
        times.remove((at, id))?;
    }
    times.insert((change.at.0, id), ())?;
    let mut pending = txn.open_table(TOURNAMENTS_PENDING)?;
    if change.is_pending {
        pending.insert(id, ())?;
    } else {
        pending.remove(id)?;
    }
    let mut of = txn.open_table(TOURNAMENT_OF)?;
    let mut results = txn.open_table(TOURNAMENT_RESULTS)?;
    for new in &change.matches {
        if of.get(new.as_str())?.is_none() {
            of.insert(new.as_str(), id)?;
            // Empty until there is a result: it names the match for the removal of the tournament.
            results.insert((id, new.as_str()), "")?;
        }
    }
    Ok(TournamentChanged::Done)
}

fn read(txn: &ReadTransaction, id: &str) -> Result<Option<Tournament>, WriteFault> {
    let all = txn.open_table(TOURNAMENTS)?;
    let Some(found) = all.get(id)? else {
        return Ok(None);
    };
    let (revision, _, body) = found.value();
    let mut results = Vec::new();
    for entry in txn
        .open_table(TOURNAMENT_RESULTS)?
        .range((id, "")..(id, ABOVE_IDS))?
    {
        let (key, result) = entry?;
        if !result.value().is_empty() {
            results.push((match_id(key.value().1)?, result.value().into()));
        }
    }
    Ok(Some(Tournament {
        revision,
        body: body.into(),
        results,
    }))
}

/// Whether there is a tournament that was last changed at this time or earlier.
pub(super) fn has_old(txn: &ReadTransaction, by: u64) -> Result<bool, WriteFault> {
    let times = txn.open_table(TOURNAMENTS_BY_TIME)?;
    let oldest = times.first()?.map(|(key, _)| key.value().0);
    Ok(oldest.is_some_and(|at| at <= by))
}

/// Removes some of the tournaments that were last changed at this time or earlier; returns their number.
pub(super) fn remove_old(
    txn: &WriteTransaction,
    by: u64,
    limit: usize,
) -> Result<usize, WriteFault> {
    let mut times = txn.open_table(TOURNAMENTS_BY_TIME)?;
    let old = times
        .range(..(by.saturating_add(1), ""))?
        .take(limit)
        .map(|entry| {
            let (key, _) = entry?;
            let (at, id) = key.value();
            Ok((at, id.to_owned()))
        })
        .collect::<Result<Vec<_>, WriteFault>>()?;
    let mut all = txn.open_table(TOURNAMENTS)?;
    let mut pending = txn.open_table(TOURNAMENTS_PENDING)?;
    let mut of = txn.open_table(TOURNAMENT_OF)?;
    let mut results = txn.open_table(TOURNAMENT_RESULTS)?;
    for (at, id) in &old {
        let id = id.as_str();
        times.remove((*at, id))?;
        all.remove(id)?;
        pending.remove(id)?;
        for entry in results.range((id, "")..(id, ABOVE_IDS))? {
            of.remove(entry?.0.value().1)?;
        }
        results.retain_in((id, "")..(id, ABOVE_IDS), |_, _| false)?;
    }
    Ok(old.len())
}

fn parsed(id: &str) -> Result<TournamentId, WriteFault> {
    let corrupt = |_| WriteFault::Refused(StoreError::Corrupt(format!("{id:?} is no tournament")));
    id.parse().map_err(corrupt)
}

fn match_id(id: &str) -> Result<MatchId, WriteFault> {
    let corrupt = |_| WriteFault::Refused(StoreError::Corrupt(format!("{id:?} is no match")));
    id.parse().map_err(corrupt)
}
