//! TLS that neither TCP nor QUIC carries: EAP on a LAN, and OpenVPN's control channel.

use super::filler;
use super::udp::datagram;
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::Side;
use crate::link;
use crate::trace::Trace;
use std::net::IpAddr;

pub(super) fn captures() -> Vec<Capture> {
    vec![eap(), openvpn(), openvpn_tcp()]
}

/// A record of TLS 1.2 with handshake messages: the type of each, and its body.
fn record(messages: &[(u8, &[u8])]) -> Vec<u8> {
    let body: Vec<u8> = messages
        .iter()
        .flat_map(|&(kind, body)| [&[kind, 0, (body.len() >> 8) as u8, body.len() as u8], body].concat())
        .collect();
    [&[0x16, 3, 3, (body.len() >> 8) as u8, body.len() as u8], &body[..]].concat()
}

/// A ClientHello that offers TLS 1.2.
fn client_hello() -> Vec<u8> {
    let rest = [0, 0, 4, 0xc0, 0x2f, 0, 0xff, 1, 0];
    record(&[(1, &[&[3, 3], &filler(32, 1)[..], &rest].concat())])
}

/// ServerHello, a certificate of so many bytes that nobody can read, ServerHelloDone.
fn server_flight(certificate: usize) -> Vec<u8> {
    let hello = [&[3, 3], &filler(32, 2)[..], &[0, 0xc0, 0x2f, 0]].concat();
    let length = |len: usize| [0, (len >> 8) as u8, len as u8];
    let list = [&length(certificate + 3)[..], &length(certificate), &filler(certificate, 3)].concat();
    [record(&[(2, &hello)]), record(&[(11, &list)]), record(&[(14, &[])])].concat()
}

/// ClientKeyExchange, ChangeCipherSpec, something encrypted.
fn client_flight() -> Vec<u8> {
    [record(&[(16, &filler(66, 4))]), encrypted(5)].concat()
}

/// ChangeCipherSpec and a Finished message nobody can read.
fn encrypted(salt: u8) -> Vec<u8> {
    [&[0x14, 3, 3, 0, 1, 1, 0x16, 3, 3, 0, 40, 0, 0, 0, 0, 0, 0, 0, 0][..], &filler(32, salt)].concat()
}

/// EAP over Ethernet; of a piece of TLS, behind its flags.
fn lan(from: Side, code: u8, id: u8, rest: &[u8]) -> Vec<u8> {
    let [high, low] = (4 + rest.len() as u16).to_be_bytes();
    link::ethernet_with(from, 0x888e, &[&[2, 0, high, low, code, id, high, low], rest].concat())
}

fn eap() -> Capture {
    const TLS: u8 = 13;
    let mut trace = Trace::new();
    let mut say = |from: Side, code: u8, id: u8, rest: &[u8], shown: &str| {
        trace.push(lan(from, code, id, rest));
        if !shown.is_empty() {
            trace.expect_value("tls.handshake.type", shown);
        }
        trace.wait_ms(1);
    };
    let (peer, server) = (Side::Client, Side::Server);
    say(server, 1, 1, &[1], "");
    say(peer, 2, 1, b"\x01user", "");
    say(server, 1, 2, &[TLS, 0x20], "");
    say(peer, 2, 2, &[&[TLS, 0], &client_hello()[..]].concat(), "1");
    let flight = server_flight(1500);
    let (first, second) = flight.split_at(1000);
    let [high, low] = (flight.len() as u16).to_be_bytes();
    say(server, 1, 3, &[&[TLS, 0xc0, 0, 0, high, low], first].concat(), "");
    say(peer, 2, 3, &[TLS, 0], "");
    say(server, 1, 4, &[&[TLS, 0], second].concat(), "2,11,14");
    say(peer, 2, 4, &[&[TLS, 0], &client_flight()[..]].concat(), "16");
    say(server, 1, 5, &[&[TLS, 0], &encrypted(6)[..]].concat(), "");
    say(peer, 2, 5, &[TLS, 0], "");
    say(server, 3, 5, &[], "");
    Capture::pcap(
        "eap-tls.pcap",
        "EAP-TLS on a LAN: identity, a handshake with a flight in two pieces, success",
        trace,
    )
}

