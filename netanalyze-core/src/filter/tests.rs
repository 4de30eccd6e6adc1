//! The language as tables: what is read as what, what holds for which values, and what each error says.
//!
//! Whether an expression holds was found with tshark 4.0.17 on packets with the values given here.

use super::error_tests::ERRORS;
use super::*;
use crate::field::Value;
use crate::model::{Span, Timestamp};

fn numbers(values: &[u64]) -> Vec<Value> {
    values.iter().map(|&value| Value::Unsigned(value)).collect()
}

fn text(text: &str) -> Value {
    Value::Bytes(text.as_bytes().into())
}

fn addresses(addresses: &[&str]) -> Vec<Value> {
    addresses.iter().map(|address| Value::Address(address.parse().unwrap())).collect()
}

/// What a frame has that a client sent to a web server through a tunnel of IP in IP.
fn value_of(field: &str, is_bytes: bool) -> Vec<Value> {
    let header = [0x9c, 0x41, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0];
    match field {
        "frame" if is_bytes => vec![Value::Raw(b"\x02\x00\x00GET / HTTP".as_slice().into())],
        "tcp" if is_bytes => vec![Value::Layer([&header[..], b"GET / HTTP"].concat().into(), 20)],
        "frame" | "eth" | "tcp" | "tcp.analysis.retransmission" => vec![Value::Present],
        "ip" => vec![Value::Present, Value::Present],
        "frame.number" => numbers(&[17]),
        "frame.len" => numbers(&[100]),
        "frame.time" => vec![Value::Date(Timestamp(1_700_000_000_500_000_000))], // 2023-11-14T22:13:20.5Z
        "frame.time_delta" => vec![Value::Time(Span(-250_000_000))],
        "frame.time_relative" => vec![Value::Time(Span(18_000_000))],
        "eth.src" => vec![Value::Ether([2, 0, 0, 0, 0, 1])],
        "eth.dst" => vec![Value::Ether([0xff; 6])],
        "ip.src" => addresses(&["10.0.0.2", "192.0.2.80"]),
        "ip.dst" => addresses(&["10.0.0.3", "192.0.2.81"]),
        "ip.addr" => addresses(&["10.0.0.2", "10.0.0.3", "192.0.2.80", "192.0.2.81"]),
        "ipv6.src" => addresses(&["2001:db8::1"]),
        "ip.ttl" => numbers(&[64, 63]),
        "ip.id" => vec![Value::Hex(0x1234, 4)],
        "ip.flags.df" => vec![Value::Bool(true)],
        "tcp.srcport" => numbers(&[40_001]),
        "tcp.dstport" => numbers(&[80]),
        "tcp.port" => numbers(&[40_001, 80]),
        "tcp.len" => numbers(&[10]),
        "tcp.flags" => vec![Value::Hex(0x18, 4)],
        "tcp.flags.syn" | "tcp.flags.reset" => vec![Value::Bool(false)],
        "tcp.flags.ack" => vec![Value::Bool(true)],
        "tcp.window_size_scalefactor" => vec![Value::Signed(-1)],
        "tcp.payload" => vec![Value::Raw(b"GET / HTTP".as_slice().into())],
        "icmp.resptime" => vec![Value::Millis(Span(1_500_000))],
        "http.host" => vec![text("shop.Example")],
        "http.request.method" => vec![text("GET")],
        "dns.qry.name" => vec![text("a.example"), text("b.example")],
        "_ws.expert.severity" => numbers(&[0x60_0000, 0x20_0000]),
        _ => Vec::new(),
    }
}

pub(super) fn holds(expression: &str) -> bool {
    let filter = Filter::compile(expression).unwrap_or_else(|error| panic!("{error}"));
    let cells = filter.selection.columns().map(|(name, is_bytes)| value_of(name, is_bytes)).collect();
    filter.holds(&Row::of(cells))
}

fn all_hold(expressions: &[&str]) {
    for expression in expressions {
        assert!(holds(expression), "should hold: {expression}");
    }
}

fn none_holds(expressions: &[&str]) {
    for expression in expressions {
        assert!(!holds(expression), "should not hold: {expression}");
    }
}

