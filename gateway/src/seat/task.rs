//! The task of one seat: it owns the session, answers what is asked, and writes the streams of the game.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::seat::{CommandError, PlayerSeat};
use client::{MatchView, SeatError, SeatSession, Update};
use game_core::{
    CommandId, CommandKind, EventKind, MatchId, Refusal as Rule, Seat, Uci, UnixMillis, WithMove,
};
use protocol::{ChatLine, CloseCode, WireRefusal};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::moves::{Sent, Verdict, is_last_of};
use crate::acts::Act;
use crate::identity::Caller;
use crate::lines::{LineSender, line};
use crate::refusal::{NOT_YOUR_TURN, Refusal};
use crate::seats::{Answer, Ask};
use crate::shapes::game;
use crate::state::{Gateway, session_config};

/// A seat without a stream is given up when nothing was asked for this long. A client that lost its stream is back
/// sooner; after it, the opponent is told that the seat is empty.
const IDLE_MAX: Duration = Duration::from_secs(15);
/// How often it is looked whether anybody still wants the seat.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A seat that another connection of its player has taken is taken back after this, while streams of it are open.
const RETAKE_AFTER: Duration = Duration::from_secs(1);
/// Lines of chat that wait for a seat.
const SAID_MAX: usize = 4;
/// What clients call the room of the players.
const ROOM: &str = "player";

/// One seat.
pub(super) struct Task {
    gateway: Arc<Gateway>,
    caller: Caller,
    id: MatchId,
    asks: mpsc::Receiver<Ask>,
    streams: Vec<LineSender>,
    pending: HashMap<CommandId, Pending>,
    /// The moves, as clients read them.
    moves: String,
    /// The seq of the last move or takeback in `moves`.
    moves_seq: Option<u32>,
    /// This seat's last move, whose answer no client got.
    unanswered: Option<Uci>,
    /// Whether a stream of the game was ever opened here.
    has_streamed: bool,
    /// The opponent is told of as gone.
    is_gone: bool,
    was_paused: bool,
    asked_at: Instant,
}

/// What waits for the shard's answer.
enum Pending {
    Move { uci: Uci, answers: Vec<Answer> },
    Act { act: Act, answer: Answer },
}

/// Why a task goes on without a session, or ends.
enum Left {
    /// The seat is to be taken again.
    Again,
    /// Nobody wants it any more.
    Done,
}

impl Task {
    pub(super) fn new(
        gateway: &Arc<Gateway>,
        caller: &Caller,
        id: MatchId,
        asks: mpsc::Receiver<Ask>,
    ) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            caller: caller.clone(),
            id,
            asks,
            streams: Vec::new(),
            pending: HashMap::new(),
            moves: String::new(),
            moves_seq: None,
            unanswered: None,
            has_streamed: false,
            is_gone: false,
            was_paused: false,
            asked_at: Instant::now(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut waiting = Vec::new();
        loop {
            let Some(mut session) = self.join(&mut waiting).await else {
                return;
            };
            if !self.streams.is_empty() {
                self.tell_state(session.view());
            }
            for ask in waiting.drain(..) {
                self.asked(&mut session, ask);
            }
            match self.play(&mut session).await {
                Ok(Left::Done) => return,
                Ok(Left::Again) => {
                    // Whoever waits asks the next session.
                    self.pending.clear();
                    sleep(RETAKE_AFTER).await;
                }
                Err(error) => {
                    tracing::warn!(%error, id = %self.id, "a seat is lost");
                    return;
                }
            }
        }
    }

    /// Takes the seat. What is asked meanwhile waits; `None` if nobody wants it any more, or it cannot be taken.
    async fn join(&mut self, waiting: &mut Vec<Ask>) -> Option<SeatSession> {
        let source = PlayerSeat {
            matchmaker: self.gateway.patient.clone(),
            token: self.caller.token.to_string(),
        };
        let connector = Arc::clone(&self.gateway.connector);
        let joining = SeatSession::join(connector, Arc::new(source), self.id, session_config());
        tokio::pin!(joining);
        let mut look = interval(LOOK_EVERY);
        loop {
            tokio::select! {
                biased;
                joined = &mut joining => return match joined {
                    Ok(session) => Some(session),
                    Err(error) => {
                        self.refuse_all(waiting, error);
                        None
                    }
                },
                ask = self.asks.recv() => {
                    self.asked_at = Instant::now();
                    // Who has been told to ask again does not wait any more.
                    waiting.retain(|ask| !ask.is_given_up());
                    // Of chat, as much waits as somebody may want to read.
                    let said = waiting.iter().filter(|ask| matches!(ask, Ask::Say(_))).count();
                    let is_one_too_many = said >= SAID_MAX && matches!(ask, Some(Ask::Say(_)));
                    if !is_one_too_many {
                        waiting.extend(ask);
                    }
                }
                _ = look.tick() => {
                    if !self.is_wanted() {
                        return None;
                    }
                }
            }
        }
    }

