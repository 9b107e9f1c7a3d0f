//! A row of the embedded store's journal: what one commit appended to the logs of matches.
//!
//! `magic and version · length of the body · lineage · generation · index · rows of the generation before · body ·
//! crc32`, little-endian. The body is entry after entry: `id · length of the log before · number of records · length of
//! the snapshot, 0 without one · snapshot · records`, where each number is in groups of 7 bits and each record stands
//! behind its length.

use game_core::MatchId;

use super::bounds::{CHECKSUM_LEN, DecodeError, SNAPSHOT_LEN_MAX};
use super::chunk::Records;
use super::leaves::{StoredId, id_from_stored};
use super::varint::{put_varint, take_varint};

/// The last byte is the version.
const MAGIC: [u8; 4] = *b"RkJ\x01";
/// Bytes before the body.
const HEADER_LEN: usize = 4 + 4 + 8 + 4 + 4 + 4;
/// Longest body, bytes. A commit with more writes several rows.
pub(crate) const ROW_LEN_MAX: usize = 512 * 1024;

/// Where a row belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Drawn at random whenever the store is opened: tells whether a row belongs to this store.
    pub(crate) lineage: u64,
    /// Which filling of which half of the file, counted from 0 in each lineage.
    pub(crate) generation: u32,
    /// Its number in the generation, from 0.
    pub(crate) index: u32,
    /// How many rows the generation before has.
    pub(crate) before: u32,
}

/// Starts a row: the body follows, then [`finish_row`].
pub(crate) fn begin_row(bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.resize(HEADER_LEN, 0);
}

/// Whether a row that [`begin_row`] has started has no entry.
pub(crate) const fn is_empty_row(bytes: &[u8]) -> bool {
    bytes.len() <= HEADER_LEN
}

/// The body of a complete row.
pub(crate) fn body_of_row(row: &[u8]) -> &[u8] {
    let mut len = [0; 4];
    len.copy_from_slice(&row[4..8]);
    &row[HEADER_LEN..][..u32::from_le_bytes(len) as usize]
}

/// Completes a row.
pub(crate) fn finish_row(bytes: &mut Vec<u8>, place: Place) {
    let body_len = bytes.len() - HEADER_LEN;
    assert!(
        body_len <= ROW_LEN_MAX,
        "a row of the journal of {body_len} bytes"
    );
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..8].copy_from_slice(&(body_len as u32).to_le_bytes());
    bytes[8..16].copy_from_slice(&place.lineage.to_le_bytes());
    bytes[16..20].copy_from_slice(&place.generation.to_le_bytes());
    bytes[20..24].copy_from_slice(&place.index.to_le_bytes());
    bytes[24..28].copy_from_slice(&place.before.to_le_bytes());
    let checksum = crc32fast::hash(bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
}

/// What stands at a place of the file where a row may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// No row of this lineage begins here.
    Nothing,
    /// A row of this lineage and of this generation or another one begins here, and is not whole.
    Broken {
        /// Its generation, as far as it can be believed.
        generation: u32,
    },
    /// A whole row.
    Row {
        place: Place,
        body: &'a [u8],
        /// Bytes from its beginning to its end.
        len: usize,
    },
}

