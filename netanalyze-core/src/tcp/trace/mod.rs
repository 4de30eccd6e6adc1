//! Packet traces: scripts of segments between a client and a server, each with the verdict that tshark 4.0.17 gives it.
//!
//! [`script`] explains the language. Flags must be exactly those that a line lists, figures (`name=value`) are looked at where a line
//! names them. Every script runs from several initial sequence numbers and with either end as the lower address.

mod books;
mod closing;
mod duplicate_ack;
mod figures;
mod header;
mod keep_alive;
mod loss;
mod opening;
mod option;
mod retransmission;
mod script;
mod window;

use std::collections::{BTreeMap, BTreeSet};

use script::{Numbers, Step};

use super::compact::{Reader, Writer};
use super::{Account, Birth, Connection, Flags, Passing, Pool, Segment, SynOutcome, Verdict};
use crate::model::limits::MAX_COMPACT_SEGMENTS;
use crate::model::{Direction, FrameNumber, Span, Timestamp};
use crate::packet::tcp_option::{self, TcpOptions};

/// Plain numbers, numbers that wrap within the first segments, and numbers that cross half the circle.
const NUMBERS: [Numbers; 3] = [
    Numbers { client: 1000, server: 700_000, client_is: Direction::AtoB },
    Numbers { client: u32::MAX - 149, server: u32::MAX - 50, client_is: Direction::BtoA },
    Numbers { client: 0x7fff_ff80, server: u32::MAX - 333, client_is: Direction::AtoB },
];

/// Runs a script from all of [`NUMBERS`].
fn check(script: &str) {
    for numbers in NUMBERS {
        check_from(numbers, script);
    }
}

/// Frames 1 to 3: a handshake of 20 ms without window scaling.
const HANDSHAKE: &str = "
    0  > S  0 . mss=1460 : syn
    10 < SA 0 1 mss=1460 : synack
    20 > A  1 1          : irtt=20
";

/// Runs a script, whose first line is frame 4, after [`HANDSHAKE`].
fn check_open(script: &str) {
    check(&format!("{HANDSHAKE}{script}"));
}

/// Runs a script from given numbers.
fn check_from(numbers: Numbers, script: &str) {
    let steps = script::parse(script, numbers);
    assert!(!steps.is_empty(), "an empty script tests nothing");
    for compacting in [false, true] {
        let mut host = Host::new(compacting);
        for (index, step) in steps.iter().enumerate() {
            let outcome = host.receive(index as u64 + 1, step, numbers);
            outcome.compare(index + 1, step, numbers);
        }
    }
}

/// What stands between the wire and the analysis: options, conversations that are opened anew.
struct Host {
    /// Everything goes through its compact form before each segment.
    compacting: bool,
    connection: Option<Connection>,
    account: Account,
    streams: u32,
    pool: Pool,
}

impl Host {
    fn new(compacting: bool) -> Self {
        let (account, pool) = (Account::new(true), Pool::default());
        Host { compacting, connection: None, account, streams: 0, pool }
    }

    /// What is known, written and read again.
    fn compact(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        if connection.unacked_segments() > MAX_COMPACT_SEGMENTS {
            return;
        }
        let (time, frame) = (Timestamp(77_000_000), self.account.last_frame());
        let mut writer = Writer::default();
        connection.code(&mut writer, time, frame);
        self.account.code(&mut writer, connection, frame);
        let before = format!("{connection:?} {:?}", self.account);
        let mut reader = Reader::new(writer.finish().unwrap());
        (*connection, self.account) = (Connection::new(Timestamp(0)), Account::new(false));
        connection.code(&mut reader, time, frame);
        self.account.code(&mut reader, connection, frame);
        assert_eq!(before, format!("{connection:?} {:?}", self.account));
    }

