//! Everything that anybody may ask for, with many requests at once and no pause between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use game_core::MatchId;
use protocol::http::{LogIn, NewAccount, PlayerReply};
use protocol::{ServerBody, ServerFrame};
use tokio::task::JoinSet;

use super::creations::{Http, time_control};
use crate::hostile::addresses::attacker;
use crate::hostile::field::Field;
use crate::wire::RawClient;

/// Requests of each kind under way at once.
const AT_ONCE: usize = 8;
/// Tickets and challenges for which one guest asks, before the attacker takes another one.
const PER_GUEST: u64 = 60;
/// Accounts that one address may be given in an attack: those of a burst and of a few minutes.
const ACCOUNTS_GRANTED_MAX: u64 = 400;
/// The shard says something within this.
const ANSWER_MAX: Duration = Duration::from_secs(5);
const PASSWORD: &str = "correct horse";

/// What is asked for.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Guests,
    SignUps,
    LogIns,
    Tickets,
    Challenges,
    Joins,
}

const KINDS: [Kind; 6] = [
    Kind::Guests,
    Kind::SignUps,
    Kind::LogIns,
    Kind::Tickets,
    Kind::Challenges,
    Kind::Joins,
];

/// Runs the attack.
pub(in crate::hostile) async fn run(field: &Field) -> Result<(), String> {
    let accounts = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for kind in KINDS {
        for _ in 0..AT_ONCE {
            let (http, field, accounts) = (Http::new(field)?, field.clone(), Arc::clone(&accounts));
            tasks.spawn(async move {
                let attacking = attack(kind, &http, &field, &accounts);
                field.end.run_until_cancelled(attacking).await
            });
        }
    }
    tasks.join_all().await;
    let made = field.tally.get("accounts made");
    if made > ACCOUNTS_GRANTED_MAX {
        let what = format!("one address was given {made} accounts");
        field.tally.breach(what);
    }
    Ok(())
}

/// Asks without end.
async fn attack(kind: Kind, http: &Http, field: &Field, accounts: &AtomicU64) {
    let mut number = 0;
    let mut guest = String::new();
    loop {
        number += 1;
        match kind {
            Kind::Guests => {
                if http.guest().await.is_some() {
                    field.tally.count("guests made");
                }
            }
            Kind::SignUps => sign_up(http, field, accounts).await,
            Kind::LogIns => log_in(http, field, accounts, number).await,
            Kind::Tickets | Kind::Challenges if guest.is_empty() || number % PER_GUEST == 0 => {
                guest = http.guest().await.unwrap_or(guest);
            }
            Kind::Tickets => {
                // Another pool each time.
                let control = time_control(60_000 + number * 1_000 % 3_600_000);
                if http.ticket(&guest, control).await.is_some() {
                    field.tally.count("tickets made");
                }
            }
            Kind::Challenges => {
                if http.challenge(&guest, time_control(60_000)).await.is_some() {
                    field.tally.count("challenges made");
                }
            }
            Kind::Joins => join(field).await,
        }
    }
}

async fn sign_up(http: &Http, field: &Field, accounts: &AtomicU64) {
    let number = accounts.fetch_add(1, Ordering::Relaxed);
    let account = NewAccount {
        name: format!("attacker {number}"),
        password: PASSWORD.to_owned(),
        bot: false,
        invitation: None,
    };
    let made: Option<PlayerReply> = http.post("/v1/accounts", None, &account).await;
    if made.is_some() {
        field.tally.count("accounts made");
    }
}

/// A password is hashed for the name of an account only, right or wrong.
async fn log_in(http: &Http, field: &Field, accounts: &AtomicU64, number: u64) {
    let accounts = accounts.load(Ordering::Relaxed).clamp(1, 300);
    let log_in = LogIn {
        name: Some(format!("attacker {}", number % accounts)),
        password: Some(format!("{PASSWORD}{}", number % 2)),
        code: None,
    };
    let logged_in: Option<PlayerReply> = http.post("/v1/login", None, &log_in).await;
    if logged_in.is_some() {
        field.tally.breach("a log-in with a wrong password");
    }
}

/// Joins a match that there is not, with a token that is none.
async fn join(field: &Field) {
    let Ok(mut client) = RawClient::connect_from(attacker(0).into(), &field.shard).await else {
        field.tally.count("connections refused");
        return;
    };
    let id = MatchId::from_random(rand::random());
    client.try_ask(id, "a.b.c").await;
    match client.next_within(ANSWER_MAX).await {
        None
        | Some(ServerFrame {
            body: ServerBody::Closed(_),
            ..
        }) => field.tally.count("joins refused"),
        Some(_) => field.tally.breach("a seat for no token"),
    }
}
