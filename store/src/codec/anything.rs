//! Any event comes back, and any bytes do no harm.

use std::time::Duration;

use game_core::{
    BySeat, ClockState, CommandId, EventKind, MatchTime, RoundTrip, Seat, Uci, WithMove,
};
use proptest::prelude::*;

use super::bounds::CHECKSUM_LEN;
use super::layout::Format;
use super::samples::*;
use super::*;

fn any_event() -> impl Strategy<Value = Event> {
    let micros = || any::<u64>().prop_map(Duration::from_micros);
    let both = || {
        let millis = || any::<u32>().prop_map(|millis| Duration::from_millis(millis.into()));
        (millis(), millis()).prop_map(|(white, black)| BySeat { white, black })
    };
    let seat = || prop_oneof![Just(Seat::White), Just(Seat::Black)];
    let with = prop::sample::select(vec![
        WithMove::Nothing,
        WithMove::DrawOffer,
        WithMove::DrawClaim,
    ]);
    let kind = prop_oneof![
        (any::<u16>(), with).prop_filter_map("a move", |(bits, with)| {
            let uci = Uci::from_bits(bits).ok()?;
            Some(EventKind::Moved { uci, with })
        }),
        prop::sample::select(every_kind()),
    ];
    let clocks = (
        (micros(), micros()),
        both(),
        prop_oneof![Just(Duration::ZERO), micros()],
        prop_oneof![Just(Duration::ZERO), micros()],
    )
        .prop_map(|((white, black), quota, spent, overrun)| ClockState {
            remaining: BySeat { white, black },
            quota,
            spent,
            overrun,
        });
    let ids = prop::option::of(any::<u64>().prop_map(CommandId));
    (
        any::<u32>(),
        prop::option::of(seat()),
        ids,
        clocks,
        any::<u64>(),
        prop::option::of(any::<u16>().prop_map(RoundTrip::from_millis)),
        kind,
    )
        .prop_map(
            |(seq, seat, command_id, clocks, at, round_trip, kind)| Event {
                seq,
                seat,
                command_id,
                clocks,
                at: MatchTime::from_micros(at),
                round_trip,
                kind,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_event_comes_back_as_it_was(event in any_event()) {
        let bytes = encode_record(&event);
        prop_assert!(bytes.len() <= RECORD_LEN_MAX);
        prop_assert_eq!(decode_record(&bytes), Ok(event));
    }

    #[test]
    fn hostile_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in Format::ALL {
            decode_as(format, &bytes);
            for version in 0..16 {
                decode_as(format, &sealed(format.tag(version), &bytes));
            }
        }
    }

    /// Nearly right is what gets deepest into a decoder.
    #[test]
    fn sealed_bytes_with_a_change_do_no_harm(
        which in 0..Format::ALL.len(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (format, bytes) = &one_of_each()[which];
        let mut body = bytes[1..bytes.len() - CHECKSUM_LEN].to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        decode_as(*format, &sealed(bytes[0], &body));
    }
}
