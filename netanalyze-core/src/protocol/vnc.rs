//! The version banner that opens a VNC session (RFC 6143 §7.1.1).
//!
//! Wireshark 4.0 recognises it on any port and makes a new conversation for it on the same addresses and ports: the packet after the banner
//! is the first of another stream. Whoever wants its stream numbers has to follow.

/// Bytes of a banner.
pub const BANNER_LEN: usize = 12;

/// Ports on which Wireshark expects VNC anyway, so that the banner changes nothing.
const KNOWN_PORTS: [u16; 4] = [5500, 5501, 5900, 5901];

/// Ports whose own protocol takes every payload before a banner is looked for.
const CLAIMED_PORTS: [u16; 6] = [21, 22, 25, 80, 1080, 8080];

/// Whether a segment is the banner that Wireshark recognises by its looks: twelve bytes, `RFB xxx.yyy` and a line feed.
#[inline]
#[must_use]
pub fn is_banner(payload: &[u8], ports: (u16, u16)) -> bool {
    let looks =
        matches!(payload, [b'R' | b'r', b'F' | b'f', b'B' | b'b', b' ', _, _, _, b'.', _, _, _, b'\n']);
    let claimed = |port| KNOWN_PORTS.contains(&port) || CLAIMED_PORTS.contains(&port);
    looks && !claimed(ports.0) && !claimed(ports.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_banner_on_a_free_port() {
        for (payload, port, expected) in [
            (&b"RFB 003.008\n"[..], 6900, true),
            (b"rfb 003.008\n", 5902, true),
            (b"RFB abc.def\n", 6900, true),
            (b"RFB 003.008\nX", 6900, false),
            (b"RFB 003.008 ", 6900, false),
            (b"RFB 003x008\n", 6900, false),
            (b"RFB 003.008\n", 5900, false),
            (b"RFB 003.008\n", 80, false),
            (b"", 6900, false),
        ] {
            assert_eq!(is_banner(payload, (40000, port)), expected, "{payload:?} on {port}");
            assert_eq!(is_banner(payload, (port, 40000)), expected, "{payload:?} from {port}");
        }
    }
}
