//! What records hold: handshake messages and alerts, and what they mean for the handshake.

use super::alert::Alert;
use super::certificate::Chain;
use super::code::{ContentType, HandshakeType};
use super::fault::Fault;
use super::handshake::{Raw, looks_encrypted};
use super::hello::{ClientHello, ServerHello};
use super::message::{HandshakeMessage, TlsMessage, Who};
use super::record::{self, Record, is_record_version};
use super::stream::Stream;
use super::transaction::Outcome;
use crate::model::Direction;
use crate::protocol::message::{Limit, Messages};
use crate::protocol::stream::Moment;

impl Stream {
    pub(super) fn handshake(
        &mut self,
        from: Direction,
        content: &[u8],
        now: Moment,
        said: &mut TlsMessage,
        out: &mut Messages,
    ) {
        let tls13 = self.version.is_tls13();
        let half = self.half(from);
        let changed = half.changed.filter(|_| !tls13);
        // The rule by which fields are shown counts frames; a message right behind ChangeCipherSpec is encrypted all the same.
        let hidden = half.fragment.is_none()
            && (looks_encrypted(content) || content.len() >= 16 && changed.is_some_and(|at| at < now.frame))
            && !self.is_too_long(from, content);
        if changed.is_some() {
            let who = self.who(from);
            if let Some(open) = self.open.as_mut() {
                open.encrypted_handshake(who, now);
            }
        }
        if hidden {
            return;
        }
        let readable = changed.is_none();
        let mut fragment = self.half(from).fragment.take().unwrap_or_default();
        let kept = fragment.take(content, |raw| {
            let mut message = out.every.then(|| HandshakeMessage::of(raw));
            if readable {
                self.message(from, raw, now, said, message.as_mut(), out);
            }
            said.handshakes.extend(message);
        });
        self.half(from).fragment = Some(fragment).filter(|fragment| !fragment.is_empty());
        if !kept {
            self.message_left_out(from, out);
        }
    }

    /// Whether a message begins here that is too long to be kept. Its length looks like that of an encrypted one, but nothing can be encrypted
    /// yet: no direction has changed its keys, and all was captured.
    fn is_too_long(&self, from: Direction, content: &[u8]) -> bool {
        let Some(&[kind, long]) = content.first_chunk() else { return false };
        let open = self.open.as_ref().filter(|_| long != 0 && HandshakeType(kind).is_named());
        open.is_some_and(|open| open.is_in_clear()) && !self.has_changed(from) && !self.version.is_tls13()
    }

    /// A handshake message was too long to be kept.
    #[cold]
    pub(super) fn message_left_out(&mut self, from: Direction, out: &mut Messages) {
        out.hit(Limit::TlsMessage);
        let who = self.who(from);
        if let Some(open) = self.open.as_mut() {
            open.row.left_out = open.row.left_out.saturating_add(1);
            open.misses(who);
        }
    }

    /// A handshake message in clear.
    pub(super) fn message(
        &mut self,
        from: Direction,
        raw: Raw<'_>,
        now: Moment,
        said: &mut TlsMessage,
        message: Option<&mut HandshakeMessage>,
        out: &mut Messages,
    ) {
        match raw.kind {
            HandshakeType::CLIENT_HELLO => {
                // Findings need none of its lists, secrets do.
                let brief = out.terse && self.decryption.is_none();
                let Some(hello) = ClientHello::parse_as(raw.body, brief) else { return };
                self.client_hello(from, &hello, now, out);
                self.note_client(&hello, now, out);
            }
            HandshakeType::SERVER_HELLO | HandshakeType::HELLO_RETRY_REQUEST => {
                let Some(hello) = ServerHello::parse_as(raw.kind, raw.body) else { return };
                self.client = from.reverse();
                self.version = hello.version;
                self.note_server(&hello, now, out);
                let open = self.open();
                open.server_hello(&hello, now);
                if hello.version.is_weak() {
                    said.faults.push(Fault::WeakVersion(hello.version));
                }
                if let Some(cipher) = hello.cipher.filter(|cipher| cipher.weakness().is_some()) {
                    said.faults.push(Fault::WeakCipher(cipher));
                }
            }
            kind => {
                let (who, tls13) = (self.who(from), self.version.is_tls13());
                let Some(open) = self.open.as_mut() else { return };
                open.message(who, kind, raw.body);
                if kind == HandshakeType::CERTIFICATE {
                    let chain = if tls13 { Chain::parse_tls13(raw.body) } else { Chain::parse(raw.body) };
                    let Some(chain) = chain else { return };
                    let host = open.row.server_name.as_deref().filter(|_| who == Who::Server);
                    said.faults.extend(chain.faults(now.time, host));
                    if let Some(message) = message {
                        message.chain = Some(Box::new(chain.clone()));
                    }
                    open.chain(who, chain);
                }
            }
        }
    }

