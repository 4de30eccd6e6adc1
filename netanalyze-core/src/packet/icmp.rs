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
        // How much of the packet's payload is quoted, as Wireshark 4.0 reads it: 8 bytes in a redirect; elsewhere the words that RFC 4884
        // §4 counts at byte 5, and all that is there if the count is 0.
        let payload = match (kind, window.u8(5)) {
            (5, _) => 8,
            (3 | 4 | 11 | 12, Some(0) | None) => u32::from(u16::MAX),
            (3 | 4 | 11 | 12, Some(words)) => u32::from(words) * 4,
            _ => return,
        };
        let quoted = window.after(8);
        let header = quoted.u8(0).map_or(0, |b| u32::from(b & 0xf) * 4);
        let quoted = quoted.limit(header + payload);
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

#[cfg(test)]
mod tests {
    use super::super::sample::{cat, ip4, ip4_fragment, ip6, tcp4, tcp6, trace, udp};
    use crate::model::LinkType;

    fn error4(kind: u8, words: u8, quoted: &[u8]) -> String {
        trace(LinkType::IPV4, &ip4(1, &cat(&[&[kind, 0, 0, 0, 0, words, 0, 0], quoted])))
    }

    fn error6(kind: u8, quoted: &[u8]) -> String {
        trace(LinkType::IPV6, &ip6(58, &cat(&[&[kind, 0, 0, 0, 0, 0, 0, 0], quoted])))
    }

    #[test]
    fn errors_quote_packets() {
        for kind in [3, 4, 11, 12] {
            assert_eq!(error4(kind, 0, &tcp4()), "ip icmp/52 ip quoted-tcp/24");
            assert_eq!(error4(kind, 4, &tcp4()), "ip icmp/52 ip quoted-tcp/16");
        }
        assert_eq!(error4(5, 0, &tcp4()), "ip icmp/52 ip quoted-tcp/8");
        assert_eq!(error4(8, 0, &tcp4()), "ip icmp/52");
        assert_eq!(error4(3, 0, &[]), "ip icmp/8 ip malformed(ip)");
        for kind in 1..=4 {
            assert_eq!(error6(kind, &tcp6()), "ipv6 icmpv6/72 ipv6 quoted-tcp/24");
        }
        assert_eq!(error6(128, &tcp6()), "ipv6 icmpv6/72");
    }

    #[test]
    fn what_a_quoted_packet_holds_is_quoted_too() {
        let tunnel = ip4(4, &ip4(17, &udp(1, 2, &[0; 4])));
        assert_eq!(error4(3, 0, &tunnel), "ip icmp/60 ip ip quoted-udp/12");
        assert_eq!(error4(3, 0, &ip4_fragment(17, 0, true, &udp(1, 2, &[]))), "ip icmp/36 ip frag:0+8");
    }

    #[test]
    fn redirects_of_neighbour_discovery_carry_the_packet_in_an_option() {
        let body = cat(&[
            &[137, 0, 0, 0, 0, 0, 0, 0],
            &[0; 32],
            &[2, 1, 0, 0, 0, 0, 0, 0],
            &[4, 9, 0, 0, 0, 0, 0, 0],
            &tcp6(),
        ]);
        assert_eq!(trace(LinkType::IPV6, &ip6(58, &body)), "ipv6 icmpv6/120 ipv6 quoted-tcp/24");
    }
}
