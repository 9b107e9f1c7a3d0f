//! The attacks by name.

use clap::ValueEnum;
use client::Transport;
use serde::Serialize;

use super::attacks;
use super::field::Field;

/// An attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum AttackKind {
    /// Nobody attacks: what honest players, the probes and memory do by themselves.
    Nothing,
    /// 16 guests make matches with each other, three hours a side, that nobody plays.
    ManyMatches,
    /// 16 guests post challenges and tickets and never come back.
    ManyRequests,
    /// One address asks for guests.
    ManyGuests,
    /// One address asks for guests, accounts, log-ins, tickets, challenges and seats, as fast as it can.
    FullSpeed,
    /// Guesses at an account's password, at login codes and at codes of transfers, while the account's owner logs in.
    GuessedLogIns,
    /// Guesses at API tokens, used and tested.
    GuessedApiTokens,
    /// Handshakes that are begun, from addresses that prove themselves, and never finished: 8 addresses.
    HalfOpen8,
    /// The same from 24 addresses.
    HalfOpen24,
    /// Handshakes begun from addresses that do not answer, as if they were forged: 24 addresses.
    Unproven,
    /// Datagrams of nonsense, of unknown versions and of unknown connections.
    NonsenseDatagrams,
    /// A player leaves and joins all the time; the opponent is far away.
    LeaveAndJoin,
    /// Bodies of requests that never end.
    SlowBodies,
    /// Heads of requests that never end.
    SlowHeads,
    /// Connections to the matchmaker on which nothing is said.
    IdleMatchmaker,
    /// Connections to the shard's admin endpoint on which nothing is said.
    IdleAdmin,
    /// QUIC connections without a token that open and close streams.
    WithoutToken,
    /// One player watches a match from ever more connections.
    ManySeats,
    /// Seat tokens of a player who has been revoked.
    RevokedPlayer,
    /// Tokens that are not valid yet, critical of what is unknown, of another algorithm, and the like.
    ForgedTokens,
    /// Seated players who send frames that are none.
    NonsenseFrames,
    /// Seated players who ask and ask, and read no answer.
    NeverReads,
    /// TCP connections to the port of pages on which nothing is said.
    WebsocketIdle,
    /// Requests for a WebSocket that never end.
    WebsocketSlowHeads,
    /// WebSockets without a token: text, garbage, pings without end, and messages that are begun.
    WebsocketNonsense,
    /// Seated players who ask and ask over WebSocket, and read no answer.
    WebsocketNeverReads,
    /// QUIC connections that speak HTTP/3 and never ask for a session.
    WebtransportHalfOpen,
    /// Sessions without a token that open streams, say little on them, and send datagrams.
    WebtransportNonsense,
}

