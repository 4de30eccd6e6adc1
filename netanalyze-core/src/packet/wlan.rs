//! 802.11 data frames (IEEE 802.11 §9.3.2) and the radio headers before them: radiotap, PPI, Prism, AVS.
//!
//! Unprotected data frames go on with LLC, aggregated ones (A-MSDU) once for each subframe. Protected frames stop here, and so do
//! fragments: only a last fragment that holds a whole packet goes on.

use etherparse::EtherType;

use super::dissect::Decoder;
use super::window::Window;
use super::{Layer, Protocol, Sink};
use crate::model::{Link, LinkType};

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// An 802.11 frame. `swapped`: the bytes of its frame control are the wrong way round.
    pub(super) fn wlan(&mut self, window: Window<'a>, swapped: bool) {
        self.wlan_padded(window, swapped, false);
    }

    fn wlan_padded(&mut self, window: Window<'a>, swapped: bool, padded: bool) {
        self.emit(Layer::Wlan(window.head(24)));
        let Some([mut control, mut flags]) = window.array::<2>(0) else {
            return self.short(Protocol::Wlan, window, 10);
        };
        if swapped {
            std::mem::swap(&mut control, &mut flags);
        }
        // Data frames that carry data: type 2, and the "null" bit of the subtype not set.
        if control & 0x0c != 0x08 || control & 0x40 != 0 {
            return;
        }
        let mut len = if flags & 3 == 3 { 30 } else { 24 };
        let mut aggregate = false;
        if control & 0x80 != 0 {
            let Some(qos) = window.u8(len) else { return self.short(Protocol::Wlan, window, len + 2) };
            aggregate = qos & 0x80 != 0;
            len += 2;
            len += if flags & 0x80 != 0 { 4 } else { 0 }; // HT control.
        }
        if padded {
            len = len.next_multiple_of(4);
        }
        let (protected, more) = (flags & 0x40 != 0, flags & 0x04 != 0);
        let Some(sequence) = window.le16(22) else { return self.short(Protocol::Wlan, window, 24) };
        let payload = window.after(len);
        if protected || more || sequence & 0xf != 0 && payload.be16(0) != Some(0xaaaa) {
            return self.other(Protocol::Data);
        }
        if aggregate { self.subframes(payload) } else { self.wlan_payload(window, payload) }
    }

    /// LLC, or what some access points send in its place, as Wireshark 4.0 recognises it.
    fn wlan_payload(&mut self, frame: Window<'a>, payload: Window<'a>) {
        match payload.be16(0) {
            Some(0xaaaa) => self.nested(|d| d.llc(payload)),
            Some(0xffff) => self.other(Protocol::Ipx),
            Some(0) => self.nested(|d| d.llc(payload.after(2))),
            Some(kind @ (0x0800 | 0x86dd | 0x0806)) => self.ethertype(EtherType(kind), payload.after(2)),
            Some(_) if repeats_address(frame, payload) => self.ethernet_inner(payload),
            Some(_) => self.nested(|d| d.llc(payload)),
            None if payload.wire() == 0 => {}
            None => self.short(Protocol::Wlan, payload, 2),
        }
    }

    /// A-MSDU (IEEE 802.11 §9.3.2.2): destination, source, length, LLC; padded to four bytes but for the last.
    fn subframes(&mut self, mut window: Window<'a>) {
        while window.wire() >= 14 {
            let Some(len) = window.be16(12) else { return self.short(Protocol::Wlan, window, 14) };
            let len = usize::from(len);
            if len > 0 {
                self.wlan_payload(window, window.after(14).limit(len as u32));
            }
            window = window.after((14 + len).next_multiple_of(4));
        }
    }

    /// Radiotap: version, length, words of presence bits, fields in the order of the bits, each aligned to its size.
    pub(super) fn radiotap(&mut self, window: Window<'a>) {
        self.other(Protocol::Radiotap);
        let (Some(len), Some(present)) = (window.le16(2), window.array::<4>(4).map(u32::from_le_bytes))
        else {
            return self.short(Protocol::Radiotap, window, 8);
        };
        let mut at = 8;
        let mut word = present;
        while word & 0x8000_0000 != 0 {
            let Some(next) = window.array::<4>(at).map(u32::from_le_bytes) else { break };
            word = next;
            at += 4;
        }
        if present & 1 != 0 {
            at = at.next_multiple_of(8) + 8; // The time of bit 0 precedes the flags of bit 1.
        }
        let flags = if present & 2 != 0 { window.u8(at).unwrap_or(0) } else { 0 };
        let fcs = if flags & 0x10 != 0 { 4 } else { 0 };
        self.nested(|d| {
            d.wlan_padded(window.after(usize::from(len)).without_tail(fcs), false, flags & 0x20 != 0)
        });
    }

    /// PPI: version, flags, length, link type, all little-endian; then the frame.
    pub(super) fn ppi(&mut self, window: Window<'a>) {
        self.other(Protocol::Ppi);
        let (Some(len), Some(kind)) = (window.le16(2), window.array::<4>(4)) else {
            return self.short(Protocol::Ppi, window, 8);
        };
        let link = Link { kind: LinkType(u32::from_le_bytes(kind)), fcs_len: 0 };
        self.nested(|d| d.link(link, window.after(usize::from(len))));
    }

    /// The Prism header: a message code and its length in the writer's byte order. AVS headers come under the same link type.
    pub(super) fn prism(&mut self, window: Window<'a>) {
        let (Some(code), Some(len)) = (window.be32(0), window.be32(4)) else {
            return self.short(Protocol::Prism, window, 8);
        };
        if code & 0xffff_f000 == 0x8021_1000 {
            return self.avs(window);
        }
        if matches!(code >> 24, 0x08 | 0x88) && code != 0x44 {
            return self.wlan(window, false); // No header at all.
        }
        self.other(Protocol::Prism);
        let len = len.min(len.swap_bytes());
        self.nested(|d| d.wlan(window.after(len as usize), false));
    }

    /// The AVS header: magic and length in network byte order.
    pub(super) fn avs(&mut self, window: Window<'a>) {
        self.other(Protocol::Avs);
        match window.be32(4) {
            Some(len) => self.nested(|d| d.wlan(window.after(len as usize), false)),
            None => self.short(Protocol::Avs, window, 8),
        }
    }
}

