//! GRE (RFC 2784, RFC 2890, routing of RFC 1701, version 1 of RFC 2637) and ERSPAN (draft-foschiano-erspan).

use etherparse::EtherType;

use super::dissect::Decoder;
use super::window::Window;
use super::{Protocol, Sink};

/// Checksum (and offset) present.
const CHECKSUM: u16 = 0x8000;
/// Routing present.
const ROUTING: u16 = 0x4000;
/// Key present.
const KEY: u16 = 0x2000;
/// Sequence number present.
const SEQUENCE: u16 = 0x1000;
/// Acknowledgement number present (version 1).
const ACKNOWLEDGEMENT: u16 = 0x0080;

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// A GRE packet.
    pub(super) fn gre(&mut self, window: Window<'a>) {
        self.other(Protocol::Gre);
        let (Some(flags), Some(protocol)) = (window.be16(0), window.be16(2)) else {
            return self.short(Protocol::Gre, window, 4);
        };
        let mut len = 4;
        for bits in [CHECKSUM | ROUTING, KEY, SEQUENCE] {
            len += if flags & bits != 0 { 4 } else { 0 };
        }
        if flags & 7 == 1 && flags & ACKNOWLEDGEMENT != 0 {
            len += 4;
        }
        if flags & ROUTING != 0 {
            // Source route entries: family, offset, length; the last has length 0. RFC 1701.
            loop {
                let Some(entry) = window.u8(len + 3) else {
                    return self.short(Protocol::Gre, window, len + 4);
                };
                len += 4 + usize::from(entry);
                if entry == 0 {
                    break;
                }
            }
        }
        let payload = window.after(len);
        if payload.wire() == 0 {
            return; // Keep-alives and acknowledgements carry nothing.
        }
        match protocol {
            0x880b => self.nested(|d| d.ppp_hdlc(payload)),
            0x8881 | 0x88d2 => self.other(Protocol::Ppp), // A stream of PPP frames with byte stuffing.
            0x6400 | 0x6558 => self.ethernet_inner(payload),
            0x6559 => self.nested(|d| d.frame_relay(payload)),
            // Without a sequence number it is type I, which has no header of its own.
            0x88be if flags & SEQUENCE == 0 => self.ethernet_inner(payload),
            0x88be | 0x22eb => self.erspan(payload),
            0x883e => {
                // WCCP version 2 puts a redirect header before the packet, version 1 does not.
                let redirect = payload.u8(0).is_some_and(|b| b >> 4 != 4);
                self.ipv4_inner(if redirect { payload.after(4) } else { payload });
            }
            0x8200..=0x8370 if protocol & 0xf == 0 => self.nested(|d| d.wlan(payload, false)),
            0x2001 => self.other(Protocol::Data),
            _ => self.ethertype(EtherType(protocol), payload),
        }
    }

    /// ERSPAN types II (8 bytes) and III (12 bytes, 8 more if the last bit says so).
    fn erspan(&mut self, window: Window<'a>) {
        let Some(first) = window.be16(0) else {
            self.other(Protocol::Erspan);
            return self.short(Protocol::Erspan, window, 8);
        };
        let len = match first >> 12 {
            1 => 8,
            2 => match window.u8(11) {
                Some(flags) if flags & 1 == 1 => 20,
                _ => 12,
            },
            _ => return self.other(Protocol::Erspan),
        };
        self.framed(Protocol::Erspan, len, window);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{cat, eth, ip4, tcp4, tcp6, trace_eth};

    fn gre(flags: u16, protocol: u16, rest: &[&[u8]]) -> String {
        let payload = cat(&[&flags.to_be_bytes(), &protocol.to_be_bytes(), &rest.concat()]);
        trace_eth(0x0800, &ip4(47, &payload)).replacen("eth ip gre", "", 1).trim().into()
    }

    #[test]
    fn header_length_follows_the_flags() {
        for (flags, len) in [(0, 0), (0x8000, 4), (0x2000, 4), (0x1000, 4), (0xb000, 12), (0x3081, 12)] {
            assert_eq!(gre(flags, 0x0800, &[&vec![9; len], &tcp4()]), "ip tcp/24", "{flags:x}");
        }
        let routed = [&[0, 0, 0, 0][..], &[8, 0, 0, 4, 1, 2, 3, 4], &[0, 0, 0, 0], &tcp4()];
        assert_eq!(gre(0x4000, 0x0800, &routed), "ip tcp/24");
        assert_eq!(gre(0x3081, 0x880b, &[&[0; 12]]), "");
    }

    #[test]
    fn payloads() {
        let (ip, inner) = (tcp4(), eth(0x0800, &tcp4()));
        assert_eq!(gre(0, 0x86dd, &[&tcp6()]), "ipv6 tcp/24");
        assert_eq!(gre(0, 0x6558, &[&inner]), "eth ip tcp/24");
        assert_eq!(gre(0, 0x6400, &[&inner]), "eth ip tcp/24");
        assert_eq!(gre(0x3001, 0x880b, &[&[0; 8], &[0xff, 3, 0, 0x21], &ip]), "ppp ip tcp/24");
        assert_eq!(gre(0x3001, 0x880b, &[&[0; 8], &[0x21], &ip]), "ppp ip tcp/24");
        assert_eq!(gre(0, 0x8847, &[&[0, 0, 1, 64], &ip]), "mpls ip tcp/24");
        assert_eq!(gre(0, 0x883e, &[&ip]), "ip tcp/24");
        assert_eq!(gre(0, 0x883e, &[&[0; 4], &ip]), "ip tcp/24");
        assert_eq!(gre(0, 0x894f, &[&[0, 2, 2, 1, 0, 0, 0, 0], &ip]), "nsh ip tcp/24");
        assert_eq!(
            gre(0, 0x8200, &[&[8, 1], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &ip]),
            "wlan llc ip tcp/24"
        );
        assert_eq!(gre(0, 0x8203, &[&ip]), "data");
    }

    #[test]
    fn erspan_types() {
        let inner = eth(0x0800, &tcp4());
        assert_eq!(gre(0, 0x88be, &[&inner]), "eth ip tcp/24");
        assert_eq!(
            gre(0x1000, 0x88be, &[&[0; 4], &[0x10, 0, 0, 0, 0, 0, 0, 0], &inner]),
            "erspan eth ip tcp/24"
        );
        let mut third = [0; 12];
        third[0] = 0x20;
        assert_eq!(gre(0x1000, 0x22eb, &[&[0; 4], &third, &inner]), "erspan eth ip tcp/24");
        third[11] = 1;
        assert_eq!(gre(0x1000, 0x22eb, &[&[0; 4], &third, &[0; 8], &inner]), "erspan eth ip tcp/24");
    }
}
