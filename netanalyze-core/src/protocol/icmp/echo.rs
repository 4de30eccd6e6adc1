//! Echo requests and the replies that they wait for.

use std::collections::VecDeque;
use std::net::IpAddr;

use hashbrown::HashMap;

use super::message::Echo;
use crate::model::limits::{MAX_ECHO_REQUESTS, MAX_PINGS, MAX_SAME_ECHOES};
use crate::model::{FrameNumber, Span, Timestamp};
use crate::protocol::stream::Moment;

type State = foldhash::fast::RandomState;

/// What request and reply have in common: both addresses, the lower first, identifier and sequence number.
type Key = (IpAddr, IpAddr, u16, u16);

/// Who asks whom, under which identifier.
type PingKey = (IpAddr, IpAddr, u16);

/// A request, and what became of it.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    /// As [`Echo::sum`].
    sum: u16,
    frame: FrameNumber,
    time: Timestamp,
    from: IpAddr,
    to: IpAddr,
    /// How often it was seen while it waited: sent again, or captured again.
    copies: u32,
    /// Its reply was seen.
    replied: bool,
    /// It counts as answered although its reply was not seen: an error told why, or the reply does not carry what the request did.
    excused: bool,
}

/// A reply that belongs to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoReply {
    /// The request.
    pub request: FrameNumber,
    /// Time from request to reply.
    pub rtt: Span,
    /// The request had its reply already: [`EchoReply::rtt`] is that of this one.
    pub is_duplicate: bool,
}

/// All echo requests of one host to another under one identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// Who asks.
    pub source: IpAddr,
    /// Who is asked.
    pub destination: IpAddr,
    /// The identifier.
    pub ident: u16,
    /// Requests.
    pub sent: u64,
    /// Requests that were never answered.
    pub lost: u64,
    /// Replies to requests that had one.
    pub duplicates: u64,
    /// Requests whose reply was seen.
    pub replied: u64,
    /// The shortest and the longest time to a reply.
    pub rtt: Option<(Span, Span)>,
    /// The first request that was never answered.
    pub first_lost: Option<Moment>,
}

/// The echo requests of a capture.
///
/// As Wireshark 4.0 has it, a reply belongs to the latest request without one between the same two addresses, in whichever direction, with the
/// same identifier, sequence number and, judged by the checksum, the same data; VLANs and tunnels do not matter.
#[derive(Debug, Default)]
pub struct Echoes {
    waiting: HashMap<Key, Vec<Waiting>, State>,
    /// Requests in the order in which they are forgotten.
    order: VecDeque<(Key, FrameNumber)>,
    pings: HashMap<PingKey, Ping, State>,
    forgotten: u64,
    uncounted: u64,
}

fn key(source: IpAddr, destination: IpAddr, echo: &Echo) -> Key {
    (source.min(destination), source.max(destination), echo.ident, echo.seq)
}

/// Whether a single host is asked. Directed broadcasts cannot be told.
fn is_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_multicast() && !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_multicast(),
    }
}

impl Ping {
    fn lose(&mut self, waiting: &Waiting) {
        self.lost += u64::from(waiting.copies);
        let moment = Moment { frame: waiting.frame, time: waiting.time };
        if self.first_lost.is_none_or(|first| moment.frame < first.frame) {
            self.first_lost = Some(moment);
        }
    }
}

impl Waiting {
    fn is_open(&self) -> bool {
        !self.replied && !self.excused
    }
}

impl Echoes {
    /// Takes a request.
    pub fn request(&mut self, source: IpAddr, destination: IpAddr, echo: &Echo, now: Moment) {
        if let Some(ping) = self.ping(source, destination, echo.ident) {
            ping.sent += 1;
        }
        let key = key(source, destination, echo);
        let same = self.waiting.entry(key).or_default();
        let mut copies = 1;
        if let Some(at) = same.iter().position(|waiting| waiting.sum == echo.sum && waiting.from == source) {
            let before = same.remove(at);
            copies += if before.is_open() { before.copies } else { 0 };
        }
        let oldest = if same.len() >= MAX_SAME_ECHOES { Some(same.remove(0)) } else { None };
        same.push(Waiting {
            sum: echo.sum,
            frame: now.frame,
            time: now.time,
            from: source,
            to: destination,
            copies,
            replied: false,
            excused: false,
        });
        self.order.push_back((key, now.frame));
        if let Some(oldest) = oldest {
            self.retire(&oldest, echo.ident);
        }
        while self.order.len() > MAX_ECHO_REQUESTS {
            self.forget_oldest();
        }
    }

