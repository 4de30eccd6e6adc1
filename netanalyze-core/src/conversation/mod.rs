//! Packets in, each with its conversation: symmetric keys, shards, tables, stream numbers.
//!
//! Owns: which packets belong together, and in which order conversations are numbered. Reads: compact packets in frame order, one shard
//! at a time. Emits: verdicts, and references to conversations, which become Wireshark's `tcp.stream` and `udp.stream`.
//! Costs one hash a packet (made where it was decoded) and one look-up. Nothing is forgotten but under a memory limit, and then it is told.

mod announced;
mod chronicles;
mod conversations;
mod key;
mod met;
mod numbering;
mod packet;
mod record;
mod services;
mod shard;
mod shelves;
mod silence;
mod store;
mod tcp;
mod twin;
mod udp;

pub use conversations::Conversations;
pub(crate) use conversations::{Bounds, Volume, addresses};
pub use met::Met;
pub use record::{Conversation, Protocol, Side, TcpConversationFacts, TtlRange};
pub use shard::ConversationRef;

pub(crate) use announced::{Announcement, Announcements};
pub(crate) use key::{FlowKey, KeyHasher};
pub(crate) use numbering::{NewConversation, Numbering};
pub(crate) use packet::{At, NO_OPTIONS, TcpPacket, UdpPacket};
#[cfg(test)]
pub(crate) use services::Census;
pub(crate) use services::Services;
pub(crate) use shard::{Arrival, Ended, Forgotten, Scratch, Shard, Terms};
pub(crate) use tcp::{KindsSeen, TcpConversation};

/// Number of shards, whatever the number of threads: results must not depend on threads.
pub(crate) const SHARDS: usize = 64;
