//! MPLS label stacks (RFC 3032) and the network service header (RFC 8300).

use super::dissect::Decoder;
use super::window::Window;
use super::{Protocol, Sink};

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// A label stack; nothing in it names the payload, so its first nibble does (RFC 4928 §3).
    pub(super) fn mpls(&mut self, mut window: Window<'a>) {
        self.other(Protocol::Mpls);
        loop {
            let Some(entry) = window.be32(0) else { return self.short(Protocol::Mpls, window, 4) };
            window = window.after(4);
            if entry & 0x100 != 0 {
                break;
            }
        }
        match window.u8(0).map(|b| b >> 4) {
            Some(4) => self.ipv4_inner(window),
            Some(6) => self.ipv6_inner(window),
            Some(1) => self.associated_channel(window),
            Some(0) if !plain_ethernet(window) => self.framed(Protocol::PwEthCw, 4, window),
            Some(_) => self.ethernet_inner(window),
            None => self.short(Protocol::Mpls, window, 1),
        }
    }

    /// A pseudo-wire's associated channel (RFC 4385 §5): 4 bytes, the last two name the channel.
    fn associated_channel(&mut self, window: Window<'a>) {
        match window.be16(2) {
            Some(0x21) => self.ipv4_inner(window.after(4)),
            Some(0x57) => self.ipv6_inner(window.after(4)),
            Some(_) => self.other(Protocol::Data),
            None => self.short(Protocol::Mpls, window, 4),
        }
    }

    /// A network service header.
    pub(super) fn nsh(&mut self, window: Window<'a>) {
        self.other(Protocol::Nsh);
        let (Some(flags), Some(next)) = (window.be16(0), window.u8(3)) else {
            return self.short(Protocol::Nsh, window, 8);
        };
        let payload = window.after(usize::from(flags & 0x3f) * 4);
        self.next_protocol(next, payload);
    }

    /// The next-protocol registry that VXLAN-GPE and NSH share.
    pub(super) fn next_protocol(&mut self, next: u8, payload: Window<'a>) {
        match next {
            1 => self.ipv4_inner(payload),
            2 => self.ipv6_inner(payload),
            3 => self.ethernet_inner(payload),
            4 => self.nested(|d| d.nsh(payload)),
            5 => self.nested(|d| d.mpls(payload)),
            _ => self.other(Protocol::Data),
        }
    }
}

/// Whether an Ethernet frame without control word starts here although its first nibble is 0: a type that everybody uses stands where
/// such a frame has it, and none where a frame after a control word would.
fn plain_ethernet(window: Window<'_>) -> bool {
    let common =
        |at| matches!(window.be16(at), Some(0x0800 | 0x86dd | 0x0806 | 0x8100 | 0x88a8 | 0x8847 | 0x8864));
    common(12) && !common(16)
}