    pub(super) fn client_hello(
        &mut self,
        from: Direction,
        hello: &ClientHello<'_>,
        now: Moment,
        out: &mut Messages,
    ) {
        if let Some(open) = self.open.as_mut().filter(|open| open.is_past_client_hello()) {
            if from == self.client && open.lacks_client_hello() {
                // The server's answer overtook it on the way to the capture.
                return open.late_client_hello(hello, now);
            }
            self.end(from, Outcome::Cut, now, out);
        }
        self.client = from;
        self.failed = false;
        self.half(from).changed = None;
        self.half(from.reverse()).changed = None;
        self.open().client_hello(hello, now);
    }

    pub(super) fn alert(&mut self, from: Direction, content: &[u8], now: Moment, said: &mut TlsMessage) {
        let who = self.who(from);
        said.alert = Alert::parse(content);
        let Some(alert) = said.alert else {
            if let (Some(open), true) = (self.open.as_mut(), content.len() > 2) {
                open.encrypted_alert(who);
            }
            return;
        };
        said.fatal = alert.is_fatal(self.version.is_tls13()) && !self.failed;
        if let Some(open) = self.open.as_mut()
            && open.alert(who, alert, now)
        {
            open.ending = Some(Outcome::Failed(who));
        }
    }

    /// What can be said of a segment of which only the first bytes were captured.
    pub(super) fn cut(
        &mut self,
        from: Direction,
        bytes: &[u8],
        missing: u32,
        now: Moment,
        out: &mut Messages,
    ) {
        let mut rest = bytes;
        while let Some(record) = Record::parse(rest) {
            if !record.content_type.is_known() || !is_record_version(record.version) {
                return;
            }
            let Some(content) = rest.get(record::HEADER..record.total()) else { break };
            self.record(from, record, content, now, out);
            rest = rest.get(record.total()..).unwrap_or_default();
        }
        if let Some(record) = Record::parse(rest) {
            let content = rest.get(record::HEADER..).unwrap_or_default();
            self.lost_records(from);
            self.cut_record(from, record, content, missing, now, out);
        }
    }

    /// A record of which only the first bytes of the content were captured. Fields are as Wireshark 4.0 has them.
    fn cut_record(
        &mut self,
        from: Direction,
        record: Record,
        content: &[u8],
        missing: u32,
        now: Moment,
        out: &mut Messages,
    ) {
        if !record.content_type.is_known() || !is_record_version(record.version) {
            return;
        }
        self.see_version(record, content);
        if record.content_type == ContentType::APPLICATION_DATA {
            self.protected(from, record.len, now, out);
        }
        let mut message = TlsMessage::of(record, self.version.is_tls13());
        let changed = self.half(from).changed.is_some_and(|at| at < now.frame) && !self.version.is_tls13();
        let claimed = content.len().saturating_add(missing as usize);
        let hidden = record.len >= 16 && (looks_encrypted(content) || changed);
        if let (ContentType::HANDSHAKE, false, [kind, _, _, _, body @ ..]) =
            (record.content_type, hidden, content)
        {
            let raw = Raw { kind: HandshakeType(*kind), body };
            let mut handshake = (out.every && claimed >= raw.body.len()).then(|| HandshakeMessage::of(raw));
            self.message(from, raw, now, &mut message, handshake.as_mut(), out);
            message.handshakes.extend(handshake);
        }
        if out.every {
            self.say(from, message, out);
        }
    }
}
