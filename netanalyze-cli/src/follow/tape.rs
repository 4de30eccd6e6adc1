//! Brings the payload of one conversation into order.

use std::net::SocketAddr;

use netanalyze_core::conversation::Protocol;
use netanalyze_core::field::TransportLayer;
use netanalyze_core::model::{Direction, Timestamp};
use netanalyze_core::tcp::reassembly::{
    Appetite, Chunk, Counters, End, Limits, Payload, Reassembly, StreamParser, Why,
};
use netanalyze_core::tcp::{Opener, TcpFlags};

/// Who sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    /// The end that opened: the sender of the SYN, or else of the first packet.
    Client,
    /// The other end.
    Server,
}

impl Speaker {
    pub(super) fn name(self) -> &'static str {
        match self {
            Speaker::Client => "client",
            Speaker::Server => "server",
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Speaker::Client => Speaker::Server,
            Speaker::Server => Speaker::Client,
        }
    }
}

/// Whose conversation it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parties {
    pub(super) protocol: Protocol,
    pub(super) stream: u32,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    /// Time of the capture's first frame.
    pub(super) capture_start: Timestamp,
}

/// The conversation so far.
pub(super) struct Tape {
    pub(super) parties: Parties,
    segments: Reassembly,
    /// What came in datagrams; of TCP, [`Tape::segments`] counts.
    datagrams: [Counters; 2],
}

/// Passes chunks on with who said them.
struct Listener<'s>(&'s mut dyn FnMut(Speaker, Chunk<'_>));

impl StreamParser for Listener<'_> {
    fn data(&mut self, direction: Direction, chunk: Chunk<'_>) -> Appetite {
        let speaker = if direction == FROM_CLIENT { Speaker::Client } else { Speaker::Server };
        (self.0)(speaker, chunk);
        Appetite::More
    }
}

/// What the client sends travels in this direction.
const FROM_CLIENT: Direction = Direction::AtoB;

impl Tape {
    /// A conversation that begins with a header.
    pub(super) fn new(first: &TransportLayer<'_>, capture_start: Timestamp) -> Self {
        let flags = first.flags().unwrap_or_default();
        let opener = first.verdict.map_or(Opener::Unknown, |verdict| verdict.opener);
        let answers = flags.is_syn_ack() || (!flags.is_pure_syn() && opener == Opener::Receiver);
        let (client, server) =
            if answers { (first.destination, first.source) } else { (first.source, first.destination) };
        let (protocol, stream) = (first.protocol, first.stream.unwrap_or_default());
        Tape {
            parties: Parties { protocol, stream, client, server, capture_start },
            segments: Reassembly::new(Limits::default()),
            datagrams: [Counters::default(); 2],
        }
    }

    /// Takes a header with its payload. One that an ICMP error quotes says nothing: its own frame did.
    pub(super) fn take(&mut self, layer: &TransportLayer<'_>, say: &mut dyn FnMut(Speaker, Chunk<'_>)) {
        if layer.origin.is_quoted() {
            return;
        }
        let speaker = if layer.source == self.parties.client { Speaker::Client } else { Speaker::Server };
        match (layer.protocol, layer.seq(), layer.flags()) {
            (Protocol::Udp, ..) => self.datagram(speaker, layer, say),
            (Protocol::Tcp, Some(seq), Some(flags)) => self.segment(speaker, layer, seq, flags, say),
            // Too little of the header was captured.
            (Protocol::Tcp, ..) => {}
        }
    }

    fn segment(
        &mut self,
        speaker: Speaker,
        layer: &TransportLayer<'_>,
        seq: u32,
        flags: TcpFlags,
        say: &mut dyn FnMut(Speaker, Chunk<'_>),
    ) {
        // What an RST carries is a remark on it, no data (RFC 9293 §3.5.3). What comes after it shows that it was not believed.
        if flags.rst() {
            return;
        }
        let payload = Payload {
            seq,
            bytes: layer.payload(),
            len: layer.payload_len(),
            frame: layer.frame,
            time: layer.time,
            syn: flags.syn(),
            fin: flags.fin(),
        };
        let direction = if speaker == Speaker::Client { FROM_CLIENT } else { FROM_CLIENT.reverse() };
        self.segments.segment(direction, &payload, layer.ack(), &mut Listener(say));
    }

    fn datagram(
        &mut self,
        speaker: Speaker,
        layer: &TransportLayer<'_>,
        say: &mut dyn FnMut(Speaker, Chunk<'_>),
    ) {
        let bytes = layer.payload();
        let [client, server] = &mut self.datagrams;
        let counters = if speaker == Speaker::Client { client } else { server };
        let offset = counters.delivered + counters.snapped;
        say(speaker, Chunk::Data { offset, bytes, frame: layer.frame, time: layer.time });
        counters.delivered += bytes.len() as u64;
        let missing = u64::from(layer.payload_len()).saturating_sub(bytes.len() as u64);
        if missing > 0 {
            let offset = counters.delivered + counters.snapped;
            say(speaker, Chunk::Gap { offset, len: missing, why: Why::Snapped, before: None });
            counters.snapped += missing;
        }
    }

    /// The capture has ended.
    pub(super) fn finish(&mut self, say: &mut dyn FnMut(Speaker, Chunk<'_>)) {
        self.segments.finish(End::Open, &mut Listener(say));
    }

    /// What client and server sent.
    pub(super) fn totals(&self) -> [Counters; 2] {
        match self.parties.protocol {
            Protocol::Tcp => [FROM_CLIENT, FROM_CLIENT.reverse()].map(|way| self.segments.counters(way)),
            Protocol::Udp => self.datagrams,
        }
    }
}
