//! The opponents of the visitor: a bot in each pool, one with a challenge in the list, and one that accepts those of
//! others.

use std::sync::Arc;
use std::time::Duration;

use client::connection::ConnectionTimes;
use client::seat::{PlayerSeat, SeatSession};
use client::{Connector, Matchmaker, MatchmakerError};
use game_core::{Match, MatchId, TimeControl};
use lab::engine::{EngineKind, EngineSettings, EngineSupply};
use lab::player::{Player, give_up};
use protocol::http::{NewChallenge, NewTicket, Terms, TicketStatus};
use store::{Store, TicketList};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::Failure;
use super::super::players::session;

/// The pools of the lobby, in minutes and seconds, each with the name of its bot.
const POOLS: [(&str, &str); 6] = [
    ("1+0", "Hasty Pawn"),
    ("3+2", "Brisk Knight"),
    ("5+0", "Steady Bishop"),
    ("10+0", "Patient Rook"),
    ("15+10", "Thoughtful Queen"),
    ("30+0", "Solemn King"),
];
/// The one that accepts challenges.
const HOST: &str = "Obliging Rook";
/// The one that has a challenge in the list, and its control.
const LISTED: (&str, &str) = ("Waiting Bishop", "5+3");

/// What a bot takes at least for a move, so that people see what happens.
const THINK_MIN: Duration = Duration::from_millis(700);
/// How long an answer about an offer may take.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// Upper bound on any answer: everything is on this machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks for challenges.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Challenges that are looked at.
const CHALLENGES_MAX: usize = 50;
/// Upper bound on matches that the bots play at once.
const MATCHES_MAX: usize = 64;
/// Pause after an error.
const PAUSE: Duration = Duration::from_secs(1);

/// What the bots have come to.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) matches: usize,
    pub(super) acknowledged: usize,
    pub(super) lost: usize,
    pub(super) resumed: u32,
}

/// What a bot waits with.
enum Offer {
    Pool(NewTicket),
    Listed(NewChallenge),
}

/// Bots that play until they are stopped.
pub(super) struct Bots {
    stop: CancellationToken,
    tasks: TaskTracker,
    tally: watch::Receiver<Tally>,
    connector: Arc<Connector>,
}

/// What all of them share.
#[derive(Clone)]
struct Common {
    matchmaker: Matchmaker,
    store: Arc<dyn Store>,
    connector: Arc<Connector>,
    engine: EngineKind,
    stop: CancellationToken,
    tasks: TaskTracker,
    places: Arc<Semaphore>,
    tally: Arc<watch::Sender<Tally>>,
}

impl Bots {
    /// Puts a bot into each pool, and two beside the challenges.
    pub(super) async fn start(
        url: &str,
        store: Arc<dyn Store>,
        engine: &EngineKind,
    ) -> Result<Self, Failure> {
        // A wrong path is found out before somebody waits for a move.
        drop(EngineSupply::start(engine, &EngineSettings::default()).await?);
        let (sender, tally) = watch::channel(Tally::default());
        let common = Common {
            matchmaker: Matchmaker::new(url, PATIENCE)?,
            store,
            connector: Arc::new(Connector::bind(1, ConnectionTimes::interactive())?),
            engine: engine.clone(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            places: Arc::new(Semaphore::new(MATCHES_MAX)),
            tally: Arc::new(sender),
        };
        let mut offers = Vec::new();
        for (control, name) in POOLS {
            let terms = Terms::usual(TimeControl::from_spoken(control)?);
            offers.push((name, Offer::Pool(NewTicket::new(terms))));
        }
        let (name, control) = LISTED;
        let terms = Terms::usual(TimeControl::from_spoken(control)?);
        let listed = NewChallenge {
            open: true,
            ..NewChallenge::new(terms)
        };
        offers.push((name, Offer::Listed(listed)));
        for (name, offer) in offers {
            let token = common.matchmaker.new_bot(Some(name)).await?.token;
            common.tasks.spawn(common.clone().wait_for(token, offer));
        }
        let host = common.matchmaker.new_bot(Some(HOST)).await?;
        let lists = [TicketList::Open, TicketList::To(host.player.clone())];
        let accepting = common.clone().accept_challenges(host.token, lists);
        common.tasks.spawn(accepting);
        Ok(Self {
            stop: common.stop,
            tasks: common.tasks,
            tally,
            connector: common.connector,
        })
    }

    /// Stops all of them, and counts what they have done and what was lost of it.
    pub(super) async fn stop(self, within: Duration) -> Tally {
        self.stop.cancel();
        self.tasks.close();
        if timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!("a bot did not end in time");
        }
        self.connector.wait_idle(within).await;
        self.tally.borrow().clone()
    }
}