    /// Takes a reply, and says which request it belongs to.
    pub fn reply(
        &mut self,
        source: IpAddr,
        destination: IpAddr,
        echo: &Echo,
        now: Moment,
    ) -> Option<EchoReply> {
        let same = self.waiting.get_mut(&key(source, destination, echo))?;
        let Some(waiting) = same.iter_mut().rev().find(|waiting| waiting.sum == echo.sum) else {
            // Not what Wireshark calls its reply, but the request did not get lost.
            same.iter_mut().filter(|waiting| waiting.to == source).for_each(|waiting| waiting.excused = true);
            return None;
        };
        let is_duplicate = waiting.replied;
        let rtt = now.time.since(waiting.time);
        let reply = EchoReply { request: waiting.frame, rtt, is_duplicate };
        let copies = if waiting.is_open() { u64::from(waiting.copies) } else { 0 };
        waiting.replied = true;
        let (from, to) = (waiting.from, waiting.to);
        if let Some(ping) = self.pings.get_mut(&(from, to, echo.ident)) {
            if is_duplicate {
                ping.duplicates += 1;
            } else {
                ping.replied += copies;
                let (least, most) = ping.rtt.unwrap_or((rtt, rtt));
                ping.rtt = Some((least.min(rtt), most.max(rtt)));
            }
        }
        Some(reply)
    }

    /// An error message quotes a request: it was not lost without a word.
    pub fn excuse(&mut self, source: IpAddr, destination: IpAddr, echo: &Echo) {
        for waiting in self.waiting.get_mut(&key(source, destination, echo)).into_iter().flatten() {
            waiting.excused |= waiting.from == source;
        }
    }

    /// What became of all requests by the capture's end, in order of the first request that was lost: whoever lost none is left out, and requests
    /// that have waited for less than `patience` do not count at all.
    #[must_use]
    pub fn losses(&self, end: Timestamp, patience: Span) -> Vec<Ping> {
        let mut pings = self.pings.clone();
        for (&(_, _, ident, _), same) in &self.waiting {
            for waiting in same.iter().filter(|waiting| waiting.is_open()) {
                let Some(ping) = pings.get_mut(&(waiting.from, waiting.to, ident)) else { continue };
                if end.since(waiting.time) >= patience {
                    ping.lose(waiting);
                } else {
                    ping.sent = ping.sent.saturating_sub(u64::from(waiting.copies));
                }
            }
        }
        let mut lost: Vec<Ping> = pings.into_values().filter(|ping| ping.lost > 0).collect();
        lost.sort_unstable_by_key(|ping| (ping.first_lost.map(|first| first.frame), ping.source, ping.ident));
        lost
    }

    /// Requests that were no longer waited for because so many came after them.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Requests that were not counted because there were so many hosts and identifiers.
    #[must_use]
    pub fn uncounted(&self) -> u64 {
        self.uncounted
    }

    /// The counters of a single host's requests to another.
    fn ping(&mut self, source: IpAddr, destination: IpAddr, ident: u16) -> Option<&mut Ping> {
        if !is_unicast(destination) {
            return None;
        }
        let key = (source, destination, ident);
        if self.pings.len() >= MAX_PINGS && !self.pings.contains_key(&key) {
            self.uncounted += 1;
            return None;
        }
        Some(self.pings.entry(key).or_insert(Ping {
            source,
            destination,
            ident,
            sent: 0,
            lost: 0,
            duplicates: 0,
            replied: 0,
            rtt: None,
            first_lost: None,
        }))
    }

    fn forget_oldest(&mut self) {
        let Some((key, frame)) = self.order.pop_front() else { return };
        let Some(same) = self.waiting.get_mut(&key) else { return };
        let oldest = same.iter().position(|waiting| waiting.frame == frame).map(|at| same.remove(at));
        if same.is_empty() {
            self.waiting.remove(&key);
        }
        if let Some(oldest) = oldest {
            self.retire(&oldest, key.2);
        }
    }

