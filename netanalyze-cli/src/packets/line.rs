//! The text of `--packets` without `--fields`: a line a packet, as people know it from Wireshark's packet list.
//!
//! Number, time, addresses, protocol, length, and a sentence. The protocol is the network or transport protocol: what runs on top of it is
//! not looked at. Of packets in tunnels the innermost addresses are shown, of ICMP errors those of the error.

use std::io::Write;

use netanalyze_core::field::{Row, Value};

use super::cell::push_joined;
use crate::render::{push_hex, push_seconds, push_unsigned};

/// Places of cells in a row of [`FIELDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Number,
    Time,
    Length,
    EtherSource,
    EtherDestination,
    EtherType,
    Ipv4Source,
    Ipv4Destination,
    Ipv4Protocol,
    Ipv6Source,
    Ipv6Destination,
    Ipv6Next,
    IcmpType,
    IcmpCode,
    Icmpv6Type,
    Icmpv6Code,
    UdpSource,
    UdpDestination,
    UdpLength,
    TcpSource,
    TcpDestination,
    TcpFlags,
    TcpSeq,
    TcpAck,
    TcpWindow,
    TcpLen,
    DuplicateNumber,
}

/// Fields that a line is made of; those of [`VERDICTS`] follow.
const FIELDS: [(At, &str); 27] = [
    (At::Number, "frame.number"),
    (At::Time, "frame.time_relative"),
    (At::Length, "frame.len"),
    (At::EtherSource, "eth.src"),
    (At::EtherDestination, "eth.dst"),
    (At::EtherType, "eth.type"),
    (At::Ipv4Source, "ip.src"),
    (At::Ipv4Destination, "ip.dst"),
    (At::Ipv4Protocol, "ip.proto"),
    (At::Ipv6Source, "ipv6.src"),
    (At::Ipv6Destination, "ipv6.dst"),
    (At::Ipv6Next, "ipv6.nxt"),
    (At::IcmpType, "icmp.type"),
    (At::IcmpCode, "icmp.code"),
    (At::Icmpv6Type, "icmpv6.type"),
    (At::Icmpv6Code, "icmpv6.code"),
    (At::UdpSource, "udp.srcport"),
    (At::UdpDestination, "udp.dstport"),
    (At::UdpLength, "udp.length"),
    (At::TcpSource, "tcp.srcport"),
    (At::TcpDestination, "tcp.dstport"),
    (At::TcpFlags, "tcp.flags"),
    (At::TcpSeq, "tcp.seq"),
    (At::TcpAck, "tcp.ack"),
    (At::TcpWindow, "tcp.window_size"),
    (At::TcpLen, "tcp.len"),
    (At::DuplicateNumber, "tcp.analysis.duplicate_ack_num"),
];

/// Verdicts and the words for them; an exact one stands before the general one that it includes.
const VERDICTS: [(&str, &str); 15] = [
    ("tcp.analysis.fast_retransmission", "Fast Retransmission"),
    ("tcp.analysis.spurious_retransmission", "Spurious Retransmission"),
    ("tcp.analysis.retransmission", "Retransmission"),
    ("tcp.analysis.reused_ports", "Port numbers reused"),
    ("tcp.analysis.out_of_order", "Out-Of-Order"),
    ("tcp.analysis.lost_segment", "Previous segment not captured"),
    ("tcp.analysis.ack_lost_segment", "ACKed segment not captured"),
    ("tcp.analysis.window_update", "Window Update"),
    ("tcp.analysis.window_full", "Window Full"),
    ("tcp.analysis.keep_alive", "Keep-Alive"),
    ("tcp.analysis.keep_alive_ack", "Keep-Alive ACK"),
    ("tcp.analysis.zero_window", "Zero Window"),
    ("tcp.analysis.zero_window_probe", "Zero-Window Probe"),
    ("tcp.analysis.zero_window_probe_ack", "Zero-Window Probe ACK"),
    ("tcp.analysis.duplicate_ack", "Duplicate ACK"),
];

