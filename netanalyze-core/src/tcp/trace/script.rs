//! The little language of the traces: one line a segment, `time direction flags seq ack [what differs from the template] : verdict`.
//!
//! ```text
//! 20.5 > PA 1 1 len=100 win=500 : fast bif=100 rtt=0.5
//! ```
//!
//! Times are milliseconds; `>` is from the client to the server. Flags are SAFRPU or `-`. Sequence numbers count from the side's initial
//! one, and `.` as acknowledgment is a field of zero. The template: no payload, window 1000, no options, everything captured.

use crate::model::{Direction, Timestamp};
use crate::packet::tcp_option::kind;
use crate::tcp::{Scope, TcpFlags};

/// A segment as it will be sent, and what is expected of it.
#[derive(Debug)]
pub(super) struct Step<'t> {
    pub(super) line: &'t str,
    pub(super) time: Timestamp,
    pub(super) from_client: bool,
    pub(super) flags: TcpFlags,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) window: u16,
    pub(super) header_len: u8,
    /// Header and payload on the wire.
    pub(super) reported: u32,
    pub(super) captured: u8,
    pub(super) urgent: u16,
    pub(super) scope: Scope,
    pub(super) options: Vec<u8>,
    pub(super) expected: Vec<&'t str>,
}

/// Where sequence numbers begin, and which of the two ends is the client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) client: u32,
    pub(super) server: u32,
    pub(super) client_is: Direction,
}

/// Reads a script. Lines that are empty or begin with `#` say nothing.
pub(super) fn parse(script: &str, numbers: Numbers) -> Vec<Step<'_>> {
    let lines = script.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines.map(|line| parse_line(line, numbers).unwrap_or_else(|| panic!("cannot read {line:?}"))).collect()
}

fn parse_line(line: &str, numbers: Numbers) -> Option<Step<'_>> {
    let (segment, expected) = line.split_once(" :")?;
    let mut words = segment.split_whitespace();
    let time = milliseconds(words.next()?)?;
    let from_client = match words.next()? {
        ">" => true,
        "<" => false,
        _ => return None,
    };
    let (own, peer) =
        if from_client { (numbers.client, numbers.server) } else { (numbers.server, numbers.client) };
    let flags = flags(words.next()?)?;
    let seq = own.wrapping_add_signed(words.next()?.parse().ok()?);
    let ack = match words.next()? {
        "." => 0,
        number => peer.wrapping_add_signed(number.parse().ok()?),
    };
    let mut step = Step {
        line,
        time,
        from_client,
        flags,
        seq,
        ack,
        window: 1000,
        header_len: 0,
        reported: 0,
        captured: 0,
        urgent: 0,
        scope: Scope::Full,
        options: Vec::new(),
        expected: expected.split_whitespace().collect(),
    };
    let (mut len, mut header, mut reported, mut captured) = (0, None, None, None);
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("len", v) => len = v.parse().ok()?,
            ("win", v) => step.window = v.parse().ok()?,
            ("hdr", v) => header = Some(v.parse::<u8>().ok()?),
            ("reported", v) => reported = Some(v.parse().ok()?),
            ("cap", v) => captured = Some(v.parse().ok()?),
            ("urg", v) => step.urgent = v.parse().ok()?,
            ("quoted" | "fragment", "") => step.scope = Scope::HeaderOnly,
            (name, value) => option(name, value, peer, &mut step.options)?,
        }
    }
    while !step.options.len().is_multiple_of(4) {
        step.options.push(kind::EOL);
    }
    step.header_len = header.unwrap_or(20 + step.options.len() as u8);
    step.reported = reported.unwrap_or(u32::from(step.header_len) + len);
    let whole = step.reported.min(u32::from(step.header_len.max(20))) as u8;
    step.captured = captured.unwrap_or(whole);
    if step.scope == Scope::Full && step.reported < u32::from(step.header_len) {
        step.scope = Scope::ShortSegment;
    }
    Some(step)
}

fn option(name: &str, value: &str, peer: u32, out: &mut Vec<u8>) -> Option<()> {
    match name {
        "mss" => {
            out.extend([kind::MSS, 4]);
            out.extend(value.parse::<u16>().ok()?.to_be_bytes());
        }
        "ws" => out.extend([kind::WINDOW_SCALE, 3, value.parse().ok()?]),
        "sack" => {
            let edges: Vec<i32> = value.split([',', '-']).map(str::parse).collect::<Result<_, _>>().ok()?;
            out.extend([kind::SACK, 2 + 4 * edges.len() as u8]);
            out.extend(edges.iter().flat_map(|&edge| peer.wrapping_add_signed(edge).to_be_bytes()));
        }
        // Any bytes, in hexadecimal.
        "opt" => {
            let digits: Vec<u8> =
                value.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
            out.extend(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]));
        }
        _ => return None,
    }
    Some(())
}

fn flags(letters: &str) -> Option<TcpFlags> {
    let bit = |letter| {
        Some(match letter {
            'F' => TcpFlags::FIN,
            'S' => TcpFlags::SYN,
            'R' => TcpFlags::RST,
            'P' => TcpFlags::PSH,
            'A' => TcpFlags::ACK,
            'U' => TcpFlags::URG,
            '-' => TcpFlags(0),
            _ => return None,
        })
    };
    letters.chars().try_fold(TcpFlags(0), |all, letter| Some(TcpFlags(all.0 | bit(letter)?.0)))
}

/// Milliseconds with up to six decimals, after a second that is not the epoch's first.
fn milliseconds(text: &str) -> Option<Timestamp> {
    const START: i64 = 1_000_000_000_000;
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let fraction: i64 = format!("{decimals:0<6}").parse().ok().filter(|_| decimals.len() <= 6)?;
    Some(Timestamp(START + whole.parse::<i64>().ok()? * 1_000_000 + fraction))
}
