//! One QUIC connection: which keys its packets have, and the handshake messages inside.
//!
//! Owns: the state of a connection's protection. Reads packets, tells a [`Listener`] what they say. Initial packets are opened with keys that
//! anyone can derive (RFC 9001 section 5.2); Handshake packets, and CRYPTO frames of packets with short headers, only if secrets are known.
//! Keeps nothing but connection ids once the handshake is over.

use super::crypto::CryptoStream;
use super::frame::{Close, Frame, frames};
use super::packet::{Long, MAX_ID};
use super::protection::Keys;
use super::version::{self, Dialect};
use crate::model::{Direction, FrameNumber, limits};
use crate::protocol::tls::keys::Secrets;
use crate::protocol::tls::keys::keylog::SecretKind;
use crate::protocol::tls::keys::schedule::{self, Secret};
use crate::protocol::tls::keys::suite::Suite;

/// A connection id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Id {
    bytes: [u8; MAX_ID],
    len: u8,
}

impl Id {
    /// Ids of other lengths than those of RFC 9000 are cut; none are read.
    pub(crate) fn new(from: &[u8]) -> Id {
        let mut id = Id { bytes: [0; MAX_ID], len: from.len().min(MAX_ID) as u8 };
        id.bytes.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        id
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// Packet number spaces (RFC 9000 section 12.3), which are levels of protection, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    Initial,
    Handshake,
    Application,
}

/// What hears the messages of a connection.
pub(crate) trait Listener {
    /// A handshake message, with its header.
    fn message(&mut self, from: Direction, space: Space, message: &[u8]);
    /// One side ended the connection.
    fn close(&mut self, from: Direction, close: &Close<'_>);
    /// Bytes of the handshake had to be left out.
    fn left_out(&mut self, from: Direction);
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Who sent the first Initial packet.
    pub(crate) client: Direction,
    /// The version of the Initial keys.
    pub(crate) version: u32,
    /// What the Initial keys follow from.
    id: Id,
    /// Ids that the client and the server chose for themselves.
    pub(crate) own: [Id; 2],
    /// Id that a Retry packet chose.
    retried: Option<Id>,
    /// All else, until the handshake is over.
    open: Option<Box<Open>>,
}

/// What a handshake under way needs. Arrays begin with the client's.
#[derive(Debug)]
struct Open {
    initial: [Keys; 2],
    largest: [[Option<u64>; 2]; 3],
    crypto: [[CryptoStream; 2]; 3],
    known: Option<Known>,
}

/// What the secrets of a connection are found by, and the keys made of them.
#[derive(Debug)]
struct Known {
    client_random: [u8; 32],
    suite: Option<Suite>,
    handshake: [Option<Keys>; 2],
    application: [Option<Application>; 2],
    /// Packets in a row that could not be opened.
    failed: u8,
}

/// Keys of packets with short headers, and those of the next key phase (RFC 9001 section 6); the header protection stays.
#[derive(Debug)]
struct Application {
    keys: Keys,
    next: Option<(Keys, Secret)>,
}

impl Connection {
    /// A connection that begins with this Initial packet, if its own connection id opens it; the plain text is in `buffer` then.
    pub(crate) fn begin(
        from: Direction,
        long: &Long<'_>,
        keep_secrets: bool,
        buffer: &mut Vec<u8>,
    ) -> Option<(Connection, u64)> {
        let dialect = long.dialect;
        let initial = Keys::initial(&dialect, long.to)?;
        let number = initial.first()?.open(long.bytes, long.number_at, None, buffer)?;
        let known = keep_secrets.then(|| Known {
            client_random: [0; 32],
            suite: None,
            handshake: [None, None],
            application: [None, None],
            failed: 0,
        });
        let open = Open { initial, largest: [[None; 2]; 3], crypto: Default::default(), known };
        let connection = Connection {
            client: from,
            version: long.version,
            id: Id::new(long.to),
            own: [Id::new(long.from), Id::default()],
            retried: None,
            open: Some(Box::new(open)),
        };
        Some((connection, number))
    }

    fn role(&self, from: Direction) -> usize {
        usize::from(from != self.client)
    }

    /// Opens an Initial packet into `buffer`, if it is one of this connection.
    pub(crate) fn open_initial(
        &mut self,
        from: Direction,
        long: &Long<'_>,
        buffer: &mut Vec<u8>,
    ) -> Option<u64> {
        let role = self.role(from);
        let dialect = long.dialect;
        let largest = self.open.as_ref().and_then(|open| *open.largest.first()?.get(role)?);
        if let Some(open) = self.open.as_ref().filter(|_| long.version == self.version) {
            return open.initial.get(role)?.open(long.bytes, long.number_at, largest, buffer);
        }
        // Another version may be chosen for the same connection (RFC 9368 section 2.3); and one that is over has no keys any more.
        let keys = Keys::initial(&dialect, self.id.bytes())?;
        let number = keys.get(role)?.open(long.bytes, long.number_at, largest, buffer)?;
        if let Some(open) = &mut self.open {
            open.initial = keys;
            self.version = long.version;
        }
        Some(number)
    }

