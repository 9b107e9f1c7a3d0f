//! What comes before a WebTransport session.

use web_transport_quinn::proto::{ConnectRequest, ConnectResponse, Settings};

/// Settings, requests and answers are read, or refused; a request that is read is written and read as the same.
pub(crate) fn set_up(data: &[u8]) {
    let _ = Settings::decode(&mut &*data);
    let _ = ConnectResponse::decode(&mut &*data);
    if let Ok(mut request) = ConnectRequest::decode(&mut &*data) {
        let mut again = Vec::new();
        if request.encode(&mut again).is_ok() {
            let read = ConnectRequest::decode(&mut &*again).expect("what was written is read");
            // No fragment is ever sent (RFC 9110, section 7.1); one comes of a `#` in the name of the host.
            request.url.set_fragment(None);
            assert_eq!((read.url, read.protocols), (request.url, request.protocols));
        }
    }
}
