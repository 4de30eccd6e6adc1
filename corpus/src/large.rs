//! Large captures that are made when they are wanted and never committed: thousands of connections on one virtual clock, over paths that
//! lose, delay and double segments before and behind the place of the capture.
//!
//! Senders keep what is not acknowledged, repeat it after three duplicate ACKs or a doubled timer (RFC 6298, RFC 5681 without its
//! finer points), and probe closed windows. The same seed and size always give the same bytes.

use crate::connection::Connection;
use crate::conversation::{Conversation, conversations};
use crate::endpoint::{Endpoint, Segment, Side, flag};
use crate::link::{self, Wrap};
use crate::rng::Rng;
use crate::scenario::filler;
use crate::trace::{Frame, START_NS, Trace};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::IpAddr;

const MS: u64 = 1_000_000;

/// A large capture.
#[derive(Clone, Debug)]
pub struct Large {
    /// Its frames in the order of their capture.
    pub frames: Vec<Frame>,
    /// What every conversation is when it ends.
    pub conversations: Vec<Conversation>,
}

/// About `connections` connections drawn from `seed`, about thirty frames each.
#[must_use]
pub fn large(seed: u64, connections: usize) -> Large {
    let mut frames: Vec<Frame> = lives(seed, connections).into_iter().flatten().collect();
    frames.sort_by_key(|frame| frame.time_ns);
    let conversations = conversations(frames.iter().flat_map(|frame| &frame.sights));
    Large { frames, conversations }
}

/// The frames of each connection. Those of one pair of addresses and ports never overlap in time.
fn lives(seed: u64, connections: usize) -> Vec<Vec<Frame>> {
    let mut rng = Rng::new(seed);
    let mut used: Vec<Used> = Vec::new();
    let mut lives = Vec::with_capacity(connections);
    for number in 0..connections {
        let mut life = Life::new(&mut rng, number, &used);
        let connection = life.connection.clone();
        life.live();
        let last = life.trace.frames.iter().map(|frame| frame.time_ns).max();
        let until = life.now.max(last.unwrap_or(0));
        match life.again {
            Some(place) => used[place].until = until,
            None => used.push(Used { connection, until }),
        }
        lives.push(life.trace.frames);
    }
    lives
}

/// Addresses and ports that are taken, and until when.
struct Used {
    connection: Connection,
    /// Behind the last frame of the latest connection between them.
    until: u64,
}

/// The way between two hosts, with the capture somewhere on it.
#[derive(Clone, Copy, Debug)]
struct Path {
    /// Nanoseconds from the client to the capture, and from there to the server.
    near: u64,
    far: u64,
    /// One of so many segments is lost, late, or doubled.
    loss: u64,
    late: u64,
    double: u64,
}

/// Something that happens at a time: a segment arrives, with the window it grants, or a timer of a certain age runs out.
#[derive(Clone, Debug)]
enum Event {
    Arrival(Segment, u32),
    Timer(u32),
    Read,
}

/// One connection from its first to its last segment.
struct Life {
    trace: Trace,
    connection: Connection,
    /// The earlier user of the same addresses and ports.
    again: Option<usize>,
    path: Path,
    rng: Rng,
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    waiting: Vec<Option<Event>>,
}

