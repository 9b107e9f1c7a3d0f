//! The frames of both sides.

use bytes::BytesMut;
use protocol::codec::{decode_client, decode_server, encode_client, encode_server};

/// Whatever is read as a frame is written and read as the same frame.
pub(crate) fn client(data: &[u8]) {
    let mut buffer = BytesMut::from(data);
    while let Ok(Some(frame)) = decode_client(&mut buffer) {
        let mut again = BytesMut::from(&encode_client(&frame)[..]);
        assert_eq!(decode_client(&mut again), Ok(Some(frame)));
        assert!(again.is_empty());
    }
}

/// The same; what is read of the frame of a later version is written without what was skipped.
pub(crate) fn server(data: &[u8]) {
    let mut buffer = BytesMut::from(data);
    while let Ok(Some(received)) = decode_server(&mut buffer) {
        let bytes = encode_server(&received.frame).stamp(received.time);
        let mut again = BytesMut::from(&bytes[..]);
        assert_eq!(decode_server(&mut again), Ok(Some(received)));
        assert!(again.is_empty());
    }
}
