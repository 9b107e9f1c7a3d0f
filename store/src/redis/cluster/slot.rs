//! Hash slots: which keys a Redis Cluster keeps together.

use redis::{Arg, Cmd};

/// Number of hash slots in every Cluster.
pub(super) const SLOTS: u16 = 16_384;

/// The slot of a key: a checksum of the text between its first braces, or of all of it.
///
/// The rule is that of the Redis Cluster specification, "Hash tags".
pub(super) fn of_key(key: &[u8]) -> u16 {
    let tag = key.iter().position(|&byte| byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let len = rest.iter().position(|&byte| byte == b'}')?;
        (len > 0).then(|| &rest[..len])
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM: polynomial 0x1021, initial value 0.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 {
                shifted
            } else {
                shifted ^ 0x1021
            }
        })
    })
}

/// The slot that a command works on, by its first key. `None` for a command without keys.
pub(super) fn of_command(command: &Cmd) -> Option<u16> {
    keys(command).next().map(of_key)
}

/// The keys of a command, of those that this program uses: a script names how many it has, another command begins
/// with one or has none. Only commands of a single key, or of many that are all its arguments, are used outside scripts.
fn keys(command: &Cmd) -> impl Iterator<Item = &[u8]> {
    let mut words = command.args_iter().filter_map(|word| match word {
        Arg::Simple(word) => Some(word),
        _ => None,
    });
    let name = words.next().unwrap_or_default().to_ascii_uppercase();
    let count = match name.as_slice() {
        b"EVALSHA" => {
            let count = words
                .nth(1)
                .and_then(|count| std::str::from_utf8(count).ok());
            count.and_then(|count| count.parse().ok()).unwrap_or(0)
        }
        b"DEL" | b"EXISTS" => usize::MAX,
        b"SCAN" | b"INFO" | b"SCRIPT" | b"CONFIG" | b"CLUSTER" | b"CLIENT" | b"PUBLISH"
        | b"WAIT" | b"PING" | b"ROLE" => 0,
        _ => 1,
    };
    words.take(count)
}

#[cfg(test)]
mod tests {
    use game_core::MatchId;

    use super::*;
    use crate::redis::keys::{Keys, REGISTRY_TAG};

    /// Of the Redis Cluster specification: the check value of the checksum, and its examples of hash tags.
    #[test]
    fn a_slot_is_that_of_the_cluster_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(
            of_key(b"{user1000}.following"),
            of_key(b"{user1000}.followers")
        );
        assert_eq!(of_key(b"foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS);
        assert_eq!(of_key(b"foo{{bar}}zap"), crc16(b"{bar") % SLOTS);
        assert_eq!(of_key(b"foo{bar}{zap}"), of_key(b"bar"));
        // As `CLUSTER KEYSLOT` answers.
        assert_eq!(of_key(b"foo"), 12_182);
        assert_eq!(of_key(b"somekey"), 11_058);
    }

    #[test]
    fn the_slot_of_a_command_is_that_of_its_first_key() {
        let of = |words: &[&str]| of_command(redis::Cmd::new().arg(words));
        let foo = Some(12_182);
        assert_eq!(of(&["HMGET", "foo", "bar"]), foo);
        assert_eq!(of(&["get", "foo"]), foo);
        assert_eq!(
            of(&["EVALSHA", "digest", "2", "foo", "{foo}", "argument"]),
            foo
        );
        assert_eq!(of(&["EVALSHA", "digest", "0", "foo"]), None);
        for keyless in [
            &["INFO", "memory"][..],
            &["SCAN", "0"],
            &["CLUSTER", "SLOTS"],
            &[],
        ] {
            assert_eq!(of(keyless), None, "{keyless:?}");
        }
    }

    #[test]
    fn keys_that_are_used_together_share_a_slot() {
        let keys = Keys::new("rk");
        let id: MatchId = "0123456789AB".parse().unwrap();
        let of_tag = "01ZZZZZZZZZZ".parse().unwrap();
        let ticket = "ticketticket".parse().unwrap();
        let (player, category) = ("ann".parse().unwrap(), "standard-blitz".parse().unwrap());
        let together: [Vec<String>; 7] = [
            vec![
                keys.head(id),
                keys.ended(id),
                keys.outbox(id.tag()),
                keys.lease(id.tag()),
            ],
            vec![
                keys.ratings(&player),
                keys.rating_log(&player, category),
                keys.rated(id),
            ],
            [keys.all(id), keys.all(of_tag)].concat(),
            vec![
                keys.shards(),
                keys.shard("one"),
                keys.owned("one"),
                keys.left("two"),
                REGISTRY_TAG.to_owned(),
            ],
            vec![
                keys.feed(),
                keys.feed_of(id),
                keys.feed_removed(),
                keys.hook("one"),
            ],
            vec![keys.ticket(ticket), keys.pools(), keys.pools() + "3+2"],
            vec![keys.sweep_turn(), keys.sweep_at()],
        ];
        for group in together {
            let slots = group.iter().map(|key| of_key(key.as_bytes()));
            let slots: Vec<u16> = slots.collect();
            assert!(
                slots.iter().all(|slot| *slot == slots[0]),
                "{group:?}: {slots:?}"
            );
        }
    }
}
