//! What comes before a WebTransport session.

use web_transport_quinn::proto::{ConnectRequest, ConnectResponse, Settings};

/// Settings, requests and answers are read, or refused.
pub(crate) fn set_up(data: &[u8]) {
    let _ = Settings::decode(&mut &*data);
    let _ = ConnectResponse::decode(&mut &*data);
    if let Ok(request) = ConnectRequest::decode(&mut &*data) {
        let _ = (request.url.path(), request.url.host_str());
        let mut again = Vec::new();
        let _ = request.encode(&mut again);
    }
}
