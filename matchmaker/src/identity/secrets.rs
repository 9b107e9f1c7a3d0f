//! The secrets that are handed out: API tokens, codes of invitations and of transfers, and login codes. Only their digests are stored.

use rand::distr::Alphanumeric;
use rand::{Rng as _, RngExt as _};
use ring::digest::{SHA256, digest};
use store::SecretDigest;

/// What every API token begins with, so that it is recognised, also by programs that search for leaked secrets.
pub(crate) const API_TOKEN_PREFIX: &str = "rookery_api_";

/// Random bytes of an API token.
const API_TOKEN_LEN: usize = 32;

/// Characters of a login code: 60 bits, of which an address can guess a few hundred in five minutes.
const LOGIN_CODE_LEN: usize = 12;
/// Characters of an invitation's code.
const INVITATION_LEN: usize = 16;
/// Characters of the code of a transfer, base62: 142 bits. No person types it.
pub(crate) const TRANSFER_CODE_LEN: usize = 24;
/// A hyphen stands after each so many characters of a code, so that it is easy to copy by hand.
const GROUP_LEN: usize = 4;

/// The digits of codes: Crockford's base 32, without letters that are taken for digits.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A new secret, shown once, and its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    /// The secret, as its holder sends it.
    pub(crate) text: String,
    /// What is stored of it.
    pub(crate) digest: SecretDigest,
}

impl Secret {
    /// A new API token.
    pub(crate) fn api_token() -> Self {
        let mut bytes = [0; API_TOKEN_LEN];
        rand::rng().fill_bytes(&mut bytes);
        let text = format!("{API_TOKEN_PREFIX}{}", protocol::http::hex(&bytes));
        let digest = digest_of(&text);
        Self { text, digest }
    }

    /// A new login code.
    pub(crate) fn login_code() -> Self {
        Self::code(LOGIN_CODE_LEN)
    }

    /// A new code of an invitation.
    pub(crate) fn invitation() -> Self {
        Self::code(INVITATION_LEN)
    }

    /// A new code of a transfer.
    pub(crate) fn transfer() -> Self {
        let letters = rand::rng().sample_iter(Alphanumeric);
        let text: String = letters.take(TRANSFER_CODE_LEN).map(char::from).collect();
        let digest = digest_of(&text);
        Self { text, digest }
    }

    fn code(len: usize) -> Self {
        let mut bytes = vec![0; len];
        rand::rng().fill_bytes(&mut bytes);
        // 256 is a multiple of 32, so each digit is as likely as the others.
        let digits = bytes
            .iter()
            .map(|byte| DIGITS[usize::from(byte % 32)] as char);
        let code: String = digits.collect();
        let digest = digest_of(&code);
        let groups = code.as_bytes().chunks(GROUP_LEN);
        let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
        Self {
            text: groups.join("-"),
            digest,
        }
    }
}

/// The digest of a secret.
pub(crate) fn digest_of(secret: &str) -> SecretDigest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    SecretDigest(bytes)
}

/// A code as it was made, of what a person typed: in any case, with or without hyphens and blanks, and with letters that
/// are taken for digits.
pub(crate) fn normal_code(typed: &str) -> String {
    let digits = typed.chars().filter(|c| *c != '-' && !c.is_whitespace());
    let digits = digits.take(2 * INVITATION_LEN);
    digits
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_no_two_are_alike() {
        let [one, other] = [Secret::api_token(), Secret::api_token()];
        assert_ne!(one, other);
        assert_eq!(one.text.len(), API_TOKEN_PREFIX.len() + 64);
        assert_eq!(digest_of(&one.text), one.digest);
        assert_ne!(Secret::login_code(), Secret::login_code());
        let [one, other] = [Secret::transfer(), Secret::transfer()];
        assert_ne!(one, other);
        assert_eq!(one.text.len(), TRANSFER_CODE_LEN);
        assert!(one.text.bytes().all(|c| c.is_ascii_alphanumeric()));
        assert_eq!(digest_of(&one.text), one.digest);
    }

    #[test]
    fn a_code_is_recognised_however_a_person_types_it() {
        for secret in [Secret::login_code(), Secret::invitation()] {
            let groups: Vec<_> = secret.text.split('-').collect();
            assert!(
                groups.iter().all(|group| group.len() == 4),
                "{}",
                secret.text
            );
            let look_alike = secret.text.replace('0', "o").replace('1', "l");
            for typed in [
                secret.text.clone(),
                secret.text.to_lowercase(),
                secret.text.replace('-', ""),
                format!(" {} ", secret.text.replace('-', " ")),
                look_alike,
            ] {
                assert_eq!(digest_of(&normal_code(&typed)), secret.digest, "{typed}");
            }
        }
        assert!(normal_code(&"x".repeat(10_000)).len() <= 32);
    }

    /// SHA-256 of "abc" (FIPS 180-4).
    #[test]
    fn the_digest_is_sha_256() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest_of("abc").to_string(), expected);
    }
}
