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
            1 => self.gtp_version_1(flags, window.limit(8 + u32::from(len))),
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

    /// A user packet names no protocol: IP by its first byte, else PPP.
    fn user_packet(&mut self, window: Window<'a>) {
        match window.u8(0) {
            Some(0x45..=0x4e) => self.ipv4_inner(window),
            Some(0x60..=0x6f) => self.ipv6_inner(window),
            Some(0xff) => self.nested(|d| d.ppp_hdlc(window)),
            Some(_) => self.nested(|d| d.ppp(window)),
            None if window.wire() == 0 => {}
            None => self.short(Protocol::Gtp, window, 1),
        }
    }
}
