//! Requests with keys of clients' choice, on Redis.

use async_trait::async_trait;
use game_core::{MatchId, UnixMillis};
use redis::cmd;

use super::{RedisStore, reply, script};
use crate::contract::Idempotency;
use crate::error::StoreError;
use crate::request::{Begun, REQUEST_KEPT, REQUEST_RUNS, RequestDigest};

#[async_trait]
impl Idempotency for RedisStore {
    async fn begin_request(
        &self,
        key: &str,
        request: &RequestDigest,
        id: MatchId,
        now: UnixMillis,
    ) -> Result<Begun, StoreError> {
        let keys = [&*self.keys.request(key)];
        let mut call = script::call(&self.scripts.request_begin, &keys);
        call.arg(request.as_slice())
            .arg(id.as_str())
            .arg(now.0)
            .arg(now.0.saturating_add(REQUEST_RUNS.as_millis() as u64))
            .arg(REQUEST_KEPT.as_secs());
        let answer = self.one_kept(call).await?;
        let [became, with] = reply::array(&answer)? else {
            return Err(reply::strange("a request"));
        };
        match reply::text(became)? {
            "new" => Ok(Begun::New(reply::parsed(with)?)),
            "running" => Ok(Begun::Running),
            "other" => Ok(Begun::Other),
            "done" => Ok(Begun::Done(reply::bytes(with)?.to_vec())),
            _ => Err(reply::strange("a request")),
        }
    }

    async fn end_request(&self, key: &str, response: Option<&[u8]>) -> Result<(), StoreError> {
        let keys = [&*self.keys.request(key)];
        let mut call = script::call(&self.scripts.request_end, &keys);
        if let Some(response) = response {
            call.arg(response);
        }
        self.one(call).await.map(|_| ())
    }

    async fn forget_request(&self, key: &str) -> Result<(), StoreError> {
        let mut forget = cmd("DEL");
        forget.arg(self.keys.request(key));
        self.one(forget).await.map(|_| ())
    }
}
