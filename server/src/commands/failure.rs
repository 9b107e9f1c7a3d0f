//! The error of every command.

/// What a command failed of, in words for the operator.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
