//! Link layers that replace the one on the wire: Linux cooked capture (both versions), BSD loopback, raw IP.

use etherparse::EtherType;

use super::dissect::Decoder;
use super::ethernet::MAX_LENGTH_FIELD;
use super::window::Window;
use super::{Protocol, Sink};

/// Linux hardware type of interfaces in monitor mode.
const ARPHRD_RADIOTAP: u16 = 803;
/// Linux hardware type of netlink monitors, whose protocol numbers are no EtherTypes.
const ARPHRD_NETLINK: u16 = 824;

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// LINKTYPE_LINUX_SLL: packet type, hardware type, address, and the protocol at byte 14.
    pub(super) fn sll(&mut self, window: Window<'a>) {
        self.other(Protocol::Sll);
        let Some(protocol) = window.be16(14) else { return self.short(Protocol::Sll, window, 16) };
        match window.be16(2) {
            Some(ARPHRD_RADIOTAP) => self.nested(|d| d.radiotap(window.after(16))),
            Some(ARPHRD_NETLINK) => self.other(Protocol::Data),
            _ => self.sll_payload(protocol, window.after(16)),
        }
    }

    /// LINKTYPE_LINUX_SLL2: the protocol comes first, the header has 20 bytes.
    pub(super) fn sll2(&mut self, window: Window<'a>) {
        self.other(Protocol::Sll);
        let (Some(protocol), Some(_)) = (window.be16(0), window.u8(19)) else {
            return self.short(Protocol::Sll, window, 20);
        };
        self.sll_payload(protocol, window.after(20));
    }

    fn sll_payload(&mut self, protocol: u16, payload: Window<'a>) {
        match protocol {
            1 => self.other(Protocol::Ipx),
            3 => self.ethernet_inner(payload),
            4 => self.llc(payload),
            7 => self.nested(|d| d.ppp_hdlc(payload)),
            0..=MAX_LENGTH_FIELD => self.other(Protocol::Data),
            _ => self.ethertype(EtherType(protocol), payload),
        }
    }

    /// LINKTYPE_NULL: a 4-byte address family in the byte order of whoever wrote it, or an EtherType, or PPP.
    pub(super) fn null(&mut self, window: Window<'a>) {
        self.other(Protocol::Null);
        let Some(word) = window.be32(0) else { return self.short(Protocol::Null, window, 4) };
        if word >> 16 == 0xff03 {
            return self.nested(|d| d.ppp_hdlc(window));
        }
        let family = address_family(word);
        match u16::try_from(family) {
            Ok(kind) if kind > MAX_LENGTH_FIELD => self.ethertype(EtherType(kind), window.after(4)),
            _ => self.family(family, window.after(4)),
        }
    }

    /// LINKTYPE_LOOP: the family is in network byte order.
    pub(super) fn loopback(&mut self, window: Window<'a>) {
        self.other(Protocol::Null);
        match window.be32(0) {
            Some(family) => self.family(family, window.after(4)),
            None => self.short(Protocol::Null, window, 4),
        }
    }

    /// What a BSD address family holds; IPv6 has three numbers on three systems.
    fn family(&mut self, family: u32, payload: Window<'a>) {
        match family {
            2 => self.ipv4_inner(payload),
            24 | 28 | 30 => self.ipv6_inner(payload),
            _ => self.other(Protocol::Data),
        }
    }

    /// Raw IP: the version nibble decides, after what old ISDN drivers put before it (as Wireshark 4.0 looks for them).
    pub(super) fn raw(&mut self, window: Window<'a>) {
        self.other(Protocol::Raw);
        const PPP: Option<u16> = Some(0xff03);
        if window.be16(0) == PPP {
            self.nested(|d| d.ppp_hdlc(window));
        } else if window.be16(6) == PPP {
            self.nested(|d| d.ppp_hdlc(window.after(6)));
        } else if window.be16(1) == PPP {
            self.nested(|d| d.ppp_hdlc(window.after(1)));
        } else if window.array(0) == Some([0; 10]) {
            self.ipv4_inner(window.after(10));
        } else {
            self.ip_by_nibble(Protocol::Raw, window);
        }
    }
}

