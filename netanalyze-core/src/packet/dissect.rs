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
    let mut decoder = Decoder { sink, depth: 0, vlan: None, origin: Origin::Packet };
    if link.kind == LinkType::ETHERNET {
        decoder.ethernet_frame(window.without_tail(u32::from(link.fcs_len)));
    } else {
        decoder.link(link, window);
    }
}

/// Decodes the payload of a datagram completed from fragments: the layers that follow the IP header.
pub fn dissect_datagram<'a>(datagram: &'a Datagram, sink: &mut impl Sink<'a>) {
    let mut decoder = Decoder { sink, depth: 0, vlan: datagram.vlan, origin: datagram.origin };
    let addresses = Addresses { source: datagram.source, destination: datagram.destination };
    let window = Window::whole(&datagram.payload);
    if datagram.source.is_ipv4() {
        decoder.ip_payload(datagram.protocol, addresses, window, datagram.origin);
    } else {
        decoder.ipv6_chain(datagram.protocol, addresses, window);
    }
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
}

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// A frame of any link type but Ethernet.
    #[cold]
    #[inline(never)]
    fn link(&mut self, link: Link, window: Window<'a>) {
        let trimmed = window.without_tail(u32::from(link.fcs_len));
        match link.kind {
            LinkType::NULL => self.null(trimmed),
            LinkType::LOOP => self.null(trimmed),
            LinkType::RAW | LinkType::RAW_DLT | LinkType::RAW_BSD_OS => self.raw(trimmed),
            LinkType::IPV4 => self.ipv4_inner(trimmed),
            LinkType::IPV6 => self.ipv6_inner(trimmed),
            LinkType::LINUX_SLL => self.sll(trimmed),
            LinkType::LINUX_SLL2 => self.sll2(trimmed),
            _ => self.other(Protocol::UnknownLink),
        }
    }

    /// Runs `inner` one layer deeper, unless the frame nests too deep already.
    #[inline]
    pub(super) fn nested(&mut self, inner: impl FnOnce(&mut Self)) {
        if self.depth >= MAX_LAYERS {
            self.emit(Layer::Malformed(Protocol::Data));
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
