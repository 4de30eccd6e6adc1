//! Offline analysis of packet captures: what is wrong with the network in them.
//!
//! A capture goes down the floors of this crate, and values come up: [`capture`] reads files into batches of frames, [`packet`] decodes frames into
//! layers, [`conversation`] brings packets together, [`tcp`] judges them as Wireshark 4.0 does, [`expert`] makes findings of the verdicts,
//! [`field`] names everything a packet has, [`filter`] picks packets by it, [`report`] sums up. [`engine`] drives it all on as many threads as you like; the results never
//! depend on how many. Application protocols stand in [`protocol`], what joins their transactions across conversations in [`transaction`], words shared by all in [`model`], and every cap on memory in
//! [`model::limits`].
//!
//! The crate prints nothing, reads no clock and no environment, and keeps no global state. No bytes of a capture can make it panic.
//!
//! # Quick start
//!
//! An [`Analyzer`] reads captures and tells an [`Observer`] what it finds; here that is a closure.
//!
//! ```
//! use netanalyze_core::{Analyzer, Finding, Severity};
//!
//! # fn main() -> Result<(), netanalyze_core::Error> {
//! let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/captures/connection-refused.pcap");
//! let mut warnings = Vec::new();
//! let report = Analyzer::new().min_severity(Severity::Warn).run([capture], &mut |finding: &Finding| {
//!     warnings.push(format!("frame {}: {}", finding.frame, finding.message()));
//!     Ok(())
//! })?;
//! assert_eq!(warnings[0], "frame 2: connection refused: the server answers the SYN with a reset");
//! println!("{} packets, {} TCP conversations", report.capture.packets, report.capture.tcp_streams);
//! # Ok(())
//! # }
//! ```
//!
//! Frames can also be pushed one by one, as they are captured: see [`Live`]. Findings of your own come from a [`Rule`]. To work on whole
//! batches on all threads at once, e.g. to format rows, give [`engine::analyse`] an [`engine::View`].

pub mod capture;
pub mod conversation;
pub mod diagnosis;
pub mod engine;
pub mod expert;
pub mod field;
pub mod filter;
pub mod model;
pub mod packet;
pub mod protocol;
pub mod report;
pub mod tcp;
pub mod transaction;

pub use capture::Source;
pub use conversation::Conversation;
pub use engine::{Analyzer, Cancellation, Found, Frame, Live, Observer, Rule, Wants};
pub use expert::{Finding, Kind, KindSet, Severity};
pub use field::AnalysedFrame;
pub use filter::Filter;
pub use model::Error;
pub use report::Report;

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
