//! The beginning of an SNMP message (RFC 1157 §4, RFC 3412 §6): a sequence that starts with the version number.
//!
//! Wireshark 4.0 makes a new conversation on the same addresses and ports for the first SNMP message between them: the packet after it is
//! the first of another stream. Whoever wants its stream numbers has to follow.

/// SNMP and SNMP traps.
const PORTS: [u16; 2] = [161, 162];

/// Whether a datagram is an SNMP message on one of SNMP's ports.
#[inline]
#[must_use]
pub fn is_message(payload: &[u8], ports: (u16, u16)) -> bool {
    (PORTS.contains(&ports.0) || PORTS.contains(&ports.1)) && begins_message(payload)
}

fn begins_message(payload: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    let [SEQUENCE, first, rest @ ..] = payload else { return false };
    // BER: a first length byte above 0x80 says how many length bytes follow; 0x80 itself means "until an end mark", which SNMP never uses.
    let (length, content) = match first {
        0..0x80 => (usize::from(*first), rest),
        0x80 => return false,
        _ => {
            let Some((bytes, content)) = rest.split_at_checked(usize::from(first & 0x7f)) else {
                return false;
            };
            (
                bytes.iter().fold(0, |n: usize, &b| n.saturating_mul(256).saturating_add(usize::from(b))),
                content,
            )
        }
    };
    content.len() >= length && content.first() == Some(&INTEGER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_with_a_version_on_an_snmp_port() {
        for (payload, port, expected) in [
            (&b"\x30\x03\x02\x01\x01"[..], 161, true),
            (b"\x30\x03\x02\x01\x01trailer", 161, true),
            (b"\x30\x81\x03\x02\x01\x01", 162, true),
            (b"\x30\x82\x00\x03\x02\x01\x01", 161, true),
            (b"\x30\x03\x02\x01\x01", 163, false),
            (b"\x30\x04\x02\x01\x01", 161, false),
            (b"\x30\x80\x02\x01\x01", 161, false),
            (b"\x30\x03\x04\x01\x01", 161, false),
            (b"\x31\x03\x02\x01\x01", 161, false),
            (b"\x30\xff\x02\x01\x01", 161, false),
            (b"\x30\x82\x01", 161, false),
            (b"\x30", 161, false),
            (b"", 161, false),
        ] {
            assert_eq!(is_message(payload, (40000, port)), expected, "{payload:x?} to {port}");
            assert_eq!(is_message(payload, (port, 40000)), expected, "{payload:x?} from {port}");
        }
    }
}
