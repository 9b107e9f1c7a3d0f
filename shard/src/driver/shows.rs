//! Frames on their way to spectators. A match may have a thousand of them, so they are served in slices, after
//! what the seats of all matches are sent.

use std::collections::VecDeque;

use bytes::Bytes;
use shard_core::PeerKey;

/// Spectators served between two looks at what the seats need.
const SLICE_LEN: usize = 64;

/// Upper bound on frames that wait, counted once for each spectator: beyond it, spectators who are not served
/// in time lose their stream and come back.
const WAITING_MAX: usize = 1 << 18;

/// What spectators have not been sent yet, in order.
#[derive(Debug, Default)]
pub(super) struct Shows {
    queue: VecDeque<Show>,
    /// Frames in it, counted once for each spectator.
    waiting: usize,
}

/// One frame, and the spectators who are still to be sent it, the next one last.
#[derive(Debug)]
struct Show {
    frame: Bytes,
    spectators: Vec<PeerKey>,
}

impl Shows {
    /// Adds a frame for some spectators. `Err` with them if too much waits.
    pub(super) fn add(
        &mut self,
        mut spectators: Vec<PeerKey>,
        frame: Bytes,
    ) -> Result<(), Vec<PeerKey>> {
        if self.waiting + spectators.len() > WAITING_MAX {
            return Err(spectators);
        }
        self.waiting += spectators.len();
        spectators.reverse();
        self.queue.push_back(Show { frame, spectators });
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The next slice: each spectator with the frame that it is sent.
    pub(super) fn slice(&mut self) -> Vec<(PeerKey, Bytes)> {
        let mut slice = Vec::new();
        while slice.len() < SLICE_LEN
            && let Some(show) = self.queue.front_mut()
        {
            match show.spectators.pop() {
                Some(peer) => slice.push((peer, show.frame.clone())),
                None => _ = self.queue.pop_front(),
            }
        }
        self.waiting -= slice.len();
        // An emptied show must not keep the driver awake.
        if self
            .queue
            .front()
            .is_some_and(|show| show.spectators.is_empty())
        {
            self.queue.pop_front();
        }
        slice
    }
}

#[cfg(test)]
mod tests {
    use slotmap::SlotMap;

    use super::*;

    #[test]
    fn each_spectator_gets_each_frame_once_and_in_order() {
        let mut peers = SlotMap::<PeerKey, ()>::with_key();
        let keys: Vec<_> = (0..1_000).map(|_| peers.insert(())).collect();
        let mut shows = Shows::default();
        for frame in [&b"one"[..], b"two"] {
            shows.add(keys.clone(), Bytes::from_static(frame)).unwrap();
        }
        let mut sent = Vec::new();
        while !shows.is_empty() {
            let slice = shows.slice();
            assert!((1..=SLICE_LEN).contains(&slice.len()));
            sent.extend(slice);
        }
        let expected = [&b"one"[..], b"two"].into_iter().flat_map(|frame| {
            keys.iter()
                .map(move |&key| (key, Bytes::from_static(frame)))
        });
        assert_eq!(sent, expected.collect::<Vec<_>>());
        assert_eq!(shows.waiting, 0);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut peers = SlotMap::<PeerKey, ()>::with_key();
        let keys: Vec<_> = (0..1_024).map(|_| peers.insert(())).collect();
        let mut shows = Shows::default();
        let frame = Bytes::from_static(b"event");
        for _ in 0..WAITING_MAX / 1_024 {
            shows.add(keys.clone(), frame.clone()).unwrap();
        }
        assert_eq!(shows.add(keys.clone(), frame), Err(keys));
    }
}
