//! Tokens of an issuer, of each algorithm, and every way of not being one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://id.example";
const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// One key of an issuer: its algorithm, its public half as a JWK, and what it signs with.
struct TestKey {
    algorithm: &'static str,
    jwk: Value,
    sign: Sign,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa() -> TestKey {
    let pem = pem::parse(include_str!("test-rsa.pem")).unwrap();
    let pair = RsaKeyPair::from_pkcs8(pem.contents()).unwrap();
    let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
    let sign = move |message: &[u8]| {
        let mut signed = vec![0; pair.public().modulus_len()];
        let random = SystemRandom::new();
        pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signed)
            .unwrap();
        signed
    };
    TestKey {
        algorithm: "RS256",
        jwk: json!({"kty": "RSA", "n": b64(public.n), "e": b64(public.e)}),
        sign: Box::new(sign),
    }
}

fn p256() -> TestKey {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random)
            .unwrap();
    let point = pair.public_key().as_ref().to_vec();
    TestKey {
        algorithm: "ES256",
        jwk: json!({"kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..])}),
        sign: Box::new(move |message| {
            let signed = pair.sign(&SystemRandom::new(), message).unwrap();
            signed.as_ref().to_vec()
        }),
    }
}

fn ed25519() -> TestKey {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    TestKey {
        algorithm: "EdDSA",
        jwk: json!({"kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key())}),
        sign: Box::new(move |message| pair.sign(message).as_ref().to_vec()),
    }
}

fn all_kinds() -> [TestKey; 3] {
    [rsa(), p256(), ed25519()]
}

impl TestKey {
    /// Its entry in the set of keys.
    fn published(&self, more: Value) -> Value {
        with(&self.jwk, more)
    }

    fn token(&self, header: Value, claims: &Value) -> String {
        let header = with(&json!({"alg": self.algorithm, "typ": "JWT"}), header);
        let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signed = (self.sign)(message.as_bytes());
        format!("{message}.{}", b64(signed))
    }
}

fn with(base: &Value, more: Value) -> Value {
    let mut value = base.clone();
    let more = more.as_object().unwrap().clone();
    value.as_object_mut().unwrap().extend(more);
    value
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "rookery", "sub": "u-1", "exp": 1_800_000_600, "iat": 1_799_999_999.5,
        "preferred_username": "ann"
    })
}

fn keys(entries: &[Value]) -> IssuerKeys {
    let set = json!({"keys": entries});
    IssuerKeys::from_jwks(set.to_string().as_bytes()).unwrap()
}

fn check(keys: &IssuerKeys, token: &str) -> Result<ForeignPlayer, IssuerError> {
    keys.player(token, ISSUER, "rookery", NOW)
}

#[test]
fn tokens_signed_by_rs256_es256_and_eddsa_are_accepted() {
    for key in all_kinds() {
        let expected = ForeignPlayer {
            player: "oidc:u-1".parse().unwrap(),
            name: "ann".to_owned(),
            made_at: Some(UnixMillis(1_799_999_999_500)),
        };
        let alone = keys(&[key.published(json!({}))]);
        let token = key.token(json!({}), &claims());
        assert_eq!(issuer_of(&token).as_deref(), Some(ISSUER));
        assert_eq!(check(&alone, &token), Ok(expected.clone()));
        let uses = json!({"kid": "k1", "use": "sig", "alg": key.algorithm});
        let among = [
            json!({"kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB", "kid": "k1"}),
            json!({"kty": "oct", "k": b64("secret"), "kid": "k1"}),
            json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}),
            json!("no key at all"),
            key.published(json!({"kid": "k0", "alg": "PS512"})),
            key.published(uses),
        ];
        let token = key.token(json!({"kid": "k1"}), &claims());
        assert_eq!(check(&keys(&among), &token), Ok(expected));
    }
}

#[test]
fn a_key_that_is_not_published_yet_is_told_from_a_bad_token() {
    for key in all_kinds() {
        let published = keys(&[key.published(json!({"kid": "old"}))]);
        let token = key.token(json!({"kid": "new"}), &claims());
        assert_eq!(check(&published, &token), Err(IssuerError::UnknownKey));
    }
    let [rsa, p256, _] = all_kinds();
    let other_kind = p256.token(json!({}), &claims());
    let published = keys(&[rsa.published(json!({}))]);
    assert_eq!(check(&published, &other_kind), Err(IssuerError::UnknownKey));
}

