//! What a reader remembers of where packets come from, so that a writer can say the same of them.
//!
//! Owns: the first section's options, each interface's options, the options of its last statistics; all in little-endian order, whatever the file's.
//! Options of packets stay in the batch. Rules: draft-ietf-opsawg-pcapng, sections 3.5 and 4. Costs nothing a packet.

use super::pcapng::kind;
use super::pcapng_option::Options;
use crate::model::Link;

/// The container that an interface's packets lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    /// Records of pcap; whether their times are in nanoseconds.
    Pcap { nanos: bool },
    /// Blocks of pcapng; whether their section is big-endian.
    Pcapng { big: bool },
}

/// An interface as a writer describes it.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) container: Container,
    pub(super) link: Link,
    pub(super) snaplen: u32,
    /// Units of its times in a second.
    pub(super) units: u64,
    /// Options of its description, without their end; those of pcap files have none.
    pub(super) options: Box<[u8]>,
    /// Its number in its section; files of a rotated set number theirs alike. Interfaces of pcap files, which are one each, have 0.
    pub(super) own: u32,
    /// Its number in a file that is written: like interfaces of pcap files, which say nothing that differs, share one.
    pub(super) place: u32,
}

/// Where the packets of a set come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    /// Options of the first section's header.
    pub(super) section: Option<Box<[u8]>>,
    /// The interfaces, numbered as frames do.
    pub(super) interfaces: Vec<Origin>,
    /// Interfaces that a file that is written describes.
    places: u32,
}

impl Origins {
    /// Adds an interface, and gives it its place.
    pub(super) fn add(&mut self, mut origin: Origin) {
        let same = |known: &&Origin| {
            matches!(origin.container, Container::Pcap { .. })
                && (known.container, known.link, known.snaplen)
                    == (origin.container, origin.link, origin.snaplen)
        };
        origin.place = match self.interfaces.iter().find(same) {
            Some(known) => known.place,
            None => {
                self.places += 1;
                self.places - 1
            }
        };
        self.interfaces.push(origin);
    }
}

/// The body of a block of names (NRB) in little-endian order: records of two halves and a value, then options; none if it contradicts itself.
pub(super) fn names_in_order(body: &[u8], big: bool) -> Option<Vec<u8>> {
    let half = |two: [u8; 2]| if big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) };
    let (mut out, mut rest) = (Vec::with_capacity(body.len()), body);
    loop {
        let (&[a, b, c, d], after) = rest.split_first_chunk::<4>()?;
        let (kind, length) = (half([a, b]), usize::from(half([c, d])));
        push_option(&mut out, kind, after.get(..length)?);
        rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
        if kind == 0 {
            break;
        }
    }
    let options = in_order(super::pcapng::kind::NAMES, rest, big);
    if !options.is_empty() {
        out.extend(options);
        push_option(&mut out, 0, &[]);
    }
    Some(out)
}

/// The options of a block of a kind in little-endian order, without their end; what is no option any more is left out.
pub(super) fn in_order(kind: u32, options: &[u8], big: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(options.len());
    for (code, value) in Options::new(options, big) {
        let start = out.len();
        push_option(&mut out, code, value);
        if big && let Some(value) = out.get_mut(start + 4..start + 4 + value.len()) {
            let mut rest = value;
            for &width in numbers(kind, code) {
                let Some((number, after)) = rest.split_at_mut_checked(width) else { break };
                number.reverse();
                rest = after;
            }
        }
    }
    out
}

/// Adds an option: code, length, value, padding. What is longer than an option can be is cut off.
pub(super) fn push_option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let length = value.len().min(usize::from(u16::MAX));
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&(length as u16).to_le_bytes());
    out.extend_from_slice(value.get(..length).unwrap_or_default());
    pad(out, length);
}

/// Fills up to a multiple of four after so many bytes.
pub(super) fn pad(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice([0; 3].get(..length.next_multiple_of(4) - length).unwrap_or_default());
}

/// Widths of the numbers that an option's value begins with; everything else in it is bytes.
fn numbers(block: u32, code: u16) -> &'static [usize] {
    match (block, code) {
        // Custom options: a private enterprise number, then bytes.
        (_, 2988 | 2989 | 19_372 | 19_373) => &[4],
        // if_speed, if_tzone, if_tsoffset, if_txspeed, if_rxspeed
        (kind::INTERFACE, 8 | 14 | 16 | 17) => &[8],
        (kind::INTERFACE, 10) => &[4],
        // isb_starttime and isb_endtime are two words, the high one first.
        (kind::STATISTICS, 2 | 3) => &[4, 4],
        (kind::STATISTICS, 4..=8) => &[8],
        // epb_flags and epb_queue; epb_dropcount and epb_packetid
        (kind::ENHANCED | kind::PACKET, 2 | 6) => &[4],
        (kind::ENHANCED | kind::PACKET, 4 | 5) => &[8],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_either_order_are_the_same() {
        // A comment, a number of each width, a custom option, two words, something unknown.
        for (block, code, little, big) in [
            (kind::INTERFACE, 1, &b"abc"[..], &b"abc"[..]),
            (kind::INTERFACE, 8, b"\x01\x02\x03\x04\x05\x06\x07\x08", b"\x08\x07\x06\x05\x04\x03\x02\x01"),
            (kind::INTERFACE, 4, b"\x0a\0\0\x01\xff\xff\xff\0", b"\x0a\0\0\x01\xff\xff\xff\0"),
            (kind::ENHANCED, 2, b"\x01\x02\x03\x04", b"\x04\x03\x02\x01"),
            (kind::STATISTICS, 2, b"\x01\x02\x03\x04\x05\x06\x07\x08", b"\x04\x03\x02\x01\x08\x07\x06\x05"),
            (kind::ENHANCED, 2988, b"\x01\x02\x03\x04xy", b"\x04\x03\x02\x01xy"),
            (kind::ENHANCED, 2, b"\x01\x02", b"\x01\x02"),
            (kind::SECTION, 77, b"\x01\x02\x03\x04", b"\x01\x02\x03\x04"),
        ] {
            let option = |value: &[u8], big: bool| {
                let two = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
                let mut bytes = [&two(code)[..], &two(value.len() as u16), value].concat();
                pad(&mut bytes, value.len());
                [&bytes[..], &two(0), &two(0)].concat()
            };
            let want = option(little, false);
            let want = &want[..want.len() - 4];
            assert_eq!(in_order(block, &option(little, false), false), want, "{block} {code}");
            assert_eq!(in_order(block, &option(big, true), true), want, "{block} {code}");
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_off() {
        let mut out = Vec::new();
        push_option(&mut out, 1, &[b'x'; 70_000]);
        assert_eq!((out.len(), &out[..4]), (4 + 65_536, &[1, 0, 0xff, 0xff][..]));
    }
}