#[test]
fn presence_and_logic() {
    all_hold(&[
        "tcp",
        "tcp.len",
        "not udp",
        "!udp",
        "!!tcp",
        "not not tcp",
        "tcp and not udp",
        "tcp&&!udp",
        "udp or tcp",
        "udp||tcp",
        "(tcp)",
        "((tcp))",
        "tcp.flags.syn",
        "tcp.analysis.retransmission",
        "( udp or tcp ) and eth",
        ".tcp",
        "eth.src[0:3]",
        "frame and\tip\nand tcp",
        // and binds closer than or; not closer than both, and looser than comparisons.
        "tcp or udp and dns",
        "not udp and tcp",
        "not tcp.port == 99 and tcp",
        "! udp or udp",
    ]);
    none_holds(&[
        "udp",
        "not tcp",
        "!tcp.port == 80",
        "not tcp or udp",
        "(tcp or udp) and dns",
        "udp.port",
        "not tcp.port",
        "ip#3",
        "eth.src[6]",
        "eth.src[4:3]",
        "udp and tcp or dns",
    ]);
}

#[test]
fn comparisons_with_some_or_all_values() {
    all_hold(&[
        "tcp.port == 80",
        "tcp.port eq 80",
        "tcp.port any_eq 80",
        "tcp.port ~= 80",
        "tcp.port any_ne 80",
        "tcp.port !== 80",
        "tcp.port != 99",
        "tcp.port ne 99",
        "tcp.port all_ne 99",
        "tcp.dstport === 80",
        "tcp.dstport all_eq 80",
        "tcp.port > 40000",
        "tcp.port < 100",
        "tcp.port >= 40001",
        "tcp.port le 80",
        "any tcp.port > 40000",
        "all tcp.port >= 80",
        "all tcp.port ~= 99",
        "any tcp.port === 80",
        "any tcp.port != 80",
        "ip.ttl gt 63",
        "ip.ttl lt 64",
        "ip.src == ip.src",
        "ip.addr == ip.addr",
        "any ip.src != ip.src",
        "ip.src != ip.dst",
        "ip.ttl ge 64",
        "tcp.srcport > tcp.dstport",
        "tcp.dstport < tcp.srcport < 50000",
        "tcp.dstport < ip.ttl == 64 or tcp",
        "ip.src < ip.dst",
        "any ip.ttl > ip.ttl",
        "all ip.ttl <= 64",
        "tcp.flags.syn == tcp.flags.reset",
        "all ip.src == 0.0.0.0/0",
    ]);
    none_holds(&[
        "tcp.port == 99",
        "tcp.port != 80",
        "tcp.port ne 80",
        "tcp.port === 80",
        "tcp.dstport !== 80",
        "all tcp.port > 80",
        "all tcp.port == 80",
        "udp.port != 80",
        "udp.port === 80",
        "all udp.port == 80",
        "not any tcp.port == 80",
        "tcp.srcport < tcp.dstport",
        "tcp.dstport < tcp.srcport < 100",
        "ip.addr === ip.addr",
        "ip.addr != ip.addr",
        "ip.src == ip.dst",
        "all ip.ttl > ip.ttl",
        "all ip.ttl > 63",
        "udp == tcp or tcp.port == udp.port",
        "tcp.flags.syn == tcp.flags.ack",
    ]);
}

#[test]
fn numbers_in_every_notation() {
    all_hold(&[
        "tcp.dstport == 0x50",
        "tcp.dstport == 0X50",
        "tcp.dstport == 0120",
        "tcp.dstport == 0b1010000",
        "tcp.dstport == 'P'",
        r"tcp.dstport == '\x50'",
        r"tcp.dstport == '\120'",
        "tcp.len == '\\n'",
        "tcp.window_size_scalefactor == -1",
        "tcp.window_size_scalefactor < 0",
        "ip.id == 0x1234",
        "ip.id == 4660",
        "ip.flags.df == True",
        "ip.flags.df == TRUE",
        "ip.flags.df == 1",
        "ip.flags.df == 7",
        "ip.flags.df != False",
        "tcp.flags.syn == FALSE",
        "tcp.flags.syn == 0",
        "icmp.resptime == 1.5",
        "icmp.resptime > 1",
        "icmp.resptime < 2e3",
        "_ws.expert.severity == Warning",
        "_ws.expert.severity == \"Chat\"",
        "_ws.expert.severity >= 0x600000",
    ]);
    // As Wireshark 4.0: a negative number is greater than all that a field without sign can be.
    none_holds(&[
        "tcp.dstport == 0x80",
        "frame.number > -5",
        "tcp.port in {-1..80}",
        "ip.flags.df == False",
        "tcp.flags.syn > 0",
        "_ws.expert.severity == Error",
        "icmp.resptime > 1.5",
    ]);
}