    fn refuse_all(&mut self, waiting: &mut Vec<Ask>, error: SeatError) {
        let refusal = Refusal::from(error);
        self.asks.close();
        while let Ok(ask) = self.asks.try_recv() {
            waiting.push(ask);
        }
        for ask in waiting.drain(..) {
            ask.refuse(&refusal);
        }
    }

    async fn play(&mut self, session: &mut SeatSession) -> Result<Left, SeatError> {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                ask = self.asks.recv() => {
                    self.asked_at = Instant::now();
                    if let Some(ask) = ask {
                        self.asked(session, ask);
                    }
                }
                update = session.next() => match update? {
                    Update::Closed(CloseCode::Superseded) if self.has_streams() => {
                        return Ok(Left::Again);
                    }
                    Update::Closed(_) => return Ok(Left::Done),
                    update => self.updated(session, update),
                },
                _ = look.tick() => {
                    if !self.is_wanted() {
                        return Ok(Left::Done);
                    }
                }
            }
        }
    }

    fn has_streams(&mut self) -> bool {
        self.streams.retain(|stream| !stream.is_closed());
        !self.streams.is_empty()
    }

    fn is_wanted(&mut self) -> bool {
        self.has_streams() || self.asked_at.elapsed() < IDLE_MAX
    }

    // ---- what is asked -----------------------------------------------------------------------------

    fn asked(&mut self, session: &mut SeatSession, ask: Ask) {
        match ask {
            Ask::Stream {
                lines,
                created_at,
                answer,
            } => self.open_stream(session.view(), lines, created_at, answer),
            Ask::Move {
                uci,
                offers_draw,
                answer,
            } => self.asked_to_move(session, uci, offers_draw, answer),
            Ask::Act { act, answer } => {
                if act.is_done(session.view()) {
                    reply(answer, Ok(()));
                } else {
                    let kind = act.command(session.view());
                    self.act(session, act, kind, answer);
                }
            }
            Ask::Say(text) => {
                if let Err(error) = session.say(&text) {
                    tracing::debug!(%error, id = %self.id, "a line of chat is not said");
                }
            }
            Ask::ReadChat(answer) => reply(answer, Ok(session.view().chat().to_vec())),
        }
    }

    fn open_stream(
        &mut self,
        view: &MatchView,
        lines: LineSender,
        created_at: UnixMillis,
        answer: Answer,
    ) {
        // A client that was told to ask again opens another one.
        if answer.is_closed() {
            return;
        }
        self.write_moves(view);
        let now = Instant::now().into_std();
        let full = game::full(view, &self.moves, created_at, now);
        if lines.try_send(full).is_ok() {
            reply(answer, Ok(()));
            self.has_streamed = true;
            // That of a finished game has one line.
            if view.result().is_none() {
                self.streams.push(lines);
            }
        }
    }

    fn asked_to_move(
        &mut self,
        session: &mut SeatSession,
        uci: Uci,
        offers_draw: bool,
        answer: Answer,
    ) {
        let view = session.view();
        let Some(seat) = view.seat() else {
            return reply(answer, Err(Refusal::not_your_game()));
        };
        // Until it is answered, the position does not show it.
        let waits = self.pending.values_mut().find_map(|pending| match pending {
            Pending::Move { uci, answers } => Some((*uci, answers)),
            Pending::Act { .. } => None,
        });
        if let Some((waiting, answers)) = waits {
            if waiting == uci {
                answers.retain(|answer| !answer.is_closed());
                return answers.push(answer);
            }
            return reply(answer, Err(Refusal::bad(NOT_YOUR_TURN)));
        }
        match self.sent(view, seat, uci).verdict() {
            Verdict::Repetition => {
                self.unanswered = None;
                reply(answer, Ok(()));
            }
            Verdict::NotYourTurn => reply(answer, Err(Refusal::bad(NOT_YOUR_TURN))),
            Verdict::Illegal => reply(answer, Err(Refusal::bad(format!("Invalid UCI: {uci}")))),
            Verdict::Play => {
                self.unanswered = None;
                self.make_move(session, uci, offers_draw, answer);
            }
        }
    }

    fn sent(&self, view: &MatchView, seat: Seat, uci: Uci) -> Sent {
        let is_turn = view.is_my_turn();
        let is_legal = is_turn && view.position().resolve(uci).is_some();
        let is_unanswered = self.unanswered == Some(uci);
        let has_seen = self.has_streamed;
        // To look for it costs a replay of the game, which the usual move does not need.
        let is_last = !(is_legal && has_seen && !is_unanswered) && is_last_of(view, seat, uci);
        Sent {
            is_turn,
            is_legal,
            is_last,
            is_unanswered,
            has_seen,
        }
    }

    fn make_move(
        &mut self,
        session: &mut SeatSession,
        uci: Uci,
        offers_draw: bool,
        answer: Answer,
    ) {
        let view = session.view();
        let sent = match (offers_draw, view.draw_offer()) {
            // To offer what is offered is to agree, which ends the game before the move.
            (true, Some(offerer)) if view.seat() != Some(offerer) => {
                session.command(CommandKind::AcceptDraw)
            }
            (true, None) if view.has_begun() => session.play_with(uci, WithMove::DrawOffer),
            _ => session.play(uci),
        };
        self.wait_for(sent, uci, vec![answer]);
    }

    fn wait_for(&mut self, sent: Result<CommandId, CommandError>, uci: Uci, answers: Vec<Answer>) {
        match sent {
            Ok(id) => drop(self.pending.insert(id, Pending::Move { uci, answers })),
            Err(error) => {
                tracing::debug!(%error, id = %self.id, "a move is not taken");
                for answer in answers {
                    reply(answer, Err(Refusal::unavailable()));
                }
            }
        }
    }

    fn act(&mut self, session: &mut SeatSession, act: Act, kind: CommandKind, answer: Answer) {
        match session.command(kind) {
            Ok(id) => drop(self.pending.insert(id, Pending::Act { act, answer })),
            Err(_) => reply(answer, Err(Refusal::unavailable())),
        }
    }

    // ---- what happens ------------------------------------------------------------------------------

    fn updated(&mut self, session: &mut SeatSession, update: Update) {
        match update {
            Update::Event { event, .. } => {
                let follows_the_end = matches!(
                    event.kind,
                    Some(
                        EventKind::RematchOffered
                            | EventKind::RematchDeclined
                            | EventKind::RematchAgreed { .. }
                    )
                );
                if !follows_the_end {
                    self.tell_state(session.view());
                }
                if event.kind == Some(EventKind::Resumed) {
                    // A client whose move was refused meanwhile makes it only in a game that it comes to anew.
                    self.streams.clear();
                }
            }
            Update::Joined { .. } => self.tell_state(session.view()),
            Update::Acked { acked, .. } => self.acked(acked.id),
            Update::Refused { id, kind, reason } => self.refused(session, id, kind, reason),
            Update::Gone { claim_in, .. } => self.tell_gone(claim_in),
            Update::Presence { seat, connected } => {
                if connected && session.view().seat() != Some(seat) {
                    self.tell_gone(None);
                }
            }
            Update::Chat(lines) => {
                for said in lines {
                    self.tell(chat_line(&said));
                }
            }
            Update::Paused => self.was_paused = true,
            Update::Clock => {
                // The clocks stood still, of which clients know nothing.
                if std::mem::take(&mut self.was_paused) {
                    self.tell_state(session.view());
                }
            }
            Update::Said { .. }
            | Update::NotSaid { .. }
            | Update::Unresponsive
            | Update::Responsive
            | Update::Reconnecting(_)
            | Update::Closed(_) => {}
        }
    }

    fn acked(&mut self, id: CommandId) {
        match self.pending.remove(&id) {
            Some(Pending::Move { uci, answers }) => {
                let mut is_heard = false;
                for answer in answers {
                    is_heard |= answer.send(Ok(())).is_ok();
                }
                self.unanswered = (!is_heard).then_some(uci);
            }
            Some(Pending::Act { answer, .. }) => reply(answer, Ok(())),
            None => {}
        }
    }

    fn refused(
        &mut self,
        session: &mut SeatSession,
        id: CommandId,
        kind: CommandKind,
        reason: WireRefusal,
    ) {
        match self.pending.remove(&id) {
            Some(Pending::Move { uci, answers }) if is_of_offer(kind, reason) => {
                // The move stands without what was said with it.
                let sent = session.play(uci);
                self.wait_for(sent, uci, answers);
            }
            Some(Pending::Move { uci, answers }) => {
                let view = session.view();
                let seat = view.seat().unwrap_or(Seat::White);
                // Another gateway has made it.
                let is_done = is_last_of(view, seat, uci);
                for answer in answers {
                    let refusal = Refusal::of_command(reason);
                    reply(answer, if is_done { Ok(()) } else { Err(refusal) });
                }
            }
            Some(Pending::Act { act, answer }) => {
                if act.is_always_well() || act.is_done(session.view()) {
                    reply(answer, Ok(()));
                } else if let Some(kind) = act.instead(kind, reason) {
                    self.act(session, act, kind, answer);
                } else {
                    reply(answer, Err(Refusal::of_command(reason)));
                }
            }
            None => {}
        }
    }

    // ---- what is told ------------------------------------------------------------------------------

    /// Writes the moves of the match as text, unless they are the same as before.
    fn write_moves(&mut self, view: &MatchView) {
        let seq = view.position_seq();
        if self.moves_seq != Some(seq) {
            self.moves = game::moves_text(view.moves());
            self.moves_seq = Some(seq);
        }
    }

    /// The state of the game goes to all streams, which end with the game.
    fn tell_state(&mut self, view: &MatchView) {
        self.write_moves(view);
        if !self.streams.is_empty() {
            let state = game::state(view, &self.moves, Instant::now().into_std());
            self.tell(line(&state));
        }
        if view.result().is_some() {
            self.streams.clear();
            // There may be something left to say.
            self.asked_at = Instant::now();
        }
    }

    fn tell_gone(&mut self, claim_in: Option<Duration>) {
        let gone = claim_in.is_some();
        if !gone && !self.is_gone {
            return;
        }
        self.is_gone = gone;
        let mut said = json!({"type": "opponentGone", "gone": gone});
        if let Some(claim_in) = claim_in {
            said["claimWinInSeconds"] = (claim_in.as_millis().div_ceil(1_000) as u64).into();
        }
        self.tell(line(&said));
    }

    /// A line for all streams. A client that does not read is cut off.
    fn tell(&mut self, said: Bytes) {
        self.streams
            .retain(|stream| stream.try_send(said.clone()).is_ok());
    }
}

