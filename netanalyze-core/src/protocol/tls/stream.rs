//! TLS on TCP: records of both directions, what is encrypted in each, and the handshake that they make.
//!
//! Reads: bytes in order of each direction, as [`StreamDecoder`] says. Emits: a [`TlsMessage`] a record, if every one is wanted or something is
//! wrong with it, and one [`Handshake`] a handshake. Rules: RFC 8446, RFC 5246; what is readable and when a record counts as encrypted: as
//! Wireshark 4.0, held against this decoder's own account of ChangeCipherSpec in each direction. Application data is never looked at: it costs
//! reading five bytes. Stops at garbage: bytes that are no record are passed over to the end of what is there.

use super::code::{ContentType, HandshakeType, Version};
use super::fault::Fault;
use super::handshake::Fragment;
use super::keys::decryption::Decryption;
use super::message::{TlsMessage, Who};
use super::progress::Open;
use super::record::{self, MAX_CONTENT, MAX_CONTENT_13, Record, Ssl2ClientHello, is_record_version};
use super::transaction::{Handshake, Outcome};
use crate::model::{Direction, FrameNumber, Timestamp};
use crate::protocol::message::{Message, Messages};
use crate::protocol::stream::{Closing, Flow, Moment, Progress, StreamDecoder};

/// Bytes kept of a text that is there in place of TLS.
const MAX_TEXT: usize = 64;

/// Decodes both directions of a connection that speaks TLS.
#[derive(Debug)]
pub struct Stream {
    pub(super) client: Direction,
    /// The session's version as Wireshark tracks it: 0 is unknown.
    pub(super) version: Version,
    halves: [Half; 2],
    syn: Option<Timestamp>,
    established: Option<Timestamp>,
    pub(super) open: Option<Box<Open>>,
    /// The last handshake failed: what either side says of that is told already.
    pub(super) failed: bool,
    /// Another protocol carries it, which puts its own pieces together first.
    is_carried: bool,
    /// One side closed or reset the connection: no handshake comes of what the other still had on its way.
    over: bool,
    /// If secrets are known of any connection; until it is clear that none are of this one.
    pub(super) decryption: Option<Box<Decryption>>,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// Frame of its ChangeCipherSpec up to TLS 1.2: what follows is encrypted.
    pub(super) changed: Option<FrameNumber>,
    /// The beginning of a message, while its rest is awaited.
    pub(super) fragment: Option<Box<Fragment>>,
    /// Bytes were given up since the last record.
    gap: bool,
}

impl Stream {
    /// The decoder of a connection.
    #[must_use]
    pub fn new(flow: &Flow) -> Self {
        Stream {
            client: flow.client,
            version: Version(0),
            halves: Default::default(),
            syn: flow.syn,
            established: flow.established,
            open: None,
            failed: false,
            is_carried: false,
            over: false,
            decryption: None,
        }
    }

    /// The decoder of a connection whose records may be opened, because secrets are known of some.
    #[must_use]
    pub(crate) fn with_secrets(flow: &Flow) -> Self {
        Stream { decryption: Some(Box::new(Decryption::new(flow))), ..Stream::new(flow) }
    }

    /// The decoder of what another protocol carries in pieces of its own.
    #[must_use]
    pub(crate) fn carried(flow: &Flow) -> Self {
        Stream { is_carried: true, ..Stream::new(flow) }
    }

    /// The decoder of what comes after a reset. No handshake comes of it.
    #[must_use]
    pub(crate) fn after_reset(flow: &Flow) -> Self {
        Stream { over: true, ..Stream::new(flow) }
    }

    pub(super) fn half(&mut self, from: Direction) -> &mut Half {
        let [a, b] = &mut self.halves;
        if from == Direction::AtoB { a } else { b }
    }

    /// A ChangeCipherSpec of a direction was seen.
    pub(super) fn has_changed(&self, from: Direction) -> bool {
        let [a, b] = &self.halves;
        (if from == Direction::AtoB { a } else { b }).changed.is_some()
    }

    pub(super) fn who(&self, from: Direction) -> Who {
        if from == self.client { Who::Client } else { Who::Server }
    }

    /// Opens a handshake, if none is.
    pub(super) fn open(&mut self) -> &mut Open {
        let (client, syn, established) = (self.client, self.syn, self.established);
        self.open.get_or_insert_with(|| Box::new(Open::new(Handshake::new(client, syn, established))))
    }