/// Reads the row that begins with `bytes`, if one of the lineage does.
///
/// # Errors
///
/// [`DecodeError::Version`] if a newer program wrote it.
pub(crate) fn find_row(bytes: &[u8], lineage: u64) -> Result<Found<'_>, DecodeError> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        return Ok(Found::Nothing);
    };
    let number = |at: usize| {
        let mut four = [0; 4];
        four.copy_from_slice(&header[at..at + 4]);
        u32::from_le_bytes(four)
    };
    let place = Place {
        lineage: u64::from(number(8)) | u64::from(number(12)) << 32,
        generation: number(16),
        index: number(20),
        before: number(24),
    };
    if header[..3] != MAGIC[..3] || place.lineage != lineage {
        return Ok(Found::Nothing);
    }
    let broken = Found::Broken {
        generation: place.generation,
    };
    let body_len = number(4) as usize;
    if body_len > ROW_LEN_MAX || rest.len() < body_len + CHECKSUM_LEN {
        return Ok(broken);
    }
    let (sealed, after) = bytes.split_at(HEADER_LEN + body_len);
    if !after.starts_with(&crc32fast::hash(sealed).to_le_bytes()) {
        return Ok(broken);
    }
    if header[3] != MAGIC[3] {
        return Err(DecodeError::Version {
            format: "row of the journal",
            found: header[3],
            newest: MAGIC[3],
        });
    }
    Ok(Found::Row {
        place,
        body: &sealed[HEADER_LEN..],
        len: sealed.len() + CHECKSUM_LEN,
    })
}

/// What a row says was appended to one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) id: MatchId,
    /// Length of the log before.
    pub(crate) after: u32,
    /// Number of records, at least one.
    pub(crate) count: u32,
    pub(crate) snapshot: Option<&'a [u8]>,
    pub(crate) records: Records<'a>,
}

impl Entry<'_> {
    /// Length of the log with it.
    pub(crate) const fn last(&self) -> u32 {
        self.after + self.count
    }

    /// Adds it to a row.
    pub(crate) fn push(&self, row: &mut Vec<u8>) {
        row.extend_from_slice(self.id.as_str().as_bytes());
        put_varint(row, self.after.into());
        put_varint(row, self.count.into());
        let snapshot = self.snapshot.unwrap_or_default();
        put_varint(row, snapshot.len() as u64);
        row.extend_from_slice(snapshot);
        row.extend_from_slice(self.records.bytes());
    }
}

/// The entries of a row's body, up to the first that makes no sense.
pub(crate) struct Entries<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = read_entry(self.0);
        self.0 = read.as_ref().map_or(&[], |(_, rest)| rest);
        Some(read.map(|(entry, _)| entry))
    }
}

