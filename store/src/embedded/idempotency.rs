//! Requests with keys of clients' choice, in the file.

use async_trait::async_trait;
use game_core::{MatchId, UnixMillis};
use redb::{ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::fault::WriteFault;
use super::tables::{REQUESTS, REQUESTS_UNTIL};
use crate::contract::Idempotency;
use crate::error::StoreError;
use crate::request::{Begun, REQUEST_KEPT, REQUEST_RUNS, RequestDigest};

/// Old entries that are removed when one is added: more than one, so that their number falls.
const REMOVED_AT_ONCE: usize = 4;

#[async_trait]
impl Idempotency for EmbeddedStore {
    async fn begin_request(
        &self,
        key: &str,
        request: &RequestDigest,
        id: MatchId,
        now: UnixMillis,
    ) -> Result<Begun, StoreError> {
        let (key, request) = (key.to_owned(), *request);
        self.writer
            .write(move |txn| begin(txn, &key, &request, id, now))
            .await
    }

    async fn end_request(&self, key: &str, response: Option<&[u8]>) -> Result<(), StoreError> {
        let (key, response) = (key.to_owned(), response.map(<[u8]>::to_vec));
        self.writer
            .write(move |txn| end(txn, &key, response.as_deref()))
            .await
    }

    async fn forget_request(&self, key: &str) -> Result<(), StoreError> {
        let key = key.to_owned();
        // Its expiry stays, and finds nothing.
        self.writer
            .write(move |txn| {
                txn.open_table(REQUESTS)?.remove(key.as_str())?;
                Ok(())
            })
            .await
    }
}

fn begin(
    txn: &WriteTransaction,
    key: &str,
    request: &RequestDigest,
    id: MatchId,
    now: UnixMillis,
) -> Result<Begun, WriteFault> {
    let mut requests = txn.open_table(REQUESTS)?;
    let runs_until = now.0.saturating_add(REQUEST_RUNS.as_millis() as u64);
    let found = requests.get(key)?.map(|found| {
        let (digest, id, until, response) = found.value();
        let is_same = digest == request.as_slice();
        (is_same, id.to_owned(), until, response.to_vec())
    });
    let Some((is_same, first_id, until, response)) = found else {
        requests.insert(
            key,
            (request.as_slice(), id.as_str(), runs_until, &[] as &[u8]),
        )?;
        let expires_at = now.0.saturating_add(REQUEST_KEPT.as_millis() as u64);
        txn.open_table(REQUESTS_UNTIL)?
            .insert((expires_at, key), ())?;
        drop(requests);
        remove_old(txn, now, REMOVED_AT_ONCE)?;
        return Ok(Begun::New(id));
    };
    if !is_same {
        return Ok(Begun::Other);
    }
    if !response.is_empty() {
        return Ok(Begun::Done(response));
    }
    if until > now.0 {
        return Ok(Begun::Running);
    }
    let first: MatchId = first_id
        .parse()
        .map_err(|_| StoreError::Corrupt("the id of a request is none".to_owned()))?;
    requests.insert(
        key,
        (request.as_slice(), first.as_str(), runs_until, &[] as &[u8]),
    )?;
    Ok(Begun::New(first))
}

fn end(txn: &WriteTransaction, key: &str, response: Option<&[u8]>) -> Result<(), WriteFault> {
    let mut requests = txn.open_table(REQUESTS)?;
    let found = requests.get(key)?.map(|found| {
        let (digest, id, until, _) = found.value();
        (digest.to_vec(), id.to_owned(), until)
    });
    let Some((digest, id, until)) = found else {
        return Ok(());
    };
    let (until, response) = match response {
        Some(response) => (until, response),
        None => (0, &[] as &[u8]),
    };
    requests.insert(key, (digest.as_slice(), id.as_str(), until, response))?;
    Ok(())
}

/// Removes some of the expired entries; returns their number.
pub(super) fn remove_old(
    txn: &WriteTransaction,
    now: UnixMillis,
    limit: usize,
) -> Result<usize, WriteFault> {
    let mut requests = txn.open_table(REQUESTS)?;
    let mut expiries = txn.open_table(REQUESTS_UNTIL)?;
    let old = expiries
        .range(..(now.0, ""))?
        .take(limit)
        .map(|entry| entry.map(|(key, _)| (key.value().0, key.value().1.to_owned())))
        .collect::<Result<Vec<_>, _>>()?;
    for (at, key) in &old {
        expiries.remove((*at, key.as_str()))?;
        requests.remove(key.as_str())?;
    }
    Ok(old.len())
}
