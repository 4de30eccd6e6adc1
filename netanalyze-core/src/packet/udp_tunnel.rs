//! UDP headers (RFC 768) and the tunnels that their ports name.
//!
//! As Wireshark 4.0: the lower port is asked first, then the higher one.

use etherparse::EtherType;

use super::dissect::Decoder;
use super::window::Window;
use super::{Layer, Protocol, Sink, Transport};

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// A UDP datagram and what it carries.
    #[inline]
    pub(super) fn udp(&mut self, transport: Transport<'a>, window: Window<'a>) {
        self.emit(Layer::Udp(transport));
        let (Some(source), Some(destination)) = (window.be16(0), window.be16(2)) else {
            return self.short(Protocol::Udp, window, 8);
        };
        let (low, high) = (source.min(destination), source.max(destination));
        if !is_tunnel(low) && !is_tunnel(high) {
            return;
        }
        let Some(len) = transport.udp_len() else { return };
        self.tunnel(low, high, window.limit(len).after(8));
    }

    #[cold]
    #[inline(never)]
    fn tunnel(&mut self, low: u16, high: u16, payload: Window<'a>) {
        if payload.wire() > 0 {
            self.nested(|d| {
                if !d.tunnel_on(low, payload) {
                    d.tunnel_on(high, payload);
                }
            });
        }
    }

    /// The tunnel on a port; whether the port is one and the payload is of it.
    fn tunnel_on(&mut self, port: u16, payload: Window<'a>) -> bool {
        match port {
            4789 => self.framed(Protocol::Vxlan, 8, payload),
            4790 => {
                self.other(Protocol::VxlanGpe);
                match payload.u8(3) {
                    Some(next) => self.next_protocol(next, payload.after(8)),
                    None => self.short(Protocol::VxlanGpe, payload, 8),
                }
            }
            6081 => self.geneve(payload),
            2152 | 2123 | 3386 => return self.gtp(port, payload),
            3544 => self.teredo(payload),
            1701 => self.l2tp(payload),
            4754 => self.gre(payload),
            6635 => self.mpls(payload),
            4341 => {
                self.other(Protocol::Lisp);
                self.ip_by_nibble(Protocol::Lisp, payload.after(8));
            }
            5072 => self.ayiya(payload),
            5247 => self.capwap(payload),
            37008 => self.tzsp(payload),
            2268 => self.amt(payload),
            6343 => self.sflow(payload),
            _ => return false,
        }
        true
    }

    /// A packet whose version nibble says what it is.
    pub(super) fn ip_by_nibble(&mut self, outer: Protocol, window: Window<'a>) {
        match window.u8(0).map(|b| b >> 4) {
            Some(4) => self.ipv4_inner(window),
            Some(6) => self.ipv6_inner(window),
            Some(_) => self.other(Protocol::Data),
            None => self.short(outer, window, 1),
        }
    }

    /// Geneve (RFC 8926): the options' length in words, then an EtherType.
    fn geneve(&mut self, window: Window<'a>) {
        self.other(Protocol::Geneve);
        let (Some(first), Some(kind)) = (window.u8(0), window.be16(2)) else {
            return self.short(Protocol::Geneve, window, 8);
        };
        self.ethertype(EtherType(kind), window.after(8 + usize::from(first & 0x3f) * 4));
    }

    /// Teredo (RFC 4380 §5.1.1): authentication and origin indications may precede the IPv6 packet.
    fn teredo(&mut self, mut window: Window<'a>) {
        self.other(Protocol::Teredo);
        if window.be16(0) == Some(1) {
            let (Some(id), Some(auth)) = (window.u8(2), window.u8(3)) else {
                return self.short(Protocol::Teredo, window, 13);
            };
            window = window.after(13 + usize::from(id) + usize::from(auth));
        }
        if window.be16(0) == Some(0) {
            window = window.after(8);
        }
        match window.u8(0).map(|b| b >> 4) {
            Some(6) => self.ipv6_inner(window),
            Some(_) => self.other(Protocol::Data),
            None => self.short(Protocol::Teredo, window, 1),
        }
    }

    /// L2TP version 2 (RFC 2661 §3.1) data messages carry PPP.
    fn l2tp(&mut self, window: Window<'a>) {
        self.other(Protocol::L2tp);
        let Some(flags) = window.be16(0) else { return self.short(Protocol::L2tp, window, 6) };
        if flags & 0x8000 != 0 || flags & 0xf != 2 {
            return;
        }
        let mut len = 6;
        len += if flags & 0x4000 != 0 { 2 } else { 0 };
        len += if flags & 0x0800 != 0 { 4 } else { 0 };
        if flags & 0x0200 != 0 {
            let Some(offset) = window.be16(len) else { return self.short(Protocol::L2tp, window, len + 2) };
            len += 2 + usize::from(offset);
        }
        let payload = window.after(len);
        if payload.wire() > 0 {
            self.nested(|d| d.ppp_hdlc(payload));
        }
    }

    /// AYIYA: identity and signature lengths are powers of two and words; the next header is an IP protocol number.
    fn ayiya(&mut self, window: Window<'a>) {
        self.other(Protocol::Ayiya);
        let (Some(identity), Some(signature), Some(operation), Some(next)) =
            (window.u8(0), window.u8(1), window.u8(2), window.u8(3))
        else {
            return self.short(Protocol::Ayiya, window, 8);
        };
        let len = 8 + (1usize << (identity >> 4)) + usize::from(signature >> 4) * 4;
        let payload = window.after(len);
        match (operation & 0xf, next) {
            (1, 4) => self.ipv4_inner(payload),
            (1, 41) => self.ipv6_inner(payload),
            _ => {}
        }
    }

    /// CAPWAP data (RFC 5415 §4.3): an Ethernet or 802.11 frame after a header whose length is in words.
    fn capwap(&mut self, window: Window<'a>) {
        self.other(Protocol::Capwap);
        let Some(header) = window.be32(0) else { return self.short(Protocol::Capwap, window, 8) };
        let len = (header >> 19 & 0x1f) as usize * 4;
        let (native, fragment, keep_alive) = (header & 0x100 != 0, header & 0x80 != 0, header & 0x8 != 0);
        // The preamble's low nibble tells DTLS.
        if header >> 24 & 0xf != 0 || fragment || keep_alive {
            return;
        }
        let payload = window.after(len);
        match (native, header >> 9 & 0x1f) {
            (false, _) => self.ethernet_inner(payload),
            // Access points of a common maker swap the frame control bytes; Wireshark expects that by default.
            (true, 1) => self.nested(|d| d.wlan(payload, true)),
            _ => self.other(Protocol::Data),
        }
    }

    /// TZSP: version, type, encapsulation, then tagged fields up to the end tag.
    fn tzsp(&mut self, window: Window<'a>) {
        self.other(Protocol::Tzsp);
        let (Some(kind), Some(encapsulation)) = (window.u8(1), window.be16(2)) else {
            return self.short(Protocol::Tzsp, window, 4);
        };
        if kind > 1 {
            return; // Only received packets and packets for transmission hold a frame.
        }
        let mut at = 4;
        loop {
            match window.u8(at) {
                Some(0) => at += 1,
                Some(1) => break,
                Some(_) => match window.u8(at + 1) {
                    Some(len) => at += 2 + usize::from(len),
                    None => return self.short(Protocol::Tzsp, window, at + 2),
                },
                None => return self.short(Protocol::Tzsp, window, at + 1),
            }
        }
        let payload = window.after(at + 1);
        match encapsulation {
            1 => self.ethernet_inner(payload),
            18 => self.nested(|d| d.wlan(payload, false)),
            119 => self.nested(|d| d.prism(payload)),
            127 => self.nested(|d| d.avs(payload)),
            _ => self.other(Protocol::Data),
        }
    }

    /// AMT (RFC 7450 §5.1): queries, updates and data carry an IP packet.
    fn amt(&mut self, window: Window<'a>) {
        self.other(Protocol::Amt);
        let header = match window.u8(0).map(|b| b & 0xf) {
            Some(4 | 5) => 12,
            Some(6) => 2,
            _ => return,
        };
        self.ip_by_nibble(Protocol::Amt, window.after(header));
    }
}