fn read_entry(bytes: &[u8]) -> Result<(Entry<'_>, &[u8]), DecodeError> {
    let malformed = |text: &str| DecodeError::Malformed(text.to_owned());
    let cut = || malformed("an entry of the journal is not whole");
    let (id, rest) = bytes
        .split_first_chunk::<{ size_of::<StoredId>() }>()
        .ok_or_else(cut)?;
    let id = id_from_stored(*id).map_err(DecodeError::Malformed)?;
    let (after, rest) = take_varint(rest).ok_or_else(cut)?;
    let (count, rest) = take_varint(rest).ok_or_else(cut)?;
    let (snapshot_len, rest) = take_varint(rest).ok_or_else(cut)?;
    let is_long = after
        .checked_add(count)
        .is_none_or(|last| last > u32::MAX.into());
    if count == 0 || is_long || snapshot_len > SNAPSHOT_LEN_MAX as u64 {
        return Err(malformed("an entry of the journal makes no sense"));
    }
    let (snapshot, rest) = rest
        .split_at_checked(snapshot_len as usize)
        .ok_or_else(cut)?;
    let (records, rest) = Records::split(rest, count)?;
    let entry = Entry {
        id,
        after: after as u32,
        count: count as u32,
        snapshot: (!snapshot.is_empty()).then_some(snapshot),
        records,
    };
    Ok((entry, rest))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::chunk::{decode_chunk, encode_chunk, push_record};
    use super::super::samples::{hex, sealed, unhex};
    use super::*;

    const PLACE: Place = Place {
        lineage: 0x1122_3344_5566_7788,
        generation: 3,
        index: 2,
        before: 9,
    };

    fn records(each: &[&[u8]]) -> Vec<u8> {
        let mut records = Vec::new();
        for record in each {
            push_record(&mut records, record);
        }
        records
    }

    fn row(entries: &[Entry<'_>]) -> Vec<u8> {
        let mut row = Vec::new();
        begin_row(&mut row);
        for entry in entries {
            entry.push(&mut row);
        }
        finish_row(&mut row, PLACE);
        row
    }

    #[test]
    fn rows_and_chunks_have_these_bytes() {
        let (one, two) = (records(&[b"e2e4"]), records(&[b"e7e5", &[7; 128]]));
        let entries = [
            Entry {
                id: "0123456789AB".parse().unwrap(),
                after: 0,
                count: 1,
                snapshot: None,
                records: Records::of_pushed(&one),
            },
            Entry {
                id: "Ab00000000CD".parse().unwrap(),
                after: 300,
                count: 2,
                snapshot: Some(b"a snapshot"),
                records: Records::of_pushed(&two),
            },
        ];
        let bytes = row(&entries);
        let golden = [
            "526b4a01b5000000887766554433221103000000020000000900000030313233343536373839414200010004653265344162303030",
            "30303030304344ac02020a6120736e617073686f7404653765358001",
            &"07".repeat(128),
        ]
        .concat();
        assert_eq!(hex(&bytes[..bytes.len() - CHECKSUM_LEN]), golden);
        let Ok(Found::Row { place, body, len }) = find_row(&bytes, PLACE.lineage) else {
            panic!("it is found");
        };
        assert_eq!((place, len), (PLACE, bytes.len()));
        assert_eq!(body, body_of_row(&bytes));
        let read: Result<Vec<_>, _> = Entries(body).collect();
        assert_eq!(read.unwrap(), entries);

        let chunk = encode_chunk(2, &records(&[b"e2e4", b"e7e5"]));
        let golden = "010204653265340465376535";
        assert_eq!(hex(&chunk[..chunk.len() - CHECKSUM_LEN]), golden);
        let (count, read) = decode_chunk(&chunk).unwrap();
        assert_eq!(count, 2);
        assert!(read.eq([b"e2e4", b"e7e5"]));
    }

    #[test]
    fn a_row_of_another_lineage_is_none_and_a_later_version_is_named() {
        let bytes = row(&[]);
        assert_eq!(find_row(&bytes, 1), Ok(Found::Nothing));
        for at in 0..bytes.len() {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 1;
            let found = find_row(&spoilt, PLACE.lineage);
            assert!(!matches!(found, Ok(Found::Row { .. })), "byte {at}");
            assert!(matches!(
                find_row(&bytes[..at], PLACE.lineage),
                Ok(Found::Nothing | Found::Broken { .. })
            ));
        }
        let mut later = bytes[..bytes.len() - CHECKSUM_LEN].to_vec();
        later[3] = 2;
        let checksum = crc32fast::hash(&later);
        later.extend_from_slice(&checksum.to_le_bytes());
        let refused = find_row(&later, PLACE.lineage).unwrap_err();
        assert!(refused.to_string().contains("newer program"), "{refused}");
    }

    #[test]
    fn chunks_that_no_program_wrote_are_refused() {
        for (body, why) in [
            ("", "no number"),
            ("00", "none"),
            ("41", "too many"),
            ("8000", "no number"),
            ("010465", "not whole"),
            ("01810100", "not whole"),
            ("0104653265340465", "behind"),
        ] {
            let refused = decode_chunk(&sealed(0x01, &unhex(body))).unwrap_err();
            assert!(refused.to_string().contains(why), "{body}: {refused}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn hostile_bytes_never_panic(body in vec(any::<u8>(), 0..300), id in any::<bool>()) {
            let mut bytes = if id { b"0123456789AB".to_vec() } else { Vec::new() };
            bytes.extend_from_slice(&body);
            for entry in Entries(&bytes).flatten() {
                prop_assert_eq!(entry.records.count(), entry.count as usize);
            }
            let _ = decode_chunk(&sealed(0x01, &body)).map(|(_, records)| records.count());
            let mut row = row(&[]);
            row.extend_from_slice(&body);
            let _ = find_row(&body, PLACE.lineage);
            let _ = find_row(&row, PLACE.lineage);
        }
    }
}
