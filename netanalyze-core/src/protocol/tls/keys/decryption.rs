//! A TLS connection whose secrets may be known: opens its records, and hands what is inside to the application's decoder.
//!
//! Owns: randoms and suite of the handshake, the openers of both directions, a [`Session`] for the bytes inside. Reads: what
//! [`Stream`](crate::protocol::tls::Stream) finds in hellos, and protected records in their order. Emits: their plain text, and the messages of the application
//! inside. Where records are missing, the application's bytes have a hole of unknown length, as if a segment had been lost.

use super::opener::{HEADER, Opened, Opener};
use super::secrets::Secrets;
use super::suite::Suite;
use crate::model::{Direction, FrameNumber};
use crate::protocol::message::Messages;
use crate::protocol::session::{SegmentIn, Session};
use crate::protocol::stream::{Closing, Flow, Moment};

/// A connection whose records can be opened, or may come to be.
#[derive(Debug)]
pub(crate) struct Decryption {
    flow: Flow,
    client_random: [u8; 32],
    server_random: [u8; 32],
    suite: Option<Suite>,
    tls13: bool,
    /// The client's, then the server's.
    openers: [Option<Opener>; 2],
    /// TLS 1.2: those that ChangeCipherSpec messages will bring into use.
    pending: [Option<Opener>; 2],
    inside: Option<Box<Inside>>,
}

/// The application.
#[derive(Debug)]
struct Inside {
    session: Session,
    /// Sequence number of the next byte of each direction: the decoder gets segments as TCP would bring them.
    next: [u32; 2],
}

/// Whose records.
pub(crate) const CLIENT: usize = 0;
pub(crate) const SERVER: usize = 1;

impl Decryption {
    pub(crate) fn new(flow: &Flow) -> Decryption {
        Decryption {
            flow: *flow,
            client_random: [0; 32],
            server_random: [0; 32],
            suite: None,
            tls13: false,
            openers: [None, None],
            pending: [None, None],
            inside: None,
        }
    }

    /// A ClientHello. The one behind a HelloRetryRequest has the same random; of a renegotiation it is another one, and what is in use stays
    /// so until ChangeCipherSpec. Early data of TLS 1.3 is opened under the suite of `suites` that fits its secret, first offered first:
    /// that of the resumed session is one of them.
    pub(crate) fn client_hello(
        &mut self,
        client: Direction,
        random: &[u8],
        early_data: bool,
        suites: impl Iterator<Item = u16>,
        secrets: &Secrets,
        now: FrameNumber,
    ) {
        let Some(&random) = random.first_chunk() else { return };
        (self.flow.client, self.client_random) = (client, random);
        if early_data && self.openers.iter().all(Option::is_none) {
            let [client, _] = &mut self.openers;
            *client = suites
                .filter(|number| (0x1301..=0x1305).contains(number))
                .filter_map(Suite::from_number)
                .find_map(|suite| Opener::early(suite, secrets, &random, now));
        }
    }

    /// A ServerHello that is no HelloRetryRequest.
    pub(crate) fn server_hello(
        &mut self,
        random: &[u8],
        suite: u16,
        tls13: bool,
        secrets: &Secrets,
        now: FrameNumber,
    ) {
        let Some(&random) = random.first_chunk() else { return };
        self.server_random = random;
        self.suite = Suite::from_number(suite);
        self.tls13 = tls13;
        let Some(suite) = self.suite else { return };
        if tls13 {
            let opener = |client| Opener::tls13(suite, secrets, &self.client_random, client, now);
            let (after, server) = (opener(true), opener(false));
            let [early, _] = std::mem::take(&mut self.openers);
            let client = match (early, after) {
                (Some(early), Some(after)) => Some(early.before(after)),
                (_, after) => after,
            };
            self.openers = [client, server];
        } else {
            let both = Opener::tls12(suite, secrets, &self.client_random, &self.server_random, now);
            self.pending = both.map_or([None, None], |openers| openers.map(Some));
        }
    }

    /// Whether it opens anything, or will.
    pub(crate) fn is_of_use(&self) -> bool {
        self.openers.iter().chain(&self.pending).any(Option::is_some)
    }

