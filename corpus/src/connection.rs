//! A connection between two hosts, whose segments a scenario delivers, loses or hides.
//!
//! It keeps what real hosts keep: sequence numbers, what arrived out of order, windows, negotiated options. A scenario decides the
//! fate of each segment: seen and delivered, seen and lost, or delivered past the capture. RFC 9293, 7323, 2018.

use crate::conversation::{Seen, Sight};
use crate::endpoint::{Endpoint, Segment, Side, flag, sack_option, tcp, tcp_header};
use crate::layer::{self, IpHeader};
use crate::link::{self, Wrap};
use crate::trace::{START_NS, Trace};
use std::net::IpAddr;

/// A connection between two endpoints on a path.
#[derive(Clone, Debug)]
pub struct Connection {
    ends: [Endpoint; 2],
    scaled: bool,
    sack: bool,
    stamped: bool,
    wrap: Wrap,
}

impl Connection {
    /// A connection that nothing was sent on yet, over Ethernet.
    #[must_use]
    pub fn new(client: Endpoint, server: Endpoint) -> Self {
        let mut connection =
            Self { ends: [client, server], scaled: false, sack: false, stamped: false, wrap: link::ethernet };
        connection.negotiate();
        connection
    }

    /// A connection from port `port` of 10.0.0.2 to port `service` of 192.0.2.80, with sequence numbers drawn from the ports.
    #[must_use]
    pub fn v4(port: u16, service: u16) -> Self {
        let isn = u32::from(port).wrapping_mul(69_069).wrapping_add(u32::from(service) << 12);
        Self::new(
            Endpoint::new(IpAddr::from([10, 0, 0, 2]), port, isn),
            Endpoint::new(IpAddr::from([192, 0, 2, 80]), service, isn.wrapping_mul(5).wrapping_add(1)),
        )
    }