    /// Goes on with the keys of an Initial packet that follows a Retry, whose `begun` is what [`Connection::begin`] made of it.
    pub(crate) fn retry_with(&mut self, begun: Connection) {
        let Connection { version, id, open, .. } = begun;
        (self.version, self.id, self.retried) = (version, id, None);
        if let (Some(open), Some(new)) = (&mut self.open, open) {
            open.initial = new.initial;
        }
    }

    /// Whether an Initial packet that opens with keys of its own goes on with this connection rather than beginning another one: the
    /// server asked for it with a Retry packet, or must have, because the client still uses its id and nothing was answered.
    pub(crate) fn may_go_on_with(&self, from: Direction, long: &Long<'_>) -> bool {
        let [client, server] = &self.own;
        from == self.client
            && self.open.is_some()
            && (self.retried == Some(Id::new(long.to))
                || server.len == 0 && client.len > 0 && client.bytes() == long.from)
    }

    /// Whether a packet with a long header is one of this connection, as its ids say.
    pub(crate) fn has(&self, from: Direction, long: &Long<'_>) -> bool {
        let [client, server] = &self.own;
        if from == self.client {
            client.bytes() == long.from
        } else {
            client.bytes() == long.to && (server.len == 0 || server.bytes() == long.from)
        }
    }

    /// Whether a packet with a short header may be one of this connection: it begins with the receiver's connection id.
    pub(crate) fn takes(&self, from: Direction, packet: &[u8]) -> bool {
        let id = self.own.get(1 - self.role(from)).map_or(&[][..], Id::bytes);
        packet.get(1..).is_some_and(|rest| rest.starts_with(id))
    }

    /// The server, if this is one, answered with Version Negotiation: the client will try again from the start. False if it is none of this
    /// connection's.
    pub(crate) fn negotiated(&mut self, from: Direction, to: &[u8]) -> bool {
        let [client, _] = &self.own;
        let is_ours = from != self.client && client.bytes() == to;
        if let Some(open) = self.open.as_mut().filter(|_| is_ours) {
            (open.crypto, open.largest) = Default::default();
        }
        is_ours
    }

    /// A Retry packet was seen.
    pub(crate) fn retried(&mut self, id: &[u8]) {
        self.retried = Some(Id::new(id));
    }

    /// The handshake is over: forgets all but the ids.
    pub(crate) fn over(&mut self) {
        self.open = None;
    }

    /// Whether it is not.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Secrets may still open packets of this connection.
    pub(crate) fn has_secrets(&self) -> bool {
        let known = self.open.as_ref().and_then(|open| open.known.as_ref());
        known.is_some_and(|known| known.failed < limits::MAX_CLOSED_PACKETS)
    }

    /// Reads an opened Initial packet.
    pub(crate) fn initial(
        &mut self,
        from: Direction,
        long: &Long<'_>,
        number: u64,
        text: &[u8],
        listener: &mut dyn Listener,
    ) {
        let role = self.role(from);
        if let Some(own) = self.own.get_mut(role) {
            *own = Id::new(long.from);
        }
        self.read(from, Space::Initial, number, text, listener);
    }

    /// Opens and reads a Handshake packet, if its secrets are known.
    pub(crate) fn handshake(
        &mut self,
        from: Direction,
        long: &Long<'_>,
        secrets: &Secrets,
        now: FrameNumber,
        buffer: &mut Vec<u8>,
        listener: &mut dyn Listener,
    ) {
        let role = self.role(from);
        let opened = || -> Option<u64> {
            let open = self.open.as_mut()?;
            let largest = *open.largest.get(Space::Handshake as usize)?.get(role)?;
            let known = open.known.as_mut()?;
            let keys = known.handshake.get_mut(role)?;
            if keys.is_none() {
                let kind = if role == 0 { SecretKind::ClientHandshake } else { SecretKind::ServerHandshake };
                let suite = known.suite?;
                let secret = secrets.get(kind, &known.client_random, now)?;
                *keys = Keys::new(suite, &secret, &long.dialect);
            }
            keys.as_ref()?.open(long.bytes, long.number_at, largest, buffer)
        }();
        self.protected(from, Space::Handshake, opened, buffer, listener);
    }

    /// Opens and reads a packet with a short header, if its secrets are known.
    pub(crate) fn short(
        &mut self,
        from: Direction,
        packet: &[u8],
        secrets: &Secrets,
        now: FrameNumber,
        buffer: &mut Vec<u8>,
        listener: &mut dyn Listener,
    ) {
        let role = self.role(from);
        let dialect = version::dialect(self.version);
        let opened = || -> Option<u64> {
            let number_at = 1 + usize::from(self.own.get(1 - role)?.len);
            let open = self.open.as_mut()?;
            let largest = *open.largest.get(Space::Application as usize)?.get(role)?;
            let known = open.known.as_mut()?;
            let place = known.application.get_mut(role)?;
            if place.is_none() {
                let kind =
                    if role == 0 { SecretKind::ClientApplication } else { SecretKind::ServerApplication };
                let secret = secrets.get(kind, &known.client_random, now)?;
                *place = Application::new(known.suite?, secret, &dialect?);
            }
            place.as_mut()?.open(known.suite?, &dialect?, packet, number_at, largest, buffer)
        }();
        self.protected(from, Space::Application, opened, buffer, listener);
    }