    /// A ChangeCipherSpec message of TLS 1.2: what follows from this side is under the new keys.
    pub(crate) fn change_cipher_spec(&mut self, side: usize) {
        if let (Some(opener), Some(pending)) = (self.openers.get_mut(side), self.pending.get_mut(side))
            && pending.is_some()
        {
            *opener = pending.take();
        }
    }

    /// Whether a side's protected records can be opened, so that they are wanted whole and in order.
    pub(crate) fn opens(&self, side: usize) -> bool {
        self.openers.get(side).and_then(Option::as_ref).is_some_and(Opener::is_open)
    }

    /// Opens a protected record: its header, its content, and where the plain text goes.
    pub(crate) fn open(
        &mut self,
        side: usize,
        header: [u8; HEADER],
        content: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Option<Opened> {
        self.openers.get_mut(side)?.as_mut()?.open(header, content, buffer)
    }

    /// A handshake message of TLS 1.3 that says that the side's next record is under the next key: Finished, EndOfEarlyData, KeyUpdate.
    pub(crate) fn next_key(&mut self, side: usize) {
        if let Some(opener) = self.openers.get_mut(side).and_then(Option::as_mut).filter(|_| self.tls13) {
            opener.next_key();
        }
    }

    /// Records of a side are missing.
    pub(crate) fn lost(&mut self, side: usize) {
        if let Some(opener) = self.openers.get_mut(side).and_then(Option::as_mut) {
            opener.lost();
        }
        if let Some(next) = self.inside.as_mut().and_then(|inside| inside.next.get_mut(side)) {
            *next = next.wrapping_add(1);
        }
    }

    fn from(&self, side: usize) -> Direction {
        if side == CLIENT { self.flow.client } else { self.flow.client.reverse() }
    }

    /// Hands application data on.
    pub(crate) fn data(&mut self, side: usize, bytes: &[u8], now: Moment, out: &mut Messages) {
        let from = self.from(side);
        let flow = &self.flow;
        let inside = self
            .inside
            .get_or_insert_with(|| Box::new(Inside { session: Session::inside(*flow), next: [0; 2] }));
        if bytes.is_empty() {
            return;
        }
        let (mine, theirs) = match (inside.next, side) {
            ([mine, theirs], CLIENT) | ([theirs, mine], _) => (mine, theirs),
        };
        let len = bytes.len() as u32;
        let (ack, missing) = (Some(theirs), [false; 2]);
        let segment =
            SegmentIn { from, seq: mine, ack, bytes, len, fin: false, rst: false, missing, acked: [None; 2] };
        if let Some(next) = inside.next.get_mut(side) {
            *next = mine.wrapping_add(len);
        }
        inside.hear(&segment, now, out);
    }

    /// A side ended its data: by close_notify, or the connection did.
    pub(crate) fn closed(&mut self, side: usize, how: Closing, now: Moment, out: &mut Messages) {
        let from = self.from(side);
        let Some(inside) = &mut self.inside else { return };
        if how == Closing::CaptureEnd {
            inside.session.finish([false; 2], [None; 2], now, out);
            return;
        }
        let seq = inside.next.get(side).copied().unwrap_or_default();
        let (fin, rst) = (how == Closing::Fin, how == Closing::Reset);
        let missing = [false; 2];
        let segment =
            SegmentIn { from, seq, ack: None, bytes: &[], len: 0, fin, rst, missing, acked: [None; 2] };
        inside.hear(&segment, now, out);
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        let openers = self.openers.iter().chain(&self.pending).flatten();
        let inside = self.inside.as_ref().map_or(0, |inside| size_of::<Inside>() + inside.session.heap());
        openers.map(Opener::heap).sum::<usize>() + inside
    }
}

impl Inside {
    /// Connections within connections are not decrypted: those could be nested without end.
    fn hear(&mut self, segment: &SegmentIn<'_>, now: Moment, out: &mut Messages) {
        let (secrets, aside) = (out.secrets.take(), out.aside);
        self.session.segment(segment, now, out);
        (out.secrets, out.aside) = (secrets, aside);
    }
}
