//! Which protocol a TCP conversation speaks.
//!
//! By its first bytes wherever they tell, on any port; by the server's port where they do not, or where a protocol has no telling first
//! bytes (DNS, dialogues that lead to TLS). The client's port never decides. Unlike Wireshark 4.0, whose HTTP decoder takes everything on its
//! ports, TLS is TLS on port 80 too.
//!
//! Pure functions of the bytes; they look at few of them and keep none.

use super::http;
use super::starttls::Dialogue;
use super::stream::Flow;
use crate::model::Direction;

/// What a conversation speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// TLS records.
    Tls,
    /// HTTP/1.x.
    Http,
    /// HTTP/2 without TLS, known beforehand (RFC 9113 §3.3).
    Http2,
    /// DNS messages behind their lengths (RFC 1035 §4.2.2).
    Dns,
    /// A dialogue in clear that can agree on TLS.
    StartTls(Dialogue),
    /// The negotiation with a SOCKS proxy; what it relays is to be recognised anew.
    Socks,
    /// OpenVPN's packets behind their lengths.
    OpenVpn,
    /// The header of a proxy's connection; what follows is to be recognised anew.
    Proxy,
    /// Something else, known well enough to look no further.
    Opaque,
}

/// What bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// The protocol.
    Is(Kind),
    /// Too few bytes: ask again with these and those behind them.
    NeedMore,
    /// They tell nothing: ask again with the next segment.
    Nothing,
}

/// Ports of HTTP, as Wireshark 4.0 registers them.
#[must_use]
pub fn is_http_port(port: u16) -> bool {
    matches!(port, 80 | 631 | 1900 | 2710 | 2869 | 3128 | 3132 | 3689 | 5985 | 8080 | 8088 | 11_371)
}

/// Ports of protocols that begin with TLS, as Wireshark 4.0 registers them.
#[must_use]
pub fn is_tls_port(port: u16) -> bool {
    matches!(
        port,
        324 | 443 | 465 | 636 | 802 | 853 | 993 | 995 | 1300 | 2221 | 2443 | 3249
            ..=3252 | 3496 | 5061 | 5671 | 5684 | 5868 | 8883 | 11_207 | 19_999 | 27_017
    )
}

/// Ports of DNS over TCP.
#[must_use]
pub fn is_dns_port(port: u16) -> bool {
    matches!(port, 53 | 5353 | LLMNR)
}

/// Port of LLMNR (RFC 4795 §2), over TCP as well, which Wireshark 4.0 does not know.
pub(super) const LLMNR: u16 = 5355;

/// Ports on which Wireshark 4.0 takes HTTP for another protocol: those below 1024, and a few more, with a decoder that takes everything.
pub(super) fn is_other_port(port: u16) -> bool {
    matches!(
        port,
        7 | 13 | 19..=23 | 25 | 37 | 42 | 43 | 49 | 53 | 70 | 79 | 88 | 102 | 110 | 111 | 119 | 123 | 139 | 143 | 161 | 162
            | 179 | 210 | 323 | 389 | 427 | 445 | 464 | 512..=515 | 524 | 547 | 548 | 554 | 564 | 587 | 639 | 647 | 674
            | 705 | 854 | 862 | 873 | 925 | 988 | 1080 | 5353 | 6667 | 6881..=6889 | 8009 | 57_000
    )
}

/// Says what a conversation speaks, by bytes with which a segment begins and that are at a direction's beginning as far as is known.
#[must_use]
pub fn recognise(flow: &Flow, from: Direction, first_bytes: &[u8]) -> Recognised {
    let port = flow.server_port();
    match by_content(port, first_bytes) {
        Recognised::Nothing => {}
        // Its decoder waits as well, and makes something of a beginning that was cut off.
        Recognised::NeedMore
            if is_http_port(port) && !matches!(first_bytes, [b'P', b'R', b'I', ..] | [..=25, ..]) => {}
        told => return told,
    }
    if from != flow.client && begins_settings(first_bytes) {
        // The client's preface will tell.
        return Recognised::Nothing;
    }
    by_port(port, from == flow.client, first_bytes)
}

/// Whether a server begins as one of HTTP/2 does, which need not wait for the client's preface (RFC 9113 §3.4): with SETTINGS in whole entries, without ACK,
/// on stream 0 (§6.5).
fn begins_settings(bytes: &[u8]) -> bool {
    match bytes {
        [0, high, low, 4, 0, 0, 0, 0, 0, rest @ ..] => {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            len % 6 == 0 && len <= rest.len()
        }
        _ => false,
    }
}

