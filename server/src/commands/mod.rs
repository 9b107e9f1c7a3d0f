//! The commands of the binary `rookery`.
