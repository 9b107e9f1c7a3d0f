//! An issuer of the operator's own: a real one, on the loopback, with discovery and keys.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::http::{MatchReply, PlayerReply};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use serde_json::{Value, json};
use store::MemoryStore;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::world::{Guest, World, new_key};
use crate::clock::now;
use crate::config::{Config, Identity};
use crate::identity::{IssuerConfig, SignUp};

const PATH: &str = "/v1/tickets/000000000000";

/// A key of the issuer.
enum IssuerKey {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl IssuerKey {
    fn rsa() -> Self {
        let pem = include_str!("../../../tokens/src/issuer/test-rsa.pem");
        let pem = pem::parse(pem).unwrap();
        Self::Rsa(RsaKeyPair::from_pkcs8(pem.contents()).unwrap())
    }

    fn p256() -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self::P256(EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).unwrap())
    }

    fn ed25519() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Rsa(pair) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kid": id, "kty": "RSA", "n": b64(public.n), "e": b64(public.e)})
            }
            Self::P256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kid": id, "kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y)})
            }
            Self::Ed25519(pair) => {
                let x = b64(pair.public_key());
                json!({"kid": id, "kty": "OKP", "crv": "Ed25519", "x": x})
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signed = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signed)
                    .unwrap();
                signed
            }
            Self::P256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

/// What the issuer serves, and how often it was asked for its keys.
struct Published {
    address: String,
    /// What its discovery document says; its own address if `None`.
    says_it_is: Mutex<Option<String>>,
    keys: Mutex<Vec<Value>>,
    is_down: Mutex<bool>,
    reads: AtomicUsize,
}

struct RealIssuer {
    published: Arc<Published>,
    keys: Vec<(String, IssuerKey)>,
    _end: DropGuard,
}

async fn discovery(State(published): State<Arc<Published>>) -> Result<Json<Value>, StatusCode> {
    if *published.is_down.lock().unwrap() {
        return Err(StatusCode::BAD_GATEWAY);
    }
    let named = published.says_it_is.lock().unwrap().clone();
    let issuer = named.unwrap_or_else(|| published.address.clone());
    let keys = format!("{}/keys", published.address);
    Ok(Json(
        json!({"issuer": issuer, "jwks_uri": keys, "authorization_endpoint": "x"}),
    ))
}

async fn keys(State(published): State<Arc<Published>>) -> Json<Value> {
    published.reads.fetch_add(1, Ordering::SeqCst);
    Json(json!({"keys": *published.keys.lock().unwrap()}))
}

impl RealIssuer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/club", listener.local_addr().unwrap());
        let published = Arc::new(Published {
            address,
            says_it_is: Mutex::default(),
            keys: Mutex::default(),
            is_down: Mutex::default(),
            reads: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/club/.well-known/openid-configuration", get(discovery))
            .route("/club/keys", get(keys))
            .with_state(published.clone());
        let server = web_server(listener, router);
        Self {
            published,
            keys: Vec::new(),
            _end: server,
        }
    }

    fn publish(&mut self, id: &str, key: IssuerKey) {
        self.published.keys.lock().unwrap().push(key.jwk(id));
        self.keys.push((id.to_owned(), key));
    }

    /// A token for a player, with `more` claims.
    fn token(&self, key: usize, sub: &str, more: Value) -> Guest {
        let (id, key) = &self.keys[key];
        let header = json!({"alg": key.algorithm(), "kid": id});
        let mut claims = json!({
            "iss": self.published.address, "aud": "rookery", "sub": sub,
            "exp": now().0 / 1_000 + 600, "iat": now().0 as f64 / 1_000.0, "name": format!("Name of {sub}")
        });
        let more = more.as_object().unwrap().clone();
        claims.as_object_mut().unwrap().extend(more);
        let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signed = b64(key.sign(message.as_bytes()));
        Guest {
            id: format!("oidc:{sub}").parse().unwrap(),
            token: format!("{message}.{signed}"),
        }
    }

    async fn world(&self) -> World {
        let config = Config {
            identity: Identity {
                sign_up: SignUp::Open,
                issuer: Some(IssuerConfig {
                    issuer: self.published.address.clone(),
                    audience: "rookery".to_owned(),
                }),
                ..Identity::default()
            },
            ..Config::default()
        };
        World::on(Arc::new(MemoryStore::new()), new_key(), config).await
    }

    fn reads(&self) -> usize {
        self.published.reads.load(Ordering::SeqCst)
    }
}

/// Serves until the guard is dropped.
fn web_server(listener: TcpListener, router: Router) -> DropGuard {
    let end = CancellationToken::new();
    let ended = end.clone().cancelled_owned();
    tokio::spawn(async move {
        let serving = axum::serve(listener, router).with_graceful_shutdown(ended);
        serving.await.unwrap();
    });
    end.drop_guard()
}

#[tokio::test]
async fn players_of_an_issuer_play_with_its_tokens_of_each_algorithm() {
    let mut issuer = RealIssuer::start().await;
    issuer.publish("r", IssuerKey::rsa());
    issuer.publish("p", IssuerKey::p256());
    issuer.publish("e", IssuerKey::ed25519());
    let world = issuer.world().await;
    for key in 0..3 {
        let ann = issuer.token(key, "ann", json!({}));
        let bob = world.player("bob");
        let id = world.make_match(&ann, &bob).await;
        let shown: MatchReply = world.get(&bob, &format!("/v1/matches/{id}")).await.ok(200);
        assert_eq!(shown.players.white.name, "Name of ann");
        let setup = world.store.load(id).await.unwrap().unwrap();
        assert_eq!(setup.snapshot.setup().players.white.id, ann.id);
        world
            .get(&ann, "/v1/account")
            .await
            .problem(403, "no_account");
        // No token of the issuer can be made here.
        world
            .post(&ann, "/v1/transfers", json!({}))
            .await
            .problem(403, "not_transferable");
    }
    assert_eq!(issuer.reads(), 1, "keys are kept");
}

