//! One conversation: a queue of planned packets that is filled stage by stage.
//!
//! A plan covers a round trip or so: a handshake, a request, a burst with its ACKs. Loss and reordering are decided when a
//! burst is planned, so the packets behind a hole carry what a real receiver would say (RFC 2018, 5681, 6298).

use crate::encode::{Ends, Segment, flag};
use crate::payload::Head;
use netanalyze_corpus::Rng;
use std::collections::VecDeque;

/// Bytes of a full segment.
const MSS: u32 = 1_460;

/// What a conversation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// DNS over UDP.
    Lookup,
    /// HTTP requests, one after another.
    Web,
    /// A TLS 1.3 connection.
    Tls,
    /// A long download.
    Bulk,
    /// Rare small messages and keep-alives.
    Idle,
    /// A connection attempt that is refused.
    Refused,
    /// A connection attempt without an answer.
    Unanswered,
    /// One byte at a time, each acknowledged.
    Typing,
}

/// What goes wrong on the path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path {
    /// One segment in so many is lost; 0: none.
    pub loss: u32,
    /// One segment in so many is overtaken; 0: none.
    pub reorder: u32,
    /// How the segments of a burst come.
    pub order: Order,
}

/// The order of a burst's segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As sent, but for what [`Path::reorder`] does.
    #[default]
    Sent,
    /// At random.
    Shuffled,
    /// The last first: every segment but one a burst is behind the highest sequence number.
    Backwards,
}

/// A packet with the pause before it.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Microseconds after the packet before it.
    pub wait_us: u32,
    /// The packet.
    pub segment: Segment,
}

/// A running conversation.
#[derive(Debug)]
pub struct Flow {
    /// Its ends.
    pub ends: Ends,
    /// What it does.
    pub kind: Kind,
    path: Path,
    rtt_us: u32,
    next: [u32; 2],
    left: u64,
    requests: u32,
    burst: u32,
    opened: bool,
    done: bool,
    queue: VecDeque<Step>,
}

impl Flow {
    /// A conversation that carries about `bytes` from the server. `midstream`: its handshake was before the capture.
    #[must_use]
    pub fn new(ends: Ends, kind: Kind, path: Path, bytes: u64, midstream: bool, rng: &mut Rng) -> Self {
        let rtt_us = [900, 4_000, 12_000, 28_000, 90_000][rng.below(5) as usize] + rng.below(500) as u32;
        Self {
            ends,
            kind,
            path,
            rtt_us,
            next: [rng.bits() as u32, rng.bits() as u32],
            left: bytes,
            requests: if kind == Kind::Bulk { 0 } else { rng.between(1, 4) as u32 },
            burst: 10,
            opened: midstream,
            done: false,
            queue: VecDeque::new(),
        }
    }

    /// The next packet, or nothing when the conversation is over.
    #[inline]
    pub fn step(&mut self, rng: &mut Rng) -> Option<Step> {
        while self.queue.is_empty() && !self.done {
            self.plan(rng);
        }
        self.queue.pop_front()
    }

    fn push(&mut self, wait_us: u32, segment: Segment) {
        self.queue.push_back(Step { wait_us, segment });
    }

    /// A segment with the sender's present numbers, which move past it.
    fn segment(&mut self, from: u8, flags: u8, head: Head, head_len: u32, body: u32) -> Segment {
        let (own, peer) = (usize::from(from), usize::from(1 - from));
        let seq = self.next[own];
        let marks = u32::from(flags & flag::SYN != 0) + u32::from(flags & flag::FIN != 0);
        self.next[own] = seq.wrapping_add(head_len + body + marks);
        let ack = if flags & flag::ACK != 0 { self.next[peer] } else { 0 };
        Segment { from, flags, window: 502, seq, ack, sack: (0, 0), head, body: body as u16 }
    }

    fn send(&mut self, wait_us: u32, from: u8, flags: u8, head: Head, body: u32) {
        let mut bytes = Vec::new();
        head.append(&mut bytes);
        let segment = self.segment(from, flags, head, bytes.len() as u32, body);
        self.push(wait_us, segment);
    }

