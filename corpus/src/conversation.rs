//! What every conversation of a capture is when the capture ends: who opened it, who closed it, and the state of both ends.
//!
//! It reads the [`Sight`]s that scenarios leave beside their frames, never bytes, and follows RFC 9293 §3.3.2 (figure 5) as far as
//! the capture shows it: every captured segment counts as received by the other end. Stream numbers follow Wireshark 4.0: a SYN
//! without ACK whose number is not the one this sender began with starts another stream. The rules stand in `corpus/README.md`.

use crate::endpoint::flag;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result};
use std::net::IpAddr;

/// Address and port.
pub type Host = (IpAddr, u16);

/// A TCP header that a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who sent it.
    pub from: Host,
    /// Who gets it.
    pub to: Host,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement field.
    pub ack: u32,
    /// Flag bits, see [`flag`].
    pub flags: u16,
    /// Bytes of payload.
    pub len: u32,
    /// Where the TCP header starts and how long it is, if it lies in the frame as it was sent.
    pub place: Option<(usize, usize)>,
    /// Whether the header was captured whole: otherwise Wireshark does not count the segment in its conversation.
    pub counted: bool,
}

impl Seen {
    /// The same header after a cut of the frame at `snaplen` bytes; `None` if its flags are gone.
    #[must_use]
    pub fn cut(mut self, snaplen: usize) -> Option<Self> {
        let Some((start, length)) = self.place else { return Some(self) };
        self.counted &= start + length <= snaplen;
        (start + 14 <= snaplen).then_some(self)
    }

    fn has(&self, bit: u16) -> bool {
        self.flags & bit != 0
    }

    /// The sequence number behind its last byte or mark.
    fn end(&self) -> u32 {
        let marks = u32::from(self.has(flag::SYN)) + u32::from(self.has(flag::FIN));
        self.seq.wrapping_add(self.len).wrapping_add(marks)
    }
}

/// What a frame holds of TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A segment.
    Segment(Seen),
    /// A header quoted by an ICMP error: it may begin a stream, and is no packet of it.
    Quote(Seen),
    /// The next segment between these two starts a stream (Wireshark does so behind a VNC banner on another port).
    Renumber(Host, Host),
    /// A stream number is taken by something without packets of its own (SOCKS).
    Number,
}

impl Sight {
    /// What is left of it in a frame cut at `snaplen` bytes.
    #[must_use]
    pub fn cut(self, snaplen: usize) -> Option<Self> {
        match self {
            Self::Segment(seen) => seen.cut(snaplen).map(Self::Segment),
            Self::Quote(seen) => seen.cut(snaplen).map(Self::Quote),
            other => Some(other),
        }
    }
}

/// The state of an end (RFC 9293 §3.3.2), as the capture shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The capture does not show enough.
    Unknown,
    /// A SYN was sent.
    SynSent,
    /// A SYN was received and answered.
    SynReceived,
    /// Data may flow.
    Established,
    /// A FIN was sent.
    FinWait1,
    /// The FIN was acknowledged.
    FinWait2,
    /// A FIN was received.
    CloseWait,
    /// A FIN was received, then sent.
    LastAck,
    /// FINs crossed.
    Closing,
    /// Both FINs are done, and this end acknowledged last. Never expires here.
    TimeWait,
    /// Nothing is left, orderly or by a reset.
    Closed,
}

impl Display for State {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Unknown => "UNKNOWN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECV",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::LastAck => "LAST-ACK",
            Self::Closing => "CLOSING",
            Self::TimeWait => "TIME-WAIT",
            Self::Closed => "CLOSED",
        })
    }
}

/// One end of a conversation.
#[derive(Clone, Copy, Debug)]
struct End {
    state: State,
    /// First sequence number, as Wireshark takes it: a SYN's own, else the one before.
    base: Option<u32>,
    /// Sequence number behind its SYN.
    syn_end: Option<u32>,
    /// Sequence number behind its FIN.
    fin_end: Option<u32>,
    /// Latest acknowledgement that it sent.
    acked: Option<u32>,
    packets: u32,
    /// A segment of it was captured.
    heard: bool,
    /// What it acknowledged shows that it heard the other end.
    hears: bool,
    /// It counts as ESTABLISHED only because a SYN-ACK was captured on its way there.
    inferred: bool,
}

