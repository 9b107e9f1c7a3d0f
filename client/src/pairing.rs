//! From a player to a match.

use std::time::Duration;

use game_core::{MatchId, TimeControl};
use protocol::http::{NewChallenge, NewTicket, Terms, TicketReply, TicketStatus};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{Matchmaker, MatchmakerError};

/// How a player finds an opponent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pairing {
    /// Anyone who waits in the same pool.
    Pool(NewTicket),
    /// Anyone who accepts this challenge.
    Challenge(NewChallenge),
    /// The one whose challenge this is.
    Accept(String),
}

/// Why there is no match.
#[derive(Debug, thiserror::Error)]
pub enum PairingError {
    /// The matchmaker refuses or is gone.
    #[error(transparent)]
    Matchmaker(#[from] MatchmakerError),
    /// No opponent came in time.
    #[error("no opponent within {0:?}")]
    Nobody(Duration),
    /// The request was withdrawn.
    #[error("the request for a match was withdrawn")]
    Withdrawn,
    /// The reply names no match where it must.
    #[error("the matchmaker names no match")]
    NoMatch,
}

/// A player in search of a match.
#[derive(Debug)]
pub struct Search<'a> {
    /// The matchmaker.
    pub matchmaker: &'a Matchmaker,
    /// The player token.
    pub token: &'a str,
    /// How long to wait for an opponent.
    pub wait_max: Duration,
    /// Withdraws the request.
    pub cancel: &'a CancellationToken,
}

/// The next match of the player with `token` against anyone who waits for the same time control; waits for an
/// opponent for `wait_max`.
///
/// # Errors
///
/// [`PairingError`]; the player does not wait any more then.
pub async fn find_match(
    matchmaker: &Matchmaker,
    token: &str,
    time_control: TimeControl,
    wait_max: Duration,
) -> Result<MatchId, PairingError> {
    let search = Search {
        matchmaker,
        token,
        wait_max,
        cancel: &CancellationToken::new(),
    };
    let terms = Terms::usual(time_control);
    let pairing = Pairing::Pool(NewTicket::new(terms));
    search.run(&pairing, |_| ()).await
}

impl Search<'_> {
    /// Between two questions, for a matchmaker whose answers do not wait.
    const PAUSE: Duration = Duration::from_millis(250);
    /// How long an answer may take.
    const ANSWER_WAIT: Duration = Duration::from_secs(5);
    /// Withdrawing a request takes no longer.
    const WITHDRAW_MAX: Duration = Duration::from_secs(3);

    /// Finds a match; `asked` receives the request as soon as the matchmaker has it.
    ///
    /// # Errors
    ///
    /// [`PairingError`]; the request is withdrawn then.
    pub async fn run(
        &self,
        pairing: &Pairing,
        asked: impl FnOnce(&TicketReply),
    ) -> Result<MatchId, PairingError> {
        let (matchmaker, token) = (self.matchmaker, self.token);
        match pairing {
            Pairing::Accept(id) => {
                let accepted = matchmaker.accept_challenge(token, id).await?;
                accepted.match_id.ok_or(PairingError::NoMatch)
            }
            Pairing::Pool(ticket) => {
                let request = matchmaker.create_ticket(token, ticket).await?;
                asked(&request);
                let look = async |id: &str| matchmaker.ticket(token, id, Self::ANSWER_WAIT).await;
                let found = self.wait(request.clone(), look).await;
                if found.is_err() {
                    self.withdraw(matchmaker.cancel_ticket(token, &request.id))
                        .await;
                }
                found
            }
            Pairing::Challenge(challenge) => {
                let request = matchmaker.create_challenge(token, challenge).await?;
                asked(&request);
                let look =
                    async |id: &str| matchmaker.challenge(token, id, Self::ANSWER_WAIT).await;
                let found = self.wait(request.clone(), look).await;
                if found.is_err() {
                    self.withdraw(matchmaker.cancel_challenge(token, &request.id))
                        .await;
                }
                found
            }
        }
    }

    async fn wait(
        &self,
        mut reply: TicketReply,
        look: impl AsyncFn(&str) -> Result<TicketReply, MatchmakerError>,
    ) -> Result<MatchId, PairingError> {
        let end = Instant::now() + self.wait_max;
        let waiting = async {
            loop {
                match reply.status {
                    TicketStatus::Matched => {
                        return reply.match_id.ok_or(PairingError::NoMatch);
                    }
                    TicketStatus::Cancelled | TicketStatus::Declined => {
                        return Err(PairingError::Withdrawn);
                    }
                    TicketStatus::Waiting => {}
                }
                sleep(Self::PAUSE).await;
                reply = look(&reply.id).await?;
            }
        };
        tokio::select! {
            found = waiting => found,
            () = tokio::time::sleep_until(end) => Err(PairingError::Nobody(self.wait_max)),
            () = self.cancel.cancelled() => Err(PairingError::Withdrawn),
        }
    }

    /// A request that cannot be withdrawn is left: it has a match already, or its matchmaker is gone.
    async fn withdraw(&self, withdrawal: impl Future<Output = Result<(), MatchmakerError>>) {
        match tokio::time::timeout(Self::WITHDRAW_MAX, withdrawal).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the request for a match is not withdrawn"),
            Err(_) => tracing::warn!("the request for a match is not withdrawn in time"),
        }
    }
}