    fn ack(&mut self, wait_us: u32, from: u8) {
        self.send(wait_us, from, flag::ACK, Head::None, 0);
    }

    fn plan(&mut self, rng: &mut Rng) {
        match self.kind {
            Kind::Lookup => self.lookup(rng),
            Kind::Unanswered => self.unanswered(),
            Kind::Refused => self.refused(),
            _ if !self.opened => self.open(rng),
            _ if self.left == 0 => self.close(rng),
            Kind::Idle => self.idle(rng),
            Kind::Typing => self.typing(rng),
            _ if self.requests > 0 => self.request(rng),
            _ => self.transfer(rng),
        }
    }

    fn lookup(&mut self, rng: &mut Rng) {
        let (id, host) = (rng.bits() as u16, rng.below(5_000) as u32);
        let mut query = self.segment(0, 0, Head::Query(id, host), 0, 0);
        query.seq = 0;
        self.push(0, query);
        match rng.below(40) {
            0 => self.push(5_000_000, query),
            1 => self.push(self.rtt_us, Segment { from: 1, head: Head::NoSuchName(id, host), ..query }),
            _ => self.push(self.rtt_us, Segment { from: 1, head: Head::Answer(id, host), ..query }),
        }
        self.done = true;
    }

    fn open(&mut self, rng: &mut Rng) {
        self.opened = true;
        let syn = self.segment(0, flag::SYN, Head::None, 0, 0);
        self.push(0, syn);
        if self.path.loss > 0 && rng.one_in(u64::from(self.path.loss)) {
            self.push(1_000_000, syn);
        }
        self.send(self.rtt_us, 1, flag::SYN | flag::ACK, Head::None, 0);
        self.ack(40, 0);
        if self.kind == Kind::Tls {
            let host = rng.below(5_000) as u32;
            self.send(90, 0, flag::PSH | flag::ACK, Head::ClientHello(host), 0);
            self.ack(self.rtt_us, 1);
            self.send(700, 1, flag::ACK, Head::ServerHello, 0);
            self.send(9, 1, flag::PSH | flag::ACK, Head::Record(1_200), 1_200);
            self.ack(30, 0);
            self.send(800, 0, flag::PSH | flag::ACK, Head::Record(69), 69);
        }
    }

    fn refused(&mut self) {
        let syn = self.segment(0, flag::SYN, Head::None, 0, 0);
        self.push(0, syn);
        let mut reset = self.segment(1, flag::RST | flag::ACK, Head::None, 0, 0);
        (reset.seq, reset.window) = (0, 0);
        self.push(self.rtt_us, reset);
        self.done = true;
    }

    fn unanswered(&mut self) {
        let syn = self.segment(0, flag::SYN, Head::None, 0, 0);
        for wait in [0, 1_000_000, 2_000_000, 4_000_000] {
            self.push(wait, syn);
        }
        self.done = true;
    }

    fn request(&mut self, rng: &mut Rng) {
        self.requests -= 1;
        let len = if self.requests == 0 { self.left } else { self.left.min(rng.between(200, 20_000)) };
        let len = len.min(u64::from(u32::MAX)) as u32;
        let think = rng.between(100, 60_000) as u32;
        if self.kind == Kind::Tls {
            self.send(think, 0, flag::PSH | flag::ACK, Head::Record(300), 300);
        } else {
            self.send(think, 0, flag::PSH | flag::ACK, Head::Request(rng.below(100_000) as u32), 0);
            self.ack(self.rtt_us, 1);
            self.send(rng.between(300, 30_000) as u32, 1, flag::ACK, Head::Response(len), 0);
        }
        let mut rest = len;
        while rest > 0 {
            let size = rest.min(self.burst * MSS);
            self.burst(size, rng);
            rest -= size;
            self.burst = (self.burst + 4).min(40);
        }
        self.left -= u64::from(len);
    }

    fn transfer(&mut self, rng: &mut Rng) {
        let size = self.left.min(u64::from(self.burst * MSS)) as u32;
        self.burst(size, rng);
        self.left -= u64::from(size);
        self.burst = (self.burst + 2).min(64);
    }

