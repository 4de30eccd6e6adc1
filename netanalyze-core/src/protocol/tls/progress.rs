//! A handshake under way: what its messages and encrypted records mean for its outcome.
//!
//! Of TLS 1.3 nothing after the ServerHello is readable, but sizes tell: a Finished message has the size of its hash (RFC 8446 §4.4.4), and an alert
//! makes a record of 19 bytes: two, one for the true type, sixteen of authentication (§5.2).

use super::alert::{Alert, AlertDescription};
use super::certificate::Chain;
use super::code::{Group, HandshakeType, Version};
use super::delivery::Delivery;
use super::hello::{ClientHello, ServerHello};
use super::message::{Who, capped};
use super::transaction::{Handshake, Outcome, Resumption, Stage};
use crate::model::Span;
use crate::model::limits::{MAX_ALERTS, MAX_OFFERS};
use crate::protocol::stream::Moment;

/// Length of a record of TLS 1.3 that holds nothing but an alert.
const ALERT_13: u16 = 19;

/// Length of a record of TLS 1.3 that holds nothing but a Finished message, less its hash: header of four bytes, true type, authentication.
const FINISHED_13: u16 = 4 + 1 + 16;

/// An EndOfEarlyData message.
const END_OF_EARLY_DATA: u16 = 4;

/// How long an answer may take: what waits longer when the capture ends got none, and what comes later is none.
pub(super) const PATIENCE: Span = Span(3_000_000_000);

/// A handshake under way.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) row: Handshake,
    /// Bytes of the names of application protocols that it offers: where they are is far away when somebody asks how much that is.
    offered: usize,
    session_id: Box<[u8]>,
    ticket: bool,
    offers_tls13: bool,
    /// Certificate or ServerHelloDone was seen: it is a full handshake.
    full: bool,
    /// ServerHelloDone was seen: up to TLS 1.2 it is the client's turn then.
    pub(super) done: bool,
    /// Encrypted Finished messages up to TLS 1.2, by client and server.
    pub(super) finished: [bool; 2],
    /// TLS 1.3: the client's Finished was known by its size.
    exact: bool,
    /// TLS 1.3: records of the server after the client's Finished.
    answers: u8,
    /// What is an alert by its size: who sent it.
    pub(super) rejected: Option<Who>,
    /// An alert was sent that announces the end.
    notified: Option<Who>,
    /// What the present record ends it with.
    pub(super) ending: Option<Outcome>,
    /// What TLS 1.3 shows of the server's part behind its ServerHello.
    pub(super) flight: Flight,
    /// A record of the server has begun whose end has not come.
    pub(super) is_amid_record: bool,
    /// Bytes that the client, and the server, sent were not captured.
    pub(super) missing: [bool; 2],
    /// The server sent the client elsewhere, or to another version: it owes nothing.
    pub(super) turned_away: bool,
    /// What is known of the way of its bytes.
    pub(super) delivery: Delivery,
}

/// The server's part of TLS 1.3 from EncryptedExtensions to Finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flight {
    /// None of it.
    Nothing,
    /// Encrypted records: nobody can tell how far it came.
    Opaque,
    /// Messages that were opened, or that only begin it.
    Begun,
    /// Its Finished, opened, or known by its size.
    Whole,
}

impl Open {
    pub(super) fn new(row: Handshake) -> Self {
        Open {
            row,
            offered: 0,
            session_id: Box::default(),
            ticket: false,
            offers_tls13: false,
            full: false,
            done: false,
            finished: [false; 2],
            exact: false,
            answers: 0,
            rejected: None,
            notified: None,
            ending: None,
            flight: Flight::Nothing,
            is_amid_record: false,
            missing: [false; 2],
            turned_away: false,
            delivery: Delivery::default(),
        }
    }

    pub(super) fn is_tls13(&self) -> bool {
        self.row.version.is_some_and(Version::is_tls13)
    }

    /// Its beginning was captured, and whatever came since.
    pub(super) fn is_in_clear(&self) -> bool {
        self.row.client_hello.is_some() && self.missing == [false; 2]
    }

