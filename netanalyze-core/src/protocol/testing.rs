//! Drives a decoder in tests as its caller will: bytes of both directions in capture order, without loss.

use super::message::{Message, Messages};
use super::stream::{Closing, Flow, Moment, Progress, StreamDecoder};
use crate::model::{Direction, FrameNumber, Timestamp};

/// A conversation of test bytes with a decoder; each feed is a frame, a millisecond after the last.
pub(super) struct Drive<D> {
    pub(super) decoder: D,
    pub(super) out: Messages,
    /// What waits in each direction.
    waiting: [Vec<u8>; 2],
    /// Bytes of a body still to come, and its id.
    body: [Option<(u64, u32)>; 2],
    until_end: [bool; 2],
    ignored: [bool; 2],
    /// Where another protocol began: bytes of its direction before it.
    pub(super) another: Option<(Direction, usize)>,
    seen: [usize; 2],
    pub(super) now: Moment,
}

pub(super) const C: Direction = Direction::AtoB;
pub(super) const S: Direction = Direction::BtoA;

/// A conversation whose client was seen opening it, to a server's port.
pub(super) fn flow(server_port: u16) -> Flow {
    let end = |host: u8, port| (std::net::Ipv4Addr::new(10, 0, 0, host), port).into();
    Flow {
        ends: [end(1, 40_000), end(2, server_port)],
        client: C,
        client_is_known: true,
        syn: None,
        established: None,
    }
}

impl<D: StreamDecoder> Drive<D> {
    pub(super) fn new(decoder: D) -> Self {
        let mut out = Messages::default();
        out.every = true;
        Drive {
            decoder,
            out,
            waiting: Default::default(),
            body: [None; 2],
            until_end: [false; 2],
            ignored: [false; 2],
            another: None,
            seen: [0; 2],
            now: Moment { frame: FrameNumber(0), time: Timestamp(0) },
        }
    }

    /// A frame without payload.
    pub(super) fn tick(&mut self) {
        self.now.frame.0 += 1;
        self.now.time.0 += 1_000_000;
    }

    pub(super) fn feed(&mut self, from: Direction, bytes: &[u8]) {
        self.tick();
        let i = from.index();
        self.waiting[i].extend_from_slice(bytes);
        self.pump(from);
    }

    fn pump(&mut self, from: Direction) {
        let i = from.index();
        loop {
            if self.another.is_some() || self.until_end[i] || self.ignored[i] {
                return;
            }
            if let Some((left, id)) = self.body[i] {
                let take = left.min(self.waiting[i].len() as u64);
                self.take(i, take as usize);
                self.body[i] = Some((left - take, id));
                if left > take {
                    return;
                }
                self.body[i] = None;
                self.decoder.body_complete(from, id, self.now, &mut self.out);
            }
            if self.waiting[i].is_empty() {
                return;
            }
            let bytes = self.waiting[i].clone();
            match self.decoder.decode(from, &bytes, self.now, &mut self.out) {
                Progress::Consumed(n) => {
                    assert!((1..=bytes.len()).contains(&n), "consumed {n} of {}", bytes.len());
                    self.take(i, n);
                }
                Progress::Need(n) => {
                    assert!(n > bytes.len(), "needs {n} of {}", bytes.len());
                    return;
                }
                Progress::More => return,
                Progress::Body { head, len, id } => {
                    assert!(head <= bytes.len() && (head > 0 || len > 0));
                    self.take(i, head);
                    self.body[i] = Some((len, id));
                }
                Progress::UntilEnd { head } => {
                    self.take(i, head);
                    self.until_end[i] = true;
                }
                Progress::Another(n) => {
                    assert!(n <= bytes.len());
                    self.take(i, n);
                    self.another = Some((from, self.seen[i]));
                }
                Progress::Ignore => self.ignored[i] = true,
            }
        }
    }

    fn take(&mut self, i: usize, n: usize) {
        self.waiting[i].drain(..n);
        self.seen[i] += n;
    }

    /// What comes next comes from elsewhere.
    pub(super) fn lost_place(&mut self, from: Direction) {
        let i = from.index();
        self.waiting[i].clear();
        self.body[i] = None;
    }

    pub(super) fn lost(&mut self, from: Direction) {
        let i = from.index();
        self.waiting[i].clear();
        self.body[i] = None;
        self.decoder.lost(from, self.now, &mut self.out);
    }

    pub(super) fn close(&mut self, from: Direction, how: Closing) {
        self.tick();
        self.decoder.closed(from, how, self.now, &mut self.out);
    }

    pub(super) fn said(&mut self) -> Vec<(Direction, Message)> {
        self.out.drain().collect()
    }
}
