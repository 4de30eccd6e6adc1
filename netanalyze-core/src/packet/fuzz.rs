//! What fuzzing asserts of the decoder: a frame of any bytes on any link has the same layers every time, all of them within the frame,
//! and by the short cut if it is one for that.
//!
//! The body of the fuzz target `frames`; run once on the frames of the corpus in the unit tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

use std::net::IpAddr;

use super::fragment::{Datagram, FragmentTable};
use super::tcp_option::{self, kind};
use super::{
    Layer, Origin, PLAIN_LAYERS, PlainSink, PlainTcp, Protocol, Sink, Transport, dissect, dissect_datagram,
    plain,
};
use crate::model::limits::{MAX_LAYERS, MAX_NESTED_DATAGRAMS};
use crate::model::{Link, LinkType};

/// Every link type that the decoder knows, and one that it does not.
pub const LINKS: [LinkType; 32] = [
    LinkType::ETHERNET,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::RAW,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::PPP,
    LinkType::PPP_HDLC,
    LinkType::PPP_WITH_DIR,
    LinkType::PPP_ETHER,
    LinkType::C_HDLC,
    LinkType::FRELAY,
    LinkType::MPLS,
    LinkType::IEEE802_11,
    LinkType::IEEE802_11_PRISM,
    LinkType::IEEE802_11_RADIOTAP,
    LinkType::IEEE802_11_AVS,
    LinkType::PPI,
    LinkType::NFLOG,
    LinkType::FDDI,
    LinkType::IEEE802_5,
    LinkType::ARCNET_BSD,
    LinkType::ARCNET_LINUX,
    LinkType::IPNET,
    LinkType::IPOIB,
    LinkType::PKTAP,
    LinkType::USER2,
    LinkType::JUNIPER_ETHER,
    LinkType::RAW_BSD_OS,
    LinkType(0x1234),
];

/// Bytes of the fuzz input before the frame: index into [`LINKS`], frame check sequence, and by how much the frame was longer on the wire.
pub const PREFIX: usize = 4;

/// Decodes a frame twice.
pub fn frames(data: &[u8]) {
    let Some((&[link, fcs_len, high, low], frame)) = data.split_first_chunk::<PREFIX>() else { return };
    let Some(&kind) = LINKS.get(usize::from(link)) else { return };
    let link = Link { kind, fcs_len: fcs_len & 0x1e };
    let wire_len = frame.len() as u32 + u32::from(u16::from_be_bytes([high, low]));
    let (mut first, mut second) = (FragmentTable::default(), FragmentTable::default());
    let layers = decode(link, frame, wire_len, &mut first);
    assert_eq!(layers, decode(link, frame, wire_len, &mut second));
    // A wire length below the captured one means nothing.
    if wire_len == frame.len() as u32 {
        assert_eq!(layers, decode(link, frame, 0, &mut FragmentTable::default()));
    }
    short_cut(link, frame, wire_len);
}

/// Whether the short cut takes a frame; it must say of it then what the decoder says.
pub(super) fn short_cut(link: Link, frame: &[u8], wire_len: u32) -> bool {
    let (mut long, mut short) = (Way::default(), Way::default());
    let is_plain = plain(link, frame, wire_len, &mut short);
    assert_eq!(is_plain, short.transport.is_some());
    if is_plain {
        dissect(link, frame, wire_len, &mut long);
        assert_eq!(short, long);
    }
    is_plain
}

/// All that the short cut and the decoder have in common.
#[derive(Debug, Default, PartialEq)]
struct Way {
    layers: Vec<Protocol>,
    ttl: u8,
    transport: Option<(IpAddr, IpAddr, Vec<u8>, u32, Origin)>,
    ordinal: u16,
}

