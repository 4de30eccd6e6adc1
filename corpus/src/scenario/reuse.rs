//! More ports used again: after every kind of end, and by a host that forgot its connection.

use super::{filler, get, ok};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Side, flag};
use crate::link;
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![in_time_wait(), after_resets(), after_a_crash(), unanswered_anew()]
}

/// The same addresses and ports with initial sequence numbers `step` further on.
fn anew(connection: &Connection, step: u32) -> Connection {
    connection.clone().with(|_, end| {
        end.isn = end.isn.wrapping_add(step);
        end.expected = 0;
        end.held.clear();
    })
}

/// A SYN on ports that were used before.
fn syn_again(trace: &mut Trace, connection: &mut Connection, stream: u32) {
    connection.bare(trace, Side::Client, flag::SYN);
    trace.expect("tcp.analysis.reused_ports").expect_value("tcp.stream", stream);
}

fn in_time_wait() -> Capture {
    let mut trace = Trace::new();
    let first = Connection::v6(41_100, 80).over(link::qinq).stamped();
    for round in 0..4u32 {
        let mut connection = anew(&first, round * 90_000);
        if round == 0 {
            connection.bare(&mut trace, Side::Client, flag::SYN);
        } else {
            syn_again(&mut trace, &mut connection, round);
        }
        trace.wait_us(5_000);
        connection.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
        trace.wait_us(40);
        connection.ack(&mut trace, Side::Client);
        connection.data(&mut trace, Side::Client, &get("/burst"));
        trace.wait_us(5_000);
        connection.data(&mut trace, Side::Server, &ok(60));
        connection.close(&mut trace, Side::Server, 5_000);
        trace.wait_ms(700);
    }
    Capture::pcap(
        "port-reuse-in-time-wait.pcap",
        "a client that reuses its port less than a second after the server closed, with higher sequence numbers",
        trace,
    )
}

fn after_resets() -> Capture {
    let mut trace = Trace::new();
    let first = Connection::v4(41_110, 8_080).over(link::snap);
    for round in 0..5u32 {
        let mut connection = anew(&first, round * 123_456_789);
        if round == 0 {
            connection.bare(&mut trace, Side::Client, flag::SYN);
        } else {
            syn_again(&mut trace, &mut connection, round);
        }
        trace.wait_us(300);
        connection.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
        trace.wait_us(40);
        connection.ack(&mut trace, Side::Client);
        trace.wait_us(40);
        connection.bare(&mut trace, Side::Client, flag::RST | flag::ACK);
        trace.expect("tcp.connection.rst");
        trace.wait_ms(2_000);
    }
    Capture::pcap(
        "port-reuse-health-checks.pcap",
        "a load balancer's checks: opened and reset every two seconds from the same port",
        trace,
    )
}

fn after_a_crash() -> Capture {
    let mut trace = Trace::new();
    let mut old = Connection::v4(41_120, 5_103);
    old.open(&mut trace, 9_000);
    old.data(&mut trace, Side::Client, &filler(200, 0));
    trace.wait_us(9_000);
    old.ack(&mut trace, Side::Server);
    trace.wait_ms(40_000);
    // The client restarted and knows nothing; the server still holds the old connection (RFC 9293, figure 9).
    let mut new = anew(&old, 50_000_000);
    let syn = new.segment(&trace, Side::Client, flag::SYN, &[]);
    new.show(&mut trace, &syn);
    trace.expect("tcp.analysis.reused_ports").expect_value("tcp.stream", 1);
    trace.wait_us(9_000);
    old.ack(&mut trace, Side::Server);
    trace.wait_us(50);
    let mut reset = old.segment(&trace, Side::Client, flag::RST, &[]);
    reset.window = 0;
    old.send(&mut trace, &reset);
    trace.expect("tcp.connection.rst");
    trace.wait_ms(1_000);
    new.send(&mut trace, &syn);
    trace.wait_us(9_000);
    new.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
    trace.wait_us(50);
    new.ack(&mut trace, Side::Client);
    new.data(&mut trace, Side::Client, &filler(100, 1));
    trace.wait_us(9_000);
    new.ack(&mut trace, Side::Server);
    Capture::pcap(
        "half-open-client-restarted.pcap",
        "a client restarts and reuses its port: the server answers for the old connection, is reset, and accepts",
        trace,
    )
}

fn unanswered_anew() -> Capture {
    let mut trace = Trace::new();
    let first = Connection::v4(41_130, 8_443).over(link::mpls);
    for round in 0..4u32 {
        let mut connection = anew(&first, round * 7_000);
        if round == 0 {
            connection.bare(&mut trace, Side::Client, flag::SYN);
        } else {
            syn_again(&mut trace, &mut connection, round);
        }
        if round % 2 == 1 {
            trace.wait_us(800);
            let mut reset = connection.segment(&trace, Side::Server, flag::RST | flag::ACK, &[]);
            (reset.seq, reset.window) = (0, 0);
            connection.send(&mut trace, &reset);
            trace.expect("tcp.connection.rst");
        }
        trace.wait_ms(3_000);
    }
    Capture::pcap(
        "port-reuse-never-open.pcap",
        "four attempts from one port with new sequence numbers, unanswered and refused in turn",
        trace,
    )
}