    /// A burst of data from the server with the client's ACKs; a lost segment gives duplicate ACKs and comes again, a lost last one
    /// comes again after a timeout.
    fn burst(&mut self, size: u32, rng: &mut Rng) {
        let mut segments = Vec::new();
        let mut rest = size;
        while rest > 0 {
            let head = if self.kind == Kind::Tls { 5 } else { 0 };
            let body = rest.min(MSS - head);
            let kind = if head > 0 { Head::Record(body as u16) } else { Head::None };
            rest -= body;
            let flags = if rest == 0 { flag::PSH | flag::ACK } else { flag::ACK };
            segments.push(self.segment(1, flags, kind, head, body));
        }
        let end = self.next[1];
        if self.path.order == Order::Shuffled {
            for at in (1..segments.len()).rev() {
                segments.swap(at, rng.below(at as u64 + 1) as usize);
            }
        } else if self.path.order == Order::Backwards {
            segments.reverse();
        } else if self.path.reorder > 0 && segments.len() > 1 && rng.one_in(u64::from(self.path.reorder)) {
            let at = rng.below(segments.len() as u64 - 1) as usize;
            segments.swap(at, at + 1);
        }
        let seen_loss = rng.one_in(2);
        let mut hole: Option<Segment> = None;
        let mut acked = false;
        let mut wait = self.rtt_us;
        for (index, segment) in segments.iter().enumerate() {
            let lost = hole.is_none() && self.path.loss > 0 && rng.one_in(u64::from(self.path.loss));
            if !lost || seen_loss {
                self.push(wait, *segment);
                wait = 12;
            }
            if lost {
                hole = Some(*segment);
                continue;
            }
            let mut ack = self.segment(0, flag::ACK, Head::None, 0, 0);
            if let Some(hole) = hole {
                ack.ack = hole.seq;
                ack.sack = (hole.seq.wrapping_add(MSS), self.after(segment));
                self.push(20, ack);
            } else if index % 2 == 1 && self.path.order == Order::Sent {
                ack.ack = self.after(segment);
                self.push(20, ack);
                acked = ack.ack == end;
            }
        }
        if let Some(hole) = hole {
            let tail = hole.seq.wrapping_add(MSS).wrapping_sub(end) as i32 >= 0;
            self.push(if tail { 200_000 + self.rtt_us } else { self.rtt_us.min(15_000) }, hole);
        }
        if !acked || hole.is_some() {
            let mut ack = self.segment(0, flag::ACK, Head::None, 0, 0);
            ack.ack = end;
            self.push(20, ack);
        }
    }

    fn after(&self, segment: &Segment) -> u32 {
        let head = if matches!(segment.head, Head::Record(_)) { 5 } else { 0 };
        segment.seq.wrapping_add(u32::from(segment.body) + head)
    }

    fn idle(&mut self, rng: &mut Rng) {
        let mut probe = self.segment(0, flag::ACK, Head::None, 0, 0);
        probe.seq = probe.seq.wrapping_sub(1);
        self.push(rng.between(5_000_000, 45_000_000) as u32, probe);
        self.ack(self.rtt_us, 1);
        if rng.one_in(4) {
            self.send(1_000, 1, flag::PSH | flag::ACK, Head::None, 48);
            self.ack(30, 0);
            self.left = self.left.saturating_sub(1_000);
        }
    }

    fn typing(&mut self, rng: &mut Rng) {
        self.send(rng.between(20, 400) as u32, 0, flag::PSH | flag::ACK, Head::None, 1);
        self.send(60, 1, flag::PSH | flag::ACK, Head::None, 1);
        self.ack(20, 0);
        self.left -= 1;
    }

    fn close(&mut self, rng: &mut Rng) {
        self.done = true;
        if rng.one_in(12) {
            self.send(900, rng.below(2) as u8, flag::RST | flag::ACK, Head::None, 0);
            return;
        }
        let first = rng.below(2) as u8;
        self.send(1_500, first, flag::FIN | flag::ACK, Head::None, 0);
        self.send(self.rtt_us, 1 - first, flag::FIN | flag::ACK, Head::None, 0);
        self.ack(40, first);
    }
}
