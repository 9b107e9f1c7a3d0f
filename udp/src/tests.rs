//! Real sockets on the loopback.

use super::*;

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use quinn::udp::EcnCodepoint;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

fn socket(address: impl Into<IpAddr>) -> std::net::UdpSocket {
    std::net::UdpSocket::bind((address.into(), 0)).expect("a port")
}

fn batching(address: impl Into<IpAddr>) -> Arc<dyn AsyncUdpSocket> {
    BatchingRuntime
        .wrap_udp_socket(socket(address))
        .expect("a socket")
}

fn to(destination: SocketAddr, contents: &[u8]) -> Transmit<'_> {
    Transmit {
        destination,
        ecn: Some(EcnCodepoint::Ect0),
        contents,
        segment_size: None,
        src_ip: None,
    }
}

/// Sends as quinn's connections do: again when the socket was blocked, as it is before the system has said that it can
/// be written to.
async fn send(from: &Arc<dyn AsyncUdpSocket>, transmit: Transmit<'_>) {
    let mut poller = Arc::clone(from).create_io_poller();
    loop {
        let writable = poll_fn(|context| poller.as_mut().poll_writable(context));
        let writable = timeout(PATIENCE, writable).await;
        writable.expect("not blocked for ever").expect("no error");
        match from.try_send(&transmit) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return sent.expect("a failure is not told"),
        }
    }
}

/// So many datagrams as the other end receives them, with their marks for congestion.
async fn received(
    other: &Arc<dyn AsyncUdpSocket>,
    count: usize,
) -> Vec<(SocketAddr, Vec<u8>, Option<EcnCodepoint>)> {
    let mut all = Vec::new();
    while all.len() < count {
        let mut buffer = [0; 65_536];
        let mut meta = [RecvMeta::default()];
        let mut receive = |context: &mut Context<'_>| {
            let buffers = &mut [IoSliceMut::new(&mut buffer)];
            other.poll_recv(context, buffers, &mut meta)
        };
        let read = timeout(PATIENCE, poll_fn(&mut receive)).await;
        assert_eq!(read.expect("a datagram").expect("no error"), 1);
        let RecvMeta {
            addr,
            len,
            stride,
            ecn,
            ..
        } = meta[0];
        for contents in buffer[..len].chunks(stride) {
            all.push((addr, contents.to_vec(), ecn));
        }
    }
    all
}

#[tokio::test]
async fn a_round_arrives_whole_and_in_order() {
    let (from, other) = (batching(Ipv4Addr::LOCALHOST), batching(Ipv4Addr::LOCALHOST));
    let (address, port) = (
        other.local_addr().unwrap(),
        from.local_addr().unwrap().port(),
    );
    let datagrams: Vec<_> = (0..200_u8).map(|n| vec![n; 1 + usize::from(n)]).collect();
    for (n, contents) in datagrams.iter().enumerate() {
        // Every third is not marked, every fifth says where it comes from.
        let transmit = Transmit {
            ecn: (n % 3 > 0).then_some(EcnCodepoint::Ect0),
            src_ip: (n % 5 == 0).then_some(Ipv4Addr::LOCALHOST.into()),
            ..to(address, contents)
        };
        send(&from, transmit).await;
    }
    let received = received(&other, datagrams.len()).await;
    for (n, (expected, (addr, contents, ecn))) in datagrams.iter().zip(&received).enumerate() {
        assert_eq!(contents, expected);
        assert_eq!(addr.port(), port);
        assert_eq!(*ecn, (n % 3 > 0).then_some(EcnCodepoint::Ect0), "{n}");
    }
}

#[tokio::test]
async fn datagrams_come_from_the_address_that_they_name() {
    let other = batching(Ipv4Addr::LOCALHOST);
    let from = batching(Ipv4Addr::UNSPECIFIED);
    let address = other.local_addr().unwrap();
    // Two of each, as one alone is sent by itself.
    let sources = [1, 1, 2, 2, 3].map(|n| Ipv4Addr::new(127, 0, 0, n));
    for source in sources {
        let transmit = Transmit {
            src_ip: Some(source.into()),
            ..to(address, b"move")
        };
        send(&from, transmit).await;
    }
    let received = received(&other, sources.len()).await;
    let came_from: Vec<_> = received.iter().map(|(address, ..)| address.ip()).collect();
    assert_eq!(came_from, sources.map(IpAddr::from));
}

#[tokio::test]
async fn a_socket_of_both_kinds_sends_by_either() {
    let from = batching(Ipv6Addr::UNSPECIFIED);
    let (v4, v6) = (batching(Ipv4Addr::LOCALHOST), batching(Ipv6Addr::LOCALHOST));
    let v4_port = v4.local_addr().unwrap().port();
    let mapped = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), v4_port));
    for _ in 0..3 {
        send(&from, to(mapped, b"by four")).await;
    }
    for _ in 0..3 {
        let transmit = Transmit {
            src_ip: Some(Ipv6Addr::LOCALHOST.into()),
            ..to(v6.local_addr().unwrap(), b"by six")
        };
        send(&from, transmit).await;
    }
    for (other, expected) in [(v4, &b"by four"[..]), (v6, b"by six")] {
        for (_, contents, ecn) in received(&other, 3).await {
            assert_eq!(contents, expected);
            assert_eq!(ecn, Some(EcnCodepoint::Ect0));
        }
    }
}

#[tokio::test]
async fn a_peer_that_cannot_be_reached_costs_the_others_nothing() {
    let (from, other) = (batching(Ipv4Addr::LOCALHOST), batching(Ipv4Addr::LOCALHOST));
    let address = other.local_addr().unwrap();
    // From the loopback no other network is reached, and nothing is sent to port 0.
    let nowhere = [
        SocketAddr::from(([192, 0, 2, 1], 9)),
        SocketAddr::from(([127, 0, 0, 1], 0)),
    ];
    for n in 0..20_u8 {
        send(&from, to(nowhere[usize::from(n % 2)], b"lost")).await;
        send(&from, to(address, &[n])).await;
    }
    let received: HashSet<_> = received(&other, 20)
        .await
        .into_iter()
        .map(|(_, c, _)| c)
        .collect();
    assert_eq!(received, (0..20).map(|n| vec![n]).collect());
}

#[tokio::test]
async fn several_in_one_keep_their_place() {
    let (from, other) = (batching(Ipv4Addr::LOCALHOST), batching(Ipv4Addr::LOCALHOST));
    let address = other.local_addr().unwrap();
    let segments = from.max_transmit_segments().min(4);
    let several: Vec<u8> = (0..segments).flat_map(|n| [n as u8; 100]).collect();
    send(&from, to(address, b"first")).await;
    let transmit = Transmit {
        segment_size: Some(100),
        ..to(address, &several)
    };
    send(&from, transmit).await;
    send(&from, to(address, b"last")).await;
    let received = received(&other, 2 + segments).await;
    assert_eq!(received[0].1, b"first");
    assert_eq!(received[1].1, [0; 100]);
    assert_eq!(received[1 + segments].1, b"last");
}

#[tokio::test]
async fn what_waits_is_sent_when_the_socket_is_dropped() {
    let (from, other) = (batching(Ipv4Addr::LOCALHOST), batching(Ipv4Addr::LOCALHOST));
    let address = other.local_addr().unwrap();
    for _ in 0..3 {
        send(&from, to(address, b"good-bye")).await;
    }
    drop(from);
    assert_eq!(received(&other, 3).await.len(), 3);
}