/// Verdicts at the start of the table of which only the first is named.
const RETRANSMISSIONS: usize = 3;

/// Flag bits from the lowest on.
const FLAGS: [&str; 9] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"];

/// Names of the fields to select.
pub(super) fn field_names() -> impl Iterator<Item = &'static str> {
    FIELDS.into_iter().chain(VERDICTS.map(|(name, _)| (At::Number, name))).map(|(_, name)| name)
}

/// The heading.
pub(super) fn heading() -> Vec<u8> {
    let mut out = format!("{:>7} {:>14}  ", "No.", "Time").into_bytes();
    let _ = write!(out, "{:<22} {:<22} {:<8} {:>6}  Info", "Source", "Destination", "Protocol", "Length");
    out.push(b'\n');
    out
}

/// Appends a packet's line.
pub(super) fn push_line(out: &mut Vec<u8>, row: &Row) {
    let cells = Cells(row.cells());
    let start = out.len();
    push_joined(out, cells.all(At::Number));
    align_right(out, start, 7);
    out.push(b' ');
    let start = out.len();
    if let Some(Value::Time(span)) = cells.first(At::Time) {
        push_seconds(out, span.0);
    }
    align_right(out, start, 14);
    out.extend_from_slice(b"  ");
    let (source, destination) = cells.addresses();
    for address in [source, destination] {
        let start = out.len();
        if let Some(address) = address {
            push_joined(out, std::slice::from_ref(address));
        }
        let missing = 22_usize.saturating_sub(out.len() - start) + 1;
        out.resize(out.len() + missing, b' ');
    }
    let start = out.len();
    out.extend_from_slice(cells.protocol().as_bytes());
    let missing = 8_usize.saturating_sub(out.len() - start) + 1;
    out.resize(out.len() + missing, b' ');
    let start = out.len();
    push_unsigned(out, cells.number(At::Length));
    align_right(out, start, 6);
    cells.push_sentence(out);
    out.push(b'\n');
}

/// Appends words and a number.
#[inline]
fn push_figure(out: &mut Vec<u8>, words: &str, number: u64) {
    out.extend_from_slice(words.as_bytes());
    push_unsigned(out, number);
}

fn align_right(out: &mut Vec<u8>, start: usize, width: usize) {
    let missing = width.saturating_sub(out.len() - start);
    out.resize(out.len() + missing, b' ');
    if let Some(cell) = out.get_mut(start..) {
        cell.rotate_right(missing);
    }
}

/// A frame's cells by place.
struct Cells<'r>(&'r [Vec<Value>]);

