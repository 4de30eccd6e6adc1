//! Data connections announced on an FTP control connection (RFC 959 §4.1.2, RFC 2428).
//!
//! Wireshark 4.0 makes such a connection's conversation when it is announced, so that its SYN does not open it: `tcp.completeness` then
//! lacks the bit for SYN. What it recognises is recognised here: replies 227 and 229 and the command PORT at the start of a segment.

use std::net::{IpAddr, Ipv4Addr};

/// The control connection's port.
pub const CONTROL_PORT: u16 = 21;

/// The port from which a server opens a data connection.
const DATA_PORT: u16 = 20;

/// An endpoint that will take part in a data connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Address in the message; `None` where it is the sender's own (229).
    pub address: Option<IpAddr>,
    /// Port.
    pub port: u16,
    /// Port of the other end, where the protocol fixes it: a server connects from port 20 (RFC 959 §3.2).
    pub peer_port: Option<u16>,
}

/// Reads a segment that the server sent.
#[must_use]
pub fn from_server(payload: &[u8]) -> Option<Announced> {
    if let Some(text) = payload.strip_prefix(b"227") {
        return host_port(first_line(text));
    }
    let text = first_line(payload.strip_prefix(b"229")?);
    // 229 Entering Extended Passive Mode (|||6446|): any printable character can be the delimiter.
    let open = text.iter().position(|&b| b == b'(')?;
    let [delimiter, second, third, rest @ ..] = text.get(open + 1..)? else { return None };
    if second != delimiter || third != delimiter {
        return None;
    }
    let end = rest.iter().position(|b| b == delimiter)?;
    let port = std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()?;
    Some(Announced { address: None, port, peer_port: None })
}

/// Reads a segment that the client sent.
#[must_use]
pub fn from_client(payload: &[u8]) -> Option<Announced> {
    let announced = host_port(first_line(payload.strip_prefix(b"PORT ")?))?;
    Some(Announced { peer_port: Some(DATA_PORT), ..announced })
}

fn first_line(text: &[u8]) -> &[u8] {
    text.split(|&b| b == b'\r' || b == b'\n').next().unwrap_or_default()
}

/// Six numbers with commas between them, h1,h2,h3,h4,p1,p2, wherever in the text they begin.
fn host_port(text: &[u8]) -> Option<Announced> {
    let start = text.iter().position(u8::is_ascii_digit)?;
    let mut numbers = [0u8; 6];
    let mut pieces = text.get(start..)?.split(|&b| b == b',');
    for (i, number) in numbers.iter_mut().enumerate() {
        let piece = pieces.next()?;
        let digits =
            if i == 5 { piece.iter().take_while(|b| b.is_ascii_digit()).count() } else { piece.len() };
        *number = std::str::from_utf8(piece.get(..digits)?).ok()?.parse().ok()?;
    }
    let [a, b, c, d, high, low] = numbers;
    let address = Some(Ipv4Addr::new(a, b, c, d).into());
    Some(Announced { address, port: u16::from_be_bytes([high, low]), peer_port: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_wireshark_reads() {
        let ten = |peer_port| {
            let address = Some(Ipv4Addr::new(10, 0, 0, 2).into());
            Some(Announced { address, port: 1029, peer_port })
        };
        for (text, expected) in [
            ("227 Entering Passive Mode (10,0,0,2,4,5).\r\n", ten(None)),
            ("227 Entering Passive Mode 10,0,0,2,4,5\r\n", ten(None)),
            ("227 ok =10,0,0,2,4,5\r\n", ten(None)),
            ("227-Entering Passive Mode (10,0,0,2,4,5).", ten(None)),
            ("227 Entering Passive Mode (10,0,0,2,4)\r\n", None),
            ("227 Entering Passive Mode (10,0,0,2,4,256)\r\n", None),
            ("200 ok\r\n227 Entering Passive Mode (10,0,0,2,4,5).\r\n", None),
            (
                "229 Entering Extended Passive Mode (|||1029|)\r\n",
                Some(Announced { address: None, port: 1029, peer_port: None }),
            ),
            ("229 Entering Extended Passive Mode (|||70000|)\r\n", None),
            ("229 Entering Extended Passive Mode (||", None),
            ("229", None),
        ] {
            assert_eq!(from_server(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(from_client(b"PORT 10,0,0,2,4,5\r\n"), ten(Some(20)));
        assert_eq!(from_client(b"port 10,0,0,2,4,5\r\n"), None);
        assert_eq!(from_client(b"EPRT |1|10.0.0.2|1029|\r\n"), None);
    }
}
