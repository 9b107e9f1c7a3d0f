//! Why a connection to a shard has ended.

use protocol::CloseCode;
use quinn::ConnectionError;

/// The code that a shard gave when it closed the connection; `None` if it was lost otherwise.
#[must_use]
pub fn close_code(error: &ConnectionError) -> Option<CloseCode> {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            CloseCode::from_number(close.error_code.into_inner())
        }
        _ => None,
    }
}

/// The error in words.
#[must_use]
pub fn explain(error: &ConnectionError) -> String {
    if let Some(code) = close_code(error) {
        return format!("the shard closed the connection: {code}");
    }
    match error {
        ConnectionError::TransportError(transport) => {
            format!("the connection failed: {transport}")
        }
        ConnectionError::TimedOut => "the shard went silent".into(),
        ConnectionError::Reset => "the shard was restarted and knows no such connection".into(),
        other => other.to_string(),
    }
}
