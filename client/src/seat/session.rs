//! A seat over the network: it requests the seat, joins, and reconnects when the connection is lost.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use game_core::{CommandId, CommandKind, MatchId, ShardId, Uci, WithMove};
use protocol::http::SeatReply;
use protocol::{CloseCode, JoinFlags, Received, UnixMicros, VERSION, codec};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::{CommandError, Loss, SeatMachine, SeatSource, SeatTimes, Update};
use crate::connection::ConnectError;
use crate::matchmaker::MatchmakerError;
use crate::retry::Backoff;
use crate::stream::{BrokenBy, Exchanged, ShardStream};
use crate::{Connector, MatchView, Violation};

/// Interval between two checks for received packets, where the machine needs them. With
/// [`SeatTimes::interactive`] a silence is known 1.8 s after the last packet.
const PACKETS_EVERY: Duration = Duration::from_millis(200);

/// Upper bound on the delay of a question to the matchmaker, as a share of [`SeatTimes::ask_after`].
const ASK_JITTER: f64 = 0.3;

/// How a session behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionConfig {
    /// How long the seat waits for what.
    pub times: SeatTimes,
    /// What the shard is asked for with the seat.
    pub flags: JoinFlags,
    /// How long a session tries to connect before it gives up.
    pub patience: Duration,
    /// The least and the greatest wait between attempts to connect.
    pub retry: (Duration, Duration),
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            times: SeatTimes::default(),
            flags: JoinFlags::NONE,
            patience: Duration::from_secs(60),
            retry: (Duration::from_millis(50), Duration::from_millis(500)),
        }
    }
}

impl SessionConfig {
    /// For people: see [`SeatTimes::interactive`].
    #[must_use]
    pub fn interactive() -> Self {
        Self {
            times: SeatTimes::interactive(),
            ..Self::default()
        }
    }
}

/// Why a session ends without having been closed.
#[derive(Debug, thiserror::Error)]
pub enum SeatError {
    /// The shard broke the protocol or a promise.
    #[error("the shard broke the protocol: {0}")]
    Violation(#[from] Violation),
    /// The matchmaker does not give the seat.
    #[error("no seat: {0}")]
    Matchmaker(#[from] MatchmakerError),
    /// The shard cannot be reached, and trying again will not help.
    #[error("no connection to the shard: {0}")]
    Connect(#[from] ConnectError),
    /// The shard could not be reached within the session's patience.
    #[error("no connection to the shard for {waited:?}: {last}")]
    GaveUp {
        /// How long it was tried.
        waited: Duration,
        /// Why the last attempt failed.
        last: String,
    },
    /// The shard closed the session.
    #[error("the shard closed the session: {0}")]
    Closed(CloseCode),
    /// The shard does not know the protocol of this program.
    #[error(
        "the shard knows the versions {min} to {max} of the protocol, and this program version {VERSION}: \
         one of them has to be updated"
    )]
    Unsupported {
        /// The oldest version that the shard knows.
        min: u16,
        /// The newest version that the shard knows.
        max: u16,
    },
}

/// A player's seat, or a spectator, in one match.
///
/// All I/O happens inside [`next`](Self::next): its owner calls it in a loop, and gives its commands
/// between. It may be dropped at any await (as in `select!`) without losing anything.
pub struct SeatSession {
    machine: SeatMachine,
    source: Arc<dyn SeatSource>,
    connector: Arc<Connector>,
    config: SessionConfig,
    match_id: MatchId,
    link: Link,
    backoff: Backoff,
    /// Since when there is no working connection.
    lost_since: Option<Instant>,
    /// Why there was none last time.
    last_failure: String,
    /// The shard has handed the match over: where it lives now is known already.
    was_handed_over: bool,
    /// The matchmaker is being asked where the match is, while the stream is open.
    asked: Option<Asking>,
    /// Where it is, as of its last answer.
    moved_to: Option<SeatReply>,
    /// How often the seat was taken again.
    resumed: u32,
}

/// The matchmaker's answer, on its way.
type Asking = Pin<Box<dyn Future<Output = Result<SeatReply, MatchmakerError>> + Send>>;

/// What happened on an open stream.
enum Step {
    Exchanged(Result<(), BrokenBy>),
    Told(Result<SeatReply, MatchmakerError>),
}

enum Link {
    /// No connection is made.
    None,
    /// A connection is being made. It is kept here so that dropping `next` does not restart it.
    Opening(Pin<Box<dyn Future<Output = Result<Open, OpenError>> + Send>>),
    /// A stream is open.
    Open(Box<Open>),
}

/// An open stream.
struct Open {
    stream: ShardStream,
    shard: ShardId,
    token: String,
    /// Bytes that are to be sent.
    outgoing: BytesMut,
    /// Bytes of a frame that is not complete.
    incoming: BytesMut,
    opened_at: Instant,
    /// What the stream had received at the last check.
    received: u64,
}

#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error(transparent)]
    Matchmaker(#[from] MatchmakerError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("no answer in time")]
    Timeout,
}

impl SeatSession {
    /// A connection that lasted this long counts as working.
    const WORKED: Duration = Duration::from_secs(5);
    /// How long to wait for the shard's last frame.
    const FAREWELL: Duration = Duration::from_secs(2);