#[test]
fn times() {
    all_hold(&[
        "frame.time_relative == 0.018",
        "frame.time_relative > 0.017999999",
        "frame.time_relative < 1",
        "frame.time_delta == -0.25",
        "frame.time_delta < 0",
        "frame.time_delta > -1",
        "abs(frame.time_delta) == 0.25",
        "frame.time_delta + 1 == 0.75",
        "frame.time_relative - 1 < 0",
        "frame.time >= \"2015-01-01\"",
        "frame.time > 2015-01-01",
        "frame.time == \"2023-11-14T22:13:20.5Z\"",
        "frame.time == \"2023-11-14 22:13:20.500\"",
        "frame.time == \"Nov 14, 2023 22:13:20.5\"",
        "frame.time == \"Nov 14, 2023 22:13:20.500000000 UTC\"",
        "frame.time == \"2023-11-15 00:13:20.5+02:00\"",
        "frame.time == \"2023-11-14T17:13:20.5-0500\"",
        "frame.time < \"2023-11-14 22:14\"",
        "frame.time in {\"2023-01-01\"..\"2024-01-01\"}",
        "frame.time == 1700000000.5",
        "frame.time_relative in {0.01 .. 0.02}",
    ]);
    none_holds(&[
        "frame.time > \"2023-11-14 22:13:21\"",
        "frame.time < \"Nov 14, 2023 22:13:20\"",
        "frame.time_delta > 0",
        "frame.time_relative in {0.02..0.03}",
    ]);
}

#[test]
fn addresses_and_networks() {
    all_hold(&[
        "ip.src == 10.0.0.2",
        "ip.src == 10.0.0.0/8",
        "ip.src == 10.9.9.9/8",
        "ip.src == 192.0.2.0/24",
        "ip.addr == 0.0.0.0/0",
        "ip.src > 10.0.0.0/8",
        "ip.src <= 10.0.0.2",
        "ip.src in {10.0.0.0/24, 172.16.0.0/12}",
        "ip.src in {10.0.0.1..10.0.0.9}",
        "ip.src & 255.0.0.0 == 10.0.0.0",
        "ip.src != 172.16.0.0/12",
        "ipv6.src == 2001:db8::1",
        "ipv6.src == 2001:db8::/32",
        "ipv6.src == ::/0",
        "ipv6.src & ffff:: == 2001::",
        "ipv6.src != ::1",
        "eth.src == 02:00:00:00:00:01",
        "eth.src == 02-00-00-00-00-01",
        "eth.src == 0200.0000.0001",
        "eth.src == 020000000001",
        "eth.src < eth.dst",
        "eth.dst == ff:ff:ff:ff:ff:ff",
        "eth.src & ff:00:00:00:00:00 == 02:00:00:00:00:00",
        "eth.src contains 00:01",
    ]);
    none_holds(&[
        "ip.src == 10.0.0.0/31",
        "ip.src != 10.0.0.0/8",
        "ip.src == 11.0.0.0/8",
        "ipv6.src == 2001:db9::/32",
        "eth.src == 02:00:00:00:00:02",
        "ipv6.src == fe80::/10",
    ]);
}

#[test]
fn text_bytes_and_slices() {
    all_hold(&[
        "http.host == \"shop.Example\"",
        "http.host == shop.Example",
        "http.host > \"shop\"",
        "http.host contains \".\"",
        "http.host contains shop",
        "http.host contains 's'",
        r#"http.host == "sho\x70.\105xample""#,
        r#"http.host matches "example$""#,
        r#"http.host matches r"^\w+\.e""#,
        "http.host ~ \"SHOP\"",
        "http.host matches \"(?-i)Example\"",
        "http.host matches \"\"",
        "dns.qry.name matches \"^b\"",
        "http.host[0:4] == \"shop\"",
        "http.host[0:4] == 73:68:6f:70",
        "http.host[-7:] == \"Example\"",
        "http.host[-7:7] == \"Example\"",
        "http.host[1-2] == \"ho\"",
        "http.host[-4--2] == \"mpl\"",
        "http.host[ 0 : 4 ] == \"shop\"",
        "http.host[0x1:2] == \"ho\"",
        "http.host[:4] == \"shop\"",
        "http.host[4] == \".\"",
        "http.host[0,5-6,-1:] == \"sExe\"",
        "http.host[0:4][1:2] == \"ho\"",
        "tcp.payload contains \"GET\"",
        "tcp.payload contains 47:45:54",
        "tcp.payload contains 47.45.54",
        "tcp.payload contains 0x47",
        "tcp.payload matches \"^get\"",
        "tcp.payload[0:3] == \"GET\"",
        "tcp.payload[0:2,3] == 47:45:20",
        "tcp.payload[-4:] == 48-54-54-50",
        "tcp.payload[0] == 47",
        "tcp.payload[0] == :47",
        "tcp.payload[0] == 'G'",
        "eth.src[0:3] == 02:00:00",
        "eth.src[0] & 2 == 2",
        "eth.src[0] & 02 == 2",
        "eth.dst[0] & 1 == 1",
        "eth.src[0:2] & 02:00 == 02:00",
        "eth.src[0:2] & 2 == 2",
        "ip.src[0] == 0a",
        // A protocol's slices end with its header, searches do not.
        "tcp contains \"HTTP\"",
        "tcp matches \"^.{20}get\"",
        "tcp[13] == 18",
        "tcp[13] & 0x08",
        "tcp[2:2] == 00:50",
        "tcp[19]",
        "frame contains 47:45:54",
        "frame[0:3] == 02:00:00",
        "tcp == tcp",
        "tcp > 00",
        "http.host in {\"a\", \"shop.Example\"}",
        "http.request.method in {\"A\"..\"Z\"}",
        "http.host contains http.host",
    ]);
    none_holds(&[
        "http.host == \"shop.example\"",
        "http.host contains \"\"",
        "http.host == \"\"",
        "http.host matches \"(?-i)EXAMPLE\"",
        "http.host[20] == \"a\"",
        "http.host[0:20] == \"shop.Example\"",
        "tcp.payload matches \"^http\"",
        "tcp[20]",
        "tcp[16:5]",
        "tcp[0:30] contains \"GET\"",
        "eth.src[0] & 1",
        "eth.src[0:2] & 00:01",
        "tcp == 6",
        "tcp === 6",
        "frame contains 99:99",
        "http.host contains 0x73",
        "dns.qry.name === \"a.example\"",
        "eth.src[0:3] == 02:00",
    ]);
}

