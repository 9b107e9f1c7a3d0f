//! A bot in one seat, or before the board as a spectator, with its oracle.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use game_core::{CommandId, CommandKind, MatchId, Uci};
use protocol::{ChatRefusal, Role, WireRefusal};
use rand::RngExt;
use tokio::time::{Instant, sleep_until};

use super::conduct::{Conduct, Manner, Turn, Wish, claim_is_denied};
use super::engines::Choice;
use super::operations::Operations;
use super::oracle::history::History;
use super::oracle::{Account, Breach, Oracle, Promise};
use super::think::exponential;
use super::world::{BotSeat, GIVES_UP_FIRST, World};
use crate::acked_log::kind_name;
use crate::engine::Task;
use client::seat::{Acked, SeatSource};
use client::{MatchView, SeatError, SeatSession, Update};

/// Sessions of one client, one after the other; each has a patience of its own.
const SESSIONS_MAX: u32 = 5;
/// Refusals of a player's moves in a row after which it believes that nothing is taken any more.
const REFUSALS_MAX: u32 = 50;
/// After the end of a match, who wants a rematch waits for it so long at the most.
const LINGERS: Duration = Duration::from_secs(8);
/// A match that is not given up yet is given up again after this.
const GIVE_UP_AGAIN: Duration = Duration::from_secs(10);

/// How a bot plays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) seed: u64,
    pub(super) manner: Manner,
    /// Between two connections dropped on purpose, on average; `None` for never.
    pub(super) reconnects: Option<Duration>,
    /// At the end of the soak, matches are given up over this time.
    pub(super) closes_over: Duration,
    /// Some player of the match offers a rematch.
    pub(super) sees_rematch: bool,
}

/// A client in a match.
pub(super) struct Bot {
    world: Arc<World>,
    source: Arc<dyn SeatSource>,
    match_id: MatchId,
    role: Role,
    style: Style,
    conduct: Conduct,
    oracle: Oracle,
    operations: Option<Operations>,
    /// Acknowledged in sessions before the present one.
    acked: Vec<Acked>,
    /// How many moves stood when each move was made.
    plies: HashMap<CommandId, u16>,
    account: Option<Account>,
    /// The position for which something was asked and not refused.
    asked_at: Option<u32>,
    /// Refusals since the last acknowledgement.
    refusals: u32,
    think_until: Option<Instant>,
    choice: Option<Choice>,
    reconnect_at: Option<Instant>,
    give_up_at: Option<Instant>,
    /// After the end, it waits for a rematch until then.
    lingers_until: Option<Instant>,
    /// Lines of chat of this session, by their numbers.
    lines: HashMap<u64, String>,
    /// Those that were confirmed, of all sessions.
    said: Vec<String>,
}

/// Why a session ends before its match.
enum Stop {
    /// Another may do better.
    Session(SeatError),
    Broken(Breach),
}

impl From<SeatError> for Stop {
    fn from(error: SeatError) -> Self {
        Self::Session(error)
    }
}

/// Whether a command is what a player does when it is its turn.
const fn takes_the_turn(kind: CommandKind) -> bool {
    matches!(
        kind,
        CommandKind::Move { .. } | CommandKind::Resign | CommandKind::ClaimDraw
    )
}

impl Bot {
    /// A client with a player token, who asks the matchmaker of this number.
    pub(super) fn new(
        world: &Arc<World>,
        (token, matchmaker): (String, usize),
        (match_id, role): (MatchId, Role),
        style: Style,
    ) -> Self {
        let source = BotSeat {
            world: Arc::clone(world),
            matchmaker,
            token,
            role,
        };
        let operations = world.operations.as_ref();
        let mut bot = Self {
            operations: operations.map(|log| log.client(match_id, role)),
            world: Arc::clone(world),
            source: Arc::new(source),
            match_id,
            role,
            style,
            conduct: Conduct::new(style.seed, style.manner),
            oracle: Oracle::new(role, world.holds_against_the_log()),
            acked: Vec::new(),
            plies: HashMap::new(),
            account: None,
            asked_at: None,
            refusals: 0,
            think_until: None,
            choice: None,
            reconnect_at: None,
            give_up_at: None,
            lingers_until: None,
            lines: HashMap::new(),
            said: Vec::new(),
        };
        bot.plan_reconnect();
        bot
    }