    /// Takes the seat that `source` gives, and returns when the match is in view.
    ///
    /// # Errors
    ///
    /// [`SeatError`].
    pub async fn join(
        connector: Arc<Connector>,
        source: Arc<dyn SeatSource>,
        match_id: MatchId,
        config: SessionConfig,
    ) -> Result<Self, SeatError> {
        // Half of the numbers are left above, so that counting never wraps.
        let first_command = CommandId(rand::random::<u64>() >> 1);
        let now = Instant::now();
        let machine = SeatMachine::new(match_id, config.times, first_command, now.into_std())
            .with_flags(config.flags);
        let mut session = Self {
            machine,
            source,
            connector,
            config,
            match_id,
            link: Link::None,
            backoff: Backoff::new(config.retry.0, config.retry.1),
            lost_since: Some(now),
            last_failure: String::new(),
            was_handed_over: false,
            asked: None,
            moved_to: None,
            resumed: 0,
        };
        loop {
            match session.next().await? {
                Update::Joined { .. } => return Ok(session),
                Update::Closed(code) => return Err(SeatError::Closed(code)),
                _ => {}
            }
        }
    }

    /// Waits for the next update. After [`Update::Closed`] it returns the same for ever.
    ///
    /// # Errors
    ///
    /// [`SeatError`], after which the session cannot be used any more.
    pub async fn next(&mut self) -> Result<Update, SeatError> {
        loop {
            if let Some(update) = self.machine.poll_update() {
                self.note(&update);
                return Ok(update);
            }
            if let Some(code) = self.machine.over() {
                self.hang_up(CloseCode::Done);
                if let Some((min, max)) = self.machine.unsupported() {
                    return Err(SeatError::Unsupported { min, max });
                }
                return Ok(Update::Closed(code));
            }
            self.advance().await?;
        }
    }

    /// Makes a move in the position that is in view.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command).
    pub fn play(&mut self, uci: Uci) -> Result<CommandId, CommandError> {
        self.play_with(uci, WithMove::Nothing)
    }

    /// The same, with an offer or a claim of a draw.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command).
    pub fn play_with(&mut self, uci: Uci, with: WithMove) -> Result<CommandId, CommandError> {
        let position_seq = self.view().position_seq();
        self.command(CommandKind::Move {
            position_seq,
            uci,
            with,
        })
    }

    /// Says a line of chat in the room of this seat, or of the spectators; see
    /// [`SeatMachine::say`](SeatMachine::say).
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    pub fn say(&mut self, text: &str) -> Result<u64, CommandError> {
        self.machine.say(text)
    }

