//! What several conversations have to do with each other: the lookup that gave the address of a connection, and where the time of a request
//! went that needed both.
//!
//! Fed in capture order with what the conversations' own transactions came to, at the end where batches are delivered; never asks for
//! packets.

mod lookups;
mod phases;

pub use lookups::{Answered, Lookups, Resolution};
pub use phases::{Joins, Phases};
