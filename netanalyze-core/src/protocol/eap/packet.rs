//! EAP packets over a LAN (IEEE 802.1X §11.3, RFC 3748 §4) and the pieces of TLS in them (RFC 5216 §3.1).

/// EAPOL: version, type, length.
const LAN_HEADER: usize = 4;

/// An EAP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// The authenticator asks, with a number that its answer repeats.
    Request(u8, Method<'a>),
    /// The peer answers.
    Response(u8, Method<'a>),
    /// The authenticator says how it ended.
    End,
}

/// What a request or a response is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method<'a> {
    /// A piece of TLS.
    Tls(Piece<'a>),
    /// Anything else.
    Other,
}

/// A piece of what one side says in TLS before the other is to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// A handshake is to begin; this is none of its bytes.
    pub(super) start: bool,
    /// More pieces follow.
    pub(super) more: bool,
    pub(super) bytes: &'a [u8],
    /// Some of its bytes were not captured.
    pub(super) cut: bool,
}

impl<'a> Packet<'a> {
    /// Reads an EAPOL frame; `None` if it carries no EAP packet, or too little of it was captured.
    pub(super) fn parse(lan: &'a [u8]) -> Option<Self> {
        let (&[_, 0, high, low], body) = lan.split_first_chunk::<LAN_HEADER>()? else { return None };
        let body = body.get(..usize::from(u16::from_be_bytes([high, low]))).unwrap_or(body);
        let &[code, id, high, low] = body.first_chunk()?;
        let len = usize::from(u16::from_be_bytes([high, low]));
        let packet = body.get(..len).unwrap_or(body);
        let method = || Method::parse(packet.get(4..).unwrap_or_default(), len > body.len());
        Some(match code {
            1 => Packet::Request(id, method()?),
            2 => Packet::Response(id, method()?),
            3 | 4 => Packet::End,
            _ => return None,
        })
    }
}

impl<'a> Method<'a> {
    /// Reads a type and what belongs to it: EAP-TLS (RFC 5216), EAP-TTLS (RFC 5281), PEAP, EAP-FAST (RFC 4851), TEAP (RFC 7170).
    fn parse(bytes: &'a [u8], cut: bool) -> Option<Self> {
        const HAS_LENGTH: u8 = 0x80;
        const MORE: u8 = 0x40;
        const START: u8 = 0x20;
        let (&kind, rest) = bytes.split_first()?;
        if !matches!(kind, 13 | 21 | 25 | 43 | 55) {
            return Some(Method::Other);
        }
        let (&flags, rest) = rest.split_first()?;
        let start = flags & START != 0;
        let header = if flags & HAS_LENGTH != 0 { 4 } else { 0 };
        let bytes = if start { &[] } else { rest.get(header..)? };
        Some(Method::Tls(Piece { start, more: flags & MORE != 0, bytes, cut }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(start: bool, more: bool, bytes: &[u8], cut: bool) -> Method<'_> {
        Method::Tls(Piece { start, more, bytes, cut })
    }

    #[test]
    fn packets_are_read() {
        for (lan, expected) in [
            (
                &b"\x02\x00\x00\x06\x01\x15\x00\x06\x19\x21"[..],
                Some(Packet::Request(21, piece(true, false, b"", false))),
            ),
            (
                b"\x01\x00\x00\x09\x02\x16\x00\x09\x0d\x00abc",
                Some(Packet::Response(22, piece(false, false, b"abc", false))),
            ),
            // Padding of a short frame is none of it.
            (
                b"\x01\x00\x00\x08\x02\x16\x00\x08\x15\x00ab\0\0\0",
                Some(Packet::Response(22, piece(false, false, b"ab", false))),
            ),
            (
                b"\x01\x00\x00\x0c\x01\x03\x00\x0c\x0d\xc0\0\0\x09\0ab",
                Some(Packet::Request(3, piece(false, true, b"ab", false))),
            ),
            (
                b"\x01\x00\x00\x0c\x01\x03\x00\x0c\x2b\x40a",
                Some(Packet::Request(3, piece(false, true, b"a", true))),
            ),
            (b"\x01\x00\x00\x09\x02\x01\x00\x09\x01user", Some(Packet::Response(1, Method::Other))),
            (b"\x01\x00\x00\x04\x03\x01\x00\x04", Some(Packet::End)),
            (b"\x01\x00\x00\x04\x04\x01\x00\x04", Some(Packet::End)),
            // A flag promises a length that is not there; a code that nobody assigned; a key of 802.11i; EAPOL-Start.
            (b"\x01\x00\x00\x08\x01\x03\x00\x08\x0d\x80\0\0", None),
            (b"\x01\x00\x00\x04\x07\x01\x00\x04", None),
            (b"\x02\x03\x00\x05\x02\x00\x8a\x00\x10", None),
            (b"\x01\x01\x00\x00", None),
        ] {
            assert_eq!(Packet::parse(lan), expected, "{:?}", lan.escape_ascii().to_string());
        }
    }

    #[test]
    fn every_cut_of_a_packet_can_be_read() {
        let lan = b"\x01\x00\x00\x0e\x01\x03\x00\x0e\x0d\xc0\0\0\x09\0abcd";
        for len in 0..lan.len() {
            let cut = Packet::parse(&lan[..len]);
            let read = matches!(cut, Some(Packet::Request(3, Method::Tls(Piece { cut: true, .. }))));
            assert_eq!(read, len >= 14, "{len}: {cut:?}");
        }
    }
}