    /// Sends a command; the answer is an [`Update::Acked`] or [`Update::Refused`]. It is sent by
    /// [`next`](Self::next).
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    pub fn command(&mut self, kind: CommandKind) -> Result<CommandId, CommandError> {
        self.machine.command(kind, Instant::now().into_std())
    }

    /// Drops the connection, as one does who changes networks; the seat is taken again by
    /// [`next`](Self::next). Nothing without a connection.
    pub fn drop_connection(&mut self) {
        if matches!(self.link, Link::Open(_)) {
            self.machine.lost(Loss::Dropped, Instant::now().into_std());
            self.hang_up(CloseCode::Done);
        }
    }

    /// Leaves the seat and notifies the shard; the match continues.
    ///
    /// # Errors
    ///
    /// [`SeatError::Violation`] when the shard's last words break the protocol.
    pub async fn leave(mut self) -> Result<(), SeatError> {
        self.machine.leave();
        let goodbye = async {
            while self.machine.over().is_none() {
                self.next().await?;
            }
            Ok(())
        };
        // A shard that does not answer learns it from the connection.
        let left = timeout(Self::FAREWELL, goodbye).await.unwrap_or(Ok(()));
        self.hang_up(CloseCode::Done);
        match left {
            Err(SeatError::Violation(violation)) => Err(violation.into()),
            _ => Ok(()),
        }
    }

    /// The match as this seat sees it.
    ///
    /// # Panics
    ///
    /// Never: a session is handed out when the match is in view.
    #[must_use]
    pub fn view(&self) -> &MatchView {
        self.machine
            .view()
            .expect("a session is handed out when the match is in view")
    }

    /// The protocol's state: commands acknowledged and unanswered.
    #[must_use]
    pub const fn machine(&self) -> &SeatMachine {
        &self.machine
    }

    /// How often the seat was taken again after a loss.
    #[must_use]
    pub const fn resumed(&self) -> u32 {
        self.resumed
    }

    // ---- parts -----------------------------------------------------------------------------------

    /// One step of I/O.
    async fn advance(&mut self) -> Result<(), SeatError> {
        if self.machine.wants_connection() && matches!(self.link, Link::Open(_) | Link::None) {
            self.hang_up(CloseCode::Deadline);
            self.open_again()?;
        }
        match &mut self.link {
            Link::None => Ok(()),
            Link::Opening(opening) => {
                let opened = opening.as_mut().await;
                self.opened(opened)
            }
            Link::Open(open) => {
                // One frame a step: updates before a protocol violation are reported first.
                let frame = codec::decode_server(&mut open.incoming).map_err(Violation::Frame)?;
                if let Some(frame) = frame {
                    if let Some(round_trip) = open.stream.rtt() {
                        self.machine.measured(round_trip);
                    }
                    self.machine.frame(frame, Instant::now().into_std())?;
                    return Ok(());
                }
                while let Some(frame) = self.machine.poll_output() {
                    open.outgoing
                        .extend_from_slice(&codec::encode_client(&frame));
                }
                let deadline = self.machine.deadline().map(Instant::from_std);
                let watched = self.machine.wants_packets();
                let look = watched.then(|| Instant::now() + PACKETS_EVERY);
                let until = [deadline, look].into_iter().flatten().min();
                if self.machine.asks_where() {
                    let source = &self.source;
                    let ask = || {
                        ask_again(
                            Arc::clone(source),
                            self.match_id,
                            self.config.times.ask_after,
                        )
                    };
                    self.asked.get_or_insert_with(ask);
                } else {
                    self.asked = None;
                }
                let step = match &mut self.asked {
                    Some(asked) => tokio::select! {
                        biased;
                        exchanged = open.exchange(until) => Step::Exchanged(exchanged),
                        told = asked.as_mut() => Step::Told(told),
                    },
                    None => Step::Exchanged(open.exchange(until).await),
                };
                let now = Instant::now().into_std();
                match step {
                    Step::Exchanged(Ok(())) => {
                        if watched && open.has_new_packets() {
                            self.machine.packet(now);
                        }
                        self.machine.due(now);
                    }
                    Step::Exchanged(Err(loss)) => self.broken(loss),
                    Step::Told(told) => {
                        self.asked = None;
                        match told {
                            Ok(seat) if seat.shard.id != open.shard => {
                                self.moved_to = Some(seat);
                                self.machine.moved(now);
                            }
                            Ok(_) | Err(_) => self.machine.stays(now),
                        }
                    }
                }
                Ok(())
            }
        }
    }

