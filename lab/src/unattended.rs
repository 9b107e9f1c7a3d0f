//! Matches that nobody attends: no player asks for them, so whoever owns them must end them by itself,
//! whatever becomes of the shards meanwhile. Soaks, fault campaigns and crash tests make some, and look
//! in the end whether one of them was forgotten.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use game_core::{
    ClockStart, ColorChoice, CommandKind, MatchId, Outcome, Seat, Termination, TimeControl,
};
use protocol::http::{NewChallenge, Terms};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use client::seat::{PlayerSeat, SeatSession, SessionConfig};
use client::{Connector, Matchmaker, MatchmakerError};

/// Two players who are to move once must have done so, or they leave before.
const MOVED_WITHIN: Duration = Duration::from_secs(30);
/// Who stays in a match that the opponent has left sees its end within this.
const CLAIMED_WITHIN: Duration = Duration::from_secs(90);

/// How a match comes to be unattended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Neglect {
    /// Both sides have moved once and left for good: White's flag falls.
    Left,
    /// Nobody ever came: White's first move is not made in time.
    NeverJoined,
    /// Nobody ever came, though White's clock has counted from the start: it ends as early as any match
    /// to which nobody comes, and not only when the flag falls.
    NeverJoinedAtOnce,
    /// Both sides have moved once, White has said goodbye, and Black stays and claims the win.
    DesertedForWin,
    /// The same, and Black claims a draw.
    DesertedForDraw,
}

impl Neglect {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Left,
        Self::NeverJoined,
        Self::NeverJoinedAtOnce,
        Self::DesertedForWin,
        Self::DesertedForDraw,
    ];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::NeverJoined => "never_joined",
            Self::NeverJoinedAtOnce => "never_joined_at_once",
            Self::DesertedForWin => "deserted_for_win",
            Self::DesertedForDraw => "deserted_for_draw",
        }
    }

    /// What is agreed: a match that is over within half a minute of any shard's care.
    fn terms(self) -> (u64, ClockStart) {
        match self {
            Self::Left | Self::NeverJoined => (15_000, ClockStart::AfterFirstMoves),
            Self::NeverJoinedAtOnce => (120_000, ClockStart::AtOnce),
            // The claim comes 10 s after the goodbye.
            Self::DesertedForWin | Self::DesertedForDraw => (30_000, ClockStart::AfterFirstMoves),
        }
    }

    /// Whether a match of this kind may end so after so many moves (MATCH.md, "first move", "flag" and
    /// "nobody comes").
    #[must_use]
    pub fn allows(self, moves: usize, outcome: Outcome, termination: Termination) -> bool {
        match self {
            Self::Left if moves >= 2 => termination == Termination::TimeForfeit,
            // The flag falls where a fault keeps Black away, or makes the wait begin anew.
            Self::DesertedForWin | Self::DesertedForDraw if moves >= 2 => {
                let claimed = match self {
                    Self::DesertedForDraw => Outcome::Draw,
                    _ => Outcome::BlackWins,
                };
                termination == Termination::TimeForfeit
                    || (termination == Termination::Abandoned && outcome == claimed)
            }
            // In the middle of a fault they could not move, as if they had never come.
            Self::Left | Self::DesertedForWin | Self::DesertedForDraw => {
                outcome == Outcome::Aborted
            }
            Self::NeverJoined | Self::NeverJoinedAtOnce => {
                moves == 0 && outcome == Outcome::Aborted
            }
        }
    }
}

impl fmt::Display for Neglect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A match that nobody attends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unattended {
    /// Which.
    pub id: MatchId,
    /// Why.
    pub neglect: Neglect,
    /// When it was made.
    pub made: Instant,
}

/// Two players who make matches, one after the other, and attend to none.
#[derive(Clone)]
pub struct Neglectful {
    /// Whom they ask for matches.
    pub matchmaker: Matchmaker,
    /// Their way to the shards.
    pub connector: Arc<Connector>,
    /// How long they wait for what.
    pub session: SessionConfig,
    /// How they come to leave their matches.
    pub neglect: Neglect,
    /// Between two of their matches. A match lasts some 20 s, and longer through faults, and a player
    /// may have a limited number of them.
    pub every: Duration,
}

