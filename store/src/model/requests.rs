//! Requests of the model, with keys of clients' choice.

use std::collections::{BTreeSet, HashMap};

use game_core::{MatchId, UnixMillis};

use crate::request::{Begun, REQUEST_KEPT, REQUEST_RUNS, RequestDigest};

#[derive(Debug, Clone, Default)]
pub(super) struct Requests {
    by_key: HashMap<String, Entry>,
    /// From when on an entry may be removed.
    expiries: BTreeSet<(u64, String)>,
}

#[derive(Debug, Clone)]
struct Entry {
    digest: RequestDigest,
    id: MatchId,
    runs_until: u64,
    response: Option<Vec<u8>>,
}

impl Requests {
    pub(super) fn begin(
        &mut self,
        key: &str,
        digest: &RequestDigest,
        id: MatchId,
        now: UnixMillis,
    ) -> Begun {
        self.remove_old(now);
        let runs_until = now.0.saturating_add(REQUEST_RUNS.as_millis() as u64);
        let Some(entry) = self.by_key.get_mut(key) else {
            let entry = Entry {
                digest: *digest,
                id,
                runs_until,
                response: None,
            };
            self.by_key.insert(key.to_owned(), entry);
            let expires_at = now.0.saturating_add(REQUEST_KEPT.as_millis() as u64);
            self.expiries.insert((expires_at, key.to_owned()));
            return Begun::New(id);
        };
        if entry.digest != *digest {
            return Begun::Other;
        }
        if let Some(response) = &entry.response {
            return Begun::Done(response.clone());
        }
        if entry.runs_until > now.0 {
            return Begun::Running;
        }
        entry.runs_until = runs_until;
        Begun::New(entry.id)
    }

    pub(super) fn end(&mut self, key: &str, response: Option<&[u8]>) {
        let Some(entry) = self.by_key.get_mut(key) else {
            return;
        };
        match response {
            Some(response) => entry.response = Some(response.to_vec()),
            None => entry.runs_until = 0,
        }
    }

    pub(super) fn forget(&mut self, key: &str) {
        self.by_key.remove(key);
    }

    pub(super) fn remove_old(&mut self, now: UnixMillis) {
        while let Some((expires_at, _)) = self.expiries.first()
            && *expires_at < now.0
            && let Some((_, key)) = self.expiries.pop_first()
        {
            self.by_key.remove(&key);
        }
    }
}
