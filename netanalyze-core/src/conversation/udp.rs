//! A UDP conversation: who sent how much, and when.

use super::key::FlowKey;
use super::packet::UdpPacket;
use super::shard::Succession;
use super::store::Record;
use super::tcp::KindsSeen;
use crate::model::{Direction, FrameNumber, Timestamp};
use crate::protocol::message::Messages;
use crate::protocol::session::{quoted_datagram, recognise_datagram};
use crate::protocol::stream::{DatagramDecoder, Flow, Moment};
use crate::tcp::{Coder, code_of, of_code};

/// A UDP conversation.
#[derive(Debug)]
pub(crate) struct UdpConversation {
    pub(super) key: FlowKey,
    pub(super) account: UdpAccount,
    pub(super) succession: Succession,
    pub(super) app: UdpApp,
    /// Kinds of findings reported for it so far.
    pub kinds_seen: KindsSeen,
}

/// What its application is doing.
#[derive(Debug)]
pub(super) enum UdpApp {
    /// So many datagrams have told nothing so far.
    Undecided(u8),
    Live(Box<dyn DatagramDecoder>),
}

/// Datagrams that may tell nothing before a conversation is given up.
const MAX_TRIES: u8 = 16;

impl UdpConversation {
    pub(super) fn new(key: FlowKey, succession: Succession) -> Self {
        UdpConversation {
            key,
            account: UdpAccount::default(),
            succession,
            app: UdpApp::Undecided(0),
            kinds_seen: KindsSeen::default(),
        }
    }
}

impl UdpConversation {
    /// Hands a datagram to its application.
    pub(crate) fn application(&mut self, packet: &UdpPacket, bytes: &[u8], now: Moment, out: &mut Messages) {
        let missing = packet.payload_len.saturating_sub(bytes.len() as u32);
        if let UdpApp::Undecided(tries) = &mut self.app {
            if *tries >= MAX_TRIES || bytes.is_empty() {
                return;
            }
            let flow = flow(&self.key, &self.account);
            match recognise_datagram(&flow, packet.direction, bytes) {
                Some(decoder) => self.app = UdpApp::Live(decoder),
                None => *tries += 1,
            }
        }
        if let UdpApp::Live(decoder) = &mut self.app {
            decoder.datagram(packet.direction, bytes, missing, now, out);
        }
    }
}

impl UdpConversation {
    /// Shows what an ICMP error quotes of it.
    pub(crate) fn quoted(&self, packet: &UdpPacket, bytes: &[u8], now: Moment, out: &mut Messages) {
        let missing = packet.payload_len.saturating_sub(bytes.len() as u32);
        quoted_datagram(&flow(&self.key, &self.account), packet.direction, bytes, missing, now, out);
    }
}

/// What its application gets to know of it.
fn flow(key: &FlowKey, account: &UdpAccount) -> Flow {
    let (a, b) = key.endpoints(Direction::AtoB);
    let client = account.first_sender;
    Flow { ends: [a, b], client, client_is_known: false, syn: None, established: None }
}

impl Record for UdpConversation {
    type Aside = Box<dyn DatagramDecoder>;

    fn detach(&mut self) -> Option<Box<dyn DatagramDecoder>> {
        match std::mem::replace(&mut self.app, UdpApp::Undecided(MAX_TRIES)) {
            UdpApp::Live(decoder) => Some(decoder),
            other => {
                self.app = other;
                None
            }
        }
    }

    fn attach(&mut self, decoder: Box<dyn DatagramDecoder>) {
        self.app = UdpApp::Live(decoder);
    }

    fn size_of_aside(decoder: &Box<dyn DatagramDecoder>) -> usize {
        size_of_val(decoder.as_ref()) + decoder.heap()
    }

    fn blank() -> Self {
        UdpConversation::new(FlowKey::NONE, Succession::None)
    }

    fn key(&self) -> &FlowKey {
        &self.key
    }

    fn key_mut(&mut self) -> &mut FlowKey {
        &mut self.key
    }

    fn last_frame(&self) -> FrameNumber {
        self.account.last_frame
    }