/// Of a conversation whose protocol has no telling beginning, or whose beginning was not captured.
fn by_port(port: u16, from_client: bool, bytes: &[u8]) -> Recognised {
    if is_http_port(port) {
        return Recognised::Is(Kind::Http);
    }
    if is_dns_port(port) {
        return match bytes {
            // A header has twelve bytes.
            [high, low, ..] if u16::from_be_bytes([*high, *low]) >= 12 => Recognised::Is(Kind::Dns),
            [_] => Recognised::NeedMore,
            _ => Recognised::Nothing,
        };
    }
    if let Some(dialogue) = Dialogue::of_port(port) {
        return Recognised::Is(Kind::StartTls(dialogue));
    }
    if port == super::socks::PORT && from_client {
        return match bytes {
            [4 | 5, ..] => Recognised::Is(Kind::Socks),
            _ => Recognised::Nothing,
        };
    }
    Recognised::Nothing
}

fn by_content(port: u16, bytes: &[u8]) -> Recognised {
    let Some(&first) = bytes.first() else { return Recognised::Nothing };
    match first {
        0x14..=0x19 | 0x80 => tls(port, bytes),
        // SSLRequest of PostgreSQL, code 80877103: eight bytes that nobody else begins with.
        0 if bytes == super::starttls::POSTGRES_SSL_REQUEST => {
            Recognised::Is(Kind::StartTls(Dialogue::Postgres))
        }
        0 if super::openvpn::recognises_segment(port, bytes) => Recognised::Is(Kind::OpenVpn),
        5 => socks5(bytes),
        b'P' | b'\r' if super::proxy::begins(bytes) => Recognised::Is(Kind::Proxy),
        b'S' if bytes.starts_with(b"SSH-") => Recognised::Is(Kind::Opaque),
        0x13 if bytes.starts_with(b"\x13BitTorrent protocol") => Recognised::Is(Kind::Opaque),
        b'2' | b'*' | b'+' => Dialogue::of_greeting(bytes)
            .map_or(Recognised::Nothing, |dialogue| Recognised::Is(Kind::StartTls(dialogue))),
        _ => http(bytes),
    }
}

fn http(bytes: &[u8]) -> Recognised {
    match http::looks_like_http(bytes) {
        http::Look::Http => Recognised::Is(Kind::Http),
        http::Look::Http2 => Recognised::Is(Kind::Http2),
        http::Look::NeedMore => Recognised::NeedMore,
        http::Look::Other => Recognised::Nothing,
    }
}

/// A record's header (RFC 8446 §5.1) or an SSL 2 ClientHello (RFC 5246 §E.2), as Wireshark 4.0 recognises them: on a port without
/// TLS only with a handshake or application data.
fn tls(port: u16, bytes: &[u8]) -> Recognised {
    match *bytes {
        [0x80, length, 1, 3, _, ..] | [0x80, length, 1, 0, 2, ..] => {
            if is_ssl2_hello(usize::from(length), bytes) {
                Recognised::Is(Kind::Tls)
            } else {
                Recognised::Nothing
            }
        }
        [kind, 3, 0..=4, high, low, ..] => {
            let length = u16::from_be_bytes([high, low]);
            let telling = matches!(kind, 22 | 23) || (is_tls_port(port) && matches!(kind, 20..=25));
            if telling && (1..18_432).contains(&length) {
                Recognised::Is(Kind::Tls)
            } else {
                Recognised::Nothing
            }
        }
        [22 | 23] | [22 | 23, 3] | [22 | 23, 3, 0..=4] | [22 | 23, 3, 0..=4, _] => Recognised::NeedMore,
        _ => Recognised::Nothing,
    }
}

/// Whether a segment begins with a TLS handshake or with application data, whatever the port.
pub(super) fn begins_tls(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(22 | 23 | 0x80)) && tls(0, bytes) == Recognised::Is(Kind::Tls)
}

fn is_ssl2_hello(length: usize, bytes: &[u8]) -> bool {
    let Some(&[ciphers_high, ciphers_low, id_high, id_low, challenge_high, challenge_low]) =
        bytes.get(5..).and_then(<[u8]>::first_chunk)
    else {
        return false;
    };
    let ciphers = u16::from_be_bytes([ciphers_high, ciphers_low]);
    let id = u16::from_be_bytes([id_high, id_low]);
    let challenge = u16::from_be_bytes([challenge_high, challenge_low]);
    ciphers > 0
        && ciphers % 3 == 0
        && matches!(id, 0 | 16)
        && (16..=32).contains(&challenge)
        && length == 9 + usize::from(ciphers) + usize::from(id) + usize::from(challenge)
}

