//! A player: a real session over the simulated network, and moves that the seed chooses.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::connection::ConnectionTimes;
use client::seat::{Acked, SeatTimes};
use client::{Connector, MatchView, SeatError, SeatSession, SessionConfig, Update};
use game_core::{CommandKind, EventKind, MatchId, Move, Outcome, Seat, Termination, Uci, WithMove};
use protocol::{Role, WireEvent, WireRefusal};
use tokio::time::{Instant, timeout_at};

use super::cluster::{Cluster, Source};
use super::dice::Dice;
use super::endpoints;

/// A player resigns at this ply, if nothing ended the match before.
const PLIES: u16 = 36;

/// What a player saw of its match.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) match_id: MatchId,
    pub(crate) seat: Seat,
    /// Every update, with the simulated time at which it came.
    pub(crate) history: Vec<String>,
    pub(crate) events: Vec<(u32, WireEvent)>,
    pub(crate) acked: Vec<Acked>,
    pub(crate) moves: Vec<Uci>,
    pub(crate) result: Option<(Outcome, Termination)>,
    pub(crate) resumed: u32,
    /// What it saw that it must not have seen.
    pub(crate) wrong: Option<String>,
}

pub(crate) struct Player {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) dice: Dice,
    pub(crate) match_id: MatchId,
    pub(crate) seat: Seat,
    pub(crate) address: SocketAddr,
}

impl Player {
    /// Plays to the end of the match.
    pub(crate) async fn play(self) -> Result<Seen, String> {
        let who = format!("{:?} of {}", self.seat, self.match_id);
        let mut table = Table {
            began: Instant::now(),
            commands: None,
            moved_at: None,
            answered: BTreeSet::new(),
            seen: Seen {
                match_id: self.match_id,
                seat: self.seat,
                history: Vec::new(),
                events: Vec::new(),
                acked: Vec::new(),
                moves: Vec::new(),
                result: None,
                resumed: 0,
                wrong: None,
            },
            player: self,
        };
        match table.play().await {
            Ok(()) => Ok(table.seen),
            Err(error) => {
                let last = table.seen.history.iter().rev().take(12).rev();
                let last: Vec<_> = last.map(String::as_str).collect();
                Err(format!(
                    "{who}: {error}; the last it saw:\n{}",
                    last.join("\n")
                ))
            }
        }
    }

    async fn join(&self) -> Result<SeatSession, SeatError> {
        let endpoint = endpoints::of_player(&self.cluster.network, self.address, self.dice);
        let connector = Connector::with_endpoints(vec![endpoint], None, ConnectionTimes::default());
        let source = Source {
            cluster: Arc::clone(&self.cluster),
            dice: self.dice.of("source"),
            role: Role::from(self.seat),
            asked: Mutex::new(0),
        };
        // The session draws its waits at random between half and all of these. As timers have
        // milliseconds, a wait of one is always one; `Source` waits instead.
        let wait = Duration::from_millis(1);
        let config = SessionConfig {
            times: SeatTimes {
                silence_max: Some(Duration::from_secs(20)),
                ..SeatTimes::default()
            },
            patience: Duration::from_secs(120),
            retry: (wait, wait),
            flags: protocol::JoinFlags::NONE,
        };
        SeatSession::join(Arc::new(connector), Arc::new(source), self.match_id, config).await
    }
}

struct Table {
    player: Player,
    began: Instant,
    /// The first command's id, which the session draws at random.
    commands: Option<u64>,
    moved_at: Option<u16>,
    /// Plies at which an offer was answered.
    answered: BTreeSet<u16>,
    seen: Seen,
}

impl Table {
    async fn play(&mut self) -> Result<(), String> {
        let joined = self.player.join().await;
        let mut session = joined.map_err(|error| error.to_string())?;
        self.check_view(session.view());
        self.note("joined".to_owned());
        loop {
            if session.view().result().is_some() && session.machine().unanswered() == 0 {
                break;
            }
            let mut think_until = None;
            let ply = session.view().ply();
            if session.view().is_my_turn() && self.moved_at != Some(ply) {
                let think = self.player.dice.of("think").between(ply.into(), 20, 600);
                think_until = Some(Instant::now() + Duration::from_millis(think));
            }
            self.listen(&mut session, ply, think_until).await?;
            if think_until.is_some_and(|until| until <= Instant::now())
                && session.view().ply() == ply
            {
                self.moved_at = Some(ply);
                let kind = self.choose(session.view(), ply);
                self.command(&mut session, kind)?;
            }
        }
        let view = session.view();
        self.seen.moves = view.moves().to_vec();
        self.seen.result = view.result();
        self.seen.resumed = session.resumed();
        self.seen.acked = session.machine().acked().to_vec();
        session.leave().await.map_err(|error| error.to_string())
    }

