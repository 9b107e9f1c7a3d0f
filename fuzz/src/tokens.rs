//! Tokens.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::Ed25519KeyPair;

use game_core::UnixMillis;
use tokens::{IssuerKeys, SigningKey, VerifyingKey, issuer_of};

/// A moment at which no token of the corpus has expired.
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// A key of this installation, as it signs and as it verifies.
struct Key {
    pair: Ed25519KeyPair,
    verifying: VerifyingKey,
    signing: SigningKey,
}

static KEY: LazyLock<Key> = LazyLock::new(|| {
    let (signing, pem) = SigningKey::generate().expect("a key can be made");
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    let der = STANDARD
        .decode(lines.collect::<String>())
        .expect("a key is in base64");
    Key {
        pair: Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).expect("a key is a key"),
        verifying: signing.verifying_key(),
        signing,
    }
});

/// A token with these claims, signed as this installation signs.
fn signed(claims: &[u8]) -> String {
    let header = URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"EdDSA"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = KEY.pair.sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A key set with a key of each kind.
const JWKS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"b","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

static ISSUER: LazyLock<IssuerKeys> =
    LazyLock::new(|| IssuerKeys::from_jwks(JWKS.as_bytes()).expect("the keys are keys"));

/// No key signed these bytes, so none is accepted; as claims that were signed they are read, or refused, and what is read
/// is signed and read as the same.
pub(crate) fn any(data: &[u8]) {
    let _ = IssuerKeys::from_jwks(data);
    let token = signed(data);
    let _ = issuer_of(&token);
    if let Ok(claims) = KEY.verifying.player(&token, NOW) {
        let again = KEY.signing.player_token(&claims);
        assert_eq!(KEY.verifying.player(&again, NOW).as_ref(), Ok(&claims));
    }
    if let Ok(claims) = KEY.verifying.seat(&token, NOW) {
        let again = KEY.signing.seat_token(&claims);
        assert_eq!(KEY.verifying.seat(&again, NOW).as_ref(), Ok(&claims));
    }
    let Ok(token) = std::str::from_utf8(data) else {
        return;
    };
    let _ = issuer_of(token);
    assert!(KEY.verifying.player(token, NOW).is_err());
    assert!(KEY.verifying.seat(token, NOW).is_err());
    assert!(
        ISSUER
            .player(token, "https://issuer.example", "rookery", NOW)
            .is_err()
    );
}
