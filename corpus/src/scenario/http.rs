//! HTTP: what follows what on a connection, where bodies end, what goes wrong, and what else speaks on its ports.

use super::udp::datagram;
use super::{filler, get, ok};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Side, flag};
use crate::trace::Trace;
use std::net::IpAddr;

pub(super) fn captures() -> Vec<Capture> {
    vec![
        persistent(),
        bodies(),
        odd_heads(),
        statuses(),
        endings(),
        holes(),
        hole_in_a_head(),
        tunnels(),
        ports(),
        starttls(),
        ssdp(),
    ]
}

/// A connection to a web server.
pub(super) fn opened(trace: &mut Trace, port: u16, service: u16) -> Connection {
    let mut connection = Connection::v4(port, service);
    connection.open(trace, 8_000);
    connection
}

/// A response with a status line and headers, and nothing more.
pub(super) fn head(lines: &str) -> Vec<u8> {
    format!("{lines}\n\n").replace('\n', "\r\n").into_bytes()
}

/// Says a text and waits as long as it takes to the other side.
pub(super) fn say(connection: &mut Connection, trace: &mut Trace, from: Side, text: &[u8]) {
    connection.data(trace, from, text);
    trace.wait_us(4_000);
}

/// Asks for a path. Tshark must show the method.
pub(super) fn ask(connection: &mut Connection, trace: &mut Trace, path: &str) {
    connection.data(trace, Side::Client, &get(path));
    trace.expect_value("http.request.method", "GET").expect_value("http.request.uri", path);
    trace.wait_us(4_000);
}

/// The server answers. Tshark must show the status.
fn answer(connection: &mut Connection, trace: &mut Trace, text: &[u8], status: u16) {
    connection.data(trace, Side::Server, text);
    trace.expect_value("http.response.code", status);
    trace.wait_us(4_000);
}

fn persistent() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 53_000, 80);
    // One after the other.
    ask(&mut connection, &mut trace, "/one");
    answer(&mut connection, &mut trace, &ok(300), 200);
    trace.expect_value("http.time", "0.004000000");
    say(&mut connection, &mut trace, Side::Client, &head("HEAD /two HTTP/1.1\nHost: shop.example"));
    answer(&mut connection, &mut trace, &head("HTTP/1.1 200 OK\nContent-Length: 1000"), 200);
    ask(&mut connection, &mut trace, "/three");
    answer(&mut connection, &mut trace, &head("HTTP/1.1 304 Not Modified\nETag: \"x\""), 304);
    // Asked three times before the first answer; two answers in one segment.
    for path in ["/four", "/five", "/six"] {
        ask(&mut connection, &mut trace, path);
    }
    answer(&mut connection, &mut trace, &ok(20), 200);
    connection.data(&mut trace, Side::Server, &[ok(30), ok(40)].concat());
    trace.expect_value("http.response.code", "200,200");
    trace.wait_us(4_000);
    // The body waits to be asked for.
    let post = head("POST /seven HTTP/1.1\nHost: shop.example\nExpect: 100-continue\nContent-Length: 200");
    say(&mut connection, &mut trace, Side::Client, &post);
    answer(&mut connection, &mut trace, &head("HTTP/1.1 100 Continue"), 100);
    say(&mut connection, &mut trace, Side::Client, &filler(200, 1));
    trace.wait_ms(1);
    answer(&mut connection, &mut trace, &head("HTTP/1.1 204 No Content"), 204);
    connection.close(&mut trace, Side::Client, 8_000);
    Capture::pcap(
        "http-persistent.pcap",
        "one connection: requests one by one, HEAD, 304, three pipelined, 100-continue",
        trace,
    )
}