impl<'a> Sink<'a> for Way {
    fn layer(&mut self, layer: Layer<'a>) {
        let name = match layer {
            Layer::Ethernet(_) => Protocol::Ethernet,
            Layer::Vlan(_) => Protocol::Vlan,
            Layer::Ipv4(header) => {
                self.ttl = header[8];
                Protocol::Ipv4
            }
            Layer::Ipv6(header) => {
                self.ttl = header[7];
                Protocol::Ipv6
            }
            Layer::Tcp(t) => {
                self.ordinal = self.layers.len() as u16;
                self.transport = Some((t.source, t.destination, t.bytes.to_vec(), t.reported, t.origin));
                Protocol::Tcp
            }
            other => panic!("{other:?} in a plain frame"),
        };
        self.layers.push(name);
    }
}

impl<'a> PlainSink<'a> for Way {
    fn plain<A: Into<IpAddr>>(&mut self, tcp: PlainTcp<'a, A>) {
        self.layers = PLAIN_LAYERS[usize::from(tcp.kind)].to_vec();
        (self.ttl, self.ordinal) = (tcp.ttl, tcp.ordinal());
        let t = tcp.transport();
        self.transport = Some((t.source, t.destination, t.bytes.to_vec(), t.reported, t.origin));
    }
}

/// A layer: its name, and where it lies in what was decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    name: &'static str,
    at: usize,
    captured: usize,
    reported: u32,
}

/// Takes the layers of one run of bytes, and checks each.
struct Check<'a, 't> {
    bytes: &'a [u8],
    wire_len: u32,
    seen: Vec<Seen>,
    table: &'t mut FragmentTable,
    done: Vec<Datagram>,
    depth: u8,
    /// Headers that sFlow sampled bring a length of their own.
    sampled: bool,
}

fn decode(link: Link, frame: &[u8], wire_len: u32, table: &mut FragmentTable) -> Vec<Seen> {
    let mut check = Check::new(frame, wire_len.max(frame.len() as u32), table, 0);
    dissect(link, frame, wire_len, &mut check);
    check.finish()
}

impl<'a, 't> Check<'a, 't> {
    fn new(bytes: &'a [u8], wire_len: u32, table: &'t mut FragmentTable, depth: u8) -> Self {
        Check { bytes, wire_len, seen: Vec::new(), table, done: Vec::new(), depth, sampled: false }
    }

    /// The layers, and those of the datagrams that were completed.
    fn finish(self) -> Vec<Seen> {
        let Check { mut seen, table, done, depth, .. } = self;
        for datagram in done.iter().filter(|_| depth < MAX_NESTED_DATAGRAMS) {
            let len = datagram.payload.len() as u32;
            let mut check = Check::new(&datagram.payload, len, table, depth + 1);
            dissect_datagram(datagram, &mut check);
            seen.extend(check.finish());
        }
        seen
    }

    fn header(&mut self, name: &'static str, header: &[u8], most: usize) {
        assert!(header.len() <= most, "{name} of {} bytes", header.len());
        let at = self.place(header);
        self.seen.push(Seen { name, at, captured: header.len(), reported: 0 });
    }

    /// Where a slice begins within the bytes; it must lie in them.
    fn place(&self, slice: &[u8]) -> usize {
        if slice.is_empty() {
            return 0;
        }
        let (inner, outer) = (slice.as_ptr_range(), self.bytes.as_ptr_range());
        assert!(outer.start <= inner.start && inner.end <= outer.end, "a layer outside its frame");
        inner.start as usize - outer.start as usize
    }

    fn transport(&mut self, name: &'static str, transport: &Transport<'a>) {
        let (captured, reported) = (transport.bytes.len(), transport.reported);
        assert!(captured as u64 <= u64::from(reported), "{name}: {captured} captured of {reported}");
        if !transport.origin.is_quoted() && !self.sampled {
            assert!(reported <= self.wire_len, "{name} of {reported} bytes in {}", self.wire_len);
        }
        let at = self.place(transport.bytes);
        self.seen.push(Seen { name, at, captured, reported });
        match name {
            "udp" => assert!(transport.udp_len().is_none_or(|len| len <= reported)),
            "tcp" => options(transport.bytes),
            _ => {}
        }
    }
}

