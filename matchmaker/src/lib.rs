//! Placeholder. The observer of the registry exists already: `store::Liveness` (observe,
//! store_was_down, has_observed, is_dead, live, lives); use that one, do not write another.