fn bodies() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 53_010, 80);
    let chunked = head("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X-Sum");
    // In one segment; in many, cut anywhere; with extensions and trailers.
    ask(&mut connection, &mut trace, "/chunks");
    let body = b"5;x=y\r\nhello\r\n00a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n";
    answer(&mut connection, &mut trace, &[&chunked[..], body].concat(), 200);
    ask(&mut connection, &mut trace, "/chunks-cut");
    say(&mut connection, &mut trace, Side::Server, &chunked);
    for piece in body.chunks(17) {
        connection.data(&mut trace, Side::Server, piece);
        trace.wait_us(300);
    }
    // A request in chunks.
    let put = head("PUT /up HTTP/1.1\nHost: shop.example\nTransfer-Encoding: chunked");
    say(&mut connection, &mut trace, Side::Client, &put);
    say(&mut connection, &mut trace, Side::Client, b"3\r\nabc\r\n");
    connection.data(&mut trace, Side::Client, b"0\r\n\r\n");
    trace.expect_value("http.request.method", "PUT");
    trace.wait_us(4_000);
    answer(&mut connection, &mut trace, &head("HTTP/1.1 201 Created\nContent-Length: 0"), 201);
    // Both lengths, which nobody should send.
    ask(&mut connection, &mut trace, "/two-lengths");
    let both = head("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nContent-Length: 5");
    answer(&mut connection, &mut trace, &[&both[..], b"2\r\nab\r\n0\r\n\r\n"].concat(), 200);
    trace.expect("http.te_and_length");
    // More than was announced: passed over, up to the segment's end.
    ask(&mut connection, &mut trace, "/too-much");
    answer(&mut connection, &mut trace, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcd\r\n", 200);
    // Up to the end of the connection.
    ask(&mut connection, &mut trace, "/until-the-end");
    say(&mut connection, &mut trace, Side::Server, &head("HTTP/1.1 200 OK\nConnection: close"));
    say(&mut connection, &mut trace, Side::Server, &filler(500, 2));
    connection.ack(&mut trace, Side::Client);
    connection.bare(&mut trace, Side::Server, flag::FIN | flag::ACK);
    trace.expect_value("http.response.code", 200);
    trace.wait_us(4_000);
    connection.bare(&mut trace, Side::Client, flag::FIN | flag::ACK);
    trace.wait_us(4_000);
    connection.ack(&mut trace, Side::Server);
    Capture::pcap(
        "http-bodies.pcap",
        "bodies in chunks with extensions and trailers, with two lengths, longer than announced, up to the end of the connection",
        trace,
    )
}

fn odd_heads() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 53_020, 80);
    // Lines that end with LF or CR; no version; no host; a header in two lines; an unknown method.
    for request in [
        b"GET /lf HTTP/1.0\nHost: a\n\n".as_slice(),
        b"GET /cr HTTP/1.0\rHost: a\r\r\n",
        b"GET /old\r\n\r\n",
        b"GET http://other.example/absolute HTTP/1.1\r\nHost: shop.example\r\nX-Long: one\r\n two\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: shop.example\r\nCookie: a=b; c=d\r\nUser-Agent: \xff\xfeodd\r\n\r\n",
        b"\r\nGET /late HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        connection.data(&mut trace, Side::Client, request);
        trace.expect("http.request.method");
        trace.wait_us(4_000);
        answer(&mut connection, &mut trace, &head("HTTP/1.1 200\nContent-Length: 0"), 200);
    }
    say(&mut connection, &mut trace, Side::Client, &head("FROB /x HTTP/1.1\nHost: shop.example"));
    answer(&mut connection, &mut trace, &head("HTTP/1.1 501 Not Implemented\nContent-Length: 0"), 501);
    // Statuses that are none.
    for status in ["2xx", "abc", "20", "2000"] {
        ask(&mut connection, &mut trace, "/status");
        let line = format!("HTTP/1.1 {status} Odd\nContent-Length: 0");
        say(&mut connection, &mut trace, Side::Server, &head(&line));
    }
    // A long request in three segments, cut within the method, within a line end.
    let request = format!("GET /{} HTTP/1.1\r\nHost: shop.example\r\n\r\n", "long/".repeat(60));
    for piece in [&request[..200], &request[200..request.len() - 1], &request[request.len() - 1..]] {
        say(&mut connection, &mut trace, Side::Client, piece.as_bytes());
    }
    answer(&mut connection, &mut trace, &ok(0), 200);
    connection.close(&mut trace, Side::Server, 8_000);
    Capture::pcap(
        "http-odd-heads.pcap",
        "heads with odd line ends, without version or host, with folded headers, unknown methods and statuses that are none",
        trace,
    )
}