#[test]
fn arithmetic() {
    all_hold(&[
        "tcp.port == 79 + 1",
        "tcp.port == 79+1",
        "tcp.port == 81 -1",
        "tcp.port == 81 - 1",
        "tcp.port == {79 + 1}",
        "tcp.port == 40 * {1 + 1}",
        "tcp.port == -80 + 160",
        "tcp.srcport - 40001 == 0",
        "tcp.dstport + 1 == 81",
        "-tcp.dstport == -80",
        "tcp.dstport - 81 == -1",
        "tcp.dstport - 81 < 0",
        "tcp.port * 2 == 160",
        "tcp.port / 3 == 26",
        "tcp.port % 7 == 3",
        "tcp.flags & 0x18 == 0x18",
        "tcp.flags & 0x08",
        "tcp.flags bitwise_and 0x10 == 16",
        "{tcp.port + 1} == 81",
        "{tcp.port}",
        "2 + tcp.dstport * 3 == 242",
        // The sum comes before &.
        "tcp.dstport & 15 + 1 == 16",
        "tcp.len % 2 == 0",
        "tcp.srcport == tcp.dstport + 39921",
        "any tcp.port + 1 == 81",
        "all tcp.port + 1 > 80",
        "tcp.port - 80",
        "1 + tcp.len == 11",
    ]);
    none_holds(&[
        "tcp.flags & 0x02",
        "tcp.dstport - 80",
        "tcp.port / 0 == 1",
        "tcp.port % 0 == 0",
        "tcp.dstport & 15",
        "all tcp.port + 1 == 81",
        "udp.port + 1 == 1",
        "tcp.len + 0 == 11",
    ]);
}

#[test]
fn membership() {
    all_hold(&[
        "tcp.port in {80}",
        "tcp.port in {22, 80}",
        "tcp.port in {79..81}",
        "tcp.port in {79 .. 81, 5}",
        "tcp.port in {1..5,80}",
        "tcp.port not in {99}",
        "not tcp.port in {99}",
        "udp.port not in {80}",
        "all tcp.port in {5, 79..50000}",
        "all tcp.port not in {99}",
        "any tcp.port in {80}",
        "tcp.port in {tcp.dstport}",
        "len(http.host) in {12}",
        "eth.src[0] in {02, 03}",
        "http.request.method in {GET, HEAD}",
    ]);
    none_holds(&[
        "tcp.port in {81}",
        // No element holds both ports.
        "all tcp.port in {80, 40000..50000}",
        "all tcp.port not in {80}",
        "any tcp.port not in {80}",
        "tcp.port in {81..79}",
        "all tcp.port in {80}",
        "udp.port in {80}",
        "tcp.port not in {80}",
        "tcp.port in {81..40000}",
    ]);
}