impl<'r> Cells<'r> {
    fn all(&self, at: At) -> &'r [Value] {
        self.0.get(at as usize).map_or(&[], Vec::as_slice)
    }

    fn first(&self, at: At) -> Option<&'r Value> {
        self.all(at).first()
    }

    fn last(&self, at: At) -> Option<&'r Value> {
        self.all(at).last()
    }

    fn has(&self, at: At) -> bool {
        !self.all(at).is_empty()
    }

    fn number(&self, at: At) -> u64 {
        match self.last(at) {
            Some(Value::Unsigned(number) | Value::Hex(number, _)) => *number,
            _ => 0,
        }
    }

    fn is_icmp(&self) -> bool {
        self.has(At::IcmpType) || self.has(At::Icmpv6Type)
    }

    /// Whether the innermost network layer is IPv6. An ICMP error quotes what it complains of; that is not looked at.
    fn is_ipv6(&self) -> bool {
        /// IPv6 inside IPv4.
        const SIX_IN_FOUR: u64 = 41;
        self.has(At::Ipv6Source)
            && (!self.has(At::Ipv4Source) || self.number(At::Ipv4Protocol) == SIX_IN_FOUR)
    }

    fn addresses(&self) -> (Option<&'r Value>, Option<&'r Value>) {
        let (source, destination) = if self.is_ipv6() {
            (At::Ipv6Source, At::Ipv6Destination)
        } else if self.has(At::Ipv4Source) {
            (At::Ipv4Source, At::Ipv4Destination)
        } else {
            (At::EtherSource, At::EtherDestination)
        };
        if self.is_icmp() {
            (self.first(source), self.first(destination))
        } else {
            (self.last(source), self.last(destination))
        }
    }

    fn protocol(&self) -> &'static str {
        const ARP: u64 = 0x0806;
        match () {
            () if self.has(At::IcmpType) => "ICMP",
            () if self.has(At::Icmpv6Type) => "ICMPv6",
            () if self.has(At::TcpSource) => "TCP",
            () if self.has(At::UdpSource) => "UDP",
            () if self.is_ipv6() => "IPv6",
            () if self.has(At::Ipv4Source) => "IPv4",
            () if self.number(At::EtherType) == ARP => "ARP",
            () if self.has(At::EtherSource) => "Ethernet",
            () => "",
        }
    }

    fn push_sentence(&self, out: &mut Vec<u8>) {
        let pair = |out: &mut Vec<u8>, (first, a), (second, b)| {
            push_figure(out, first, self.number(a));
            push_figure(out, second, self.number(b));
        };
        if self.has(At::IcmpType) {
            pair(out, ("  type ", At::IcmpType), (", code ", At::IcmpCode));
        } else if self.has(At::Icmpv6Type) {
            pair(out, ("  type ", At::Icmpv6Type), (", code ", At::Icmpv6Code));
        } else if self.has(At::TcpSource) {
            self.push_tcp(out);
        } else if self.has(At::UdpSource) {
            pair(out, ("  ", At::UdpSource), (" → ", At::UdpDestination));
            push_figure(out, " Len=", self.number(At::UdpLength).saturating_sub(8));
        } else if self.is_ipv6() {
            push_figure(out, "  protocol ", self.number(At::Ipv6Next));
        } else if self.has(At::Ipv4Source) {
            push_figure(out, "  protocol ", self.number(At::Ipv4Protocol));
        } else if self.has(At::EtherType) {
            out.extend_from_slice(b"  type ");
            push_hex(out, self.number(At::EtherType), 4);
        }
    }

    fn push_tcp(&self, out: &mut Vec<u8>) {
        push_figure(out, "  ", self.number(At::TcpSource));
        push_figure(out, " → ", self.number(At::TcpDestination));
        let flags = self.number(At::TcpFlags);
        if self.has(At::TcpFlags) {
            let set = FLAGS.iter().enumerate().filter(|(bit, _)| flags >> bit & 1 != 0);
            for (place, (_, name)) in set.enumerate() {
                out.extend_from_slice(if place == 0 { b" [" } else { b", " });
                out.extend_from_slice(name.as_bytes());
            }
            out.extend_from_slice(if flags & 0x1ff == 0 { b" [none]" } else { b"]" });
        }
        push_figure(out, " Seq=", self.number(At::TcpSeq));
        if flags & 0x10 != 0 {
            push_figure(out, " Ack=", self.number(At::TcpAck));
        }
        if self.has(At::TcpWindow) {
            push_figure(out, " Win=", self.number(At::TcpWindow));
        }
        if self.has(At::TcpLen) {
            push_figure(out, " Len=", self.number(At::TcpLen));
        }
        let verdicts = self.0.get(FIELDS.len()..).unwrap_or_default().iter().zip(VERDICTS);
        let mut retransmission = false;
        for (place, (cell, (_, words))) in verdicts.enumerate() {
            if cell.is_empty() || place < RETRANSMISSIONS && retransmission {
                continue;
            }
            retransmission |= place < RETRANSMISSIONS;
            out.extend_from_slice(b" [");
            out.extend_from_slice(words.as_bytes());
            match self.number(At::DuplicateNumber) {
                number @ 1.. if place + 1 == VERDICTS.len() => push_figure(out, " #", number),
                _ => {}
            }
            out.push(b']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_fields() {
        for (place, (at, name)) in FIELDS.into_iter().enumerate() {
            assert_eq!(at as usize, place, "{name}");
        }
        assert_eq!(VERDICTS.last().map(|(_, words)| *words), Some("Duplicate ACK"));
        assert!(netanalyze_core::field::Selection::new(field_names()).is_ok());
    }

    fn line(cells: &[(At, Value)], verdicts: &[usize]) -> String {
        let mut row = vec![Vec::new(); FIELDS.len() + VERDICTS.len()];
        for (at, value) in cells {
            row[*at as usize].push(value.clone());
        }
        for verdict in verdicts {
            row[FIELDS.len() + verdict].push(Value::Present);
        }
        let cells = Cells(&row);
        let mut out = Vec::new();
        cells.push_sentence(&mut out);
        let (source, destination) = cells.addresses();
        let address = |a: Option<&Value>| a.map(ToString::to_string).unwrap_or_default();
        format!(
            "{} {} {}{}",
            address(source),
            address(destination),
            cells.protocol(),
            String::from_utf8(out).unwrap()
        )
    }

    fn ends(source: &str, destination: &str) -> Vec<(At, Value)> {
        let address = |text: &str| Value::Address(text.parse().unwrap());
        let (s, d) = match source.contains(':') {
            true => (At::Ipv6Source, At::Ipv6Destination),
            false => (At::Ipv4Source, At::Ipv4Destination),
        };
        vec![(s, address(source)), (d, address(destination))]
    }

    #[test]
    fn tells_a_segment_with_its_verdicts() {
        let mut cells = ends("192.0.2.1", "192.0.2.2");
        for (at, number) in
            [(At::TcpSource, 80), (At::TcpDestination, 9), (At::TcpSeq, 1), (At::TcpAck, 5), (At::TcpLen, 7)]
        {
            cells.push((at, Value::Unsigned(number)));
        }
        cells.push((At::TcpFlags, Value::Hex(0x18, 4)));
        assert_eq!(
            line(&cells, &[0, 2, 4]),
            "192.0.2.1 192.0.2.2 TCP  80 → 9 [PSH, ACK] Seq=1 Ack=5 Len=7 [Fast Retransmission] [Out-Of-Order]"
        );
        cells.push((At::DuplicateNumber, Value::Unsigned(3)));
        assert!(line(&cells, &[14]).ends_with("Len=7 [Duplicate ACK #3]"));
    }

    #[test]
    fn shows_the_innermost_addresses_but_not_quoted_ones() {
        let mut tunnel = ends("192.0.2.1", "192.0.2.2");
        tunnel.extend(ends("2001:db8::1", "2001:db8::2"));
        tunnel.push((At::Ipv4Protocol, Value::Unsigned(41)));
        tunnel.push((At::Ipv6Next, Value::Unsigned(59)));
        assert_eq!(line(&tunnel, &[]), "2001:db8::1 2001:db8::2 IPv6  protocol 59");
        let mut error = ends("192.0.2.9", "192.0.2.1");
        error.extend(ends("192.0.2.1", "192.0.2.2"));
        error.push((At::IcmpType, Value::Unsigned(3)));
        error.push((At::IcmpCode, Value::Unsigned(1)));
        assert_eq!(line(&error, &[]), "192.0.2.9 192.0.2.1 ICMP  type 3, code 1");
    }

    #[test]
    fn falls_back_to_the_link_layer() {
        let cells = [
            (At::EtherSource, Value::Ether([2, 0, 0, 0, 0, 1])),
            (At::EtherDestination, Value::Ether([255; 6])),
            (At::EtherType, Value::Hex(0x806, 4)),
        ];
        assert_eq!(line(&cells, &[]), "02:00:00:00:00:01 ff:ff:ff:ff:ff:ff ARP  type 0x0806");
        assert_eq!(line(&[], &[]), "  ");
    }
}