impl Neglectful {
    /// Makes matches until `end`.
    ///
    /// # Errors
    ///
    /// When the matchmaker makes no players.
    pub async fn run(self, end: CancellationToken) -> Result<Vec<Unattended>, MatchmakerError> {
        let white = self.matchmaker.new_player(None).await?.token;
        let black = self.matchmaker.new_player(None).await?.token;
        let mut made = Vec::new();
        while !end.is_cancelled() {
            // One that does not come about in the middle of a fault is no loss: the next one will.
            let made_at = Instant::now();
            match self.make([&white, &black]).await {
                Ok(Some(id)) => made.push(Unattended {
                    id,
                    neglect: self.neglect,
                    made: made_at,
                }),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "no match to leave"),
            }
            tokio::select! {
                () = sleep(self.every) => {}
                () = end.cancelled() => {}
            }
        }
        Ok(made)
    }

    async fn make(&self, [white, black]: [&str; 2]) -> Result<Option<MatchId>, MatchmakerError> {
        let (ms, clock_start) = self.neglect.terms();
        let Ok(control) = TimeControl::from_millis(ms, 0) else {
            return Ok(None);
        };
        let challenge = NewChallenge {
            terms: Terms {
                clock_start,
                ..Terms::usual(control)
            },
            color: ColorChoice::White,
            opponent: None,
            opponent_name: None,
            open: false,
            expires_in_s: None,
        };
        let asked = self.matchmaker.create_challenge(white, &challenge).await?;
        let accepted = self.matchmaker.accept_challenge(black, &asked.id).await?;
        let attends = !matches!(
            self.neglect,
            Neglect::NeverJoined | Neglect::NeverJoinedAtOnce
        );
        if let Some(id) = accepted.match_id.filter(|_| attends) {
            let moves = async {
                tokio::join!(
                    self.move_once(id, Seat::White, white),
                    self.move_once(id, Seat::Black, black)
                )
            };
            // Who could not move by then leaves nevertheless.
            let within = match self.neglect {
                Neglect::DesertedForWin | Neglect::DesertedForDraw => CLAIMED_WITHIN,
                _ => MOVED_WITHIN,
            };
            let _ = timeout(within, moves).await;
        }
        Ok(accepted.match_id)
    }

    /// Takes a seat, makes the first move of its side, and leaves without a goodbye; White may say one, and Black
    /// then stay and claim the match.
    async fn move_once(&self, id: MatchId, seat: Seat, token: &str) {
        let source = PlayerSeat {
            matchmaker: self.matchmaker.clone(),
            token: token.to_owned(),
        };
        let connector = Arc::clone(&self.connector);
        let joined = SeatSession::join(connector, Arc::new(source), id, self.session).await;
        let Ok(mut session) = joined else { return };
        let own_ply = u16::from(seat == Seat::Black);
        let mut asked = false;
        while session.view().result().is_none() && session.machine().acked().is_empty() {
            let view = session.view();
            if !asked && view.is_my_turn() && view.ply() == own_ply {
                let legal = view.position().legal_moves();
                let Some(uci) = legal.first().map(|legal| legal.uci()) else {
                    return;
                };
                asked = session.play(uci).is_ok();
            }
            if session.next().await.is_err() || session.machine().over().is_some() {
                return;
            }
        }
        match (self.neglect, seat) {
            (Neglect::DesertedForWin | Neglect::DesertedForDraw, Seat::White) => {
                self.part(session).await;
            }
            (Neglect::DesertedForWin, Seat::Black) => {
                self.claim(session, CommandKind::ClaimWin).await;
            }
            (Neglect::DesertedForDraw, Seat::Black) => {
                self.claim(session, CommandKind::ClaimAbandonedDraw).await;
            }
            _ => {}
        }
    }

    /// Waits for the opponent's move, and says goodbye.
    async fn part(&self, mut session: SeatSession) {
        while session.view().ply() < 2 && session.view().result().is_none() {
            if session.next().await.is_err() || session.machine().over().is_some() {
                return;
            }
        }
        // Who cannot say goodbye is gone all the same.
        let _ = session.leave().await;
    }

    /// Stays and claims the match as soon as the opponent is gone for long enough.
    async fn claim(&self, mut session: SeatSession, claim: CommandKind) {
        let mut asked_for = None;
        while session.view().result().is_none() && session.machine().over().is_none() {
            let claimable = session.view().gone().map(|(_, at)| at);
            let due = claimable.filter(|at| asked_for != Some(*at));
            let wait = due.unwrap_or_else(Instant::now);
            tokio::select! {
                update = session.next() => if update.is_err() {
                    return;
                },
                () = sleep_until(wait.into()), if due.is_some() => {
                    asked_for = due;
                    let _ = session.command(claim);
                }
            }
        }
    }
}

/// Players of every kind at work.
pub struct Neglecting(JoinSet<Result<Vec<Unattended>, MatchmakerError>>);

impl Neglecting {
    /// Lets them begin; they make matches until `end`.
    #[must_use]
    pub fn begin(players: impl Fn(Neglect) -> Neglectful, end: &CancellationToken) -> Self {
        let mut making = JoinSet::new();
        for neglect in Neglect::ALL {
            making.spawn(players(neglect).run(end.clone()));
        }
        Self(making)
    }

    /// All matches that they have made, once they have come to their end; and what went wrong.
    pub async fn finish(mut self) -> (Vec<Unattended>, Vec<String>) {
        let (mut all, mut errors) = (Vec::new(), Vec::new());
        while let Some(made) = self.0.join_next().await {
            match made {
                Ok(Ok(made)) => all.extend(made),
                Ok(Err(error)) => errors.push(format!("no match to leave: {error}")),
                Err(error) => errors.push(format!("who leaves matches broke: {error}")),
            }
        }
        (all, errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_that_nobody_attends_ends_as_the_rules_say() {
        let no_start = (Outcome::Aborted, Termination::WhiteNoStart);
        let flag = (Outcome::BlackWins, Termination::TimeForfeit);
        let allows = |neglect: Neglect, moves, (outcome, how)| neglect.allows(moves, outcome, how);
        for neglect in [Neglect::NeverJoined, Neglect::NeverJoinedAtOnce] {
            assert!(allows(neglect, 0, no_start));
            assert!(!allows(neglect, 0, flag));
            assert!(!allows(neglect, 1, no_start));
        }
        assert!(allows(Neglect::Left, 2, flag));
        assert!(!allows(Neglect::Left, 2, no_start));
        assert!(allows(Neglect::Left, 1, no_start));
        let claimed = |outcome| (outcome, Termination::Abandoned);
        for (neglect, right, wrong) in [
            (Neglect::DesertedForWin, Outcome::BlackWins, Outcome::Draw),
            (Neglect::DesertedForDraw, Outcome::Draw, Outcome::BlackWins),
        ] {
            assert!(allows(neglect, 2, claimed(right)));
            assert!(!allows(neglect, 2, claimed(wrong)));
            assert!(!allows(neglect, 1, claimed(right)), "both must have moved");
            assert!(allows(neglect, 2, flag), "a fault began the wait anew");
        }
    }
}
