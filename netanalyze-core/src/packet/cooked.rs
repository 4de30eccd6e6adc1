//! Link layers that replace the one on the wire: Linux cooked capture (both versions), BSD loopback, raw IP.

use etherparse::EtherType;

use super::dissect::Decoder;
use super::ethernet::MAX_LENGTH_FIELD;
use super::window::Window;
use super::{Protocol, Sink};

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// LINKTYPE_LINUX_SLL: packet type, hardware type, address, and the protocol at byte 14.
    pub(super) fn sll(&mut self, window: Window<'a>) {
        self.other(Protocol::Sll);
        let Some(protocol) = window.be16(14) else { return self.short(Protocol::Sll, window, 16) };
        self.sll_payload(protocol, window.after(16));
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
            4 => self.llc(payload),
            0..=MAX_LENGTH_FIELD => self.other(Protocol::Data),
            _ => self.ethertype(EtherType(protocol), payload),
        }
    }

    /// LINKTYPE_NULL and LINKTYPE_LOOP: a 4-byte address family in the byte order of whoever wrote it.
    pub(super) fn null(&mut self, window: Window<'a>) {
        self.other(Protocol::Null);
        let Some(family) = window.be32(0) else { return self.short(Protocol::Null, window, 4) };
        // Families are small: one with a high half was written in the other order.
        let family = if family & 0xffff_0000 != 0 { family.swap_bytes() } else { family };
        let payload = window.after(4);
        match family {
            2 => self.nested(|d| d.ipv4(payload)),
            24 | 28 | 30 => self.nested(|d| d.ipv6(payload)),
            _ => match u16::try_from(family) {
                Ok(kind) if kind > MAX_LENGTH_FIELD => self.ethertype(EtherType(kind), payload),
                _ => self.other(Protocol::Data),
            },
        }
    }

    /// Raw IP: the version nibble decides.
    pub(super) fn raw(&mut self, window: Window<'a>) {
        self.other(Protocol::Raw);
        match window.u8(0).map(|b| b >> 4) {
            Some(4) => self.ipv4_inner(window),
            Some(6) => self.ipv6_inner(window),
            Some(_) => self.other(Protocol::Data),
            None => self.short(Protocol::Raw, window, 1),
        }
    }
}
