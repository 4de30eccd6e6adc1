//! What application protocols say: messages, and transactions made of them.

use std::sync::Arc;

use super::stream::Reach;
use super::tls::keys::Secrets;
use super::{dns, http, tls};
use crate::model::{Direction, limits};
use crate::tcp::Checksum;

/// Something that became known with a frame.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Message {
    /// A DNS message, with what it means for its transaction.
    Dns(Box<dns::DnsMessage>),
    /// What became of a DNS query.
    Lookup(Box<dns::Lookup>),
    /// What somebody says to a group, or answers to one, if it is no new query: [`Groups`](crate::transaction::Groups) makes lookups of it.
    Group(Box<dns::GroupMessage>),
    /// TLS records and handshake messages that one frame completed.
    Tls(Box<tls::TlsMessage>),
    /// What became of a TLS handshake.
    Handshake(Box<tls::Handshake>),
    /// A request or a response.
    Http(Box<http::HttpMessage>),
    /// What became of a request.
    Exchange(Box<http::Exchange>),
    /// A datagram of QUIC, of which nothing more is known. What it holds of TLS is a message of its own.
    Quic,
}

impl Message {
    /// Whether it says what became of something or helps to say it, and is no single message.
    #[must_use]
    pub fn is_transaction(&self) -> bool {
        match self {
            Message::Lookup(_) | Message::Group(_) | Message::Handshake(_) | Message::Exchange(_) => true,
            Message::Dns(_) | Message::Tls(_) | Message::Http(_) | Message::Quic => false,
        }
    }

    /// Direction of the client's bytes, if the message itself tells it; otherwise it is the one that was said with it.
    #[must_use]
    pub fn client(&self) -> Option<Direction> {
        match self {
            Message::Handshake(handshake) => Some(handshake.client),
            Message::Exchange(exchange) => Some(exchange.client),
            _ => None,
        }
    }
}

/// A message as it was said.
#[derive(Clone, Debug)]
pub struct Said {
    /// Direction of the bytes that it is about.
    pub from: Direction,
    /// The message.
    pub message: Message,
    /// Wireshark 4.0 takes the bytes for another protocol, by their port: TLS on a port of HTTP, for one. Fields, which are Wireshark's,
    /// do not show it then; findings and transactions do.
    pub aside: bool,
}

/// A cap that made a decoder leave something out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    /// [`limits::MAX_TLS_MESSAGE`]
    TlsMessage,
    /// [`limits::MAX_CRYPTO_BYTES`] or [`limits::MAX_CRYPTO_PIECES`]
    QuicHandshake,
    /// [`limits::MAX_QUIC_CONNECTIONS`]
    QuicConnections,
    /// [`limits::MAX_PENDING_BYTES`]
    Pending,
    /// [`limits::MAX_HTTP_HEAD`]
    HttpHead,
}

impl Limit {
    /// What it cost, as a clause behind a count, and the cap.
    pub(crate) fn cost(self) -> String {
        match self {
            Limit::TlsMessage => format!(
                "handshake messages of TLS longer than {} bytes were not read: what they say is missing",
                limits::MAX_TLS_MESSAGE
            ),
            Limit::QuicHandshake => format!(
                "pieces of QUIC handshakes were not read because {} bytes or {} pieces were waiting already",
                limits::MAX_CRYPTO_BYTES,
                limits::MAX_CRYPTO_PIECES
            ),
            Limit::QuicConnections => format!(
                "QUIC connections were given up, the first ones first, because {} others began between the same ports: nothing is said of how they went on",
                limits::MAX_QUIC_CONNECTIONS
            ),
            Limit::Pending => format!(
                "messages inside TCP connections were not read because they need more than {} bytes at a time",
                limits::MAX_PENDING_BYTES
            ),
            Limit::HttpHead => format!(
                "HTTP requests or responses have heads of more than {} bytes: what lies beyond was not read, nor were messages in the same segments",
                limits::MAX_HTTP_HEAD
            ),
        }
    }
}

/// What tells of an IP packet whether another one with the same bytes is a copy of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Brought {
    /// Identification field of IPv4; 0 without one.
    pub(crate) ip_id: u16,
    /// Stands for its time to live and the interface that captured it.
    pub(crate) place: u16,
}

impl Brought {
    pub(crate) fn new(ip_id: u16, ttl: u8, interface: u32) -> Self {
        let [low, ..] = interface.to_le_bytes();
        Brought { ip_id, place: u16::from_le_bytes([ttl, low]) }
    }
}

/// Where decoders put what they have to say.
#[derive(Debug, Default)]
pub struct Messages {
    items: Vec<Said>,
    /// Ordinary messages of HTTP that were left out because of [`Messages::terse`].
    left_out: u32,
    /// Caps that were reached.
    hits: Vec<Limit>,
    /// Place of the first byte that the decoder is shown: its sequence number, continued to 64 bits.
    pub(crate) place: u64,
    /// What the segment at hand says of the direction against it.
    pub(crate) reach: Option<Reach>,
    /// What the checksum of the datagram at hand says, where anybody wants to know.
    pub(crate) sum: Option<Checksum>,
    /// The packet that brought the datagram at hand.
    pub(crate) brought: Brought,
    /// What is said now, Wireshark takes for another protocol: see [`Said::aside`].
    pub(crate) aside: bool,
    /// Every message is wanted, as fields and rows need them. Otherwise decoders leave out those that no finding is made of, which saves
    /// most of their work; transactions (lookups, handshakes, exchanges) are always wanted.
    pub every: bool,
    /// Only findings will be made of what is said, and ordinary messages of HTTP are only counted: texts that no finding quotes need not be kept.
    pub terse: bool,
    /// Secrets of TLS connections that are known so far, if any.
    pub secrets: Option<Arc<Secrets>>,
}

impl Messages {
    /// Nothing said so far.
    #[must_use]
    pub fn new(every: bool) -> Self {
        Messages { every, ..Messages::default() }
    }

    /// Says something. `from` is the direction of the bytes that it is about.
    pub fn push(&mut self, from: Direction, message: Message) {
        let aside = self.aside;
        self.items.push(Said { from, message, aside });
    }

    /// Counts an ordinary message of HTTP instead of saying it.
    pub(crate) fn leave_out(&mut self) {
        self.left_out = self.left_out.saturating_add(1);
    }

    /// Ordinary messages of HTTP that were left out since the last call.
    pub(crate) fn take_left_out(&mut self) -> u32 {
        std::mem::take(&mut self.left_out)
    }

    /// A cap made a decoder leave something out.
    #[cold]
    pub(crate) fn hit(&mut self, limit: Limit) {
        self.hits.push(limit);
    }

    /// Caps that were reached since the last call, as often as they were.
    pub(crate) fn take_hits(&mut self) -> Vec<Limit> {
        std::mem::take(&mut self.hits)
    }

    /// What was said since the last call.
    pub fn drain(&mut self) -> impl Iterator<Item = (Direction, Message)> + '_ {
        self.items.drain(..).map(|said| (said.from, said.message))
    }

    /// The same, as it was said.
    pub fn drain_said(&mut self) -> impl Iterator<Item = Said> + '_ {
        self.items.drain(..)
    }

    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.left_out == 0 && self.hits.is_empty()
    }
}