impl Life {
    fn new(rng: &mut Rng, number: usize, used: &[Used]) -> Self {
        let mut rng = Rng::new(rng.bits());
        let wraps: [Wrap; 10] = [
            link::ethernet,
            link::ethernet,
            link::ethernet,
            link::padded_ethernet,
            link::vlan,
            link::qinq,
            link::mpls,
            link::pppoe,
            link::vxlan,
            link::gre,
        ];
        let near = rng.between(20_000, 30 * MS);
        let path = Path {
            near: if rng.one_in(2) { near } else { 30_000 },
            far: rng.between(50_000, 60 * MS),
            loss: [u64::MAX, 400, 100, 30, 12][rng.below(5) as usize],
            late: [u64::MAX, u64::MAX, 200, 30][rng.below(4) as usize],
            double: if rng.one_in(20) { 10 } else { u64::MAX },
        };
        let now = START_NS + rng.below(number as u64 * 20 * MS + MS);
        let again = if rng.one_in(8) { ended(&mut rng, used, now) } else { None };
        let connection = if let Some(place) = again {
            // The ports of an earlier connection again, in the same encapsulation.
            let step = rng.bits() as u32;
            used[place].connection.clone().with(|_, end| {
                (end.isn, end.expected) = (end.isn.wrapping_add(step), 0);
            })
        } else {
            fresh(&mut rng, number).over(wraps[rng.below(wraps.len() as u64) as usize])
        };
        let mut trace = Trace::new();
        trace.set_clock_ns(now);
        Self { trace, connection, again, path, rng, now, events: BinaryHeap::new(), waiting: Vec::new() }
    }

    fn live(&mut self) {
        let mut kind = self.rng.below(40);
        if self.again.is_some() && (2..6).contains(&kind) {
            // Without the client's SYN nothing tells it from the connection before.
            kind = 6;
        }
        if kind == 0 {
            return self.unanswered();
        }
        if kind == 1 {
            return self.refused();
        }
        if kind < 4 {
            self.connection.open_unseen();
        } else if !self.open() {
            return;
        }
        for _ in 0..self.rng.between(1, 3) {
            let question = self.rng.between(1, 600) as usize;
            let answer = self.rng.between(1, 12_000) as usize;
            if !self.transfer(Side::Client, question) || !self.transfer(Side::Server, answer) {
                return;
            }
            if self.rng.one_in(12) {
                self.keep_alive();
            }
            self.now += self.rng.between(MS, 900 * MS);
        }
        match self.rng.below(12) {
            0 => {}
            1 => self.say(Side::Client, flag::RST | flag::ACK),
            2 => self.say(Side::Server, flag::RST | flag::ACK),
            3 => self.say(Side::Client, flag::FIN | flag::ACK),
            4..7 => self.close(Side::Server),
            _ => self.close(Side::Client),
        }
        if kind == 4 || kind == 5 {
            let side = if kind == 4 { Side::Client } else { Side::Server };
            let seen = self.connection.end(side).addr;
            self.trace.frames.retain(|frame| {
                frame.sights.iter().all(
                    |sight| matches!(sight, crate::conversation::Sight::Segment(one) if one.from.0 == seen),
                )
            });
        }
    }

    /// A segment on its way: whether and when it arrives. The capture sees it unless it was lost before.
    fn pass(&mut self, segment: &Segment) -> Option<u64> {
        let to_capture = if segment.from == Side::Client { self.path.near } else { self.path.far };
        let rest = self.path.near + self.path.far - to_capture;
        if self.rng.one_in(self.path.loss.saturating_mul(2)) {
            return None;
        }
        let mut at = self.now + to_capture + self.rng.below(20_000);
        if self.rng.one_in(self.path.late) {
            at += self.rng.between(50_000, 3 * MS);
        }
        self.trace.set_clock_ns(at);
        self.connection.show(&mut self.trace, segment);
        if self.rng.one_in(self.path.double) {
            self.trace.wait_us(3);
            self.connection.show(&mut self.trace, segment);
        }
        self.trace.set_clock_ns(self.now);
        (!self.rng.one_in(self.path.loss.saturating_mul(2))).then_some(at + rest)
    }

    fn at(&mut self, time: u64, event: Event) {
        self.events.push(Reverse((time, self.waiting.len() as u64)));
        self.waiting.push(Some(event));
    }

    /// Sends a segment, and lets it arrive later if it does.
    fn emit(&mut self, segment: Segment) {
        let window = self.connection.end(segment.from).window;
        if let Some(time) = self.pass(&segment) {
            self.at(time, Event::Arrival(segment, window));
        }
    }

