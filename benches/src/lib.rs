//! Large captures from a seed, for speed and memory measurements.
//!
//! - [`payload`]: application messages and a pool of bytes whose checksums cost nothing;
//! - [`encode`]: headers and records, written straight into the output;
//! - [`flow`]: one conversation as a queue of planned packets;
//! - [`shape`]: which conversations run at once, and the loop that merges them by time;
//! - [`compare`]: netanalyze and its peers on the same capture;
//! - [`baseline`]: instruction counts and what they are held against.
//!
//! The same plan always gives the same bytes. Memory grows with the conversations that run at once, never with
//! the size of the capture.
//!
//! ```
//! use netanalyze_benches::encode::Extent;
//! use netanalyze_benches::shape::{Plan, Shape, write};
//!
//! let mut capture = Vec::new();
//! let summary = write(&mut capture, &Plan::new(Shape::Mixed, Extent::Bytes(100_000), 7))?;
//! assert_eq!(summary.bytes, capture.len() as u64);
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod baseline;
pub mod compare;
pub mod encode;
pub mod flow;
pub mod payload;
pub mod shape;
