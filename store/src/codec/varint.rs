//! Whole numbers in as few bytes as they need.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeTuple as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number in groups of 7 bits, the lowest first; the high bit of a byte tells that another one follows
/// (LEB128). A clock in microseconds takes 4 bytes up to 268 s and 5 up to 9 h, where bincode's own integers
/// take 5 and 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Varint(pub(super) u64);

/// Bytes of the largest number.
const LEN_MAX: usize = 64_usize.div_ceil(7);

impl Serialize for Varint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let len = (u64::BITS - self.0.leading_zeros()).div_ceil(7).max(1) as usize;
        // The bytes of a tuple follow each other without a length.
        let mut bytes = serializer.serialize_tuple(len)?;
        for at in 0..len {
            let more = if at + 1 < len { 0x80 } else { 0 };
            bytes.serialize_element(&((self.0 >> (7 * at)) as u8 & 0x7f | more))?;
        }
        bytes.end()
    }
}

impl<'de> Deserialize<'de> for Varint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(LEN_MAX, Bytes)
    }
}

/// Adds a number to bytes, in the same form.
pub(super) fn put_varint(bytes: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// The number at the beginning of bytes and what comes after it; nothing if there is none in its one form.
pub(super) fn take_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (at, &byte) in bytes.iter().enumerate().take(LEN_MAX) {
        let group = u64::from(byte & 0x7f);
        let shifted = group << (7 * at);
        if shifted >> (7 * at) != group {
            return None;
        }
        number |= shifted;
        if byte & 0x80 == 0 {
            let superfluous = byte == 0 && at > 0;
            return (!superfluous).then(|| (number, &bytes[at + 1..]));
        }
    }
    None
}

/// Reads bytes up to the last one of a number, and leaves those behind it.
struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Varint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of 64 bits in groups of 7")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Varint, A::Error> {
        let mut number = 0_u64;
        for at in 0..LEN_MAX {
            let byte: u8 = bytes
                .next_element()?
                .ok_or_else(|| A::Error::invalid_length(at, &self))?;
            let group = u64::from(byte & 0x7f);
            let shifted = group << (7 * at);
            if shifted >> (7 * at) != group {
                break;
            }
            number |= shifted;
            if byte & 0x80 == 0 {
                // One number has one form, so that equal records are equal bytes.
                return if byte == 0 && at > 0 {
                    Err(A::Error::custom("a number with a superfluous byte"))
                } else {
                    Ok(Varint(number))
                };
            }
        }
        Err(A::Error::custom("a number of more than 64 bits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(number: u64) -> Vec<u8> {
        bincode::serde::encode_to_vec(Varint(number), bincode::config::standard()).unwrap()
    }

    fn decoded(bytes: &[u8]) -> Option<(u64, usize)> {
        let decoded: Result<(Varint, usize), _> =
            bincode::serde::decode_from_slice(bytes, bincode::config::standard());
        decoded.ok().map(|(number, read)| (number.0, read))
    }

    /// The examples are those of the DWARF standard (appendix C) and the bounds.
    #[test]
    fn numbers_have_one_form_each() {
        for (number, bytes) in [
            (0, &[0][..]),
            (2, &[2]),
            (127, &[127]),
            (128, &[0x80, 1]),
            (129, &[0x81, 1]),
            (12_857, &[0xb9, 0x64]),
        ] {
            assert_eq!(encoded(number), bytes);
            let mut put = Vec::new();
            put_varint(&mut put, number);
            assert_eq!(put, bytes);
            let more = [bytes, &[0xff]].concat();
            assert_eq!(decoded(&more), Some((number, bytes.len())));
            assert_eq!(take_varint(&more), Some((number, &[0xff][..])));
        }
        for shift in 0..64 {
            for number in [1 << shift, u64::MAX >> shift] {
                assert_eq!(decoded(&encoded(number)).map(|read| read.0), Some(number));
                assert_eq!(take_varint(&encoded(number)), Some((number, &[][..])));
            }
        }
        assert_eq!(encoded(u64::MAX).len(), LEN_MAX);
        for hostile in [
            &[][..],
            &[0x80],
            &[0x80, 0],
            &[0xff; 10],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
        ] {
            assert_eq!(decoded(hostile), None, "{hostile:?}");
            assert_eq!(take_varint(hostile), None, "{hostile:?}");
        }
    }
}
