//! Tokens.

use std::sync::LazyLock;

use game_core::UnixMillis;
use tokens::{IssuerKeys, SigningKey, VerifyingKey, issuer_of};

/// A moment at which no token of the corpus has expired.
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

static KEY: LazyLock<VerifyingKey> = LazyLock::new(|| {
    let (key, _) = SigningKey::generate().expect("a key can be made");
    key.verifying_key()
});

/// A key set with a key of each kind.
const JWKS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"b","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

static ISSUER: LazyLock<IssuerKeys> =
    LazyLock::new(|| IssuerKeys::from_jwks(JWKS.as_bytes()).expect("the keys are keys"));

/// No key signed these bytes, so none is accepted.
pub(crate) fn any(data: &[u8]) {
    let _ = IssuerKeys::from_jwks(data);
    let Ok(token) = std::str::from_utf8(data) else {
        return;
    };
    let _ = issuer_of(token);
    assert!(KEY.player(token, NOW).is_err());
    assert!(KEY.seat(token, NOW).is_err());
    assert!(
        ISSUER
            .player(token, "https://issuer.example", "rookery", NOW)
            .is_err()
    );
}
