//! The names of the keys.
//!
//! ```text
//! rk:{TAG}:MATCH:head    HASH  epoch, owner, status, snap, snap_seq, move_seq, move_us,
//!                              since_epoch, since_seq, since_us; once it has ended, entry: the
//!                              place of its outbox entry, or "done"
//! rk:{TAG}:MATCH:log     LIST  of records; its length is the match's seq
//! rk:{TAG}:MATCH:chat:<room> LIST of lines
//! rk:{TAG}:MATCH:ended   HASH  epoch, owner: the id is not to be used again
//! rk:{TAG}:outbox        STREAM of matches that have ended, each as field `match`
//! rk:{TAG}:lease         HASH  worker, epoch, until: who takes entries from the outbox
//! rk:{outbox}:tags       ZSET  of tags that may have entries, by when a match of the tag was last created
//! rk:{ratings}:is:<player> HASH by category: the rating; by `<category>:games`: its number of games
//! rk:{ratings}:log:<category>:<player> LIST of ratings, one a match, the newest last
//! rk:{ratings}:of:<match> STRING how the match changed its players' ratings
//! rk:{shards}:all        SET   of shard ids: all that have a record or matches in their sets
//! rk:{shards}:shard:<id> HASH  heartbeat (readable in every version), record
//! rk:{shards}:owned:<id> ZSET  of match ids, by the epoch of the claim that each was added for
//! rk:{shards}:left:<id>  "1"   for a day after a shard has left for good
//! rk:{TAG}:MATCH:archived STRING the archived match
//! rk:archive:<list>      ZSET  of places in a list of the archive, in the order of their texts
//! rk:archive:due         ZSET  of the ids of archived matches, by when they leave the archive
//! rk:{feed}:stream       STREAM of entries with the fields match, seq, public_at, json
//! rk:{feed}:of:<match>   STRING the place of a match's entry
//! rk:{feed}:removed      STRING the place of the newest entry that was removed
//! rk:{feed}:hook:<name>  HASH  holder, until, epoch, position
//! rk:{tournaments}:is:<id> HASH revision, body
//! rk:{tournaments}:results:<id> HASH by match: how it ended
//! rk:{tournaments}:of:<match> STRING the id of the tournament that a match belongs to
//! rk:{tournaments}:all   ZSET  of the ids of tournaments, by when each was last changed
//! rk:{tournaments}:pending SET of the ids of tournaments of which matches are to be created
//! rk:held:<kind>:<player> ZSET of what a player has of a kind, by since when
//! rk:{online}:bots, rk:{online}:people ZSET of the ids of players who are online, by until when
//! rk:revoked             ZSET  of the ids of revoked players, by when
//! rk:void                ZSET  of the ids of players whose tokens are void, by up to when
//! rk:{accounts}:of:<player> HASH body, key (of the name); password once there is one
//! rk:{accounts}:named:<key> STRING the id of the account whose name has the key
//! rk:{accounts}:all      ZSET  of the key of each account's name, a zero byte and its id; all scores are 0
//! rk:{accounts}:token:<digest> HASH body of an API token; used
//! rk:{accounts}:tokens:<player> SET of the digests of a player's API tokens
//! rk:{accounts}:invitation:<digest> HASH body, left, until
//! rk:{accounts}:invitations ZSET of the digests of invitations, by when they expire
//! rk:{accounts}:code:<digest> HASH body of a login code, until; by once it was used
//! rk:{accounts}:code-of:<player> STRING the digest of a player's login code
//! rk:{accounts}:transfer:<digest> HASH body of a transfer, until; by once it was used
//! rk:{accounts}:transfer-of:<player> STRING the digest of a player's transfer
//! rk:{sweep}:turn        STRING empty; while it exists, no step of a sweep is begun
//! rk:{sweep}:at          STRING where the sweep under way goes on
//! rk:layout              STRING the layout of these keys
//! rk:{tickets}:<id>      HASH  body, seen, state, pool, lists, fixed; match and assignment once it has one;
//!                              the reason it was declined for
//! rk:{tickets}:in:<pool> ZSET  of the keys of waiting tickets, by when they were last asked for
//! rk:{tickets}:by:<player>, rk:{tickets}:to:<player>, rk:{tickets}:open
//!                        ZSET  of the keys of a player's waiting tickets and challenges, of the challenges to a player,
//!                              and of those that everyone may find, by when each expires
//! rk:{tickets}:pools     ZSET  of pools, by when a ticket in them was last asked for
//! rk:{tickets}:wave:<pool> HASH holder, epoch; for as long as the lease lasts
//! rk:{tickets}:epoch     STRING the last epoch of a wave, of all pools
//! rk:{tickets}:last:<player> STRING the opponent in the last match from a pool
//! rk:{tickets}:waits:<pool> LIST of how long players waited in a pool for their matches, the newest first
//! rk:idem:<key>          HASH  digest, id, until, response: of a request with a key of the client's choice
//! ```
//!
//! None is kept for ever: ARCHITECTURE.md lists when each is removed, and a conformance test (`retention`) checks that
//! each key has an expiry or is one that a shard or a matchmaker removes.
//!
//! The keys of a match share a hash tag, the tag in the match's id, with those of the other matches of that tag, so
//! that nearly all that a shard writes is in one slot of a Cluster. All tickets share one too: an assignment must be atomic over
//! tickets that never met before. Tickets are few (two for a whole match), so that one Cluster slot
//! carries them; so the scripts may learn a pool from a ticket. All that belongs to accounts shares one as well, because
//! a name, an account and an invitation change together. So do the keys of shards: scripts go over several
//! of them, and over no match's beside them. Work on a match and on a set is separate steps, in an order that leaves
//! at worst a hint too many.
//!
//! While a slot moves between two nodes of a Cluster, a script runs only if all keys that it names are at one of them.
//! So a script names every key that it writes; one that learns names from other keys also names one that never exists
//! ([`Keys::tickets`]), and does not run until the slot has moved.