fn statuses() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 53_030, 8080);
    for (status, reason) in [
        (301, "Moved Permanently"),
        (401, "Unauthorized"),
        (404, "Not Found"),
        (429, "Too Many Requests"),
        (500, "Internal Server Error"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
    ] {
        ask(&mut connection, &mut trace, &format!("/status/{status}"));
        // A gateway waits before it gives up.
        trace.wait_ms(if status == 504 { 3_000 } else { 20 });
        let line =
            format!("HTTP/1.1 {status} {reason}\nServer: corpus/1\nLocation: /else\nContent-Length: 0");
        answer(&mut connection, &mut trace, &head(&line), status);
    }
    // Slow, though it goes well.
    ask(&mut connection, &mut trace, "/slow");
    trace.wait_ms(2_500);
    answer(&mut connection, &mut trace, &ok(100), 200);
    connection.close(&mut trace, Side::Client, 8_000);
    Capture::pcap(
        "http-statuses.pcap",
        "responses from 301 to 504 on a proxy's port, one after 3 s, and a good one after 2.5 s",
        trace,
    )
}

fn endings() -> Capture {
    let mut trace = Trace::new();
    let half = head("HTTP/1.1 200 OK\nContent-Length: 3000");
    // The server closes without an answer; it resets; it closes and resets in the middle of a body; of chunks; of a head.
    for (port, parts, end) in [
        (53_040, vec![], flag::FIN | flag::ACK),
        (53_041, vec![], flag::RST | flag::ACK),
        (53_042, vec![[half.clone(), filler(900, 1)].concat()], flag::FIN | flag::ACK),
        (53_043, vec![[half.clone(), filler(900, 1)].concat()], flag::RST | flag::ACK),
        (
            53_044,
            vec![head("HTTP/1.1 200 OK\nTransfer-Encoding: chunked"), b"5\r\nhello\r\n".to_vec()],
            flag::FIN | flag::ACK,
        ),
        (53_045, vec![b"HTTP/1.1 200 OK\r\nContent-".to_vec()], flag::RST | flag::ACK),
        (53_046, vec![head("HTTP/1.1 200 OK\nConnection: close"), filler(300, 3)], flag::RST | flag::ACK),
    ] {
        let mut connection = opened(&mut trace, port, 80);
        ask(&mut connection, &mut trace, "/doomed");
        for part in parts {
            say(&mut connection, &mut trace, Side::Server, &part);
        }
        connection.ack(&mut trace, Side::Client);
        connection.bare(&mut trace, Side::Server, end);
        trace.wait_us(4_000);
        if end & flag::FIN != 0 {
            connection.bare(&mut trace, Side::Client, flag::FIN | flag::ACK);
            trace.wait_us(4_000);
            connection.ack(&mut trace, Side::Server);
        }
        trace.wait_ms(10);
    }
    // Open when the capture ends.
    let mut connection = opened(&mut trace, 53_047, 80);
    ask(&mut connection, &mut trace, "/still-waiting");
    connection.ack(&mut trace, Side::Server);
    Capture::pcap(
        "http-endings.pcap",
        "requests that get no answer, half a head, half a body, half of the chunks; one that still waits",
        trace,
    )
}

fn holes() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 53_050, 80);
    // A segment of a body is lost and sent again after the next response came whole.
    ask(&mut connection, &mut trace, "/body");
    let body = ok(3_000);
    connection.data(&mut trace, Side::Server, &body[..1_200]);
    let lost = connection.unseen_data(&trace, Side::Server, &body[1_200..2_000]);
    connection.data(&mut trace, Side::Server, &body[2_000..]);
    trace.wait_us(4_000);
    connection.data(&mut trace, Side::Client, &get("/next"));
    trace.wait_us(4_000);
    connection.data(&mut trace, Side::Server, &ok(10));
    trace.wait_us(4_000);
    connection.again(&mut trace, &lost);
    trace.wait_us(4_000);
    // Never captured: the body stays a torso, and the exchange after it is whole.
    ask(&mut connection, &mut trace, "/torso");
    connection.data(&mut trace, Side::Server, &body[..1_200]);
    connection.unseen_data(&trace, Side::Server, &body[1_200..2_000]);
    connection.data(&mut trace, Side::Server, &body[2_000..]);
    trace.wait_us(4_000);
    ask(&mut connection, &mut trace, "/after");
    connection.data(&mut trace, Side::Server, &ok(20));
    trace.wait_us(4_000);
    connection.close(&mut trace, Side::Client, 8_000);
    Capture::pcap(
        "http-hole-in-body.pcap",
        "bodies with a hole: one filled after the next response, one that the capture never fills",
        trace,
    )
}

