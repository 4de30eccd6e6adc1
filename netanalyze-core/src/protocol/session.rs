//! The application of one conversation: which protocol it speaks, and its decoder.
//!
//! Owns: a TCP conversation's decoder with both directions' [`Feed`]s, a UDP conversation's decoder. Reads: segments and datagrams in frame
//! order. Emits: messages. Recognition is in [`recognise`](super::recognise).

mod quoted;
mod undecided;

use undecided::{Undecided, Waiting};

pub(crate) use quoted::{quoted_datagram, quoted_segment};

use super::dns;
use super::feed::{Fed, Feed, Payload};
use super::http;
use super::message::Messages;
use super::openvpn;
use super::proxy::Preamble;
use super::quic;
use super::recognise::{Kind, LLMNR, Recognised, is_http_port, is_other_port, is_tls_port, recognise};
use super::socks::Relay;
use super::starttls::StartTls;
use super::stream::{Closing, DatagramDecoder, Flow, Moment, StreamDecoder};
use super::tls;
use crate::model::Direction;

/// Protocols that may follow each other at one place: STARTTLS, CONNECT, SOCKS one in the other.
const MAX_CHANGES: u8 = 8;

/// Port of DNS over TLS (RFC 7858).
const DNS_OVER_TLS: u16 = 853;

/// A segment of a TCP conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentIn<'a> {
    /// Direction.
    pub(crate) from: Direction,
    /// Sequence number of the payload's first byte.
    pub(crate) seq: u32,
    /// Acknowledgment number, if it counts.
    pub(crate) ack: Option<u32>,
    /// Captured payload.
    pub(crate) bytes: &'a [u8],
    /// Payload on the wire.
    pub(crate) len: u32,
    /// FIN flag.
    pub(crate) fin: bool,
    /// RST flag.
    pub(crate) rst: bool,
    /// Directions of which bytes were not captured; looked at where the segment ends one.
    pub(crate) missing: [bool; 2],
    /// What was acknowledged last of each direction; looked at where the segment ends one.
    pub(crate) acked: [Option<u32>; 2],
}

/// A TCP conversation's application.
#[derive(Debug)]
pub(crate) struct Session {
    flow: Flow,
    feeds: [Feed; 2],
    stage: Stage,
    changes: u8,
    /// It lies inside a TLS connection.
    within_tls: bool,
    /// It speaks TLS, as far as is known.
    is_tls: bool,
    /// As [`Said::aside`](super::message::Said::aside).
    aside: bool,
    has_successor: bool,
    after_reset: bool,
    /// One end reset the connection; what the other had sent by then is still waited for.
    reset: Option<Moment>,
}

#[derive(Debug)]
enum Stage {
    Undecided(Undecided),
    Decoding(Box<dyn StreamDecoder>),
    Over,
}

impl Session {
    /// One of which nothing was seen but SYNs: `first_bytes` are the sequence numbers after them.
    pub(crate) fn new(flow: Flow, first_bytes: [Option<u32>; 2]) -> Self {
        let [a, b] = first_bytes;
        let mut feeds = [Feed::new(Direction::AtoB), Feed::new(Direction::BtoA)];
        for (feed, first) in feeds.iter_mut().zip([a, b]) {
            if let Some(seq) = first {
                feed.begin(seq);
            }
        }
        let stage = Stage::Undecided(Undecided::new(&feeds));
        Session {
            flow,
            feeds,
            stage,
            changes: 0,
            within_tls: false,
            is_tls: false,
            aside: false,
            has_successor: false,
            after_reset: false,
            reset: None,
        }
    }

    /// One for what comes after a reset: what was on its way, and alerts to an end that is gone. Nothing is kept for it meanwhile.
    pub(crate) fn after_reset(flow: Flow) -> Self {
        Session { after_reset: true, ..Session::new(flow, [None; 2]) }
    }

    /// One for the bytes inside a TLS connection, whose sequence numbers begin at 0.
    pub(crate) fn inside(flow: Flow) -> Self {
        let mut session = Session::new(flow, [Some(0), Some(0)]);
        session.within_tls = true;
        let known = if flow.server_port() == DNS_OVER_TLS {
            decoder(Kind::Dns, &flow, Setting::WithinTls)
        } else {
            None
        };
        if let Some(decoder) = known {
            session.stage = Stage::Decoding(decoder);
        } else if let Stage::Undecided(undecided) = &mut session.stage {
            // Nobody expects TLS here.
            undecided.tries = [1; 2];
        }
        session
    }