use game_core::{MatchId, PlayerId, Tag};

use crate::account::SecretDigest;
use crate::chat::ChatRoom;
use crate::holding::Holding;
use crate::rating::Category;
use crate::ticket::{TicketId, TicketList};
use crate::tournament::TournamentId;

/// A key in the slot of the registry, whatever the prefix.
pub(super) const REGISTRY_TAG: &str = "{shards}";

/// The names under one prefix.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// What all keys begin with, as Redis writes it in a user's rights.
    pub(super) fn pattern(&self) -> String {
        format!("{}:*", self.prefix)
    }

    /// What all keys of the matches of a tag begin with, before the match's id.
    pub(super) fn of_tag(&self, tag: Tag) -> String {
        format!("{}:{{{tag}}}:", self.prefix)
    }

    /// What all keys of a match begin with.
    fn of_match(&self, id: MatchId) -> String {
        format!("{}:{{{}}}:{id}", self.prefix, id.tag())
    }

    pub(super) fn head(&self, id: MatchId) -> String {
        format!("{}:head", self.of_match(id))
    }

    /// A glob pattern that the heads of all matches fit, and no other key.
    pub(super) fn heads(&self) -> String {
        let pattern = escaped(&self.prefix);
        let (tag, id) = ("?".repeat(Tag::LEN), "?".repeat(MatchId::LEN));
        format!("{pattern}:{{{tag}}}:{id}:head")
    }

    /// A glob pattern that the heads of all matches fit in the layout before this one, and no other key.
    pub(super) fn former_heads(&self) -> String {
        format!(
            "{}:{{{}}}:head",
            escaped(&self.prefix),
            "?".repeat(MatchId::LEN)
        )
    }

    /// The match that a key is the head of.
    pub(super) fn match_of_head(&self, key: &str) -> Option<MatchId> {
        let named = key.strip_prefix(&self.prefix)?.strip_prefix(":{")?;
        let (_, id) = named.strip_suffix(":head")?.split_once("}:")?;
        let id = id.parse().ok()?;
        // Under another tag than its own it is not where anything looks for it.
        (self.head(id) == key).then_some(id)
    }

    pub(super) fn log(&self, id: MatchId) -> String {
        format!("{}:log", self.of_match(id))
    }

    pub(super) fn chat(&self, id: MatchId, room: ChatRoom) -> String {
        format!("{}:chat:{}", self.of_match(id), room.key())
    }

    /// All keys of a match, head and log first.
    pub(super) fn all(&self, id: MatchId) -> [String; 4] {
        let [seats, spectators] = ChatRoom::BOTH.map(|room| self.chat(id, room));
        [self.head(id), self.log(id), seats, spectators]
    }

    /// The mark that a match of this id has ended.
    pub(super) fn ended(&self, id: MatchId) -> String {
        format!("{}:ended", self.of_match(id))
    }

    /// The matches of a tag that have ended.
    pub(super) fn outbox(&self, tag: Tag) -> String {
        format!("{}:{{{tag}}}:outbox", self.prefix)
    }

    /// Who takes them.
    pub(super) fn lease(&self, tag: Tag) -> String {
        format!("{}:{{{tag}}}:lease", self.prefix)
    }

    pub(super) fn outbox_tags(&self) -> String {
        format!("{}:{{outbox}}:tags", self.prefix)
    }

    pub(super) fn ratings(&self, player: &PlayerId) -> String {
        format!("{}:{{ratings}}:is:{player}", self.prefix)
    }

    pub(super) fn rating_log(&self, player: &PlayerId, category: Category) -> String {
        format!("{}:{{ratings}}:log:{category}:{player}", self.prefix)
    }

    pub(super) fn rated(&self, id: MatchId) -> String {
        format!("{}:{{ratings}}:of:{id}", self.prefix)
    }

    pub(super) fn archived(&self, id: MatchId) -> String {
        format!("{}:archived", self.of_match(id))
    }

    /// A list of the archive.
    pub(super) fn archive_list(&self, list: &str) -> String {
        format!("{}:archive:{list}", self.prefix)
    }

    pub(super) fn archive_due(&self) -> String {
        format!("{}:archive:due", self.prefix)
    }

    pub(super) fn feed(&self) -> String {
        format!("{}:{{feed}}:stream", self.prefix)
    }

    pub(super) fn feed_of(&self, id: MatchId) -> String {
        format!("{}:{{feed}}:of:{id}", self.prefix)
    }

    pub(super) fn feed_removed(&self) -> String {
        format!("{}:{{feed}}:removed", self.prefix)
    }

    pub(super) fn hook(&self, name: &str) -> String {
        format!("{}:{{feed}}:hook:{name}", self.prefix)
    }

    pub(super) fn shard(&self, id: &str) -> String {
        format!("{}:{{shards}}:shard:{id}", self.prefix)
    }

    pub(super) fn shards(&self) -> String {
        format!("{}:{{shards}}:all", self.prefix)
    }

    pub(super) fn owned(&self, id: &str) -> String {
        format!("{}:{{shards}}:owned:{id}", self.prefix)
    }

    pub(super) fn held(&self, player: &PlayerId, kind: Holding) -> String {
        format!("{}:held:{}:{player}", self.prefix, kind.key())
    }

    pub(super) fn online(&self, is_bot: bool) -> String {
        let kind = if is_bot { "bots" } else { "people" };
        format!("{}:{{online}}:{kind}", self.prefix)
    }

    pub(super) fn left(&self, id: &str) -> String {
        format!("{}:{{shards}}:left:{id}", self.prefix)
    }

    pub(super) fn revoked(&self) -> String {
        format!("{}:revoked", self.prefix)
    }

    pub(super) fn void(&self) -> String {
        format!("{}:void", self.prefix)
    }

    fn of_accounts(&self, rest: &str) -> String {
        format!("{}:{{accounts}}:{rest}", self.prefix)
    }

    pub(super) fn account(&self, id: &PlayerId) -> String {
        self.account_by(id.as_str())
    }

    pub(super) fn account_by(&self, id: &str) -> String {
        self.of_accounts(&format!("of:{id}"))
    }

    pub(super) fn account_named(&self, name_key: &str) -> String {
        self.of_accounts(&format!("named:{name_key}"))
    }

    pub(super) fn accounts(&self) -> String {
        self.of_accounts("all")
    }

    pub(super) fn api_token(&self, digest: &str) -> String {
        self.of_accounts(&format!("token:{digest}"))
    }

    /// The prefix of the keys of all API tokens; the digest follows.
    pub(super) fn api_tokens(&self) -> String {
        self.api_token("")
    }

    pub(super) fn api_tokens_of(&self, owner: &PlayerId) -> String {
        self.of_accounts(&format!("tokens:{owner}"))
    }

    pub(super) fn invitation(&self, digest: &SecretDigest) -> String {
        self.of_accounts(&format!("invitation:{digest}"))
    }

    pub(super) fn invitations(&self) -> String {
        self.of_accounts("invitations")
    }

    pub(super) fn login_code(&self, digest: &SecretDigest) -> String {
        format!("{}{digest}", self.login_codes())
    }

    /// The prefix of the keys of all login codes; the digest follows.
    pub(super) fn login_codes(&self) -> String {
        self.of_accounts("code:")
    }

    pub(super) fn login_code_of(&self, player: &PlayerId) -> String {
        self.of_accounts(&format!("code-of:{player}"))
    }

    pub(super) fn transfer(&self, digest: &SecretDigest) -> String {
        format!("{}{digest}", self.transfers())
    }

    /// The prefix of the keys of all transfers; the digest follows.
    pub(super) fn transfers(&self) -> String {
        self.of_accounts("transfer:")
    }

    pub(super) fn transfer_of(&self, player: &PlayerId) -> String {
        self.of_accounts(&format!("transfer-of:{player}"))
    }

    /// The channel of beats.
    pub(super) fn beats(&self) -> String {
        format!("{}:beats", self.prefix)
    }

    /// Says how the keys are laid out.
    pub(super) fn layout(&self) -> String {
        format!("{}:layout", self.prefix)
    }

    /// Exists while no step of a sweep may begin.
    pub(super) fn sweep_turn(&self) -> String {
        format!("{}:{{sweep}}:turn", self.prefix)
    }

    pub(super) fn sweep_at(&self) -> String {
        format!("{}:{{sweep}}:at", self.prefix)
    }

    pub(super) fn ticket(&self, id: TicketId) -> String {
        format!("{}:{{tickets}}:{id}", self.prefix)
    }

    /// The prefix of the keys of all tickets and of their lists; no key has this name.
    pub(super) fn tickets(&self) -> String {
        format!("{}:{{tickets}}:", self.prefix)
    }

    /// The list of pools.
    pub(super) fn pools(&self) -> String {
        format!("{}:{{tickets}}:pools", self.prefix)
    }

    pub(super) fn list(&self, list: &TicketList) -> String {
        format!("{}:{{tickets}}:{list}", self.prefix)
    }

    pub(super) fn wave(&self, pool: &str) -> String {
        format!("{}:{{tickets}}:wave:{pool}", self.prefix)
    }

    /// The last epoch of a wave.
    pub(super) fn wave_epoch(&self) -> String {
        format!("{}:{{tickets}}:epoch", self.prefix)
    }

    pub(super) fn last_opponent(&self, player: &PlayerId) -> String {
        format!("{}:{{tickets}}:last:{player}", self.prefix)
    }

    pub(super) fn waits(&self, pool: &str) -> String {
        format!("{}:{{tickets}}:waits:{pool}", self.prefix)
    }

    pub(super) fn tournament(&self, id: &TournamentId) -> String {
        format!("{}:{{tournaments}}:is:{id}", self.prefix)
    }

    /// The results of a tournament.
    pub(super) fn results(&self, id: &TournamentId) -> String {
        format!("{}:{{tournaments}}:results:{id}", self.prefix)
    }

    /// What names the tournament of a match.
    pub(super) fn tournament_of(&self, id: MatchId) -> String {
        format!("{}:{{tournaments}}:of:{id}", self.prefix)
    }

    /// The list of all tournaments.
    pub(super) fn tournaments(&self) -> String {
        format!("{}:{{tournaments}}:all", self.prefix)
    }

    pub(super) fn pending_tournaments(&self) -> String {
        format!("{}:{{tournaments}}:pending", self.prefix)
    }

    /// The request under a key of the client's choice.
    pub(super) fn request(&self, key: &str) -> String {
        format!("{}:idem:{key}", self.prefix)
    }
}