    /// A ClientHello would begin another handshake.
    pub(super) fn is_past_client_hello(&self) -> bool {
        self.row.stage >= Stage::ServerHello
    }

    /// TLS 1.3, or possibly: the ServerHello was not captured, and nothing that came behind it speaks against it.
    pub(super) fn may_be_tls13(&self) -> bool {
        let unsaid = self.row.version.is_none() && self.row.server_hello.is_none();
        let is_offered = self.offers_tls13 && unsaid && self.finished == [false; 2];
        is_offered || self.is_tls13()
    }

    pub(super) fn client_hello(&mut self, hello: &ClientHello<'_>, now: Moment) {
        self.turned_away = false;
        let row = &mut self.row;
        row.stage = row.stage.max(Stage::ClientHello);
        row.client_hello = row.client_hello.or(Some(now));
        row.server_name = hello.server_name.map(capped);
        row.ech |= hello.ech;
        row.alpn_offered = hello.alpn.iter().take(MAX_OFFERS).map(|name| capped(name)).collect();
        self.offered = row.alpn_offered.iter().map(|name| name.len() + 16).sum();
        row.version_offered = Some(hello.highest_version());
        row.early_data |= hello.early_data;
        self.offers_tls13 = hello.offers_tls13;
        self.session_id = hello.session_id.into();
        self.ticket = hello.ticket.is_some_and(|ticket| !ticket.is_empty());
    }

    /// The server has answered, and nothing was captured of the client yet.
    pub(super) fn lacks_client_hello(&self) -> bool {
        self.row.client_hello.is_none()
            && self.row.stage == Stage::ServerHello
            && !self.delivery.has_sent(Who::Client)
            && self.missing == [false; 2]
    }

    /// A ClientHello that was captured behind its answer.
    pub(super) fn late_client_hello(&mut self, hello: &ClientHello<'_>, now: Moment) {
        self.client_hello(hello, now);
        if let (Some(Resumption::SessionId), true) = (self.row.resumption, self.ticket) {
            self.row.resumption = Some(Resumption::Ticket);
        }
    }

    pub(super) fn server_hello(&mut self, hello: &ServerHello<'_>, now: Moment) {
        let row = &mut self.row;
        row.cipher = hello.cipher.or(row.cipher);
        row.group = hello.key_share.or(row.group);
        row.version = hello.true_version().or(row.version);
        if hello.retry {
            row.stage = Stage::Retry;
            row.retries = row.retries.saturating_add(1);
            return;
        }
        row.stage = Stage::ServerHello;
        row.server_hello = Some(now);
        row.alpn = hello.alpn.map(capped);
        let tls13 = row.version.is_some_and(Version::is_tls13);
        if tls13 {
            row.resumption = hello.psk.then_some(Resumption::Psk);
        }
        let echoed = !hello.session_id.is_empty() && *hello.session_id == *self.session_id;
        if echoed && !tls13 {
            row.resumption = Some(if self.ticket { Resumption::Ticket } else { Resumption::SessionId });
        }
    }

    /// Any other message that is readable.
    pub(super) fn message(&mut self, from: Who, kind: HandshakeType, body: &[u8]) {
        match kind {
            HandshakeType::CERTIFICATE | HandshakeType::SERVER_HELLO_DONE => {
                self.full = true;
                self.done |= kind == HandshakeType::SERVER_HELLO_DONE;
                // A server need not echo an id that it does not know, but may give the same.
                if from == Who::Server && !self.is_tls13() {
                    self.row.resumption = None;
                }
            }
            HandshakeType::CERTIFICATE_REQUEST => self.row.client_certificate_requested = true,
            HandshakeType::CERTIFICATE_STATUS => self.row.stapled |= body.len() > 4,
            HandshakeType::SERVER_KEY_EXCHANGE => {
                // A named curve (RFC 8422 §5.4).
                if let &[3, high, low, ..] = body {
                    self.row.group = Some(Group(u16::from_be_bytes([high, low])));
                }
            }
            _ => {}
        }
    }