    /// Plays (or watches) to the end; what it knows then is had by [`Bot::account`]. May be dropped at
    /// any time.
    ///
    /// # Errors
    ///
    /// [`Breach`] of a promise that this client saw.
    pub(super) async fn play(&mut self) -> Result<(), Breach> {
        for _ in 0..SESSIONS_MAX {
            match self.sit().await {
                Ok(()) => return Ok(()),
                Err(Stop::Broken(breach)) => return Err(breach),
                Err(Stop::Session(SeatError::Violation(violation))) => {
                    self.oracle.broke(violation.clone(), self.world.elapsed());
                    if let Some(operations) = &mut self.operations {
                        operations.broke(&violation, self.world.elapsed());
                    }
                    return Err(violation.into());
                }
                Err(Stop::Session(error)) => {
                    let figures = &self.world.figures;
                    figures.sessions_lost.fetch_add(1, Ordering::Relaxed);
                    figures.error(&format!("a session is lost: {error}"));
                    self.asked_at = None;
                    self.choice = None;
                }
            }
        }
        Ok(())
    }

    /// Who it is.
    pub(super) const fn role(&self) -> Role {
        self.role
    }

    /// What it knew at the end of the match, if it got there.
    pub(super) const fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// What it asked and was told.
    pub(super) const fn history(&self) -> &History {
        self.oracle.history()
    }

    /// The same, when the match is over.
    pub(super) fn into_history(self) -> History {
        self.oracle.into_history()
    }

    /// One session, to the end of the match.
    async fn sit(&mut self) -> Result<(), Stop> {
        let (connector, source) = (Arc::clone(&self.world.connector), Arc::clone(&self.source));
        let mut config = self.world.session;
        config.times.returns_after_end = self.style.manner.wish != Wish::Nothing;
        self.lines.clear();
        let mut session = SeatSession::join(connector, source, self.match_id, config).await?;
        let driven = self.drive(&mut session).await;
        self.acked.extend_from_slice(session.machine().acked());
        driven?;
        let view = session.view();
        self.oracle.left(view, self.world.elapsed());
        self.account = Some(Account {
            role: self.role,
            seq: view.seq(),
            moves: view.moves().to_vec(),
            result: view.result(),
            acked: std::mem::take(&mut self.acked),
            plies: std::mem::take(&mut self.plies),
            said: std::mem::take(&mut self.said),
            wants_rematch: self.style.sees_rematch,
            rematch: view.rematch(),
        });
        session.leave().await?;
        Ok(())
    }

