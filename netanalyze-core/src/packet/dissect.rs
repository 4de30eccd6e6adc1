//! Entry points of the decoder, and what its files share: one [`Decoder`] walks one frame.

use super::fragment::Datagram;
use super::ipv4::Addresses;
use super::window::Window;
use super::{Layer, Origin, Protocol, Sink};
use crate::model::limits::MAX_LAYERS;
use crate::model::{Link, LinkType};

/// Decodes a frame into layers.
///
/// `frame` holds the captured bytes, `wire_len` the length on the wire (at least as long).
pub fn dissect<'a>(link: Link, frame: &'a [u8], wire_len: u32, sink: &mut impl Sink<'a>) {
    let window = Window::new(frame, wire_len);
    let mut decoder = Decoder { sink, depth: 0, vlan: None, origin: Origin::Packet, bogus_len: false };
    if link.kind == LinkType::ETHERNET {
        decoder.ethernet_frame(window.without_tail(u32::from(link.fcs_len)));
    } else {
        decoder.link(link, window);
    }
}

/// Decodes the payload of a datagram completed from fragments: the layers that follow the IP header.
pub fn dissect_datagram<'a>(datagram: &'a Datagram, sink: &mut impl Sink<'a>) {
    let mut decoder =
        Decoder { sink, depth: 0, vlan: datagram.vlan, origin: datagram.origin, bogus_len: false };
    let addresses = Addresses { source: datagram.source, destination: datagram.destination };
    let window = Window::whole(&datagram.payload);
    decoder.ip_payload(datagram.protocol, addresses, window, datagram.origin);
}

/// Walks one frame, outermost layer first.
pub(super) struct Decoder<'s, S> {
    pub(super) sink: &'s mut S,
    /// Layers that enclose the current one.
    depth: u16,
    /// The frame's first VLAN id.
    pub(super) vlan: Option<u16>,
    /// Origin of the transport headers to come: whether we are inside an ICMP error.
    pub(super) origin: Origin,
    /// The innermost IPv6 header claims more bytes than the frame has.
    pub(super) bogus_len: bool,
}

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// A frame of any link type but Ethernet, or one inside other metadata.
    #[cold]
    #[inline(never)]
    pub(super) fn link(&mut self, link: Link, window: Window<'a>) {
        let window = window.without_tail(u32::from(link.fcs_len));
        match link.kind {
            LinkType::ETHERNET => self.ethernet_frame(window),
            LinkType::NULL => self.null(window),
            LinkType::LOOP => self.loopback(window),
            LinkType::RAW | LinkType::RAW_DLT | LinkType::RAW_BSD_OS => self.raw(window),
            LinkType::IPV4 => self.ipv4_inner(window),
            LinkType::IPV6 => self.ipv6_inner(window),
            LinkType::LINUX_SLL => self.sll(window),
            LinkType::LINUX_SLL2 => self.sll2(window),
            LinkType::PPP | LinkType::PPP_HDLC => self.ppp_hdlc(window),
            LinkType::PPP_WITH_DIR => self.ppp_hdlc(window.after(1)),
            LinkType::PPP_ETHER => self.pppoe(window),
            LinkType::C_HDLC => self.chdlc(window),
            LinkType::FRELAY => self.frame_relay(window),
            LinkType::MPLS => self.mpls(window),
            LinkType::IEEE802_11 => self.wlan(window, false),
            LinkType::IEEE802_11_PRISM => self.prism(window),
            LinkType::IEEE802_11_RADIOTAP => self.radiotap(window),
            LinkType::IEEE802_11_AVS => self.avs(window),
            LinkType::PPI => self.ppi(window),
            LinkType::NFLOG => self.nflog(window),
            LinkType::FDDI => self.fddi(window),
            LinkType::IEEE802_5 => self.token_ring(window),
            LinkType::ARCNET_BSD => self.arcnet(window, 2),
            LinkType::ARCNET_LINUX => self.arcnet(window, 4),
            LinkType::IPNET => self.ipnet(window),
            LinkType::IPOIB => self.ipoib(window),
            LinkType::PKTAP | LinkType::USER2 => self.pktap(window),
            LinkType::JUNIPER_ETHER => self.juniper_ethernet(window),
            _ => self.other(Protocol::UnknownLink),
        }
    }

    /// Runs `inner` one layer deeper, unless the frame nests too deep already.
    #[inline]
    pub(super) fn nested(&mut self, inner: impl FnOnce(&mut Self)) {
        if self.depth >= MAX_LAYERS {
            self.emit(Layer::TooDeep);
            return;
        }
        self.depth += 1;
        inner(self);
        self.depth -= 1;
    }

    #[inline]
    pub(super) fn emit(&mut self, layer: Layer<'a>) {
        self.sink.layer(layer);
    }

    /// A layer of which only the name matters.
    pub(super) fn other(&mut self, protocol: Protocol) {
        self.emit(Layer::Other(protocol));
    }

    /// Decoding stops because `protocol` needs `need` bytes of `window` and some are missing: never captured, or never sent.
    #[cold]
    #[inline(never)]
    pub(super) fn short(&mut self, protocol: Protocol, window: Window<'a>, need: usize) {
        self.emit(if need as u64 > u64::from(window.wire()) {
            Layer::Malformed(protocol)
        } else {
            Layer::Cut(protocol)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Trace, cat, eth, tcp4};
    use super::*;

    #[test]
    fn frame_check_sequences_are_no_payload() {
        // With total length 0 the packet ends with the frame.
        let mut packet = tcp4();
        packet[2..4].fill(0);
        let frame = eth(0x0800, &cat(&[&packet, &[9; 4]]));
        for (fcs_len, want) in [(0, "eth ip tcp/28"), (4, "eth ip tcp/24"), (200, "eth malformed(eth)")] {
            let mut table = crate::packet::fragment::FragmentTable::default();
            let mut sink = Trace::new(&mut table);
            dissect(Link { kind: LinkType::ETHERNET, fcs_len }, &frame, 0, &mut sink);
            assert_eq!(sink.words(), want);
        }
    }
}
