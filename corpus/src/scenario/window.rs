//! Receive windows: full, closed, probed, opened again.

use super::filler;
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Side, flag};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![zero_window(), window_full(), zero_window_reset(), probe_acknowledged()]
}

/// Fills the server's window of `size` bytes exactly and lets the server say that nothing is left.
fn fill(trace: &mut Trace, connection: &mut Connection, size: usize) {
    let payload = filler(size, 3);
    let pieces = payload.chunks(1460);
    let last = pieces.len() - 1;
    for (index, piece) in pieces.enumerate() {
        connection.data(trace, Side::Client, piece);
        if index == last {
            trace.expect("tcp.analysis.window_full");
        }
        trace.wait_us(14);
    }
    trace.wait_us(5_000);
    connection.end_mut(Side::Server).window = 0;
    connection.ack(trace, Side::Server);
    trace.expect("tcp.analysis.zero_window");
}

/// One probe byte and its answer, which refuses it.
fn probe(trace: &mut Trace, connection: &mut Connection) {
    let next = connection.end(Side::Client).next;
    let byte = connection.segment(trace, Side::Client, flag::ACK, b"x");
    connection.end_mut(Side::Client).next = next;
    connection.show(trace, &byte);
    trace.expect("tcp.analysis.zero_window_probe");
    trace.wait_us(5_000);
    connection.ack(trace, Side::Server);
    trace.expect("tcp.analysis.zero_window_probe_ack").expect("tcp.analysis.zero_window");
}

fn small_window(port: u16, window: u32, scale: Option<u8>) -> Connection {
    Connection::v4(port, 5510).with(|side, end| {
        end.scale = scale;
        if side == Side::Server {
            end.window = window;
        }
    })
}

fn zero_window() -> Capture {
    let mut trace = Trace::new();
    for (port, scale, window) in [(46_000, Some(2), 8_000), (46_001, None, 5_000)] {
        let mut connection = small_window(port, window, scale);
        connection.open(&mut trace, 5_000);
        connection.data(&mut trace, Side::Client, b"ready?\n");
        trace.wait_us(5_000);
        connection.ack(&mut trace, Side::Server);
        fill(&mut trace, &mut connection, window as usize);
        for pause in [200, 400, 800] {
            trace.wait_ms(pause);
            probe(&mut trace, &mut connection);
        }
        trace.wait_ms(700);
        connection.end_mut(Side::Server).window = window;
        connection.ack(&mut trace, Side::Server);
        trace.expect("tcp.analysis.window_update");
        trace.wait_us(50);
        connection.data(&mut trace, Side::Client, &filler(900, 9));
        trace.wait_us(5_000);
        connection.ack(&mut trace, Side::Server);
        connection.close(&mut trace, Side::Client, 5_000);
    }
    Capture::pcap(
        "zero-window.pcap",
        "a window filled, closed, probed three times and opened again, scaled and not",
        trace,
    )
}

fn window_full() -> Capture {
    let mut trace = Trace::new();
    let mut connection = small_window(46_010, 4_000, None);
    connection.bare(&mut trace, Side::Client, flag::SYN);
    trace.wait_us(5_000);
    connection.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
    trace.wait_us(60);
    connection.ack(&mut trace, Side::Client);
    for salt in 0..3 {
        connection.data(&mut trace, Side::Client, &filler(1_000, salt));
        trace.wait_us(14);
    }
    let last = connection.lost_data(&mut trace, Side::Client, &filler(1_000, 3));
    trace.expect("tcp.analysis.window_full");
    trace.wait_us(5_000);
    connection.end_mut(Side::Server).window = 1_000;
    connection.ack(&mut trace, Side::Server);
    trace.wait_ms(300);
    connection.again(&mut trace, &last);
    trace.expect("tcp.analysis.window_full").expect("tcp.analysis.retransmission");
    trace.wait_us(5_000);
    connection.end_mut(Side::Server).window = 4_000;
    connection.ack(&mut trace, Side::Server);
    trace.wait_us(100);
    connection.data(&mut trace, Side::Client, &filler(1_400, 4));
    connection.data(&mut trace, Side::Client, &filler(1_400, 5));
    connection.data(&mut trace, Side::Client, &filler(1_400, 6));
    trace.wait_us(5_000);
    connection.ack(&mut trace, Side::Server);
    connection.close(&mut trace, Side::Client, 5_000);
    Capture::pcap(
        "window-full.pcap",
        "a window filled from its unscaled SYN value, by a retransmission, and overrun",
        trace,
    )
}

fn zero_window_reset() -> Capture {
    let mut trace = Trace::new();
    let mut connection = small_window(46_020, 2_920, Some(0));
    connection.open(&mut trace, 5_000);
    fill(&mut trace, &mut connection, 2_920);
    for pause in [300, 600, 1_200, 2_400] {
        trace.wait_ms(pause);
        let mut keep = connection.segment(&trace, Side::Client, flag::ACK, &[]);
        keep.seq = keep.seq.wrapping_sub(1);
        connection.show(&mut trace, &keep);
        trace.expect("tcp.analysis.keep_alive");
        trace.wait_us(5_000);
        connection.ack(&mut trace, Side::Server);
        trace.expect("tcp.analysis.zero_window");
    }
    trace.wait_ms(4_000);
    connection.bare(&mut trace, Side::Client, flag::RST | flag::ACK);
    Capture::pcap("zero-window-reset.pcap", "a closed window probed with empty segments, then a reset", trace)
}

fn probe_acknowledged() -> Capture {
    let mut trace = Trace::new();
    let mut connection = small_window(46_030, 1_460, Some(0));
    connection.open(&mut trace, 5_000);
    fill(&mut trace, &mut connection, 1_460);
    trace.wait_ms(250);
    connection.data(&mut trace, Side::Client, b"y");
    trace.expect("tcp.analysis.zero_window_probe");
    trace.wait_us(5_000);
    connection.end_mut(Side::Server).window = 1_460;
    connection.ack(&mut trace, Side::Server);
    trace.expect("tcp.analysis.ack_lost_segment");
    trace.wait_us(60);
    connection.data(&mut trace, Side::Client, &filler(700, 1));
    trace.wait_us(5_000);
    connection.ack(&mut trace, Side::Server);
    trace.wait_us(60);
    connection.end_mut(Side::Client).window = 0;
    connection.data(&mut trace, Side::Client, &filler(200, 2));
    trace.expect("tcp.analysis.zero_window");
    trace.wait_us(5_000);
    connection.ack(&mut trace, Side::Server);
    connection.close(&mut trace, Side::Client, 5_000);
    Capture::pcap(
        "zero-window-probe-accepted.pcap",
        "a probe byte that is accepted, and data from a side whose own window is closed",
        trace,
    )
}
