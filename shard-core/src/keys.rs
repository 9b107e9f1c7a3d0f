//! What a shard's matches and peers are known by.

use slotmap::new_key_type;

new_key_type! {
    /// A match in the shard's memory.
    pub struct MatchKey;
    /// A seat stream.
    pub struct PeerKey;
}
