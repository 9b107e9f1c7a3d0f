//! Creates the matches of rounds that have begun.
//!
//! Every matchmaker looks for such rounds. Creating a match twice changes nothing, and a match that has ended has its result
//! before it may leave the store, so none is created anew. A round is done once all its matches exist.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use game_core::{BySeat, Match, Player, Rule};
use protocol::TagsView;
use protocol::http::Terms;
use store::{Created, Holding, TournamentChange, TournamentChanged, TournamentId};
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::document::{Document, Pairing};
use super::reply::Known;
use crate::clock::now;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// Interval at which rounds are looked for; one that begins here is looked at at once.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Matches that are created at once.
const AT_ONCE: usize = 16;

/// Creates matches of rounds until the service shuts down.
pub(crate) async fn create_rounds(service: Arc<Service>) {
    loop {
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = service.new_round.notified() => {}
            () = service.shutdown.cancelled() => return,
        }
        let pending = match service.store.pending_tournaments().await {
            Ok(pending) => pending,
            Err(error) => {
                // The outage itself is logged once, by the observer of the registry.
                debug!(%error, "the tournaments cannot be read");
                continue;
            }
        };
        for id in pending {
            if let Err(problem) = service.create_pending(&id).await {
                warn!(tournament = %id, why = problem.detail, "the matches of a round cannot be created yet");
            }
        }
    }
}

impl Service {
    /// Creates what is missing of the rounds of a tournament, and records that nothing is.
    async fn create_pending(&self, id: &TournamentId) -> Result<(), Problem> {
        let Some(stored) = self.store.tournament(id).await? else {
            return Ok(());
        };
        let Known {
            revision,
            mut document,
            results,
        } = Known::read(&stored, None)?;
        for (number, round) in (1_u16..).zip(&document.rounds) {
            if !round.is_pending {
                continue;
            }
            let mut missing = Vec::new();
            for pairing in &round.pairings {
                if !results.contains_key(&pairing.match_id) {
                    missing.push(self.create_board(&document, number, pairing));
                }
            }
            stream::iter(missing)
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>()
                .await?;
            info!(tournament = %id, round = number, matches = round.pairings.len(), "a round has begun");
        }
        for round in &mut document.rounds {
            round.is_pending = false;
        }
        let change = TournamentChange {
            id: id.clone(),
            expected: revision,
            body: document.write(),
            matches: Vec::new(),
            is_pending: false,
            at: now(),
        };
        // Stale: somebody else has done the same, or the tournament goes on, and is looked at again.
        match self.store.change_tournament(&change).await? {
            TournamentChanged::Done | TournamentChanged::Stale(_) => Ok(()),
        }
    }

    async fn create_board(
        &self,
        document: &Document,
        number: u16,
        pairing: &Pairing,
    ) -> Result<(), Problem> {
        let id = pairing.match_id;
        if self.store.ownership(id).await?.is_some() {
            return Ok(());
        }
        let player = |number| {
            let entrant = document.entrant(number).ok_or_else(|| {
                Problem::new(Kind::Internal, format!("player {number} does not exist"))
            })?;
            Ok::<_, Problem>(Player {
                id: entrant.id.clone(),
                name: entrant.name.as_str().into(),
                rating: entrant.rating,
                is_bot: entrant.is_bot,
            })
        };
        let players = BySeat {
            white: player(pairing.white)?,
            black: player(pairing.black)?,
        };
        let round = document.round(number).ok_or_else(|| {
            Problem::new(Kind::Internal, format!("round {number} does not exist"))
        })?;
        let start = round.terms.start_position(0).map_err(|error| {
            Problem::new(
                Kind::Internal,
                format!("the start of round {number}: {error}"),
            )
        })?;
        let terms = Terms {
            // A rematch would bear the name of the tournament and not be of it.
            rules: round.terms.rules.with(Rule::NoRematch),
            tags: TagsView {
                event: Some(document.name.clone()),
                round: Some(number.to_string()),
                board: Some(pairing.board.clone()),
                site: round.terms.tags.site.clone(),
            },
            ..round.terms.clone()
        };
        let shard = self.shard_for_new(id)?;
        for player in [&players.white, &players.black] {
            // It counts among the matches of the player, who did not ask for it, whatever their number.
            let hold = self
                .store
                .hold(&player.id, Holding::Match, id.as_str(), u32::MAX, now());
            hold.await?;
        }
        let setup = terms.into_setup(id, players, start, round.made_at);
        let snapshot = Match::new(setup).snapshot();
        if self.store.create(shard.id, &snapshot).await? == Created::New {
            self.view().note_placed(shard.id);
        }
        Ok(())
    }
}