    fn setting(&self, out: &Messages) -> Setting {
        match &out.secrets {
            _ if self.after_reset => Setting::AfterReset,
            _ if self.within_tls => Setting::WithinTls,
            Some(_) => Setting::Secrets,
            None => Setting::Clear,
        }
    }

    /// Takes a segment.
    pub(crate) fn segment(&mut self, segment: &SegmentIn<'_>, now: Moment, out: &mut Messages) {
        out.aside = self.aside;
        self.take(segment, now, out);
        out.aside = false;
    }

    /// Takes a segment without flags that only goes on with a body and does not complete it, as most do. False if it is any other.
    #[inline]
    pub(crate) fn is_only_counted(&mut self, from: Direction, seq: u32, len: u32) -> bool {
        let [a, b] = &mut self.feeds;
        let (sender, receiver) = if from == Direction::AtoB { (a, b) } else { (b, a) };
        !receiver.waits() && sender.is_only_counted(seq, len)
    }

    fn take(&mut self, segment: &SegmentIn<'_>, now: Moment, out: &mut Messages) {
        let payload = Payload { seq: segment.seq, bytes: segment.bytes, len: segment.len, fin: segment.fin };
        if let Stage::Undecided(_) = self.stage {
            self.decide_early(segment, now, out);
        } else if self.is_tls && segment.bytes.starts_with(b"HTTP/1.") {
            self.answer_in_clear(segment, now, out);
        }
        let [a, b] = &mut self.feeds;
        let (sender, receiver) = if segment.from == Direction::AtoB { (a, b) } else { (b, a) };
        let mut waiting;
        let decoder = match &mut self.stage {
            Stage::Undecided(undecided) => {
                waiting = Waiting { flow: &self.flow, undecided };
                &mut waiting as &mut dyn StreamDecoder
            }
            Stage::Decoding(decoder) => decoder.as_mut(),
            Stage::Over => return,
        };
        out.reach = None;
        if let Some(ack) = segment.ack {
            receiver.acknowledged(ack);
            if segment.len > 0 {
                out.reach = receiver.reach();
            }
            if (segment.fin || segment.rst) && receiver.is_behind_anywhere() {
                decoder.misses(segment.from.reverse());
            }
        }
        if segment.fin || segment.rst {
            tell_missing(decoder, segment.missing);
            for (feed, ack) in [&*sender, &*receiver].into_iter().zip(in_order(segment.from, segment.acked)) {
                tell_unacknowledged(decoder, feed, ack);
            }
            // A reset stands behind all that its sender said.
            if segment.rst && sender.is_beyond(segment.seq) {
                decoder.misses(segment.from);
            }
        }
        let mut fed = Fed::Done;
        if !segment.rst && (segment.len > 0 || segment.fin) {
            fed = sender.segment(&payload, decoder, now, out);
        }
        if fed == Fed::Another {
            self.change(now, out);
            return;
        }
        sender.pass(decoder, now, out);
        receiver.pass(decoder, now, out);
        if segment.rst {
            sender.close(Closing::Reset, decoder, now, out);
            // What the other end has sent by now may yet come by: if a message is under way, it is waited for.
            if receiver.is_idle() {
                self.has_successor = decoder.hears_after_reset();
                receiver.close(Closing::Reset, decoder, now, out);
            } else {
                self.reset.get_or_insert(now);
            }
        }
        if sender.is_closed() && receiver.is_closed() {
            self.stage = Stage::Over;
        }
    }

    /// Recognises a protocol by a segment alone: one that was cut off, because nobody will show these bytes again; the first one of a direction, because
    /// nothing needs to be kept for the decoder then.
    fn decide_early(&mut self, segment: &SegmentIn<'_>, now: Moment, out: &mut Messages) {
        let [a, b] = &self.feeds;
        let sender = if segment.from == Direction::AtoB { a } else { b };
        let Stage::Undecided(undecided) = &mut self.stage else { return };
        let cut = (segment.bytes.len() as u64) < u64::from(segment.len);
        let first = undecided.tries == [0; 2] && sender.expects(segment.seq) && a.is_idle() && b.is_idle();
        if !cut && !first {
            return;
        }
        let recognised = match recognise(&self.flow, segment.from, segment.bytes) {
            Recognised::Is(kind) => Some(kind),
            _ => None,
        };
        let text_for_tls = || is_tls_port(self.flow.server_port()) && tls::begins_with_text(segment.bytes);
        if cut || !text_for_tls() {
            undecided.decided = recognised;
        }
        if undecided.decided.is_some() {
            self.change(now, out);
        }
    }

