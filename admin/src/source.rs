//! The source of an endpoint's answers: a shard, or a matchmaker for all shards.

use std::time::Duration;

use async_trait::async_trait;
use game_core::{Match, MatchId, Order, Outcome, PlayerId, ShardId};
use serde::Serialize;
use settings::{Effective, OptionValue};
use utoipa::ToSchema;

use crate::club_views::{Backlog, FinishedList, OpenChallengeList, PoolList, TicketList};
use crate::problem::{Kind, Problem};
use crate::views::{
    CodeMade, HandedOff, InvitationList, InvitationMade, MatchDetails, MatchList, NewInvitation,
    NewPlayers, PlayerList, PlayerQuery, PlayersMade, Removed, Restored, Revoked, ShardList,
    WatchedMatch,
};
use protocol::http::{NewRound, NewRuling, NewTournament, TournamentReply};
use shard_core::MatchQuery;
use store::{SecretDigest, TournamentId};

/// The role of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// It owns matches.
    Shard,
    /// It answers for the whole installation.
    Matchmaker,
}

/// Options that name a file with a secret.
const SECRETS: [&str; 5] = [
    "admin_tls_key",
    "admin_token_file",
    "certificate_key",
    "reset_secret",
    "signing_key",
];
/// Stands for a secret that is set.
const MASK: &str = "***";

/// A setting as it is in effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Setting {
    /// Its name in the configuration.
    pub name: String,
    /// Its value; `***` for a secret that is set.
    pub value: String,
}

impl Setting {
    /// A setting that every operator may see.
    pub fn new(name: impl Into<String>, value: impl ToString) -> Self {
        Self {
            name: name.into(),
            value: value.to_string(),
        }
    }

    /// What a command runs with: every option, empty if it is not set. An option that names a file with a
    /// secret is masked.
    #[must_use]
    pub fn of(effective: &Effective) -> Vec<Self> {
        let Effective(entries) = effective;
        let shown = |entry: &OptionValue| match entry.plain() {
            Some(_) if SECRETS.contains(&&*entry.key) => Self::new(&entry.key, MASK),
            value => Self::new(&entry.key, value.unwrap_or_default()),
        };
        entries.iter().map(shown).collect()
    }
}

/// Which matches of the archive are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedQuery {
    /// Only those of this player.
    pub player: Option<PlayerId>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
    /// Upper bound on matches in the page.
    pub limit: usize,
}

/// The problem of a question that a shard cannot answer.
fn only_matchmakers() -> Problem {
    let why = "This process does not know that; a shard knows its matches only.";
    Problem::new(Kind::NotPossible, why)
}

