//! The captures, one module for a family of situations.

mod carried;
mod closing;
mod container;
mod control;
mod damaged;
mod dns;
mod dns_odd;
mod dns_rows;
mod early;
mod ending;
mod fragment;
mod handshake;
mod header;
mod http;
mod http_order;
mod icmp;
mod idle;
mod linklayer;
mod loss;
mod midstream;
mod order;
mod ordinary;
mod persist;
mod query;
mod repeat;
mod reuse;
mod showcase;
mod snaplen;
mod stream;
mod tunnel;
mod udp;
mod window;

use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::Side;
use crate::trace::Trace;

/// Every capture, in the order of the manifest.
#[must_use]
pub fn all() -> Vec<Capture> {
    let mut captures = Vec::new();
    for family in [
        showcase::captures,
        ordinary::captures,
        idle::captures,
        handshake::captures,
        early::captures,
        reuse::captures,
        closing::captures,
        ending::captures,
        loss::captures,
        order::captures,
        repeat::captures,
        window::captures,
        persist::captures,
        midstream::captures,
        header::captures,
        stream::captures,
        snaplen::captures,
        icmp::captures,
        control::captures,
        udp::captures,
        query::captures,
        dns::captures,
        dns_odd::captures,
        dns_rows::captures,
        http::captures,
        http_order::captures,
        carried::captures,
        fragment::captures,
        linklayer::captures,
        tunnel::captures,
        container::captures,
        damaged::captures,
    ] {
        captures.extend(family());
    }
    captures
}

/// Printable filler of `len` bytes; different salts differ.
#[must_use]
pub fn filler(len: usize, salt: u8) -> Vec<u8> {
    (0..len)
        .map(|at| if at % 64 == 63 { b'\n' } else { b'a' + ((at / 64 + at + usize::from(salt)) % 26) as u8 })
        .collect()
}

/// An HTTP request for `path`.
#[must_use]
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: corpus/1\r\nAccept: */*\r\n\r\n")
        .into_bytes()
}

/// An HTTP response with a body of `len` bytes.
#[must_use]
pub fn ok(len: usize) -> Vec<u8> {
    let mut text =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len}\r\n\r\n").into_bytes();
    text.extend_from_slice(&filler(len, 7));
    text
}

/// A short exchange that shows that all layers below were understood: a handshake, a request, a reply in two segments of which
/// the second is sent again after 300 ms, and a close. Twelve frames.
pub fn probe(trace: &mut Trace, connection: &mut Connection) {
    connection.open(trace, 12_000);
    trace.expect("tcp.analysis.initial_rtt");
    connection.data(trace, Side::Client, &get("/probe"));
    trace.wait_us(12_000);
    connection.ack(trace, Side::Server);
    trace.expect("tcp.analysis.ack_rtt");
    let reply = ok(300);
    let (head, tail) = reply.split_at(200);
    trace.wait_us(2_000);
    connection.data(trace, Side::Server, head);
    trace.wait_us(20);
    let lost = connection.lost_data(trace, Side::Server, tail);
    trace.wait_ms(300);
    connection.again(trace, &lost);
    trace.expect("tcp.analysis.retransmission").expect("tcp.analysis.rto");
    trace.wait_us(50);
    connection.ack(trace, Side::Client);
    connection.close(trace, Side::Client, 12_000);
}

/// A trace that holds one [`probe`] of `connection`.
#[must_use]
pub fn probed(mut connection: Connection) -> Trace {
    let mut trace = Trace::new();
    probe(&mut trace, &mut connection);
    trace
}
