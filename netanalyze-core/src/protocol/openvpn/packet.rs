//! Packets of OpenVPN's control channel, as its protocol documentation describes them: opcode and key, session id, with `tls-auth` a HMAC and
//! what guards against replay, acknowledgements, message number, a piece of TLS.
//!
//! Nothing in a packet says whether there is a HMAC, nor how long it is; packets that have no payload tell by their length.

/// What a packet is, by the upper five bits of its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A session begins: by the client, or by the server in answer.
    HardReset,
    /// New keys are agreed on, under the next key number.
    SoftReset,
    /// A piece of TLS.
    Control,
    /// Acknowledgements alone.
    Ack,
    /// Data; of no interest here.
    Data,
}

impl Kind {
    /// By the first byte.
    pub(super) fn of(first: u8) -> Option<Kind> {
        Some(match first >> 3 {
            1 | 2 | 7 | 8 => Kind::HardReset,
            3 => Kind::SoftReset,
            4 => Kind::Control,
            5 => Kind::Ack,
            6 | 9 => Kind::Data,
            // Those of tls-crypt-v2 are encrypted.
            _ => return None,
        })
    }
}

/// How many bytes stand between the session id and the acknowledgements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guard(usize);

impl Guard {
    /// None without `tls-auth`; with it a HMAC by MD5, SHA-1, SHA-224, SHA-256, SHA-384 or SHA-512, and eight bytes behind it.
    const ALL: [Guard; 7] = [Guard(0), Guard(28), Guard(24), Guard(36), Guard(40), Guard(56), Guard(72)];

    /// The one with which a packet is what its length says, or, of a packet with payload, with which that begins a record of TLS.
    pub(super) fn of(packet: &[u8]) -> Option<Guard> {
        let fits = |guard: &Guard| {
            Packet::parse(packet, *guard).is_some_and(|read| match read.kind {
                Kind::Control => matches!(read.payload, [20..=23, 3, 0..=4, ..]),
                Kind::Data => false,
                _ => read.payload.is_empty() && (read.number != Some(0)) == (read.kind == Kind::Ack),
            })
        };
        Guard::ALL.into_iter().find(fits)
    }
}

/// A packet of the control channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) kind: Kind,
    /// Number of the key, which counts agreements.
    pub(super) key: u8,
    /// The sender's session.
    pub(super) session: [u8; 8],
    /// The message's number in its direction and under its key; acknowledgements have none.
    pub(super) number: Option<u32>,
    pub(super) payload: &'a [u8],
}

/// Acknowledgements that a packet has room for.
const MAX_ACKS: u8 = 8;

impl<'a> Packet<'a> {
    /// Reads a packet; `None` if it is none of the control channel, or contradicts itself.
    pub(super) fn parse(bytes: &'a [u8], guard: Guard) -> Option<Self> {
        let (&first, rest) = bytes.split_first()?;
        let kind = Kind::of(first).filter(|kind| *kind != Kind::Data)?;
        let (&session, rest) = rest.split_first_chunk()?;
        let (&acks, rest) = rest.get(guard.0..)?.split_first()?;
        // With acknowledgements comes the session that they are for.
        let skip = if acks > 0 { usize::from(acks) * 4 + 8 } else { 0 };
        let rest = rest.get(skip..).filter(|_| acks <= MAX_ACKS)?;
        let (number, payload) = match kind {
            Kind::Ack => (None, rest),
            _ => {
                let (&number, payload) = rest.split_first_chunk()?;
                (Some(u32::from_be_bytes(number)), payload)
            }
        };
        Some(Packet { kind, key: first & 7, session, number, payload })
    }
}

/// Whether a packet begins a session without `tls-auth`: fourteen bytes, most of them fixed.
pub(super) fn is_plain_reset(packet: &[u8]) -> bool {
    matches!(packet, &[0x38 | 0x08, _, _, _, _, _, _, _, _, 0, 0, 0, 0, 0])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A packet with as many acknowledgements and a HMAC of as many bytes; none of 0.
    pub(in super::super) fn packet(
        opcode: u8,
        hmac: usize,
        acks: u8,
        number: u32,
        payload: &[u8],
    ) -> Vec<u8> {
        let mut bytes = vec![opcode << 3];
        bytes.extend([9; 8]);
        if hmac > 0 {
            bytes.extend(vec![0xa5; hmac]);
            bytes.extend([0, 0, 0, 1, 0x5e, 0x3e, 0x7b, 0x88]);
        }
        bytes.push(acks);
        bytes.extend([0, 0, 0, 0].repeat(usize::from(acks)));
        bytes.extend(vec![8; if acks > 0 { 8 } else { 0 }]);
        if opcode != 5 {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn the_guard_is_told_by_what_follows_it() {
        for hmac in [0, 16, 20, 28, 32, 48, 64] {
            let guard = Guard(if hmac > 0 { hmac + 8 } else { 0 });
            for acks in 0..=MAX_ACKS {
                let hello = b"\x16\x03\x01\x00\xff\x01";
                for (opcode, number, payload) in
                    [(7, 0, &b""[..]), (8, 0, b""), (3, 0, b""), (4, 1, hello), (4, 9, b"\x17\x03\x03")]
                {
                    let bytes = packet(opcode, hmac, acks, number, payload);
                    assert_eq!(Guard::of(&bytes), Some(guard), "{opcode} {hmac} {acks}");
                    let read = Packet::parse(&bytes, guard).unwrap();
                    assert_eq!((read.number, read.payload, read.session), (Some(number), payload, [9; 8]));
                }
                let ack = packet(5, hmac, acks.max(1), 0, b"");
                assert_eq!(Guard::of(&ack), Some(guard), "{hmac} {acks}");
                assert_eq!(Packet::parse(&ack, guard).unwrap().number, None);
            }
        }
    }

    #[test]
    fn what_is_none_is_not_taken_for_one() {
        let reset = packet(7, 0, 0, 0, b"");
        assert!(is_plain_reset(&reset));
        for len in 0..reset.len() {
            assert_eq!(Guard::of(&reset[..len]), None);
            assert!(!is_plain_reset(&reset[..len]));
        }
        for other in [
            &packet(6, 0, 0, 0, &[7; 40]),
            &packet(4, 0, 0, 1, &[7; 40]),
            &packet(10, 0, 0, 0, b""),
            &packet(7, 0, 9, 0, b""),
        ] {
            assert_eq!(Guard::of(other), None);
        }
    }

    #[test]
    fn every_cut_and_every_byte_can_be_read() {
        let whole = packet(4, 20, 2, 1, b"\x16\x03\x01\x00\xff\x01");
        for len in 0..=whole.len() {
            for guard in Guard::ALL {
                let _ = Packet::parse(&whole[..len], guard);
            }
        }
        for at in 0..whole.len() {
            for value in 0..=255 {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let _ = Guard::of(&bytes);
            }
        }
    }
}