/// Answers for a shard, or for all shards. Its answers hold confirmed state only; methods change something only where
/// they say so.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// The role of this process.
    fn part(&self) -> Part;

    /// The id of this shard, if it is one.
    fn shard(&self) -> Option<ShardId>;

    /// The configuration in effect, secrets masked.
    fn settings(&self) -> Vec<Setting>;

    /// Metrics as Prometheus scrapes them.
    fn metrics(&self) -> String;

    /// Whether the process works; the store is not asked.
    async fn alive(&self) -> Result<(), Problem>;

    /// Whether the process can serve players now.
    async fn ready(&self) -> Result<(), Problem>;

    /// A page of matches, of one shard if it is named. `asked` is the query as it was sent, to be forwarded.
    async fn list(
        &self,
        query: &MatchQuery,
        shard: Option<ShardId>,
        asked: &str,
    ) -> Result<MatchList, Problem>;

    /// The matches in memory; for a matchmaker, those of all live shards.
    async fn held(&self) -> Result<Vec<MatchId>, Problem>;

    /// Those of these matches that are in memory, as the public sees them, without the state of those whose last
    /// event is the known one; for a shard only.
    async fn watched(
        &self,
        wanted: Vec<(MatchId, Option<u32>)>,
    ) -> Result<Vec<WatchedMatch>, Problem>;

    /// One match.
    async fn inspect(&self, id: MatchId) -> Result<MatchDetails, Problem>;

    /// The match as soon as its [revision](MatchDetails::revision) is another, or as it is after some time.
    async fn follow(
        &self,
        id: MatchId,
        revision: &str,
        within: Duration,
    ) -> Result<MatchDetails, Problem>;

    /// One match, for PGN or a drawing.
    async fn game(&self, id: MatchId) -> Result<Match, Problem>;

    /// The shards.
    async fn shards(&self) -> Result<ShardList, Problem>;

    /// Ends a match, which is loaded first if no shard has it in memory; returns once that is confirmed.
    async fn adjudicate(&self, id: MatchId, outcome: Outcome) -> Result<MatchDetails, Problem>;

    /// Carries out an arbiter's order on a match, which is loaded first if no shard has it in memory, if its last event is
    /// the `expected` one; returns once that is confirmed.
    async fn arbitrate(
        &self,
        id: MatchId,
        order: Order,
        expected: Option<u32>,
    ) -> Result<MatchDetails, Problem>;

    /// Hands a match over to `to`, or to its heir; returns once that has begun.
    async fn hand_off(&self, id: MatchId, to: Option<ShardId>) -> Result<HandedOff, Problem>;

    /// Makes a shard hand all its matches over and stop; a matchmaker must be told which shard.
    async fn drain(&self, shard: Option<ShardId>) -> Result<ShardId, Problem>;

    /// Revokes a player's tokens and closes the player's streams.
    async fn revoke(&self, player: &PlayerId) -> Result<Revoked, Problem>;

    /// A page of players. Like all that follows, for a matchmaker only.
    async fn players(&self, _query: &PlayerQuery) -> Result<PlayerList, Problem> {
        Err(only_matchmakers())
    }

    /// Makes accounts with login codes.
    async fn create_players(&self, _request: &NewPlayers) -> Result<PlayersMade, Problem> {
        Err(only_matchmakers())
    }

    /// Makes a login code for an account, good for so many hours.
    async fn login_code(&self, _player: &PlayerId, _hours: u32) -> Result<CodeMade, Problem> {
        Err(only_matchmakers())
    }

    /// Admits a revoked player again.
    async fn restore(&self, _player: &PlayerId) -> Result<Restored, Problem> {
        Err(only_matchmakers())
    }

    /// Removes an account.
    async fn remove_player(&self, _player: &PlayerId) -> Result<Removed, Problem> {
        Err(only_matchmakers())
    }

    /// The invitations that have not expired.
    async fn invitations(&self) -> Result<InvitationList, Problem> {
        Err(only_matchmakers())
    }

    /// Makes an invitation.
    async fn invite(&self, _request: &NewInvitation) -> Result<InvitationMade, Problem> {
        Err(only_matchmakers())
    }

    /// Withdraws an invitation; returns those that are left.
    async fn withdraw_invitation(&self, _digest: &SecretDigest) -> Result<InvitationList, Problem> {
        Err(only_matchmakers())
    }

    /// Makes a tournament, or replaces one that has not begun; for a matchmaker only, like the two that follow.
    async fn put_tournament(
        &self,
        _id: &TournamentId,
        _request: &NewTournament,
    ) -> Result<TournamentReply, Problem> {
        Err(only_matchmakers())
    }

    /// Begins a round of a tournament.
    async fn put_round(
        &self,
        _id: &TournamentId,
        _round: u16,
        _request: &NewRound,
    ) -> Result<TournamentReply, Problem> {
        Err(only_matchmakers())
    }

    /// Rules on the result of a match of a tournament.
    async fn rule(
        &self,
        _id: &TournamentId,
        _ruling: &NewRuling,
    ) -> Result<TournamentReply, Problem> {
        Err(only_matchmakers())
    }

    /// The pools in which players wait; for a matchmaker only.
    async fn pools(&self) -> Result<PoolList, Problem> {
        Err(only_matchmakers())
    }

    /// The tickets that wait in a pool; for a matchmaker only.
    async fn tickets(&self, _pool: &str) -> Result<TicketList, Problem> {
        Err(only_matchmakers())
    }

    /// The challenges that everyone may accept; for a matchmaker only.
    async fn challenges(&self) -> Result<OpenChallengeList, Problem> {
        Err(only_matchmakers())
    }

    /// A page of the archive; for a matchmaker only.
    async fn finished(&self, _query: FinishedQuery) -> Result<FinishedList, Problem> {
        Err(only_matchmakers())
    }

    /// The matches that have ended and are not archived, rated and published yet; for a matchmaker only.
    async fn backlog(&self) -> Result<Backlog, Problem> {
        Err(only_matchmakers())
    }
}
