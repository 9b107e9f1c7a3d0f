//! What webhooks are signed with, and their signature, as Standard Webhooks 1.0 has it.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Shortest and longest key, in bytes.
const KEY_LEN: std::ops::RangeInclusive<usize> = 24..=64;

/// Keys that webhooks are signed with. Each signs, so that receivers can be given a new key before the old one goes.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookKeys(Vec<Vec<u8>>);

impl WebhookKeys {
    /// The keys in a text: a secret on each line, `whsec_` and 24 to 64 bytes in base64.
    ///
    /// # Errors
    ///
    /// What is wrong with it, without the secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys = lines.enumerate().map(|(number, line)| {
            let key = line
                .strip_prefix(PREFIX)
                .and_then(|key| STANDARD.decode(key).ok());
            let key = key
                .filter(|key| KEY_LEN.contains(&key.len()))
                .ok_or_else(|| {
                    format!(
                        "secret {} is not {PREFIX} and {} to {} bytes in base64",
                        number + 1,
                        KEY_LEN.start(),
                        KEY_LEN.end()
                    )
                })?;
            Ok(key)
        });
        let keys = keys.collect::<Result<Vec<_>, String>>()?;
        if keys.is_empty() {
            return Err("there is no secret in it".to_owned());
        }
        Ok(Self(keys))
    }

    /// The keys in a file.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), or why the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        Self::parse(&text)
    }

    /// The value of the header `webhook-signature`.
    pub(crate) fn signature(&self, id: &str, timestamp_s: u64, body: &str) -> String {
        let signed = format!("{id}.{timestamp_s}.{body}");
        let signatures = self.0.iter().map(|key| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            let signature = hmac::sign(&key, signed.as_bytes());
            format!("v1,{}", STANDARD.encode(signature))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }
}

/// Omits the keys.
impl fmt::Debug for WebhookKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebhookKeys").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the libraries of Standard Webhooks are tested with.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let keys = WebhookKeys::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let signature = keys.signature(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn every_key_signs_and_none_is_shown() {
        let old = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let new = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB";
        let both = WebhookKeys::parse(&format!("{old}\n\n  {new}\n")).unwrap();
        let alone = WebhookKeys::parse(new).unwrap();
        let signature = both.signature("m", 1, "{}");
        let (_, second) = signature.split_once(' ').unwrap();
        assert_eq!(second, alone.signature("m", 1, "{}"));
        assert_eq!(format!("{both:?}"), "WebhookKeys(2)");
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_shown() {
        for (text, why) in [
            ("", "no secret"),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "secret 1 is not whsec_"),
            ("whsec_AAAA", "24 to 64 bytes"),
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nwhsec_!",
                "secret 2",
            ),
        ] {
            let refused = WebhookKeys::parse(text).unwrap_err();
            assert!(refused.contains(why), "{refused}");
            assert!(
                !refused.contains("AAAA") && !refused.contains("MfKQ"),
                "{refused}"
            );
        }
    }
}