/// Whether a port may name a tunnel; one comparison sends nearly every port away.
#[inline]
fn is_tunnel(port: u16) -> bool {
    (1701..=37008).contains(&port) && TUNNEL_PORTS.contains(&port)
}

const TUNNEL_PORTS: [u16; 16] =
    [1701, 2123, 2152, 2268, 3386, 3544, 4341, 4754, 4789, 4790, 5072, 5247, 6081, 6343, 6635, 37008];

#[cfg(test)]
mod tests {
    use super::super::sample::{cat, eth, ip4, tcp4, tcp6, trace_eth, trace_tunnel, udp};

    #[test]
    fn tunnels_by_port() {
        let (ip, inner) = (tcp4(), eth(0x0800, &tcp4()));
        let cases: [(u16, Vec<u8>, &str); 25] = [
            (4789, cat(&[&[8, 0, 0, 0, 0, 0, 1, 0], &inner]), "vxlan eth ip tcp/24"),
            (4790, cat(&[&[0x0c, 0, 0, 1, 0, 0, 1, 0], &ip]), "vxlan_gpe ip tcp/24"),
            (4790, cat(&[&[0x0c, 0, 0, 3, 0, 0, 1, 0], &inner]), "vxlan_gpe eth ip tcp/24"),
            (6081, cat(&[&[0, 0, 0x65, 0x58, 0, 0, 1, 0], &inner]), "geneve eth ip tcp/24"),
            (6081, cat(&[&[2, 0, 0x86, 0xdd, 0, 0, 1, 0], &[0; 8], &tcp6()]), "geneve ipv6 tcp/24"),
            (3544, tcp6(), "teredo ipv6 tcp/24"),
            (3544, cat(&[&[0, 0, 1, 1, 1, 1, 1, 1], &tcp6()]), "teredo ipv6 tcp/24"),
            (3544, cat(&[&[0, 1, 2, 3], &[9; 14], &[0, 0, 1, 1, 1, 1, 1, 1], &tcp6()]), "teredo ipv6 tcp/24"),
            (1701, cat(&[&[0, 2, 0, 1, 0, 1], &[0xff, 3, 0, 0x21], &ip]), "l2tp ppp ip tcp/24"),
            (
                1701,
                cat(&[&[0x4a, 2, 0, 60, 0, 1, 0, 1, 0, 0, 0, 0, 0, 2, 9, 9], &[0x21], &ip]),
                "l2tp ppp ip tcp/24",
            ),
            (1701, cat(&[&[0xc8, 2, 0, 60, 0, 1, 0, 1, 0, 0, 0, 0], &ip]), "l2tp"),
            (4754, cat(&[&[0, 0, 8, 0], &ip]), "gre ip tcp/24"),
            (6635, cat(&[&[0, 0, 1, 64], &ip]), "mpls ip tcp/24"),
            (4341, cat(&[&[0; 8], &tcp6()]), "lisp-data ipv6 tcp/24"),
            (5072, cat(&[&[0x41, 0x52, 0x11, 0x29], &[0; 4], &[0; 36], &tcp6()]), "ayiya ipv6 tcp/24"),
            (37008, cat(&[&[1, 0, 0, 1, 0, 10, 1, 7, 1], &inner]), "tzsp eth ip tcp/24"),
            (37008, cat(&[&[1, 4, 0, 1, 1], &inner]), "tzsp"),
            (2268, cat(&[&[6, 0], &ip]), "amt ip tcp/24"),
            (2268, cat(&[&[5, 0], &[0; 10], &ip]), "amt ip tcp/24"),
            (2268, vec![1; 30], "amt"),
            (5247, cat(&[&[0, 0x10, 0, 0, 0, 0, 0, 0], &inner]), "capwap.data eth ip tcp/24"),
            (5247, cat(&[&[1, 0, 0, 0], &inner]), "capwap.data"),
            (4789, vec![], ""),
            (3544, ip.clone(), "teredo data"),
            (53, ip.clone(), ""),
        ];
        for (port, payload, want) in cases {
            assert_eq!(trace_tunnel(port, &payload), want, "port {port}");
        }
    }

    #[test]
    fn capwap_carries_wireless_frames_with_swapped_control() {
        let frame = cat(&[&[1, 8], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &tcp4()]);
        let capwap = cat(&[&[0, 0x10, 0x03, 0, 0, 0, 0, 0], &frame]);
        assert_eq!(trace_tunnel(5247, &capwap), "capwap.data wlan llc ip tcp/24");
    }

    #[test]
    fn the_length_field_ends_the_datagram_and_a_wrong_one_ends_decoding() {
        let with_len = |len: u16| {
            let mut datagram = udp(5, 4789, &cat(&[&[8, 0, 0, 0, 0, 0, 1, 0], &eth(0x0800, &tcp4())]));
            datagram[4..6].copy_from_slice(&len.to_be_bytes());
            trace_eth(0x0800, &ip4(17, &datagram))
        };
        assert_eq!(with_len(74), "eth ip udp/74 vxlan eth ip tcp/24");
        assert_eq!(with_len(60), "eth ip udp/74 vxlan eth ip tcp/10");
        assert_eq!(with_len(7), "eth ip udp/74");
        assert_eq!(with_len(0), "eth ip udp/74");
        assert_eq!(with_len(9000), "eth ip udp/74 vxlan eth ip tcp/24");
    }
}