    fn segment(&mut self, from: Side, flags: u16, payload: &[u8]) -> Segment {
        self.trace.set_clock_ns(self.now);
        self.connection.segment(&self.trace, from, flags, payload)
    }

    /// Sends until it gets through, with a timer that doubles; whether it did.
    fn insist(&mut self, segment: &Segment, first_pause: u64) -> bool {
        let mut pause = first_pause;
        for _ in 0..6 {
            if let Some(time) = self.pass(segment) {
                self.connection.deliver(segment);
                self.now = time;
                return true;
            }
            self.now += pause;
            pause *= 2;
        }
        false
    }

    fn open(&mut self) -> bool {
        let syn = self.segment(Side::Client, flag::SYN, &[]);
        if !self.insist(&syn, 1_000 * MS) {
            return false;
        }
        let answer = self.segment(Side::Server, flag::SYN | flag::ACK, &[]);
        if !self.insist(&answer, 1_000 * MS) {
            return false;
        }
        self.say(Side::Client, flag::ACK);
        true
    }

    /// A bare segment that arrives or not.
    fn say(&mut self, from: Side, flags: u16) {
        let segment = self.segment(from, flags, &[]);
        if self.pass(&segment).is_some() {
            self.connection.deliver(&segment);
        }
        self.now += 80_000;
    }

    fn close(&mut self, first: Side) {
        let fin = self.segment(first, flag::FIN | flag::ACK, &[]);
        if !self.insist(&fin, 250 * MS) {
            return;
        }
        if self.rng.one_in(3) {
            self.say(first.other(), flag::ACK);
            self.now += self.rng.between(MS, 80 * MS);
        }
        let fin = self.segment(first.other(), flag::FIN | flag::ACK, &[]);
        if self.insist(&fin, 250 * MS) {
            self.say(first, flag::ACK);
        }
    }

    fn unanswered(&mut self) {
        let syn = self.segment(Side::Client, flag::SYN, &[]);
        for pause in [1_000, 2_000, 4_000] {
            self.pass(&syn);
            self.now += pause * MS;
        }
    }

    fn refused(&mut self) {
        let syn = self.segment(Side::Client, flag::SYN, &[]);
        if self.insist(&syn, 1_000 * MS) {
            let mut reset = self.segment(Side::Server, flag::RST | flag::ACK, &[]);
            (reset.seq, reset.window) = (0, 0);
            self.pass(&reset);
        }
    }

    fn keep_alive(&mut self) {
        for _ in 0..self.rng.between(1, 3) {
            self.now += 30_000 * MS;
            let mut probe = self.segment(Side::Client, flag::ACK, &[]);
            probe.seq = probe.seq.wrapping_sub(1);
            if let Some(time) = self.pass(&probe) {
                self.now = time;
                self.say(Side::Server, flag::ACK);
            }
        }
    }

