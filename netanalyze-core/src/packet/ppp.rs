//! PPP (RFC 1661) alone, in HDLC-like framing (RFC 1662) and over Ethernet (RFC 2516); Cisco HDLC; Frame Relay (RFC 2427).

use etherparse::EtherType;

use super::dissect::Decoder;
use super::window::Window;
use super::{Protocol, Sink};

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// A PPP frame from its protocol field on; the field is one byte if its low bit is set (RFC 1661 §2).
    pub(super) fn ppp(&mut self, window: Window<'a>) {
        self.other(Protocol::Ppp);
        let Some(first) = window.u8(0) else { return self.short(Protocol::Ppp, window, 1) };
        if first & 1 == 1 {
            return self.ppp_payload(u16::from(first), window.after(1));
        }
        match window.be16(0) {
            Some(protocol) => self.ppp_payload(protocol, window.after(2)),
            None => self.short(Protocol::Ppp, window, 2),
        }
    }

    fn ppp_payload(&mut self, protocol: u16, payload: Window<'a>) {
        match protocol {
            0x0021 | 0x0800 => self.ipv4_inner(payload),
            0x0057 | 0x86dd => self.ipv6_inner(payload),
            0x0281 | 0x0283 => self.nested(|d| d.mpls(payload)),
            0x003d => self.multilink(payload),
            0x004b => self.nested(|d| d.llc(payload)),
            0x002b => self.other(Protocol::Ipx),
            _ => self.other(Protocol::Data),
        }
    }

    /// PPP multilink (RFC 1990) with long sequence numbers: a fragment that is the first and the last holds a whole frame.
    fn multilink(&mut self, window: Window<'a>) {
        match window.u8(0) {
            Some(flags) if flags & 0xc0 == 0xc0 => self.nested(|d| d.ppp_hdlc(window.after(4))),
            _ => self.other(Protocol::Data),
        }
    }

    /// PPP in HDLC-like framing, address and control bytes present or compressed away; Cisco HDLC shares the link types.
    pub(super) fn ppp_hdlc(&mut self, window: Window<'a>) {
        match window.u8(0) {
            Some(0x0f | 0x8f) => self.chdlc(window),
            Some(0xff) => self.ppp(window.after(2)),
            _ => self.ppp(window),
        }
    }

    /// A PPPoE session packet; its length field excludes padding.
    pub(super) fn pppoe(&mut self, window: Window<'a>) {
        self.other(Protocol::Pppoe);
        let Some(len) = window.be16(4) else { return self.short(Protocol::Pppoe, window, 6) };
        self.nested(|d| d.ppp(window.after(6).limit(u32::from(len))));
    }

    /// Cisco HDLC: address, control, then mostly EtherTypes.
    pub(super) fn chdlc(&mut self, window: Window<'a>) {
        self.other(Protocol::Chdlc);
        let payload = window.after(4);
        match window.be16(2) {
            Some(0x8035) => self.other(Protocol::Data), // SLARP here, reverse ARP elsewhere.
            Some(kind @ (0x0800 | 0x86dd | 0x8847 | 0x8848 | 0x6558)) => {
                self.ethertype(EtherType(kind), payload)
            }
            Some(_) => self.other(Protocol::Data),
            None => self.short(Protocol::Chdlc, window, 4),
        }
    }

    /// Frame Relay: an address of two to four bytes, then RFC 2427 or Cisco's encapsulation.
    pub(super) fn frame_relay(&mut self, window: Window<'a>) {
        self.other(Protocol::FrameRelay);
        let Some(len) = window.head(4).iter().position(|b| b & 1 == 1) else {
            return self.short(Protocol::FrameRelay, window, 4);
        };
        let rest = window.after(len + 1);
        match (rest.u8(0), rest.u8(1)) {
            (Some(3), Some(0)) => self.nlpid(rest.after(2)), // A padding byte before the NLPID.
            (Some(3), Some(_)) => self.nlpid(rest.after(1)),
            (Some(_), Some(_)) => match rest.be16(0) {
                Some(kind) if kind > 0x05ff => self.ethertype(EtherType(kind), rest.after(2)),
                _ => self.other(Protocol::Data),
            },
            _ => self.short(Protocol::FrameRelay, rest, 2),
        }
    }

    /// A network layer protocol identifier (ISO/IEC TR 9577).
    fn nlpid(&mut self, window: Window<'a>) {
        match window.u8(0) {
            Some(0xcc) => self.ipv4_inner(window.after(1)),
            Some(0x8e) => self.ipv6_inner(window.after(1)),
            Some(0x80) => self.nested(|d| d.snap(window.after(1))),
            Some(0xcf) => self.nested(|d| d.ppp(window.after(1))),
            Some(_) => self.other(Protocol::Data),
            None => self.short(Protocol::FrameRelay, window, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{cat, tcp4, tcp6, trace, trace_eth};
    use crate::model::LinkType;

    #[test]
    fn framing_and_compression() {
        let ip = tcp4();
        for before in [&[0, 0x21][..], &[0x21], &[0xff, 3, 0, 0x21], &[0xff, 3, 0x21], &[0xff, 3, 8, 0]] {
            for link in [LinkType::PPP, LinkType::PPP_HDLC] {
                assert_eq!(trace(link, &cat(&[before, &ip])), "ppp ip tcp/24", "{before:?}");
            }
            assert_eq!(trace(LinkType::PPP_WITH_DIR, &cat(&[&[1], before, &ip])), "ppp ip tcp/24");
        }
        assert_eq!(trace(LinkType::PPP, &cat(&[&[0, 0x57], &tcp6()])), "ppp ipv6 tcp/24");
        assert_eq!(trace(LinkType::PPP, &cat(&[&[2, 0x81], &[0, 0, 1, 64], &ip])), "ppp mpls ip tcp/24");
        assert_eq!(
            trace(LinkType::PPP, &cat(&[&[0, 0x3d, 0xc0, 0, 0, 1, 0, 0x21], &ip])),
            "ppp ppp ip tcp/24"
        );
        assert_eq!(trace(LinkType::PPP, &cat(&[&[0, 0x3d, 0x80, 0, 0, 1, 0, 0x21], &ip])), "ppp data");
        assert_eq!(trace(LinkType::PPP, &[0xc0, 0x21, 1, 1, 0, 4]), "ppp data");
    }

    #[test]
    fn pppoe_length_excludes_padding() {
        let session =
            |payload: &[u8], len: u16| cat(&[&[0x11, 0, 0, 1], &len.to_be_bytes(), payload, &[0; 5]]);
        let payload = cat(&[&[0, 0x21], &tcp4()]);
        assert_eq!(trace_eth(0x8864, &session(&payload, 46)), "eth pppoes ppp ip tcp/24");
        assert_eq!(trace_eth(0x8864, &session(&payload, 36)), "eth pppoes ppp ip tcp/14");
        assert_eq!(trace(LinkType::PPP_ETHER, &session(&payload, 46)), "pppoes ppp ip tcp/24");
        assert_eq!(trace_eth(0x8863, &session(&payload, 46)), "eth pppoed");
    }

    #[test]
    fn cisco_hdlc_and_frame_relay() {
        let ip = tcp4();
        assert_eq!(trace(LinkType::C_HDLC, &cat(&[&[0x0f, 0, 8, 0], &ip])), "chdlc ip tcp/24");
        assert_eq!(trace(LinkType::C_HDLC, &cat(&[&[0x8f, 0, 0x86, 0xdd], &tcp6()])), "chdlc ipv6 tcp/24");
        assert_eq!(trace(LinkType::PPP, &cat(&[&[0x0f, 0, 8, 0], &ip])), "chdlc ip tcp/24");
        assert_eq!(trace(LinkType::C_HDLC, &[0x0f, 0, 0x80, 0x35, 0, 0]), "chdlc data");
        assert_eq!(trace(LinkType::FRELAY, &cat(&[&[0x18, 0x41, 3, 0xcc], &ip])), "fr ip tcp/24");
        assert_eq!(trace(LinkType::FRELAY, &cat(&[&[0x18, 0x41, 3, 0x8e], &tcp6()])), "fr ipv6 tcp/24");
        assert_eq!(
            trace(LinkType::FRELAY, &cat(&[&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0], &ip])),
            "fr ip tcp/24"
        );
        assert_eq!(trace(LinkType::FRELAY, &cat(&[&[0x18, 0x41, 8, 0], &ip])), "fr ip tcp/24");
    }
}