fn hole_in_a_head() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 53_060, 80);
    // The second half of a request comes first, then the first half.
    let request = get("/two-halves");
    let first = connection.segment(&trace, Side::Client, flag::ACK | flag::PSH, &request[..30]);
    let second = connection.segment(&trace, Side::Client, flag::ACK | flag::PSH, &request[30..]);
    connection.send(&mut trace, &second);
    trace.wait_us(200);
    connection.send(&mut trace, &first);
    trace.wait_us(4_000);
    answer(&mut connection, &mut trace, &ok(10), 200);
    // A response whose head is missing; the next one is whole.
    ask(&mut connection, &mut trace, "/lost-head");
    connection.unseen_data(&trace, Side::Server, &ok(50)[..60]);
    connection.data(&mut trace, Side::Server, &ok(50)[60..]);
    trace.wait_us(4_000);
    connection.ack(&mut trace, Side::Client);
    trace.wait_us(4_000);
    ask(&mut connection, &mut trace, "/found");
    answer(&mut connection, &mut trace, &ok(30), 200);
    connection.close(&mut trace, Side::Client, 8_000);
    Capture::pcap(
        "http-hole-in-head.pcap",
        "a request whose halves come in the wrong order, a response whose head the capture missed",
        trace,
    )
}

/// A TLS record that begins a handshake: a ClientHello with nothing much in it.
pub(super) fn client_hello() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend_from_slice(&filler(32, 9));
    hello.extend_from_slice(&[0, 0, 2, 0x13, 0x01, 1, 0, 0, 0]);
    let mut record = vec![0x16, 3, 1, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
    record.extend_from_slice(&hello);
    record
}

