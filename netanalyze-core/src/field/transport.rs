//! The transport headers of an analysed frame, with their payload and verdict.

use std::net::SocketAddr;

use super::analysed::{AnalysedBatch, AnalysedFrame, TransportVerdict};
use super::walk::{Visitor, walk};
use crate::conversation::Protocol;
use crate::model::{FrameNumber, Timestamp};
use crate::packet::{Layer, Origin, Transport};
use crate::tcp::{TcpFlags, Verdict};

/// A TCP or UDP header in a frame: wherever it was found, in the frame itself, in a tunnel, in a datagram that this frame completed, or quoted
/// in an ICMP error ([`TransportLayer::origin`] tells).
#[derive(Clone, Copy, Debug)]
pub struct TransportLayer<'b> {
    /// Which of the two.
    pub protocol: Protocol,
    /// Who sent it: address and port, the innermost ones.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// Its conversation: `tcp.stream` or `udp.stream`. `None` if too little of the header was captured, or if rows were not asked for.
    pub stream: Option<u32>,
    /// What the analysis says of a TCP header; `None` for UDP and where `stream` is.
    pub verdict: Option<&'b Verdict>,
    /// Where it was found. What an ICMP error quotes was not sent by this frame.
    pub origin: Origin,
    /// The frame.
    pub frame: FrameNumber,
    /// Its time.
    pub time: Timestamp,
    /// Position among the layers of its frame; several headers of one frame differ in it.
    pub ordinal: u16,
    bytes: &'b [u8],
    reported: u32,
}

impl<'b> TransportLayer<'b> {
    /// Captured bytes from the header's first byte on: header and payload.
    #[must_use]
    pub fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// Captured bytes of the payload, at most [`TransportLayer::payload_len`] of them. Empty if the header was cut, or contradicts itself.
    #[must_use]
    pub fn payload(&self) -> &'b [u8] {
        let bytes = self.bytes.get(self.header_len().unwrap_or(u32::MAX) as usize..).unwrap_or_default();
        bytes.get(..self.payload_len() as usize).unwrap_or(bytes)
    }

    /// Payload bytes on the wire: `tcp.len`, or `udp.length` without the header. 0 where [`TransportLayer::payload`] is empty for
    /// want of a header.
    #[must_use]
    pub fn payload_len(&self) -> u32 {
        let Some(header_len) = self.header_len() else { return 0 };
        let len = match self.protocol {
            Protocol::Tcp => self.reported,
            Protocol::Udp => self.udp_len().unwrap_or(0),
        };
        len.saturating_sub(header_len)
    }

    /// Sequence number field of a TCP header.
    #[must_use]
    pub fn seq(&self) -> Option<u32> {
        self.tcp_field(4).map(u32::from_be_bytes)
    }

    /// Acknowledgment number of a TCP header whose ACK flag is set.
    #[must_use]
    pub fn ack(&self) -> Option<u32> {
        self.tcp_field(8).map(u32::from_be_bytes).filter(|_| self.flags().is_some_and(TcpFlags::ack))
    }

    /// The twelve flags of a TCP header.
    #[must_use]
    pub fn flags(&self) -> Option<TcpFlags> {
        self.tcp_field(12).map(|flags| TcpFlags(u16::from_be_bytes(flags) & 0xfff))
    }

    /// Length of the header; `None` if it was cut before that, or claims less than its least or more than the segment.
    fn header_len(&self) -> Option<u32> {
        match self.protocol {
            Protocol::Tcp => {
                let [offset] = self.tcp_field(12)?;
                Some(u32::from(offset >> 4) * 4).filter(|len| (20..=self.reported).contains(len))
            }
            Protocol::Udp => self.udp_len().map(|_| 8),
        }
    }

    fn udp_len(&self) -> Option<u32> {
        let (source, destination) = (self.source.ip(), self.destination.ip());
        let (bytes, reported, origin) = (self.bytes, self.reported, self.origin);
        Transport { source, destination, bytes, reported, origin }.udp_len()
    }

    fn tcp_field<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..)?.first_chunk().copied().filter(|_| self.protocol == Protocol::Tcp)
    }
}

impl<'b> AnalysedFrame<'b> {
    /// Hands over the frame's TCP and UDP headers, outermost first, those of a datagram that the frame completed in its place. Headers of which
    /// not even the ports were captured are left out.
    ///
    /// Streams and verdicts need [`Interests::rows`](crate::engine::Interests::rows).
    pub fn transports(&self, visit: &mut impl FnMut(TransportLayer<'b>)) {
        walk(self, &mut Transports { frame: self.number(), time: self.raw.time, visit });
    }
}

impl<'b> AnalysedBatch<'b> {
    /// Frames, as indices into the batch, that hold a header of a conversation; in order. Needs
    /// [`Interests::rows`](crate::engine::Interests::rows), and costs a look at each verdict of the batch.
    #[must_use]
    pub fn frames_of(&self, protocol: Protocol, stream: u32) -> Vec<u32> {
        let is_wanted = |found: &Option<TransportVerdict>| match found {
            Some(TransportVerdict::Tcp(number, _)) => protocol == Protocol::Tcp && *number == Some(stream),
            Some(TransportVerdict::Udp(number)) => protocol == Protocol::Udp && *number == Some(stream),
            None => false,
        };
        // Slots of completed datagrams come after those of all frames. Of several with one first slot, all but the last have none.
        let own = self.datagrams.first().map_or(u32::MAX, |d| d.first_slot);
        let mut frames = Vec::new();
        for (slot, _) in self.transports.iter().enumerate().filter(|(_, found)| is_wanted(found)) {
            let slot = slot as u32;
            let frame = if slot < own {
                (self.frame_slots.partition_point(|&first| first <= slot) as u32).checked_sub(1)
            } else {
                let before = self.datagrams.partition_point(|d| d.first_slot <= slot).checked_sub(1);
                before.and_then(|before| self.datagrams.get(before)).map(|d| d.frame_index)
            };
            frames.extend(frame);
        }
        frames.sort_unstable();
        frames.dedup();
        frames
    }
}

/// Makes [`TransportLayer`]s of a walk's transport headers.
struct Transports<'v, F> {
    frame: FrameNumber,
    time: Timestamp,
    visit: &'v mut F,
}

impl<'b, F: FnMut(TransportLayer<'b>)> Visitor<'b> for Transports<'_, F> {
    fn layer(&mut self, layer: &Layer<'b>, ordinal: u16, found: Option<&'b TransportVerdict>) {
        let (protocol, transport) = match layer {
            Layer::Tcp(transport) => (Protocol::Tcp, transport),
            Layer::Udp(transport) => (Protocol::Udp, transport),
            _ => return,
        };
        let Some(&[s0, s1, d0, d1]) = transport.bytes.first_chunk() else { return };
        let (stream, verdict) = match found {
            Some(TransportVerdict::Tcp(stream, verdict)) => (*stream, Some(verdict)),
            Some(TransportVerdict::Udp(stream)) => (*stream, None),
            None => (None, None),
        };
        (self.visit)(TransportLayer {
            protocol,
            source: SocketAddr::new(transport.source, u16::from_be_bytes([s0, s1])),
            destination: SocketAddr::new(transport.destination, u16::from_be_bytes([d0, d1])),
            stream,
            verdict,
            origin: transport.origin,
            frame: self.frame,
            time: self.time,
            ordinal,
            bytes: transport.bytes,
            reported: transport.reported,
        });
    }
}