#[tokio::test]
async fn a_key_that_the_issuer_has_published_since_is_found_and_not_asked_for_at_each_request() {
    let mut issuer = RealIssuer::start().await;
    issuer.publish("old", IssuerKey::ed25519());
    let world = issuer.world().await;
    let ann = issuer.token(0, "ann", json!({}));
    world.get(&ann, PATH).await.problem(404, "ticket_not_found");
    issuer.publish("new", IssuerKey::p256());
    let ben = issuer.token(1, "ben", json!({}));
    // Within ten seconds of the last read it is unknown, however often it is tried.
    for _ in 0..3 {
        world.get(&ben, PATH).await.problem(401, "token_invalid");
    }
    assert_eq!(issuer.reads(), 1);
    let another = issuer.world().await;
    another
        .get(&ben, PATH)
        .await
        .problem(404, "ticket_not_found");
    assert_eq!(issuer.reads(), 2);
}

#[tokio::test]
async fn tokens_of_others_are_refused() {
    let mut issuer = RealIssuer::start().await;
    issuer.publish("e", IssuerKey::ed25519());
    let world = issuer.world().await;
    let good = issuer.token(0, "ann", json!({}));
    world
        .get(&good, PATH)
        .await
        .problem(404, "ticket_not_found");
    for (more, code) in [
        (json!({"aud": "another"}), "token_invalid"),
        (json!({"iss": "https://other.example"}), "token_invalid"),
        (json!({"exp": now().0 / 1_000 - 61}), "token_expired"),
        (json!({"nbf": now().0 / 1_000 + 120}), "token_invalid"),
    ] {
        let token = issuer.token(0, "ann", more.clone());
        let answer = world.get(&token, PATH).await;
        assert_eq!(answer.problem(401, code).len().min(1), 1, "{more}");
    }
    let mut forger = RealIssuer::start().await;
    forger.publish("e", IssuerKey::ed25519());
    let forged = forger.token(0, "ann", json!({"iss": issuer.published.address}));
    world.get(&forged, PATH).await.problem(401, "token_invalid");
}

#[tokio::test]
async fn a_revocation_ends_an_issuers_player_until_restored() {
    let mut issuer = RealIssuer::start().await;
    issuer.publish("e", IssuerKey::ed25519());
    let world = issuer.world().await;
    let ann = issuer.token(0, "ann", json!({}));
    world.store.revoke(&ann.id, now()).await.unwrap();
    world.get(&ann, PATH).await.problem(401, "token_revoked");
    world.store.restore(&ann.id).await.unwrap();
    world.get(&ann, PATH).await.problem(404, "ticket_not_found");
    // Tokens that were made before are void, later ones and those of others are not.
    world.store.void_tokens(&ann.id, now()).await.unwrap();
    world.get(&ann, PATH).await.problem(401, "token_revoked");
    let later = issuer.token(0, "ann", json!({"iat": now().0 / 1_000 + 1}));
    world
        .get(&later, PATH)
        .await
        .problem(404, "ticket_not_found");
    let undated = issuer.token(0, "ann", json!({"iat": null}));
    world
        .get(&undated, PATH)
        .await
        .problem(401, "token_invalid");
}

#[tokio::test]
async fn while_an_issuer_is_away_its_players_are_told_so_and_others_play() {
    let mut issuer = RealIssuer::start().await;
    issuer.publish("e", IssuerKey::ed25519());
    *issuer.published.is_down.lock().unwrap() = true;
    let world = issuer.world().await;
    let ann = issuer.token(0, "ann", json!({}));
    let answer = world.get(&ann, PATH).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.text.contains("issuer_unavailable"));
    assert_eq!(answer.headers["retry-after"], "10");
    let own = world.player("bob");
    world.get(&own, PATH).await.problem(404, "ticket_not_found");

    // One that speaks in the name of another is as good as none.
    *issuer.published.is_down.lock().unwrap() = false;
    *issuer.published.says_it_is.lock().unwrap() = Some("https://other.example".to_owned());
    let world = issuer.world().await;
    let answer = world.get(&ann, PATH).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    // Keys that are known stay in use when it is away.
    *issuer.published.says_it_is.lock().unwrap() = None;
    let world = issuer.world().await;
    world.get(&ann, PATH).await.problem(404, "ticket_not_found");
    *issuer.published.is_down.lock().unwrap() = true;
    world.get(&ann, PATH).await.problem(404, "ticket_not_found");
}

#[tokio::test]
async fn an_issuers_players_and_accounts_are_different_players() {
    let mut issuer = RealIssuer::start().await;
    issuer.publish("e", IssuerKey::ed25519());
    let world = issuer.world().await;
    let body = json!({"name": "Ann", "password": "correct horse"});
    let request = world
        .request(reqwest::Method::POST, "/v1/accounts")
        .json(&body);
    let ann: PlayerReply = super::world::send(request).await.ok(201);
    let foreign = issuer.token(0, ann.player.as_str(), json!({}));
    world
        .get(&foreign, "/v1/account")
        .await
        .problem(403, "no_account");
    assert_ne!(foreign.id, ann.player);
}