fn tunnels() -> Capture {
    let mut trace = Trace::new();
    // A proxy refuses a tunnel, then grants one that TLS goes through.
    let mut connection = opened(&mut trace, 53_070, 3128);
    let connect = head("CONNECT shop.example:443 HTTP/1.1\nHost: shop.example:443");
    say(&mut connection, &mut trace, Side::Client, &connect);
    let refusal =
        head("HTTP/1.1 407 Proxy Authentication Required\nProxy-Authenticate: Basic\nContent-Length: 0");
    answer(&mut connection, &mut trace, &refusal, 407);
    say(&mut connection, &mut trace, Side::Client, &connect);
    answer(&mut connection, &mut trace, &head("HTTP/1.1 200 Connection established"), 200);
    connection.data(&mut trace, Side::Client, &client_hello());
    trace.expect_value("tls.handshake.type", 1);
    trace.wait_us(4_000);
    connection.close(&mut trace, Side::Client, 8_000);
    // WebSocket: what follows is none of HTTP's business, whatever it looks like.
    let mut connection = opened(&mut trace, 53_071, 80);
    let upgrade = "Connection: Upgrade\nUpgrade: websocket";
    let request = format!(
        "GET /chat HTTP/1.1\nHost: shop.example\n{upgrade}\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    );
    say(&mut connection, &mut trace, Side::Client, &head(&request));
    let switch = format!("HTTP/1.1 101 Switching Protocols\n{upgrade}");
    answer(&mut connection, &mut trace, &head(&switch), 101);
    say(&mut connection, &mut trace, Side::Server, b"\x81\x05hello");
    connection.close(&mut trace, Side::Client, 8_000);
    // SOCKS 5, then HTTP.
    let mut connection = opened(&mut trace, 53_072, 1080);
    say(&mut connection, &mut trace, Side::Client, &[5, 1, 0]);
    say(&mut connection, &mut trace, Side::Server, &[5, 0]);
    say(
        &mut connection,
        &mut trace,
        Side::Client,
        &[&[5, 1, 0, 3, 12][..], b"shop.example", &[0, 80]].concat(),
    );
    say(&mut connection, &mut trace, Side::Server, &[5, 0, 0, 1, 192, 0, 2, 81, 0, 80]);
    ask(&mut connection, &mut trace, "/through-socks");
    answer(&mut connection, &mut trace, &ok(10), 200);
    connection.close(&mut trace, Side::Client, 8_000);
    Capture::pcap(
        "http-tunnels.pcap",
        "CONNECT refused and granted, with TLS inside; an upgrade to WebSocket; HTTP through SOCKS 5",
        trace,
    )
}

fn ports() -> Capture {
    let mut trace = Trace::new();
    // In clear on the port of HTTPS, on ports of nobody and of others.
    for (port, service) in [(53_080, 443), (53_081, 9_999), (53_082, 22), (53_083, 8_443)] {
        let mut connection = opened(&mut trace, port, service);
        connection.data(&mut trace, Side::Client, &get("/here"));
        trace.wait_us(4_000);
        connection.data(&mut trace, Side::Server, &ok(10));
        trace.wait_us(4_000);
        connection.close(&mut trace, Side::Client, 8_000);
    }
    // TLS on a port of HTTP.
    let mut connection = opened(&mut trace, 53_084, 80);
    say(&mut connection, &mut trace, Side::Client, &client_hello());
    connection.close(&mut trace, Side::Server, 8_000);
    // HTTP/2 with prior knowledge.
    for (port, service) in [(53_085, 80), (53_086, 50_051)] {
        let mut connection = opened(&mut trace, port, service);
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        say(
            &mut connection,
            &mut trace,
            Side::Client,
            &[&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings].concat(),
        );
        say(&mut connection, &mut trace, Side::Server, &settings);
        connection.close(&mut trace, Side::Client, 8_000);
    }
    Capture::pcap(
        "http-ports.pcap",
        "HTTP in clear on 443, 8443, 9999 and 22; TLS on 80; HTTP/2 with prior knowledge",
        trace,
    )
}

fn starttls() -> Capture {
    let mut trace = Trace::new();
    #[allow(clippy::type_complexity)] // a table
    let dialogues: [(u16, u16, &[(Side, &[u8])]); 4] = [
        (
            53_090,
            25,
            &[
                (Side::Server, b"220 mail.example ESMTP\r\n"),
                (Side::Client, b"EHLO client.example\r\n"),
                (Side::Server, b"250-mail.example\r\n250 STARTTLS\r\n"),
                (Side::Client, b"STARTTLS\r\n"),
                (Side::Server, b"220 2.0.0 Ready to start TLS\r\n"),
            ],
        ),
        (
            53_091,
            143,
            &[
                (Side::Server, b"* OK IMAP4rev1 ready\r\n"),
                (Side::Client, b"a1 STARTTLS\r\n"),
                (Side::Server, b"a1 OK Begin TLS negotiation now\r\n"),
            ],
        ),
        (
            53_092,
            110,
            &[
                (Side::Server, b"+OK POP3 ready\r\n"),
                (Side::Client, b"STLS\r\n"),
                (Side::Server, b"+OK Begin TLS negotiation\r\n"),
            ],
        ),
        (53_093, 5432, &[(Side::Client, &[0, 0, 0, 8, 4, 210, 22, 47]), (Side::Server, b"S")]),
    ];
    for (port, service, dialogue) in dialogues {
        let mut connection = opened(&mut trace, port, service);
        for (from, text) in dialogue {
            say(&mut connection, &mut trace, *from, text);
        }
        connection.data(&mut trace, Side::Client, &client_hello());
        trace.expect_value("tls.handshake.type", 1);
        trace.wait_us(4_000);
        connection.close(&mut trace, Side::Client, 8_000);
    }
    Capture::pcap("starttls.pcap", "TLS after an agreement in clear: SMTP, IMAP, POP3, PostgreSQL", trace)
}

fn ssdp() -> Capture {
    let mut trace = Trace::new();
    let group = IpAddr::from([239, 255, 255, 250]);
    let device = IpAddr::from([192, 0, 2, 93]);
    let search =
        head("M-SEARCH * HTTP/1.1\nHost: 239.255.255.250:1900\nMAN: \"ssdp:discover\"\nMX: 1\nST: ssdp:all");
    trace.push(datagram(Side::Client, (53_100, 1_900), group, &search));
    trace.expect_value("http.request.method", "M-SEARCH");
    trace.wait_ms(30);
    let found = head("HTTP/1.1 200 OK\nLocation: http://192.0.2.93/description.xml\nST: upnp:rootdevice");
    trace.push(datagram(Side::Server, (53_100, 1_900), device, &found));
    trace.expect_value("http.response.code", 200);
    trace.wait_ms(30);
    // Asked of one device, which answers: that is matched.
    trace.push(datagram(Side::Client, (53_101, 1_900), device, &search));
    trace.wait_ms(5);
    trace.push(datagram(Side::Server, (53_101, 1_900), device, &found));
    trace.expect_value("http.time", "0.005000000");
    let notify = head("NOTIFY * HTTP/1.1\nHost: 239.255.255.250:1900\nNT: upnp:rootdevice\nNTS: ssdp:alive");
    trace.push(datagram(Side::Client, (1_900, 1_900), group, &notify));
    trace.expect_value("http.request.method", "NOTIFY");
    Capture::pcap("ssdp.pcap", "SSDP: a search of all and of one device, answers, a notification", trace)
}
