//! Ends of connections.

use super::{filler, get, ok};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Side, flag};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![reset(), half_close(), simultaneous_close(), repeated_fin(), reset_after_close()]
}

fn reset() -> Capture {
    let mut trace = Trace::new();
    for (port, who) in [(43_000, Side::Server), (43_001, Side::Client)] {
        let mut connection = Connection::v4(port, 80);
        connection.open(&mut trace, 11_000);
        connection.data(&mut trace, Side::Client, &get("/large"));
        trace.wait_us(11_000);
        let reply = ok(6_000);
        for piece in reply.chunks(1460).take(3) {
            connection.data(&mut trace, Side::Server, piece);
            trace.wait_us(15);
        }
        if who == Side::Client {
            let mut abort = connection.segment(&trace, who, flag::RST, &[]);
            abort.window = 0;
            connection.send(&mut trace, &abort);
            trace.expect("tcp.connection.rst");
            trace.wait_us(40);
            connection.data(&mut trace, Side::Server, &filler(200, 0));
            trace.wait_us(40);
            connection.show(&mut trace, &abort);
        } else {
            connection.ack(&mut trace, Side::Client);
            trace.wait_us(800);
            let abort = connection.segment(&trace, who, flag::RST | flag::ACK, b"admin closed");
            connection.send(&mut trace, &abort);
        }
        trace.expect("tcp.connection.rst");
        trace.wait_ms(20);
    }
    Capture::pcap(
        "reset-mid-transfer.pcap",
        "a transfer reset by the server (with a reason as payload) and by the client",
        trace,
    )
}

fn half_close() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(43_010, 5200);
    connection.open(&mut trace, 11_000);
    let ask =
        connection.segment(&trace, Side::Client, flag::ACK | flag::PSH | flag::FIN, b"send all, I am done\n");
    connection.send(&mut trace, &ask);
    trace.expect("tcp.connection.fin_active");
    trace.wait_us(11_000);
    connection.ack(&mut trace, Side::Server);
    for salt in 0..4 {
        trace.wait_ms(40);
        connection.data(&mut trace, Side::Server, &filler(1000, salt));
        trace.wait_us(60);
        connection.ack(&mut trace, Side::Client);
    }
    trace.wait_ms(5);
    connection.bare(&mut trace, Side::Server, flag::FIN | flag::ACK);
    trace.expect("tcp.connection.fin_passive");
    trace.wait_us(60);
    connection.ack(&mut trace, Side::Client);
    Capture::pcap(
        "half-close.pcap",
        "the client closes its side with its request, the server goes on sending",
        trace,
    )
}

fn simultaneous_close() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(43_020, 5201);
    connection.open(&mut trace, 11_000);
    connection.data(&mut trace, Side::Client, b"bye\n");
    trace.wait_us(11_000);
    connection.ack(&mut trace, Side::Server);
    trace.wait_ms(10);
    let ours = connection.segment(&trace, Side::Client, flag::FIN | flag::ACK, &[]);
    let theirs = connection.segment(&trace, Side::Server, flag::FIN | flag::ACK, &[]);
    connection.send(&mut trace, &ours);
    trace.expect("tcp.connection.fin_active");
    trace.wait_us(3_000);
    connection.send(&mut trace, &theirs);
    trace.expect("tcp.connection.fin_passive");
    trace.wait_us(60);
    connection.ack(&mut trace, Side::Client);
    trace.wait_us(8_000);
    connection.ack(&mut trace, Side::Server);
    Capture::pcap("simultaneous-close.pcap", "both FINs cross on the way", trace)
}

fn repeated_fin() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(43_030, 5202);
    connection.open(&mut trace, 11_000);
    connection.data(&mut trace, Side::Client, b"closing soon\n");
    trace.wait_us(11_000);
    connection.ack(&mut trace, Side::Server);
    let fin = connection.segment(&trace, Side::Client, flag::FIN | flag::ACK, &[]);
    connection.show(&mut trace, &fin);
    for pause in [210, 420, 840] {
        trace.wait_ms(pause);
        connection.show(&mut trace, &fin);
        trace.expect("tcp.analysis.retransmission").expect("tcp.connection.fin_active");
    }
    connection.deliver(&fin);
    trace.wait_us(11_000);
    connection.bare(&mut trace, Side::Server, flag::FIN | flag::ACK);
    trace.wait_us(60);
    connection.ack(&mut trace, Side::Client);
    Capture::pcap("fin-repeated.pcap", "a FIN that has to be sent four times", trace)
}

fn reset_after_close() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(43_040, 80);
    connection.open(&mut trace, 11_000);
    connection.data(&mut trace, Side::Client, &get("/impatient"));
    trace.wait_us(11_000);
    connection.bare(&mut trace, Side::Client, flag::FIN | flag::ACK);
    trace.wait_us(11_000);
    connection.data(&mut trace, Side::Server, &ok(500));
    trace.wait_us(50);
    let mut reset = connection.segment(&trace, Side::Client, flag::RST, &[]);
    (reset.window, reset.ack) = (0, 0);
    connection.send(&mut trace, &reset);
    trace.expect("tcp.connection.rst");
    trace.wait_us(11_000);
    connection.bare(&mut trace, Side::Server, flag::FIN | flag::ACK);
    Capture::pcap("reset-after-fin.pcap", "a client that closes, then resets when the reply comes", trace)
}