impl Common {
    /// Plays whoever takes an offer, one after another or at once.
    async fn wait_for(self, token: String, offer: Offer) {
        while !self.stop.is_cancelled() {
            tokio::select! {
                taken = self.taken(&token, &offer) => match taken {
                    Ok(Some(id)) => self.begin(id, &token),
                    Ok(None) => {}
                    Err(error) => self.pause(&error).await,
                },
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// Makes an offer, and waits until somebody takes it; `None` if it is void.
    async fn taken(&self, token: &str, offer: &Offer) -> Result<Option<MatchId>, MatchmakerError> {
        let mut reply = match offer {
            Offer::Pool(ticket) => self.matchmaker.create_ticket(token, ticket).await?,
            Offer::Listed(challenge) => self.matchmaker.create_challenge(token, challenge).await?,
        };
        while reply.status == TicketStatus::Waiting {
            reply = match offer {
                Offer::Pool(_) => {
                    self.matchmaker
                        .ticket(token, &reply.id, ANSWER_WAIT)
                        .await?
                }
                Offer::Listed(_) => {
                    self.matchmaker
                        .challenge(token, &reply.id, ANSWER_WAIT)
                        .await?
                }
            };
        }
        Ok(reply.match_id)
    }

    /// Accepts every challenge of a person in these lists.
    async fn accept_challenges(self, token: String, lists: [TicketList; 2]) {
        while !self.stop.is_cancelled() {
            for list in &lists {
                match self.store.waiting(list, CHALLENGES_MAX).await {
                    Ok(challenges) => {
                        // The bots do not play each other.
                        let of_people = challenges.iter().filter(|one| !one.player.is_bot);
                        for challenge in of_people {
                            self.accept(&token, &challenge.id.to_string()).await;
                        }
                    }
                    Err(error) => self.pause(&error).await,
                }
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    async fn accept(&self, token: &str, id: &str) {
        match self.matchmaker.accept_challenge(token, id).await {
            Ok(accepted) => {
                if let Some(id) = accepted.match_id {
                    self.begin(id, token);
                }
            }
            // Somebody was faster, or it was withdrawn.
            Err(error) => tracing::debug!(%error, "a challenge is not accepted"),
        }
    }

    async fn pause(&self, error: &(dyn std::error::Error + Send + Sync)) {
        tracing::debug!(%error, "a bot waits");
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Plays a match beside the others.
    fn begin(&self, id: MatchId, token: &str) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            tracing::warn!("the bots play as many matches as they can");
            return;
        };
        let (common, token) = (self.clone(), token.to_owned());
        self.tasks.spawn(async move {
            let _place = place;
            if let Err(error) = common.play(id, token).await {
                tracing::warn!(%error, match_id = %id, "a bot does not play on");
            }
        });
    }

    async fn play(&self, id: MatchId, token: String) -> Result<(), Failure> {
        let source = Arc::new(PlayerSeat {
            matchmaker: self.matchmaker.clone(),
            token,
        });
        let connector = Arc::clone(&self.connector);
        let mut seat = SeatSession::join(connector, source, id, session()).await?;
        let mut engines = EngineSupply::start(&self.engine, &EngineSettings::default()).await?;
        let mut player = Player::new(engines.ready().await?, THINK_MIN);
        let played = tokio::select! {
            played = player.play(&mut seat) => Some(played),
            () = self.stop.cancelled() => None,
        };
        let acked = seat.machine().acked().to_vec();
        let stored = self.store.load(id).await?.ok_or("the match is gone")?;
        let stored = Match::restore(stored.snapshot, &stored.tail)?.seq();
        let lost = acked.iter().filter(|acked| acked.event > stored);
        self.tally.send_modify(|tally| {
            tally.matches += 1;
            tally.acknowledged += acked.len();
            tally.lost += lost.count();
            tally.resumed += seat.resumed();
        });
        if played.is_none() && seat.view().result().is_none() {
            // The visitor need not wait for the clock, if anybody is left.
            let _ = seat.command(give_up(&seat));
        }
        seat.leave().await?;
        played.map_or(Ok(()), |played| played.map(drop).map_err(Failure::from))
    }
}
