//! HTTP: which response answers which request, where the order of the capture or the server's own initiative hides it.

use super::http::{ask, client_hello, head, opened, say};
use super::{get, ok};
use crate::capture::Capture;
use crate::endpoint::{Side, flag};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![answers(), one_sided()]
}

fn answers() -> Capture {
    let mut trace = Trace::new();
    // The first response is captured before its request, and the one of a third request.
    let mut connection = opened(&mut trace, 53_200, 80);
    for (path, reversed) in [("/first", true), ("/second", false), ("/third", true)] {
        let request = connection.unseen_data(&trace, Side::Client, &get(path));
        if !reversed {
            connection.show(&mut trace, &request);
        }
        trace.wait_us(2_000);
        connection.data(&mut trace, Side::Server, &ok(50));
        trace.wait_us(10);
        if reversed {
            connection.show(&mut trace, &request);
        }
        trace.wait_us(4_000);
    }
    connection.close(&mut trace, Side::Client, 8_000);
    // A server gives up an idle connection, the second time while the next request is on its way.
    for (port, crosses) in [(53_201, false), (53_202, true)] {
        let mut connection = opened(&mut trace, port, 80);
        ask(&mut connection, &mut trace, "/once");
        say(&mut connection, &mut trace, Side::Server, &ok(10));
        connection.ack(&mut trace, Side::Client);
        trace.wait_ms(15_000);
        if crosses {
            connection.lost_data(&mut trace, Side::Client, &get("/again"));
            trace.wait_us(100);
        }
        let late = head("HTTP/1.1 408 Request Timeout\nContent-Length: 0\nConnection: close");
        say(&mut connection, &mut trace, Side::Server, &late);
        if crosses {
            connection.bare(&mut trace, Side::Server, flag::RST | flag::ACK);
        } else {
            connection.close(&mut trace, Side::Server, 8_000);
        }
        trace.wait_us(4_000);
    }
    // A request that ends within its head.
    let mut connection = opened(&mut trace, 53_203, 80);
    say(&mut connection, &mut trace, Side::Client, b"GET /half HTTP/1.1\r\nHost: shop.exam");
    connection.close(&mut trace, Side::Client, 8_000);
    // HTTP refuses TLS.
    let mut connection = opened(&mut trace, 53_204, 80);
    say(&mut connection, &mut trace, Side::Client, &client_hello());
    say(&mut connection, &mut trace, Side::Server, &head("HTTP/1.1 400 Bad Request\nContent-Length: 0"));
    connection.close(&mut trace, Side::Server, 8_000);
    // A server of HTTP/2 does not wait for the client's preface.
    let mut connection = opened(&mut trace, 53_205, 80);
    say(&mut connection, &mut trace, Side::Server, &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100]);
    let preface = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    say(&mut connection, &mut trace, Side::Client, &preface);
    connection.close(&mut trace, Side::Client, 8_000);
    Capture::pcap(
        "http-answers.pcap",
        "responses captured before their requests, 408 to no request, a request cut within its head, TLS refused by HTTP, SETTINGS first",
        trace,
    )
}

/// Of each connection the capture sees one direction only, or of the server only its SYN.
fn one_sided() -> Capture {
    let mut trace = Trace::new();
    for (port, seen, syn) in
        [(53_210, Side::Client, false), (53_211, Side::Server, false), (53_212, Side::Client, true)]
    {
        let mut connection = super::Connection::v4(port, 80);
        if syn {
            connection.open(&mut trace, 8_000);
        } else {
            connection.open_unseen();
        }
        for path in ["/a", "/b"] {
            for (from, bytes) in [(Side::Client, get(path)), (Side::Server, ok(100))] {
                let segment = connection.unseen_data(&trace, from, &bytes);
                if from == seen {
                    connection.show(&mut trace, &segment);
                }
                trace.wait_us(4_000);
            }
        }
        let fin = connection.segment(&trace, seen, flag::ACK | flag::FIN, &[]);
        connection.send(&mut trace, &fin);
        trace.wait_us(4_000);
    }
    Capture::pcap(
        "http-one-sided.pcap",
        "requests and responses of which one direction only was captured",
        trace,
    )
}
