//! TCP reassembly: segments of a connection in any order in, each direction's bytes in order out, with gaps made explicit.
//!
//! Owns: what was captured beyond a hole until the hole is filled or given up. Reads: [`Payload`]s in frame order and the receiver's
//! acknowledgements. Emits: [`Chunk`]s: bytes, borrowed from the segment where it arrives in order, with the frame and time that delivered
//! them, or gaps with their reason. RFC 9293 §3.4 for sequence numbers, §3.10.7.4 for what a receiver does with overlaps.
//! Costs nothing but a comparison for a segment in order; beyond a hole a copy of its bytes and a logarithmic step. Memory of a direction stays
//! within [`Limits`]; a direction that nobody wants holds nothing.
//!
//! # Rules
//!
//! - **Offset 0** is the byte after the SYN. Of several SYNs before any payload, the one counts that is acknowledged or that data follows, or
//!   else the last. Without one it is the first byte of data seen; what lies before it and comes later is counted
//!   ([`Counters::before_start`]), or moves the start back as long as nothing was handed on.
//! - **The first copy wins**, byte by byte and in order of arrival. What was handed on cannot be taken back, so nothing else could hold
//!   for bytes in order, and one rule for both is one that people can know. Stacks differ for bytes beyond a hole (Novak and Sturges,
//!   Target-Based TCP Stream Reassembly, 2007): some keep the earlier copy, some the later, most look at which segment begins first. Every
//!   byte that comes again is counted ([`Counters::overlap`]); where the earlier copy is still held and says something else, that is
//!   counted, too ([`Counters::conflicting`]). Copies of bytes that were handed on cannot be compared: they are gone.
//! - **A hole is filled by any later copy**, for as long as it is held open. It is closed as a gap
//!   1. when the cap of [`Limits`] is reached: the oldest holes, as many as needed ([`Why::Abandoned`]);
//!   2. when the receiver has acknowledged everything up to the first byte held beyond it, and three more segments of the connection, either
//!      way, went by without taking that back. The receiver has those bytes, so nobody will send them again: the capture lost them. Wireshark 4.0 closes at
//!      the ACK itself; the slack lets a copy count that was recorded after its own acknowledgement, as happens where two directions are
//!      captured on two queues. Without the rule a capture that missed one packet would hold up its parser until the cap;
//!   3. at the end ([`Reassembler::finish`]). An RST alone is no end: it can be forged, damaged or late. Whoever knows that the connection is
//!      over says so.
//! - **A segment cut by the snapshot length** delivers what was captured; the rest is a hole like any other, closed as [`Why::Snapped`].
//! - **A keep-alive** (RFC 9293 §3.8.4) repeats the last sequence number with at most one made-up byte. As Wireshark 4.0 tells them apart, a
//!   single byte at the last number sent, or long acknowledged, is no data; unless that byte was cut off at first and is not acknowledged.
//!   A zero-window probe carries the next byte, which is data.
//! - **After a FIN** there is no data (RFC 9293 §3.10.7.4, eighth step): what claims to be is counted ([`Counters::after_end`]). A FIN below
//!   data that was seen already contradicts it, and is no end.
//!
//! The result depends on the order of segments only: not on time, batches or threads.

mod chunk;
mod conversation;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod held;
#[cfg(test)]
mod properties;
mod reassembler;
mod snapped;
#[cfg(test)]
mod tests;

pub use chunk::{Chunk, Counters, Limits, Payload, Why};
pub use conversation::{Appetite, End, Reassembly, StreamParser};
pub use reassembler::Reassembler;
