//! Pools of players, paired by several matchmakers that are killed again and again.
//!
//! `ROOKERY_PAIRING_TICKETS=10000 cargo test -p tests --test integration -- --nocapture every_ticket` is the long run.

use std::collections::{HashMap, HashSet};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use game_core::{MatchId, Player, PlayerId, TimeControl, UnixMillis};
use rand::RngExt;
use store::{Matches, RedisConfig, RedisStore, Terms, Ticket, TicketId, TicketState, Tickets};
use supervisor::Place;
use tests::installation::{Installation, eventually};
use tests::process::{binary, free_tcp_port};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

/// Tickets of the selection that every test run makes.
const TICKETS: usize = 300;
/// Tickets that are made each second.
const TICKETS_PER_SECOND: usize = 100;
/// Matchmakers, of which one is killed every [`KILL_EVERY`] and started again.
const MATCHMAKERS: usize = 3;
const KILL_EVERY: Duration = Duration::from_secs(5);
/// The selection is over before that.
const FIRST_KILL: Duration = Duration::from_secs(1);
/// How long players wait for an answer of the store: longer than a busy disk takes.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Interval at which players ask for their tickets.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// After this time a player gives up: nobody acceptable has come.
const GIVE_UP_AFTER: Duration = Duration::from_secs(90);
/// The same in the selection that every test run makes.
const GIVE_UP_SOON: Duration = Duration::from_secs(20);

/// The controls of the pools.
const CONTROLS: [&str; 11] = [
    "60+0", "120+1", "180+0", "180+2", "300+0", "300+3", "600+0", "600+5", "900+10", "1800+0",
    "1800+20",
];

fn now() -> UnixMillis {
    UnixMillis(program::calendar::unix_ms())
}

/// A matchmaker of the installation, which may be killed and started again.
struct Matchmaker {
    place: Place,
    key: String,
    redis: String,
    port: u16,
}

impl Matchmaker {
    fn start(installation: &Installation, directory: &std::path::Path, number: usize) -> Self {
        let key = directory.join("key.pem");
        std::fs::write(&key, installation.signing_key()).unwrap();
        let matchmaker = Self {
            place: Place::with_log(
                "matchmaker".to_owned(),
                directory.join(format!("log-{number}")),
            ),
            key: key.display().to_string(),
            redis: installation.redis_url(),
            port: free_tcp_port(),
        };
        matchmaker.run();
        matchmaker
    }

    fn run(&self) {
        let listen = format!("127.0.0.1:{}", self.port);
        let mut command = Command::new(binary("rookery"));
        command.args(["matchmaker", "--store", &self.redis, "--listen", &listen]);
        command.args(["--signing-key", &self.key, "--wave-seconds-max", "5"]);
        self.place.start(&mut command).unwrap();
    }

    fn kill_and_start_again(&self) {
        self.place.kill();
        self.run();
    }
}

/// A player's ticket for a pool. The rating is drawn as those of a club are spread.
fn ticket(number: usize, control: &str) -> Ticket {
    let id: PlayerId = format!("player{number}").parse().unwrap();
    let mut random = rand::rng();
    let rating: u16 = (0..6).map(|_| random.random_range(0..=500u16)).sum();
    let player = Player {
        name: id.as_str().into(),
        id,
        rating: Some(rating.max(600)),
        is_bot: false,
    };
    let control: TimeControl = control.parse().unwrap();
    Ticket {
        pool: Some(control.to_string().into()),
        terms: Terms::new(control),
        ..Ticket::new(
            TicketId::from_random(rand::random()),
            player,
            control,
            now(),
        )
    }
}

/// What became of a ticket.
struct Outcome {
    ticket: Ticket,
    /// For how long it waited; `None` if it was withdrawn.
    waited: Option<Duration>,
}

/// Waits as a player does: asks now and then, and gives up at last.
async fn wait(store: Arc<RedisStore>, ticket: Ticket, give_up_after: Duration) -> Outcome {
    store.put_ticket(&ticket).await.unwrap();
    let made = Instant::now();
    loop {
        sleep(ASK_EVERY).await;
        let found = store.ticket(ticket.id).await.unwrap().unwrap();
        let waited = match &found.state {
            TicketState::Waiting if made.elapsed() < give_up_after => {
                store.touch_ticket(ticket.id, now()).await.unwrap();
                continue;
            }
            TicketState::Waiting => {
                store.cancel_ticket(ticket.id).await.unwrap();
                continue;
            }
            TicketState::Assigned(assignment) => {
                let waited_ms = assignment.at.0.saturating_sub(ticket.created_at.0);
                Some(Duration::from_millis(waited_ms))
            }
            TicketState::Cancelled | TicketState::Declined(_) => None,
        };
        return Outcome {
            ticket: found,
            waited,
        };
    }
}

/// Checks that every ticket is in one match or none, that matches are of two tickets, and that players have one each.
fn check(outcomes: &[Outcome]) -> HashMap<MatchId, Vec<&Ticket>> {
    let mut matches: HashMap<MatchId, Vec<&Ticket>> = HashMap::new();
    let mut players = HashSet::new();
    for outcome in outcomes {
        let TicketState::Assigned(assignment) = &outcome.ticket.state else {
            continue;
        };
        let player = &outcome.ticket.player.id;
        assert!(players.insert(player), "{player} has two matches");
        let seated = [&assignment.players.white.id, &assignment.players.black.id];
        assert!(seated.contains(&player), "{player} is in another's match");
        let of_match = matches.entry(assignment.match_id).or_default();
        of_match.push(&outcome.ticket);
    }
    for (id, tickets) in &matches {
        assert_eq!(tickets.len(), 2, "match {id}");
        assert_eq!(tickets[0].state, tickets[1].state, "match {id}");
        assert_eq!(tickets[0].pool, tickets[1].pool, "match {id}");
    }
    matches
}

