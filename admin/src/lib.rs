//! What operators see and do, over HTTP.

mod model;

pub use model::{
    Facts, Inspection, Link, MatchQuery, MatchRow, Page, Position, Selection, ShardStatus, Sort,
};
