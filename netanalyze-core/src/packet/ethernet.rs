//! Ethernet II, 802.3 with LLC and SNAP, VLAN tags, and what an EtherType selects.
//!
//! Rules: IEEE 802.3 §3.2.6 (type or length), IEEE 802.1Q (tags), IEEE 802.2 and RFC 1042 (LLC, SNAP).

use etherparse::{EtherType, ether_type};

use super::dissect::Decoder;
use super::window::Window;
use super::{Layer, Protocol, Sink};

/// Type fields up to this are lengths of an 802.3 frame.
pub(super) const MAX_LENGTH_FIELD: u16 = 1500;
/// The smallest EtherType.
pub(super) const MIN_ETHERTYPE: u16 = 0x0600;

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// An Ethernet frame, outermost.
    #[inline]
    pub(super) fn ethernet_frame(&mut self, window: Window<'a>) {
        let Some(kind) = window.be16(12) else { return self.short_ethernet(window) };
        self.emit(Layer::Ethernet(window.head(14)));
        if kind == ether_type::IPV4.0 {
            self.ipv4(window.after(14));
        } else {
            self.ethernet_payload(kind, window.after(14));
        }
    }

    /// An Ethernet frame inside another layer.
    #[inline(never)]
    pub(super) fn ethernet_inner(&mut self, window: Window<'a>) {
        self.nested(|d| d.ethernet_frame(window));
    }

    #[cold]
    #[inline(never)]
    fn short_ethernet(&mut self, window: Window<'a>) {
        self.emit(Layer::Ethernet(window.bytes()));
        self.short(Protocol::Ethernet, window, 14);
    }

    /// What follows a type or length field.
    #[inline(never)]
    pub(super) fn ethernet_payload(&mut self, kind: u16, payload: Window<'a>) {
        if kind >= MIN_ETHERTYPE {
            self.ethertype(EtherType(kind), payload);
        } else if kind <= MAX_LENGTH_FIELD {
            let payload = payload.limit(u32::from(kind));
            if payload.be16(0) == Some(0xffff) {
                self.other(Protocol::Ipx); // Novell's raw 802.3: the IPX checksum field comes first.
            } else {
                self.llc(payload);
            }
        } else {
            self.emit(Layer::Malformed(Protocol::Ethernet));
        }
    }

    /// The payload that an EtherType names.
    #[inline(never)]
    pub(super) fn ethertype(&mut self, kind: EtherType, payload: Window<'a>) {
        self.nested(|d| d.ethertype_known(kind, payload));
    }

    fn ethertype_known(&mut self, kind: EtherType, payload: Window<'a>) {
        match kind {
            ether_type::IPV4 => self.ipv4(payload),
            ether_type::IPV6 => self.ipv6(payload),
            ether_type::VLAN_TAGGED_FRAME
            | ether_type::PROVIDER_BRIDGING
            | ether_type::VLAN_DOUBLE_TAGGED_FRAME => self.vlan(payload),
            ether_type::ARP => self.other(Protocol::Arp),
            _ => self.other(Protocol::Data),
        }
    }

    /// A VLAN tag: tag control information, then a type or length.
    fn vlan(&mut self, window: Window<'a>) {
        self.emit(Layer::Vlan(window.head(4)));
        let (Some(tci), Some(kind)) = (window.be16(0), window.be16(2)) else {
            return self.short(Protocol::Vlan, window, 4);
        };
        self.vlan.get_or_insert(tci & 0x0fff);
        self.ethernet_payload(kind, window.after(4));
    }

    /// An LLC header, and SNAP if it follows.
    pub(super) fn llc(&mut self, window: Window<'a>) {
        self.other(Protocol::Llc);
        let (Some(dsap), Some(ssap), Some(control)) = (window.u8(0), window.u8(1), window.u8(2)) else {
            return self.short(Protocol::Llc, window, 3);
        };
        // Unnumbered frames (low bits 11) have one control byte, the others two. IEEE 802.2 §5.4.
        let header = if control & 3 == 3 { 3 } else { 4 };
        if dsap == 0xaa && ssap == 0xaa {
            self.snap(window.after(header));
        } else if dsap == 0x06 {
            self.nested(|d| d.ipv4(window.after(header)));
        } else {
            self.other(Protocol::Data);
        }
    }

    /// A SNAP header: who assigned the protocol number, and the number.
    fn snap(&mut self, window: Window<'a>) {
        let (Some(oui), Some(kind)) = (window.array::<3>(0), window.be16(3)) else {
            return self.short(Protocol::Llc, window, 5);
        };
        let payload = window.after(5);
        match (oui, kind) {
            // RFC 1042, and 802.1H for bridges.
            ([0, 0, 0] | [0, 0, 0xf8], _) => self.ethertype(EtherType(kind), payload),
            _ => self.other(Protocol::Data),
        }
    }
}