/// A text in a glob pattern.
pub(super) fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '^' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_as_documented() {
        let keys = Keys::new("rk");
        let id: MatchId = "0123456789AB".parse().unwrap();
        let ticket: TicketId = "ticketticket".parse().unwrap();
        assert_eq!(keys.head(id), "rk:{01}:0123456789AB:head");
        assert_eq!(keys.heads(), "rk:{??}:????????????:head");
        assert_eq!(keys.former_heads(), "rk:{????????????}:head");
        assert_eq!(keys.match_of_head(&keys.head(id)), Some(id));
        assert_eq!(keys.match_of_head(&keys.log(id)), None);
        assert_eq!(keys.match_of_head("rk:{0123456789AB}:head"), None);
        assert_eq!(keys.match_of_head("rk:{02}:0123456789AB:head"), None);
        assert_eq!(keys.log(id), "rk:{01}:0123456789AB:log");
        let [seats, spectators] = ChatRoom::BOTH.map(|room| keys.chat(id, room));
        assert_eq!(seats, "rk:{01}:0123456789AB:chat:seats");
        assert_eq!(spectators, "rk:{01}:0123456789AB:chat:spectators");
        assert_eq!(
            keys.all(id),
            [keys.head(id), keys.log(id), seats, spectators]
        );
        assert_eq!(keys.ended(id), "rk:{01}:0123456789AB:ended");
        assert_eq!(keys.outbox(id.tag()), "rk:{01}:outbox");
        assert_eq!(keys.lease(id.tag()), "rk:{01}:lease");
        assert_eq!(keys.outbox_tags(), "rk:{outbox}:tags");
        let player: PlayerId = "ann".parse().unwrap();
        assert_eq!(keys.ratings(&player), "rk:{ratings}:is:ann");
        let blitz: Category = "standard-blitz".parse().unwrap();
        assert_eq!(
            keys.rating_log(&player, blitz),
            "rk:{ratings}:log:standard-blitz:ann"
        );
        assert_eq!(keys.rated(id), "rk:{ratings}:of:0123456789AB");
        assert_eq!(keys.archived(id), "rk:{01}:0123456789AB:archived");
        assert_eq!(keys.match_of_head(&keys.archived(id)), None);
        assert_eq!(keys.archive_list("player:ann"), "rk:archive:player:ann");
        assert_eq!(keys.archive_due(), "rk:archive:due");
        assert_eq!(keys.feed(), "rk:{feed}:stream");
        assert_eq!(keys.feed_of(id), "rk:{feed}:of:0123456789AB");
        assert_eq!(keys.feed_removed(), "rk:{feed}:removed");
        assert_eq!(keys.hook("abc"), "rk:{feed}:hook:abc");
        assert_eq!(keys.layout(), "rk:layout");
        assert_eq!(keys.beats(), "rk:beats");
        assert_eq!(keys.shard("shardshard01"), "rk:{shards}:shard:shardshard01");
        assert_eq!(keys.shards(), "rk:{shards}:all");
        assert_eq!(keys.owned("shardshard01"), "rk:{shards}:owned:shardshard01");
        assert_eq!(keys.left("shardshard01"), "rk:{shards}:left:shardshard01");
        let ann: PlayerId = "ann".parse().unwrap();
        for (kind, expected) in [
            (Holding::Match, "rk:held:matches:ann"),
            (Holding::Ticket, "rk:held:tickets:ann"),
            (Holding::Challenge, "rk:held:challenges:ann"),
            (Holding::Uncounted, "rk:held:uncounted:ann"),
        ] {
            assert_eq!(keys.held(&ann, kind), expected);
        }
        assert_eq!(keys.revoked(), "rk:revoked");
        assert_eq!(keys.void(), "rk:void");
        assert_eq!(keys.account(&ann), "rk:{accounts}:of:ann");
        assert_eq!(keys.account_named("ann"), "rk:{accounts}:named:ann");
        assert_eq!(keys.accounts(), "rk:{accounts}:all");
        let digest = SecretDigest([0xab; 32]);
        let hex = digest.to_string();
        assert_eq!(keys.api_token(&hex), format!("rk:{{accounts}}:token:{hex}"));
        assert_eq!(keys.api_tokens(), "rk:{accounts}:token:");
        assert_eq!(keys.api_tokens_of(&ann), "rk:{accounts}:tokens:ann");
        let expected = format!("rk:{{accounts}}:invitation:{hex}");
        assert_eq!(keys.invitation(&digest), expected);
        assert_eq!(keys.invitations(), "rk:{accounts}:invitations");
        assert_eq!(
            keys.login_code(&digest),
            format!("rk:{{accounts}}:code:{hex}")
        );
        assert_eq!(keys.login_code_of(&ann), "rk:{accounts}:code-of:ann");
        assert_eq!(
            keys.transfer(&digest),
            format!("rk:{{accounts}}:transfer:{hex}")
        );
        assert_eq!(keys.transfer_of(&ann), "rk:{accounts}:transfer-of:ann");
        let open: TournamentId = "open-2026".parse().unwrap();
        assert_eq!(keys.tournament(&open), "rk:{tournaments}:is:open-2026");
        assert_eq!(keys.results(&open), "rk:{tournaments}:results:open-2026");
        assert_eq!(keys.tournament_of(id), "rk:{tournaments}:of:0123456789AB");
        assert_eq!(keys.tournaments(), "rk:{tournaments}:all");
        assert_eq!(keys.pending_tournaments(), "rk:{tournaments}:pending");
        assert_eq!(keys.sweep_turn(), "rk:{sweep}:turn");
        assert_eq!(keys.sweep_at(), "rk:{sweep}:at");
        assert_eq!(keys.ticket(ticket), "rk:{tickets}:ticketticket");
        assert_eq!(keys.tickets(), "rk:{tickets}:");
        for (list, expected) in [
            (TicketList::Pool("3+2".into()), "rk:{tickets}:in:3+2"),
            (TicketList::By(ann.clone()), "rk:{tickets}:by:ann"),
            (TicketList::To(ann.clone()), "rk:{tickets}:to:ann"),
            (TicketList::Open, "rk:{tickets}:open"),
        ] {
            assert_eq!(keys.list(&list), expected);
        }
        assert_eq!(keys.pools(), "rk:{tickets}:pools");
        assert_eq!(keys.wave("3+2"), "rk:{tickets}:wave:3+2");
        assert_eq!(keys.wave_epoch(), "rk:{tickets}:epoch");
        assert_eq!(keys.last_opponent(&ann), "rk:{tickets}:last:ann");
        assert_eq!(keys.waits("3+2"), "rk:{tickets}:waits:3+2");
        assert_eq!(keys.request("key"), "rk:idem:key");
        assert_eq!(format!("{}{id}:head", keys.of_tag(id.tag())), keys.head(id));
        let odd = Keys::new("a*[b");
        assert_eq!(odd.heads(), "a\\*\\[b:{??}:????????????:head");
        assert_eq!(odd.match_of_head(&odd.head(id)), Some(id));
    }
}