    /// Carries `total` bytes to the other side; whether they all got there.
    fn transfer(&mut self, from: Side, total: usize) -> bool {
        let to = from.other();
        let start = self.connection.end(from).next;
        let end = start.wrapping_add(total as u32);
        let capacity = self.connection.end(to).window;
        // Sometimes the reader sleeps until a time.
        let asleep = if self.rng.one_in(10) { self.now + self.rng.between(300, 3_000) * MS } else { 0 };
        if asleep > 0 {
            self.at(asleep, Event::Read);
        }
        let data = filler(total, start as u8);
        let mut sent: VecDeque<Segment> = VecDeque::new();
        let (mut acked, mut granted, mut duplicates, mut room) = (start, capacity, 0, 8u32);
        let mut read = self.connection.end(to).expected;
        let (mut age, mut pause, mut tries) = (0, 220 * MS + 2 * (self.path.near + self.path.far), 0);
        self.at(self.now + pause, Event::Timer(age));
        loop {
            // As much as the window and the path allow.
            loop {
                let next = self.connection.end(from).next;
                let left = end.wrapping_sub(next).min(1_400);
                let flying = next.wrapping_sub(acked);
                let size = left.min(granted.saturating_sub(flying));
                if size == 0 || sent.len() as u32 >= room {
                    break;
                }
                let at = next.wrapping_sub(start) as usize;
                let segment = self.segment(from, flag::ACK | flag::PSH, &data[at..at + size as usize]);
                sent.push_back(segment.clone());
                self.emit(segment);
                self.now += 9_000;
            }
            let Some(Reverse((time, index))) = self.events.pop() else { break };
            self.now = self.now.max(time);
            let (segment, window) = match self.waiting[index as usize].take() {
                Some(Event::Arrival(segment, window)) => (segment, window),
                Some(Event::Timer(set)) if set == age && acked != end => {
                    tries += 1;
                    if tries > 8 {
                        self.events.clear();
                        self.say(from, flag::RST | flag::ACK);
                        return false;
                    }
                    pause *= 2;
                    self.at(self.now + pause, Event::Timer(age));
                    if let Some(first) = sent.front().cloned() {
                        let copy = self.refreshed(&first);
                        self.emit(copy);
                    } else if granted == 0 {
                        let next = self.connection.end(from).next;
                        let at = next.wrapping_sub(start) as usize;
                        let probe = self.segment(from, flag::ACK, &data[at..=at]);
                        self.connection.end_mut(from).next = next;
                        self.emit(probe);
                    }
                    continue;
                }
                Some(Event::Read) => {
                    read = self.connection.end(to).expected;
                    let closed = self.connection.end(to).window == 0;
                    self.connection.end_mut(to).window = capacity;
                    if closed {
                        let update = self.segment(to, flag::ACK, &[]);
                        self.emit(update);
                    }
                    continue;
                }
                _ => continue,
            };
            if segment.from == from {
                let beyond = segment.end().wrapping_sub(read);
                if (beyond as i32) <= capacity as i32 {
                    self.connection.deliver(&segment);
                }
                let expected = self.connection.end(to).expected;
                if self.now >= asleep {
                    read = expected;
                }
                self.connection.end_mut(to).window = capacity.saturating_sub(expected.wrapping_sub(read));
                let answer = self.segment(to, flag::ACK, &[]);
                self.emit(answer);
                continue;
            }
            self.connection.deliver(&segment);
            let new = segment.ack.wrapping_sub(acked);
            if (new as i32) > 0 {
                acked = segment.ack;
                sent.retain(|old| (old.end().wrapping_sub(acked) as i32) > 0);
                let next = self.connection.end(from).next;
                if (acked.wrapping_sub(next) as i32) > 0 {
                    // A probe's byte was taken in.
                    self.connection.end_mut(from).next = acked;
                }
                (duplicates, tries, age, room) = (0, 0, age + 1, room + 1);
                pause = 220 * MS + 2 * (self.path.near + self.path.far);
                self.at(self.now + pause, Event::Timer(age));
            } else if new == 0 && !sent.is_empty() && window == granted {
                duplicates += 1;
                if duplicates == 3
                    && let Some(first) = sent.front().cloned()
                {
                    let copy = self.refreshed(&first);
                    self.emit(copy);
                }
            }
            granted = window;
            if acked == end && self.now >= asleep {
                break;
            }
        }
        self.events.clear();
        self.waiting.clear();
        self.connection.end_mut(to).window = capacity;
        acked == end
    }

    fn refreshed(&mut self, segment: &Segment) -> Segment {
        self.trace.set_clock_ns(self.now);
        self.connection.refreshed(&self.trace, segment)
    }
}

/// A connection that is over at a time, if a few tries find one.
fn ended(rng: &mut Rng, used: &[Used], now: u64) -> Option<usize> {
    if used.is_empty() {
        return None;
    }
    (0..8).map(|_| rng.below(used.len() as u64) as usize).find(|&place| used[place].until < now)
}

