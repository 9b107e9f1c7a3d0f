//! Tokens that are signed, or seem to be, and give no right.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use protocol::{ServerBody, ServerFrame};
use reqwest::{Client, StatusCode};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::pace::Pace;
use crate::hostile::addresses::attacker;
use crate::hostile::field::{Field, match_of_two};
use crate::wire::RawClient;

/// The shard says something within this.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How far the times of forged tokens are from now, in seconds.
const HOUR_S: u64 = 3_600;

/// Runs the attack: seat tokens at the shard and player tokens at the matchmaker, in turn.
pub(in crate::hostile) async fn run(field: &Field) -> Result<(), String> {
    let matchmaker = field.matchmaker(attacker(0))?;
    let (match_id, [player, _]) = match_of_two(&matchmaker).await?;
    let seat = matchmaker
        .seat(&player, match_id)
        .await
        .map_err(|error| error.to_string())?;
    let forge = Forge::new(&field.signing_key)?;
    let (seats, players) = (forge.tokens(&seat.token)?, forge.tokens(&player)?);
    let http = Client::builder()
        .local_address(Some(attacker(0).into()))
        .timeout(ANSWER_MAX)
        .no_proxy()
        .build()
        .map_err(|error| error.to_string())?;
    let pace = Pace::new(50, &field.end);
    for turn in 0.. {
        if !pace.turn().await {
            break;
        }
        let (name, token) = &seats[turn % seats.len()];
        let Ok(mut client) = RawClient::connect_from(attacker(0).into(), &seat.shard).await else {
            field.tally.count("connections refused");
            continue;
        };
        client.try_ask(match_id, token).await;
        match client.next_within(ANSWER_MAX).await {
            None
            | Some(ServerFrame {
                body: ServerBody::Closed(_),
                ..
            }) => {
                field.tally.count("seat tokens refused");
            }
            Some(_) => field.tally.breach(format!("a seat for a token {name}")),
        }
        let (name, token) = &players[turn % players.len()];
        let url = format!("{}/v1/matches/{match_id}/seat", field.matchmaker);
        match http.post(url).bearer_auth(token).send().await {
            Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED => {
                field.tally.count("player tokens refused");
            }
            Ok(answer) if answer.status().is_success() => {
                field
                    .tally
                    .breach(format!("an answer for a player token {name}"));
            }
            _ => field.tally.count("requests answered otherwise"),
        }
    }
    Ok(())
}

/// Makes tokens with the installation's own key.
struct Forge {
    pair: Ed25519KeyPair,
}

impl Forge {
    fn new(key_pem: &str) -> Result<Self, String> {
        let der = pem::parse(key_pem).map_err(|error| error.to_string())?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.contents());
        let pair = pair.map_err(|error| error.to_string())?;
        Ok(Self { pair })
    }

    /// Variants of a good token, each by what is wrong with it.
    fn tokens(&self, good: &str) -> Result<Vec<(&'static str, String)>, String> {
        let claims = claims_of(good).ok_or("a good token has claims")?;
        let now_s = shard::system_calendar().0 / 1_000;
        let with = |name: &str, value: Value| {
            let mut claims = claims.clone();
            claims[name] = value;
            claims
        };
        let eddsa = json!({ "alg": "EdDSA", "typ": "JWT" });
        let critical =
            json!({ "alg": "EdDSA", "typ": "JWT", "crit": ["exp-unknown"], "exp-unknown": 1 });
        let hmac = self.hmac(&claims);
        Ok(vec![
            (
                "that is not valid yet",
                self.sign(&eddsa, &with("nbf", json!(now_s + HOUR_S))),
            ),
            (
                "with a critical header that is unknown",
                self.sign(&critical, &claims),
            ),
            (
                "of algorithm none",
                format!("{}.", unsigned(&json!({ "alg": "none" }), &claims)),
            ),
            ("of algorithm HS256 with the public key as its secret", hmac),
            (
                "of algorithm ES256",
                self.sign(&json!({ "alg": "ES256" }), &claims),
            ),
            (
                "that has expired",
                self.sign(&eddsa, &with("exp", json!(now_s - HOUR_S))),
            ),
            (
                "for another audience",
                self.sign(&eddsa, &with("aud", json!("rookery"))),
            ),
            (
                "with a signature of other claims",
                self.swapped(good, &claims),
            ),
        ])
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let unsigned = unsigned(header, claims);
        let signature = BASE64.encode(self.pair.sign(unsigned.as_bytes()));
        format!("{unsigned}.{signature}")
    }

    /// What a verifier takes that lets the token choose its algorithm.
    fn hmac(&self, claims: &Value) -> String {
        let unsigned = unsigned(&json!({ "alg": "HS256" }), claims);
        let public = self.pair.public_key().as_ref();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public);
        let tag = ring::hmac::sign(&key, unsigned.as_bytes());
        format!("{unsigned}.{}", BASE64.encode(tag))
    }

    /// A good token's signature under claims that live longer.
    fn swapped(&self, good: &str, claims: &Value) -> String {
        let mut claims = claims.clone();
        claims["exp"] = json!(u32::MAX);
        let signature = good.rsplit('.').next().unwrap_or_default();
        let header = json!({ "alg": "EdDSA", "typ": "JWT" });
        format!("{}.{signature}", unsigned(&header, &claims))
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |json: &Value| BASE64.encode(json.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn claims_of(token: &str) -> Option<Value> {
    let claims = BASE64.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}