impl End {
    /// Its state, as far as it was captured or the other end shows that it answers.
    fn shown_beside(&self, other: &End) -> State {
        let told = matches!(self.state, State::Established | State::Closed);
        if told || self.heard || other.hears { self.state } else { State::Unknown }
    }
}

/// A conversation so far.
#[derive(Clone, Debug)]
struct Flow {
    stream: u32,
    /// The two ends: who opened first if that is known, else who was seen first.
    hosts: [Host; 2],
    ends: [End; 2],
    opened: bool,
    renumbered: bool,
    closed: &'static str,
}

/// Serial arithmetic (RFC 1982): whether `a` lies at or behind `b`.
fn reaches(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) as i32 >= 0
}

impl Flow {
    fn new(stream: u32, seen: &Seen) -> Self {
        let end = End {
            state: State::Unknown,
            base: None,
            syn_end: None,
            fin_end: None,
            acked: None,
            packets: 0,
            heard: false,
            hears: false,
            inferred: false,
        };
        Self {
            stream,
            hosts: [seen.from, seen.to],
            ends: [end; 2],
            opened: false,
            renumbered: false,
            closed: "none",
        }
    }

    /// Sender's and receiver's place; the same one if a host talks with itself.
    fn places(&self, seen: &Seen) -> (usize, usize) {
        let place = |host| usize::from(self.hosts[0] != host);
        (place(seen.from), place(seen.to))
    }

    /// Whether this header begins another stream between the same hosts.
    fn ends_before(&self, seen: &Seen) -> bool {
        let opens = seen.has(flag::SYN) && !seen.has(flag::ACK);
        let base = self.ends[self.places(seen).0].base;
        self.renumbered || opens && base.is_some_and(|base| base != seen.seq)
    }

    fn swap(&mut self) {
        self.hosts.swap(0, 1);
        self.ends.swap(0, 1);
    }

    fn take(&mut self, seen: &Seen) {
        let untouched = self.ends.iter().all(|end| end.base.is_none());
        if untouched && self.hosts[0] != seen.from {
            self.swap();
        }
        if !self.opened && seen.has(flag::SYN) {
            self.opened = true;
            // A SYN comes from the client, a SYN-ACK goes to it.
            if (self.places(seen).0 == 0) == seen.has(flag::ACK) && self.hosts[0] != self.hosts[1] {
                self.swap();
            }
        }
        let (from, to) = self.places(seen);
        self.ends[from].packets += u32::from(seen.counted);
        self.ends[from].heard = true;
        let first = if seen.has(flag::SYN) { seen.seq } else { seen.seq.wrapping_sub(1) };
        self.ends[from].base.get_or_insert(first);
        if seen.has(flag::ACK) {
            self.ends[to].base.get_or_insert(seen.ack.wrapping_sub(1));
        }
        if seen.has(flag::RST) {
            self.reset(from);
        } else if seen.has(flag::SYN) {
            self.synchronise(seen, from, to);
        } else if seen.has(flag::ACK) {
            self.acknowledge(seen, from, to);
            if seen.has(flag::FIN) {
                self.finish(seen, from, to);
            }
        }
    }

    fn reset(&mut self, from: usize) {
        let orderly = self.ends.iter().all(|end| end.fin_end.is_some());
        let closed = self.ends.iter().all(|end| end.state == State::Closed);
        if !orderly && !closed {
            self.closed = if from == 0 { "reset-client" } else { "reset-server" };
        }
        for end in &mut self.ends {
            end.state = State::Closed;
        }
    }