    /// HTTP stands where TLS was asked for: a server of plain HTTP refuses what it takes for a bad request.
    #[cold]
    fn answer_in_clear(&mut self, segment: &SegmentIn<'_>, now: Moment, out: &mut Messages) {
        let [a, b] = &self.feeds;
        let sender = if segment.from == Direction::AtoB { a } else { b };
        if let Stage::Decoding(decoder) = &mut self.stage
            && (sender.expects(segment.seq) || !sender.is_started())
            && sender.is_idle()
            && self.changes < MAX_CHANGES
        {
            // It says what became of the handshake.
            let _ = decoder.decode(segment.from, segment.bytes, now, out);
            (self.is_tls, self.aside) = (false, is_claimed(Kind::Http, true, &self.flow));
            out.aside = self.aside;
            self.changes += 1;
            self.stage = Stage::Decoding(Box::new(http::Stream::new(&self.flow)));
        }
    }

    /// Another protocol begins where the decoder stopped.
    fn change(&mut self, now: Moment, out: &mut Messages) {
        loop {
            self.changes += 1;
            let (kind, is_late) = match &self.stage {
                Stage::Undecided(undecided) => (undecided.decided, undecided.tries != [0; 2]),
                _ => (None, false),
            };
            self.aside = self.changes == 1 && kind.is_some_and(|kind| is_claimed(kind, is_late, &self.flow));
            out.aside = self.aside;
            self.is_tls = kind == Some(Kind::Tls);
            self.stage = match kind {
                _ if self.changes > MAX_CHANGES => Stage::Over,
                None => Stage::Undecided(Undecided::new(&self.feeds)),
                Some(kind) => {
                    decoder(kind, &self.flow, self.setting(out)).map_or(Stage::Over, Stage::Decoding)
                }
            };
            let mut waiting;
            let decoder = match &mut self.stage {
                Stage::Undecided(undecided) => {
                    waiting = Waiting { flow: &self.flow, undecided };
                    &mut waiting as &mut dyn StreamDecoder
                }
                Stage::Decoding(decoder) => decoder.as_mut(),
                Stage::Over => return,
            };
            let mut again = false;
            for feed in &mut self.feeds {
                again |= feed.resume(decoder, now, out) == Fed::Another;
                if again {
                    break;
                }
            }
            if !again {
                return;
            }
        }
    }

    /// Whether it matters at the end of the capture what of either direction was not captured.
    pub(crate) fn minds_missing(&self) -> bool {
        matches!(&self.stage, Stage::Decoding(decoder) if decoder.minds_missing())
    }

    /// Ends it with the capture. `missing`: directions of which bytes were not captured. `acked`: what was acknowledged last of each.
    pub(crate) fn finish(
        &mut self,
        missing: [bool; 2],
        acked: [Option<u32>; 2],
        now: Moment,
        out: &mut Messages,
    ) {
        out.aside = self.aside;
        let (how, now) = self.reset.map_or((Closing::CaptureEnd, now), |reset| (Closing::Reset, reset));
        if let Stage::Decoding(decoder) = &mut self.stage {
            tell_missing(decoder.as_mut(), missing);
            for (feed, ack) in self.feeds.iter().zip(acked) {
                tell_unacknowledged(decoder.as_mut(), feed, ack);
            }
            for feed in &mut self.feeds {
                feed.close(how, decoder.as_mut(), now, out);
            }
        }
        out.aside = false;
        self.stage = Stage::Over;
    }

    /// What either end still sends after the reset that ended it is for another session: see [`Session::after_reset`].
    pub(crate) fn has_successor(&self) -> bool {
        self.has_successor
    }

    /// Nothing more will come of it.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// Whether segments without payload matter to it.
    pub(crate) fn waits(&self) -> bool {
        self.feeds.iter().any(Feed::waits)
    }

    /// Bytes that it takes.
    pub(crate) fn heap(&self) -> usize {
        let decoder = match &self.stage {
            Stage::Decoding(decoder) => size_of_val(decoder.as_ref()) + decoder.heap(),
            Stage::Undecided(_) | Stage::Over => 0,
        };
        size_of::<Session>() + decoder + self.feeds.iter().map(Feed::heap).sum::<usize>()
    }
}