impl AttackKind {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What it does and within which bound.
    #[must_use]
    pub const fn bound(self) -> &'static str {
        match self {
            Self::Nothing => "the control",
            Self::ManyMatches => "16 guests, one address, at most 1,000 matches/s",
            Self::ManyRequests => "16 guests, one address, at most 1,000 requests/s",
            Self::ManyGuests => "one address, at most 500 requests/s",
            Self::FullSpeed => "one address, 48 requests at once; every fourth newcomer signs up",
            Self::GuessedLogIns => {
                "24 addresses, at most 500 guesses/s; every fourth newcomer signs up"
            }
            Self::GuessedApiTokens => "24 addresses, at most 500 requests/s",
            Self::HalfOpen8 => "8 addresses, 240 handshakes/s, a Retry is answered",
            Self::HalfOpen24 => "24 addresses, 240 handshakes/s, a Retry is answered",
            Self::Unproven => "24 addresses, 240 handshakes/s, a Retry is not answered",
            Self::NonsenseDatagrams => "8 addresses, 1,000 datagrams/s",
            Self::LeaveAndJoin => "one player, at most 500 joins/s, the opponent 200 ms away",
            Self::SlowBodies => "one address, 10,200 connections",
            Self::SlowHeads => "one address, 2,000 connections",
            Self::IdleMatchmaker => "one address, 1,500 connections; soft file limit 1,024",
            Self::IdleAdmin => "one address, 200 connections",
            Self::WithoutToken => "4 addresses, 200 connections",
            Self::ManySeats => "one player, 200 connections",
            Self::RevokedPlayer => "20 joins/s",
            Self::ForgedTokens => "50 tokens/s",
            Self::NonsenseFrames => "20 joins/s",
            Self::NeverReads | Self::WebsocketNeverReads => "8 players, at most 4,000 commands/s",
            Self::WebsocketIdle => "one address, 1,500 connections; soft file limit 1,024",
            Self::WebsocketSlowHeads => "one address, 1,500 connections",
            Self::WebsocketNonsense => "4 addresses, at most 200 connections/s",
            Self::WebtransportHalfOpen => "8 addresses, at most 240 connections/s",
            Self::WebtransportNonsense => "4 addresses, at most 100 connections/s",
        }
    }

    /// What the installation is started with.
    pub(super) const fn environment(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::FullSpeed | Self::GuessedLogIns => &[("ROOKERY_SIGN_UP", "open")],
            _ => &[],
        }
    }

    /// Whether honest newcomers make accounts, beside guests.
    pub(super) const fn has_accounts(self) -> bool {
        matches!(self, Self::FullSpeed | Self::GuessedLogIns)
    }

    /// How honest newcomers reach the shard: in turns.
    pub(super) const fn newcomers_by(self) -> &'static [Transport] {
        match self {
            Self::WebsocketIdle
            | Self::WebsocketSlowHeads
            | Self::WebsocketNonsense
            | Self::WebsocketNeverReads => &[Transport::WebSocket, Transport::Quic],
            Self::WebtransportHalfOpen | Self::WebtransportNonsense => {
                &[Transport::WebTransport, Transport::Quic]
            }
            _ => &[Transport::Quic],
        }
    }

    /// Attacks until the end of the field's token. What it held is closed when this returns.
    ///
    /// # Errors
    ///
    /// When the attack cannot be made, in words.
    pub(super) async fn run(self, field: &Field) -> Result<(), String> {
        match self {
            Self::Nothing => field.end.cancelled().await,
            Self::ManyMatches => attacks::creations::matches(field).await?,
            Self::ManyRequests => attacks::creations::requests(field).await?,
            Self::ManyGuests => attacks::creations::guests(field).await?,
            Self::FullSpeed => attacks::full_speed::run(field).await?,
            Self::GuessedLogIns => attacks::guesses::log_ins(field).await?,
            Self::GuessedApiTokens => attacks::guesses::api_tokens(field).await?,
            Self::HalfOpen8 => attacks::half_open::proven(field, 8).await?,
            Self::HalfOpen24 => attacks::half_open::proven(field, 24).await?,
            Self::Unproven => attacks::half_open::unproven(field, 24).await?,
            Self::NonsenseDatagrams => attacks::nonsense::datagrams(field).await?,
            Self::LeaveAndJoin => attacks::leave_and_join::run(field).await?,
            Self::SlowBodies => attacks::connections::slow_bodies(field).await?,
            Self::SlowHeads => attacks::connections::slow_heads(field).await?,
            Self::IdleMatchmaker => attacks::connections::idle_matchmaker(field).await?,
            Self::IdleAdmin => attacks::connections::idle_admin(field).await?,
            Self::WithoutToken => attacks::without_token::run(field).await?,
            Self::ManySeats => attacks::many_seats::run(field).await?,
            Self::RevokedPlayer => attacks::revoked::run(field).await?,
            Self::ForgedTokens => attacks::forged::run(field).await?,
            Self::NonsenseFrames => attacks::nonsense::frames(field).await?,
            Self::NeverReads => attacks::never_reads::run(field).await?,
            Self::WebsocketIdle => attacks::connections::idle_web_socket(field).await?,
            Self::WebsocketSlowHeads => attacks::connections::slow_upgrades(field).await?,
            Self::WebsocketNonsense => attacks::pages::web_sockets(field).await?,
            Self::WebsocketNeverReads => attacks::pages::never_read(field).await?,
            Self::WebtransportHalfOpen => attacks::pages::half_open_sessions(field).await?,
            Self::WebtransportNonsense => attacks::pages::sessions(field).await?,
        }
        Ok(())
    }
}
