//! Why a store has no answer.

/// Why a store did not answer an operation.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or cannot write now. The operation happened or did not: repeat
    /// it, unchanged, until there is an answer; meanwhile nothing that depends on it may be shown.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// The stored data is not what this program writes; a retry does not help.
    #[error("the store holds data that cannot be read: {0}")]
    Corrupt(String),
    /// The store is set up in a way that cannot keep the contract; the text names what to change.
    #[error("the store cannot be used: {0}")]
    Unfit(String),
}