    /// A request is no longer waited for.
    fn retire(&mut self, waiting: &Waiting, ident: u16) {
        if !waiting.is_open() {
            return;
        }
        self.forgotten += 1;
        if let Some(ping) = self.pings.get_mut(&(waiting.from, waiting.to, ident)) {
            ping.lose(waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn at(frame: u64) -> Moment {
        Moment { frame: FrameNumber(frame), time: Timestamp(frame as i64 * 1_000_000_000) }
    }

    fn echo(is_reply: bool, seq: u16, sum: u16) -> Echo {
        Echo { is_reply, ident: 1, seq, sum }
    }

    fn request(echoes: &mut Echoes, seq: u16, sum: u16, frame: u64) {
        echoes.request(A, B, &echo(false, seq, sum), at(frame));
    }

    /// The request's frame, and whether the reply was a duplicate.
    fn reply(echoes: &mut Echoes, seq: u16, sum: u16, frame: u64) -> Option<(u64, bool)> {
        let reply = echoes.reply(B, A, &echo(true, seq, sum), at(frame))?;
        assert_eq!(reply.rtt.0, (frame - reply.request.0) as i64 * 1_000_000_000);
        Some((reply.request.0, reply.is_duplicate))
    }

    fn lost(echoes: &Echoes, end: u64) -> Vec<(u64, u64, u64)> {
        let losses = echoes.losses(at(end).time, Span(1_000_000_000));
        losses.iter().map(|ping| (ping.sent, ping.lost, ping.first_lost.unwrap().frame.0)).collect()
    }

    #[test]
    fn replies_belong_to_the_latest_request_that_is_like_them() {
        let mut echoes = Echoes::default();
        assert_eq!(reply(&mut echoes, 1, 7, 1), None, "nobody asked");
        request(&mut echoes, 1, 7, 2);
        assert_eq!(reply(&mut echoes, 1, 7, 3), Some((2, false)));
        assert_eq!(reply(&mut echoes, 1, 7, 4), Some((2, true)));
        request(&mut echoes, 2, 7, 5);
        assert_eq!(reply(&mut echoes, 2, 8, 6), None, "other data");
        assert_eq!(reply(&mut echoes, 3, 7, 7), None, "other number");
        request(&mut echoes, 4, 7, 8);
        request(&mut echoes, 4, 7, 9);
        request(&mut echoes, 4, 6, 10);
        assert_eq!(reply(&mut echoes, 4, 7, 11), Some((9, false)), "the later of two that are alike");
        assert_eq!(reply(&mut echoes, 4, 6, 12), Some((10, false)));
        // Wireshark does not mind who replies.
        request(&mut echoes, 5, 7, 13);
        let wrong = echoes.reply(A, B, &echo(true, 5, 7), at(14));
        assert_eq!(wrong.map(|reply| reply.request.0), Some(13));
        assert_eq!(lost(&echoes, 100), [], "all were answered in one way or another");
    }

    #[test]
    fn losses_are_counted_once_it_is_late_enough() {
        let mut echoes = Echoes::default();
        for seq in 1..=5 {
            request(&mut echoes, seq, 7, u64::from(seq) * 10);
        }
        reply(&mut echoes, 1, 7, 51);
        reply(&mut echoes, 3, 9, 52);
        echoes.excuse(A, B, &echo(false, 4, 7));
        echoes.excuse(B, A, &echo(false, 5, 7));
        assert_eq!(lost(&echoes, 50), [(4, 1, 20)], "the last one may yet be answered");
        assert_eq!(lost(&echoes, 51), [(5, 2, 20)]);
        reply(&mut echoes, 2, 7, 60);
        assert_eq!(lost(&echoes, 61), [(5, 1, 50)]);
        // An excuse does not keep the reply from being recognised.
        assert_eq!(reply(&mut echoes, 4, 7, 62), Some((40, false)));
    }

    #[test]
    fn nobody_waits_for_all_members_of_a_group() {
        let mut echoes = Echoes::default();
        for to in ["224.0.0.1", "255.255.255.255"] {
            echoes.request(A, to.parse().unwrap(), &echo(false, 1, 7), at(1));
        }
        echoes.request("fe80::1".parse().unwrap(), "ff02::1".parse().unwrap(), &echo(false, 1, 7), at(1));
        assert_eq!(lost(&echoes, 100), []);
    }

    #[test]
    fn memory_is_bounded() {
        let mut echoes = Echoes::default();
        let count = MAX_ECHO_REQUESTS as u64 + 100;
        for number in 1..=count {
            let address = IpAddr::from((number as u32).to_be_bytes());
            echoes.request(address, B, &echo(false, 1, 7), at(number));
        }
        assert_eq!(echoes.waiting.len(), MAX_ECHO_REQUESTS);
        assert_eq!((echoes.forgotten(), echoes.uncounted()), (100, count - MAX_PINGS as u64));
        assert_eq!(echoes.losses(at(count + 9).time, Span(0)).len(), MAX_PINGS);
        // The same number with ever other data, and the same request over and over.
        let mut echoes = Echoes::default();
        for number in 1..=count {
            request(&mut echoes, 1, (number % 60_000) as u16, number);
        }
        assert!(echoes.waiting.values().all(|same| same.len() <= MAX_SAME_ECHOES));
        assert_eq!(lost(&echoes, count + 9), [(count, count, 1)]);
        let mut echoes = Echoes::default();
        for number in 1..=count {
            request(&mut echoes, 1, 7, number);
        }
        assert_eq!((echoes.order.len(), echoes.forgotten()), (MAX_ECHO_REQUESTS, 0));
        assert_eq!(lost(&echoes, count + 9), [(count, count, count)]);
    }
}
