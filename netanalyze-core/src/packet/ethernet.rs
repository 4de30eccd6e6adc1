//! Ethernet II, 802.3 with LLC and SNAP, VLAN and other tags, and what an EtherType selects.
//!
//! Rules: IEEE 802.3 §3.2.6 (type or length), IEEE 802.1Q (tags), IEEE 802.2 and RFC 1042 (LLC, SNAP).

use etherparse::{EtherType, ether_type};

use super::dissect::Decoder;
use super::window::Window;
use super::{Layer, Protocol, Sink};

/// Type fields up to this are lengths of an 802.3 frame.
pub(super) const MAX_LENGTH_FIELD: u16 = 1500;
/// The smallest EtherType.
const MIN_ETHERTYPE: u16 = 0x0600;

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// An Ethernet frame, outermost.
    #[inline(always)]
    pub(super) fn ethernet_frame(&mut self, window: Window<'a>) {
        let Some(kind) = window.be16(12) else { return self.short_ethernet(window) };
        self.emit(Layer::Ethernet(window.head(14)));
        if kind == ether_type::IPV4.0 {
            self.ipv4_here(window.after(14));
        } else if kind > MAX_LENGTH_FIELD || !self.isl(window) {
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

    /// Cisco ISL: its multicast destination, then an 802.3 length; the Ethernet frame follows after 26 bytes.
    #[cold]
    #[inline(never)]
    fn isl(&mut self, window: Window<'a>) -> bool {
        let is_isl = matches!(window.bytes(), [0x01 | 0x03, 0x00, 0x0c, 0x00, 0x00, ..])
            && window.get(14, 3) == Some(&[0xaa, 0xaa, 0x03]);
        if is_isl {
            self.other(Protocol::Isl);
            self.ethernet_inner(window.after(26));
        }
        is_isl
    }

    /// What follows a type or length field.
    #[inline(never)]
    pub(super) fn ethernet_payload(&mut self, kind: u16, payload: Window<'a>) {
        match kind {
            MIN_ETHERTYPE.. => self.ethertype(EtherType(kind), payload),
            0 | 1501.. => self.other(Protocol::Data),
            _ => {
                let payload = payload.limit(u32::from(kind));
                if payload.be16(0) == Some(0xffff) {
                    self.other(Protocol::Ipx); // Novell's raw 802.3: the IPX checksum field comes first.
                } else {
                    self.llc(payload);
                }
            }
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
            | ether_type::VLAN_DOUBLE_TAGGED_FRAME => {
                self.vlan(kind, payload);
            }
            // The second is reverse ARP, of the same form (RFC 903).
            ether_type::ARP | EtherType(0x8035) => self.emit(Layer::Arp(payload.bytes())),
            EtherType(0x8847 | 0x8848) => self.mpls(payload),
            EtherType(0x8864) => self.pppoe(payload),
            EtherType(0x8863) => self.other(Protocol::PppoeDiscovery),
            ether_type::MACSEC => self.macsec(payload),
            // The second is for stations that are about to roam (IEEE 802.11 §12.6.10.2).
            EtherType(0x888e | 0x88c7) => self.emit(Layer::Eapol(payload.bytes())),
            EtherType(0x88cc) => self.other(Protocol::Lldp),
            EtherType(0x8809) => self.other(Protocol::Slow),
            EtherType(0x6558) => self.ethernet_inner(payload),
            EtherType(0x894f) => self.nsh(payload),
            EtherType(0x8870) => self.llc(payload), // Jumbo frames with LLC.
            EtherType(0x8137) => self.other(Protocol::Ipx),
            // Tags, by the bytes before the next type field.
            EtherType(0x8926) => self.tag(Protocol::VnTag, 4, payload),
            EtherType(0x893f) => self.tag(Protocol::Etag, 6, payload),
            EtherType(0x892f) => self.tag(Protocol::Hsr, 4, payload),
            EtherType(0xf1c1) => self.tag(Protocol::RTag, 4, payload),
            EtherType(0x8909) => {
                // Version, then a length in units of 8 bytes that counts the whole tag without its type fields.
                let len = payload.u8(1).map_or(1, |n| usize::from(n.max(1)));
                self.tag(Protocol::CiscoMetadata, len * 6, payload);
            }
            EtherType(0x8903) => self.framed(Protocol::FabricPath, 2, payload.without_tail(4)),
            EtherType(0x88e7) => self.framed(Protocol::ItagBackbone, 4, payload),
            EtherType(0x22f3) => {
                let options = payload.be16(0).map_or(0, |flags| usize::from(flags >> 6 & 0x1f) * 4);
                self.framed(Protocol::Trill, 6 + options, payload);
            }
            _ => self.other(Protocol::Data),
        }
    }

    /// A tag of `len` bytes before the next type or length field.
    fn tag(&mut self, protocol: Protocol, len: usize, window: Window<'a>) {
        self.other(protocol);
        match window.be16(len) {
            Some(kind) => self.ethernet_payload(kind, window.after(len + 2)),
            None => self.short(protocol, window, len + 2),
        }
    }

    /// A header of `len` bytes before an Ethernet frame.
    pub(super) fn framed(&mut self, protocol: Protocol, len: usize, window: Window<'a>) {
        self.other(protocol);
        self.ethernet_inner(window.after(len));
    }

    /// A VLAN tag: tag control information, then a type or length.
    fn vlan(&mut self, outer: EtherType, window: Window<'a>) {
        // Wireshark 4.0 knows service tags (802.1ad) under names of their own.
        if outer == ether_type::PROVIDER_BRIDGING {
            self.other(Protocol::ServiceVlan);
        } else {
            self.emit(Layer::Vlan(window.head(4)));
        }
        let (Some(tci), Some(kind)) = (window.be16(0), window.be16(2)) else {
            return self.short(Protocol::Vlan, window, 4);
        };
        self.vlan.get_or_insert(tci & 0x0fff);
        if outer == ether_type::PROVIDER_BRIDGING {
            // As Wireshark 4.0: only types after a service tag, never lengths.
            self.ethertype(EtherType(kind), window.after(4));
        } else {
            self.ethernet_payload(kind, window.after(4));
        }
    }

    /// MACsec (IEEE 802.1AE §9.3): integrity-protected payload is readable, encrypted is not. The check value that ends the frame is
    /// left to the length fields inside.
    fn macsec(&mut self, window: Window<'a>) {
        self.other(Protocol::Macsec);
        let Some(flags) = window.u8(0) else { return self.short(Protocol::Macsec, window, 6) };
        let header = if flags & 0x20 != 0 { 14 } else { 6 };
        if flags & 0x0c != 0 {
            return;
        }
        match window.be16(header) {
            Some(kind) => self.ethernet_payload(kind, window.after(header + 2)),
            None => self.short(Protocol::Macsec, window, header + 2),
        }
    }

    /// An LLC header, and SNAP if it follows.
    pub(super) fn llc(&mut self, window: Window<'a>) {
        self.other(Protocol::Llc);
        let (Some(dsap), Some(ssap), Some(control)) = (window.u8(0), window.u8(1), window.u8(2)) else {
            return self.short(Protocol::Llc, window, 3);
        };
        // Unnumbered frames (low bits 11) have one control byte, the others two (IEEE 802.2 §5.4). Only information is decoded.
        let header = if control & 3 == 3 { 3 } else { 4 };
        let payload = window.after(header);
        match (dsap, ssap) {
            _ if control & 1 == 1 && control != 3 => self.other(Protocol::Data),
            (0xaa, 0xaa) => self.snap(payload),
            (0x06, _) => self.ipv4_inner(payload),
            (0x42, _) => self.other(Protocol::Stp),
            (0x10 | 0xe0, _) => self.other(Protocol::Ipx),
            _ => self.other(Protocol::Data),
        }
    }

    /// A SNAP header: who assigned the protocol number, and the number.
    pub(super) fn snap(&mut self, window: Window<'a>) {
        let (Some(oui), Some(kind)) = (window.array::<3>(0), window.be16(3)) else {
            return self.short(Protocol::Llc, window, 5);
        };
        let payload = window.after(5);
        match (oui, kind) {
            // RFC 1042, and 802.1H for bridges.
            ([0, 0, 0] | [0, 0, 0xf8], _) => self.ethertype(EtherType(kind), payload),
            // RFC 2684: bridged Ethernet with and without FCS, after two bytes of padding.
            ([0, 0x80, 0xc2], 1) => self.ethernet_inner(payload.after(2).without_tail(4)),
            ([0, 0x80, 0xc2], 7) => self.ethernet_inner(payload.after(2)),
            _ => self.other(Protocol::Data),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{cat, eth, ip4, tcp, tcp4, tcp6, trace, trace_eth};
    use crate::model::LinkType;

    const SNAP_IP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

    #[test]
    fn plain_frames_and_padding() {
        assert_eq!(trace_eth(0x0800, &tcp4()), "eth ip tcp/24");
        assert_eq!(trace_eth(0x86dd, &tcp6()), "eth ipv6 tcp/24");
        assert_eq!(trace_eth(0x0800, &cat(&[&tcp4(), &[0; 9]])), "eth ip tcp/24");
        assert_eq!(trace_eth(0x0806, &[0; 28]), "eth arp");
        assert_eq!(trace_eth(0x1234, &[0; 28]), "eth data");
    }

    #[test]
    fn tags_at_any_depth() {
        let tag = |id: u8, kind: u16| cat(&[&[0x20, id], &kind.to_be_bytes()]);
        assert_eq!(trace_eth(0x8100, &cat(&[&tag(5, 0x0800), &tcp4()])), "eth vlan:5 ip tcp/24");
        let stack = cat(&[&tag(1, 0x9100), &tag(2, 0x8100), &tag(3, 0x88a8), &tag(4, 0x86dd), &tcp6()]);
        assert_eq!(trace_eth(0x88a8, &stack), "eth ieee8021ad vlan:2 vlan:3 ieee8021ad ipv6 tcp/24");
        let endless: Vec<u8> = [0, 1, 0x81, 0].repeat(200);
        assert!(trace_eth(0x8100, &endless).ends_with("too deep"));
        assert_eq!(trace_eth(0x8926, &cat(&[&[0; 4], &[8, 0], &tcp4()])), "eth vntag ip tcp/24");
        assert_eq!(trace_eth(0x893f, &cat(&[&[0; 6], &[8, 0], &tcp4()])), "eth etag ip tcp/24");
        assert_eq!(trace_eth(0x8909, &cat(&[&[1, 1, 0, 1, 0, 9], &[8, 0], &tcp4()])), "eth cmd ip tcp/24");
        assert_eq!(trace_eth(0x9200, &cat(&[&tag(5, 0x0800), &tcp4()])), "eth data");
    }

    #[test]
    fn llc_and_snap() {
        let length = |payload: &[u8]| trace_eth(payload.len() as u16, payload);
        assert_eq!(length(&cat(&[&SNAP_IP, &tcp4()])), "eth llc ip tcp/24");
        assert_eq!(length(&cat(&[&[6, 6, 3], &tcp4()])), "eth llc ip tcp/24");
        assert_eq!(length(&cat(&[&[0xaa, 0xaa, 3, 0, 0, 0xf8, 0x86, 0xdd], &tcp6()])), "eth llc ipv6 tcp/24");
        assert_eq!(
            length(&cat(&[&[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0], &eth(0x0800, &tcp4())])),
            "eth llc eth ip tcp/24"
        );
        assert_eq!(length(&cat(&[&[0xaa, 0xaa, 0xaf, 0, 0, 0, 8, 0], &tcp4()])), "eth llc data");
        assert_eq!(length(&[0xff; 30]), "eth ipx");
        // The length ends the packet, a length of 0 and one above 1500 say nothing.
        assert_eq!(trace_eth(32, &cat(&[&SNAP_IP, &tcp4()])), "eth llc ip tcp/4");
        assert_eq!(trace_eth(0, &cat(&[&SNAP_IP, &tcp4()])), "eth data");
        assert_eq!(trace_eth(1501, &cat(&[&SNAP_IP, &tcp4()])), "eth data");
    }

    #[test]
    fn frames_in_frames() {
        let inner = eth(0x0800, &tcp4());
        assert_eq!(trace_eth(0x8903, &cat(&[&[0; 2], &inner, &[0; 4]])), "eth cfp eth ip tcp/24");
        assert_eq!(trace_eth(0x6558, &inner), "eth eth ip tcp/24");
        let isl = cat(&[&[1, 0, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 90, 0xaa, 0xaa, 3], &[0; 9], &inner]);
        assert_eq!(trace(LinkType::ETHERNET, &isl), "eth isl eth ip tcp/24");
        let macsec = |flags: u8, sci: usize| {
            cat(&[&[flags, 0, 0, 0, 0, 1], &vec![0; sci], &[8, 0], &tcp4(), &[0; 16]])
        };
        assert_eq!(trace_eth(0x88e5, &macsec(0x20, 8)), "eth macsec ip tcp/24");
        assert_eq!(trace_eth(0x88e5, &macsec(0, 0)), "eth macsec ip tcp/24");
        assert_eq!(trace_eth(0x88e5, &macsec(0x2c, 8)), "eth macsec");
    }

    #[test]
    fn short_frames_say_why() {
        assert_eq!(trace_eth(0x0800, &[]), "eth ip malformed(ip)");
        assert_eq!(trace(LinkType::ETHERNET, &[1, 2, 3]), "eth malformed(eth)");
        let frame = eth(0x0800, &ip4(6, &tcp()));
        let cut = super::super::sample::trace_all(
            LinkType::ETHERNET,
            [(&frame[..30], 58), (&frame[..40], 58), (&frame[..8], 58)],
        );
        assert_eq!(cut, ["eth ip cut(ip)", "eth ip tcp/24", "eth cut(eth)"]);
    }
}