#[test]
fn functions() {
    all_hold(&[
        "len(http.host) == 12",
        "len(tcp.payload) == 10",
        "len(tcp) == 20",
        "len(frame) == 13",
        "len(eth.src) == 6",
        "len(ip.src) == 4",
        "lower(http.host) == \"shop.example\"",
        "upper(http.host) contains \"EXAMPLE\"",
        "lower(upper(http.host)) == \"shop.example\"",
        "count(ip.addr) == 4",
        "count(ip) == 2",
        "count(tcp.analysis.retransmission) > 0",
        "count(ip.src#2) == 1",
        "string(tcp.port) contains \"400\"",
        "string(tcp.dstport) == \"80\"",
        "string(ip.id) == \"4660\"",
        "string(ip.src) matches \"^10[.]\"",
        "string(eth.src) == \"02:00:00:00:00:01\"",
        "string(frame.number) matches \"[13579]$\"",
        "min(tcp.port) == 80",
        "max(tcp.port) == 40001",
        "min(tcp.srcport, tcp.dstport) < 1024",
        "max(udp.port, tcp.dstport) == 80",
        "max(udp.port, 100) == 100",
        "max(ip.src, ip.dst) == 192.0.2.81",
        "abs(tcp.window_size_scalefactor) == 1",
        "abs(tcp.len - 11) == 1",
    ]);
    none_holds(&[
        "len(http.host) > 12",
        "count(udp.port) == 0",
        "count(udp)  < 1",
        "max(tcp.dstport, 100) < 100",
        "lower(http.host) contains \"E\"",
        "min(udp.srcport,udp.dstport) < 1024",
    ]);
}

#[test]
fn layers() {
    all_hold(&[
        "ip.src#1 == 10.0.0.2",
        "ip.src#2 == 192.0.2.80",
        "ip.src#[2] == 192.0.2.80",
        "ip.src#[1-2] == 192.0.2.80",
        "ip.src#[-1] == 192.0.2.80",
        "ip.src#[1,2] == 192.0.2.80",
        "ip.src#[:2] == 10.0.0.2",
        "ip.src#[2:] == 192.0.2.80",
        "ip.src#2",
        "ip#2",
        "ip.src#2[0] == c0",
        "frame.number#1 == 17",
    ]);
    none_holds(&[
        "ip.src#1 == 192.0.2.80",
        "ip.src#0 == 10.0.0.2",
        "ip.src#3",
        "ip.src#[:2] == 192.0.2.80",
        "ip.src#[-1] == 10.0.0.2",
        "ip.src#[2:] == 10.0.0.2",
    ]);
}

#[test]
fn an_alias_is_read_as_what_it_means() {
    let filter = Filter::compile("tcp.analysis.reset or tcp.analysis.reset").unwrap();
    assert_eq!(filter.fields().map(|f| f.name).collect::<Vec<_>>(), ["tcp.flags.reset"]);
    assert!(filter.remark().is_some_and(|remark| remark.contains("tcp.flags.reset == 1")));
    assert!(!holds("tcp.analysis.reset") && holds("tcp.analysis.reset == 0"));
    assert!(filter.holds(&Row::of(vec![vec![Value::Bool(true)]])));
    assert_eq!(Filter::compile("tcp.flags.reset == 1").unwrap().remark(), None);
}

#[test]
fn only_what_is_named_is_read() {
    let filter = Filter::compile("tcp.port == 80 and tcp.port != 443 or tcp and tcp contains \"a\"").unwrap();
    assert_eq!(
        filter.selection.columns().collect::<Vec<_>>(),
        [("tcp.port", false), ("tcp", false), ("tcp", true)]
    );
    for (expression, layers, messages, findings) in [
        ("frame.len > 1", false, false, false),
        ("tcp", true, false, false),
        ("dns.id == 0 or frame.len > 1", false, true, false),
        ("_ws.expert", false, false, true),
    ] {
        let filter = Filter::compile(expression).unwrap();
        assert_eq!(
            (filter.needs_layers(), filter.needs_messages(), filter.needs_findings()),
            (layers, messages, findings),
            "{expression}"
        );
    }
}

#[test]
fn the_fuzz_target_accepts_what_the_tables_hold() {
    for (number, (marked, _)) in ERRORS.iter().enumerate() {
        let expression = marked.replace(['«', '»'], "");
        // A beginning of it is often a filter.
        let end = (number % expression.len().max(1)..).find(|&end| expression.is_char_boundary(end)).unwrap();
        for (seed, text) in [(0x50, &*expression), (2, &expression[..end]), (3, &expression[end..])] {
            fuzz::filter(&[&[seed], text.as_bytes()].concat());
        }
    }
    for (seed, text) in [
        (1, "tcp.port == 80"),
        (2, "count(ip.addr) > 2 or not tcp[13] & 2"),
        (0xff, "max(tcp.len, 5) in {1..9}"),
    ] {
        fuzz::filter(&[&[seed], text.as_bytes()].concat());
    }
}
