//! TCP sequence analysis: a segment and its connection's state in, a verdict out.
//!
//! Owns: what Wireshark 4.0 calls `tcp.analysis.*`, window scaling, completeness, timing, and the state that they need. Reads: headers in
//! frame order; never payload, but for [`reassembly`], which is for those who ask. Emits: one [`Verdict`] a TCP header. RFC 9293 for TCP, RFC 7323 for windows, RFC 2018 and 2883 for SACK;
//! where the RFCs and Wireshark's verdicts differ, the verdicts are the contract.
//! Costs a few comparisons a segment; the list of unacknowledged segments is the only thing that grows, and it is capped.

mod account;
mod analysis;
mod books;
mod checksum;
mod chronicle;
mod compact;
mod connection;
mod coverage;
mod end;
mod flow;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod handshake;
mod history;
pub mod reassembly;
mod rtt;
mod segment;
pub mod sequence;
mod slab;
mod state;
mod syn_options;
#[cfg(test)]
mod trace;
mod unacked;
mod verdict;

pub use analysis::{Figures, Flags};
pub use books::TcpSide;
pub(crate) use books::Troubles;
pub use flow::WindowScale;
pub use history::History;
pub use rtt::RttSummary;
pub use segment::TcpFlags;
pub(crate) use slab::Slab;
pub use state::{ClosedBy, EndState};
pub use syn_options::SynOptions;
pub use verdict::{Analysis, ConnectionState, Opener, Shown, Verdict};

pub(crate) use account::{Account, Passing};
pub(crate) use checksum::Checksum;
pub(crate) use chronicle::{
    Brief, Bucket, Chain, Chronicle, Draft, Lane, Losses, Patience, Reset, Service, Shape, Spare, Taken,
    Think, Trouble, Wire, made_same_way,
};
pub(crate) use compact::{Coder, LONGEST, Reader, Writer, code_of, of_code};
pub(crate) use connection::{Birth, Connection, SynOutcome};
pub(crate) use handshake::completeness::SYN as COMPLETENESS_SYN;
pub(crate) use segment::{Scope, Segment};
pub(crate) use unacked::Pool;
