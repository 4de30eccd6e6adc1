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
        if window.wire() > 0 {
            self.ip_by_nibble(Protocol::Teredo, window);
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