    fn receive(&mut self, frame: u64, step: &Step<'_>, numbers: Numbers) -> Outcome {
        let parsed = parse_options(step);
        let segment = Segment {
            frame: FrameNumber(frame),
            time: step.time,
            seq: step.seq,
            ack: step.ack,
            len: step.reported.saturating_sub(u32::from(step.header_len)),
            window: step.window,
            flags: step.flags,
            header_len: step.header_len,
            header_captured: step.captured,
            urgent_pointer: step.urgent != 0,
            scope: step.scope,
            options: parsed.as_ref(),
        };
        let client = numbers.client_is;
        let direction = if step.from_client { client } else { client.reverse() };
        if self.compacting {
            self.compact();
        }
        let known = self.connection.take();
        let birth = match known.as_ref().map(|c| c.syn_outcome(direction, &segment)) {
            None => Birth::New,
            Some(SynOutcome::Reopens) => Birth::Reused,
            Some(SynOutcome::Continues) => Birth::Known,
        };
        let mut verdict = Verdict::default();
        let connection = match known.filter(|_| birth == Birth::Known) {
            Some(mut connection) => {
                connection.advance(direction, &segment, None, &mut self.pool, &mut verdict);
                connection
            }
            None => {
                self.streams += 1;
                self.account = Account::new(true);
                let mut connection = Connection::new(step.time);
                connection.open(direction, &segment, birth, &mut self.pool, &mut verdict);
                connection
            }
        };
        self.connection = Some(connection);
        let gap = Span(1_000_000_000);
        let passing = Passing {
            wire_len: step.reported + 34,
            ttl: 64,
            id: 0,
            has_ip_id: false,
            interface: 0,
            gap,
            shares_frame: false,
        };
        self.account.book(direction, &segment, &mut verdict, passing);
        let mut outcome = Outcome::new(&verdict, step, self.streams - 1);
        outcome.add_books(&self.account, client);
        outcome
    }
}

/// The options as the decoder hands them on.
fn parse_options(step: &Step<'_>) -> Option<TcpOptions> {
    let area_len = usize::from(step.header_len).checked_sub(20)?;
    let captured = usize::from(step.captured).checked_sub(20).filter(|&n| n > 0)?.min(area_len);
    let mut area = step.options.clone();
    area.resize(area_len, 0);
    let captured = &area[..captured];
    Some(if captured.len() == area_len {
        tcp_option::parse(&area)
    } else {
        tcp_option::parse_cut(captured, area_len)
    })
}

/// A verdict as the words of a script.
#[derive(Debug)]
struct Outcome {
    flags: BTreeSet<&'static str>,
    figures: BTreeMap<&'static str, String>,
}

const FLAG_WORDS: [(Flags, &str); 36] = [
    (Flags::RETRANSMISSION, "retr"),
    (Flags::FAST_RETRANSMISSION, "fast"),
    (Flags::SPURIOUS_RETRANSMISSION, "spur"),
    (Flags::OUT_OF_ORDER, "ooo"),
    (Flags::LOST_SEGMENT, "lost"),
    (Flags::ACK_LOST_SEGMENT, "acklost"),
    (Flags::WINDOW_UPDATE, "wu"),
    (Flags::WINDOW_FULL, "full"),
    (Flags::KEEP_ALIVE, "ka"),
    (Flags::KEEP_ALIVE_ACK, "kaa"),
    (Flags::DUPLICATE_ACK, "dup"),
    (Flags::ZERO_WINDOW, "zw"),
    (Flags::ZERO_WINDOW_PROBE, "zwp"),
    (Flags::ZERO_WINDOW_PROBE_ACK, "zwpa"),
    (Flags::REUSED_PORTS, "reused"),
    (Flags::SYN, "syn"),
    (Flags::SYN_ACK, "synack"),
    (Flags::FIN, "fin"),
    (Flags::FIN_ACTIVE, "active"),
    (Flags::FIN_PASSIVE, "passive"),
    (Flags::RST, "rst"),
    (Flags::TFO_SYN, "tfosyn"),
    (Flags::TFO_ACK, "tfoack"),
    (Flags::TFO_IGNORED, "tfoign"),
    (Flags::ACK_NONZERO, "acknz"),
    (Flags::URGENT_POINTER, "urgptr"),
    (Flags::SHORT_SEGMENT, "short"),
    (Flags::BOGUS_HEADER_LENGTH, "bogus"),
    (Flags::DUPLICATE_SACK, "dsack"),
    (Flags::OPTION_LENGTH, "optlen"),
    (Flags::WINDOW_SCALE_SHIFT, "wsbad"),
    (Flags::MSS_ABSENT, "nomss"),
    (Flags::MSS_PRESENT, "mss"),
    (Flags::NOPS, "nops"),
    (Flags::AFTER_END_OF_OPTIONS, "aftereol"),
    (Flags::SACK_TRUNCATED, "sackcut"),
];