/// The methods that a client of SOCKS 5 offers (RFC 1928 §3), if they are exactly what was sent and all are assigned ones.
fn socks5(bytes: &[u8]) -> Recognised {
    match bytes {
        [5, count, methods @ ..]
            if usize::from(*count) == methods.len()
                && methods.first().is_some_and(|&m| m <= 2)
                && methods.iter().all(|&m| m <= 9) =>
        {
            Recognised::Is(Kind::Socks)
        }
        _ => Recognised::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::flow;

    #[test]
    fn content_comes_before_the_port() {
        use Kind::*;
        use Recognised::{Is, NeedMore, Nothing};
        let hello: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
        let ssl2: &[u8] = b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10\x00\x00";
        for (port, bytes, expected) in [
            (443, hello, Is(Tls)),
            (80, hello, Is(Tls)),
            (8443, hello, Is(Tls)),
            (8443, &hello[..5], Is(Tls)),
            (8443, &hello[..4], NeedMore),
            (8443, &hello[..1], NeedMore),
            (9999, b"\x15\x03\x03\x00\x02\x02\x28", Nothing),
            (443, b"\x15\x03\x03\x00\x02\x02\x28", Is(Tls)),
            (9999, b"\x16\x03\x01\x00\x00\x01", Nothing),
            (9999, b"\x17\x03\x03\x48\x00\x01", Nothing),
            (9999, b"\x17\x03\x03\x47\xff\x01", Is(Tls)),
            (9999, ssl2, Is(Tls)),
            (9999, b"\x80\x2e\x01\x03\x01\x00\x16\x00\x00\x00\x10", Nothing),
            (443, b"GET / HTTP/1.1\r\n", Is(Http)),
            (443, b"HTTP/1.1 400 Bad Request\r\n", Is(Http)),
            (9999, b"http/1.0 200 OK\r\n", Is(Http)),
            (9999, b"HTT", NeedMore),
            (9999, b"GET / HT", NeedMore),
            (9999, b"GET /\r\n", Nothing),
            (9999, b"FROB / HTTP/1.1\r\n", Is(Http)),
            (9999, b"INVITE sip:a SIP/2.0\r\n", Nothing),
            (80, b"\x00\x01\x02", Is(Http)),
            (80, b"GET /\r\n", Is(Http)),
            (80, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00", Is(Http2)),
            (9999, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00", Is(Http2)),
            (9999, b"PRI * H", NeedMore),
            (9999, b"P", NeedMore),
            (53, b"\x00\x1d\xaa\xaa", Is(Dns)),
            (53, b"\x00", NeedMore),
            (53, b"\x00\x05\xaa\xaa", Nothing),
            (25, b"220 mail ready\r\n", Is(StartTls(Dialogue::Smtp))),
            (25, hello, Is(Tls)),
            (2525, b"220 mail.example ESMTP ready\r\n", Is(StartTls(Dialogue::Smtp))),
            (2121, b"220 (vsFTPd 3.0.3)\r\n", Is(StartTls(Dialogue::Ftp))),
            (2121, b"220 hello\r\n", Nothing),
            (6432, &super::super::starttls::POSTGRES_SSL_REQUEST, Is(StartTls(Dialogue::Postgres))),
            (1080, b"\x04\x01\x00\x50\x0a\x00\x00\x01\x00", Is(Socks)),
            (9050, b"\x05\x01\x00", Is(Socks)),
            (9050, b"\x05\x01\x00\x01", Nothing),
            (22, b"SSH-2.0-OpenSSH_9.2\r\n", Is(Opaque)),
        ] {
            let told = recognise(&flow(port), Direction::AtoB, bytes);
            assert_eq!(told, expected, "port {port}: {:?}", bytes.escape_ascii().to_string());
        }
    }

    #[test]
    fn settings_of_http2_decide_nothing() {
        let flow = flow(80);
        let settings = |len: u8, kind, flags, stream| {
            [&[0, 0, len, kind, flags, 0, 0, 0, stream][..], &[0; 12]].concat()
        };
        let server = |bytes: &[u8]| recognise(&flow, Direction::BtoA, bytes);
        for (bytes, expected) in [
            (settings(0, 4, 0, 0), Recognised::Nothing),
            (settings(12, 4, 0, 0), Recognised::Nothing),
            // Not whole entries, not whole, another frame, an ACK, another stream: whatever else is on the port.
            (settings(7, 4, 0, 0), Recognised::Is(Kind::Http)),
            (settings(18, 4, 0, 0), Recognised::Is(Kind::Http)),
            (settings(0, 1, 0, 0), Recognised::Is(Kind::Http)),
            (settings(0, 4, 1, 0), Recognised::Is(Kind::Http)),
            (settings(0, 4, 0, 1), Recognised::Is(Kind::Http)),
        ] {
            assert_eq!(server(&bytes), expected, "{bytes:?}");
        }
        // A client begins with its preface.
        assert_eq!(recognise(&flow, Direction::AtoB, &settings(0, 4, 0, 0)), Recognised::Is(Kind::Http));
    }

    #[test]
    fn the_clients_port_never_decides() {
        let mut flow = flow(9999);
        flow.ends[0].set_port(80);
        assert_eq!(recognise(&flow, Direction::AtoB, b"\x00\x01"), Recognised::Nothing);
    }
}
