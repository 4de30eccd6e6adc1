//! Records that secrets open: what they hold is read like what is in clear, and the application inside is decoded.

use super::code::{ContentType, HandshakeType};
use super::handshake::Raw;
use super::hello::{ClientHello, ServerHello};
use super::keys::decryption::{CLIENT, Decryption, SERVER};
use super::message::{HandshakeMessage, TlsMessage, Who};
use super::record::Record;
use super::recordless::chosen_protocol;
use super::stream::Stream;
use super::transaction::Stage;
use crate::model::Direction;
use crate::protocol::message::Messages;
use crate::protocol::stream::{Closing, Moment};

impl Stream {
    fn side(&self, from: Direction) -> usize {
        if from == self.client { CLIENT } else { SERVER }
    }

    /// Whether a direction's protected records can be opened.
    #[inline]
    pub(super) fn opens(&self, from: Direction) -> bool {
        self.decryption.as_ref().is_some_and(|known| known.opens(self.side(from)))
    }

    /// Takes what secrets are found by from a ClientHello.
    pub(super) fn note_client(&mut self, hello: &ClientHello<'_>, now: Moment, out: &Messages) {
        let Some(secrets) = &out.secrets else { return };
        if let Some(open) = self.open.as_mut() {
            open.row.has_secrets |= secrets.knows(hello.random, now.frame);
        }
        if let Some(known) = &mut self.decryption {
            let suites = hello.ciphers.iter().map(|suite| suite.0);
            known.client_hello(self.client, hello.random, hello.early_data, suites, secrets, now.frame);
        }
    }

    /// Takes what secrets are found by from a ServerHello.
    pub(super) fn note_server(&mut self, hello: &ServerHello<'_>, now: Moment, out: &Messages) {
        if let (Some(secrets), Some(known), Some(suite), false) =
            (&out.secrets, &mut self.decryption, hello.cipher, hello.retry)
        {
            known.server_hello(hello.random, suite.0, hello.version.is_tls13(), secrets, now.frame);
            if !known.is_of_use() {
                self.decryption = None;
            }
        }
    }

    /// What follows from this side is under new keys (TLS 1.2).
    pub(super) fn changes_keys(&mut self, from: Direction) {
        let side = self.side(from);
        if let Some(known) = &mut self.decryption {
            known.change_cipher_spec(side);
        }
    }

    /// Records of a direction are missing.
    pub(super) fn lost_records(&mut self, from: Direction) {
        let side = self.side(from);
        if let Some(known) = &mut self.decryption {
            known.lost(side);
        }
    }

    /// A direction ended, and with it the application's.
    pub(super) fn closed_inside(&mut self, from: Direction, how: Closing, now: Moment, out: &mut Messages) {
        let side = self.side(from);
        if let Some(known) = &mut self.decryption {
            known.closed(side, how, now, out);
        }
    }

    /// Opens a protected record and reads it. False if it is none, or cannot be opened.
    pub(super) fn opened(
        &mut self,
        from: Direction,
        record: Record,
        content: &[u8],
        now: Moment,
        out: &mut Messages,
    ) -> bool {
        let (side, tls13) = (self.side(from), self.version.is_tls13());
        if !self.opens(from) || tls13 && record.content_type != ContentType::APPLICATION_DATA {
            return false;
        }
        // The decryption is put back below, whatever happens.
        let Some(mut known) = self.decryption.take() else { return false };
        let mut buffer = Vec::new();
        let ([major, minor], [high, low]) = (record.version.0.to_be_bytes(), record.len.to_be_bytes());
        let header = [record.content_type.0, major, minor, high, low];
        let opened = known.open(side, header, content, &mut buffer);
        if let Some(opened) = opened {
            if let Some(open) = self.open.as_mut() {
                open.row.decrypted = true;
            }
            let inner = ContentType(opened.content_type);
            let text = opened.text(&buffer);
            let mut said = TlsMessage::of(record, tls13);
            said.inner = tls13.then_some(inner);
            match inner {
                ContentType::HANDSHAKE => self.opened_handshake(from, text, now, &mut said, &mut known, out),
                ContentType::ALERT => self.alert(from, text, now, &mut said),
                ContentType::APPLICATION_DATA => self.opened_data(from, record.len, now, out),
                _ => {}
            }
            let close_notify = said.alert.is_some();
            let wrong = said.fatal || !said.faults.is_empty();
            if wrong && said.server_name.is_none() {
                said.server_name = self.open.as_ref().and_then(|open| open.row.server_name.clone());
            }
            if out.every || wrong {
                self.say(from, said, out);
            }
            if let Some(ending) = self.open.as_mut().and_then(|open| open.ending.take()) {
                self.end(from, ending, now, out);
            }
            // Said after the record that it stands in.
            if inner == ContentType::APPLICATION_DATA {
                known.data(side, text, now, out);
            } else if close_notify {
                known.closed(side, Closing::Fin, now, out);
            }
        }
        self.decryption = Some(known);
        opened.is_some()
    }