    /// Reads a packet that was opened with secrets, or counts one that was not.
    fn protected(
        &mut self,
        from: Direction,
        space: Space,
        opened: Option<u64>,
        buffer: &[u8],
        listener: &mut dyn Listener,
    ) {
        let Some(known) = self.open.as_mut().and_then(|open| open.known.as_mut()) else { return };
        match opened {
            Some(number) => {
                known.failed = 0;
                self.read(from, space, number, buffer, listener);
            }
            None => known.failed = known.failed.saturating_add(1),
        }
    }

    /// Reads the frames of an opened packet.
    fn read(&mut self, from: Direction, space: Space, number: u64, text: &[u8], listener: &mut dyn Listener) {
        let role = self.role(from);
        let Some(open) = &mut self.open else { return };
        if let Some(largest) = open.largest.get_mut(space as usize).and_then(|both| both.get_mut(role)) {
            *largest = (*largest).max(Some(number));
        }
        for frame in frames(text, version::is_google(self.version)) {
            match frame {
                Frame::Crypto { offset, data } => {
                    let Some(crypto) =
                        open.crypto.get_mut(space as usize).and_then(|both| both.get_mut(role))
                    else {
                        return;
                    };
                    let was_given_up = crypto.is_given_up();
                    let is_kept = crypto.add(offset, data);
                    while let Some(message) = crypto.message() {
                        if let Some(known) = &mut open.known {
                            known.learn(&message);
                        }
                        listener.message(from, space, &message);
                    }
                    // A message may turn out to be too long once its length is there.
                    if !is_kept || crypto.is_given_up() && !was_given_up {
                        listener.left_out(from);
                    }
                }
                Frame::Close(close) => listener.close(from, &close),
                Frame::Other => {}
            }
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        let Some(open) = &self.open else { return 0 };
        let crypto: usize = open.crypto.iter().flatten().map(CryptoStream::heap).sum();
        let known = open.known.as_ref().map_or(0, |known| {
            let handshake = known.handshake.iter().flatten().map(Keys::heap).sum::<usize>();
            let application = known.application.iter().flatten().map(|keys| keys.keys.heap());
            handshake + application.sum::<usize>()
        });
        size_of::<Open>() + open.initial.iter().map(Keys::heap).sum::<usize>() + crypto + known
    }
}

impl Known {
    /// The client's random and the suite stand in the hellos (RFC 8446 sections 4.1.2 and 4.1.3).
    fn learn(&mut self, message: &[u8]) {
        let random = message.get(6..).and_then(|rest| rest.first_chunk::<32>());
        match (message.first(), random) {
            // The ClientHello behind a HelloRetryRequest has the same one.
            (Some(1), Some(random)) => self.client_random = *random,
            (Some(2), Some(_)) => {
                let session = message.get(38).map_or(0, |&len| usize::from(len));
                let suite = message.get(39 + session..).and_then(|rest| rest.first_chunk());
                self.suite = suite.and_then(|&suite| Suite::from_number(u16::from_be_bytes(suite)));
            }
            _ => {}
        }
    }
}

impl Application {
    fn new(suite: Suite, secret: Secret, dialect: &Dialect) -> Option<Application> {
        let keys = Keys::new(suite, &secret, dialect)?;
        let next = Application::next(&keys, suite, &secret, dialect);
        Some(Application { keys, next })
    }

    fn next(now: &Keys, suite: Suite, secret: &Secret, dialect: &Dialect) -> Option<(Keys, Secret)> {
        let label: &[u8] = if dialect.second { b"quicv2 ku" } else { b"quic ku" };
        let secret = schedule::derive(suite.hash, secret, label)?;
        Some((Keys::new(suite, &secret, dialect)?.with_mask_of(now), secret))
    }

    fn open(
        &mut self,
        suite: Suite,
        dialect: &Dialect,
        packet: &[u8],
        number_at: usize,
        largest: Option<u64>,
        buffer: &mut Vec<u8>,
    ) -> Option<u64> {
        if let Some(number) = self.keys.open(packet, number_at, largest, buffer) {
            return Some(number);
        }
        let (keys, secret) = self.next.take()?;
        match keys.open(packet, number_at, largest, buffer) {
            Some(number) => {
                self.keys = keys;
                self.next = Application::next(&self.keys, suite, &secret, dialect);
                Some(number)
            }
            None => {
                self.next = Some((keys, secret));
                None
            }
        }
    }
}
