//! The datagrams of one round, and in which portions they are sent. What sends them is outside.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use quinn::udp::{EcnCodepoint, Transmit};

/// Upper bound on datagrams in one system call: more would keep the first waiting.
pub(crate) const DATAGRAMS_MAX: usize = 64;
/// Upper bound on the bytes of a round: 64 datagrams of a usual size; handshakes have larger ones, and fewer together.
const BYTES_MAX: usize = 32 * 1_024;

/// What is the same for all datagrams of one system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Manner {
    /// The address that it comes from, where the socket has several.
    pub(crate) source: Option<IpAddr>,
    /// Explicit congestion notification (RFC 3168).
    pub(crate) ecn: Option<EcnCodepoint>,
    /// Whether it is sent by IPv4, also through a socket of both.
    pub(crate) is_v4: bool,
}

#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) to: SocketAddr,
    manner: Manner,
    pub(crate) contents: Range<usize>,
}

/// Datagrams that are sent by one system call: at least two.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) manner: Manner,
    pub(crate) datagrams: &'a [Datagram],
    /// What the ranges of the datagrams are of.
    pub(crate) contents: &'a [u8],
}

/// What sends datagrams.
pub(crate) trait Sender {
    /// Sends one, or several in one of equal length, and drops what the system does not send.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when the system takes nothing now.
    fn send(&mut self, transmit: &Transmit<'_>) -> io::Result<()>;

    /// Sends the first ones of a run, and returns how many.
    ///
    /// # Errors
    ///
    /// When the first one could not be sent: [`io::ErrorKind::WouldBlock`] when the system takes nothing now.
    fn send_many(&mut self, run: &Run<'_>) -> io::Result<usize>;
}

/// What became of a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Nothing waits any more.
    All,
    /// The system takes nothing now; the rest waits.
    Blocked,
}

/// The datagrams that wait, in order.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    datagrams: Vec<Datagram>,
    contents: Vec<u8>,
    /// How many of them are sent.
    sent: usize,
}

impl Outgoing {
    /// Takes a datagram, unless there is no room for it, or it is several in one.
    pub(crate) fn push(&mut self, transmit: &Transmit<'_>) -> bool {
        let len = transmit.contents.len();
        let is_several = transmit.segment_size.is_some_and(|segment| segment < len);
        let has_room =
            self.datagrams.len() < DATAGRAMS_MAX && self.contents.len() + len <= BYTES_MAX;
        if is_several || !has_room {
            return false;
        }
        let start = self.contents.len();
        self.contents.extend_from_slice(transmit.contents);
        self.datagrams.push(Datagram {
            to: transmit.destination,
            manner: Manner {
                source: transmit.src_ip,
                ecn: transmit.ecn,
                is_v4: transmit.destination.ip().to_canonical().is_ipv4(),
            },
            contents: start..start + len,
        });
        true
    }