    /// Ends the open handshake.
    pub(super) fn end(&mut self, from: Direction, outcome: Outcome, now: Moment, out: &mut Messages) {
        if let Some(open) = self.open.take().filter(|_| !self.over) {
            let mut row = open.row;
            (row.outcome, row.end) = (outcome, now);
            self.failed = !outcome.is_success();
            // What comes later on this connection did not wait for its TCP handshake.
            (self.syn, self.established) = (None, None);
            // The direction of the frame that it is about.
            let from = match outcome {
                Outcome::Silent(_) | Outcome::Undelivered(Who::Client) => row.client,
                Outcome::Undelivered(Who::Server) => row.client.reverse(),
                outcome if outcome.is_success() => row.client.reverse(),
                _ => from,
            };
            out.push(from, Message::Handshake(Box::new(row)));
        }
    }

    /// Deals with the records that are complete. Says how many bytes they have, or what is to be done about what follows them.
    fn records(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) -> Progress {
        let mut used = if out.every { 0 } else { self.quiet_records(bytes) };
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            if rest.is_empty() {
                return Progress::Consumed(used);
            }
            let need = match self.next(from, rest, now, out) {
                Next::Done(len) => {
                    used += len.clamp(1, rest.len());
                    continue;
                }
                Next::Body(len, id) => {
                    self.begun(from, out);
                    self.amid_record(from, true);
                    return Progress::Body { head: used + record::HEADER, len: u64::from(len), id };
                }
                Next::Need(need) => need,
            };
            self.begun(from, out);
            self.amid_record(from, true);
            return if used > 0 { Progress::Consumed(used) } else { Progress::Need(need) };
        }
    }

    /// A record begins whose end is yet to come: as Wireshark 4.0, the frame has TLS in it, and nothing more to say of it.
    fn begun(&self, from: Direction, out: &mut Messages) {
        if out.every && !self.is_carried {
            out.push(from, Message::Tls(Box::default()));
        }
    }

    /// A record begins whose end is yet to come, or that end has come.
    fn amid_record(&mut self, from: Direction, is_amid: bool) {
        let who = self.who(from);
        if let Some(open) = self.open.as_mut() {
            open.amid_record(who, is_amid);
        }
    }

    /// Bytes of the records of application data at the beginning of which nothing is to be said: the handshake is over, and nobody has its keys.
    fn quiet_records(&self, bytes: &[u8]) -> usize {
        let mut used = 0;
        if self.open.is_some() || self.decryption.is_some() || self.version == Version(0) {
            return used;
        }
        while let Some(record) = bytes.get(used..).and_then(Record::parse)
            && (record.content_type, record.version.0 >> 8) == (ContentType::APPLICATION_DATA, 3)
            && record.len <= MAX_CONTENT
            && used.saturating_add(record.total()) <= bytes.len()
        {
            used += record.total();
        }
        used
    }

    /// One record, or whatever is there in its place.
    fn next(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) -> Next {
        if let Some(hello) = Ssl2ClientHello::parse(bytes) {
            if bytes.len() < hello.total {
                return Next::Need(hello.total);
            }
            self.ssl2_client_hello(from, hello, now, out);
            return Next::Done(hello.total);
        }
        if let Some(next) = self.ssl2_record(from, bytes, now, out) {
            return next;
        }
        let known = self.version != Version(0);
        if let (true, Some(&first)) = (known || bytes.len() < record::HEADER, bytes.first())
            && !ContentType(first).is_known()
        {
            return self.no_record(from, bytes, now, out);
        }
        let Some(record) = Record::parse(bytes) else { return Next::Need(record::HEADER) };
        if !record.content_type.is_known() || !known && !is_record_version(record.version) {
            return self.no_record(from, bytes, now, out);
        }
        if let Some(content) = bytes.get(record::HEADER..record.total()) {
            self.record(from, record, content, now, out);
            return Next::Done(record.total());
        }
        // Application data that is to be continued: its end is known, and that is all that matters. The odd version's record is waited for, because
        // an id has no room for it.
        let skips = record.content_type == ContentType::APPLICATION_DATA && record.version.0 >> 8 == 3;
        if skips && !self.opens(from) {
            self.see_version(record, &[]);
            self.protected(from, record.len, now, out);
            return Next::Body(record.len, id(record, self.version.is_tls13()));
        }
        Next::Need(record.total())
    }

    /// Bytes that are no record: all that are there are passed over.
    fn no_record(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) -> Next {
        let text = record::begins_with_text(bytes);
        if let (true, Some(open)) = (text, self.open.as_mut())
            && !open.is_past_client_hello()
            && from != self.client
        {
            open.row.text = Some(first_line(bytes));
            self.end(from, Outcome::PlainText(Who::Server), now, out);
        }
        // As Wireshark 4.0: of TLS 1.0 to 1.2 they are remarked upon.
        let remarked = (Version::TLS10..=Version::TLS12).contains(&self.version) && !text;
        if remarked {
            let faults = vec![Fault::UnknownRecord];
            let by = Some(self.who(from));
            out.push(from, Message::Tls(Box::new(TlsMessage { faults, by, ..TlsMessage::default() })));
        }
        Next::Done(bytes.len())
    }

    /// The session's version, once a record tells it that is no ClientHello (as Wireshark 4.0).
    pub(super) fn see_version(&mut self, record: Record, content: &[u8]) {
        if self.version != Version(0) || !is_record_version(record.version) {
            return;
        }
        let tells = match (record.content_type, content.first()) {
            (ContentType::HANDSHAKE, Some(&kind)) => {
                HandshakeType(kind).is_named() && HandshakeType(kind) != HandshakeType::CLIENT_HELLO
            }
            (ContentType::HANDSHAKE, None) => false,
            _ => true,
        };
        if tells {
            self.version = record.version;
        }
    }

    pub(super) fn record(
        &mut self,
        from: Direction,
        record: Record,
        content: &[u8],
        now: Moment,
        out: &mut Messages,
    ) {
        self.see_version(record, content);
        if self.decryption.is_some() && self.opened(from, record, content, now, out) {
            return;
        }
        if record.content_type == ContentType::APPLICATION_DATA {
            self.protected(from, record.len, now, out);
            let tls13 = self.version.is_tls13();
            if out.every || self.length_fault(record).is_some() {
                self.say(from, TlsMessage::of(record, tls13), out);
            }
            return;
        }
        let tls13 = self.version.is_tls13();
        let mut message = TlsMessage::of(record, tls13);
        match record.content_type {
            ContentType::HANDSHAKE => self.handshake(from, content, now, &mut message, out),
            ContentType::ALERT => self.alert(from, content, now, &mut message),
            ContentType::CHANGE_CIPHER_SPEC if !tls13 => {
                // Of TLS 1.3 it means nothing (RFC 8446 §D.4); which version it is, may not be known yet.
                self.half(from).changed.get_or_insert(now.frame);
                self.changes_keys(from);
                let who = self.who(from);
                if let Some(open) = self.open.as_mut() {
                    open.change_cipher_spec(who);
                }
            }
            _ => {}
        }
        message.faults.extend(self.length_fault(record));
        let wrong = message.fatal || !message.faults.is_empty();
        if out.every || wrong {
            if wrong && message.server_name.is_none() {
                message.server_name = self.open.as_ref().and_then(|open| open.row.server_name.clone());
            }
            self.say(from, message, out);
        }
        // Said last, so that the record that ends a handshake comes before what became of it.
        if let Some(ending) = self.open.as_mut().and_then(|open| open.ending.take()) {
            self.end(from, ending, now, out);
        }
    }

    pub(super) fn say(&self, from: Direction, mut message: TlsMessage, out: &mut Messages) {
        message.by = Some(self.who(from));
        out.push(from, Message::Tls(Box::new(message)));
    }

    /// A length that the type or the version does not allow (as Wireshark 4.0).
    fn length_fault(&self, record: Record) -> Option<Fault> {
        let empty = record.len == 0 && record.content_type != ContentType::APPLICATION_DATA;
        let most = if self.version.is_tls13() { MAX_CONTENT_13 } else { MAX_CONTENT };
        (empty || record.len > most).then_some(Fault::RecordLength(record.len))
    }

    /// Application data, or whatever TLS 1.3 hides in it. Its content is not needed.
    #[inline]
    pub(super) fn protected(&mut self, from: Direction, len: u16, now: Moment, out: &mut Messages) {
        let who = self.who(from);
        let Some(open) = self.open.as_mut() else { return };
        if who == Who::Client && open.sends_early_data() {
            self.version = Version::TLS13;
        }
        if open.data(who, len, now) {
            let outcome = open.success();
            self.end(from, outcome, now, out);
        }
    }
}