    /// Begins to connect, unless that was tried for long enough.
    fn open_again(&mut self) -> Result<(), SeatError> {
        let now = Instant::now();
        let since = *self.lost_since.get_or_insert(now);
        let waited = now - since;
        if waited >= self.config.patience {
            let last = std::mem::take(&mut self.last_failure);
            return Err(SeatError::GaveUp { waited, last });
        }
        // Those who come back wait a little, each for another time. Who comes first need not, and who was
        // sent on need not: shards hand matches over one by one.
        let is_first = self.machine.view().is_none() && self.backoff.is_fresh();
        let was_handed_over = std::mem::take(&mut self.was_handed_over);
        let wait = self.backoff.wait();
        // Nor need who was told where to go.
        let moved_to = self.moved_to.take();
        let begin = if is_first || was_handed_over || moved_to.is_some() {
            now
        } else {
            now + wait
        };
        let end = (since + self.config.patience).max(begin);
        let (source, connector) = (Arc::clone(&self.source), Arc::clone(&self.connector));
        let (match_id, ask_after) = (self.match_id, self.config.times.ask_after);
        self.asked = None;
        self.link = Link::Opening(Box::pin(async move {
            sleep_until(begin).await;
            let opening = open(&source, &connector, match_id, moved_to, ask_after);
            timeout_at(end, opening)
                .await
                .unwrap_or(Err(OpenError::Timeout))
        }));
        Ok(())
    }

    fn opened(&mut self, opened: Result<Open, OpenError>) -> Result<(), SeatError> {
        match opened {
            Ok(mut open) => {
                let token = std::mem::take(&mut open.token);
                self.machine.connected(token, Instant::now().into_std());
                self.link = Link::Open(Box::new(open));
                Ok(())
            }
            Err(OpenError::Matchmaker(error)) if !error.is_retryable() => Err(error.into()),
            Err(OpenError::Connect(error)) if !error.is_retryable() => Err(error.into()),
            Err(error) => {
                tracing::debug!(match_id = %self.match_id, %error, "cannot take the seat");
                self.last_failure = error.to_string();
                self.link = Link::None;
                Ok(())
            }
        }
    }

    /// The stream is gone.
    fn broken(&mut self, loss: BrokenBy) {
        let now = Instant::now().into_std();
        match loss {
            // The shard's reason came with the reset instead of in a frame.
            BrokenBy::Code(code) if !code.is_retryable() => {
                let (epoch, seq) = self
                    .machine
                    .view()
                    .map_or_else(Default::default, |view| (view.epoch(), view.seq()));
                let body = protocol::ServerBody::Closed(code);
                let frame = protocol::ServerFrame { epoch, seq, body };
                let time = UnixMicros(0);
                // `Closed` violates nothing.
                let _ = self.machine.frame(Received { time, frame }, now);
            }
            BrokenBy::Code(code) => self.machine.lost(Loss::Closed(code), now),
            BrokenBy::Loss(why) => self.machine.lost(Loss::Broken(why), now),
        }
    }