    /// A message of the server's part of TLS 1.3 that was opened.
    pub(super) fn opened_flight(&mut self, kind: HandshakeType) {
        let is_last = kind == HandshakeType::FINISHED || self.flight == Flight::Whole;
        self.flight = if is_last { Flight::Whole } else { Flight::Begun };
    }

    /// A packet of the server's part of TLS 1.3 that nobody opened (QUIC).
    pub(super) fn closed_flight(&mut self) {
        if self.flight == Flight::Nothing {
            self.flight = Flight::Opaque;
        }
    }

    /// A record of one side began of which more is to come, or that has come now.
    pub(super) fn amid_record(&mut self, from: Who, is_amid: bool) {
        if from == Who::Server {
            self.is_amid_record = is_amid;
        }
    }

    /// Bytes that one side sent were not captured.
    pub(super) fn misses(&mut self, from: Who) {
        let [client, server] = &mut self.missing;
        *(if from == Who::Client { client } else { server }) = true;
    }

    /// The server sent the client to another address or version (QUIC): it owes nothing until the client says hello again.
    pub(super) fn turn_away(&mut self) {
        self.turned_away = true;
    }

    pub(super) fn chain(&mut self, from: Who, chain: Chain) {
        self.row.stapled |= chain.stapled;
        let of = if from == Who::Server { &mut self.row.server_chain } else { &mut self.row.client_chain };
        *of = Some(Box::new(chain));
    }

    /// A ChangeCipherSpec message up to TLS 1.2. The server's before any certificate resumes a session (RFC 5246 §7.3, RFC 5077 §3.1).
    pub(super) fn change_cipher_spec(&mut self, from: Who) {
        if from == Who::Server && !self.full && !self.is_tls13() && self.row.stage == Stage::ServerHello {
            let kind = if self.ticket { Resumption::Ticket } else { Resumption::SessionId };
            self.row.resumption.get_or_insert(kind);
        }
    }

    /// An encrypted handshake message up to TLS 1.2, the first after ChangeCipherSpec: Finished.
    pub(super) fn encrypted_handshake(&mut self, from: Who, now: Moment) {
        let [client, server] = &mut self.finished;
        *(if from == Who::Client { client } else { server }) = true;
        if self.finished == [true; 2] && self.row.finished.is_none() {
            self.row.finished = Some(now);
            self.row.stage = Stage::Finished;
        }
    }

    /// A readable alert. True if it ends the handshake.
    pub(super) fn alert(&mut self, from: Who, alert: Alert, now: Moment) -> bool {
        if self.row.alerts.len() >= MAX_ALERTS {
            self.row.left_out = self.row.left_out.saturating_add(1);
            return false;
        }
        self.row.alerts.push((from, now, alert));
        if alert.description == AlertDescription::CLOSE_NOTIFY {
            self.notified.get_or_insert(from);
        }
        alert.is_fatal(self.is_tls13())
    }

    /// An alert that is encrypted, up to TLS 1.2. Behind both Finished messages, which accept what came before, it only closes (RFC 5246 §7.2.1).
    pub(super) fn encrypted_alert(&mut self, from: Who) {
        match (from, self.notified) {
            (Who::Server, None) if self.row.stage < Stage::Finished => self.rejected = Some(from),
            _ => {}
        }
        self.notified.get_or_insert(from);
    }

    /// What the client sends now is early data, which only TLS 1.3 has.
    pub(super) fn sends_early_data(&self) -> bool {
        self.row.early_data && self.row.server_hello.is_none()
    }

    /// A record of application data up to TLS 1.2, or of TLS 1.3 whatever it holds. True if the handshake is over.
    pub(super) fn data(&mut self, from: Who, len: u16, now: Moment) -> bool {
        if !self.may_be_tls13() {
            // Where the ServerHello was not captured, the version is not known: up to TLS 1.2 a client that sends data is through.
            let early = self.row.early_data && from == Who::Client && self.row.server_hello.is_none();
            if !early {
                self.row.first_data = Some(now);
                self.row.stage = Stage::Finished;
            }
            return !early;
        }
        match from {
            Who::Client => self.client_data13(len, now),
            Who::Server => self.server_data13(len, now),
        }
        let through = self.row.finished.is_some() && self.row.first_data.is_some();
        through && self.answers > 0 && self.rejected.is_none()
    }