fn difference(one: &Ticket, other: &Ticket) -> u32 {
    let rating = |ticket: &Ticket| ticket.player.rating.unwrap_or_default();
    rating(one).abs_diff(rating(other)).into()
}

/// The mean difference of a matching of those who got a match, had all of them waited at one moment: of neighbours by
/// rating, in each pool.
fn ideal(tickets: &[&Ticket]) -> f64 {
    let mut pools: HashMap<&str, Vec<&Ticket>> = HashMap::new();
    for ticket in tickets {
        let pool = ticket.pool.as_deref().unwrap_or_default();
        pools.entry(pool).or_default().push(ticket);
    }
    let (mut sum, mut pairs) = (0, 0);
    for pool in pools.values_mut() {
        pool.sort_by_key(|ticket| ticket.player.rating);
        let (neighbours, _) = pool.as_chunks::<2>();
        sum += neighbours
            .iter()
            .map(|[one, other]| difference(one, other))
            .sum::<u32>();
        pairs += neighbours.len();
    }
    f64::from(sum) / pairs.max(1) as f64
}

fn print(outcomes: &[Outcome], matches: &HashMap<MatchId, Vec<&Ticket>>, kills: usize) {
    let mut waited: Vec<Duration> = outcomes
        .iter()
        .filter_map(|outcome| outcome.waited)
        .collect();
    waited.sort_unstable();
    let at = |share: f64| {
        let place = (waited.len() as f64 * share) as usize;
        waited.get(place.min(waited.len().saturating_sub(1)))
    };
    let differences = matches.values().map(|pair| difference(pair[0], pair[1]));
    let mean = f64::from(differences.sum::<u32>()) / matches.len().max(1) as f64;
    let matched: Vec<&Ticket> = matches.values().flatten().copied().collect();
    eprintln!(
        "{} tickets, {} matches, {} withdrawn, {kills} kills; waited: median {:?}, 95 % {:?}, longest {:?}; difference of ratings: mean \
         {mean:.1}, of an ideal matching of all at once {:.1}",
        outcomes.len(),
        matches.len(),
        outcomes.len() - waited.len(),
        at(0.5),
        at(0.95),
        waited.last(),
        ideal(&matched),
    );
}

/// Every ticket ends in one match or is withdrawn, whichever matchmaker is killed when.
#[tokio::test(flavor = "multi_thread")]
async fn every_ticket_ends_in_one_match_or_is_withdrawn_while_matchmakers_are_killed() {
    let asked = std::env::var("ROOKERY_PAIRING_TICKETS").ok();
    let tickets = asked
        .as_ref()
        .map_or(TICKETS, |asked| asked.parse().unwrap());
    let (kill_after, give_up_after) = match asked {
        Some(_) => (KILL_EVERY, GIVE_UP_AFTER),
        None => (FIRST_KILL, GIVE_UP_SOON),
    };
    let installation = Installation::start_with(1, &[("ROOKERY_CAPACITY", "20000")]).await;
    let directory = tempfile::tempdir().unwrap();
    let matchmakers: Vec<_> = (0..MATCHMAKERS)
        .map(|number| Matchmaker::start(&installation, directory.path(), number))
        .collect();
    let config = RedisConfig {
        response_timeout: ANSWER_MAX,
        ..RedisConfig::new(installation.redis_url())
    };
    let store = Arc::new(RedisStore::connect(config).await.unwrap());
    let begin = tokio::time::Instant::now();
    let mut waiting = JoinSet::new();
    let mut next_kill = begin + kill_after;
    let mut kills = 0;
    for number in 0..tickets {
        let due = begin + Duration::from_secs(1) * number as u32 / TICKETS_PER_SECOND as u32;
        sleep_until(due).await;
        // One of ten waits in two pools at once.
        for pool in 0..=usize::from(number % 10 == 0) {
            let control = CONTROLS[(number + pool) % CONTROLS.len()];
            let ticket = ticket(number, control);
            waiting.spawn(wait(Arc::clone(&store), ticket, give_up_after));
        }
        if tokio::time::Instant::now() >= next_kill {
            matchmakers[kills % MATCHMAKERS].kill_and_start_again();
            kills += 1;
            next_kill += kill_after;
        }
    }
    let outcomes = waiting.join_all().await;
    assert!(kills > 0, "no matchmaker was killed");
    let matches = check(&outcomes);
    print(&outcomes, &matches, kills);
    // A match whose matchmaker died before it was created is created by whoever reads its ticket over HTTP; all others
    // are there.
    let mut missing = 0;
    for id in matches.keys() {
        missing += usize::from(store.ownership(*id).await.unwrap().is_none());
    }
    assert!(missing <= 16 * kills, "{missing} matches are missing");
    assert!(
        matches.len() * 4 >= tickets,
        "half of the players at least have played: {} matches",
        matches.len()
    );
    eventually("no ticket is left in a pool", || async {
        store
            .pools(now(), 2)
            .await
            .unwrap()
            .is_empty()
            .then_some(())
    })
    .await;
}
