//! The number of seats and connections of each player on this shard.

use std::collections::HashMap;

use game_core::PlayerId;

use crate::NetLimits;

/// The players who have a seat here, spectators included. Bounded by the number of seat streams.
#[derive(Debug)]
pub(super) struct Players {
    connections_max: usize,
    seats_max: usize,
    held: HashMap<PlayerId, Held>,
}

/// What one player has.
#[derive(Debug, Default)]
struct Held {
    seats: usize,
    /// Each connection with the seats that it has.
    connections: Vec<(usize, usize)>,
}

impl Players {
    pub(super) fn new(limits: &NetLimits) -> Self {
        Self {
            connections_max: limits.connections_per_player_max,
            seats_max: limits.seats_per_player_max,
            held: HashMap::new(),
        }
    }

    /// Counts one more seat of `player`, in the connection of this id; `false`, and nothing is counted, at
    /// the limit.
    pub(super) fn enter(&mut self, player: &PlayerId, connection: usize) -> bool {
        let known = self.held.get(player);
        let seats = known.map_or(0, |held| held.seats);
        let connections = known.map_or(&[][..], |held| &held.connections);
        let is_known = connections.iter().any(|&(id, _)| id == connection);
        if seats >= self.seats_max || !is_known && connections.len() >= self.connections_max {
            return false;
        }
        let held = self.held.entry(player.clone()).or_default();
        held.seats += 1;
        match held
            .connections
            .iter_mut()
            .find(|(id, _)| *id == connection)
        {
            Some((_, seats)) => *seats += 1,
            None => held.connections.push((connection, 1)),
        }
        true
    }

    /// A counted seat is released.
    pub(super) fn leave(&mut self, player: &PlayerId, connection: usize) {
        let Some(held) = self.held.get_mut(player) else {
            return;
        };
        held.seats -= 1;
        if let Some((_, seats)) = held
            .connections
            .iter_mut()
            .find(|(id, _)| *id == connection)
        {
            *seats -= 1;
        }
        held.connections.retain(|&(_, seats)| seats > 0);
        if held.seats == 0 {
            self.held.remove(player);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_has_so_many_seats_and_connections_and_others_have_theirs() {
        let mut players = Players::new(&NetLimits {
            connections_per_player_max: 2,
            seats_per_player_max: 3,
            ..NetLimits::default()
        });
        let [ann, bob] = ["ann", "bob"].map(|name| name.parse::<PlayerId>().unwrap());
        assert!(players.enter(&ann, 1));
        assert!(players.enter(&ann, 2));
        assert!(!players.enter(&ann, 3), "a third connection");
        assert!(players.enter(&ann, 1));
        assert!(!players.enter(&ann, 1), "a fourth seat");
        assert!(players.enter(&bob, 3));
        players.leave(&ann, 2);
        assert!(
            players.enter(&ann, 3),
            "the second connection has no seat any more"
        );
        for (player, connection) in [(&ann, 1), (&ann, 1), (&ann, 3), (&bob, 3)] {
            players.leave(player, connection);
        }
        assert!(players.held.is_empty());
    }
}
