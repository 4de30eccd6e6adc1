//! Handshakes without records: QUIC carries the messages itself (RFC 9001 section 4), and only the hellos are readable for everyone.

use super::alert::{Alert, AlertDescription, AlertLevel};
use super::certificate::Chain;
use super::code::{ExtensionType, HandshakeType};
use super::handshake::Raw;
use super::hello::{ClientHello, ServerHello};
use super::message::{HandshakeMessage, TlsMessage, Who, capped};
use super::progress::{Open, PATIENCE};
use super::transaction::{Handshake, Outcome, QuicClose, Stage};
use crate::model::Direction;
use crate::protocol::stream::{Closing, Moment};

/// Bytes before a message's body.
const HEADER: usize = 4;

/// A handshake under way.
#[derive(Debug)]
pub(crate) struct Recordless {
    open: Open,
}

impl Recordless {
    /// A handshake of which nothing was said yet, over a version of QUIC.
    pub(crate) fn new(client: Direction, quic: u32) -> Recordless {
        Recordless { open: Open::new(Handshake { quic: Some(quic), ..Handshake::new(client, None, None) }) }
    }

    /// Takes a message with its header. What is to be shown of it, or is wrong with it, is added to `said`.
    pub(crate) fn message(
        &mut self,
        from: Direction,
        message: &[u8],
        every: bool,
        now: Moment,
        said: &mut TlsMessage,
    ) {
        let (Some(&kind), Some(body)) = (message.first(), message.get(HEADER..)) else { return };
        let raw = Raw { kind: HandshakeType(kind), body };
        let mut shown = every.then(|| HandshakeMessage::of(raw));
        let open = &mut self.open;
        let who = open.row.who(from);
        if who == Who::Server && raw.kind != HandshakeType::SERVER_HELLO {
            open.opened_flight(raw.kind);
        }
        match raw.kind {
            HandshakeType::CLIENT_HELLO => {
                if let Some(hello) = ClientHello::parse(body) {
                    open.client_hello(&hello, now);
                }
            }
            HandshakeType::SERVER_HELLO => {
                if let Some(hello) = ServerHello::parse(body) {
                    open.server_hello(&hello, now);
                }
            }
            HandshakeType::ENCRYPTED_EXTENSIONS => open.row.alpn = chosen_protocol(body),
            HandshakeType::FINISHED if who == Who::Client => open.row.finished = Some(now),
            HandshakeType::CERTIFICATE => {
                open.message(who, raw.kind, body);
                if let Some(chain) = Chain::parse_tls13(body) {
                    let host = open.row.server_name.as_deref().filter(|_| who == Who::Server);
                    said.faults.extend(chain.faults(now.time, host));
                    if let Some(shown) = &mut shown {
                        shown.chain = Some(Box::new(chain.clone()));
                    }
                    open.chain(who, chain);
                }
            }
            kind => open.message(who, kind, body),
        }
        if !said.faults.is_empty() {
            said.server_name = open.row.server_name.clone();
        }
        said.by = Some(who);
        said.handshakes.extend(shown);
    }

    /// The version of QUIC that its packets have, after a change.
    pub(crate) fn version(&mut self, quic: u32) {
        self.open.row.quic = Some(quic);
    }

    /// Secrets are known of it.
    pub(crate) fn has_secrets(&mut self) {
        self.open.row.has_secrets = true;
    }

    /// Messages were left out because of a limit.
    pub(crate) fn left_out(&mut self) {
        self.open.row.left_out = self.open.row.left_out.saturating_add(1);
    }

    /// The server has answered with a ServerHello.
    pub(crate) fn is_answered(&self) -> bool {
        self.open.row.stage >= Stage::ServerHello
    }

    /// The client sent data under the last keys: its part of the handshake is over.
    pub(crate) fn through(mut self, now: Moment) -> Handshake {
        let row = &mut self.open.row;
        row.finished.get_or_insert(now);
        row.first_data = Some(now);
        row.stage = Stage::Finished;
        let outcome = self.open.success();
        self.ended(outcome, now)
    }

    /// A packet with handshake messages that nobody could open.
    pub(crate) fn closed_message(&mut self, from: Direction) {
        match self.open.row.who(from) {
            Who::Server => self.open.closed_flight(),
            // A client has nothing to say there before it has heard a ServerHello.
            Who::Client if !self.is_answered() => self.open.misses(Who::Server),
            Who::Client => {}
        }
    }

    /// The server sent the client elsewhere, or to another version.
    pub(crate) fn turn_away(&mut self) {
        self.open.turn_away();
    }

    /// One side closed the connection; `alert` says so with an alert of TLS.
    pub(crate) fn closed(mut self, close: QuicClose, alert: Option<u8>, now: Moment) -> Handshake {
        let (who, is_ordinary) = (close.by, close.is_ordinary());
        let row = &mut self.open.row;
        let (stage, asked) = (row.stage, row.latest().time);
        row.close = Some(Box::new(close));
        if let Some(description) = alert.map(AlertDescription) {
            // Every alert is an error here (RFC 9001 section 4.8).
            self.open.alert(who, Alert { level: AlertLevel::FATAL, description }, now);
            return self.ended(Outcome::Failed(who), now);
        }
        let waited = stage > Stage::Nothing && now.time.since(asked) >= PATIENCE;
        let outcome = match who {
            // Nobody knows what it came to if no message of it was captured.
            _ if stage == Stage::Nothing => return self.cut(now),
            Who::Client if is_ordinary && waited && stage < Stage::ServerHello => {
                Outcome::Silent(Some(Who::Server))
            }
            Who::Client if is_ordinary => Outcome::Abandoned(who),
            _ => Outcome::Closed(who),
        };
        self.ended(outcome, now)
    }

    /// The capture ended, or nobody cares any more.
    pub(crate) fn cut(mut self, now: Moment) -> Handshake {
        let client = self.open.row.client;
        let outcome = self.open.closed(client, Closing::CaptureEnd, now);
        self.ended(outcome, now)
    }

    fn ended(self, outcome: Outcome, end: Moment) -> Handshake {
        Handshake { outcome, end, ..self.open.row }
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        self.open.heap()
    }
}

/// The application protocol in the body of EncryptedExtensions (RFC 8446 section 4.3.1, RFC 7301 section 3.1).
pub(super) fn chosen_protocol(body: &[u8]) -> Option<Box<[u8]>> {
    let (_, mut rest) = body.split_first_chunk::<2>()?;
    while let Some((&[k0, k1, l0, l1], after)) = rest.split_first_chunk() {
        let (content, after) = after.split_at_checked(usize::from(u16::from_be_bytes([l0, l1])))?;
        if u16::from_be_bytes([k0, k1]) == ExtensionType::ALPN.0 {
            // A list of one name.
            let (&len, name) = content.get(2..)?.split_first()?;
            return name.get(..usize::from(len)).map(capped);
        }
        rest = after;
    }
    None
}