/// What became of the bytes at a boundary.
pub(super) enum Next {
    /// So many are dealt with.
    Done(usize),
    /// So many are needed.
    Need(usize),
    /// A record's header, behind which so many bytes need not be seen, and their id.
    Body(u16, u32),
}

impl TlsMessage {
    pub(super) fn of(record: Record, tls13: bool) -> Self {
        let opaque = tls13 && record.content_type == ContentType::APPLICATION_DATA;
        TlsMessage { record: Some(record), opaque, ..TlsMessage::default() }
    }
}

/// What a record of application data is, for when its last byte comes: its length, the lower byte of its version, and whether it is one of TLS 1.3.
fn id(record: Record, tls13: bool) -> u32 {
    let [_, minor] = record.version.0.to_be_bytes();
    u32::from(record.len) | u32::from(minor) << 16 | u32::from(tls13) << 24
}

fn record_of(id: u32) -> (Record, bool) {
    let [tls13, minor, l0, l1] = id.to_be_bytes();
    let record = Record {
        content_type: ContentType::APPLICATION_DATA,
        version: Version(u16::from_be_bytes([3, minor])),
        len: u16::from_be_bytes([l0, l1]),
    };
    (record, tls13 != 0)
}

/// What is to be said of a connection to a port of TLS that begins with text.
#[must_use]
pub fn plain_text(flow: &Flow, from: Direction, bytes: &[u8], now: Moment) -> Handshake {
    let mut row = Handshake::new(flow.client, flow.syn, flow.established);
    row.text = Some(first_line(bytes));
    row.outcome = Outcome::PlainText(row.who(from));
    row.end = now;
    row
}

