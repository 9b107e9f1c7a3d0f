//! The bot accounts of `rookery dev --bots`: made once, and kept with their tokens in the data directory.

use std::path::Path;
use std::time::Duration;

use client::Matchmaker;
use protocol::http::{ApiScope, LogIn, NewAccount, NewApiToken, TokenTest};
use serde::{Deserialize, Serialize};

use super::Failure;

/// The file that keeps them.
const FILE: &str = "bots.json";
/// How long the matchmaker, which has just started, may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bot account.
#[derive(Debug, Serialize, Deserialize)]
struct Bot {
    name: String,
    password: String,
    token: String,
}

/// The API tokens of `count` bot accounts, each of which is made if it does not exist.
pub(super) async fn bot_tokens(
    directory: &Path,
    matchmaker: &str,
    count: usize,
) -> Result<Vec<String>, Failure> {
    let matchmaker = Matchmaker::new(matchmaker, PATIENCE)?;
    let path = directory.join(FILE);
    let kept = std::fs::read(&path).ok();
    let kept: Option<Vec<Bot>> = kept.and_then(|kept| serde_json::from_slice(&kept).ok());
    let mut bots = kept.unwrap_or_default();
    for index in 0..count {
        match bots.get_mut(index) {
            Some(bot) => renew(&matchmaker, bot).await?,
            None => bots.push(new_bot(&matchmaker, index + 1).await?),
        }
    }
    program::write_private(&path, &serde_json::to_vec_pretty(&bots)?)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(bots.into_iter().take(count).map(|bot| bot.token).collect())
}

/// Gives a bot another token if its own is not accepted, and its account again if the store has none.
async fn renew(matchmaker: &Matchmaker, bot: &mut Bot) -> Result<(), Failure> {
    let test = TokenTest {
        tokens: vec![bot.token.clone()],
    };
    let known = matchmaker.test_tokens(&test).await?;
    if known.tokens.iter().all(Option::is_some) {
        return Ok(());
    }
    let log_in = LogIn {
        name: Some(bot.name.clone()),
        password: Some(bot.password.clone()),
        code: None,
    };
    let session = match matchmaker.log_in(&log_in).await {
        Ok(session) => session.token,
        Err(_) => sign_up(matchmaker, &bot.name, &bot.password).await?,
    };
    bot.token = api_token(matchmaker, &session).await?;
    Ok(())
}

async fn new_bot(matchmaker: &Matchmaker, number: usize) -> Result<Bot, Failure> {
    let password = format!("{:032x}", rand::random::<u128>());
    let mut name = format!("Bot-{number}");
    let mut session = sign_up(matchmaker, &name, &password).await;
    if session.is_err() {
        // Somebody else has the name.
        name = format!("Bot-{number}-{:04x}", rand::random::<u16>());
        session = sign_up(matchmaker, &name, &password).await;
    }
    let session = session.map_err(|error| format!("--bots: no account can be made: {error}"))?;
    let token = api_token(matchmaker, &session).await?;
    Ok(Bot {
        name,
        password,
        token,
    })
}

async fn sign_up(matchmaker: &Matchmaker, name: &str, password: &str) -> Result<String, Failure> {
    let account = NewAccount {
        name: name.to_owned(),
        password: password.to_owned(),
        bot: true,
        invitation: None,
    };
    Ok(matchmaker.sign_up(&account).await?.token)
}

async fn api_token(matchmaker: &Matchmaker, session: &str) -> Result<String, Failure> {
    let wanted = NewApiToken {
        label: "rookery dev".to_owned(),
        scopes: vec![ApiScope::Play, ApiScope::ChallengeBulk],
    };
    Ok(matchmaker.new_api_token(session, &wanted).await?.token)
}
