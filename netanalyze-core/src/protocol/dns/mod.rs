//! DNS over UDP and TCP, mDNS and LLMNR: messages, and what became of each query.
//!
//! Owns: a tolerant parser (RFC 1035 §4, RFC 6891 for EDNS, RFC 8914 for extended errors, RFC 9460 for SVCB and HTTPS) that reads the header
//! always and then as many records as are sound; Wireshark 4.0's idea of transactions ([`Matching`]), which the fields show; and our own
//! ([`Lookup`]). Reads: payloads of UDP and the byte stream of TCP. Emits: a [`DnsMessage`] for each message where rows are
//! wanted or something is odd, and a [`Lookup`] for each query once its answer was seen or nobody waits for it any more.
//!
//! Costs: an idle conversation has nothing on the heap; open queries and remembered ids are bounded by [`limits`](crate::model::limits).
//! Stops where bytes are missing: what lies before them is told.

mod code;
mod copies;
mod datagram;
mod early;
mod edns;
mod group;
mod lookup;
mod matching;
mod message;
mod name;
mod rdata;
mod record;
mod said;
mod sound;
mod table;
mod tcp;
mod tracker;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
pub use code::{Opcode, Rcode, RecordType};
pub use datagram::Decoder;
pub use edns::{Edns, EdnsOption, ExtendedError};
#[cfg(test)]
pub(crate) use lookup::Sums;
pub use lookup::{Asked, Lookup, Mismatch, Outcome};
pub use matching::Matching;
pub use message::{Header, Parsed, looks_like_dns};
pub use name::{Name, NameState, shown as shown_text, shown_ascii};
pub use rdata::{CharacterStrings, Rdata, ServiceParameter, ServiceParameters, Soa};
pub use record::{Question, Record, Section};
pub use said::{DnsMessage, GroupMessage, Service};
pub use tcp::Stream;
pub(crate) use tracker::GROUP_PATIENCE;
pub use tracker::quoted;