fn first_line(text: &[u8]) -> Box<[u8]> {
    let line = text.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or_default();
    line.get(..MAX_TEXT).unwrap_or(line).into()
}

impl StreamDecoder for Stream {
    fn decode(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) -> Progress {
        self.half(from).gap = false;
        self.amid_record(from, false);
        let progress = self.records(from, bytes, now, out);
        let who = self.who(from);
        if let Some(open) = self.open.as_mut() {
            open.delivery.sent(who, now);
        }
        progress
    }

    fn decode_cut(&mut self, from: Direction, bytes: &[u8], missing: u32, now: Moment, out: &mut Messages) {
        self.cut(from, bytes, missing, now, out);
        let who = self.who(from);
        if let Some(open) = self.open.as_mut() {
            open.misses(who);
        }
    }

    fn body_complete(&mut self, from: Direction, id: u32, _: Moment, out: &mut Messages) {
        self.amid_record(from, false);
        let (record, tls13) = record_of(id);
        if out.every || self.length_fault(record).is_some() {
            let mut message = TlsMessage::of(record, tls13);
            message.faults.extend(self.length_fault(record));
            self.say(from, message, out);
        }
    }

    fn begins_message(&self, from: Direction, bytes: &[u8]) -> bool {
        // Records are opened in their order: nothing is decoded before what is missing has come, or is given up.
        let [a, b] = &self.halves;
        let half = if from == Direction::AtoB { a } else { b };
        if self.opens(from) && !half.gap {
            return false;
        }
        Record::parse(bytes).is_some_and(|record| {
            let inner = bytes.get(record::HEADER).copied();
            record.is_plausible()
                && match record.content_type {
                    ContentType::CHANGE_CIPHER_SPEC => record.len == 1,
                    ContentType::ALERT => record.len == 2 || record.len >= 16,
                    ContentType::HANDSHAKE => {
                        record.len >= 16 || inner.is_none_or(|kind| HandshakeType(kind).is_named())
                    }
                    _ => true,
                }
        })
    }

    fn lost(&mut self, from: Direction, _: Moment, _: &mut Messages) {
        self.half(from).fragment = None;
        self.half(from).gap = true;
        self.lost_records(from);
        self.misses(from);
    }

    fn misses(&mut self, from: Direction) {
        let who = self.who(from);
        if let Some(open) = self.open.as_mut() {
            open.row.gaps = true;
            open.misses(who);
        }
    }

    fn repeated(&mut self, from: Direction, at: u64, end: u64) {
        let who = self.who(from);
        if let Some(open) = self.open.as_mut() {
            open.delivery.repeated(who, at, end);
        }
    }

    fn unacknowledged(&mut self, from: Direction, at: u64, bytes: u64) {
        let who = self.who(from);
        if let Some(open) = self.open.as_mut() {
            open.delivery.unacknowledged(who, at, bytes);
        }
    }

    fn minds_missing(&self) -> bool {
        self.open.is_some()
    }

    fn closed(&mut self, from: Direction, how: Closing, now: Moment, out: &mut Messages) {
        if let Some(open) = self.open.as_mut() {
            let outcome = open.closed(from, how, now);
            self.end(from, outcome, now, out);
        }
        self.over |= how != Closing::CaptureEnd;
        self.closed_inside(from, how, now, out);
    }

    /// Alerts are often sent to an end that is gone. Those of TLS 1.3 look like data.
    fn hears_after_reset(&self) -> bool {
        self.decryption.is_none() && !self.version.is_tls13()
    }

    fn heap(&self) -> usize {
        let [a, b] = &self.halves;
        let decryption = self.decryption.as_ref().map_or(0, |known| size_of_val(&**known) + known.heap());
        let open = self.open.as_ref().map_or(0, |open| open.heap());
        let held = |half: &Half| half.fragment.as_ref().map_or(0, |f| size_of::<Fragment>() + f.heap());
        held(a) + held(b) + open + decryption
    }
}
