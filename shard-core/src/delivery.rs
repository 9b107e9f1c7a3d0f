//! Which peers of a match receive a frame that has left its gate.

use std::collections::VecDeque;

use bytes::Bytes;
use game_core::{Epoch, MatchTime};
use protocol::codec::{self, Frame};
use protocol::{CloseCode, ServerBody, ServerFrame, UnixMicros};

use crate::gate::Audience;
use crate::keys::PeerKey;
use crate::live::{LiveMatch, Revealed};
use crate::output::Output;

/// Sends a frame to the seats it is for, and, if they may see it now, to spectators.
pub(crate) fn deliver(
    live: &LiveMatch,
    to: Audience,
    frame: &Bytes,
    spectators_too: bool,
    outputs: &mut VecDeque<Output>,
) {
    let mut spectators = Vec::new();
    let is_for = |member: &&_| LiveMatch::is_for(to, member);
    for member in live.members().iter().filter(is_for) {
        // What is only for one spectator, such as the answer to its join, does not wait for others.
        if member.role.seat().is_some() || matches!(to, Audience::Peer(_)) {
            let frame = frame.clone();
            outputs.push_back(Output::Send {
                peer: member.peer,
                frame,
            });
        } else if spectators_too {
            spectators.push(member.peer);
        }
    }
    show(spectators, frame.clone(), outputs);
}

/// Shows spectators who are behind what they may see by `now`.
pub(crate) fn reveal(
    live: &mut LiveMatch,
    now: MatchTime,
    server_time: UnixMicros,
    outputs: &mut VecDeque<Output>,
) {
    while let Some(revealed) = live.reveal(now) {
        let frames = match revealed {
            Revealed::Frame(held) => vec![(held.to, held.frame)],
            Revealed::Frames(frames) => frames
                .into_iter()
                .map(|(seq, frame)| (Audience::Event(seq), frame))
                .collect(),
        };
        for (to, frame) in frames {
            let is_for = |member: &&_| LiveMatch::is_for(to, member);
            let spectators = live.members().iter().filter(is_for);
            let spectators = spectators
                .filter(|member| member.role.seat().is_none())
                .map(|member| member.peer);
            show(spectators.collect(), frame.stamp(server_time), outputs);
        }
    }
}

fn show(spectators: Vec<PeerKey>, frame: Bytes, outputs: &mut VecDeque<Output>) {
    if !spectators.is_empty() {
        outputs.push_back(Output::Show { spectators, frame });
    }
}

/// The last frame of a stream. Like the frame of a pause, it reveals no unconfirmed state.
pub(crate) fn closing_frame(live: Option<&LiveMatch>, code: CloseCode) -> Frame {
    ungated_frame(live, ServerBody::Closed(code))
}

/// A frame that depends on no write.
pub(crate) fn ungated_frame(live: Option<&LiveMatch>, body: ServerBody) -> Frame {
    let epoch = live.map_or(Epoch::default(), LiveMatch::epoch);
    let seq = live.map_or(0, LiveMatch::confirmed_seq);
    codec::encode_server(&ServerFrame { epoch, seq, body })
}