    fn opened_handshake(
        &mut self,
        from: Direction,
        text: &[u8],
        now: Moment,
        said: &mut TlsMessage,
        known: &mut Decryption,
        out: &mut Messages,
    ) {
        let (side, who, tls13) = (self.side(from), self.who(from), self.version.is_tls13());
        let mut fragment = self.half(from).fragment.take().unwrap_or_default();
        let kept = fragment.take(text, |raw| {
            let mut message = out.every.then(|| HandshakeMessage::of(raw));
            if let (Some(open), true, Who::Server) = (self.open.as_mut(), tls13, who) {
                open.opened_flight(raw.kind);
            }
            match raw.kind {
                HandshakeType::FINISHED => self.finished(who, now),
                HandshakeType::ENCRYPTED_EXTENSIONS => {
                    if let Some(open) = self.open.as_mut() {
                        open.row.alpn = chosen_protocol(raw.body);
                    }
                }
                // A renegotiation is a new handshake, with hellos of its own.
                _ => self.opened_message(from, raw, now, said, message.as_mut(), known, out),
            }
            if matches!(
                raw.kind,
                HandshakeType::FINISHED | HandshakeType::END_OF_EARLY_DATA | HandshakeType::KEY_UPDATE
            ) && tls13
            {
                known.next_key(side);
            }
            said.handshakes.extend(message);
        });
        self.half(from).fragment = Some(fragment).filter(|fragment| !fragment.is_empty());
        if !kept {
            self.message_left_out(from, out);
        }
    }

    /// Any other message. What hellos say of keys must reach the decryption, which is out of its place meanwhile.
    #[allow(clippy::too_many_arguments)]
    fn opened_message(
        &mut self,
        from: Direction,
        raw: Raw<'_>,
        now: Moment,
        said: &mut TlsMessage,
        message: Option<&mut HandshakeMessage>,
        known: &mut Decryption,
        out: &mut Messages,
    ) {
        self.message(from, raw, now, said, message, out);
        let Some(secrets) = &out.secrets else { return };
        match raw.kind {
            HandshakeType::CLIENT_HELLO => {
                if let Some(hello) = ClientHello::parse(raw.body) {
                    known.client_hello(
                        self.client,
                        hello.random,
                        false,
                        std::iter::empty(),
                        secrets,
                        now.frame,
                    );
                }
            }
            HandshakeType::SERVER_HELLO => {
                if let Some(hello) = ServerHello::parse(raw.body)
                    && let Some(suite) = hello.cipher
                {
                    known.server_hello(hello.random, suite.0, hello.version.is_tls13(), secrets, now.frame);
                }
            }
            _ => {}
        }
    }

    fn finished(&mut self, who: Who, now: Moment) {
        let tls13 = self.version.is_tls13();
        let Some(open) = self.open.as_mut() else { return };
        if !tls13 {
            open.encrypted_handshake(who, now);
        } else if who == Who::Client {
            open.row.finished = Some(now);
            open.row.stage = Stage::Finished;
        }
    }

    /// Application data: the first behind the handshake ends it.
    fn opened_data(&mut self, from: Direction, len: u16, now: Moment, out: &mut Messages) {
        if !self.version.is_tls13() {
            self.protected(from, len, now, out);
            return;
        }
        let Some(open) = self.open.as_mut() else { return };
        // Early data, or the server's before the client's Finished, is none that waited for the handshake.
        if open.row.finished.is_some() {
            open.row.first_data = Some(now);
            let outcome = open.success();
            self.end(from, outcome, now, out);
        }
    }
}