/// Tells a decoder of which directions bytes were not captured.
fn tell_missing(decoder: &mut dyn StreamDecoder, missing: [bool; 2]) {
    for (from, is_missing) in [Direction::AtoB, Direction::BtoA].into_iter().zip(missing) {
        if is_missing {
            decoder.misses(from);
        }
    }
}

/// What is known of each direction, that of a segment first.
fn in_order<T>(from: Direction, [a, b]: [T; 2]) -> [T; 2] {
    if from == Direction::AtoB { [a, b] } else { [b, a] }
}

/// Tells a decoder which bytes of a direction were not acknowledged.
fn tell_unacknowledged(decoder: &mut dyn StreamDecoder, feed: &Feed, ack: Option<u32>) {
    if let Some((at, bytes)) = ack.and_then(|ack| feed.unacknowledged(ack)) {
        decoder.unacknowledged(feed.direction(), at, bytes);
    }
}

/// Whether Wireshark 4.0 takes whatever there is on the server's port for another protocol. If nobody knows who the server is, the lower port counts.
/// `is_late`: something else was said before.
fn is_claimed(kind: Kind, is_late: bool, flow: &Flow) -> bool {
    let [a, b] = flow.ends;
    let port = if flow.client_is_known { flow.server_port() } else { a.port().min(b.port()) };
    match kind {
        // HTTP, AJP, IRC, BitTorrent.
        Kind::Tls if matches!(port, 102 | 3389) => is_late, // TPKT, below RDP: it agrees on TLS, which is not followed.
        Kind::Tls => is_http_port(port) || matches!(port, 6667 | 6881..=6889 | 8009 | 57_000),
        Kind::Http => is_other_port(port),
        Kind::Dns => port == LLMNR,
        Kind::OpenVpn => port != openvpn::PORT,
        _ => false,
    }
}

/// Where a decoder's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    /// A conversation of which no secrets are known.
    Clear,
    /// A conversation, and secrets are known of some.
    Secrets,
    /// A TLS connection.
    WithinTls,
    /// A conversation that was reset.
    AfterReset,
}

/// The decoder of a protocol; `None` where none is wanted.
fn decoder(kind: Kind, flow: &Flow, setting: Setting) -> Option<Box<dyn StreamDecoder>> {
    match kind {
        Kind::Tls if setting == Setting::AfterReset => Some(Box::new(tls::Stream::after_reset(flow))),
        _ if setting == Setting::AfterReset => None,
        Kind::StartTls(dialogue) => Some(Box::new(StartTls::new(dialogue))),
        Kind::Proxy => Some(Box::new(Preamble)),
        Kind::OpenVpn => Some(Box::new(openvpn::Stream::new(flow))),
        Kind::Socks => Some(Box::new(Relay::new())),
        Kind::Http if setting == Setting::WithinTls => Some(Box::new(http::Stream::within_tls(flow))),
        Kind::Http => Some(Box::new(http::Stream::new(flow))),
        Kind::Tls if setting == Setting::Secrets => Some(Box::new(tls::Stream::with_secrets(flow))),
        Kind::Tls => Some(Box::new(tls::Stream::new(flow))),
        Kind::Dns => Some(Box::new(dns::Stream::new(flow.ends))),
        Kind::Http2 => Some(Box::new(http::Http2::new(flow))),
        Kind::Opaque => None,
    }
}

/// The decoder of a UDP conversation, by a datagram of it.
pub(crate) fn recognise_datagram(
    flow: &Flow,
    from: Direction,
    bytes: &[u8],
) -> Option<Box<dyn DatagramDecoder>> {
    let _ = from;
    if openvpn::recognises_datagram(flow, bytes) {
        return Some(Box::new(openvpn::Datagrams::new(flow)));
    }
    // A port of any client can be SSDP's: what the lower port stands for goes before.
    let ports = flow.ends.map(|end| end.port());
    let is_ssdp = ports.contains(&http::SSDP_PORT);
    if is_ssdp && ports.iter().all(|&port| port >= http::SSDP_PORT) {
        return Some(Box::new(http::Ssdp::new()));
    }
    if let Some(decoder) = dns::Decoder::recognise(flow.ends, bytes) {
        return Some(Box::new(decoder));
    }
    if quic::looks_like_quic(bytes) {
        return Some(Box::new(quic::Decoder::new(flow)));
    }
    is_ssdp.then(|| Box::new(http::Ssdp::new()) as Box<dyn DatagramDecoder>)
}

#[cfg(test)]
mod tests;
