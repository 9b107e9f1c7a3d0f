//! Rights given, and every way of not having them.

use game_core::{MatchId, PlayerId, UnixMillis};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::{prop_assert, proptest};
use ring::hmac;

use super::*;

/// As `openssl genpkey -algorithm ed25519` writes it: PKCS#8 version 1, without the public half.
const OPENSSL_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEILDxjYrcEW/b5DdD4YBNuKCz0/zA38ovfmPGQ1hAo2p/
-----END PRIVATE KEY-----
";

/// As `openssl pkey -pubout` writes its other half.
const OPENSSL_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA+fk0jfcZs1j7Uk2hR7zowux7j+LlTMN79/URcb7IEZk=
-----END PUBLIC KEY-----
";

const X25519_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VuBCIEIHjkPgAEKTRCl4JBjD4NU9t2KmJwNObPAXiBfo2P0eVn
-----END PRIVATE KEY-----
";

const P256_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglMrOtu8kXZaWgn4v
zWCZlXA75z5g/gxsOe89fLRtC0ahRANCAAS4HbRWzCwe7PHm6LWIdzy3UhFuKEh8
ixHZw0r+VlPrqMUfBsn1lcaxAo+7hPTNechUHKe/dRPddiZLQFucKHa0
-----END PRIVATE KEY-----
";

const EXP_S: u64 = 1_767_225_600;

/// The last moment at which the claims below are valid.
const IN_TIME: UnixMillis = UnixMillis((EXP_S + 60) * 1_000 - 1);

fn key() -> SigningKey {
    SigningKey::from_pem(OPENSSL_PRIVATE).unwrap()
}

fn player_claims() -> PlayerClaims {
    PlayerClaims {
        player: "ann".parse().unwrap(),
        name: "Ann \"Ä\" O'Neill".into(),
        bot: false,
        made_at: None,
        exp: EXP_S,
    }
}

fn seat_claims(role: Role) -> SeatClaims {
    SeatClaims {
        match_id: "0AZaz9876543".parse().unwrap(),
        role,
        player: "ann".parse().unwrap(),
        exp: EXP_S,
    }
}

fn is_invalid<T>(result: Result<T, TokenError>) -> bool {
    matches!(result, Err(TokenError::Invalid(_)))
}

/// Base64 without padding, of the alphabet that tokens are written in (RFC 4648 section 5).
fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(group);
        for digit in 0..=chunk.len() {
            text.push(char::from(
                ALPHABET[(bits >> (18 - 6 * digit) & 63) as usize],
            ));
        }
    }
    text
}

