//! The period in which a certificate is valid.

use std::fmt;

use crate::calendar::rfc3339;
use yasna::models::{GeneralizedTime, UTCTime};
use yasna::tags::TAG_UTCTIME;
use yasna::{ASN1Result, BERReader, Tag};

/// The period in which a certificate is valid, both ends included, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Its first second.
    pub from_unix_s: i64,
    /// Its last second.
    pub until_unix_s: i64,
}

/// A certificate that no peer accepts now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfDate {
    /// It has expired.
    Expired {
        /// Its last second, since 1970.
        until_unix_s: i64,
        /// The time by this machine's clock, since 1970.
        now_unix_s: i64,
    },
    /// It is not valid yet.
    NotYet {
        /// Its first second, since 1970.
        from_unix_s: i64,
        /// The time by this machine's clock, since 1970.
        now_unix_s: i64,
    },
}

impl Validity {
    /// Reads it from a certificate in DER (RFC 5280 section 4.1); `None` if that is not a certificate.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Option<Self> {
        read(certificate).ok()
    }

    /// Whether the certificate is valid at a time, in seconds since 1970.
    #[must_use]
    pub const fn holds(self, now_unix_s: i64) -> bool {
        self.check(now_unix_s).is_ok()
    }

    /// The same, with the reason if not.
    ///
    /// # Errors
    ///
    /// [`OutOfDate`].
    pub const fn check(self, now_unix_s: i64) -> Result<(), OutOfDate> {
        let (from_unix_s, until_unix_s) = (self.from_unix_s, self.until_unix_s);
        if now_unix_s > until_unix_s {
            Err(OutOfDate::Expired {
                until_unix_s,
                now_unix_s,
            })
        } else if now_unix_s < from_unix_s {
            Err(OutOfDate::NotYet {
                from_unix_s,
                now_unix_s,
            })
        } else {
            Ok(())
        }
    }
}

impl std::error::Error for OutOfDate {}

impl fmt::Display for OutOfDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired {
                until_unix_s,
                now_unix_s,
            } => write!(
                f,
                "the certificate expired at {}, and it is {} by this machine's clock; renew it",
                rfc3339(*until_unix_s),
                rfc3339(*now_unix_s)
            ),
            Self::NotYet {
                from_unix_s,
                now_unix_s,
            } => write!(
                f,
                "the certificate is not valid before {}, and it is {} by this machine's clock; set the \
                 clock, or wait",
                rfc3339(*from_unix_s),
                rfc3339(*now_unix_s)
            ),
        }
    }
}

fn read(certificate: &[u8]) -> ASN1Result<Validity> {
    yasna::parse_der(certificate, |reader| {
        reader.read_sequence(|certificate| {
            let validity = certificate.next().read_sequence(|fields| {
                fields.read_optional(|reader| {
                    reader.read_tagged(Tag::context(0), |version| version.read_u8())
                })?;
                // Serial number, algorithm, issuer.
                for _ in 0..3 {
                    fields.next().read_der()?;
                }
                let validity = fields.next().read_sequence(|times| {
                    Ok(Validity {
                        from_unix_s: seconds(times.next())?,
                        until_unix_s: seconds(times.next())?,
                    })
                })?;
                while fields.read_optional(|field| field.read_der())?.is_some() {}
                Ok(validity)
            })?;
            // Algorithm, signature.
            for _ in 0..2 {
                certificate.next().read_der()?;
            }
            Ok(validity)
        })
    })
}

/// A time; years up to 2049 have two digits, later ones four (RFC 5280 section 4.1.2.5).
fn seconds(time: BERReader<'_, '_>) -> ASN1Result<i64> {
    let is_short = time.lookahead_tag()? == TAG_UTCTIME;
    let time = if is_short {
        time.read_utctime().map(|time: UTCTime| *time.datetime())
    } else {
        time.read_generalized_time()
            .map(|time: GeneralizedTime| *time.datetime())
    };
    Ok(time?.unix_timestamp())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(from: i32, until: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) =
            (date_time_ymd(from, 1, 2), date_time_ymd(until, 3, 4));
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_times_of_a_certificate_are_read_in_both_their_forms() {
        for (from, until) in [(1999, 2049), (2020, 2050), (2051, 2099)] {
            let validity = Validity::of(&certificate(from, until)).unwrap();
            assert_eq!(
                (validity.from_unix_s, validity.until_unix_s),
                (
                    date_time_ymd(from, 1, 2).unix_timestamp(),
                    date_time_ymd(until, 3, 4).unix_timestamp()
                )
            );
        }
    }

    #[test]
    fn a_certificate_is_valid_from_its_first_second_to_its_last() {
        let validity = Validity::of(&certificate(2020, 2021)).unwrap();
        let (from, until) = (validity.from_unix_s, validity.until_unix_s);
        assert!(validity.check(from).is_ok() && validity.check(until).is_ok());
        let early = validity.check(from - 1).unwrap_err().to_string();
        assert!(
            early.contains("not valid before 2020-01-02T00:00:00Z"),
            "{early}"
        );
        let late = validity.check(until + 1).unwrap_err().to_string();
        assert!(late.contains("expired at 2021-03-04T00:00:00Z"), "{late}");
        assert!(late.contains("it is 2021-03-04T00:00:01Z"), "{late}");
    }

    #[test]
    fn nonsense_has_no_validity() {
        let certificate = certificate(2020, 2021);
        for len in 0..certificate.len() {
            assert_eq!(Validity::of(&certificate[..len]), None);
        }
        for at in 0..certificate.len() {
            let mut wrong = certificate.clone();
            wrong[at] ^= 0x55;
            let _ = Validity::of(&wrong);
        }
    }
}
