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
                if entry >> 12 == 14 {
                    return self.other(Protocol::Data); // Label 14 announces an OAM message, RFC 3429.
                }
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
        // Metadata type 1 has a fixed length, RFC 8300 §2.4.
        let len = if window.u8(2).is_some_and(|b| b & 0xf == 1) { 24 } else { usize::from(flags & 0x3f) * 4 };
        let payload = window.after(len);
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

#[cfg(test)]
mod tests {
    use super::super::sample::{cat, eth, tcp4, tcp6, trace, trace_eth};
    use crate::model::LinkType;

    const BOTTOM: [u8; 4] = [0, 1, 1, 64];

    #[test]
    fn the_first_nibble_decides() {
        let mpls = |rest: &[&[u8]]| trace_eth(0x8847, &rest.concat());
        assert_eq!(mpls(&[&[0, 1, 0, 64], &BOTTOM, &tcp4()]), "eth mpls ip tcp/24");
        assert_eq!(mpls(&[&BOTTOM, &tcp6()]), "eth mpls ipv6 tcp/24");
        assert_eq!(mpls(&[&BOTTOM, &[0x10, 0, 0, 0x21], &tcp4()]), "eth mpls ip tcp/24");
        let inner = eth(0x0800, &tcp4());
        assert_eq!(mpls(&[&BOTTOM, &[0; 4], &inner]), "eth mpls pwethcw eth ip tcp/24");
        assert_eq!(mpls(&[&BOTTOM, &inner]), "eth mpls eth ip tcp/24");
        assert_eq!(mpls(&[&[0, 0, 0xe1, 64], &tcp4()]), "eth mpls data");
        assert_eq!(trace(LinkType::MPLS, &cat(&[&BOTTOM, &tcp4()])), "mpls ip tcp/24");
    }

    #[test]
    fn network_service_headers() {
        let nsh = |len: u8, kind: u8, next: u8, rest: &[u8]| {
            trace_eth(0x894f, &cat(&[&[0, len, kind, next, 0, 0, 1, 255], rest]))
        };
        assert_eq!(nsh(2, 2, 1, &tcp4()), "eth nsh ip tcp/24");
        assert_eq!(nsh(6, 1, 2, &cat(&[&[0; 16], &tcp6()])), "eth nsh ipv6 tcp/24");
        assert_eq!(nsh(3, 2, 3, &cat(&[&[0; 4], &eth(0x0800, &tcp4())])), "eth nsh eth ip tcp/24");
        assert_eq!(
            nsh(2, 2, 4, &cat(&[&[0, 2, 2, 5, 0, 0, 0, 0], &BOTTOM, &tcp4()])),
            "eth nsh nsh mpls ip tcp/24"
        );
    }
}