    /// Sends what waits, as far as possible.
    pub(crate) fn flush(&mut self, sender: &mut impl Sender) -> Flushed {
        while let Some(first) = self.datagrams.get(self.sent) {
            let run = self.run(first.manner);
            let many = if run.datagrams.len() > 1 {
                sender.send_many(&run)
            } else {
                Ok(0)
            };
            match many {
                Ok(sent) if sent > 0 => self.sent += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Flushed::Blocked,
                // By itself, as quinn sends: a failure is logged there, and the datagram counts as lost on the way.
                Ok(_) | Err(_) => match sender.send(&self.transmit(first)) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        return Flushed::Blocked;
                    }
                    Ok(()) | Err(_) => self.sent += 1,
                },
            }
        }
        self.datagrams.clear();
        self.contents.clear();
        self.sent = 0;
        Flushed::All
    }

    /// The next ones that are sent in the same manner.
    fn run(&self, manner: Manner) -> Run<'_> {
        let waiting = self.datagrams.get(self.sent..).unwrap_or_default();
        let len = waiting
            .iter()
            .take_while(|datagram| datagram.manner == manner)
            .count();
        Run {
            manner,
            datagrams: waiting.get(..len).unwrap_or_default(),
            contents: &self.contents,
        }
    }

    fn transmit(&self, datagram: &Datagram) -> Transmit<'_> {
        Transmit {
            destination: datagram.to,
            ecn: datagram.manner.ecn,
            contents: self
                .contents
                .get(datagram.contents.clone())
                .unwrap_or_default(),
            segment_size: None,
            src_ip: datagram.manner.source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a number of datagrams before it is blocked, and fails at those to one port.
    #[derive(Default)]
    struct Wire {
        room: usize,
        bad_port: Option<u16>,
        calls: Vec<usize>,
        sent: Vec<(u16, Vec<u8>)>,
    }

    impl Wire {
        fn take(&mut self, to: SocketAddr, contents: &[u8]) -> io::Result<()> {
            if self.room == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.room -= 1;
            self.sent.push((to.port(), contents.to_vec()));
            Ok(())
        }
    }

    impl Sender for Wire {
        fn send(&mut self, transmit: &Transmit<'_>) -> io::Result<()> {
            if Some(transmit.destination.port()) == self.bad_port {
                return Ok(());
            }
            self.take(transmit.destination, transmit.contents)?;
            self.calls.push(1);
            Ok(())
        }

        fn send_many(&mut self, run: &Run<'_>) -> io::Result<usize> {
            let mut sent = 0;
            for datagram in run.datagrams {
                let taken = if Some(datagram.to.port()) == self.bad_port {
                    Err(io::ErrorKind::PermissionDenied.into())
                } else {
                    self.take(datagram.to, &run.contents[datagram.contents.clone()])
                };
                match taken {
                    Ok(()) => sent += 1,
                    Err(error) if sent == 0 => return Err(error),
                    Err(_) => break,
                }
            }
            self.calls.push(sent);
            Ok(sent)
        }
    }

    fn transmit(port: u16, contents: &[u8]) -> Transmit<'_> {
        Transmit {
            destination: SocketAddr::from(([127, 0, 0, 1], port)),
            ecn: Some(EcnCodepoint::Ect0),
            contents,
            segment_size: None,
            src_ip: None,
        }
    }

    fn filled(ports: impl IntoIterator<Item = u16>) -> Outgoing {
        let mut outgoing = Outgoing::default();
        for port in ports {
            assert!(outgoing.push(&transmit(port, &port.to_be_bytes())));
        }
        outgoing
    }

    fn ports(wire: &Wire) -> Vec<u16> {
        let whole = |(port, contents): &(u16, Vec<u8>)| {
            assert_eq!(*contents, port.to_be_bytes());
            *port
        };
        wire.sent.iter().map(whole).collect()
    }

    #[test]
    fn a_round_is_one_call() {
        let mut outgoing = filled(1..=20);
        let mut wire = Wire {
            room: 100,
            ..Wire::default()
        };
        assert_eq!(outgoing.flush(&mut wire), Flushed::All);
        assert_eq!(wire.calls, [20]);
        assert_eq!(ports(&wire), (1..=20).collect::<Vec<_>>());
        assert_eq!(outgoing.flush(&mut wire), Flushed::All);
        assert_eq!(wire.calls, [20], "nothing is sent twice");
    }

    #[test]
    fn datagrams_of_another_manner_are_another_call() {
        let mut outgoing = filled([1, 2]);
        let unmarked = Transmit {
            ecn: None,
            ..transmit(3, &[0, 3])
        };
        assert!(outgoing.push(&unmarked));
        assert!(outgoing.push(&transmit(4, &[0, 4])));
        let mut wire = Wire {
            room: 100,
            ..Wire::default()
        };
        assert_eq!(outgoing.flush(&mut wire), Flushed::All);
        assert_eq!(wire.calls, [2, 1, 1]);
        assert_eq!(ports(&wire), [1, 2, 3, 4]);
    }

    #[test]
    fn what_the_system_does_not_take_waits_and_nothing_is_sent_twice() {
        let mut outgoing = filled(1..=5);
        let mut wire = Wire {
            room: 3,
            ..Wire::default()
        };
        assert_eq!(outgoing.flush(&mut wire), Flushed::Blocked);
        assert_eq!(outgoing.flush(&mut wire), Flushed::Blocked);
        wire.room = 1;
        assert_eq!(outgoing.flush(&mut wire), Flushed::Blocked);
        wire.room = 1;
        assert_eq!(outgoing.flush(&mut wire), Flushed::All);
        assert_eq!(ports(&wire), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_datagram_that_cannot_be_sent_is_lost_alone() {
        for bad in 1..=4 {
            let mut outgoing = filled(1..=4);
            let mut wire = Wire {
                room: 100,
                bad_port: Some(bad),
                ..Wire::default()
            };
            assert_eq!(outgoing.flush(&mut wire), Flushed::All);
            let others: Vec<_> = (1..=4).filter(|port| *port != bad).collect();
            assert_eq!(ports(&wire), others, "{bad} cannot be sent");
        }
    }

    #[test]
    fn a_round_is_bounded_in_number_and_bytes() {
        let mut many = filled((0..DATAGRAMS_MAX).map(|n| n as u16));
        assert!(!many.push(&transmit(1, &[0; 10])));
        let mut large = Outgoing::default();
        let datagram = vec![0; 1_200];
        let taken = (0..).take_while(|_| large.push(&transmit(1, &datagram)));
        assert_eq!(taken.count(), BYTES_MAX / 1_200);
        let several = Transmit {
            segment_size: Some(5),
            ..transmit(1, &[0; 10])
        };
        assert!(!Outgoing::default().push(&several));
    }
}