    /// Length of a record of TLS 1.3 with nothing but a Finished message. SHA-384 belongs to one suite of RFC 8446 appendix B.4, SHA-256 to the
    /// others.
    fn finished13(&self) -> u16 {
        FINISHED_13 + if self.row.cipher.is_some_and(|c| c.0 == 0x1302) { 48 } else { 32 }
    }

    fn client_data13(&mut self, len: u16, now: Moment) {
        let finished = self.finished13();
        let row = &mut self.row;
        if row.server_hello.is_none() && row.early_data {
            return;
        }
        let exact = len == finished || row.early_data && len == finished + END_OF_EARLY_DATA;
        if exact && !self.exact {
            self.exact = true;
            row.finished = Some(now);
            row.first_data = None;
            row.stage = Stage::Finished;
        } else if len == ALERT_13 {
            if row.finished.is_none() {
                self.rejected = Some(Who::Client);
            }
            self.notified.get_or_insert(Who::Client);
        } else if row.finished.is_some() {
            row.first_data = row.first_data.or(Some(now));
        } else if !row.early_data {
            // A certificate of the client before its Finished, in one record with it or not.
            row.finished = Some(now);
            row.stage = Stage::Finished;
        }
    }

    fn server_data13(&mut self, len: u16, now: Moment) {
        let through = self.row.finished.is_some();
        if through {
            self.answers = self.answers.saturating_add(1);
        } else {
            // A Finished message never comes first: EncryptedExtensions does.
            let is_last = self.flight == Flight::Opaque && len == self.finished13();
            match self.flight {
                Flight::Nothing | Flight::Opaque if is_last => self.flight = Flight::Whole,
                Flight::Nothing | Flight::Opaque => self.flight = Flight::Opaque,
                Flight::Begun | Flight::Whole => {}
            }
        }
        let first = !through || self.answers == 1;
        if len == ALERT_13 && first && self.notified.is_none() {
            // A refusal follows the client's Finished at once; what comes later is the close_notify of a connection without use.
            let is_prompt = self.row.finished.is_none_or(|at| now.time.since(at.time) < PATIENCE);
            self.rejected = is_prompt.then_some(Who::Server);
            self.notified = Some(Who::Server);
        } else if self.rejected == Some(Who::Server) {
            // It has more to say.
            self.rejected = None;
        }
    }

    pub(super) fn success(&self) -> Outcome {
        if self.row.resumption.is_some() { Outcome::Resumed } else { Outcome::Completed }
    }

    pub(super) fn heap(&self) -> usize {
        size_of::<Self>() + self.delivery.heap() + self.session_id.len() + self.offered + self.row.heap()
    }
}

impl Handshake {
    /// Bytes on the heap, about, without the application protocols that are offered.
    fn heap(&self) -> usize {
        let name = |name: &Option<Box<[u8]>>| name.as_ref().map_or(0, |n| n.len());
        let chain = |chain: &Option<Box<Chain>>| chain.as_ref().map_or(0, |c| c.heap());
        name(&self.server_name)
            + name(&self.alpn)
            + name(&self.text)
            + chain(&self.server_chain)
            + chain(&self.client_chain)
            + self.alerts.capacity() * 32
    }
}

impl Chain {
    /// Bytes on the heap, about.
    pub(super) fn heap(&self) -> usize {
        let one = |c: &super::certificate::Certificate| {
            let names: usize = c.names.iter().map(|n| n.len() + 16).sum();
            size_of_val(c) + c.subject.len() + c.issuer.len() + names + size_of_val(&*c.addresses)
        };
        size_of::<Self>() + self.certificates.iter().map(one).sum::<usize>()
    }
}
