//! The name in a certificate.

use ring::digest::{SHA256, digest};
use yasna::models::ObjectIdentifier;
use yasna::{ASN1Result, BERReader, Tag};

/// Longest common name, in characters (X.520).
const NAME_LEN_MAX: usize = 64;
/// The attribute `commonName`.
const COMMON_NAME: [u64; 4] = [2, 5, 4, 3];

/// The holder of a certificate for the audit log: `cert:` and the common name of its subject or, if that is not a
/// single word, `sha256:` and the SHA-256 of the certificate in hexadecimal.
pub(crate) fn holder(certificate: &[u8]) -> Box<str> {
    let name = common_name(certificate).ok().flatten();
    let name = name.filter(|name| is_word(name));
    name.map_or_else(
        || fingerprint(certificate),
        |name| format!("cert:{name}").into(),
    )
}

/// Whether a name cannot be mistaken for anything else in a line of the log.
fn is_word(name: &str) -> bool {
    let is_plain = |character: char| character.is_alphanumeric() || "-_.@".contains(character);
    (1..=NAME_LEN_MAX).contains(&name.chars().count()) && name.chars().all(is_plain)
}

fn fingerprint(certificate: &[u8]) -> Box<str> {
    let sum = digest(&SHA256, certificate);
    format!("sha256:{}", protocol::http::hex(sum.as_ref())).into()
}

/// The last common name of the subject (RFC 5280 section 4.1).
fn common_name(certificate: &[u8]) -> ASN1Result<Option<String>> {
    yasna::parse_der(certificate, |reader| {
        reader.read_sequence(|certificate| {
            let name = certificate.next().read_sequence(|fields| {
                fields.read_optional(|reader| {
                    reader.read_tagged(Tag::context(0), |version| version.read_u8())
                })?;
                // Serial number, algorithm, issuer, validity.
                for _ in 0..4 {
                    fields.next().read_der()?;
                }
                let name = last_common_name(fields.next())?;
                // The public key, and what may follow it.
                while fields.read_optional(|field| field.read_der())?.is_some() {}
                Ok(name)
            })?;
            // Algorithm, signature.
            for _ in 0..2 {
                certificate.next().read_der()?;
            }
            Ok(name)
        })
    })
}

fn last_common_name(subject: BERReader<'_, '_>) -> ASN1Result<Option<String>> {
    let common_name = ObjectIdentifier::from_slice(&COMMON_NAME);
    let mut found = None;
    subject.read_sequence_of(|part| {
        part.read_set_of(|attribute| {
            attribute.read_sequence(|attribute| {
                let kind = attribute.next().read_oid()?;
                let value = attribute.next().read_tagged_der()?;
                if kind == common_name {
                    found = String::from_utf8(value.value().to_vec()).ok();
                }
                Ok(())
            })
        })
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

    use super::*;

    fn made(names: &[(DnType, DnValue)]) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["rookery-admin".to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in names {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    fn text(value: &str) -> DnValue {
        DnValue::Utf8String(value.to_owned())
    }

    #[test]
    fn a_common_name_is_found_among_others() {
        let printable = DnValue::PrintableString("ann".try_into().unwrap());
        for (names, expected) in [
            (vec![(DnType::CommonName, text("Ännchen"))], "cert:Ännchen"),
            (vec![(DnType::CommonName, printable)], "cert:ann"),
            (
                vec![
                    (DnType::OrganizationName, text("Club")),
                    (DnType::CommonName, text("bob")),
                    (DnType::CountryName, text("AT")),
                ],
                "cert:bob",
            ),
        ] {
            assert_eq!(&*holder(&made(&names)), expected);
        }
    }

    #[test]
    fn what_has_no_name_that_is_a_word_is_known_by_its_hash() {
        for names in [
            vec![],
            vec![(DnType::OrganizationName, text("Club"))],
            vec![(DnType::CommonName, text(""))],
            vec![(DnType::CommonName, text("a\nwho=bob"))],
            vec![(DnType::CommonName, text("bob outcome=done"))],
            vec![(DnType::CommonName, text("b\u{202e}ob"))],
            vec![(DnType::CommonName, text(&"x".repeat(65)))],
        ] {
            let certificate = made(&names);
            let name = holder(&certificate);
            assert_eq!(name, fingerprint(&certificate));
            assert_eq!(name.len(), "sha256:".len() + 64);
        }
    }

    #[test]
    fn nonsense_is_known_by_its_hash() {
        let certificate = made(&[(DnType::CommonName, text("ann"))]);
        for len in 0..certificate.len() {
            let cut = &certificate[..len];
            assert_eq!(holder(cut), fingerprint(cut));
        }
        for at in 0..certificate.len() {
            let mut wrong = certificate.clone();
            wrong[at] ^= 0x55;
            assert!(!holder(&wrong).is_empty());
        }
    }
}
