//! `--filter`: what of each view matches.
//!
//! Workers test frames; what they found is put together where batches are delivered, in capture order. Findings are picked by their frame,
//! transactions and conversations by any frame of theirs.

mod found;
mod look;
mod runs;

pub(crate) use found::Picked;
pub(crate) use look::{Conversation, Look, Looked};
pub(crate) use runs::Runs;
