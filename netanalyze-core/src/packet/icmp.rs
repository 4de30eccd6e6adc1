//! ICMP (RFC 792) and ICMPv6 (RFC 4443) errors: the packet that they quote.

use super::dissect::Decoder;
use super::window::Window;
use super::{Layer, Origin, Sink, Transport};

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// An ICMP message; errors go on with the packet that they quote.
    #[inline(never)]
    pub(super) fn icmp(&mut self, transport: Transport<'a>, window: Window<'a>) {
        self.emit(Layer::Icmp(transport));
        let (Some(kind), Some(_)) = (window.u8(0), window.u8(7)) else { return };
        let mut quoted = window.after(8);
        match kind {
            3 | 4 | 11 | 12 => {}
            // Routers quote the IP header and 8 bytes; Wireshark never looks further in a redirect.
            5 => {
                let header = quoted.u8(0).map_or(0, |b| u32::from(b & 0xf) * 4);
                quoted = quoted.limit(header + 8);
            }
            _ => return,
        }
        self.quoted(Origin::QuotedIcmp, |d| d.ipv4_inner(quoted));
    }

    /// An ICMPv6 message; errors and redirects go on with the packet that they quote.
    #[inline(never)]
    pub(super) fn icmpv6(&mut self, transport: Transport<'a>, window: Window<'a>) {
        self.emit(Layer::Icmpv6(transport));
        let (Some(kind), Some(_)) = (window.u8(0), window.u8(7)) else { return };
        let quoted = match kind {
            1..=4 => Some(window.after(8)),
            137 => redirected(window),
            _ => None,
        };
        if let Some(quoted) = quoted {
            self.quoted(Origin::QuotedIcmpv6, |d| d.ipv6_inner(quoted));
        }
    }

    /// Marks what `inner` finds as quoted.
    pub(super) fn quoted(&mut self, origin: Origin, inner: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.origin, origin);
        inner(self);
        self.origin = outer;
    }
}

/// The redirected header option (RFC 4861 §4.6.3) among the options of a neighbour discovery redirect.
fn redirected(window: Window<'_>) -> Option<Window<'_>> {
    let mut options = window.after(40);
    loop {
        let len = u32::from(options.u8(1)?) * 8;
        if options.u8(0)? == 4 {
            return Some(options.limit(len).after(8));
        }
        if len == 0 {
            return None;
        }
        options = options.after(len as usize);
    }
}