/// Whether the payload starts with the frame's destination, or has its source six bytes later: then it is an Ethernet frame.
fn repeats_address(frame: Window<'_>, payload: Window<'_>) -> bool {
    let Some(flags) = frame.u8(1) else { return false };
    // Which of the addresses at 4, 10, 16 and 24 are destination and source depends on the way through the distribution system.
    let (destination, source) = match flags & 3 {
        0 => (4, 10),
        1 => (16, 10),
        2 => (4, 16),
        _ => (16, 24),
    };
    let same = |theirs, ours| payload.array::<6>(theirs).is_some_and(|a| frame.array::<6>(ours) == Some(a));
    same(0, destination) || same(6, source)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{cat, eth, tcp4, trace};
    use crate::model::LinkType;

    const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    const OK: &str = "llc ip tcp/24";

    /// A frame of the given control bytes, sequence control and bytes after the three addresses.
    fn frame(control: u8, flags: u8, sequence: u8, rest: &[&[u8]]) -> Vec<u8> {
        cat(&[&[control, flags, 0, 0], &[1; 6], &[2; 6], &[3; 6], &[sequence, 0], &rest.concat()])
    }

    fn wlan(control: u8, flags: u8, sequence: u8, rest: &[&[u8]]) -> String {
        let line = trace(LinkType::IEEE802_11, &frame(control, flags, sequence, rest));
        line.strip_prefix("wlan").unwrap().trim().into()
    }

    #[test]
    fn header_lengths() {
        let ip = tcp4();
        assert_eq!(wlan(0x08, 1, 0, &[&SNAP, &ip]), OK);
        assert_eq!(wlan(0x88, 1, 0, &[&[0; 2], &SNAP, &ip]), OK);
        assert_eq!(wlan(0x88, 0x81, 0, &[&[0; 6], &SNAP, &ip]), OK);
        assert_eq!(wlan(0x08, 0x81, 0, &[&SNAP, &ip]), OK);
        assert_eq!(wlan(0x08, 3, 0, &[&[4; 6], &SNAP, &ip]), OK);
        assert_eq!(wlan(0x88, 3, 0, &[&[4; 6], &[0; 2], &SNAP, &ip]), OK);
        assert_eq!(wlan(0x18, 1, 0, &[&SNAP, &ip]), OK);
        for silent in [0x48, 0xc8, 0x80, 0xb4] {
            assert_eq!(wlan(silent, 1, 0, &[&SNAP, &ip]), "");
        }
    }

    #[test]
    fn protection_fragments_and_payloads_without_llc() {
        let ip = tcp4();
        assert_eq!(wlan(0x08, 0x41, 0, &[&SNAP, &ip]), "data");
        assert_eq!(wlan(0x08, 0x05, 0, &[&SNAP, &ip]), "data");
        assert_eq!(wlan(0x08, 0x01, 1, &[&SNAP, &ip]), OK);
        assert_eq!(wlan(0x08, 0x01, 1, &[&ip]), "data");
        assert_eq!(wlan(0x08, 1, 0, &[&[8, 0], &ip]), "ip tcp/24");
        assert_eq!(wlan(0x08, 1, 0, &[&[0, 0], &SNAP, &ip]), OK);
        let mut inner = eth(0x0800, &ip);
        inner[..6].fill(3);
        assert_eq!(wlan(0x08, 1, 0, &[&inner]), "eth ip tcp/24");
    }

    #[test]
    fn aggregates_yield_a_packet_each() {
        let sub = |pad: usize| cat(&[&[7; 12], &[0, 52], &SNAP, &tcp4(), &vec![0; pad]]);
        assert_eq!(wlan(0x88, 1, 0, &[&[0x80, 0], &sub(2), &sub(2), &sub(0)]), [OK; 3].join(" "));
    }

    #[test]
    fn radio_headers() {
        let data = frame(8, 1, 0, &[&SNAP, &tcp4()]);
        let radiotap = |present: u32, fields: &[u8], frame: &[u8]| {
            let len = (8 + fields.len()) as u8;
            let line = trace(
                LinkType::IEEE802_11_RADIOTAP,
                &cat(&[&[0, 0, len, 0], &present.to_le_bytes(), fields, frame]),
            );
            line.strip_prefix("radiotap wlan ").unwrap_or(&line).to_string()
        };
        assert_eq!(radiotap(0, &[], &data), OK);
        assert_eq!(radiotap(2, &[0x10], &cat(&[&data, &[0; 4]])), OK);
        let padded = frame(0x88, 1, 0, &[&[0; 2], &[0; 2], &SNAP, &tcp4()]);
        assert_eq!(radiotap(3, &cat(&[&[0; 8], &[0x20]]), &padded), OK);
        // A second word of presence bits moves the fields; the time is aligned to 8.
        let fields = cat(&[&[0; 4], &[0; 4], &[0; 8], &[0x20]]);
        assert_eq!(radiotap(0x8000_0003, &fields, &padded), OK);
        let ppi = cat(&[&[0, 0, 8, 0, 105, 0, 0, 0], &data]);
        assert_eq!(trace(LinkType::PPI, &ppi), format!("ppi wlan {OK}"));
        let avs = cat(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56], &data]);
        assert_eq!(trace(LinkType::IEEE802_11_AVS, &avs), format!("wlancap wlan {OK}"));
        assert_eq!(trace(LinkType::IEEE802_11_PRISM, &avs), format!("wlancap wlan {OK}"));
        for head in [[0x44, 0, 0, 0, 144, 0, 0, 0], [0, 0, 0, 0x44, 0, 0, 0, 144]] {
            let prism = cat(&[&head, &[0; 136], &data]);
            assert_eq!(trace(LinkType::IEEE802_11_PRISM, &prism), format!("prism wlan {OK}"));
        }
    }
}
