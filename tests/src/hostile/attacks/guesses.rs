//! Guesses at what lets somebody in: a password, login codes, codes of transfers, API tokens.

use std::sync::Arc;
use std::time::Duration;

use protocol::http::{LogIn, NewAccount, PlayerReply, TokenTest, TokenTestReply};
use rand::RngExt;
use rand::distr::Alphanumeric;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::creations::Http;
use super::pace::Pace;
use crate::hostile::addresses::{attacker, newcomer};
use crate::hostile::field::Field;

/// Guesses from all addresses together, a second.
const PER_SECOND: u32 = 500;
/// The owner of the account logs in at this interval.
const OWNER_EVERY: Duration = Duration::from_secs(2);
/// Who is not in within this is locked out.
const OWNER_PATIENCE: Duration = Duration::from_secs(10);
/// The owner's home is one that no newcomer of a short attack comes from.
const OWNER_HOME: u32 = 240;
const NAME: &str = "Olga";
const PASSWORD: &str = "correct horse";
/// Tokens that one request may ask about.
const TESTED: usize = 20;

/// Guesses at one account's password, at login codes and at codes of transfers, from 24 addresses, while the account's owner
/// logs in again and again.
pub(in crate::hostile) async fn log_ins(field: &Field) -> Result<(), String> {
    let owner = Http::at(field, newcomer(OWNER_HOME))?;
    let account = NewAccount {
        name: NAME.to_owned(),
        password: PASSWORD.to_owned(),
        bot: false,
        invitation: None,
    };
    let made: Option<PlayerReply> = owner.post("/v1/accounts", None, &account).await;
    made.ok_or("the owner is given no account")?;
    let owner = tokio::spawn(come_home(owner, field.clone()));
    from_everywhere(field, Guess::LogIn).await?;
    owner.await.map_err(|error| error.to_string())
}

/// Guesses at API tokens, by using them and by having them tested, from 24 addresses.
pub(in crate::hostile) async fn api_tokens(field: &Field) -> Result<(), String> {
    from_everywhere(field, Guess::ApiToken).await
}

#[derive(Clone, Copy)]
enum Guess {
    LogIn,
    ApiToken,
}

async fn from_everywhere(field: &Field, guess: Guess) -> Result<(), String> {
    const ADDRESSES: u8 = 24;
    let pace = Arc::new(Pace::new(PER_SECOND, &field.end));
    let mut tasks = JoinSet::new();
    for number in 0..ADDRESSES {
        let (http, pace) = (Http::at(field, attacker(number))?, Arc::clone(&pace));
        let mut random = field.dice(number.into());
        let mut letters = move |many: usize| -> String {
            let letters = (&mut random).sample_iter(Alphanumeric);
            letters.take(many).map(char::from).collect()
        };
        tasks.spawn(async move {
            for turn in 0_u64.. {
                if !pace.turn().await {
                    return;
                }
                match (guess, turn % 3) {
                    (Guess::LogIn, 0) => redeem(&http, &letters(24)).await,
                    (Guess::LogIn, way) => log_in(&http, way == 1, letters(12)).await,
                    (Guess::ApiToken, 0) => test(&http, &mut letters).await,
                    (Guess::ApiToken, _) => use_token(&http, &mut letters).await,
                }
            }
        });
    }
    tasks.join_all().await;
    Ok(())
}

async fn log_in(http: &Http, by_password: bool, guess: String) {
    let request = match by_password {
        true => LogIn {
            name: Some(NAME.to_owned()),
            password: Some(guess),
            code: None,
        },
        false => LogIn {
            name: None,
            password: None,
            code: Some(guess),
        },
    };
    let granted: Option<PlayerReply> = http.post("/v1/login", None, &request).await;
    match granted {
        Some(_) => http.tally.breach("a log-in by a guess"),
        None => http.tally.count("guesses"),
    }
}

async fn redeem(http: &Http, code: &str) {
    let path = format!("/v1/transfers/{code}/redeem");
    let granted: Option<PlayerReply> = http.post(&path, None, &()).await;
    match granted {
        Some(_) => http.tally.breach("a player by a guessed code"),
        None => http.tally.count("guesses"),
    }
}

/// A token that looks as those do that are given.
fn token(letters: &mut impl FnMut(usize) -> String) -> String {
    let bytes = letters(32).into_bytes();
    format!("rookery_api_{}", protocol::http::hex(&bytes))
}

async fn test(http: &Http, letters: &mut impl FnMut(usize) -> String) {
    let asked = TokenTest {
        tokens: (0..TESTED).map(|_| token(letters)).collect(),
    };
    let told: Option<TokenTestReply> = http.post("/v1/tokens/test", None, &asked).await;
    let accepted = told.is_some_and(|told| told.tokens.iter().any(Option::is_some));
    match accepted {
        true => http.tally.breach("a guessed token was accepted"),
        false => http.tally.count("guesses"),
    }
}

async fn use_token(http: &Http, letters: &mut impl FnMut(usize) -> String) {
    let token = token(letters);
    let used: Option<serde_json::Value> = http.post("/v1/transfers", Some(&token), &()).await;
    match used {
        Some(_) => http.tally.breach("an answer for a guessed token"),
        None => http.tally.count("guesses"),
    }
}

/// The owner logs in from home until the attack ends.
async fn come_home(http: Http, field: Field) {
    let mut clock = interval(OWNER_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while field.end.run_until_cancelled(clock.tick()).await.is_some() {
        let request = LogIn {
            name: Some(NAME.to_owned()),
            password: Some(PASSWORD.to_owned()),
            code: None,
        };
        let until_in = async {
            while http
                .post::<PlayerReply>("/v1/login", None, &request)
                .await
                .is_none()
            {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        match timeout(OWNER_PATIENCE, until_in).await {
            Ok(()) => field.tally.count("log-ins of the owner"),
            Err(_) => field.tally.breach("the owner of an account is locked out"),
        }
    }
}