/// A connection between hosts that were not seen before.
fn fresh(rng: &mut Rng, number: usize) -> Connection {
    let [_, top, high, low] = (number as u32).to_be_bytes();
    let service = [80, 443, 5_432, 8_080, 9_000][rng.below(5) as usize];
    let port = 32_768 + rng.below(28_000) as u16;
    let (client, server) = if rng.one_in(3) {
        let server = rng.below(200) as u16;
        (
            IpAddr::from([0x2001, 0xdb8, 1, 0, 0, u16::from(top), u16::from(high), u16::from(low) + 1]),
            IpAddr::from([0x2001, 0xdb8, 2, 0, 0, 0, 0, server + 1]),
        )
    } else {
        (
            IpAddr::from([10, top.wrapping_add(1), high, low]),
            IpAddr::from([192, 0, 2, rng.below(200) as u8 + 1]),
        )
    };
    let isn = [rng.bits() as u32, rng.bits() as u32];
    let (scale, sack) = ([None, Some(0), Some(2), Some(7)][rng.below(4) as usize], !rng.one_in(4));
    let window = [2_800, 8_400, 29_200, 64_240][rng.below(4) as usize];
    let stamped = rng.one_in(2);
    Connection::new(Endpoint::new(client, port, isn[0]), Endpoint::new(server, service, isn[1])).with(
        |side, end| {
            (end.scale, end.sack) = (scale, sack);
            end.window = window & !127;
            end.timestamps = stamped.then_some(1_000 + side as u32 * 77_000);
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Host, Seen, Sight, State};
    use std::collections::BTreeMap;

    #[test]
    fn the_same_seed_gives_the_same_capture_and_another_one_does_not() {
        let one = large(1, 60);
        assert_eq!(one.frames, large(1, 60).frames);
        assert_ne!(one.frames, large(2, 60).frames);
        assert!(one.frames.is_sorted_by_key(|frame| frame.time_ns));
    }

    #[test]
    fn connections_end_in_many_ways() {
        let large = large(3, 400);
        assert!(large.frames.len() > 8_000, "{} frames", large.frames.len());
        let count = |state| large.conversations.iter().filter(|one| one.client_state == state).count();
        for state in [State::SynSent, State::Established, State::TimeWait, State::Closed, State::FinWait1] {
            assert!(count(state) > 0, "no client is in {state}");
        }
        assert!(count(State::TimeWait) > 50);
    }

    fn seen(frame: &Frame) -> Seen {
        match frame.sights[..] {
            [Sight::Segment(seen)] => seen,
            ref other => panic!("not one segment: {other:?}"),
        }
    }

    #[test]
    fn ports_are_used_again_only_when_they_are_free() {
        for seed in 1..6 {
            let lives = lives(seed, 300);
            let mut spans: BTreeMap<[Host; 2], Vec<(u64, u64, bool)>> = BTreeMap::new();
            for frames in &lives {
                // In the order of their capture, which delays change.
                let Some(first) = frames.iter().min_by_key(|frame| frame.time_ns) else { continue };
                let last = frames.iter().map(|frame| frame.time_ns).max().unwrap();
                let mut hosts = [seen(first).from, seen(first).to];
                hosts.sort_unstable();
                let syn = seen(first).flags & (flag::SYN | flag::ACK) == flag::SYN;
                spans.entry(hosts).or_default().push((first.time_ns, last, syn));
            }
            for (hosts, spans) in &mut spans {
                spans.sort_unstable();
                for pair in spans.windows(2) {
                    assert!(pair[0].1 < pair[1].0, "seed {seed}: {hosts:?} {pair:?}");
                    assert!(pair[1].2, "seed {seed}: {hosts:?} begins again without a SYN");
                }
            }
            let shown = lives.iter().filter(|frames| !frames.is_empty()).count();
            assert!(shown > spans.len() + 5, "seed {seed}: {shown} connections of {} pairs", spans.len());
            assert_eq!(large(seed, 300).conversations.len(), shown, "seed {seed}");
        }
    }
}