impl Outcome {
    fn new(verdict: &Verdict, step: &Step<'_>, stream: u32) -> Self {
        let words = FLAG_WORDS.iter().filter(|(flag, _)| verdict.flags.has(*flag));
        let mut figures = BTreeMap::from([("stream", stream.to_string())]);
        let mut put = |name, shown: bool, value: String| {
            if shown {
                figures.insert(name, value);
            }
        };
        let shown = verdict.shown;
        put("comp", true, verdict.completeness.to_string());
        let relative =
            |number: u32, base: u32| if shown.relative { number.wrapping_sub(base) } else { number };
        put("len", shown.len, step.reported.saturating_sub(u32::from(step.header_len)).to_string());
        put("seq", true, relative(step.seq, verdict.seq_base).to_string());
        put("ack", step.flags.ack() && shown.events, relative(step.ack, verdict.ack_base).to_string());
        put("scale", shown.events && !step.flags.syn(), verdict.scale.factor().to_string());
        put("delta", shown.times, in_milliseconds(verdict.time_delta.0));
        put("rel", shown.times, in_milliseconds(verdict.time_relative.0));
        if let Some(p) = verdict.analysis.filter(|_| shown.analysis) {
            put("rec", true, String::new());
            put("bif", p.bytes_in_flight != 0, p.bytes_in_flight.to_string());
            put("push", p.bytes_in_flight != 0, p.push_bytes.to_string());
            put("acks", p.acked_frame.0 != 0, p.acked_frame.to_string());
            put("rtt", p.ack_rtt.0 != 0, in_milliseconds(p.ack_rtt.0));
            put("irtt", verdict.initial_rtt.0 != 0, in_milliseconds(verdict.initial_rtt.0));
            let timed_out = p.flags.has(Flags::RETRANSMISSION) && p.rto.0 != 0;
            put("rto", timed_out, in_milliseconds(p.rto.0) + "/" + &p.rto_frame.to_string());
            let number = format!("{}/{}", p.duplicate_ack_number, p.duplicate_ack_frame);
            put("dup", p.flags.has(Flags::DUPLICATE_ACK), number);
        }
        Outcome { flags: words.map(|&(_, word)| word).collect(), figures }
    }

    /// What the books say once the segment is in them; `c` and `s` before a name stand for what client and server sent.
    fn add_books(&mut self, account: &Account, client: Direction) {
        self.figures.insert("hist", account.history(client));
        self.figures.insert("by", account.closed_by().map_or(String::new(), |by| by.name().to_owned()));
        self.figures.insert("stall", in_milliseconds(account.stalled().0));
        let sides = [
            (client, ["cst", "cuniq", "crex", "cmiss", "czw", "crtts", "cttl"]),
            (client.reverse(), ["sst", "suniq", "srex", "smiss", "szw", "srtts", "sttl"]),
        ];
        for (end, names) in sides {
            let side = account.facts(end, account.last()).unwrap();
            let values = [
                side.state.name().to_owned(),
                side.unique_bytes.to_string(),
                format!("{}/{}", side.retransmissions, side.retransmitted_bytes),
                side.missing_bytes.to_string(),
                format!("{}/{}", side.zero_windows, in_milliseconds(side.zero_window.0)),
                side.rtt.map_or_else(String::new, |rtt| {
                    format!("{}/{}/{}", rtt.samples, in_milliseconds(rtt.min.0), in_milliseconds(rtt.max.0))
                }),
                account.ttl(end).map_or_else(String::new, |(min, max)| format!("{min}-{max}")),
            ];
            self.figures.extend(names.into_iter().zip(values));
        }
    }

    /// `word` is a flag, `name=value` a figure, `name=` says that a figure is not shown, `dup=…` is both.
    fn compare(&self, frame: usize, step: &Step<'_>, numbers: Numbers) {
        let mut flags = BTreeSet::new();
        for &word in &step.expected {
            let Some((name, value)) = word.split_once('=') else {
                assert!(FLAG_WORDS.iter().any(|&(_, w)| w == word), "no such flag: {word}");
                flags.insert(word);
                continue;
            };
            if name == "dup" {
                flags.insert(name);
            }
            let shown = self.figures.get(name).map_or("", |v| if name == "rec" { "1" } else { v });
            assert_eq!(shown, value, "{name} of frame {frame}, {}, from {numbers:x?}", step.line);
        }
        assert_eq!(self.flags, flags, "flags of frame {frame}, {}, from {numbers:x?}", step.line);
    }
}

/// Milliseconds with as many decimals as it takes.
fn in_milliseconds(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let digits = format!("{sign}{}.{:06}", ns.unsigned_abs() / 1_000_000, ns.unsigned_abs() % 1_000_000);
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A script that lacks a flag, has one too many, or a wrong figure, fails.
#[test]
fn the_comparison_can_fail() {
    for wrong in ["", "synack", "syn fin", "syn comp=1", "syn rec=1", "syn delta=1", "syn unheard"] {
        let result = std::panic::catch_unwind(|| check(&format!("0 > S 0 . : {wrong}")));
        assert!(result.is_err(), "{wrong:?}");
    }
    check("0 > S 0 . : syn comp=0 rec= delta=0 len=0 seq=0 stream=0 ack=");
}
