//! Which secrets can be guessed.

/// Random bytes or hexadecimal digits of a sensible length have more distinct values than this.
const DIFFERENT_MIN: usize = 8;

/// Whether a secret can be guessed: it is shorter than `len_min` bytes, or has fewer than eight distinct bytes, as
/// placeholders do.
#[must_use]
pub fn is_guessable(secret: &[u8], len_min: usize) -> bool {
    let mut seen = [false; 256];
    for byte in secret {
        seen[usize::from(*byte)] = true;
    }
    secret.len() < len_min || seen.iter().filter(|seen| **seen).count() < DIFFERENT_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_or_monotonous_can_be_guessed() {
        assert!(is_guessable(b"", 0));
        assert!(is_guessable(b"0123456789abcdef", 17));
        assert!(is_guessable(&[0; 64], 32));
        assert!(is_guessable(b"changemechangemechangemechangeme", 33));
        assert!(is_guessable(b"aaaaaaaabbbbbbbbccccccccdddddddd", 32));
        assert!(!is_guessable(b"0123456789abcdef0123456789abcdef", 32));
    }
}
