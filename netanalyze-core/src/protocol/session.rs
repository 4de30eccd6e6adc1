//! The application of one conversation: which protocol it speaks, and its decoder.
//!
//! Owns: a TCP conversation's decoder with both directions' [`Feed`]s, a UDP conversation's decoder. Reads: segments and datagrams in frame
//! order. Emits: messages. Recognition is in [`recognise`](super::recognise).

use super::dns;
use super::feed::{Fed, Feed, Payload};
use super::http;
use super::message::{Message, Messages};
use super::openvpn;
use super::proxy::Preamble;
use super::quic;
use super::recognise::{Kind, Recognised, is_http_port, is_other_port, is_tls_port, recognise};
use super::socks::Relay;
use super::starttls::StartTls;
use super::stream::{Closing, DatagramDecoder, Flow, Moment, Progress, StreamDecoder};
use super::tls;
use crate::model::Direction;

/// Segments of a direction that may tell nothing before it is given up. Wireshark goes on for ever, but whatever has not begun a
/// message that it knows by then hardly ever does.
const MAX_TRIES: u8 = 32;

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
        if let Some(ack) = segment.ack {
            receiver.acknowledged(ack);
            if segment.fin && receiver.is_behind() {
                decoder.misses(segment.from.reverse());
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

    /// Ends it with the capture.
    pub(crate) fn finish(&mut self, now: Moment, out: &mut Messages) {
        out.aside = self.aside;
        let (how, now) = self.reset.map_or((Closing::CaptureEnd, now), |reset| (Closing::Reset, reset));
        if let Stage::Decoding(decoder) = &mut self.stage {
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

/// No bytes have told yet which protocol it is.
#[derive(Debug)]
struct Undecided {
    decided: Option<Kind>,
    tries: [u8; 2],
    /// In which directions nobody knows where bytes begin.
    lost: [bool; 2],
}

impl Undecided {
    fn new(feeds: &[Feed; 2]) -> Self {
        Undecided { decided: None, tries: [0; 2], lost: feeds.each_ref().map(Feed::is_seeking) }
    }
}

/// Waits for bytes that tell which protocol it is.
#[derive(Debug)]
struct Waiting<'s> {
    flow: &'s Flow,
    undecided: &'s mut Undecided,
}

impl StreamDecoder for Waiting<'_> {
    fn decode(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) -> Progress {
        let recognised = recognise(self.flow, from, bytes);
        let first = self.undecided.tries == [0; 2] && self.flow.client_is_known;
        let tls_expected = first && is_tls_port(self.flow.server_port());
        if tls_expected && recognised != Recognised::NeedMore && tls::begins_with_text(bytes) {
            let row = tls::plain_text(self.flow, from, bytes, now);
            out.push(from, Message::Handshake(Box::new(row)));
        }
        match recognised {
            Recognised::Is(kind) => {
                self.undecided.decided = Some(kind);
                Progress::Another(0)
            }
            Recognised::NeedMore => Progress::More,
            Recognised::Nothing => {
                let [a, b] = &mut self.undecided.tries;
                let tries = if from == Direction::AtoB { a } else { b };
                *tries += 1;
                if *tries >= MAX_TRIES {
                    // Nobody will know it by what comes later.
                    self.undecided.decided = Some(Kind::Opaque);
                    return Progress::Another(0);
                }
                Progress::Consumed(bytes.len())
            }
        }
    }

    fn decode_cut(&mut self, _: Direction, _: &[u8], _: u32, _: Moment, _: &mut Messages) {}

    fn body_complete(&mut self, _: Direction, _: u32, _: Moment, _: &mut Messages) {}

    /// Where a SYN says where bytes begin, the first of them tell most.
    fn begins_message(&self, from: Direction, _: &[u8]) -> bool {
        let [a, b] = self.undecided.lost;
        if from == Direction::AtoB { a } else { b }
    }

    fn lost(&mut self, from: Direction, _: Moment, _: &mut Messages) {
        let [a, b] = &mut self.undecided.lost;
        *(if from == Direction::AtoB { a } else { b }) = true;
    }

    fn closed(&mut self, _: Direction, _: Closing, _: Moment, _: &mut Messages) {}

    fn heap(&self) -> usize {
        0
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
    if flow.ends.iter().any(|end| end.port() == http::SSDP_PORT) {
        return Some(Box::new(http::Ssdp::new()));
    }
    if let Some(decoder) = dns::Decoder::recognise(flow.ends, bytes) {
        return Some(Box::new(decoder));
    }
    quic::looks_like_quic(bytes).then(|| Box::new(quic::Decoder::new(flow)) as Box<dyn DatagramDecoder>)
}

/// Takes a datagram that an ICMP error quotes. It is no part of its conversation.
pub(crate) fn quoted_datagram(
    flow: &Flow,
    from: Direction,
    bytes: &[u8],
    missing: u32,
    now: Moment,
    out: &mut Messages,
) {
    if let Some(said) = dns::quoted(flow.ends, bytes, missing) {
        out.push(from, Message::Dns(Box::new(said)));
    } else if let Some(mut decoder) = recognise_datagram(flow, from, bytes) {
        decoder.datagram(from, bytes, missing, now, out);
    }
}

/// Takes a segment's payload that an ICMP error quotes, as [`quoted_datagram`]: by itself, as if a message began with it.
pub(crate) fn quoted_segment(
    flow: &Flow,
    from: Direction,
    bytes: &[u8],
    missing: u32,
    now: Moment,
    out: &mut Messages,
) {
    if bytes.is_empty() {
        return;
    }
    if let Recognised::Is(kind) = recognise(flow, from, bytes)
        && let Some(mut decoder) = decoder(kind, flow, Setting::Clear)
    {
        // As Wireshark 4.0 has it: of TLS only whole records are shown.
        let shown = if kind == Kind::Tls { whole_records(bytes) } else { bytes };
        if !shown.is_empty() {
            decoder.decode_cut(from, shown, missing, now, out);
        }
    }
}

/// The records of TLS that are there to their end.
fn whole_records(bytes: &[u8]) -> &[u8] {
    let mut len = 0;
    while let Some(&[_, _, _, high, low]) = bytes.get(len..).and_then(<[u8]>::first_chunk) {
        let end = len + 5 + usize::from(u16::from_be_bytes([high, low]));
        if end > bytes.len() {
            break;
        }
        len = end;
    }
    bytes.get(..len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FrameNumber, Timestamp};
    use crate::protocol::message::Said;

    /// A session on a server's port whose client opened the connection.
    struct Run(Session, [u32; 2], Messages, u64);

    impl Run {
        fn new(port: u16) -> Run {
            let end = |host: u8, port| (std::net::Ipv4Addr::new(10, 0, 0, host), port).into();
            let flow = Flow {
                ends: [end(1, 40_000), end(2, port)],
                client: Direction::AtoB,
                client_is_known: true,
                syn: None,
                established: None,
            };
            Run(Session::new(flow, [Some(0), Some(0)]), [0; 2], Messages::new(true), 0)
        }

        /// What a segment says; without bytes it is a reset.
        fn take(&mut self, from: Direction, bytes: &[u8]) -> Vec<Said> {
            let (seq, len) = (self.1[from.index()], bytes.len() as u32);
            self.1[from.index()] += len;
            self.3 += 1;
            let segment = SegmentIn { from, seq, ack: None, bytes, len, fin: false, rst: bytes.is_empty() };
            let now = Moment { frame: FrameNumber(self.3), time: Timestamp(0) };
            self.0.segment(&segment, now, &mut self.2);
            if self.0.is_over() && self.0.has_successor() {
                // As a conversation does it.
                self.0 = Session::after_reset(self.0.flow);
            }
            self.2.drain_said().collect()
        }
    }

    const CLIENT: Direction = Direction::AtoB;
    const SERVER: Direction = Direction::BtoA;
    const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x01\x00";

    fn hello(kind: u8) -> Vec<u8> {
        let rest: &[u8] = if kind == 1 { b"\0\0\x02\xc0\x2f\x01\0" } else { b"\0\xc0\x2f\0" };
        let body = [b"\x03\x03", &[7; 32][..], rest].concat();
        let len = body.len() as u8;
        [&[22, 3, 3, 0, len + 4, kind, 0, 0, len], &body[..]].concat()
    }

    #[test]
    fn after_a_reset_tls_is_heard_and_no_handshake_begins() {
        for resetting in [CLIENT, SERVER] {
            let mut run = Run::new(443);
            assert_eq!(run.take(CLIENT, &hello(1)).len(), 1);
            let said = run.take(resetting, b"");
            let [Said { message: Message::Handshake(row), .. }] = &said[..] else { panic!("{said:?}") };
            assert!(matches!(row.outcome, tls::Outcome::Reset(_)));
            let late =
                [run.take(resetting.reverse(), &hello(2)), run.take(resetting.reverse(), ALERT)].concat();
            assert_eq!(late.len(), 2);
            assert!(late.iter().all(|said| matches!(said.message, Message::Tls(_))), "{late:?}");
            assert!(run.take(resetting.reverse(), b"").is_empty());
        }
    }

    #[test]
    fn what_comes_after_a_client_has_closed_is_no_second_handshake() {
        let mut run = Run::new(443);
        run.take(CLIENT, &hello(1));
        let fin =
            SegmentIn { from: CLIENT, seq: run.1[0], ack: None, bytes: b"", len: 0, fin: true, rst: false };
        run.0.segment(&fin, Moment::default(), &mut run.2);
        let said: Vec<Said> = run.2.drain_said().collect();
        let [Said { message: Message::Handshake(row), .. }] = &said[..] else { panic!("{said:?}") };
        assert_eq!(row.outcome, tls::Outcome::Closed(tls::Who::Client));
        let late = run.take(SERVER, &hello(2));
        assert!(matches!(&late[..], [Said { message: Message::Tls(_), .. }]), "{late:?}");
        assert!(run.take(CLIENT, b"").is_empty());
        run.0.finish(Moment::default(), &mut run.2);
        assert!(run.2.is_empty());
    }

    #[test]
    fn below_rdp_tls_is_for_no_field_if_anything_came_before() {
        let ask = b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x0b\x00\x00\x00";
        for (port, first, aside) in [(3389, &ask[..], true), (3389, b"", false), (4489, ask, false)] {
            let mut run = Run::new(port);
            if !first.is_empty() {
                assert!(run.take(CLIENT, first).is_empty());
            }
            let said = run.take(CLIENT, &hello(1));
            assert_eq!(said.iter().map(|said| said.aside).collect::<Vec<_>>(), [aside], "{port}");
        }
    }

    /// What became of the only exchange or handshake of a conversation: segments as (from, offset, bytes, flags), then the capture's end.
    fn outcome(port: u16, segments: &[(Direction, u32, &[u8], &str)]) -> String {
        let mut run = Run::new(port);
        let mut acks = [0; 2];
        for (number, &(from, seq, bytes, flags)) in segments.iter().enumerate() {
            let len = bytes.len() as u32;
            let (fin, rst) = (flags.contains('f'), flags.contains('r'));
            // `a`: the receiver has more than was captured.
            let ack = Some(acks[from.reverse().index()] + if flags.contains('a') { 30 } else { 0 });
            let segment = SegmentIn { from, seq, ack, bytes, len, fin, rst };
            let now = Moment { frame: FrameNumber(number as u64 + 1), time: Timestamp(0) };
            run.0.segment(&segment, now, &mut run.2);
            acks[from.index()] = seq + len;
        }
        run.0.finish(Moment { frame: FrameNumber(99), time: Timestamp(0) }, &mut run.2);
        let rows = run.2.drain_said().filter_map(|said| match said.message {
            Message::Exchange(exchange) => Some(format!("{:?}", exchange.outcome)),
            Message::Handshake(row) => Some(format!("{:?} gaps {}", row.outcome, row.gaps)),
            _ => None,
        });
        rows.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_reset_in_a_body_is_no_end_of_the_capture() {
        let (get, ok) = (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nhalf");
        let (get_len, ok_len) = (get.len() as u32, ok.len() as u32);
        for from in [CLIENT, SERVER] {
            let at = if from == CLIENT { get_len } else { ok_len };
            let said = outcome(80, &[(CLIENT, 0, get, ""), (SERVER, 0, ok, ""), (from, at, b"", "r")]);
            assert_eq!(said, "Incomplete(Reset)");
        }
        assert_eq!(outcome(80, &[(CLIENT, 0, get, ""), (SERVER, 0, ok, "")]), "Incomplete(CaptureEnd)");
    }

    #[test]
    fn what_was_not_captured_before_a_fin_is_held_against_nobody() {
        let get = b"GET / HTTP/1.1\r\n\r\n";
        assert_eq!(outcome(80, &[(CLIENT, 0, get, ""), (SERVER, 0, b"", "f")]), "Unanswered(Fin)");
        assert_eq!(outcome(80, &[(CLIENT, 0, get, ""), (SERVER, 43, b"", "f")]), "NotCaptured");
        let hello = hello(1);
        let len = hello.len() as u32;
        let closed = |flags| outcome(443, &[(CLIENT, 0, &hello, ""), (CLIENT, len, b"", flags)]);
        assert_eq!(closed("f"), "Closed(Client) gaps false");
        assert_eq!(closed("fa"), "Cut gaps true");
    }

    #[test]
    fn records_are_whole_or_not_shown() {
        let records = [23, 3, 3, 0, 2, 7, 7, 22, 3, 1, 0, 0, 23, 3, 3, 0, 9, 1];
        for len in 0..=records.len() {
            let want = match len {
                0..7 => 0,
                7..12 => 7,
                _ => 12,
            };
            assert_eq!(whole_records(&records[..len]).len(), want);
        }
    }
}