/// Which family four bytes mean. Families are small, so a value with a high half was written in the other byte order, or it is 16 bits
/// wide and stands first; the tests are Wireshark 4.0's.
fn address_family(word: u32) -> u32 {
    let half = |word: u32| if (0x1_0000..0x6_0000).contains(&word) { word >> 16 } else { word };
    match half(word) {
        small @ ..=0xffff => small,
        large => half(large.swap_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{cat, eth, tcp4, tcp6, trace};
    use crate::model::LinkType;

    #[test]
    fn cooked_captures() {
        let sll = |protocol: u16, payload: &[u8]| {
            trace(LinkType::LINUX_SLL, &cat(&[&[0; 14], &protocol.to_be_bytes(), payload]))
        };
        assert_eq!(sll(0x0800, &tcp4()), "sll ip tcp/24");
        assert_eq!(sll(0x86dd, &tcp6()), "sll ipv6 tcp/24");
        assert_eq!(sll(0x8100, &cat(&[&[0, 9, 8, 0], &tcp4()])), "sll vlan:9 ip tcp/24");
        assert_eq!(sll(4, &cat(&[&[6, 6, 3], &tcp4()])), "sll llc ip tcp/24");
        assert_eq!(sll(1, &[0xff; 30]), "sll ipx");
        let monitor = cat(&[&[0, 0, 3, 0x23], &[0; 12], &[0, 0, 8, 0, 0, 0, 0, 0], &[0xb4, 0, 0, 0]]);
        assert_eq!(trace(LinkType::LINUX_SLL, &monitor), "sll radiotap wlan");
        let netlink = cat(&[&[0, 0, 3, 0x38], &[0; 10], &[8, 0], &tcp4()]);
        assert_eq!(trace(LinkType::LINUX_SLL, &netlink), "sll data");
        assert_eq!(sll(3, &eth(0x0800, &tcp4())), "sll eth ip tcp/24");
        assert_eq!(sll(7, &cat(&[&[0, 0x21], &tcp4()])), "sll ppp ip tcp/24");
        let sll2 = cat(&[&[0x86, 0xdd], &[0; 18], &tcp6()]);
        assert_eq!(trace(LinkType::LINUX_SLL2, &sll2), "sll ipv6 tcp/24");
    }

    #[test]
    fn loopback_in_both_byte_orders() {
        for family in [2u32, 24, 28, 30] {
            let (payload, want) =
                if family == 2 { (tcp4(), "null ip tcp/24") } else { (tcp6(), "null ipv6 tcp/24") };
            for word in [family.to_be_bytes(), family.to_le_bytes()] {
                assert_eq!(trace(LinkType::NULL, &cat(&[&word, &payload])), want, "{word:?}");
            }
            assert_eq!(trace(LinkType::LOOP, &cat(&[&family.to_be_bytes(), &payload])), want);
            assert_eq!(trace(LinkType::LOOP, &cat(&[&family.to_le_bytes(), &payload])), "null data");
        }
        assert_eq!(trace(LinkType::NULL, &cat(&[&0x0800u32.to_be_bytes(), &tcp4()])), "null ip tcp/24");
        assert_eq!(trace(LinkType::NULL, &cat(&[&[0, 2, 0, 0], &tcp4()])), "null ip tcp/24");
        assert_eq!(trace(LinkType::NULL, &cat(&[&[0xff, 3, 0, 0x21], &tcp4()])), "null ppp ip tcp/24");
        assert_eq!(trace(LinkType::NULL, &cat(&[&7u32.to_be_bytes(), &tcp4()])), "null data");
    }

    #[test]
    fn raw_packets() {
        for link in [LinkType::RAW, LinkType::RAW_DLT, LinkType::RAW_BSD_OS] {
            assert_eq!(trace(link, &tcp4()), "raw ip tcp/24");
            assert_eq!(trace(link, &tcp6()), "raw ipv6 tcp/24");
        }
        for before in [0, 1, 6] {
            let old = cat(&[&vec![9; before], &[0xff, 3, 0, 0x21], &tcp4()]);
            assert_eq!(trace(LinkType::RAW, &old), "raw ppp ip tcp/24", "{before}");
        }
        assert_eq!(trace(LinkType::RAW, &cat(&[&[0; 10], &tcp4()])), "raw ip tcp/24");
        assert_eq!(trace(LinkType::IPV4, &tcp4()), "ip tcp/24");
        assert_eq!(trace(LinkType::IPV6, &tcp6()), "ipv6 tcp/24");
        assert_eq!(trace(LinkType::RAW, &[0x10; 40]), "raw data");
        assert_eq!(trace(LinkType(9999), &tcp4()), "unknown_link");
    }
}