    fn synchronise(&mut self, seen: &Seen, from: usize, to: usize) {
        let answers = seen.has(flag::ACK);
        let all_closed = self.ends.iter().all(|end| end.state == State::Closed);
        if all_closed && !answers {
            // The same SYN again after a refusal: the connection is tried anew.
            for end in &mut self.ends {
                (end.state, end.syn_end, end.fin_end) = (State::Unknown, None, None);
            }
            self.closed = "none";
        }
        let answered_before = self.ends[from].state == State::SynReceived;
        let sender = &mut self.ends[from];
        if !answers && std::mem::take(&mut sender.inferred) {
            sender.state = State::SynSent; // it did not hear the SYN-ACK
        }
        sender.syn_end = Some(seen.seq.wrapping_add(1));
        if matches!(sender.state, State::Unknown | State::SynSent) {
            sender.state = if answers { State::SynReceived } else { State::SynSent };
        }
        if answers {
            sender.acked = Some(seen.ack);
            let receiver = &mut self.ends[to];
            if answered_before && (receiver.inferred || receiver.state == State::SynSent) {
                // Sent again, because its answer did not come.
                (receiver.state, receiver.inferred) = (State::SynSent, false);
            } else if matches!(receiver.state, State::Unknown | State::SynSent | State::SynReceived) {
                (receiver.state, receiver.inferred) = (State::Established, true);
            }
        } else if self.ends[to].state == State::SynSent {
            // Both opened at once (RFC 9293, figure 7): each gets the other's SYN.
            self.ends[to].state = State::SynReceived;
            self.ends[from].state = State::SynReceived;
        }
    }

    /// A segment with ACK and without SYN: what it proves about its sender and about whom it acknowledges.
    fn acknowledge(&mut self, seen: &Seen, from: usize, to: usize) {
        let before = self.ends[from].acked.replace(seen.ack);
        let advances = before.is_some_and(|before| before != seen.ack && reaches(seen.ack, before));
        let resets = if from == 0 { "reset-client" } else { "reset-server" };
        if self.closed == resets && (advances || seen.len > 0) {
            // Whoever resets is silent from then on: that reset did not count.
            self.closed = "none";
            for end in &mut self.ends {
                end.state = State::Established;
            }
        }
        self.ends[from].inferred = false;
        self.ends[from].hears |= advances || self.ends[from].syn_end.is_some();
        let sender = &mut self.ends[from];
        let unfinished = match sender.state {
            State::Unknown | State::SynSent => true,
            // It acknowledges more than its SYN-ACK did: the handshake's third segment was missed.
            State::SynReceived => advances,
            _ => false,
        };
        if unfinished {
            sender.state = State::Established;
        }
        let knows = sender.syn_end.is_some() || seen.len > 0 || advances;
        let receiver = &mut self.ends[to];
        receiver.state = match receiver.state {
            State::Unknown if knows => State::Established,
            State::SynSent | State::SynReceived
                if receiver.syn_end.is_some_and(|end| reaches(seen.ack, end)) =>
            {
                State::Established
            }
            state => state,
        };
        if receiver.fin_end.is_some_and(|end| reaches(seen.ack, end)) {
            receiver.state = match receiver.state {
                State::FinWait1 => State::FinWait2,
                State::Closing => State::TimeWait,
                State::LastAck => State::Closed,
                state => state,
            };
        }
    }

    fn finish(&mut self, seen: &Seen, from: usize, to: usize) {
        let peer_fin = self.ends[to].fin_end;
        let sender = &mut self.ends[from];
        let first = sender.fin_end.is_none();
        sender.fin_end = Some(seen.end());
        if first {
            let crossed = peer_fin.is_some_and(|end| !reaches(seen.ack, end));
            sender.state = match sender.state {
                // It had not got the other FIN when it sent its own.
                State::CloseWait if crossed => State::Closing,
                State::CloseWait => State::LastAck,
                State::Closed => State::Closed,
                _ => State::FinWait1,
            };
            if self.closed == "none" || crossed && !self.closed.starts_with("reset") {
                self.closed = match (crossed, from) {
                    (true, _) => "both-at-once",
                    (false, 0) => "client",
                    (false, _) => "server",
                };
            }
            let receiver = &mut self.ends[to];
            receiver.state = match receiver.state {
                State::FinWait1 => State::Closing,
                State::FinWait2 => State::TimeWait,
                State::Unknown | State::SynSent | State::SynReceived | State::Established => State::CloseWait,
                state => state,
            };
        }
    }
}

