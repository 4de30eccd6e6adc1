//! Packets in, each with its conversation: symmetric keys, shards, tables, stream numbers.
//!
//! Owns: which packets belong together, and in which order conversations are numbered. Reads: compact packets in frame order, one shard
//! at a time. Emits: verdicts, and references to conversations, which become Wireshark's `tcp.stream` and `udp.stream`.
//! Costs one hash a packet (made where it was decoded) and one look-up. Nothing is ever forgotten.

mod announced;
mod conversations;
mod key;
mod numbering;
mod packet;
mod record;
mod shard;
mod silence;
mod twin;
mod udp;

pub(crate) use conversations::Bounds;
pub use conversations::Conversations;
pub use record::{Conversation, Protocol, Side, TcpConversationFacts, TtlRange};
pub use shard::ConversationRef;

pub(crate) use announced::{Announcement, Announcements};
pub(crate) use key::{FlowKey, KeyHasher};
pub(crate) use numbering::{NewConversation, Numbering};
pub(crate) use packet::{NO_OPTIONS, TcpPacket, UdpPacket};
pub(crate) use shard::{Arrival, Shard, TcpConversation};

/// Number of shards, whatever the number of threads: results must not depend on threads.
pub(crate) const SHARDS: usize = 64;