/// Whether a move was refused for the offer that was made with it, or accepted by it.
const fn is_of_offer(kind: CommandKind, reason: WireRefusal) -> bool {
    let offers = matches!(
        kind,
        CommandKind::AcceptDraw
            | CommandKind::Move {
                with: WithMove::DrawOffer,
                ..
            }
    );
    let refuses = matches!(
        reason,
        WireRefusal::Match(
            Rule::OfferTooSoon | Rule::TooEarly | Rule::NoOffer | Rule::TooManyEvents
        )
    );
    offers && refuses
}

fn chat_line(said: &ChatLine) -> Bytes {
    line(&json!({
        "type": "chatLine",
        "room": ROOM,
        "username": said.name,
        "text": said.text,
    }))
}

/// Whoever asked may have gone away.
fn reply<T>(answer: Answer<T>, said: Result<T, Refusal>) {
    let _ = answer.send(said);
}

impl Ask {
    fn is_given_up(&self) -> bool {
        match self {
            Self::Stream { answer, .. } | Self::Move { answer, .. } | Self::Act { answer, .. } => {
                answer.is_closed()
            }
            Self::ReadChat(answer) => answer.is_closed(),
            Self::Say(_) => false,
        }
    }

    fn refuse(self, refusal: &Refusal) {
        match self {
            Self::Stream { answer, .. } | Self::Move { answer, .. } | Self::Act { answer, .. } => {
                reply(answer, Err(refusal.clone()));
            }
            Self::ReadChat(answer) => reply(answer, Err(refusal.clone())),
            Self::Say(_) => {}
        }
    }
}