    /// The same between two IPv6 addresses.
    #[must_use]
    pub fn v6(port: u16, service: u16) -> Self {
        let mut connection = Self::v4(port, service);
        connection.ends[0].addr = IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, 2]);
        connection.ends[1].addr = IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 0x80]);
        connection
    }

    /// The same connection on another link or through a tunnel.
    #[must_use]
    pub fn over(mut self, wrap: Wrap) -> Self {
        self.wrap = wrap;
        self
    }

    /// The same connection with both endpoints changed by `change` before the handshake.
    #[must_use]
    pub fn with(mut self, change: impl Fn(Side, &mut Endpoint)) -> Self {
        change(Side::Client, &mut self.ends[0]);
        change(Side::Server, &mut self.ends[1]);
        for end in &mut self.ends {
            end.next = end.isn;
        }
        self.negotiate();
        self
    }

    /// The same connection with timestamps (RFC 7323) on both sides.
    #[must_use]
    pub fn stamped(self) -> Self {
        self.with(|side, end| end.timestamps = Some(if side == Side::Client { 1_000_000 } else { 7_000_000 }))
    }

    /// The state of one side.
    #[must_use]
    pub fn end(&self, side: Side) -> &Endpoint {
        &self.ends[side as usize]
    }

    /// The state of one side, to change.
    pub fn end_mut(&mut self, side: Side) -> &mut Endpoint {
        &mut self.ends[side as usize]
    }

    fn negotiate(&mut self) {
        let [a, b] = &self.ends;
        self.scaled = a.scale.is_some() && b.scale.is_some();
        self.sack = a.sack && b.sack;
        self.stamped = a.timestamps.is_some() && b.timestamps.is_some();
    }

    /// A segment with the sender's present numbers; the sender's next sequence number moves past it. Options are those that the
    /// state asks for. Nothing is recorded or delivered yet.
    pub fn segment(&mut self, trace: &Trace, from: Side, flags: u16, payload: &[u8]) -> Segment {
        let syn = flags & flag::SYN != 0;
        let shift = if self.scaled && !syn { self.end(from).scale.unwrap_or(0) } else { 0 };
        let mut segment = Segment {
            from,
            seq: self.end(from).next,
            ack: if flags & flag::ACK != 0 { self.end(from).expected } else { 0 },
            flags,
            window: u16::try_from(self.end(from).window >> shift).unwrap_or(u16::MAX),
            urgent: 0,
            options: self.options(trace, from, flags),
            payload: payload.to_vec(),
        };
        if segment.payload.is_empty() && flags & flag::RST != 0 {
            segment.options.clear();
        }
        self.end_mut(from).next = segment.end();
        segment
    }

    fn options(&self, trace: &Trace, from: Side, flags: u16) -> Vec<u8> {
        let end = self.end(from);
        let syn = flags & flag::SYN != 0;
        let answers = flags & flag::ACK != 0;
        let mut options = Vec::new();
        if syn && end.mss != 0 {
            options.extend_from_slice(&[2, 4]);
            options.extend_from_slice(&end.mss.to_be_bytes());
        }
        if syn && end.sack {
            options.extend_from_slice(&[4, 2]);
        }
        if let Some(first) = end.timestamps.filter(|_| syn || self.stamped) {
            if !(syn && end.sack) {
                options.extend_from_slice(&[1, 1]);
            }
            let value = first.wrapping_add(((trace.now_ns() - START_NS) / 1_000_000) as u32);
            options.extend_from_slice(&[8, 10]);
            options.extend_from_slice(&value.to_be_bytes());
            options.extend_from_slice(&if answers { end.recent } else { 0 }.to_be_bytes());
        } else if syn && end.sack {
            options.extend_from_slice(&[1, 1]);
        }
        if let Some(scale) = end.scale.filter(|_| syn) {
            options.extend_from_slice(&[1, 3, 3, scale]);
        }
        if !syn && answers && self.sack {
            options.extend_from_slice(&sack_option(&end.held));
        }
        options
    }

    /// What a frame with this segment holds of TCP.
    #[must_use]
    pub fn sight(&self, segment: &Segment) -> Sight {
        Sight::Segment(self.seen(segment))
    }

    /// The header of this segment, for a frame that holds or quotes it.
    #[must_use]
    pub fn seen(&self, segment: &Segment) -> Seen {
        let (from, to) = (self.end(segment.from), self.end(segment.from.other()));
        Seen {
            from: (from.addr, from.port),
            to: (to.addr, to.port),
            seq: segment.seq,
            ack: segment.ack,
            flags: segment.flags,
            len: segment.payload.len() as u32,
            place: None,
            counted: true,
        }
    }

    /// Records a segment without delivering it: seen by the capture, then lost.
    pub fn show(&self, trace: &mut Trace, segment: &Segment) {
        let mut id = self.end(segment.from).id;
        id = id.wrapping_add(trace.last_frame() as u16);
        let packet = self.packet(segment, id);
        trace.push((self.wrap)(segment.from, &packet)).saw(self.sight(segment));
    }

    /// Delivers a segment without recording it: the capture missed it.
    pub fn deliver(&mut self, segment: &Segment) {
        let stamp =
            segment.options.windows(10).find(|w| w[0] == 8 && w[1] == 10).map(|w| [w[2], w[3], w[4], w[5]]);
        let end = self.end_mut(segment.from.other());
        if let Some(stamp) = stamp {
            end.recent = u32::from_be_bytes(stamp);
        }
        if segment.flags & flag::SYN != 0 {
            end.expected = segment.end();
        } else {
            end.receive(segment.seq, segment.end());
        }
    }

    /// Records and delivers a segment.
    pub fn send(&mut self, trace: &mut Trace, segment: &Segment) {
        self.show(trace, segment);
        self.deliver(segment);
    }

    /// Sends data now, with PSH, and returns the segment for a later retransmission.
    pub fn data(&mut self, trace: &mut Trace, from: Side, payload: &[u8]) -> Segment {
        let segment = self.segment(trace, from, flag::ACK | flag::PSH, payload);
        self.send(trace, &segment);
        segment
    }

    /// Sends data that the capture sees and the receiver does not.
    pub fn lost_data(&mut self, trace: &mut Trace, from: Side, payload: &[u8]) -> Segment {
        let segment = self.segment(trace, from, flag::ACK | flag::PSH, payload);
        self.show(trace, &segment);
        segment
    }

    /// Sends data that the receiver gets and the capture misses.
    pub fn unseen_data(&mut self, trace: &Trace, from: Side, payload: &[u8]) -> Segment {
        let segment = self.segment(trace, from, flag::ACK | flag::PSH, payload);
        self.deliver(&segment);
        segment
    }

    /// Sends a segment again with the sender's present acknowledgement, window and options.
    pub fn again(&mut self, trace: &mut Trace, segment: &Segment) {
        let copy = self.refreshed(trace, segment);
        self.send(trace, &copy);
    }

    /// A segment with the sender's present acknowledgement, window and options.
    #[must_use]
    pub fn refreshed(&mut self, trace: &Trace, segment: &Segment) -> Segment {
        let next = self.end(segment.from).next;
        let mut copy = self.segment(trace, segment.from, segment.flags, &segment.payload);
        self.end_mut(segment.from).next = next;
        copy.seq = segment.seq;
        copy
    }

    /// Sends an acknowledgement without data.
    pub fn ack(&mut self, trace: &mut Trace, from: Side) -> Segment {
        let segment = self.segment(trace, from, flag::ACK, &[]);
        self.send(trace, &segment);
        segment
    }

    /// Sends a bare segment with these flags.
    pub fn bare(&mut self, trace: &mut Trace, from: Side, flags: u16) -> Segment {
        let segment = self.segment(trace, from, flags, &[]);
        self.send(trace, &segment);
        segment
    }

    /// The three-way handshake, with `rtt_us` between SYN and SYN-ACK as a capture at the client sees it.
    pub fn open(&mut self, trace: &mut Trace, rtt_us: u64) {
        self.bare(trace, Side::Client, flag::SYN);
        trace.wait_us(rtt_us);
        self.bare(trace, Side::Server, flag::SYN | flag::ACK);
        trace.wait_us(60);
        self.ack(trace, Side::Client);
        trace.wait_us(100);
    }

    /// Lets the handshake happen before the capture starts.
    pub fn open_unseen(&mut self) {
        let mut before = Trace::new();
        self.open(&mut before, 100);
    }

    /// An orderly close that `first` begins.
    pub fn close(&mut self, trace: &mut Trace, first: Side, rtt_us: u64) {
        trace.wait_us(500);
        self.bare(trace, first, flag::FIN | flag::ACK);
        trace.wait_us(rtt_us / 2);
        self.bare(trace, first.other(), flag::FIN | flag::ACK);
        trace.wait_us(rtt_us / 2);
        self.ack(trace, first);
        trace.wait_us(100);
    }

    /// An acknowledgement as the side would send it now, without options and without moving anything.
    #[must_use]
    pub fn end_segment(&self, from: Side) -> Segment {
        let end = self.end(from);
        let shift = if self.scaled { end.scale.unwrap_or(0) } else { 0 };
        let window = u16::try_from(end.window >> shift).unwrap_or(u16::MAX);
        let (seq, ack) = (end.next, end.expected);
        Segment {
            from,
            seq,
            ack,
            flags: flag::ACK,
            window,
            urgent: 0,
            options: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// The IP packet of a segment, with its checksums.
    #[must_use]
    pub fn packet(&self, segment: &Segment, id: u16) -> Vec<u8> {
        let (from, to) = (self.end(segment.from), self.end(segment.from.other()));
        let header = IpHeader { ttl: from.ttl, id, ..IpHeader::default() };
        let built =
            layer::tcp_packet(from.addr, to.addr, header, tcp_header(from, to, segment), &segment.payload);
        // What no host would send is put together by hand.
        built.unwrap_or_else(|| {
            layer::ip(from.addr, to.addr, layer::protocol::TCP, header, &tcp(from, to, segment))
        })
    }

    /// Puts an IP packet that `from` sent on this connection's link.
    #[must_use]
    pub fn wrap(&self, from: Side, packet: &[u8]) -> Vec<u8> {
        (self.wrap)(from, packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_counts_syn_and_fin() {
        let mut connection = Connection::v4(40_000, 80);
        let trace = Trace::new();
        let isn = connection.end(Side::Client).isn;
        let syn = connection.segment(&trace, Side::Client, flag::SYN, b"early");
        assert_eq!(syn.end(), isn.wrapping_add(6));
        assert_eq!(connection.end(Side::Client).next, isn.wrapping_add(6));
    }
}