/// A packet of OpenVPN's control channel with an acknowledgement of message `ack`, and with `tls-auth` by SHA-1 if there is a count of packets for it.
fn control(
    from: Side,
    opcode: u8,
    auth: Option<u8>,
    ack: Option<u8>,
    number: Option<u8>,
    payload: &[u8],
) -> Vec<u8> {
    let [own, other] = match from {
        Side::Client => [[0xc1; 8], [0x51; 8]],
        Side::Server => [[0x51; 8], [0xc1; 8]],
    };
    let mut packet = vec![opcode << 3];
    packet.extend(own);
    if let Some(count) = auth {
        packet.extend([0xaa; 20]);
        packet.extend([0, 0, 0, count, 0x65, 0x53, 0xf1, 0x00]);
    }
    packet.push(u8::from(ack.is_some()));
    if let Some(ack) = ack {
        packet.extend([0, 0, 0, ack]);
        packet.extend(other);
    }
    packet.extend(number.iter().flat_map(|&number| [0, 0, 0, number]));
    packet.extend(payload);
    packet
}

/// A session as packets: who sends which, and what tshark shows of handshake messages.
fn session(with_auth: bool) -> Vec<(Side, Vec<u8>, &'static str)> {
    let mut packets = Vec::new();
    let mut count = 0;
    let mut push = |from, opcode, ack, number, payload: &[u8], shown| {
        count += 1;
        let auth = with_auth.then_some(count);
        packets.push((from, control(from, opcode, auth, ack, number, payload), shown));
    };
    let (client, server) = (Side::Client, Side::Server);
    push(client, 7, None, Some(0), b"", "");
    push(server, 8, Some(0), Some(0), b"", "");
    push(client, 5, Some(0), None, b"", "");
    push(client, 4, None, Some(1), &client_hello(), "1");
    let flight = server_flight(150);
    let last = flight.len() / 100;
    for (at, piece) in flight.chunks(100).enumerate() {
        let shown = if at == last { "2,11,14" } else { "" };
        push(server, 4, (at == 0).then_some(1), Some(at as u8 + 1), piece, shown);
    }
    push(client, 5, Some(last as u8 + 1), None, b"", "");
    let flight = client_flight();
    let (first, second) = flight.split_at(100);
    push(client, 4, None, Some(2), first, "");
    push(client, 4, None, Some(3), second, "16");
    push(server, 4, Some(3), Some(last as u8 + 2), &encrypted(6), "");
    push(client, 5, Some(last as u8 + 2), None, b"", "");
    packets.push((client, [&[6 << 3], &filler(80, 7)[..]].concat(), ""));
    packets
}

fn openvpn() -> Capture {
    let mut trace = Trace::new();
    for (port, with_auth) in [(54_000, false), (54_001, true)] {
        for (from, packet, shown) in session(with_auth) {
            trace.push(datagram(from, (port, 1194), IpAddr::from([192, 0, 2, 80]), &packet));
            if !shown.is_empty() {
                trace.expect_value("tls.handshake.type", shown);
            }
            trace.wait_ms(2);
        }
    }
    Capture::pcap(
        "openvpn.pcap",
        "OpenVPN over UDP, without and with tls-auth: TLS in pieces of 100 bytes",
        trace,
    )
}

fn openvpn_tcp() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(54_010, 1194);
    connection.open(&mut trace, 8_000);
    for (from, packet, shown) in session(false) {
        let [high, low] = (packet.len() as u16).to_be_bytes();
        connection.data(&mut trace, from, &[&[high, low], &packet[..]].concat());
        if !shown.is_empty() {
            trace.expect_value("tls.handshake.type", shown);
        }
        trace.wait_ms(2);
    }
    connection.close(&mut trace, Side::Client, 8_000);
    Capture::pcap("openvpn-tcp.pcap", "OpenVPN over TCP: packets behind their lengths", trace)
}
