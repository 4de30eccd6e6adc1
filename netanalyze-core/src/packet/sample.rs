//! Frames made byte by byte for the tests of this floor, and a sink that writes down what the decoder saw.

use super::fragment::FragmentTable;
use super::{Fragment, Layer, Origin, Sink, dissect, dissect_datagram};
use crate::model::{Link, LinkType};

/// What the decoder saw, as words: `eth ip udp:1000>2000/16`, with the reported length after the ports.
pub(super) struct Trace<'t> {
    words: Vec<String>,
    fragments: &'t mut FragmentTable,
    done: Vec<super::fragment::Datagram>,
}

impl<'t> Trace<'t> {
    pub(super) fn new(fragments: &'t mut FragmentTable) -> Self {
        Trace { words: Vec::new(), fragments, done: Vec::new() }
    }

    pub(super) fn words(&self) -> String {
        self.words.join(" ")
    }
}

impl<'a> Sink<'a> for Trace<'_> {
    fn cut_fragment(&mut self, fragment: Fragment<'a>) {
        self.fragments.cut(&fragment);
        self.words.push(format!("part:{}", fragment.offset));
    }

    fn layer(&mut self, layer: Layer<'a>) {
        let word = match layer {
            Layer::Ethernet(_) => "eth".into(),
            Layer::Vlan(tag) => format!("vlan:{}", tag.get(1).copied().unwrap_or(0)),
            Layer::Ipv4(_) => "ip".into(),
            Layer::Ipv6(_) => "ipv6".into(),
            Layer::Fragment(f) => {
                self.done.extend(self.fragments.insert(&f));
                format!("frag:{}+{}", f.offset, f.payload.len())
            }
            Layer::Tcp(t) | Layer::Udp(t) | Layer::Icmp(t) | Layer::Icmpv6(t) => {
                let name = match layer {
                    Layer::Tcp(_) => "tcp",
                    Layer::Udp(_) => "udp",
                    Layer::Icmp(_) => "icmp",
                    _ => "icmpv6",
                };
                let quoted = match t.origin {
                    Origin::Packet => "",
                    Origin::Fragment => "first-",
                    Origin::QuotedIcmp | Origin::QuotedIcmpv6 => "quoted-",
                };
                assert!(t.bytes.len() as u64 <= u64::from(t.reported));
                format!("{quoted}{name}/{}", t.reported)
            }
            Layer::Arp(_) => "arp".into(),
            Layer::Wlan(_) => "wlan".into(),
            Layer::Eapol(_) => "eapol".into(),
            Layer::Other(p) => p.name().into(),
            Layer::Cut(p) => format!("cut({})", p.name()),
            Layer::Malformed(p) => format!("malformed({})", p.name()),
            Layer::TooDeep => "too deep".to_owned(),
        };
        self.words.push(word);
    }
}

/// Decodes frames of one link type that share a fragment table; one line a frame.
pub(super) fn trace_all<'f>(
    kind: LinkType,
    frames: impl IntoIterator<Item = (&'f [u8], usize)>,
) -> Vec<String> {
    let mut table = FragmentTable::default();
    let mut lines = Vec::new();
    for (frame, wire) in frames {
        let mut sink = Trace::new(&mut table);
        dissect(Link { kind, fcs_len: 0 }, frame, wire as u32, &mut sink);
        while let Some(datagram) = sink.done.pop() {
            sink.words.push("whole".into());
            dissect_datagram(&datagram, &mut sink);
        }
        lines.push(sink.words());
    }
    lines
}

/// Decodes one frame, captured as a whole, and every cut and snapped version of it, which must not panic.
pub(super) fn trace(kind: LinkType, frame: &[u8]) -> String {
    for len in 0..frame.len() {
        trace_all(kind, [(&frame[..len], len), (&frame[..len], frame.len())]);
    }
    trace_all(kind, [(frame, frame.len())]).remove(0)
}

/// Decodes one Ethernet frame.
pub(super) fn trace_eth(kind: u16, payload: &[u8]) -> String {
    trace(LinkType::ETHERNET, &eth(kind, payload))
}

/// Bytes one after the other.
pub(super) fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

pub(super) fn eth(kind: u16, payload: &[u8]) -> Vec<u8> {
    cat(&[&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &kind.to_be_bytes(), payload])
}

/// An IPv4 packet from 8.0.0.1 to 8.0.0.2.
pub(super) fn ip4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ip4_fragment(protocol, 0, false, payload)
}

pub(super) fn ip4_fragment(protocol: u8, offset: u16, more: bool, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len() as u16).to_be_bytes();
    let fragment = ((offset / 8) | (u16::from(more) << 13)).to_be_bytes();
    let head = [
        0x45,
        0,
        total[0],
        total[1],
        0,
        7,
        fragment[0],
        fragment[1],
        64,
        protocol,
        0,
        0,
        8,
        0,
        0,
        1,
        8,
        0,
        0,
        2,
    ];
    cat(&[&head, payload])
}

/// An IPv6 packet from 2001::1 to 2001::2.
pub(super) fn ip6(next: u8, payload: &[u8]) -> Vec<u8> {
    let address = |last: u8| [0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    cat(&[
        &[0x60, 0, 0, 0],
        &(payload.len() as u16).to_be_bytes(),
        &[next, 64],
        &address(1),
        &address(2),
        payload,
    ])
}

pub(super) fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len() as u16).to_be_bytes();
    cat(&[&source.to_be_bytes(), &destination.to_be_bytes(), &len, &[0, 0], payload])
}

/// A TCP segment with 4 bytes of payload: 24 bytes.
pub(super) fn tcp() -> Vec<u8> {
    let ports = [0x03, 0xe8, 0x07, 0xd0];
    cat(&[&ports, &[0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0], b"data"])
}

/// An IPv4 packet that holds [`tcp`]: 44 bytes.
pub(super) fn tcp4() -> Vec<u8> {
    ip4(6, &tcp())
}

/// An IPv6 packet that holds [`tcp`]: 64 bytes.
pub(super) fn tcp6() -> Vec<u8> {
    ip6(6, &tcp())
}

/// A tunnel over UDP on IPv4 on Ethernet.
pub(super) fn trace_tunnel(port: u16, payload: &[u8]) -> String {
    let line = trace_eth(0x0800, &ip4(17, &udp(50_000, port, payload)));
    let rest = line.split_once(" udp/").map_or("", |(_, rest)| rest);
    rest.split_once(' ').map_or_else(String::new, |(_, inner)| inner.into())
}
