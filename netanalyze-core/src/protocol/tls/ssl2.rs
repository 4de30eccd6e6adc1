//! SSL 2.0 (draft-hickman-netscape-ssl): its ClientHello, with which old clients of newer versions begin too (RFC 5246 appendix E.2), and the few
//! messages that sessions of its own have in clear.

use super::code::{HandshakeType, Version};
use super::fault::Fault;
use super::handshake::Raw;
use super::hello::{ClientHello, ServerHello};
use super::message::{HandshakeMessage, TlsMessage};
use super::record::Ssl2ClientHello;
use super::stream::{Next, Stream};
use crate::model::Direction;
use crate::protocol::message::Messages;
use crate::protocol::stream::Moment;

/// The client's key: everything after it is encrypted.
const CLIENT_MASTER_KEY: u8 = 2;

/// The server's answer to a ClientHello.
const SERVER_HELLO: u8 = 4;

impl Stream {
    pub(super) fn ssl2_client_hello(
        &mut self,
        from: Direction,
        hello: Ssl2ClientHello,
        now: Moment,
        out: &mut Messages,
    ) {
        let parsed = ClientHello { version: hello.version, complete: true, ..ClientHello::default() };
        self.client_hello(from, &parsed, now, out);
        if out.every {
            let mut message = HandshakeMessage::of(Raw { kind: HandshakeType::CLIENT_HELLO, body: &[] });
            message.len = u32::try_from(hello.total).unwrap_or(u32::MAX);
            let handshakes = vec![message];
            self.say(from, TlsMessage { handshakes, ..TlsMessage::default() }, out);
        }
    }

    /// A record of SSL 2.0, if this is a session of it.
    pub(super) fn ssl2_record(
        &mut self,
        from: Direction,
        bytes: &[u8],
        now: Moment,
        out: &mut Messages,
    ) -> Option<Next> {
        let began = self.version == Version(0)
            && self.open.as_ref().is_some_and(|open| open.row.version_offered == Some(Version::SSL2));
        let answers = matches!(*bytes, [high, _, SERVER_HELLO, ..] if high & 0x80 != 0);
        if self.version != Version::SSL2 && !(began && answers) {
            return None;
        }
        // Two bytes of length; three with padding, which encrypted records have.
        let &[high, low, ..] = bytes else { return Some(Next::Need(3)) };
        let (mask, header) = if high & 0x80 != 0 { (0x7f, 2) } else { (0x3f, 3) };
        let total = usize::from(u16::from_be_bytes([high & mask, low])) + header;
        let Some(record) = bytes.get(..total) else { return Some(Next::Need(total)) };
        let encrypted = self.half(from).changed.is_some();
        self.version = Version::SSL2;
        let mut said = TlsMessage::default();
        match record.get(header) {
            Some(&kind @ 1..=8) if !encrypted => {
                if kind == SERVER_HELLO {
                    let hello = ServerHello { version: Version::SSL2, ..ServerHello::default() };
                    self.open().server_hello(&hello, now);
                    said.faults.push(Fault::WeakVersion(Version::SSL2));
                }
                if kind == CLIENT_MASTER_KEY {
                    for end in [from, from.reverse()] {
                        self.half(end).changed = Some(now.frame);
                    }
                }
                let mut message = HandshakeMessage::of(Raw { kind: HandshakeType(0), body: &[] });
                message.kind = HandshakeType(kind);
                message.len = u32::try_from(total - header).unwrap_or(u32::MAX);
                said.handshakes.push(message);
            }
            _ => {
                let who = self.who(from);
                if let Some(open) = self.open.as_mut() {
                    open.encrypted_handshake(who, now);
                }
            }
        }
        if out.every && !said.handshakes.is_empty() || !said.faults.is_empty() {
            self.say(from, said, out);
        }
        Some(Next::Done(total))
    }
}
