//! The two bots, who play what was played.

use std::sync::Arc;
use std::time::{Duration, Instant};

use client::seat::{Acked, PlayerSeat, SeatSession, SeatTimes, SessionConfig, Update};
use client::{Connector, Matchmaker};
use game_core::{ColorChoice, CommandKind, Epoch, MatchId, Seat, WithMove};
use lab::replay::{Ending, Game};
use protocol::http::{NewChallenge, PlayerReply, Start, Terms};
use tokio::sync::watch;
use tokio::time::sleep;

use super::Failure;
use super::kill::heard_of;

/// How long the bots think: in proportion to what the people took, but never long.
pub(super) struct ThinkingTimes(Vec<Duration>);

impl ThinkingTimes {
    /// People's time is shortened by this.
    const HASTE: u32 = 20;
    const LEAST: Duration = Duration::from_millis(150);
    const MOST: Duration = Duration::from_millis(1_200);

    pub(super) fn new(game: &Game, speed: u32) -> Self {
        let increment = game.time_control.increment();
        let thought = |ply: usize| {
            let before = game.clocks.get(ply.checked_sub(2)?)?.as_ref()?;
            let after = game.clocks.get(ply)?.as_ref()?;
            Some((*before + increment).saturating_sub(*after))
        };
        let pace = |ply| {
            let thought = thought(ply).unwrap_or_default() / Self::HASTE;
            thought.clamp(Self::LEAST, Self::MOST) / speed
        };
        Self((0..game.moves.len()).map(pace).collect())
    }

    fn of(&self, ply: u16) -> Duration {
        self.0.get(usize::from(ply)).copied().unwrap_or(Self::LEAST)
    }
}

/// Two players with a match to play.
pub(super) struct BotPair {
    pub(super) match_id: MatchId,
    matchmaker: Matchmaker,
    white: PlayerReply,
    black: PlayerReply,
}

impl BotPair {
    /// Makes the players, and a challenge that the other accepts.
    pub(super) async fn arrange(matchmaker: &Matchmaker, game: &Game) -> Result<Self, Failure> {
        let name = |seat| game.player_name(seat);
        let white = matchmaker.new_bot(name(Seat::White).as_deref()).await?;
        let black = matchmaker.new_bot(name(Seat::Black).as_deref()).await?;
        let challenge = NewChallenge {
            terms: Terms {
                start: game.start_fen.clone().map_or(Start::Usual, Start::Fen),
                ..Terms::usual(game.time_control)
            },
            color: ColorChoice::White,
            opponent: Some(black.player.clone()),
            opponent_name: None,
            open: false,
            expires_in_s: None,
        };
        let ticket = matchmaker
            .create_challenge(&white.token, &challenge)
            .await?;
        let accepted = matchmaker
            .accept_challenge(&black.token, &ticket.id)
            .await?;
        let match_id = accepted.match_id.ok_or("the matchmaker names no match")?;
        Ok(Self {
            match_id,
            matchmaker: matchmaker.clone(),
            white,
            black,
        })
    }

    /// Both play the game to its end; `epoch` receives the epochs of its owners.
    pub(super) async fn play(
        &self,
        connector: Arc<Connector>,
        game: &Game,
        pace: ThinkingTimes,
        epoch: &watch::Sender<Epoch>,
    ) -> Result<[PlayedSeat; 2], Failure> {
        let seat = |player: &PlayerReply| {
            let matchmaker = self.matchmaker.clone();
            let source = PlayerSeat {
                matchmaker,
                token: player.token.clone(),
            };
            SeatSession::join(
                Arc::clone(&connector),
                Arc::new(source),
                self.match_id,
                session(),
            )
        };
        let (white, black) = tokio::try_join!(seat(&self.white), seat(&self.black))?;
        let (white, black) = tokio::try_join!(
            play_seat(white, Seat::White, game, &pace, epoch),
            play_seat(black, Seat::Black, game, &pace, epoch)
        )?;
        Ok([white, black])
    }
}

/// The acknowledgements that a player received.
pub(super) struct PlayedSeat {
    pub(super) acked: Vec<Acked>,
    /// When each acknowledgement came.
    pub(super) acked_at: Vec<Instant>,
    /// How often the seat was taken again.
    pub(super) resumed: u32,
}

/// One bot: its moves when it is its turn, and the end as the game had it.
async fn play_seat(
    mut session: SeatSession,
    seat: Seat,
    game: &Game,
    pace: &ThinkingTimes,
    epoch: &watch::Sender<Epoch>,
) -> Result<PlayedSeat, Failure> {
    let mut answered = None;
    let mut acked_at = Vec::new();
    while session.view().result().is_none() || session.machine().unanswered() > 0 {
        let ply = session.view().ply();
        let kind = match game.moves.get(usize::from(ply)) {
            Some(&uci) if session.view().is_my_turn() => Some(CommandKind::Move {
                position_seq: session.view().position_seq(),
                uci,
                with: WithMove::Nothing,
            }),
            Some(_) => None,
            None => last_word(game, seat, session.view().draw_offer()),
        };
        if let Some(kind) = kind.filter(|_| answered != Some(ply)) {
            sleep(pace.of(ply)).await;
            session.command(kind)?;
            answered = Some(ply);
        }
        let update = session.next().await?;
        heard_of(session.view().epoch(), epoch);
        match update {
            Update::Acked { .. } => acked_at.push(Instant::now()),
            Update::Refused { reason, .. } => {
                return Err(format!("{seat}'s command was refused: {reason}").into());
            }
            Update::Closed(code) => return Err(format!("{seat} was sent away: {code}").into()),
            _ => {}
        }
    }
    let played = PlayedSeat {
        acked: session.machine().acked().to_vec(),
        acked_at,
        resumed: session.resumed(),
    };
    session.leave().await?;
    Ok(played)
}

/// What a seat does when all moves are played and the board does not decide.
fn last_word(game: &Game, seat: Seat, offer: Option<Seat>) -> Option<CommandKind> {
    match game.ending {
        Ending::ByTheRules => None,
        Ending::Resignation(loser) | Ending::TimeForfeit(loser) => {
            (loser == seat).then_some(CommandKind::Resign)
        }
        Ending::Agreement => match (seat, offer) {
            (Seat::White, None) => Some(CommandKind::OfferDraw),
            (Seat::Black, Some(Seat::White)) => Some(CommandKind::AcceptDraw),
            _ => None,
        },
    }
}

/// A session that notices at once when its shard is gone: this machine loses no packets.
pub(super) fn session() -> SessionConfig {
    let times = SeatTimes {
        answer_max: Duration::from_secs(1),
        silence_max: Some(Duration::from_secs(2)),
        ..SeatTimes::interactive()
    };
    SessionConfig {
        times,
        ..SessionConfig::default()
    }
}
