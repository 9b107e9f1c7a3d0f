//! What is fuzzed: every decoder of bytes that somebody else made, with what must hold of whatever it accepts.
//!
//! A [`Target`] takes any bytes and panics if something does not hold. `fuzz/run` looks for such bytes for hours, guided by
//! which code they reach (`fuzz/libfuzzer`); the tests of this crate go through the corpus and bytes like it, in seconds.
//! `fuzz/corpus` has a directory for each target, with inputs that reach different code and those that once failed.

mod chess;
mod frames;
mod http;
mod stored;
mod tokens;
mod web_transport;

/// Something that takes any bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, which is that of its directory in the corpus.
    pub name: &'static str,
    /// What it takes.
    pub about: &'static str,
    /// Takes the bytes.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: [Target; 10] = [
    Target {
        name: "client_frames",
        about: "what a client sends to a shard",
        run: frames::client,
    },
    Target {
        name: "server_frames",
        about: "what a shard sends to a client",
        run: frames::server,
    },
    Target {
        name: "tokens",
        about: "tokens of players and seats, of this installation and of an issuer, and an issuer's keys",
        run: tokens::any,
    },
    Target {
        name: "stored",
        about: "a value of the store: a record, a snapshot, a ticket and all others, with a checksum that fits",
        run: stored::value,
    },
    Target {
        name: "stored_match",
        about: "a snapshot and records, restored as a match",
        run: stored::whole_match,
    },
    Target {
        name: "pgn",
        about: "a PGN file",
        run: chess::pgn,
    },
    Target {
        name: "fen",
        about: "a position of each variant",
        run: chess::fen,
    },
    Target {
        name: "engine",
        about: "the lines of a UCI engine",
        run: chess::engine,
    },
    Target {
        name: "http",
        about: "the body of a request",
        run: http::body,
    },
    Target {
        name: "web_transport",
        about: "the set-up of a WebTransport session",
        run: web_transport::set_up,
    },
];

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}
