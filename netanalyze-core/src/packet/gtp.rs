//! GTP-U (3GPP TS 29.281) and GTP version 0 (GSM 09.60), user packets only.

use super::dissect::Decoder;
use super::window::Window;
use super::{Protocol, Sink};

/// Message type of user packets.
const T_PDU: u8 = 0xff;

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// A GTP message; false if its version is none.
    pub(super) fn gtp(&mut self, port: u16, window: Window<'a>) -> bool {
        self.other(if port == 3386 { Protocol::GtpPrime } else { Protocol::Gtp });
        let (Some(flags), Some(kind), Some(len)) = (window.u8(0), window.u8(1), window.be16(2)) else {
            self.short(Protocol::Gtp, window, 8);
            return true;
        };
        if kind != T_PDU {
            return true;
        }
        match flags >> 5 {
            0 => self.user_packet(window.limit(20 + u32::from(len)).after(20)),
            // Without the protocol type bit it is GTP'.
            1 if flags & 0x10 != 0 => self.gtp_version_1(flags, window.limit(8 + u32::from(len))),
            _ => {}
        }
        true
    }

    /// The mandatory 8 bytes, four more if any of the three flags is set, then extension headers (TS 29.281 §5.1).
    fn gtp_version_1(&mut self, flags: u8, window: Window<'a>) {
        let mut at = 8;
        if flags & 7 != 0 {
            let Some(mut next) = window.u8(11) else { return self.short(Protocol::Gtp, window, 12) };
            at = 12;
            // The next-type byte counts only if its flag is set; each extension ends with the type of the next.
            while next != 0 && flags & 4 != 0 {
                let Some(words) = window.u8(at) else { return self.short(Protocol::Gtp, window, at + 1) };
                if words == 0 {
                    return;
                }
                at += usize::from(words) * 4;
                let Some(following) = window.u8(at - 1) else { return self.short(Protocol::Gtp, window, at) };
                next = following;
            }
        }
        self.user_packet(window.after(at));
    }

    /// A user packet names no protocol: IP by its first byte, else Ethernet if a type that is common there stands at its place.
    fn user_packet(&mut self, window: Window<'a>) {
        match (window.u8(0), window.be16(12)) {
            (Some(0x45..=0x4e), _) => self.ipv4_inner(window),
            (Some(0x60..=0x6f), _) => self.ipv6_inner(window),
            (_, Some(0x0800 | 0x0806 | 0x86dd | 0x8100)) => self.ethernet_inner(window),
            (None, _) if window.wire() > 0 => self.short(Protocol::Gtp, window, 1),
            _ => self.other(Protocol::Data),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{cat, eth, ip4, tcp4, tcp6, trace_eth, trace_tunnel, udp};

    fn version_1(flags: u8, kind: u8, rest: &[u8]) -> Vec<u8> {
        cat(&[&[flags, kind], &(rest.len() as u16).to_be_bytes(), &[0, 0, 0, 1], rest])
    }

    #[test]
    fn user_packets() {
        assert_eq!(trace_tunnel(2152, &version_1(0x30, 0xff, &tcp4())), "gtp ip tcp/24");
        assert_eq!(trace_tunnel(2152, &version_1(0x30, 0xff, &tcp6())), "gtp ipv6 tcp/24");
        assert_eq!(trace_tunnel(2152, &version_1(0x30, 0xff, &eth(0x0800, &tcp4()))), "gtp eth ip tcp/24");
        assert_eq!(trace_tunnel(2152, &version_1(0x30, 0xff, &[9; 40])), "gtp data");
        assert_eq!(trace_tunnel(2152, &version_1(0x30, 1, &tcp4())), "gtp");
        assert_eq!(trace_tunnel(2152, &version_1(0x20, 0xff, &tcp4())), "gtp"); // GTP', no user packets.
        let zero = cat(&[&[0x1e, 0xff, 0, 44], &[0; 16], &tcp4()]);
        assert_eq!(trace_tunnel(2152, &zero), "gtp ip tcp/24");
        assert_eq!(trace_tunnel(3386, &zero), "gtpprime ip tcp/24");
    }

    #[test]
    fn optional_fields_and_extension_headers() {
        for flags in [0x31, 0x32, 0x33] {
            assert_eq!(
                trace_tunnel(2152, &version_1(flags, 0xff, &cat(&[&[0, 5, 0, 0xc0], &tcp4()]))),
                "gtp ip tcp/24"
            );
        }
        let two = cat(&[&[0, 5, 0, 0x85], &[1, 0, 0, 0xc0], &[2, 0, 0, 0, 0, 0, 0, 0], &tcp4()]);
        assert_eq!(trace_tunnel(2152, &version_1(0x34, 0xff, &two)), "gtp ip tcp/24");
        let endless = cat(&[&[0, 5, 0, 0x85], &[0, 0, 0, 0x85], &tcp4()]);
        assert_eq!(trace_tunnel(2152, &version_1(0x34, 0xff, &endless)), "gtp");
    }

    #[test]
    fn lower_port_first_then_higher() {
        let datagram = |source, destination| {
            trace_eth(0x0800, &ip4(17, &udp(source, destination, &version_1(0x30, 0xff, &tcp4()))))
        };
        assert_eq!(datagram(2152, 40_000), "eth ip udp/60 gtp ip tcp/24");
        assert_eq!(datagram(2152, 2152), "eth ip udp/60 gtp ip tcp/24");
        assert_eq!(datagram(100, 40_000), "eth ip udp/60");
    }
}
