//! Streams whose numbers or state depend on more than addresses and ports, and headers with flags that no host sends.

use super::filler;
use crate::capture::Capture;
use crate::connection::Connection;
use crate::conversation::Sight;
use crate::endpoint::{Side, flag};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![remote_desktop(), proxied(), file_transfer(), odd_flags(), self_connected()]
}

/// One side's line, and the other's acknowledgement.
fn say(trace: &mut Trace, connection: &mut Connection, from: Side, line: &[u8]) {
    connection.data(trace, from, line);
    trace.wait_us(6_000);
    connection.ack(trace, from.other());
    trace.wait_us(200);
}

fn remote_desktop() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(59_000, 6_100);
    connection.open(&mut trace, 6_000);
    connection.data(&mut trace, Side::Server, b"RFB 003.008\n");
    let (client, server) = (connection.end(Side::Client), connection.end(Side::Server));
    trace.saw(Sight::Renumber((client.addr, client.port), (server.addr, server.port)));
    trace.wait_us(6_000);
    connection.ack(&mut trace, Side::Client);
    trace.wait_us(200);
    trace.expect_value("tcp.stream", 1);
    say(&mut trace, &mut connection, Side::Client, b"RFB 003.008\n");
    say(&mut trace, &mut connection, Side::Server, &[1, 1]);
    say(&mut trace, &mut connection, Side::Client, &[1]);
    connection.close(&mut trace, Side::Client, 6_000);
    trace.expect_value("tcp.stream", 1);
    Capture::pcap(
        "vnc-new-stream.pcap",
        "a VNC banner on another port: the stream number changes after it",
        trace,
    )
}

fn proxied() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(59_010, 1_080);
    connection.open(&mut trace, 6_000);
    say(&mut trace, &mut connection, Side::Client, &[5, 1, 0]);
    say(&mut trace, &mut connection, Side::Server, &[5, 0]);
    say(&mut trace, &mut connection, Side::Client, &[5, 1, 0, 1, 198, 51, 100, 7, 0x17, 0x70]);
    say(&mut trace, &mut connection, Side::Server, &[5, 0, 0, 1, 198, 51, 100, 7, 0x17, 0x70]);
    say(&mut trace, &mut connection, Side::Client, b"hello through the proxy\n");
    say(&mut trace, &mut connection, Side::Server, b"hello back\n");
    connection.close(&mut trace, Side::Client, 6_000);
    trace.saw(Sight::Number);
    let mut later = Connection::v4(59_011, 6_101);
    later.open(&mut trace, 6_000);
    trace.expect_value("tcp.stream", 2);
    Capture::pcap(
        "socks-takes-a-stream.pcap",
        "SOCKS: the relayed conversation takes a stream number of its own",
        trace,
    )
}

fn file_transfer() -> Capture {
    let mut trace = Trace::new();
    let mut control = Connection::v4(59_020, 21);
    control.open(&mut trace, 6_000);
    say(&mut trace, &mut control, Side::Server, b"220 ready\r\n");
    say(&mut trace, &mut control, Side::Client, b"PASV\r\n");
    say(&mut trace, &mut control, Side::Server, b"227 Entering Passive Mode (192,0,2,80,195,80)\r\n");
    let mut data = Connection::v4(59_021, 50_000);
    data.open(&mut trace, 6_000);
    trace.expect_value("tcp.stream", 1);
    say(&mut trace, &mut control, Side::Client, b"RETR list\r\n");
    data.data(&mut trace, Side::Server, &filler(200, 0));
    trace.wait_us(6_000);
    data.ack(&mut trace, Side::Client);
    data.close(&mut trace, Side::Server, 6_000);
    control.close(&mut trace, Side::Client, 6_000);
    Capture::pcap("ftp-passive.pcap", "an FTP data connection that its control connection announced", trace)
}

fn odd_flags() -> Capture {
    let mut trace = Trace::new();
    let kinds = [
        0,
        flag::FIN,
        flag::FIN | flag::PSH | flag::URG,
        flag::SYN | flag::FIN,
        flag::SYN | flag::RST,
        flag::SYN | flag::FIN | flag::ACK,
        flag::RST | flag::FIN | flag::ACK,
        flag::ACK,
    ];
    for (index, flags) in kinds.into_iter().enumerate() {
        let mut new = Connection::v4(59_030 + index as u16, 6_102);
        new.bare(&mut trace, Side::Client, flags);
        trace.expect_value("tcp.flags", format!("0x{flags:04x}"));
        trace.wait_us(300);
        let reset = new.segment(&trace, Side::Server, flag::RST | flag::ACK, &[]);
        new.send(&mut trace, &reset);
        trace.wait_us(300);
    }
    let mut open = Connection::v4(59_050, 6_102);
    open.open(&mut trace, 3_000);
    for flags in kinds {
        for payload in [&b""[..], b"data where none belongs"] {
            let segment = open.segment(&trace, Side::Client, flags, payload);
            open.send(&mut trace, &segment);
            trace.wait_us(1_000);
        }
        open.ack(&mut trace, Side::Server);
        trace.wait_us(200);
    }
    Capture::pcap(
        "odd-flags.pcap",
        "scans and combinations of flags that no host sends, alone and inside a connection",
        trace,
    )
}

fn self_connected() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(59_060, 59_060)
        .with(|_, end| (end.addr, end.isn) = (std::net::IpAddr::from([127, 0, 0, 1]), 77_000));
    let syn = connection.segment(&trace, Side::Client, flag::SYN, &[]);
    connection.show(&mut trace, &syn);
    trace.wait_us(20);
    let mut both = syn.clone();
    (both.flags, both.ack) = (flag::SYN | flag::ACK, syn.end());
    connection.show(&mut trace, &both);
    trace.wait_us(20);
    for len in [0, 30, 0, 30] {
        let mut segment = connection.segment(&trace, Side::Client, flag::ACK, &filler(len, 0));
        segment.ack = segment.seq;
        connection.show(&mut trace, &segment);
        trace.wait_us(400);
    }
    trace.expect_value("tcp.stream", 0);
    Capture::pcap(
        "self-connection.pcap",
        "a host connected to itself: the same address and port on both sides",
        trace,
    )
}