    async fn drive(&mut self, session: &mut SeatSession) -> Result<(), Stop> {
        let world = Arc::clone(&self.world);
        let mut seated = Some(world.figures.sit());
        self.learn(session, &Update::Joined { again: false })?;
        loop {
            let (view, machine) = (session.view(), session.machine());
            let (is_over, is_left) = (view.result().is_some(), machine.over());
            if is_over && (is_left.is_some() || (machine.unanswered() == 0 && !self.lingers(view)))
            {
                return Ok(());
            }
            if let Some(code) = is_left {
                return Err(SeatError::Closed(code).into());
            }
            if is_over && let Some(says) = self.conduct.rematch(session.view()) {
                self.ask(session, says);
            }
            let due = self.due(session);
            tokio::select! {
                biased;
                update = session.next() => {
                    let update = match update {
                        // Who only waited for a rematch has seen what there was.
                        Err(error) if is_over && !matches!(error, SeatError::Violation(_)) => {
                            return Ok(());
                        }
                        update => update?,
                    };
                    match &update {
                        Update::Joined { .. } => seated = Some(world.figures.sit()),
                        Update::Reconnecting(_) => seated = None,
                        _ => {}
                    }
                    self.learn(session, &update)?;
                    self.react(session, &update);
                }
                () = world.closing.cancelled(), if self.give_up_at.is_none() => self.close(),
                chosen = chosen(&mut self.choice) => self.make(session, chosen),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.act(session);
                }
            }
            // Held while there is a seat to count.
            let _ = &seated;
        }
    }

    /// Answers to what was just learnt.
    fn react(&mut self, session: &mut SeatSession, update: &Update) {
        if let Some(answer) = self.conduct.answer(session.view(), update) {
            self.ask(session, answer);
        }
        self.conduct.waits(session.view(), Some(update));
        if self.role.seat().is_none() && matches!(update, Update::Event { .. }) {
            self.say(session);
        }
    }

    /// Whether it waits for a rematch.
    fn lingers(&mut self, view: &MatchView) -> bool {
        let now = Instant::now();
        let until = *self.lingers_until.get_or_insert(now + LINGERS);
        self.conduct.waits(view, None) && now < until && !self.world.closing.is_cancelled()
    }

    /// Says something in its room now and then.
    fn say(&mut self, session: &mut SeatSession) {
        let Some(text) = self.conduct.line(session.view()) else {
            return;
        };
        // One that is not taken is not needed.
        if let Ok(id) = session.say(&text) {
            self.oracle.says(id, text.clone(), self.world.elapsed());
            self.lines.insert(id, text);
        }
    }

    /// When the bot wants to do something next.
    fn due(&mut self, session: &SeatSession) -> Option<Instant> {
        let view = session.view();
        let decided = view.ends_by_itself();
        if !view.is_my_turn() || decided || self.asked_at == Some(view.position_seq()) {
            self.think_until = None;
        } else if self.think_until.is_none() && self.choice.is_none() {
            self.think_until = Some(self.think(session));
        }
        let over = view.result().is_some();
        let others = [self.reconnect_at, self.give_up_at];
        let others = others.into_iter().flatten().filter(|_| !over);
        let lingers = self.lingers_until.filter(|_| over);
        others.chain(self.think_until).chain(lingers).min()
    }

    /// Until when to think about the next move.
    fn think(&mut self, session: &SeatSession) -> Instant {
        let now = Instant::now();
        let time = self.conduct.think(session.view(), now.into_std());
        self.oracle.thought(time);
        now + time
    }

    /// Does what is due.
    fn act(&mut self, session: &mut SeatSession) {
        let now = Instant::now();
        if self.reconnect_at.is_some_and(|at| at <= now) {
            self.plan_reconnect();
            let dropped = &self.world.figures.dropped;
            dropped.fetch_add(1, Ordering::Relaxed);
            session.drop_connection();
        }
        if self.give_up_at.is_some_and(|at| at <= now) {
            self.give_up_at = Some(now + GIVE_UP_AGAIN);
            self.ask(session, crate::player::give_up(session));
        }
        if self.think_until.is_some_and(|at| at <= now) {
            self.think_until = None;
            self.choose(session);
        }
    }

    /// Makes up its mind: at random at once, or by an engine in a while.
    fn choose(&mut self, session: &mut SeatSession) {
        let view = session.view();
        match self.conduct.turn(view) {
            Turn::Resign => return self.ask(session, CommandKind::Resign),
            Turn::Claim => {
                self.asked_at = Some(view.position_seq());
                return self.ask(session, CommandKind::ClaimDraw);
            }
            // It thinks again, as the opponent need not answer.
            Turn::TakeBack => return self.ask(session, CommandKind::OfferTakeback),
            Turn::Move => {}
        }
        if let Some(engines) = &self.world.engines {
            let task = Task::of(view, Instant::now().into_std());
            self.choice = Some(engines.choose(task));
            return;
        }
        let uci = self.conduct.choose(view);
        self.make(session, uci);
    }

    /// Makes the move that was chosen, if it is still wanted; resigns where there is none.
    fn make(&mut self, session: &mut SeatSession, chosen: Option<Uci>) {
        let view = session.view();
        let position = view.position_seq();
        if !view.is_my_turn() || self.asked_at == Some(position) {
            return;
        }
        self.asked_at = Some(position);
        let Some(uci) = chosen else {
            self.world.figures.error("no engine chooses a move");
            return self.ask(session, crate::player::give_up(session));
        };
        let (commands, offers_draw) = self.conduct.commands(view, uci);
        let offers = &self.world.figures.draw_offers;
        offers.fetch_add(u64::from(offers_draw), Ordering::Relaxed);
        for kind in commands {
            self.ask(session, kind);
        }
        self.say(session);
    }

    fn ask(&mut self, session: &mut SeatSession, kind: CommandKind) {
        // One that is not taken, as too many wait for their answers, is not needed either.
        if let Ok(id) = session.command(kind) {
            if matches!(kind, CommandKind::Move { .. }) {
                self.plies.insert(id, session.view().ply());
            }
            if let (true, Some(seat)) = (takes_the_turn(kind), self.role.seat()) {
                let (takeovers, at) = (&self.world.takeovers, self.world.elapsed());
                takeovers.asked(self.match_id, seat, at);
            }
            self.oracle.asked(id, kind, self.world.elapsed());
            if let Some(operations) = &mut self.operations {
                // A move in its canonical form.
                let kind = session.machine().asked().last().unwrap_or(kind);
                operations.asked(id, kind, self.world.elapsed());
            }
        }
    }

    /// The soak is at its end: one side gives up at some time soon, and the other one if that fails.
    fn close(&mut self) {
        let over = self.style.closes_over;
        let wait = over.mul_f64(self.conduct.dice.random());
        let turn = match self.role.seat() {
            Some(GIVES_UP_FIRST) => wait,
            Some(_) => over + GIVE_UP_AGAIN + wait,
            // A spectator has nothing to give up.
            None => Duration::from_secs(86_400),
        };
        self.give_up_at = Some(Instant::now() + turn);
        self.reconnect_at = None;
    }

    fn plan_reconnect(&mut self) {
        let mean = self.style.reconnects;
        let wait = mean.map(|mean| mean.mul_f64(exponential(&mut self.conduct.dice)));
        self.reconnect_at = wait.map(|wait| Instant::now() + wait);
    }

    fn learn(&mut self, session: &SeatSession, update: &Update) -> Result<(), Stop> {
        let (world, at) = (&self.world, self.world.elapsed());
        let (figures, view) = (&world.figures, session.view());
        match update {
            Update::Joined { again } => {
                self.check_role(view)?;
                if let Some(seat) = self.role.seat() {
                    world
                        .takeovers
                        .seated(self.match_id, seat, view.epoch(), at);
                }
                let again = u64::from(*again);
                figures.resumed.fetch_add(again, Ordering::Relaxed);
            }
            Update::Event { .. } => world.takeovers.heard(self.match_id, view.epoch()),
            Update::Acked { acked, after } => {
                self.refusals = 0;
                let was_hit = self.role.seat().is_some_and(|seat| {
                    let takeovers = &world.takeovers;
                    takeovers.acked(self.match_id, seat, acked.epoch, at)
                });
                figures.acked(*after, was_hit);
                figures.took_effect(kind_name(acked.kind));
                let moves = u64::from(matches!(acked.kind, CommandKind::Move { .. }));
                figures.moves.fetch_add(moves, Ordering::Relaxed);
            }
            Update::Reconnecting(loss) => {
                if let Some(seat) = self.role.seat() {
                    world.takeovers.lost(self.match_id, seat, at);
                }
                figures.lost(&loss.to_string());
            }
            _ => {}
        }
        if let Some(operations) = &mut self.operations {
            let joins_since = world.at(session.machine().joins_since());
            operations.learnt(view, update, joins_since, at);
        }
        // Noted first: what breaks a promise belongs to the history too.
        let tolerance = world.tolerance();
        let beyond = self.oracle.learnt(view, update, at, tolerance);
        if let Some(beyond) = beyond.map_err(Stop::Broken)? {
            figures.charged_beyond(beyond);
        }
        match update {
            Update::Refused { kind, reason, .. } => {
                let refused = self.refused(view, *kind, *reason);
                refused.map_err(Stop::Broken)
            }
            _ => self.heard(view, update).map_err(Stop::Broken),
        }
    }

    /// Each player has the seat that was agreed on, also in a rematch.
    fn check_role(&self, view: &MatchView) -> Result<(), Stop> {
        if view.role() == self.role {
            return Ok(());
        }
        Err(Stop::Broken(Breach {
            promise: Promise::Rematch,
            expected: format!("the place of {}", self.role),
            got: format!("the place of {}", view.role()),
        }))
    }

    /// What was said is said in one's own room, where there is chat.
    fn heard(&mut self, view: &MatchView, update: &Update) -> Result<(), Breach> {
        let breach = |got: String| Breach {
            promise: Promise::ChatKept,
            expected: "chat in one's own room, if the terms allow it".to_owned(),
            got,
        };
        match update {
            Update::Said { id } => {
                self.said.extend(self.lines.remove(id));
                if !view.has_chat() {
                    return Err(breach("a line is said without chat".to_owned()));
                }
            }
            Update::NotSaid { id, reason } => {
                self.lines.remove(id);
                if view.has_chat() && *reason == ChatRefusal::ChatOff {
                    return Err(breach(
                        "a line is refused as if there was no chat".to_owned(),
                    ));
                }
            }
            Update::Chat(lines) => {
                let is_seat = view.seat().is_some();
                if let Some(line) = lines.iter().find(|line| line.seat.is_some() != is_seat) {
                    return Err(breach(format!("a line of the other room: {line:?}")));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether a command may be refused so.
    fn refused(
        &mut self,
        view: &MatchView,
        kind: CommandKind,
        reason: WireRefusal,
    ) -> Result<(), Breach> {
        let breach = |promise, expected| Breach {
            promise,
            expected,
            got: format!("refused: {reason}"),
        };
        let asked_at = self.asked_at;
        if takes_the_turn(kind) {
            self.asked_at = None;
            self.refusals += 1;
        }
        match (kind, reason) {
            // A legal move of the side to move must be taken, unless the shard has too much to do.
            (
                CommandKind::Move {
                    position_seq, uci, ..
                },
                WireRefusal::Match(_),
            ) if view.is_my_turn() && view.position_seq() == position_seq => {
                let expected = format!("{uci} is taken at event {position_seq}, in {}", view.fen());
                Err(breach(Promise::MoveTaken, expected))
            }
            _ if asked_at == Some(view.position_seq()) && claim_is_denied(view, kind, reason) => {
                let expected = format!("a draw by {:?} is given", view.claimable_draw());
                Err(breach(Promise::ClaimHolds, expected))
            }
            _ if self.conduct.is_denied(view, kind, reason) => {
                let seq = view.seq();
                let expected = format!("{kind:?} finds the offer that stands at event {seq}");
                Err(breach(Promise::OfferStands, expected))
            }
            _ if self.refusals > REFUSALS_MAX => {
                let expected = format!("one of {REFUSALS_MAX} moves is taken");
                Err(breach(Promise::MoveTaken, expected))
            }
            _ => Ok(()),
        }
    }
}

/// The move that an engine chooses, once it has; never where none is asked. `None` for an engine that
/// failed.
async fn chosen(choice: &mut Option<Choice>) -> Option<Uci> {
    let Some(waiting) = choice else {
        return std::future::pending().await;
    };
    let chosen = Pin::new(waiting).await;
    *choice = None;
    chosen.ok().and_then(Result::ok)
}
