//! What a frame's message says: its bytes, and what they are to other messages.

use serde::{Serialize, Serializer};

use super::matching::Matching;
use super::message::{Header, Parsed};
use crate::model::{Endpoint, shown};

/// Which of the protocols that share DNS's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// DNS proper.
    Dns,
    /// Multicast DNS (RFC 6762).
    Mdns,
    /// Link-local multicast name resolution (RFC 4795).
    Llmnr,
}

impl Service {
    /// By the ports of a UDP conversation.
    #[must_use]
    pub fn of(ends: [Endpoint; 2]) -> Self {
        let has = |port| ends.iter().any(|end| end.port() == port);
        match (has(53), has(5353), has(5355)) {
            (true, ..) | (_, false, false) => Service::Dns,
            (_, true, _) => Service::Mdns,
            _ => Service::Llmnr,
        }
    }

    /// Its usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Service::Dns => "DNS",
            Service::Mdns => "mDNS",
            Service::Llmnr => "LLMNR",
        }
    }
}

/// A message.
#[derive(Clone, Debug)]
pub struct DnsMessage {
    /// Its captured bytes, without the length that comes first over TCP.
    pub bytes: Box<[u8]>,
    /// Which protocol.
    pub service: Service,
    /// The length that TCP's framing gives; `None` over UDP.
    pub length: Option<u16>,
    /// Everything that the header announces was there.
    pub whole: bool,
    /// What it is to others with its id, as Wireshark sees it.
    pub matching: Matching,
    /// It is a second response with the same id, and says something else than the first one.
    pub contradicts: bool,
}

impl DnsMessage {
    /// Its contents.
    #[must_use]
    pub fn parsed(&self) -> Option<Parsed<'_>> {
        Parsed::new(&self.bytes)
    }

    /// Its header.
    #[must_use]
    pub fn header(&self) -> Header {
        self.parsed().map(|parsed| parsed.header()).unwrap_or_default()
    }
}

/// A message of mDNS or LLMNR that takes part in a transaction over several conversations: a query to a group that repeats one, or an answer.
#[derive(Clone, Debug)]
pub struct GroupMessage {
    /// Which protocol.
    pub service: Service,
    /// Its captured bytes.
    pub bytes: Box<[u8]>,
    /// Bytes that were not captured.
    pub missing: u32,
}

impl GroupMessage {
    /// Its contents.
    #[must_use]
    pub fn parsed(&self) -> Option<Parsed<'_>> {
        Parsed::new(&self.bytes)
    }
}

/// Serialises bytes of a packet as text in which nothing is left that could do harm.
pub(super) fn as_text<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&shown(bytes))
}

/// The same for a list.
pub(super) fn as_texts<S: Serializer>(list: &[Box<[u8]>], s: S) -> Result<S::Ok, S::Error> {
    s.collect_seq(list.iter().map(|bytes| shown(bytes)))
}