#[test]
fn forged_altered_and_unsigned_tokens_are_refused() {
    for (key, other) in all_kinds().into_iter().zip(all_kinds()) {
        let published = keys(&[key.published(json!({"kid": "k"}))]);
        let token = key.token(json!({"kid": "k"}), &claims());
        let (message, signed) = token.rsplit_once('.').unwrap();
        let (head, _) = message.split_once('.').unwrap();
        let other_claims = b64(with(&claims(), json!({"sub": "admin"})).to_string());
        let mut flipped = URL_SAFE_NO_PAD.decode(signed).unwrap();
        flipped[3] ^= 1;
        // The test's RSA key is one for all.
        let forged =
            (key.algorithm != "RS256").then(|| other.token(json!({"kid": "k"}), &claims()));
        let unsigned = b64(json!({"alg": "none", "kid": "k"}).to_string());
        let symmetric = b64(json!({"alg": "HS256", "kid": "k"}).to_string());
        let odd = [
            format!("{head}.{other_claims}.{signed}"),
            format!("{message}.{}", b64(flipped)),
            format!("{message}."),
            message.to_owned(),
            format!("{unsigned}.{}.", b64(claims().to_string())),
            format!("{symmetric}.{}.{signed}", b64(claims().to_string())),
            key.token(json!({"kid": "k", "crit": ["exp"]}), &claims()),
            "x".repeat(ISSUER_TOKEN_LEN_MAX + 1),
            String::new(),
            "..".to_owned(),
        ];
        for token in odd.into_iter().chain(forged) {
            let refused = check(&published, &token);
            assert!(refused.is_err(), "{} {token}", key.algorithm);
        }
    }
}

#[test]
fn a_token_for_others_or_of_another_time_is_refused() {
    let key = ed25519();
    let published = keys(&[key.published(json!({}))]);
    let try_with = |more| check(&published, &key.token(json!({}), &with(&claims(), more)));
    for more in [
        json!({"iss": "https://id.example/"}),
        json!({"iss": null}),
        json!({"aud": "another"}),
        json!({"aud": ["another", "third"]}),
        json!({"sub": null}),
        json!({"exp": "soon"}),
        json!({"exp": null}),
        json!({"iat": "now"}),
        json!({"iat": -1}),
    ] {
        let refused = try_with(more.clone());
        let is_invalid = matches!(refused, Err(IssuerError::Refused(TokenError::Invalid(_))));
        assert!(is_invalid, "{more}: {refused:?}");
    }
    let expired = try_with(json!({"exp": 1_799_999_940}));
    assert_eq!(expired, Err(IssuerError::Refused(TokenError::Expired)));
    let early = try_with(json!({"nbf": 1_800_000_061}));
    assert_eq!(early, Err(IssuerError::Refused(TokenError::Early)));
    // Within the leeway, and among other audiences.
    let more = json!({"exp": 1_799_999_941, "nbf": 1_800_000_060, "aud": ["x", "rookery"]});
    assert!(try_with(more).is_ok());
}

/// A player of an issuer must not become a guest or an account of the installation by a choice of names.
#[test]
fn players_of_an_issuer_have_ids_and_names_of_their_own() {
    let key = ed25519();
    let published = keys(&[key.published(json!({}))]);
    let player = |more| {
        let token = key.token(json!({}), &with(&claims(), more));
        check(&published, &token).unwrap()
    };
    let id = |sub: &str| player(json!({ "sub": sub })).player;
    assert_eq!(id("0123456789AB").as_str(), "oidc:0123456789AB");
    assert_eq!(id("auth0|1").as_str(), "oidc:auth0|1");
    let (odd, long) = (id("ä"), id(&"x".repeat(64)));
    for id in [&odd, &long, &id("")] {
        let digest = id.as_str().strip_prefix("oidc|");
        let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        assert!(
            digest.is_some_and(|it| it.len() == 32 && it.chars().all(is_hex)),
            "{id}"
        );
    }
    assert_ne!(odd, long);
    assert_eq!(
        player(json!({"preferred_username": null, "name": "Ann B."})).name,
        "Ann B."
    );
    let nameless = player(json!({"preferred_username": "", "nickname": null}));
    assert_eq!(
        (nameless.name.as_str(), nameless.made_at.is_some()),
        ("u-1", true)
    );
}

#[test]
fn what_is_no_set_of_keys_is_refused() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"keys": {}}"#,
        r#"{"keys": []}"#,
        r#"{"keys": [1, {}, {"kty": "oct", "k": "AA"}]}"#,
    ] {
        assert!(IssuerKeys::from_jwks(text.as_bytes()).is_err(), "{text}");
    }
}