/// A conversation when its capture ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Number as in `tcp.stream`.
    pub stream: u32,
    /// Who opened it, or, if that was not seen, who sent its first packet.
    pub client: Host,
    /// The other end.
    pub server: Host,
    /// Whether it was seen who opened it: `client` or `unknown`.
    pub opened_by: &'static str,
    /// State of the client.
    pub client_state: State,
    /// State of the server.
    pub server_state: State,
    /// `client`, `server`, `both-at-once`, `reset-client`, `reset-server` or `none`.
    pub closed_by: &'static str,
    /// Packets from client to server and back, of which the TCP header was captured whole.
    pub packets: [u32; 2],
}

/// The conversations of a capture, by stream number.
pub fn conversations<'a>(sights: impl Iterator<Item = &'a Sight>) -> Vec<Conversation> {
    let mut flows: Vec<Flow> = Vec::new();
    // The latest flow between two hosts: later segments belong to it.
    let mut latest: BTreeMap<[Host; 2], usize> = BTreeMap::new();
    let pair = |a: Host, b: Host| if a <= b { [a, b] } else { [b, a] };
    let mut next = 0;
    for sight in sights {
        let (seen, is_packet) = match sight {
            Sight::Segment(seen) => (seen, true),
            Sight::Quote(seen) => (seen, false),
            Sight::Renumber(a, b) => {
                if let Some(&at) = latest.get(&pair(*a, *b)) {
                    flows[at].renumbered = true;
                }
                continue;
            }
            Sight::Number => {
                next += 1;
                continue;
            }
        };
        let key = pair(seen.from, seen.to);
        let at = match latest.get(&key).filter(|&&at| !flows[at].ends_before(seen)) {
            Some(&at) => at,
            None => {
                flows.push(Flow::new(next, seen));
                next += 1;
                latest.insert(key, flows.len() - 1);
                flows.len() - 1
            }
        };
        if is_packet {
            flows[at].take(seen);
        }
    }
    flows.iter().map(Flow::record).collect()
}

impl Flow {
    fn record(&self) -> Conversation {
        let [client, server] = self.ends;
        let alone = self.hosts[0] == self.hosts[1];
        Conversation {
            stream: self.stream,
            client: self.hosts[0],
            server: self.hosts[1],
            opened_by: if self.opened { "client" } else { "unknown" },
            client_state: client.shown_beside(&server),
            server_state: if alone { client.state } else { server.shown_beside(&client) },
            closed_by: self.closed,
            packets: [client.packets, server.packets],
        }
    }
}