    /// Keeps the count of losses and of patience.
    fn note(&mut self, update: &Update) {
        match update {
            Update::Reconnecting(loss) => {
                tracing::debug!(match_id = %self.match_id, %loss, "seat is lost");
                let worked = matches!(&self.link, Link::Open(open) if open.opened_at.elapsed() > Self::WORKED);
                if worked {
                    self.worked();
                }
                self.was_handed_over = *loss == Loss::Closed(CloseCode::ShuttingDown);
                self.last_failure = loss.to_string();
                self.lost_since.get_or_insert_with(Instant::now);
            }
            Update::Joined { again } => self.resumed += u32::from(*again),
            Update::Event { .. } | Update::Acked { .. } => self.worked(),
            _ => {}
        }
    }

    fn worked(&mut self) {
        self.lost_since = None;
        self.backoff.reset();
    }

    fn hang_up(&mut self, code: CloseCode) {
        if let Link::Open(mut open) = std::mem::replace(&mut self.link, Link::None) {
            open.stream.close(code);
        }
    }
}

impl Open {
    /// Whether something arrived since the last check.
    fn has_new_packets(&mut self) -> bool {
        let received = self.stream.received();
        std::mem::replace(&mut self.received, received) != received
    }

    /// Sends what is to be sent, or receives something, or waits until `deadline`.
    async fn exchange(&mut self, deadline: Option<Instant>) -> Result<(), BrokenBy> {
        let wait = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        // Every branch may be dropped without losing bytes.
        tokio::select! {
            biased;
            exchanged = self.stream.exchange(&self.outgoing) => match exchanged? {
                Exchanged::Wrote(len) => self.outgoing.advance(len),
                Exchanged::Read(bytes) => self.incoming.extend_from_slice(&bytes),
            },
            () = wait => {}
        }
        Ok(())
    }
}

/// Asks where a match is, a little later for each client, as many lose the same shard at the same time.
fn ask_again(source: Arc<dyn SeatSource>, match_id: MatchId, ask_after: Duration) -> Asking {
    let jitter = ask_after.mul_f64(ASK_JITTER * share_of(match_id));
    Box::pin(async move {
        sleep(jitter).await;
        source.seat(match_id).await
    })
}

/// A number from 0 to 1 that the matches of a shard have evenly, and each match always.
fn share_of(match_id: MatchId) -> f64 {
    let mut hasher = DefaultHasher::new();
    match_id.as_str().hash(&mut hasher);
    f64::from(u16::try_from(hasher.finish() >> 48).unwrap_or_default()) / f64::from(u16::MAX)
}

/// Connects to the shard of a match, which is at `seat` or where the matchmaker says. It is asked again while the
/// shard does not answer, and the connection is made where it says then.
async fn connect(
    source: &Arc<dyn SeatSource>,
    connector: &Connector,
    match_id: MatchId,
    seat: Option<SeatReply>,
    ask_after: Duration,
) -> Result<(SeatReply, ShardStream), OpenError> {
    let mut seat = match seat {
        Some(seat) => seat,
        None => source.seat(match_id).await?,
    };
    let mut wait = ask_after;
    loop {
        let place = seat.shard.clone();
        let connecting = connector.open(&place);
        tokio::pin!(connecting);
        let other = loop {
            let asking = async {
                sleep(wait).await;
                ask_again(Arc::clone(source), match_id, ask_after).await
            };
            let told = tokio::select! {
                biased;
                connected = &mut connecting => {
                    let stream = connected?;
                    return Ok((seat, stream));
                }
                told = asking => told,
            };
            wait = (2 * wait).min(SeatTimes::default().answer_max);
            if let Ok(told) = told
                && told.shard.id != seat.shard.id
            {
                break told;
            }
        };
        seat = other;
    }
}

async fn open(
    source: &Arc<dyn SeatSource>,
    connector: &Connector,
    match_id: MatchId,
    seat: Option<SeatReply>,
    ask_after: Duration,
) -> Result<Open, OpenError> {
    let (seat, stream) = connect(source, connector, match_id, seat, ask_after).await?;
    Ok(Open {
        shard: seat.shard.id,
        received: stream.received(),
        stream,
        token: seat.token,
        outgoing: BytesMut::new(),
        incoming: BytesMut::new(),
        opened_at: Instant::now(),
    })
}