    fn is_bulky(&self) -> bool {
        false
    }

    fn is_over(&self) -> bool {
        false
    }

    fn heap(&self) -> usize {
        if let UdpApp::Live(decoder) = &self.app { UdpConversation::size_of_aside(decoder) } else { 0 }
    }

    fn code<C: Coder>(&mut self, c: &mut C, start: Timestamp, last: FrameNumber) {
        let UdpConversation { key: _, account, succession, app, kinds_seen } = self;
        let UdpAccount { ends, first, last: last_time, first_frame, last_frame, first_sender } = account;
        for UdpEnd { wire_bytes, payload_bytes, packets, ttl_min, ttl_max } in ends {
            c.word(wire_bytes);
            c.word(payload_bytes);
            c.u32(packets);
            c.u8(ttl_min);
            c.u8(ttl_max);
        }
        c.time(first, start);
        c.time(last_time, *first);
        c.frame(first_frame, last);
        c.frame(last_frame, last);
        let mut is_b = *first_sender == Direction::BtoA;
        let mut code = code_of(*succession, &Succession::ALL);
        let mut tries = if let UdpApp::Undecided(tries) = app { u64::from(*tries) } else { 0 };
        c.parts([(&mut code, 2), (&mut tries, 5)], [&mut is_b]);
        *app = UdpApp::Undecided(tries as u8);
        kinds_seen.code(c);
        *first_sender = if is_b { Direction::BtoA } else { Direction::AtoB };
        *succession = of_code(code, &Succession::ALL);
    }
}

/// What one end sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct UdpEnd {
    pub(super) wire_bytes: u64,
    pub(super) payload_bytes: u64,
    pub(super) packets: u32,
    ttl_min: u8,
    ttl_max: u8,
}

impl Default for UdpEnd {
    fn default() -> Self {
        UdpEnd { wire_bytes: 0, payload_bytes: 0, packets: 0, ttl_min: u8::MAX, ttl_max: 0 }
    }
}

impl UdpEnd {
    /// Least and greatest time to live.
    pub(super) fn ttl(&self) -> Option<(u8, u8)> {
        (self.ttl_min <= self.ttl_max).then_some((self.ttl_min, self.ttl_max))
    }
}

/// The books of a UDP conversation.
#[derive(Debug)]
pub(super) struct UdpAccount {
    pub(super) ends: [UdpEnd; 2],
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// 0 if nothing was booked.
    pub(super) first_frame: FrameNumber,
    pub(super) last_frame: FrameNumber,
    /// Who sent the first packet.
    pub(super) first_sender: Direction,
}

impl Default for UdpAccount {
    fn default() -> Self {
        UdpAccount {
            ends: Default::default(),
            first: Timestamp(0),
            last: Timestamp(0),
            first_frame: FrameNumber(0),
            last_frame: FrameNumber(0),
            first_sender: Direction::AtoB,
        }
    }
}

impl UdpAccount {
    /// Books a packet that was not quoted in an error.
    #[inline]
    pub(super) fn book(&mut self, packet: &UdpPacket, frame: FrameNumber, wire_len: u32) {
        if self.first_frame == FrameNumber(0) {
            (self.first, self.last, self.first_frame) = (packet.time, packet.time, frame);
            self.first_sender = packet.direction;
        }
        self.first = self.first.min(packet.time);
        self.last = self.last.max(packet.time);
        self.last_frame = frame;
        let [a, b] = &mut self.ends;
        let end = if packet.direction == Direction::AtoB { a } else { b };
        end.packets = end.packets.saturating_add(1);
        end.wire_bytes = end.wire_bytes.saturating_add(u64::from(wire_len));
        end.payload_bytes = end.payload_bytes.saturating_add(u64::from(packet.payload_len));
        if packet.ttl != 0 {
            end.ttl_min = end.ttl_min.min(packet.ttl);
            end.ttl_max = end.ttl_max.max(packet.ttl);
        }
    }

    /// What an end sent.
    pub(super) fn end(&self, direction: Direction) -> &UdpEnd {
        let [a, b] = &self.ends;
        if direction == Direction::AtoB { a } else { b }
    }
}