    /// Takes in what comes until it is time to move, or the position is another one, or for a moment.
    async fn listen(
        &mut self,
        session: &mut SeatSession,
        ply: u16,
        until: Option<Instant>,
    ) -> Result<(), String> {
        let end = until.unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
        while session.view().ply() == ply && session.view().result().is_none() {
            let Ok(update) = timeout_at(end, session.next()).await else {
                return Ok(());
            };
            self.learn(session, update.map_err(|error| error.to_string())?)?;
            if until.is_none() && session.view().is_my_turn() && self.moved_at != Some(ply) {
                return Ok(());
            }
        }
        if session.view().result().is_some()
            && let Ok(update) = timeout_at(end, session.next()).await
        {
            self.learn(session, update.map_err(|error| error.to_string())?)?;
        }
        Ok(())
    }

    fn learn(&mut self, session: &mut SeatSession, update: Update) -> Result<(), String> {
        self.check_view(session.view());
        let first = self.commands.unwrap_or_default();
        let line = match &update {
            Update::Acked { acked, after } => {
                let n = acked.id.0 - first;
                format!(
                    "command {n} is event {} under {} after {after:?}",
                    acked.event, acked.epoch
                )
            }
            Update::Refused { id, kind, reason } => {
                format!("command {} refused: {kind:?}, {reason:?}", id.0 - first)
            }
            other => format!("{other:?}"),
        };
        self.note(line);
        match update {
            Update::Event { seq, event } => {
                self.check_event(seq, &event);
                self.answer_offer(session, &event)?;
                self.seen.events.push((seq, event));
            }
            Update::Refused {
                kind: CommandKind::Move { position_seq, .. },
                reason,
                ..
            } => {
                let view = session.view();
                let open = view.result().is_none() && view.position_seq() == position_seq;
                if open && !matches!(reason, WireRefusal::Paused | WireRefusal::RateLimited) {
                    return Err(format!("a legal move was refused: {reason:?}"));
                }
                self.moved_at = None;
            }
            Update::Closed(code) if session.view().result().is_none() => {
                return Err(format!("the shard closed the seat of a live match: {code}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn answer_offer(&mut self, session: &mut SeatSession, event: &WireEvent) -> Result<(), String> {
        let view = session.view();
        let ply = view.ply();
        let offered = matches!(
            event.kind,
            Some(
                EventKind::DrawOffered
                    | EventKind::Moved {
                        with: WithMove::DrawOffer,
                        ..
                    }
            )
        );
        let theirs = view.draw_offer() == Some(self.player.seat.opponent());
        if offered && theirs && view.result().is_none() && self.answered.insert(ply) {
            let answers = [CommandKind::AcceptDraw, CommandKind::DeclineDraw];
            let roll = self.player.dice.of("answer").roll(ply.into());
            if let Some(&kind) = answers.get(roll as usize % 6) {
                self.command(session, kind)?;
            }
        }
        Ok(())
    }

    fn command(&mut self, session: &mut SeatSession, kind: CommandKind) -> Result<(), String> {
        let id = session.command(kind).map_err(|error| error.to_string())?;
        self.commands.get_or_insert(id.0);
        Ok(())
    }

    /// A legal move, or the end of it.
    fn choose(&self, view: &MatchView, ply: u16) -> CommandKind {
        let mut moves: Vec<Uci> = view
            .position()
            .legal_moves()
            .into_iter()
            .map(Move::uci)
            .collect();
        moves.sort_by_key(ToString::to_string);
        let roll = self.player.dice.of("move").roll(ply.into());
        match moves.get(roll as usize % moves.len().max(1)) {
            Some(&uci) if ply < PLIES => {
                // Once: a second offer may come too soon.
                let offers = self.player.dice.of("offer").between(0, 2, 30) == u64::from(ply);
                CommandKind::Move {
                    position_seq: view.position_seq(),
                    uci,
                    with: if offers {
                        WithMove::DrawOffer
                    } else {
                        WithMove::Nothing
                    },
                }
            }
            _ => CommandKind::Resign,
        }
    }

    /// Nothing in view is newer than what the store has confirmed to some shard.
    fn check_view(&mut self, view: &MatchView) {
        let world = self.player.cluster.store.world();
        let confirmed = world.courses[&self.player.match_id].answered;
        if view.seq() as usize > confirmed {
            let wrong = format!("saw event {}, with {confirmed} confirmed", view.seq());
            self.seen.wrong.get_or_insert(wrong);
        }
    }

    fn check_event(&mut self, seq: u32, event: &WireEvent) {
        let world = self.player.cluster.store.world();
        let log = world.model.log(self.player.match_id);
        let stored = log.get(seq as usize - 1);
        if stored.is_none_or(|stored| (stored.seat, Some(stored.kind)) != (event.seat, event.kind))
        {
            let wrong = format!("saw {event:?} as event {seq}, where the log has {stored:?}");
            self.seen.wrong.get_or_insert(wrong);
        }
    }

    fn note(&mut self, what: String) {
        let at = self.began.elapsed();
        self.seen
            .history
            .push(format!("{:>9.3} {what}", at.as_secs_f64()));
    }
}
