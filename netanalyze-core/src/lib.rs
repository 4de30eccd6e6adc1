//! Offline analysis of packet captures: what is wrong with the network in them.
//!
//! A capture goes down the floors of this crate, and values come up: [`capture`] reads files into batches of frames, [`packet`] decodes frames into
//! layers, [`conversation`] brings packets together, [`tcp`] judges them as Wireshark 4.0 does, [`expert`] makes findings of the verdicts,
//! [`field`] names everything a packet has, [`report`] sums up. [`engine`] drives it all on as many threads as you like; the results never
//! depend on how many. Application protocols stand in [`protocol`], words shared by all in [`model`], and every cap on memory in
//! [`model::limits`].
//!
//! The crate prints nothing, reads no clock and no environment, and keeps no global state. No bytes of a capture can make it panic.
//!
//! # Quick start
//!
//! A [`View`](engine::View) says what it wants and turns each analysed batch into a piece; the pieces come back in capture order.
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use netanalyze_core::capture::Source;
//! use netanalyze_core::engine::{Cancellation, Interests, View, analyse};
//! use netanalyze_core::expert::{KindSet, Severity};
//! use netanalyze_core::field::AnalysedBatch;
//!
//! struct Warnings;
//!
//! impl View for Warnings {
//!     type Piece = Vec<String>;
//!
//!     fn interests(&self) -> Interests {
//!         Interests { kinds: KindSet::at_least(Severity::Warn), ..Interests::default() }
//!     }
//!
//!     fn digest(&self, batch: &AnalysedBatch<'_>) -> Vec<String> {
//!         batch.findings.iter().map(|f| format!("frame {}: {}", f.frame, f.message())).collect()
//!     }
//! }
//!
//! # fn main() -> Result<(), netanalyze_core::model::Error> {
//! let capture = Source::File(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/captures/connection-refused.pcap").into());
//! let mut warnings = Vec::new();
//! let accept = |mut piece: Vec<String>, _: &AnalysedBatch<'_>| {
//!     warnings.append(&mut piece);
//!     Ok(())
//! };
//! let report = analyse(vec![capture], NonZeroUsize::MIN, &Warnings, accept, &Cancellation::default())?;
//! assert!(report.capture.packets > 0);
//! assert!(warnings[0].ends_with("connection refused: the server answers the SYN with a reset"));
//! # Ok(())
//! # }
//! ```

pub mod capture;
pub mod conversation;
pub mod engine;
pub mod expert;
pub mod field;
pub mod model;
pub mod packet;
pub mod protocol;
pub mod report;
pub mod tcp;