/// A token made by hand.
fn craft(header: &str, claims: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!(
        "{}.{}",
        base64_url(header.as_bytes()),
        base64_url(claims.as_bytes())
    );
    let signature = base64_url(&sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// Signs with the real key, as a matchmaker with other claims in mind would.
fn signed(header: &str, claims: &str) -> String {
    let der = pem::parse(OPENSSL_PRIVATE).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.contents()).unwrap();
    craft(header, claims, |message| {
        pair.sign(message).as_ref().to_vec()
    })
}

const HEADER: &str = r#"{"typ":"JWT","alg":"EdDSA"}"#;
const PLAYER_JSON: &str = r#"{"aud":"rookery-player","sub":"ann","name":"Ann","exp":1767225600}"#;

#[test]
fn a_player_token_says_who_it_was_signed_for() {
    let token = key().player_token(&player_claims());
    let verifying = key().verifying_key();
    assert_eq!(verifying.player(&token, IN_TIME), Ok(player_claims()));
}

#[test]
fn a_seat_token_says_which_seat_it_was_signed_for() {
    for role in [Role::White, Role::Black, Role::Spectator] {
        let token = key().seat_token(&seat_claims(role));
        let verifying = key().verifying_key();
        assert_eq!(verifying.seat(&token, IN_TIME), Ok(seat_claims(role)));
    }
}

/// Ed25519 is deterministic, so the text itself is golden: issuers of other make rely on the form.
#[test]
fn the_form_of_tokens_is_stable() {
    let golden = signed(HEADER, PLAYER_JSON);
    let claims = PlayerClaims {
        name: "Ann".into(),
        ..player_claims()
    };
    assert_eq!(key().player_token(&claims), golden);
    let seat = r#"{"aud":"rookery-seat","mid":"0AZaz9876543","role":"white","sub":"ann","exp":1767225600}"#;
    assert_eq!(
        key().seat_token(&seat_claims(Role::White)),
        signed(HEADER, seat)
    );
}

/// RFC 7519 section 4.1.6: seconds, which may have a fraction.
#[test]
fn a_player_token_says_when_it_was_made_to_the_millisecond() {
    let verifying = key().verifying_key();
    for ms in [0, 1, 999, 1_767_000_000_000, 1_767_000_000_123] {
        let claims = PlayerClaims {
            made_at: Some(UnixMillis(ms)),
            ..player_claims()
        };
        let token = key().player_token(&claims);
        assert_eq!(verifying.player(&token, IN_TIME), Ok(claims), "{ms}");
    }
    let with = |iat: &str| {
        let json = PLAYER_JSON.replacen("\"exp\"", &format!("\"iat\":{iat},\"exp\""), 1);
        verifying.player(&signed(HEADER, &json), IN_TIME)
    };
    let made_at = |iat| with(iat).map(|claims| claims.made_at);
    assert_eq!(
        made_at("1767000000"),
        Ok(Some(UnixMillis(1_767_000_000_000)))
    );
    assert_eq!(
        made_at("1767000000.25"),
        Ok(Some(UnixMillis(1_767_000_000_250)))
    );
    for odd in ["-1", "null", "\"now\"", "[]"] {
        assert!(is_invalid(with(odd)), "{odd}");
    }
}

#[test]
fn a_token_ends_at_its_second() {
    let verifying = key().verifying_key();
    let player = key().player_token(&player_claims());
    let seat = key().seat_token(&seat_claims(Role::White));
    let end_ms = (EXP_S + 60) * 1_000;
    for late in [end_ms, end_ms + 1, u64::MAX] {
        let late = UnixMillis(late);
        assert_eq!(verifying.player(&player, late), Err(TokenError::Expired));
        assert_eq!(verifying.seat(&seat, late), Err(TokenError::Expired));
    }
}

#[test]
fn a_token_of_another_key_is_refused_and_not_called_expired() {
    let (other, _) = SigningKey::generate().unwrap();
    let forged = other.player_token(&player_claims());
    assert!(is_invalid(key().verifying_key().player(&forged, IN_TIME)));
    let late = UnixMillis(u64::MAX);
    assert!(is_invalid(key().verifying_key().player(&forged, late)));
}

#[test]
fn one_audience_is_not_the_other() {
    let verifying = key().verifying_key();
    let player = key().player_token(&player_claims());
    let seat = key().seat_token(&seat_claims(Role::White));
    assert!(is_invalid(verifying.seat(&player, IN_TIME)));
    assert!(is_invalid(verifying.player(&seat, IN_TIME)));
}

#[test]
fn claims_signed_but_not_of_this_protocol_are_refused() {
    let verifying = key().verifying_key();
    assert!(
        verifying
            .player(&signed(HEADER, PLAYER_JSON), IN_TIME)
            .is_ok()
    );
    let cases = [
        (
            "no audience",
            r#"{"sub":"ann","name":"Ann","exp":1767225600}"#,
        ),
        (
            "both audiences",
            r#"{"aud":["rookery-player","rookery-seat"],"sub":"ann","name":"Ann","exp":1767225600}"#,
        ),
        (
            "no subject",
            r#"{"aud":"rookery-player","name":"Ann","exp":1767225600}"#,
        ),
        (
            "no name",
            r#"{"aud":"rookery-player","sub":"ann","exp":1767225600}"#,
        ),
        (
            "no expiry",
            r#"{"aud":"rookery-player","sub":"ann","name":"Ann"}"#,
        ),
        (
            "an expiry that is no number",
            r#"{"aud":"rookery-player","sub":"ann","name":"Ann","exp":"never"}"#,
        ),
        (
            "an expiry before 1970",
            r#"{"aud":"rookery-player","sub":"ann","name":"Ann","exp":-1}"#,
        ),
        (
            "a subject that is no player id",
            r#"{"aud":"rookery-player","sub":"a b","name":"Ann","exp":1767225600}"#,
        ),
        ("no object", "[]"),
        ("no JSON", "ann"),
    ];
    for (what, claims) in cases {
        assert!(
            is_invalid(verifying.player(&signed(HEADER, claims), IN_TIME)),
            "{what}"
        );
    }
}

const SEAT_JSON: &str =
    r#"{"aud":"rookery-seat","mid":"0AZaz9876543","role":"white","sub":"ann","exp":1767225600}"#;

/// Whether a player token and a seat token are taken that are signed with this header and claim.
fn taken(header: &str, claim: &str, now: UnixMillis) -> [bool; 2] {
    let with = |json: &str| json.replacen('{', &format!("{{{claim}"), 1);
    let verifying = key().verifying_key();
    [
        verifying
            .player(&signed(header, &with(PLAYER_JSON)), now)
            .is_ok(),
        verifying
            .seat(&signed(header, &with(SEAT_JSON)), now)
            .is_ok(),
    ]
}

/// RFC 7519 section 4.1.5, with the leeway of a minute for clocks that differ.
#[test]
fn a_token_is_not_valid_before_its_nbf() {
    let now = UnixMillis((EXP_S - 1_000) * 1_000);
    let cases = [
        (r#""nbf":0,"#, true),
        (r#""nbf":1767224600,"#, true),
        (r#""nbf":1767224660,"#, true),
        (r#""nbf":1767224660.5,"#, false),
        (r#""nbf":1767224661,"#, false),
        (r#""nbf":1767225600,"#, false),
        (r#""nbf":1e300,"#, false),
        (r#""nbf":1e999,"#, false),
        (r#""nbf":"0","#, false),
        (r#""nbf":null,"#, false),
        (r#""nbf":[0],"#, false),
    ];
    for (claim, expected) in cases {
        assert_eq!(taken(HEADER, claim, now), [expected; 2], "{claim}");
    }
}

/// RFC 7515 section 4.1.11: a critical extension that is not understood makes a signature invalid. None
/// is understood here, and the list must be neither empty nor anything but names.
#[test]
fn a_token_with_critical_extensions_is_refused() {
    assert_eq!(taken(HEADER, "", IN_TIME), [true; 2]);
    for critical in [
        r#"["b64"],"b64":false"#,
        r#"["exp"],"exp":1767225600"#,
        r#"["urn:example"]"#,
        "[]",
        "[1]",
        r#""b64""#,
        "{}",
    ] {
        let header = format!(r#"{{"typ":"JWT","alg":"EdDSA","crit":{critical}}}"#);
        assert_eq!(taken(&header, "", IN_TIME), [false; 2], "{critical}");
    }
}

#[test]
fn a_token_cannot_choose_its_algorithm() {
    let verifying = key().verifying_key();
    let public = pem::parse(OPENSSL_PUBLIC).unwrap().into_contents();
    let hmac = |secret: &[u8]| {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        move |message: &[u8]| hmac::sign(&secret, message).as_ref().to_vec()
    };
    let hs256 = r#"{"typ":"JWT","alg":"HS256"}"#;
    let cases = [
        (
            "none",
            craft(r#"{"typ":"JWT","alg":"none"}"#, PLAYER_JSON, |_| vec![]),
        ),
        (
            "None",
            craft(r#"{"typ":"JWT","alg":"None"}"#, PLAYER_JSON, |_| vec![]),
        ),
        (
            "EdDSA without signature",
            craft(HEADER, PLAYER_JSON, |_| vec![]),
        ),
        (
            "HS256 with the public key's PEM",
            craft(hs256, PLAYER_JSON, hmac(OPENSSL_PUBLIC.as_bytes())),
        ),
        (
            "HS256 with the public key's DER",
            craft(hs256, PLAYER_JSON, hmac(&public)),
        ),
        (
            "HS256 with the public key's bytes",
            craft(hs256, PLAYER_JSON, hmac(&public[12..])),
        ),
        ("HS256 beside a true signature", signed(hs256, PLAYER_JSON)),
        (
            "ES256 beside a true signature",
            signed(r#"{"alg":"ES256"}"#, PLAYER_JSON),
        ),
        ("no algorithm", signed(r#"{"typ":"JWT"}"#, PLAYER_JSON)),
        (
            "a key of its own",
            signed_by_stranger(r#"{"alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"KEY"}}"#),
        ),
    ];
    for (what, token) in cases {
        assert!(is_invalid(verifying.player(&token, IN_TIME)), "{what}");
    }
}

/// A good signature by a key that the header itself brings in place of `KEY`.
fn signed_by_stranger(header: &str) -> String {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let header = header.replace("KEY", &base64_url(pair.public_key().as_ref()));
    craft(&header, PLAYER_JSON, |message| {
        pair.sign(message).as_ref().to_vec()
    })
}

#[test]
fn text_that_is_no_token_is_refused() {
    let verifying = key().verifying_key();
    let good = key().player_token(&player_claims());
    let parts: Vec<_> = good.split('.').collect();
    let cases = [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        "a.b.c".into(),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}="),
        format!(" {good}"),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.{}.{}", parts[0], parts[1], parts[2], parts[2]),
        "\0".repeat(40),
        "é.é.é".into(),
    ];
    for token in cases {
        assert!(is_invalid(verifying.player(&token, IN_TIME)), "{token:?}");
    }
}

#[test]
fn a_token_above_the_limit_is_refused_even_if_it_is_signed() {
    let claims = |len: usize| PlayerClaims {
        name: "n".repeat(len),
        ..player_claims()
    };
    let verifying = key().verifying_key();
    let longest = (0..TOKEN_LEN_MAX)
        .rev()
        .find(|len| key().player_token(&claims(*len)).len() <= TOKEN_LEN_MAX)
        .unwrap();
    let fits = key().player_token(&claims(longest));
    assert_eq!(verifying.player(&fits, IN_TIME), Ok(claims(longest)));
    let too_long = key().player_token(&claims(longest + 1));
    let refused = TokenError::Invalid("longer than 1024 bytes".into());
    assert_eq!(verifying.player(&too_long, IN_TIME), Err(refused));
}

#[test]
fn the_longest_tokens_of_the_matchmaker_fit() {
    let player: PlayerId = "p".repeat(PlayerId::LEN_MAX).parse().unwrap();
    let longest_player = PlayerClaims {
        player: player.clone(),
        name: "\u{10ffff}".repeat(32),
        bot: true,
        made_at: Some(UnixMillis(u64::MAX >> 12)),
        exp: u64::MAX,
    };
    let longest_seat = SeatClaims {
        match_id: MatchId::from_random(u128::MAX),
        role: Role::Spectator,
        player,
        exp: u64::MAX,
    };
    assert!(key().player_token(&longest_player).len() <= TOKEN_LEN_MAX);
    assert!(key().seat_token(&longest_seat).len() <= TOKEN_LEN_MAX);
}

#[test]
fn keys_of_openssl_are_read() {
    let key = SigningKey::from_pem(OPENSSL_PRIVATE).unwrap();
    assert_eq!(
        key.verifying_key().to_pem().replace('\r', ""),
        OPENSSL_PUBLIC
    );
    let verifying = VerifyingKey::from_pem(OPENSSL_PUBLIC).unwrap();
    let token = key.player_token(&player_claims());
    assert_eq!(verifying.player(&token, IN_TIME), Ok(player_claims()));
}

#[test]
fn a_generated_key_is_read_back_and_no_two_are_alike() {
    let (key, pem) = SigningKey::generate().unwrap();
    let again = SigningKey::from_pem(&pem).unwrap();
    assert_eq!(key.verifying_key().to_pem(), again.verifying_key().to_pem());
    let (other, _) = SigningKey::generate().unwrap();
    assert_ne!(key.verifying_key().to_pem(), other.verifying_key().to_pem());
}

#[test]
fn what_is_no_key_is_refused_with_the_kind_that_was_wanted() {
    let private = [
        ("nothing", String::new()),
        ("words", "correct horse battery staple".into()),
        ("the public half", OPENSSL_PUBLIC.into()),
        ("another curve", X25519_PRIVATE.into()),
        ("another kind", P256_PRIVATE.into()),
        (
            "another label",
            OPENSSL_PRIVATE.replace("PRIVATE KEY", "EC PRIVATE KEY"),
        ),
        ("half a key", OPENSSL_PRIVATE.replace("1hAo2p/", "")),
        ("damaged base64", OPENSSL_PRIVATE.replace("MC4C", "M*4C")),
    ];
    for (what, text) in private {
        let error = SigningKey::from_pem(&text).err().expect(what).to_string();
        assert!(
            error.starts_with("not an Ed25519 private key in PEM: "),
            "{what}: {error}"
        );
    }
    let public = [
        ("nothing", String::new()),
        ("the private half", OPENSSL_PRIVATE.into()),
        (
            "another label",
            OPENSSL_PUBLIC.replace("PUBLIC", "RSA PUBLIC"),
        ),
        ("half a key", OPENSSL_PUBLIC.replace("b7IEZk=", "bw==")),
        ("another curve", OPENSSL_PUBLIC.replace("K2Vw", "K2Vu")),
    ];
    for (what, text) in public {
        let error = VerifyingKey::from_pem(&text).err().expect(what).to_string();
        assert!(
            error.starts_with("not an Ed25519 public key in PEM: "),
            "{what}: {error}"
        );
    }
}

proptest! {
    /// Any one character replaced by another ends the token, wherever it stands.
    #[test]
    fn a_changed_token_is_refused(position in any::<usize>(), replacement in "[A-Za-z0-9_.-]") {
        let good = key().seat_token(&seat_claims(Role::White));
        let mut bytes = good.clone().into_bytes();
        let position = position % bytes.len();
        bytes[position] = replacement.as_bytes()[0];
        let changed = String::from_utf8(bytes).unwrap();
        let result = key().verifying_key().seat(&changed, IN_TIME);
        prop_assert!(changed == good || is_invalid(result));
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in ".{0,1100}") {
        prop_assert!(is_invalid(key().verifying_key().player(&text, IN_TIME)));
    }

    #[test]
    fn any_header_and_claims_are_refused_without_a_panic(header in ".{0,80}", claims in ".{0,80}") {
        let token = signed(&header, &claims);
        prop_assert!(is_invalid(key().verifying_key().player(&token, IN_TIME)));
    }

    #[test]
    fn any_document_that_calls_itself_a_key_is_refused_without_a_panic(
        document in vec(any::<u8>(), 0..100),
    ) {
        for label in [PRIVATE_TAG, PUBLIC_TAG] {
            let text = pem::encode(&pem::Pem::new(label, document.clone()));
            prop_assert!(SigningKey::from_pem(&text).is_err());
            prop_assert!(VerifyingKey::from_pem(&text).is_err());
        }
    }
}