impl Conversation {
    /// The cells of its line in `conversations.tsv`, behind the file's name.
    #[must_use]
    pub fn line(&self) -> String {
        let host = |(address, port): Host| match address {
            IpAddr::V4(v4) => format!("{v4}:{port}"),
            IpAddr::V6(v6) => format!("[{v6}]:{port}"),
        };
        format!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            self.stream,
            host(self.client),
            host(self.server),
            self.opened_by,
            self.client_state,
            self.server_state,
            self.closed_by,
            self.packets[0],
            self.packets[1]
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Host = (IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 40_000);
    const SERVER: Host = (IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)), 80);

    /// Segments as `who flags seq ack len`, e.g. `C S 0 0 0`; both ends begin at 0.
    fn ends(segments: &str) -> String {
        let sights: Vec<Sight> = segments
            .split(',')
            .map(|text| {
                let words: Vec<&str> = text.split_whitespace().collect();
                let (from, to) = if words[0] == "C" { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
                let bit = |letter, bit| if words[1].contains(letter) { bit } else { 0 };
                let flags =
                    bit('S', flag::SYN) | bit('A', flag::ACK) | bit('F', flag::FIN) | bit('R', flag::RST);
                let number = |at: usize| words[at].parse().unwrap_or(0);
                let (seq, ack, len) = (number(2), number(3), number(4));
                Sight::Segment(Seen { from, to, seq, ack, flags, len, place: None, counted: true })
            })
            .collect();
        let all = conversations(sights.iter());
        all.iter()
            .map(|one| {
                format!("{} {} {} {}", one.opened_by, one.client_state, one.server_state, one.closed_by)
            })
            .collect::<Vec<_>>()
            .join(", ")
    }

    #[test]
    fn states_follow_the_figure_of_rfc_9293() {
        let open = "C S 0 0 0, S SA 0 1 0, C A 1 1 0";
        let cases = [
            ("", "C S 0 0 0", "client SYN-SENT UNKNOWN none"),
            ("", "C S 0 0 0, S SA 0 1 0", "client ESTABLISHED SYN-RECV none"),
            ("", "C S 0 0 0, C A 1 1 0", "client ESTABLISHED ESTABLISHED none"),
            ("", "S SA 0 1 0", "client ESTABLISHED SYN-RECV none"),
            ("", "S SA 0 1 0, S A 1 9 0", "client ESTABLISHED ESTABLISHED none"),
            ("", "C S 0 0 0, S S 0 0 0", "client SYN-RECV SYN-RECV none"),
            ("", "C S 0 0 0, S S 0 0 0, C SA 0 1 0", "client SYN-RECV ESTABLISHED none"),
            ("", "C A 7 7 0", "unknown ESTABLISHED UNKNOWN none"),
            ("", "C A 7 7 0, C A 7 8 0", "unknown ESTABLISHED ESTABLISHED none"),
            ("", "C A 7 7 5", "unknown ESTABLISHED ESTABLISHED none"),
            ("", "C S 0 0 0, S RA 0 1 0", "client CLOSED CLOSED reset-server"),
            ("", "C S 0 0 0, S RA 0 1 0, C S 0 0 0", "client SYN-SENT UNKNOWN none"),
            ("", "C S 0 0 0, C S 9 0 0", "client SYN-SENT UNKNOWN none, client SYN-SENT UNKNOWN none"),
            (open, "C F 1 1 0", "client ESTABLISHED ESTABLISHED none"),
            (open, "C FA 1 1 0", "client FIN-WAIT-1 CLOSE-WAIT client"),
            (open, "C FA 1 1 0, S A 1 2 0", "client FIN-WAIT-2 CLOSE-WAIT client"),
            (open, "C FA 1 1 0, S A 1 2 0, S FA 1 2 0", "client TIME-WAIT LAST-ACK client"),
            (open, "S FA 1 1 0, C FA 1 2 0", "client LAST-ACK TIME-WAIT server"),
            (open, "S FA 1 1 0, C FA 1 2 0, S A 2 2 0", "client CLOSED TIME-WAIT server"),
            (open, "C FA 1 1 0, S FA 1 1 0", "client CLOSING CLOSING both-at-once"),
            (open, "C FA 1 1 0, S FA 1 1 0, C A 2 2 0", "client CLOSING TIME-WAIT both-at-once"),
            (open, "C FA 1 1 0, S A 1 1 5, C FA 1 6 0", "client FIN-WAIT-1 CLOSE-WAIT client"),
            (open, "C FA 1 1 0, S RA 1 2 0", "client CLOSED CLOSED reset-server"),
            (open, "C FA 1 1 0, S FA 1 2 0, C R 2 0 0", "client CLOSED CLOSED client"),
        ];
        for (before, then, expected) in cases {
            let whole = if before.is_empty() { then.to_owned() } else { format!("{before}, {then}") };
            assert_eq!(ends(&whole), expected, "{whole}");
        }
    }

    #[test]
    fn a_quoted_header_begins_a_stream_without_packets() {
        let seen = Seen {
            from: CLIENT,
            to: SERVER,
            seq: 5,
            ack: 0,
            flags: flag::SYN,
            len: 0,
            place: None,
            counted: true,
        };
        let all = conversations([Sight::Quote(seen)].iter());
        let only = all[0].clone();
        assert_eq!(all.len(), 1);
        assert_eq!(
            (only.client_state, only.server_state, only.packets),
            (State::Unknown, State::Unknown, [0, 0])
        );
    }

    #[test]
    fn a_cut_header_keeps_its_flags_or_is_gone() {
        let place = Some((34, 32));
        let seen =
            Seen { from: CLIENT, to: SERVER, seq: 5, ack: 0, flags: flag::SYN, len: 0, place, counted: true };
        assert_eq!(seen.cut(66), Some(seen));
        assert_eq!(seen.cut(65), Some(Seen { counted: false, ..seen }));
        assert_eq!(seen.cut(48), Some(Seen { counted: false, ..seen }));
        assert_eq!(seen.cut(47), None);
    }
}
