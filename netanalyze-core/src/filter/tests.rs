//! The language as tables: what is read as what, what holds for which values, and what each error says.
//!
//! Whether an expression holds was found with tshark 4.0.17 on packets with the values given here.

use super::*;
use crate::field::Value;
use crate::model::limits::{MAX_FILTER_BYTES, MAX_FILTER_DEPTH};
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

fn holds(expression: &str) -> bool {
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

/// An expression with `«` and `»` around what the message is about, and the message.
const ERRORS: &[(&str, &str)] = &[
    ("«»", "the filter is empty"),
    ("   «»", "the filter is empty"),
    ("tcp and«»", "the filter ends where a field or a value is wanted"),
    ("«and» tcp", "a field or a value is wanted here"),
    ("tcp «udp»", "an operator is missing before this: and, or, or a comparison"),
    ("tcp «AND» udp", "an operator is missing before this: and, or, or a comparison"),
    ("«AND»", "no field is called \"AND\"; operators are written in small letters: and"),
    ("(«)»", "a field or a value is wanted here"),
    ("(tcp«»", "the filter ends where a closing parenthesis is wanted"),
    ("(tcp «udp»)", "a closing parenthesis is wanted here"),
    ("tcp«)»", "this parenthesis was never opened"),
    ("tcp.port == 80«}»", "this brace was never opened"),
    ("tcp.port == {80«»", "the filter ends where a closing brace is wanted"),
    (
        "(tcp.port) «==» 80",
        "this has nothing to compare: what is in parentheses is true or false; braces group values",
    ),
    ("tcp.port == «(»79 + 1)", "parentheses cannot group values; braces do: {1 + 2}"),
    ("tcp.port «=» 80", "\"=\" is no operator; equality is =="),
    ("tcp «|» udp", "\"|\" is no operator; the logical or is ||"),
    ("tcp «^»^ udp", "\"^\" is no operator: Wireshark 4.0 has no exclusive or"),
    ("«@»ip.src", "\"@\" means nothing here; values with such characters stand in double quotes"),
    ("http.host == «ä»", "\"ä\" means nothing here; values with such characters stand in double quotes"),
    ("frame.time_delta > 1«.»", "a dot that belongs to nothing"),
    (
        "«tcp.analysis.retransmision»",
        "no field is called \"tcp.analysis.retransmision\"; did you mean tcp.analysis.retransmission",
    ),
    ("not «tcp.prot» == 80", "no field is called \"tcp.prot\"; did you mean tcp.port"),
    ("«.foo» == 1", "no field is called \".foo\""),
    ("«10.0.0.1»", "10.0.0.1 is no field; a value alone is no test"),
    ("«\"abc\"»", "a value alone is no test; name a field to compare it with"),
    ("«1» == 1", "on the left side of == stands a field or a function, not a value"),
    ("tcp.port == 80 and «80» < tcp.port", "on the left side of < stands a field or a function, not a value"),
    ("tcp.port == «80» == 80", "on the left side of == stands a field or a function, not a value"),
    ("«1 + 1»", "there is no field in this"),
    ("tcp.port == «http.hots»", "http.hots is not an integer; did you mean http.host"),
    ("tcp.port == «80.0»", "80.0 is not an integer"),
    ("tcp.port == «81-1»", "81-1 is not an integer"),
    ("tcp.port == «99999999999999999999»", "99999999999999999999 is not an integer"),
    ("tcp.port == «\"80\"»", "\"80\" is not an integer; only text, bytes and dates stand in quotes"),
    ("tcp.port == -«\"80\"»", "\"80\" is not an integer; only text, bytes and dates stand in quotes"),
    ("tcp.flags.syn == «true»", "true is not true or false: give True, False, 1 or 0"),
    ("frame.time_delta > «1s»", "1s is not a duration: give seconds with at most nine decimals, e.g. 0.25"),
    (
        "frame.time_delta > «0.0000000001»",
        "0.0000000001 is not a duration: give seconds with at most nine decimals, e.g. 0.25",
    ),
    (
        "frame.time > «\"2015-02-29\"»",
        "\"2015-02-29\" is not a date: give \"2011-07-04 12:34:56\" or \"Nov 12, 1999 08:55:44.123\", in UTC",
    ),
    ("frame.time > «\"Jan 1, 2015\"»", "\"Jan 1, 2015\" is not a date"),
    ("icmp.resptime > «fast»", "fast is not a number"),
    ("ip.src == «10.0.0»", "\"10.0.0\" is no IPv4 address; names of hosts are not looked up"),
    ("ip.src == «10.0.0.0/33»", "a network has a prefix of at most 32 bits, not 33"),
    ("ipv6.src == «10.0.0.1»", "\"10.0.0.1\" is no IPv6 address; names of hosts are not looked up"),
    ("ipv6.src == «::/129»", "a network has a prefix of at most 128 bits, not 129"),
    ("eth.src == «02:00»", "02:00 is not an Ethernet address, which has six bytes"),
    (
        "eth.src == «xyz»",
        "xyz is not bytes in hexadecimal, like 16:03, or one like 0x16; text stands in double quotes",
    ),
    ("tcp.payload == «0x1603»", "0x1603 is not bytes in hexadecimal"),
    ("http.host[0:4] == «shop»", "shop is not bytes in hexadecimal"),
    ("ip.src == «ipv6.src»", "this is an IPv6 address, but what it is compared with is an IPv4 address"),
    ("tcp.flags.syn == «ip.ttl»", "this is an integer, but what it is compared with is true or false"),
    ("tcp.payload == «http.host»", "this is text, but what it is compared with is bytes"),
    ("tcp.port in {80, «\"a\"»}", "\"a\" is not an integer; only text, bytes and dates stand in quotes"),
    (
        "«tcp.analysis.retransmission» == 1",
        "this is only there or not there, and has no value to compare; name it alone",
    ),
    ("«tls» contains \"a\"", "the bytes of tls are not kept; it can only be there or not there"),
    (
        "«tcp.port» contains \"8\"",
        "contains cannot look into this: it is an integer, neither text nor bytes; string(…) makes text of it",
    ),
    (
        "«tcp.flags.syn» matches \"8\"",
        "matches cannot look into this: it is true or false, neither text nor bytes",
    ),
    ("http.host matches «www»", "matches wants a regular expression in double quotes"),
    ("http.host matches «\"(\"»", "the regular expression cannot be used: unclosed group"),
    (
        "http.host matches «\"(?=a)\"»",
        "the regular expression cannot be used: look-around, including look-ahead and look-behind, is not supported",
    ),
    ("http.host matches «\"a{1000}{1000}\"»", "the regular expression is too large"),
    ("http.host matches «\"\\xff\"»", "a regular expression is text; write a byte as \\\\xff"),
    ("«tcp.port»[0] == 0", "this is an integer; a part can be taken of text, bytes and addresses"),
    ("«foo»[0] == 0", "no field is called \"foo\""),
    ("«\"abc\"»[0] == 0", "a part can be taken of fields only"),
    (
        "eth.src[«»] == 0",
        "brackets hold what to take: [start:length], [first-last], [index], [:length] or [start:]",
    ),
    (
        "eth.src[0,«x»] == 0",
        "\"x\" is no part: give [start:length], [first-last], [index], [:length] or [start:]",
    ),
    (
        "eth.src[«4-»] == 0",
        "\"4-\" is no part: give [start:length], [first-last], [index], [:length] or [start:]",
    ),
    ("eth.src[«0:0»] == 0", "the length 0 is not above 0"),
    ("eth.src[«1:-1»] == 0", "the length -1 is not above 0"),
    ("eth.src[«2-1»] == 0", "the part begins at 2, behind its end 1"),
    ("eth.src«[»0", "the bracket is never closed"),
    ("(tcp)«[0]»", "this belongs directly behind a field"),
    ("ip.src«#»x", "# wants the number of a layer, as in ip.src#2, or [2-4]"),
    ("«foo#2»", "no field is called \"foo\""),
    ("ip.src == «10#2»", "10 is no field; a value alone is no test"),
    ("«http.host» & 1", "this is text; & cannot be used with that"),
    ("«tcp.flags.syn» + 1 == 2", "this is true or false; + cannot be used with that"),
    ("«frame.time_delta» * 2 > 1", "this is a duration; * cannot be used with that"),
    ("«ip.src» + 1 == 10.0.0.3", "this is an IPv4 address; + cannot be used with that"),
    ("-«http.host» == \"a\"", "this is text; - cannot be used with that"),
    ("tcp.port / «2.5» > 1", "2.5 is not an integer"),
    ("tcp.port % «ip.src» > 1", "this is an IPv4 address, but the other side is an integer"),
    ("«len(http.host)»", "a function is always there; compare its result with something"),
    (
        "«lenx»(http.host) == 1",
        "no function is called \"lenx\"; there are len, lower, upper, count, string, min, max, abs",
    ),
    ("«len()» == 1", "this function takes one field, not 0"),
    ("«count(ip.src, ip.dst)» == 1", "this function takes one field, not 2"),
    ("len(«\"abc\"») == 3", "a function takes a field, not a value"),
    ("len(«http.hots») == 3", "no field is called \"http.hots\"; did you mean http.host"),
    ("len(«tcp.port») == 2", "this is an integer; the function takes text, bytes, a protocol or an address"),
    ("upper(«tcp.port») == \"A\"", "this is an integer; the function takes text"),
    ("string(«http.host») == \"A\"", "this is text; the function takes numbers and addresses"),
    ("abs(«http.host») == 1", "this is text; the function takes numbers and durations"),
    ("count(«1») == 1", "a function takes a field, not a value"),
    ("count(«tcp.port + 1») == 1", "count() takes a field"),
    ("«max(1, 2)» == 2", "min() and max() take at least one field"),
    ("max(tcp.port, «ip.src») == 2", "this is an IPv4 address, but another argument is an integer"),
    (
        "min(«tcp.analysis.retransmission») == 2",
        "this is only there or not there, and has no value to compare; name it alone",
    ),
    ("any tcp.port«»", "the filter ends where a comparison is wanted"),
    ("any «not» tcp", "a field or a value is wanted here"),
    ("all «(»tcp.port > 1)", "parentheses cannot group values; braces do: {1 + 2}"),
    ("tcp.port in «80»", "a set in braces is wanted here"),
    ("tcp.port in {80 «443»}", "a comma or the set's closing brace is wanted here"),
    ("tcp.port in {«}»", "a field or a value is wanted here"),
    ("tcp.port in {80,«}»", "a field or a value is wanted here"),
    ("tcp«,» udp", "this belongs into a set: in {80, 8000..8999}"),
    (
        "tcp.port == «${tcp.port}»",
        "${…} stands for a value of the packet that is selected in Wireshark, or for a macro of Wireshark's; there is neither here: give the value itself",
    ),
    ("«${macro:1}» or tcp", "${…} stands for a value"),
    ("http.host == \"abc«»", "the text has no closing double quote"),
    ("http.host == r\"abc\\\"«»", "the text has no closing double quote"),
    ("http.host == \"a«\\w»\"", "\\w is no escape sequence; in r\"…\" a backslash is only a backslash"),
    ("http.host == \"«\\777»\"", "\\777 is more than a byte"),
    ("http.host == \"«\\x»g\"", "\\x is followed by no hexadecimal digit"),
    ("http.host == \"«\\u0041»\"", "\\u0041 names no character of Unicode beyond U+009F"),
    ("http.host == \"«\\ud800»\"", "\\ud800 names no character of Unicode beyond U+009F"),
    ("tcp.port == «'ab'»", "single quotes hold one character of one byte; text stands in double quotes"),
    ("tcp.port == «'ä'»", "single quotes hold one character of one byte; text stands in double quotes"),
    ("tcp.port == «''»", "there is no character between the quotes"),
    ("tcp.port == 'a«»", "the character has no closing single quote"),
];

#[test]
fn errors_say_what_is_wrong_and_where() {
    let mut wrong = Vec::new();
    for (marked, message) in ERRORS {
        let expression = marked.replace(['«', '»'], "");
        let start = marked.find('«').unwrap();
        let end = marked.find('»').unwrap() - '«'.len_utf8();
        let error = Filter::compile(&expression).expect_err(marked);
        if !error.message.starts_with(message) || error.at != (start..end) || error.expression != expression {
            wrong.push(format!("{marked}\n{error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn errors_show_the_place_below_the_expression() {
    let shown = |expression: &str| Filter::compile(expression).unwrap_err().to_string();
    assert_eq!(
        shown("tcp and ip.src == 10.0.0"),
        "\"10.0.0\" is no IPv4 address; names of hosts are not looked up\n    tcp and ip.src == 10.0.0\n                      ^~~~~~"
    );
    assert_eq!(
        shown("tcp or"),
        "the filter ends where a field or a value is wanted\n    tcp or\n          ^"
    );
    // What cannot be shown is escaped, and stays in its line.
    let error = shown("http.host == \"\\u0\n\0\0\"");
    assert!(error.starts_with("\\u0\\n\\u{0}\\u{0} names no character"), "{error}");
    // Of a long one what is near.
    let error = shown(&format!(
        "tcp.port == 1{} or tcp.port == x{}",
        " or tcp".repeat(5_000),
        " or tcp".repeat(4_000)
    ));
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 3, "{error}");
    assert!(lines.iter().all(|line| line.chars().count() < 200), "{error}");
    let place = lines[2].chars().position(|c| c == '^').unwrap();
    assert_eq!(lines[1].chars().nth(place), Some('x'), "{error}");
    // Characters are counted, not bytes, and line ends do not break the line.
    assert!(
        shown("http.host == \"ä\"\nand tcp.port == x")
            .ends_with("\n    http.host == \"ä\" and tcp.port == x\n                                     ^")
    );
}

#[test]
fn length_and_depth_are_bounded() {
    let long = format!("tcp{}", " ".repeat(MAX_FILTER_BYTES));
    assert!(Filter::compile(&long).unwrap_err().message.contains("longer than"));
    let near = MAX_FILTER_DEPTH - 2;
    let nested = |depth: usize, open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    for (open, inner, close) in [
        ("(", "tcp", ")"),
        ("!", "tcp", ""),
        ("tcp.port == {", "1", "}"),
        ("- ", "tcp.port == 1", ""),
        ("min(", "tcp.port", ")"),
    ] {
        let far = nested(60_000 / open.len().max(2), open, inner, close);
        let error = Filter::compile(&far[..far.len().min(MAX_FILTER_BYTES)]).unwrap_err();
        assert!(
            error.message.contains("nests deeper") || open.starts_with("tcp.port"),
            "{open}: {}",
            error.message
        );
    }
    assert!(Filter::compile(&nested(near, "(", "tcp", ")")).is_ok());
    assert!(Filter::compile(&nested(MAX_FILTER_DEPTH + 1, "(", "tcp", ")")).is_err());
    // Operators in a row make a tree as deep as they are many, wherever the braces stand.
    let row = format!("tcp.port{} == 1", " + 1".repeat(near));
    assert!(Filter::compile(&row).is_ok());
    for many in
        [format!("tcp.port{} == 1", " + 1".repeat(10_000)), format!("eth.src{} == 1", "[0:1]".repeat(10_000))]
    {
        assert!(Filter::compile(&many).unwrap_err().message.contains("nests deeper"));
    }
    let steps = format!("{}tcp.port{} == 1", "{".repeat(100), " + 1 + 1 + 1}".repeat(100));
    assert!(Filter::compile(&steps).unwrap_err().message.contains("nests deeper"));
    // Tests in a row are no deeper than one.
    assert!(holds(&format!("udp{}", " or udp or tcp".repeat(4_000))));
}

#[test]
fn time_is_not_the_product_of_what_is_compared() {
    let many = |step: u64| (0..60_000).map(|n| Value::Unsigned(n * 2 + step)).collect::<Vec<_>>();
    for (expression, answer) in [
        ("dns.resp.ttl == dns.resp.len", false),
        ("dns.resp.ttl != dns.resp.len", true),
        ("dns.resp.ttl === dns.resp.len", false),
        ("dns.resp.ttl !== dns.resp.len", true),
        ("dns.resp.ttl > dns.resp.len", true),
        ("all dns.resp.ttl < dns.resp.len", false),
        ("dns.resp.ttl + dns.resp.len == 3", true),
        ("dns.resp.ttl + dns.resp.len == 2", false),
        ("dns.resp.ttl * dns.resp.ttl * dns.resp.ttl * dns.resp.ttl == 1 and dns.resp.len", false),
    ] {
        let filter = Filter::compile(expression).unwrap();
        let cells = filter.fields().map(|field| many(u64::from(field.name == "dns.resp.len"))).collect();
        assert_eq!(filter.holds(&Row::of(cells)), answer, "{expression}");
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
