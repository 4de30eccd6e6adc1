//! What several conversations have to do with each other: the lookup that gave the address of a connection, and where the time of a request
//! went that needed both; the answers to a question that went to a group; the names that a search list makes of one.
//!
//! Fed in capture order with what the conversations' own transactions came to, at the end where batches are delivered; never asks for
//! packets.
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use netanalyze_core::engine::{Cancellation, Depth, Interests, View, analyse};
//! use netanalyze_core::field::AnalysedBatch;
//! use netanalyze_core::transaction::Joins;
//! use netanalyze_core::Error;
//!
//! /// Wants transactions, and makes nothing of a batch.
//! struct Transactions;
//!
//! impl View for Transactions {
//!     type Piece = ();
//!
//!     fn interests(&self) -> Interests {
//!         Interests { applications: Depth::Transactions, ..Interests::default() }
//!     }
//!
//!     fn digest(&self, _: &AnalysedBatch<'_>) {}
//! }
//!
//! # fn main() -> Result<(), Error> {
//! let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/captures/web-slow.pcap");
//! let (mut joins, mut longest) = (Joins::default(), None);
//! let accept = |(), batch: &AnalysedBatch<'_>| {
//!     for met in batch.messages {
//!         let dns = joins.phases(met).and_then(|phases| phases.dns());
//!         longest = longest.max(dns);
//!     }
//!     Ok(())
//! };
//! analyse(vec![capture.into()], NonZeroUsize::MIN, &Transactions, accept, &Cancellation::default())?;
//! assert_eq!(longest.map(|span| span.to_string()), Some("0.009000000".to_owned()));
//! # Ok(())
//! # }
//! ```

mod groups;
mod lookups;
mod phases;
mod searches;

pub use groups::Groups;
pub use lookups::{Answered, Lookups, Resolution};
pub use phases::{Joins, Phases};
pub use searches::Searches;