/// The options of a TCP header follow each other without running past it.
fn options(header: &[u8]) {
    let Some(&offset) = header.get(12) else { return };
    let end = usize::from(offset >> 4) * 4;
    let Some(captured) = header.get(20..end.min(header.len())) else { return };
    let mut next = 20;
    for option in tcp_option::options(captured) {
        let (found, len) = match option {
            Ok(option) => {
                let single = matches!(option.kind, kind::EOL | kind::NOP);
                (option.offset, if single { 1 } else { 2 + option.data.len() })
            }
            Err(invalid) => (invalid.offset, 0),
        };
        assert_eq!(found, next, "options with a gap");
        next += len;
        assert!(next <= end);
    }
    let _ = tcp_option::parse(captured);
    for area in captured.len()..=end - 20 {
        let _ = tcp_option::parse_cut(captured, area);
    }
}

impl<'a> Sink<'a> for Check<'a, '_> {
    fn layer(&mut self, layer: Layer<'a>) {
        assert!(self.seen.len() <= self.bytes.len() + usize::from(MAX_LAYERS), "layers out of nothing");
        match layer {
            Layer::Ethernet(header) => self.header("eth", header, 14),
            Layer::Vlan(tag) => self.header("vlan", tag, 4),
            Layer::Ipv4(header) => self.header("ip", header, 60),
            Layer::Ipv6(header) => self.header("ipv6", header, 40),
            Layer::Arp(packet) => self.header("arp", packet, usize::MAX),
            Layer::Wlan(header) => self.header("wlan", header, 24),
            Layer::Eapol(frame) => self.header("eapol", frame, usize::MAX),
            Layer::Tcp(transport) => self.transport("tcp", &transport),
            Layer::Udp(transport) => self.transport("udp", &transport),
            Layer::Icmp(transport) => self.transport("icmp", &transport),
            Layer::Icmpv6(transport) => self.transport("icmpv6", &transport),
            Layer::Fragment(fragment) => {
                assert!(fragment.origin != Origin::Fragment, "a whole fragment is no cut one");
                let (at, captured) = (self.place(fragment.payload), fragment.payload.len());
                self.seen.push(Seen { name: "fragment", at, captured, reported: fragment.offset });
                self.done.extend(self.table.insert(&fragment));
            }
            Layer::Other(protocol) => {
                self.sampled |= protocol == Protocol::Sflow;
                self.header(protocol.name(), &[], 0);
            }
            Layer::Cut(protocol) | Layer::Malformed(protocol) => {
                assert!(!protocol.name().is_empty());
                let name = if matches!(layer, Layer::Cut(_)) { "cut" } else { "malformed" };
                self.header(name, &[], 0);
            }
            Layer::TooDeep => self.header("too deep", &[], 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Batch, CaptureReader, Source};

    #[test]
    fn the_fuzz_body_holds_for_the_frames_of_the_corpus() {
        let mut frames = 0;
        for entry in std::fs::read_dir("../corpus/captures").unwrap() {
            let Ok(mut reader) = CaptureReader::open(vec![Source::File(entry.unwrap().path())]) else {
                continue;
            };
            let mut batch = Batch::default();
            while reader.next_batch(&mut batch).unwrap_or(false) {
                for frame in &batch.frames {
                    let Some(link) = batch.links.get(frame.interface as usize) else { continue };
                    let place = LINKS.iter().position(|kind| *kind == link.kind).unwrap_or(31) as u8;
                    let missing = (frame.wire_len - frame.captured).min(0xffff) as u16;
                    let [high, low] = missing.to_be_bytes();
                    let prefix = [place, link.fcs_len, high, low];
                    super::frames(&[&prefix, batch.frame_bytes(frame)].concat());
                    frames += 1;
                }
            }
        }
        assert!(frames > 1_500, "only {frames} frames");
    }
}
